//! The version order of each list, as its longest read shows it.
use super::super::history::{Status, Txns, NONE};
use super::super::tokens::elements;
use super::super::writes::Writes;
use crate::intern::{FastMap, Interner};

/// An element that was seen, but not in the longest read of its key: its place in the order is unknown.
pub const ELSEWHERE: u32 = NONE - 1;

/// The version orders of all keys.
pub struct Lists<'t, 'a> {
    pub txns: &'t Txns<'a>,
    pub writes: Writes,
    /// The micro-operation that read the most of each key, or `NONE`.
    pub longest: Vec<u32>,
    /// The writes of each key, as the longest read shows them.
    order: Vec<u32>,
    ends: Vec<u32>,
    /// Place of each write in its key's order; `NONE` if nobody saw it.
    pub position: Vec<u32>,
    pub flaws: Vec<Flaws>,
}

/// From which place on the lists of a key hold a failed append, an element from nowhere, a duplicate; `NONE` if none do.
#[derive(Clone, Copy)]
pub struct Flaws {
    pub failed: u32,
    pub thin_air: u32,
    pub duplicate: u32,
}

impl<'t, 'a> Lists<'t, 'a> {
    /// The order in which the longest reads show the writes. Elements that nobody appended are added to the writes.
    pub fn new(txns: &'t Txns<'a>, writes: Writes, values: &mut Interner<'a>) -> Self {
        let mut longest = vec![NONE; txns.keys.len()];
        for (at, mop) in txns.mops.iter().enumerate() {
            let best = &mut longest[mop.key as usize];
            if !mop.is_write && mop.value != NONE {
                let is_longer = *best == NONE || txns.mops[*best as usize].list.len() < mop.list.len();
                *best = if is_longer { at as u32 } else { *best };
            }
        }
        let position = vec![NONE; writes.len()];
        let flaws = vec![Flaws { failed: NONE, thin_air: NONE, duplicate: NONE }; txns.keys.len()];
        let mut lists = Self { txns, writes, longest, order: Vec::new(), ends: Vec::new(), position, flaws };
        for key in 0..txns.keys.len() {
            if lists.longest[key] != NONE {
                lists.order_key(key, values);
            }
            lists.ends.push(lists.order.len() as u32);
        }
        lists
    }

    fn order_key(&mut self, key: usize, values: &mut Interner<'a>) {
        let start = self.order.len();
        let mut phantoms = FastMap::default();
        for element in elements(self.txns.mops[self.longest[key] as usize].list) {
            let value = values.number(element);
            let mut write = self.writes.find(key as u32, value);
            let place = (self.order.len() - start) as u32;
            if write == NONE {
                if phantoms.insert(value, ()).is_some() {
                    self.flaws[key].duplicate = self.flaws[key].duplicate.min(place);
                    continue;
                }
                write = self.writes.add_phantom(key as u32, value);
                self.position.push(place);
                self.flaws[key].thin_air = self.flaws[key].thin_air.min(place);
            } else if self.position[write as usize] != NONE {
                self.flaws[key].duplicate = self.flaws[key].duplicate.min(place);
                continue;
            } else if self.txns.status[self.writes.txn[write as usize] as usize] == Status::Fail {
                self.flaws[key].failed = self.flaws[key].failed.min(place);
            }
            self.position[write as usize] = place;
            self.order.push(write);
        }
    }

    /// The writes of a key that its longest read shows, first to last.
    pub fn order_of(&self, key: u32) -> &[u32] {
        let start = if key == 0 { 0 } else { self.ends[key as usize - 1] };
        &self.order[start as usize..self.ends[key as usize] as usize]
    }

    /// Whether a list is how the key's longest read begins.
    pub fn is_prefix(&self, key: u32, list: &str) -> bool {
        let longest = self.longest[key as usize];
        if list.is_empty() || longest == NONE {
            return list.is_empty();
        }
        let (long, list) = (self.txns.mops[longest as usize].list.as_bytes(), list.as_bytes());
        long.starts_with(list) && (long.len() == list.len() || long[list.len()] == b',')
    }

    /// The transaction of a micro-operation.
    pub fn txn_of(&self, mop: u32) -> u32 {
        self.txns.first.partition_point(|&first| first <= mop) as u32 - 1
    }

    /// The transaction of a write, if it may matter.
    pub fn node_of(&self, write: u32, is_node: &[bool]) -> Option<u32> {
        let txn = self.writes.txn[write as usize];
        (txn != NONE && is_node[txn as usize]).then_some(txn)
    }

    /// Whether a list that was read holds the element that this write appended.
    pub fn holds(&self, key: u32, list: &str, write: u32, text: &str) -> bool {
        let position = self.position[write as usize];
        if position == NONE || list.is_empty() {
            return false;
        }
        elements(list).any(|element| element == text) && self.writes.key[write as usize] == key
    }
}
