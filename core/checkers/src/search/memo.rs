//! Which configurations are known to lead nowhere.
//!
//! A configuration is a set of linearized operations and a state. The tools that came before store the set, n bits per
//! entry. Here every operation has a random 128-bit number and a set is the exclusive or of its members' numbers, updated
//! in one step, so an entry takes 16 bytes. Two configurations among a billion collide with a probability of 10^-21.
//!
//! The state is part of the number even of types whose state follows from the set (counters, sets, permits). There the
//! set alone would make the same entries, one for each set, so leaving the state out would save one exclusive or and no
//! memory; and it would be wrong in a window, where an unknown state becomes known by what was read of it.
use crate::intern::FastMap;

/// The random number of `item`, different for each `seed`.
pub fn fingerprint(seed: u64, item: u64) -> u128 {
    let low = mix(seed ^ item.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let high = mix(low ^ seed.rotate_left(32) ^ item.wrapping_mul(0xd6e8_feb8_6659_fd93));
    u128::from(high) << 64 | u128::from(low)
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A set of fingerprints: open addressing, at most three quarters full. Takes no memory until something is in it.
#[derive(Default)]
struct Fingerprints {
    slots: Vec<u128>,
    len: usize,
}

const EMPTY: u128 = 0;
/// Most searches for a proof see a few configurations.
const SLOTS_MIN: usize = 1 << 6;
/// Larger ones are given back when they are cleared.
const SLOTS_KEPT_MAX: usize = 1 << 10;

impl Fingerprints {
    fn slot(&self, key: u128) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = key as usize & mask;
        while self.slots[at] != EMPTY && self.slots[at] != key {
            at = (at + 1) & mask;
        }
        at
    }

    fn contains(&self, key: u128) -> bool {
        self.len > 0 && self.slots[self.slot(key)] == key
    }

    /// False if it was there already.
    fn insert(&mut self, key: u128) -> bool {
        if self.slots.is_empty() {
            self.slots.resize(SLOTS_MIN, EMPTY);
        }
        let at = self.slot(key);
        if self.slots[at] == key {
            return false;
        }
        self.slots[at] = key;
        self.len += 1;
        if self.len * 4 > self.slots.len() * 3 {
            self.grow();
        }
        true
    }

    fn clear(&mut self) {
        if self.slots.len() > SLOTS_KEPT_MAX {
            self.slots = Vec::new();
        } else if self.len > 0 {
            self.slots.fill(EMPTY);
        }
        self.len = 0;
    }

    fn grow(&mut self) {
        let bigger = vec![EMPTY; self.slots.len() * 2];
        for key in std::mem::replace(&mut self.slots, bigger) {
            if key != EMPTY {
                let at = self.slot(key);
                self.slots[at] = key;
            }
        }
    }
}

/// How often each class of crashed operations was used.
pub type Used = [u32];

/// The failed configurations. Crashed operations are not part of the fingerprint: a configuration that failed with few
/// of them spent fails with more of them spent, so per fingerprint an antichain of spendings is kept.
#[derive(Default)]
pub struct Memo {
    unspent: Fingerprints,
    spent: FastMap<u128, Vec<Box<Used>>>,
    spent_bytes: usize,
}

/// More spendings than this are not worth the time to compare them. A full antichain forgets, it does not err: what is
/// not in it is searched again should the search come back to it, and only what a known spending dominates is left out.
/// The search ends without any memory, for every choice linearizes an operation more; memory only makes it end sooner.
const ANTICHAIN_MAX: usize = 64;
const ENTRY_BYTES: usize = 64;

impl Memo {
    /// Remembers a configuration; false if it, or one at least as good, was there already.
    pub fn insert(&mut self, key: u128, used: &Used) -> bool {
        let key = key.max(1);
        if used.iter().all(|&count| count == 0) {
            return self.unspent.insert(key);
        }
        if self.unspent.contains(key) {
            return false;
        }
        let spendings = self.spent.entry(key).or_default();
        let at_least = |a: &Used, b: &Used| a.iter().zip(b).all(|(a, b)| a >= b);
        if spendings.iter().any(|known| at_least(used, known)) {
            return false;
        }
        let (before, bytes) = (spendings.len(), size_of_val(used) + ENTRY_BYTES);
        spendings.retain(|known| !at_least(known, used));
        self.spent_bytes -= (before - spendings.len()) * bytes;
        if spendings.len() < ANTICHAIN_MAX {
            spendings.push(used.into());
            self.spent_bytes += bytes;
        }
        true
    }

    /// An estimate of the memory it needs soon: when it grows, it holds the old and the doubled table for a moment.
    pub fn bytes(&self) -> usize {
        let slots = self.unspent.slots.len();
        let grows_soon = self.unspent.len * 8 > slots * 5;
        slots * size_of::<u128>() * if grows_soon { 3 } else { 1 } + self.spent_bytes
    }

    /// Forgets everything, and keeps the memory only if it is little.
    pub fn clear(&mut self) {
        self.unspent.clear();
        if self.spent.capacity() > SLOTS_KEPT_MAX {
            self.spent = FastMap::default();
        } else if !self.spent.is_empty() {
            self.spent.clear();
        }
        self.spent_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_failed_spending_dominates_is_known() {
        let mut memo = Memo::default();
        assert!(memo.insert(7, &[1, 0]));
        assert!(!memo.insert(7, &[2, 1]), "spent more");
        assert!(memo.insert(7, &[0, 5]), "spent others");
        assert!(memo.insert(8, &[2, 1]), "elsewhere");
        assert!(memo.insert(7, &[0, 0]), "spent nothing");
        assert!(!memo.insert(7, &[0, 1]));
    }

    #[test]
    fn a_full_antichain_forgets_and_never_claims_what_it_was_not_told() {
        let mut memo = Memo::default();
        let most = ANTICHAIN_MAX as u32 * 2;
        for one in 0..most {
            assert!(memo.insert(7, &[one, most - one]), "incomparable with all before");
        }
        let bytes = memo.bytes();
        assert!(memo.insert(7, &[most, 0]), "not kept");
        assert!(memo.insert(7, &[most, 0]), "so not known the second time either");
        assert!(!memo.insert(7, &[1, most]), "kept ones still count");
        assert_eq!(memo.bytes(), bytes);
    }
}
