//! What a transaction did, by the text of its events, and what can be asked of it alone.
use super::story::{list, Raw, Story};
use crate::events::{Events, Kind};

/// What one transaction did, as its text says.
pub struct Deeds<'a> {
    pub txn: u32,
    pub is_ok: bool,
    pub is_failed: bool,
    pub deeds: Vec<Deed<'a>>,
}

/// One micro-operation of it.
pub struct Deed<'a> {
    pub is_write: bool,
    pub key: &'a str,
    /// The elements of a list that was read; of a register its value, none for null; what was written.
    pub values: Vec<&'a str>,
}

impl<'a, E: Events> Story<'a, E> {
    pub fn deeds(&self, txn: u32) -> Deeds<'a> {
        let ended = self.completion(txn).map(|row| self.events.kind(row));
        let values = |is_write: bool, value: &'a str| match value {
            _ if !is_write && self.is_lists() => list(value),
            "null" => Vec::new(),
            _ => vec![value],
        };
        let deed =
            |raw: Raw<'a>| Deed { is_write: raw.is_write, key: raw.key, values: values(raw.is_write, raw.value) };
        Deeds {
            txn,
            is_ok: ended == Some(Kind::Ok),
            is_failed: ended == Some(Kind::Fail),
            deeds: self.raw(txn).into_iter().map(deed).collect(),
        }
    }
}

impl Deeds<'_> {
    fn on<'s>(&'s self, key: &'s str) -> impl Iterator<Item = &'s Deed<'s>> + 's {
        self.deeds.iter().filter(move |deed| deed.key == key)
    }

    pub fn reads<'s>(&'s self, key: &'s str) -> impl Iterator<Item = &'s [&'s str]> + 's {
        self.on(key).filter(|deed| !deed.is_write).map(|deed| deed.values.as_slice())
    }

    pub fn writes<'s>(&'s self, key: &'s str) -> Vec<&'s str> {
        self.on(key).filter(|deed| deed.is_write).map(|deed| deed.values[0]).collect()
    }

    pub fn wrote(&self, key: &str, value: &str) -> bool {
        self.writes(key).contains(&value)
    }

    /// Whether it wrote the value and then the key again.
    pub fn wrote_over(&self, key: &str, value: &str) -> bool {
        self.writes(key).split_last().is_some_and(|(_, earlier)| earlier.contains(&value))
    }

    /// Whether a list holds two elements in another order than that in which this transaction appended them.
    pub fn is_reversed_in(&self, key: &str, seen: &[&str]) -> bool {
        let place = |value: &str| seen.iter().position(|&element| element == value);
        let places: Vec<usize> = self.writes(key).into_iter().filter_map(place).collect();
        places.windows(2).any(|pair| pair[0] > pair[1])
    }

    /// Whether it read the key, first of all, in this version, and then wrote to it.
    pub fn updated(&self, key: &str, version: &str) -> bool {
        let is_it = |deed: &Deed| !deed.is_write && deed.values.last().copied().unwrap_or("null") == version;
        self.on(key).next().is_some_and(is_it) && self.on(key).any(|deed| deed.is_write) && !self.wrote(key, version)
    }

    pub fn foresees(&self, key: &str, value: &str) -> bool {
        let written = self.on(key).position(|deed| deed.is_write && deed.values[0] == value).unwrap_or_default();
        self.on(key).take(written).any(|deed| !deed.is_write && deed.values.contains(&value))
    }

    pub fn contradicts_its_register(&self, key: &str) -> bool {
        let all: Vec<&Deed> = self.on(key).collect();
        all.windows(2).any(|pair| !pair[1].is_write && pair[0].values != pair[1].values)
    }

    /// Plays the transaction on a list of which at first only the end is known.
    pub fn contradicts_its_list(&self, key: &str) -> bool {
        let (mut expected, mut is_whole): (Vec<&str>, bool) = (Vec::new(), false);
        for deed in self.on(key) {
            if deed.is_write {
                expected.extend(&deed.values);
                continue;
            }
            let fits = if is_whole { deed.values == expected } else { deed.values.ends_with(&expected) };
            if !fits {
                return true;
            }
            (expected, is_whole) = (deed.values.clone(), true);
        }
        false
    }

    /// The first version of a register that it met and the last, `None` for the initial one.
    pub fn versions<'s>(&'s self, key: &'s str) -> Option<(Option<&'s str>, Option<&'s str>)> {
        let written = self.writes(key).last().copied();
        let first = self.on(key).next()?;
        let read = first.values.first().copied();
        Some(if first.is_write { (written, written) } else { (read, written.or(read)) })
    }
}
