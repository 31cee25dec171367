//! Who wrote what: every write of the history, found by key and value.
use super::history::{Status, Txns, NONE};
use crate::events::Malformed;

/// All writes, numbered, and where to find them.
///
/// A hash table a key, all in one array: a history works on few keys at a time, so the part in use stays in the cache.
pub struct Writes {
    /// The transaction of each write; `NONE` for a value that was read and that nobody wrote.
    pub txn: Vec<u32>,
    pub key: Vec<u32>,
    pub value: Vec<u32>,
    /// Whether it is the last write of its transaction to its key.
    pub is_final: Vec<bool>,
    /// The write of each micro-operation, `NONE` for reads.
    pub of_mop: Vec<u32>,
    /// The micro-operation before it, in its transaction and on its key.
    pub before: Vec<u32>,
    /// Transactions that use some key more than once.
    pub repeating: Vec<u32>,
    regions: Vec<Region>,
    slots: Vec<u32>,
}

#[derive(Clone, Copy, Default)]
struct Region {
    start: u32,
    mask: u32,
}

const FACTOR: u32 = 0x9e37_79b1;

impl Writes {
    /// Fails on a value that two transactions that may have happened wrote to one key.
    pub fn index(txns: &Txns) -> Result<Self, Malformed> {
        let mut counts = vec![0u32; txns.keys.len()];
        txns.mops.iter().filter(|mop| mop.is_write).for_each(|mop| counts[mop.key as usize] += 1);
        let total: usize = counts.iter().map(|&count| count as usize).sum();
        let mut regions = vec![Region::default(); counts.len()];
        let mut end = 0u32;
        for (region, count) in regions.iter_mut().zip(counts) {
            let size = (count * 2).next_power_of_two();
            *region = Region { start: end, mask: size - 1 };
            end += size;
        }
        let mut writes = Self {
            txn: Vec::with_capacity(total),
            key: Vec::with_capacity(total),
            value: Vec::with_capacity(total),
            is_final: vec![true; total],
            of_mop: vec![NONE; txns.mops.len()],
            before: vec![NONE; txns.mops.len()],
            repeating: Vec::new(),
            regions,
            slots: vec![NONE; end as usize],
        };
        writes.fill(txns)?;
        Ok(writes)
    }

    fn fill(&mut self, txns: &Txns) -> Result<(), Malformed> {
        let mut latest = vec![NONE; txns.keys.len()];
        let mut latest_write = vec![NONE; txns.keys.len()];
        for txn in 0..txns.len() {
            let span = txns.span(txn);
            let mut repeats = false;
            for at in span.clone() {
                let mop = &txns.mops[at];
                let key = mop.key as usize;
                let earlier = latest[key];
                if earlier != NONE && earlier as usize >= span.start {
                    self.before[at] = earlier;
                    repeats = true;
                }
                latest[key] = at as u32;
                if !mop.is_write {
                    continue;
                }
                let write = self.add(txns, txn as u32, mop.key, mop.value)?;
                self.of_mop[at] = write;
                let previous = std::mem::replace(&mut latest_write[key], write);
                if previous != NONE && self.txn[previous as usize] == txn as u32 {
                    self.is_final[previous as usize] = false;
                }
            }
            if repeats {
                self.repeating.push(txn as u32);
            }
        }
        Ok(())
    }

    fn add(&mut self, txns: &Txns, txn: u32, key: u32, value: u32) -> Result<u32, Malformed> {
        let number = self.txn.len() as u32;
        let region = self.regions[key as usize];
        let mut at = value.wrapping_mul(FACTOR) >> 7 & region.mask;
        loop {
            let slot = (region.start + at) as usize;
            let found = self.slots[slot];
            if found == NONE {
                self.slots[slot] = number;
                break;
            }
            if self.value[found as usize] == value {
                let is_failed = |txn: u32| txns.status[txn as usize] == Status::Fail;
                let other = self.txn[found as usize];
                if !is_failed(other) && !is_failed(txn) {
                    let row = txns.invoke[txn as usize] as usize;
                    let message = format!(
                        "a value is written to key {} that was written to it before; values must be unique",
                        txns.keys[key as usize]
                    );
                    return Err(Malformed::at(row, message));
                }
                // Whoever reads it may have read the one that is not known to have failed.
                if is_failed(other) {
                    self.slots[slot] = number;
                }
                break;
            }
            at = (at + 1) & region.mask;
        }
        self.txn.push(txn);
        self.key.push(key);
        self.value.push(value);
        Ok(number)
    }

    /// The write of this value to this key, or `NONE`.
    #[inline]
    pub fn find(&self, key: u32, value: u32) -> u32 {
        let region = self.regions[key as usize];
        let mut at = value.wrapping_mul(FACTOR) >> 7 & region.mask;
        loop {
            let found = self.slots[(region.start + at) as usize];
            if found == NONE || self.value[found as usize] == value {
                return found;
            }
            at = (at + 1) & region.mask;
        }
    }

    /// A value that somebody read and nobody wrote, with a number of its own.
    pub fn add_phantom(&mut self, key: u32, value: u32) -> u32 {
        self.txn.push(NONE);
        self.key.push(key);
        self.value.push(value);
        self.is_final.push(true);
        self.txn.len() as u32 - 1
    }

    pub fn len(&self) -> usize {
        self.txn.len()
    }
}
