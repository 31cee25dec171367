//! Lists: what their elements say about who came before whom.
//!
//! A read of a list shows the whole order of its appends. The longest read of a key is its version order, and every
//! other read must be a prefix of it, which is one comparison of bytes: canonical text makes equal elements equal bytes.
//! So elements are looked at one by one only in the longest reads, and the cost of all others is that of memory.
use rayon::prelude::*;

use super::bipartite::connect;
use super::finding::{some, Dependencies, Finding};
use super::graph::{Edge, RW, WR, WW};
use super::history::{Status, Txns, NONE};
use super::internal;
use super::tokens::elements;
use super::writes::Writes;
use crate::intern::{FastMap, Interner};

/// An element that was seen, but not in the longest read of its key: its place in the order is unknown.
const ELSEWHERE: u32 = NONE - 1;

pub struct Lists<'t, 'a> {
    txns: &'t Txns<'a>,
    pub writes: Writes,
    /// The micro-operation that read the most of each key, or `NONE`.
    pub longest: Vec<u32>,
    /// The writes of each key, as the longest read shows them.
    order: Vec<u32>,
    ends: Vec<u32>,
    /// Place of each write in its key's order; `NONE` if nobody saw it.
    position: Vec<u32>,
    /// From which position on the lists of a key hold a failed append, an element from nowhere, a duplicate.
    flaws: Vec<Flaws>,
}

#[derive(Clone, Copy)]
struct Flaws {
    failed: u32,
    thin_air: u32,
    duplicate: u32,
}

impl<'t, 'a> Lists<'t, 'a> {
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

    fn order_of(&self, key: u32) -> &[u32] {
        let start = if key == 0 { 0 } else { self.ends[key as usize - 1] };
        &self.order[start as usize..self.ends[key as usize] as usize]
    }

    fn is_prefix(&self, key: u32, list: &str) -> bool {
        let longest = self.longest[key as usize];
        if list.is_empty() || longest == NONE {
            return list.is_empty();
        }
        let (long, list) = (self.txns.mops[longest as usize].list.as_bytes(), list.as_bytes());
        long.starts_with(list) && (long.len() == list.len() || long[list.len()] == b',')
    }

    /// Everything that can be said without looking for cycles.
    pub fn dependencies(&mut self, mut values: Interner<'a>) -> (Dependencies, Vec<&'a str>) {
        let mut found = Dependencies { nodes: self.txns.len() as u32, ..Dependencies::default() };
        let chunk = (self.txns.len() / (rayon::current_num_threads() * 8)).max(1024);
        let starts: Vec<usize> = (0..self.txns.len()).step_by(chunk).collect();
        let odd: Vec<u32> = starts
            .par_iter()
            .flat_map_iter(|&from| {
                let span = self.txns.first[from]..self.txns.first[self.txns.len().min(from + chunk)];
                span.filter(|&at| {
                    let mop = &self.txns.mops[at as usize];
                    !mop.is_write && !self.is_prefix(mop.key, mop.list)
                })
            })
            .collect();
        self.odd_reads(&odd, &mut values, &mut found.findings);
        let texts = values.into_texts();
        found.is_node = self.nodes();
        let parts: Vec<Part> =
            starts.par_iter().map(|&from| self.part(from..self.txns.len().min(from + chunk), &found.is_node)).collect();
        let mut tails: Vec<(u32, u32)> = Vec::new();
        for part in parts {
            found.edges.extend(part.edges);
            found.findings.extend(part.findings);
            tails.extend(part.tails);
        }
        self.write_edges(&mut found);
        self.tail_edges(tails, &mut found);
        internal::lists(self.txns, &self.writes, &texts, self, &mut found.findings);
        (found, texts)
    }

    /// Reads that are no prefix of the longest: each element is looked at.
    fn odd_reads(&mut self, odd: &[u32], values: &mut Interner<'a>, findings: &mut Vec<Finding>) {
        for &at in odd {
            let mop = self.txns.mops[at as usize];
            let txn = self.txn_of(at);
            let other = self.txn_of(self.longest[mop.key as usize]);
            for element in elements(mop.list) {
                let value = values.number(element);
                let write = self.writes.find(mop.key, value);
                let finding = |name, writer| Finding { name, key: mop.key, value, txns: some([txn, writer]) };
                if write == NONE {
                    findings.push(finding("thin-air", NONE));
                    continue;
                }
                let writer = self.writes.txn[write as usize];
                if self.txns.status[writer as usize] == Status::Fail {
                    findings.push(finding("G1a", writer));
                }
                if self.position[write as usize] == NONE {
                    self.position[write as usize] = ELSEWHERE;
                }
            }
            if distinct_if_fewer(mop.list).is_some() {
                findings.push(Finding {
                    name: "duplicate-elements",
                    key: mop.key,
                    value: mop.value,
                    txns: some([txn]),
                });
            }
            findings.push(Finding {
                name: "incompatible-order",
                key: mop.key,
                value: mop.value,
                txns: some([txn, other]),
            });
        }
    }

    pub fn txn_of(&self, mop: u32) -> u32 {
        self.txns.first.partition_point(|&first| first <= mop) as u32 - 1
    }

    fn nodes(&self) -> Vec<bool> {
        let mut nodes: Vec<bool> = self.txns.status.iter().map(|&status| status == Status::Ok).collect();
        for (write, &position) in self.position.iter().enumerate() {
            let txn = self.writes.txn[write];
            if position != NONE && txn != NONE && self.txns.status[txn as usize] == Status::Info {
                nodes[txn as usize] = true;
            }
        }
        nodes
    }

    /// The transaction of a write, if it may matter.
    fn node_of(&self, write: u32, is_node: &[bool]) -> Option<u32> {
        let txn = self.writes.txn[write as usize];
        (txn != NONE && is_node[txn as usize]).then_some(txn)
    }

    fn part(&self, range: std::ops::Range<usize>, is_node: &[bool]) -> Part {
        let mut part = Part::default();
        for txn in range {
            if self.txns.status[txn] == Status::Ok {
                self.txns.mops_of(txn).iter().filter(|mop| !mop.is_write).for_each(|mop| {
                    self.read(txn as u32, mop.key, mop.value, mop.list, is_node, &mut part);
                });
            }
        }
        part
    }

    fn read(&self, txn: u32, key: u32, value: u32, list: &str, is_node: &[bool], part: &mut Part) {
        let order = self.order_of(key);
        let is_prefix = self.is_prefix(key, list);
        let mut next = 0;
        if value != NONE {
            let write = self.writes.find(key, value);
            if write != NONE {
                self.saw(txn, key, value, write, is_node, part);
            }
            if is_prefix {
                let is_it = |&write: &u32| self.writes.value[write as usize] == value;
                let distinct = match self.flaws[key as usize].duplicate {
                    NONE => None,
                    _ => distinct_if_fewer(list),
                };
                // What a list that holds an element twice was followed by, nobody can say.
                if let Some(distinct) = distinct {
                    self.flawed(txn, key, distinct - 1, part);
                    part.findings.push(Finding { name: "duplicate-elements", key, value, txns: some([txn]) });
                    return;
                }
                let place = match write {
                    NONE => order.iter().position(is_it).unwrap_or_default() as u32,
                    write => self.position[write as usize],
                };
                self.flawed(txn, key, place, part);
                next = place as usize + 1;
            }
        }
        if !is_prefix {
            return;
        }
        match order.get(next..).into_iter().flatten().find_map(|&write| self.node_of(write, is_node)) {
            Some(writer) if writer != txn => part.edges.push(Edge { from: txn, to: writer, kind: RW }),
            Some(_) => {}
            None => part.tails.push((key, txn)),
        }
    }

    fn saw(&self, txn: u32, key: u32, value: u32, write: u32, is_node: &[bool], part: &mut Part) {
        let writer = self.writes.txn[write as usize];
        if writer == txn || writer == NONE {
            return;
        }
        if !self.writes.is_final[write as usize] {
            part.findings.push(Finding { name: "G1b", key, value, txns: some([txn, writer]) });
        }
        if is_node[writer as usize] {
            part.edges.push(Edge { from: writer, to: txn, kind: WR });
        }
    }

    /// What is wrong with the longest read up to this place is wrong with this one.
    fn flawed(&self, txn: u32, key: u32, place: u32, part: &mut Part) {
        let flaws = self.flaws[key as usize];
        let order = self.order_of(key);
        let value = |place: u32| self.writes.value[order[place as usize] as usize];
        if flaws.failed <= place && flaws.failed != NONE {
            let writer = self.writes.txn[order[flaws.failed as usize] as usize];
            let value = value(flaws.failed);
            part.findings.push(Finding { name: "G1a", key, value, txns: some([txn, writer]) });
        }
        if flaws.thin_air <= place && flaws.thin_air != NONE {
            let value = value(flaws.thin_air);
            part.findings.push(Finding { name: "thin-air", key, value, txns: some([txn]) });
        }
    }

    fn write_edges(&self, found: &mut Dependencies) {
        for key in 0..self.txns.keys.len() as u32 {
            let mut previous: Option<u32> = None;
            let mut failed = NONE;
            let mut before = 0;
            for &write in self.order_of(key) {
                let txn = self.writes.txn[write as usize];
                if txn != NONE && self.txns.status[txn as usize] == Status::Fail {
                    failed = txn;
                }
                let Some(txn) = self.node_of(write, &found.is_node) else { continue };
                if let Some(previous) = previous.filter(|&previous| previous != txn) {
                    found.edges.push(Edge { from: previous, to: txn, kind: WW });
                }
                // Writes are numbered in the order in which their transactions make them.
                if previous == Some(txn) && write < before {
                    let reader = self.txn_of(self.longest[key as usize]);
                    let (value, txns) = (self.writes.value[write as usize], some([reader, txn]));
                    found.findings.push(Finding { name: "incompatible-order", key, value, txns });
                }
                before = write;
                previous = Some(txn);
                if failed != NONE && self.txns.status[txn as usize] == Status::Ok {
                    let reader = self.txn_of(self.longest[key as usize]);
                    let value = self.writes.value[write as usize];
                    let txns = some([txn, failed, reader]);
                    found.findings.push(Finding { name: "dirty-update", key, value, txns });
                    failed = NONE;
                }
            }
        }
    }

    /// Appends nobody saw come after everything anybody saw.
    fn tail_edges(&self, mut tails: Vec<(u32, u32)>, found: &mut Dependencies) {
        let mut unseen: Vec<(u32, u32)> = (0..self.position.len() as u32)
            .filter(|&write| self.position[write as usize] == NONE)
            .filter_map(|write| Some((self.writes.key[write as usize], self.node_of(write, &found.is_node)?)))
            .collect();
        unseen.sort_unstable();
        unseen.dedup();
        tails.sort_unstable();
        tails.dedup();
        let mut readers = tails.chunk_by(|a, b| a.0 == b.0).peekable();
        for writers in unseen.chunk_by(|a, b| a.0 == b.0) {
            let key = writers[0].0;
            let writers: Vec<u32> = writers.iter().map(|&(_, txn)| txn).collect();
            let last = self.order_of(key).iter().rev().find_map(|&write| self.node_of(write, &found.is_node));
            if let Some(last) = last {
                let others = writers.iter().filter(|&&txn| txn != last);
                found.edges.extend(others.map(|&to| Edge { from: last, to, kind: WW }));
            }
            while readers.next_if(|group| group[0].0 < key).is_some() {}
            if let Some(group) = readers.next_if(|group| group[0].0 == key) {
                let readers: Vec<u32> = group.iter().map(|&(_, txn)| txn).collect();
                connect(&readers, &writers, RW, &mut found.nodes, &mut found.edges);
            }
        }
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

#[derive(Default)]
struct Part {
    edges: Vec<Edge>,
    findings: Vec<Finding>,
    /// Reads of all there is of a key.
    tails: Vec<(u32, u32)>,
}

/// How many different elements a list has, if it has some more than once.
fn distinct_if_fewer(list: &str) -> Option<u32> {
    let mut seen: Vec<&str> = elements(list).collect();
    let length = seen.len();
    seen.sort_unstable();
    seen.dedup();
    (seen.len() < length).then_some(seen.len() as u32)
}
