//! Values as small numbers, without parsing them.
//!
//! A million values go through here in a check that takes a tenth of a second, so the map hashes eight bytes at a time
//! (speed matters, an adversary who chooses values does not: the worst he gets is a slow check of his own history), and
//! small non-negative integers, which is what most workloads write, are looked up in a plain array.
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

#[derive(Default)]
pub struct FastHasher(u64);

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for FastHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let word = chunk.iter().rev().fold(0u64, |word, &byte| word << 8 | u64::from(byte));
            self.write_u64(word);
        }
        let rest = chunks.remainder().iter().fold(bytes.len() as u64, |word, &byte| word << 8 | u64::from(byte));
        self.write_u64(rest);
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word).wrapping_mul(u128::from(FACTOR) << 1 | 1);
        self.0 = (product >> 64) as u64 ^ product as u64;
        self.0 = (self.0 ^ word.rotate_left(29)).wrapping_mul(FACTOR);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

pub type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<FastHasher>>;
pub type FastSet<T> = HashSet<T, BuildHasherDefault<FastHasher>>;

/// Numbers texts in the order of their first appearance.
pub struct Interner<'a> {
    texts: Vec<&'a str>,
    small: Vec<u32>,
    others: FastMap<&'a str, u32>,
}

const UNKNOWN: u32 = u32::MAX;

impl<'a> Interner<'a> {
    /// `first` becomes number 0. Integers below `expected` are looked up fastest.
    pub fn new(first: &'a str, expected: usize) -> Self {
        let mut interner = Self { texts: Vec::new(), small: vec![UNKNOWN; expected + 64], others: FastMap::default() };
        interner.number(first);
        interner
    }

    pub fn number(&mut self, text: &'a str) -> u32 {
        let next = self.texts.len() as u32;
        let number = match small_integer(text).and_then(|at| self.small.get_mut(at)) {
            Some(number) => number,
            None => self.others.entry(text).or_insert(UNKNOWN),
        };
        if *number == UNKNOWN {
            *number = next;
            self.texts.push(text);
        }
        *number
    }

    pub fn into_texts(self) -> Vec<&'a str> {
        self.texts
    }
}

/// The integer if the text is its canonical decimal form.
fn small_integer(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_canonical = !bytes.is_empty() && bytes.len() <= 9 && (bytes[0] != b'0' || bytes.len() == 1);
    if !is_canonical {
        return None;
    }
    bytes.iter().try_fold(0usize, |number, byte| byte.is_ascii_digit().then(|| number * 10 + usize::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_get_equal_numbers() {
        let mut interner = Interner::new("null", 2);
        let texts = ["0", "1", "70", "700", "00", "-1", "1.0", "\"1\"", "null", "", "123456789012", "[1,2]"];
        let numbers: Vec<u32> = texts.iter().map(|text| interner.number(text)).collect();
        assert_eq!(numbers, texts.iter().map(|text| interner.number(text)).collect::<Vec<u32>>());
        assert_eq!(numbers[8], 0);
        let mut distinct = numbers;
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), texts.len());
        assert_eq!(interner.into_texts().len(), texts.len());
    }

    #[test]
    fn texts_with_long_common_prefixes_differ_in_hash() {
        let hash = |text: &str| {
            let mut hasher = FastHasher::default();
            hasher.write(text.as_bytes());
            hasher.finish()
        };
        let hashes: std::collections::HashSet<u64> =
            (0..100_000).map(|i| hash(&format!("client-7-value-{i}"))).collect();
        assert_eq!(hashes.len(), 100_000);
    }
}
