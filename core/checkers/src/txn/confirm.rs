//! Anomalies that are no cycles, judged once more by their definitions.
//!
//! A finding is put before this judge as the few transactions that are said to show it. It reads them from the text of
//! their events with another parser, knows no tables, numbers or orders, and asks of any of them, in any roles, what the
//! definition of the anomaly asks. Transactions that turn out not to be needed are left out, so what is told is minimal.
//!
//! Two things cannot be seen in a few transactions: that nobody wrote a value, and that only those wrote it that failed.
//! For these the text of the whole history is looked through, once for all findings.
use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::finding::Finding;
use super::history::NONE;
use super::story::{list, Evidence, Story};
use super::versions::Assumptions;
use crate::events::{Events, Kind};
use crate::json::elements;

/// What one transaction did, as its text says.
struct Deeds<'a> {
    txn: u32,
    is_ok: bool,
    is_failed: bool,
    deeds: Vec<Deed<'a>>,
}

struct Deed<'a> {
    is_write: bool,
    key: &'a str,
    /// The elements of a list that was read; of a register its value, none for null; what was written.
    values: Vec<&'a str>,
}

/// Keys and values whose writers must be known, and for each of their writers whether it failed.
pub struct Writers<'a>(HashMap<(&'a str, &'a str), Vec<bool>>);

impl Writers<'_> {
    fn nobody(&self, key: &str, value: &str) -> bool {
        self.0.get(&(key, value)).is_some_and(Vec::is_empty)
    }

    fn only_failed(&self, key: &str, value: &str) -> bool {
        self.0.get(&(key, value)).is_some_and(|failed| !failed.is_empty() && failed.iter().all(|&failed| failed))
    }
}

impl<'a, E: Events> Story<'a, E> {
    /// Who wrote what these findings are about, from the text of all transactions.
    pub fn writers<'f>(&self, findings: impl IntoIterator<Item = &'f Finding>) -> Writers<'a> {
        let mut wanted: HashSet<(&'a str, &'a str)> = HashSet::new();
        for finding in findings {
            let key = self.txns.keys[finding.key as usize];
            match finding.name {
                "thin-air" | "G1a" => drop(wanted.insert((key, self.value(finding)))),
                "dirty-update" => {
                    let all = finding.txns.iter().map(|&txn| self.deeds(txn)).filter(|deeds| deeds.is_failed);
                    let writes = all.flat_map(|deeds| deeds.deeds).filter(|deed| deed.is_write && deed.key == key);
                    wanted.extend(writes.map(|deed| (key, deed.values[0])));
                }
                _ => {}
            }
        }
        let mut writers: HashMap<_, _> = wanted.iter().map(|&pair| (pair, Vec::new())).collect();
        if wanted.is_empty() {
            return Writers(writers);
        }
        let events = self.events;
        let found: Vec<_> = self.txns.invoke.par_iter().flat_map_iter(|&row| writes(events, row, &wanted)).collect();
        for (pair, is_failed) in found {
            writers.entry(pair).or_default().push(is_failed);
        }
        Writers(writers)
    }

    /// The finding with the transactions it needs; `None` if they do not show it, so that one of the two judges errs.
    pub fn confirm(&self, finding: &Finding, writers: &Writers) -> Option<Finding> {
        let mut witness: Vec<Deeds> = finding.txns.iter().map(|&txn| self.deeds(txn)).collect();
        if !self.shows(finding, &witness, writers) {
            return None;
        }
        let mut at = 0;
        while at < witness.len() {
            let gone = witness.remove(at);
            if self.shows(finding, &witness, writers) {
                at = 0;
            } else {
                witness.insert(at, gone);
                at += 1;
            }
        }
        Some(Finding { txns: witness.iter().map(|deeds| deeds.txn).collect(), ..*finding })
    }

    fn value(&self, finding: &Finding) -> &'a str {
        if finding.value == NONE {
            "null"
        } else {
            self.texts[finding.value as usize]
        }
    }

    fn deeds(&self, txn: u32) -> Deeds<'a> {
        let ended = self.completion(txn).map(|row| self.events.kind(row));
        let values = |is_write: bool, value: &'a str| match value {
            _ if !is_write && self.is_lists() => list(value),
            "null" => Vec::new(),
            _ => vec![value],
        };
        let deed = |raw: super::story::Raw<'a>| Deed {
            is_write: raw.is_write,
            key: raw.key,
            values: values(raw.is_write, raw.value),
        };
        Deeds {
            txn,
            is_ok: ended == Some(Kind::Ok),
            is_failed: ended == Some(Kind::Fail),
            deeds: self.raw(txn).into_iter().map(deed).collect(),
        }
    }

    /// Whether some of these transactions are what the anomaly's definition says.
    fn shows(&self, finding: &Finding, witness: &[Deeds], writers: &Writers) -> bool {
        let (key, value) = (self.txns.keys[finding.key as usize], self.value(finding));
        let any_ok = |is_it: &dyn Fn(&Deeds) -> bool| witness.iter().any(|deeds| deeds.is_ok && is_it(deeds));
        let any = |is_it: &dyn Fn(&Deeds) -> bool| witness.iter().any(is_it);
        let saw = |deeds: &Deeds| deeds.reads(key).any(|seen| seen.contains(&value));
        match finding.name {
            "thin-air" => writers.nobody(key, value) && any_ok(&saw),
            "G1a" => writers.only_failed(key, value) && any_ok(&saw) && any(&|by| by.is_failed && by.wrote(key, value)),
            "G1b" => any_ok(&|reader| {
                reader.reads(key).any(|seen| seen.last() == Some(&value))
                    && any(&|by| by.txn != reader.txn && by.wrote_over(key, value))
            }),
            "internal" if self.is_lists() => any_ok(&|deeds| deeds.contradicts_its_list(key)),
            "internal" => any_ok(&|deeds| deeds.contradicts_its_register(key)),
            "future-read" => any_ok(&|deeds| deeds.foresees(key, value)),
            "dirty-update" => any_ok(&|reader| {
                reader.reads(key).any(|seen| {
                    let is_failed = |element: &&str| {
                        any(&|by| by.is_failed && by.wrote(key, element)) && writers.only_failed(key, element)
                    };
                    let behind = seen.iter().position(is_failed).map_or(&[][..], |at| &seen[at..]);
                    behind.iter().any(|element| any_ok(&|by| by.wrote(key, element)))
                })
            }),
            "duplicate-elements" => any_ok(&|deeds| deeds.reads(key).any(has_duplicate)),
            "incompatible-order" => any_ok(&|one| {
                one.reads(key).any(|seen| {
                    any_ok(&|other| other.reads(key).any(|other| !seen.starts_with(other) && !other.starts_with(seen)))
                        || any(&|by| by.is_reversed_in(key, seen))
                })
            }),
            "lost-update" => any_ok(&|one| {
                any_ok(&|other| one.txn != other.txn && one.updated(key, value) && other.updated(key, value))
            }),
            "cyclic-versions" => match self.evidence {
                Evidence::Registers { assume, .. } => self.is_cyclic(key, witness, assume),
                Evidence::Lists { .. } => false,
            },
            _ => false,
        }
    }

    /// Whether no order of the versions that these transactions met agrees with all that is assumed of the key.
    fn is_cyclic(&self, key: &str, witness: &[Deeds], assume: Assumptions) -> bool {
        let mut before: Vec<(Option<&str>, Option<&str>)> = Vec::new();
        let touches = witness.iter().filter(|deeds| !deeds.is_failed);
        let touches: Vec<_> = touches.filter_map(|deeds| Some((deeds, deeds.versions(key)?))).collect();
        for &(one, (first, last)) in &touches {
            before.extend([first, last].into_iter().filter(Option::is_some).map(|version| (None, version)));
            if assume.writes_follow_reads {
                before.push((first, last));
            }
            for &(other, (next, end)) in touches.iter().filter(|(other, _)| one.is_ok && other.txn != one.txn) {
                let in_process = || self.process_reason(one.txn, other.txn, ("", "")).is_some();
                let in_time = || self.realtime_reason(one.txn, other.txn, ("", "")).is_some();
                if assume.sequential_keys && in_process() || assume.linearizable_keys && in_time() {
                    before.extend([(first, next), (first, end), (last, next), (last, end)]);
                }
            }
        }
        before.retain(|(from, to)| from != to);
        // What nothing comes before can be first. If something is left in the end, no order exists.
        while let Some(&(from, _)) = before.iter().find(|edge| before.iter().all(|other| other.1 != edge.0)) {
            before.retain(|edge| edge.0 != from);
        }
        !before.is_empty()
    }
}

/// The writes of one transaction among those wanted, and whether it failed.
fn writes<'a, E: Events>(
    events: &'a E,
    row: u32,
    wanted: &HashSet<(&'a str, &'a str)>,
) -> Vec<((&'a str, &'a str), bool)> {
    let invoked = row as usize;
    let ended = events.partner(invoked).map(|row| (row, events.kind(row)));
    let told_by = ended.filter(|&(_, kind)| kind == Kind::Ok).map_or(invoked, |(row, _)| row);
    let is_failed = ended.is_some_and(|(_, kind)| kind == Kind::Fail);
    let mops = events.value(told_by).and_then(elements).unwrap_or_default();
    let write = |mop: &'a str| match elements(mop)?.as_slice() {
        &[f, key, value] if f != "\"r\"" && wanted.contains(&(key, value)) => Some(((key, value), is_failed)),
        _ => None,
    };
    mops.into_iter().filter_map(write).collect()
}

fn has_duplicate(seen: &[&str]) -> bool {
    seen.iter().enumerate().any(|(at, element)| seen[..at].contains(element))
}

impl Deeds<'_> {
    fn on<'s>(&'s self, key: &'s str) -> impl Iterator<Item = &'s Deed<'s>> + 's {
        self.deeds.iter().filter(move |deed| deed.key == key)
    }

    fn reads<'s>(&'s self, key: &'s str) -> impl Iterator<Item = &'s [&'s str]> + 's {
        self.on(key).filter(|deed| !deed.is_write).map(|deed| deed.values.as_slice())
    }

    fn writes<'s>(&'s self, key: &'s str) -> Vec<&'s str> {
        self.on(key).filter(|deed| deed.is_write).map(|deed| deed.values[0]).collect()
    }

    fn wrote(&self, key: &str, value: &str) -> bool {
        self.writes(key).contains(&value)
    }

    /// Whether it wrote the value and then the key again.
    fn wrote_over(&self, key: &str, value: &str) -> bool {
        self.writes(key).split_last().is_some_and(|(_, earlier)| earlier.contains(&value))
    }

    /// Whether a list holds two elements in another order than that in which this transaction appended them.
    fn is_reversed_in(&self, key: &str, seen: &[&str]) -> bool {
        let place = |value: &str| seen.iter().position(|&element| element == value);
        let places: Vec<usize> = self.writes(key).into_iter().filter_map(place).collect();
        places.windows(2).any(|pair| pair[0] > pair[1])
    }

    /// Whether it read the key, first of all, in this version, and then wrote to it.
    fn updated(&self, key: &str, version: &str) -> bool {
        let is_it = |deed: &Deed| !deed.is_write && deed.values.last().copied().unwrap_or("null") == version;
        self.on(key).next().is_some_and(is_it) && self.on(key).any(|deed| deed.is_write) && !self.wrote(key, version)
    }

    fn foresees(&self, key: &str, value: &str) -> bool {
        let written = self.on(key).position(|deed| deed.is_write && deed.values[0] == value).unwrap_or_default();
        self.on(key).take(written).any(|deed| !deed.is_write && deed.values.contains(&value))
    }

    fn contradicts_its_register(&self, key: &str) -> bool {
        let all: Vec<&Deed> = self.on(key).collect();
        all.windows(2).any(|pair| !pair[1].is_write && pair[0].values != pair[1].values)
    }

    /// Plays the transaction on a list of which at first only the end is known.
    fn contradicts_its_list(&self, key: &str) -> bool {
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
    fn versions<'s>(&'s self, key: &'s str) -> Option<(Option<&'s str>, Option<&'s str>)> {
        let written = self.writes(key).last().copied();
        let first = self.on(key).next()?;
        let read = first.values.first().copied();
        Some(if first.is_write { (written, written) } else { (read, written.or(read)) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::{Dialect, Txns};
    use super::super::register::Registers;
    use super::super::writes::Writes;
    use super::*;

    /// Transactions one after the other, each with its outcome, its process and what it did.
    struct Rows(Vec<(Kind, i64, &'static str)>);

    impl Events for Rows {
        fn len(&self) -> usize {
            self.0.len() * 2
        }
        fn time(&self, row: usize) -> i64 {
            row as i64
        }
        fn is_timed(&self) -> bool {
            true
        }
        fn process(&self, row: usize) -> i64 {
            self.0[row / 2].1
        }
        fn kind(&self, row: usize) -> Kind {
            if row % 2 == 0 {
                Kind::Invoke
            } else {
                self.0[row / 2].0
            }
        }
        fn f(&self, _row: usize) -> &str {
            "txn"
        }
        fn key(&self, _row: usize) -> Option<&str> {
            None
        }
        fn value(&self, row: usize) -> Option<&str> {
            Some(self.0[row / 2].2)
        }
        fn error(&self, _row: usize) -> Option<&str> {
            None
        }
        fn partner(&self, row: usize) -> Option<usize> {
            Some(row ^ 1)
        }
    }

    const ALL: Assumptions = Assumptions { writes_follow_reads: true, sequential_keys: true, linearizable_keys: true };

    /// The transactions that a claim about one key needs; `None` if it is not so.
    fn needed(rows: &Rows, dialect: Dialect, name: &'static str, value: &str, txns: &[u32]) -> Option<Vec<u32>> {
        let (read, values) = Txns::read(rows, dialect).expect("well formed");
        let registers = Registers::new(&read, Writes::index(&read).expect("distinct values"));
        let texts = values.into_texts();
        let evidence = match dialect {
            Dialect::Append => Evidence::Lists { longest: &[] },
            Dialect::Register => Evidence::Registers { registers: &registers, order: Vec::new(), assume: ALL },
        };
        let story = Story::new(rows, &read, &texts, evidence);
        let value = texts.iter().position(|&text| text == value).map_or(NONE, |at| at as u32);
        let key = read.keys.iter().position(|&key| key == "0").expect("it is used") as u32;
        let finding = Finding { name, txns: txns.to_vec(), key, value };
        story.confirm(&finding, &story.writers([&finding])).map(|finding| finding.txns)
    }

    #[test]
    fn claims_about_lists() {
        use Kind::{Fail, Ok};
        let rows = Rows(vec![
            (Ok, 0, "[[\"append\",0,1],[\"append\",0,2]]"),
            (Fail, 1, "[[\"append\",0,3]]"),
            (Ok, 2, "[[\"r\",0,[1]]]"),
            (Ok, 3, "[[\"r\",0,[1,2,3]]]"),
            (Ok, 4, "[[\"r\",0,[2,1]]]"),
            (Ok, 5, "[[\"r\",0,[1,2,3,4]],[\"append\",0,4]]"),
            (Ok, 6, "[[\"r\",0,[1,2,9,9]]]"),
            (Ok, 7, "[[\"r\",0,[1,2]],[\"append\",0,5],[\"r\",0,[1,5]]]"),
            (Ok, 8, "[[\"r\",0,[1,2]],[\"append\",0,6]]"),
        ]);
        let judged = |name, value, txns: &[u32]| needed(&rows, Dialect::Append, name, value, txns);
        for (name, value, txns, expected) in [
            ("thin-air", "9", [6, 3, 2], vec![6]),
            ("G1a", "3", [3, 1, 2], vec![3, 1]),
            ("G1b", "1", [2, 0, 3], vec![2, 0]),
            ("internal", "5", [7, 6, 5], vec![7]),
            ("future-read", "4", [5, 6, 7], vec![5]),
            ("dirty-update", "4", [5, 1, 8], vec![5, 1]),
            ("duplicate-elements", "9", [6, 0, 1], vec![6]),
            ("incompatible-order", "2", [4, 3, 1], vec![4, 3]),
            ("incompatible-order", "1", [4, 0, 1], vec![4, 0]),
            ("lost-update", "2", [7, 0, 8], vec![7, 8]),
        ] {
            assert_eq!(judged(name, value, &txns), Some(expected), "{name}");
        }
        for (name, value, txns) in [
            ("thin-air", "3", vec![3]),       // its writer failed
            ("thin-air", "9", vec![0, 1, 2]), // none of these read it
            ("G1a", "2", vec![3, 0]),         // its writer did not fail
            ("G1a", "3", vec![3, 0]),         // the wrong writer
            ("G1b", "2", vec![3, 0]),         // the last that it wrote
            ("internal", "2", vec![8, 0]),
            ("future-read", "6", vec![8]),
            ("dirty-update", "2", vec![0, 1, 3]), // before what failed
            ("duplicate-elements", "3", vec![3]),
            ("incompatible-order", "3", vec![3, 2]),
            ("incompatible-order", "2", vec![3, 0]),
            ("lost-update", "2", vec![7, 0]),
            ("cyclic-versions", "2", vec![3, 4]),
            ("no such thing", "2", vec![3, 4]),
        ] {
            assert_eq!(judged(name, value, &txns), None, "{name} {value}");
        }
    }

    #[test]
    fn claims_about_registers() {
        use Kind::{Fail, Info, Ok};
        let rows = Rows(vec![
            (Ok, 0, "[[\"w\",0,1],[\"w\",0,2]]"),
            (Fail, 1, "[[\"w\",0,3]]"),
            (Ok, 2, "[[\"r\",0,1],[\"w\",0,4]]"),
            (Ok, 2, "[[\"r\",0,4]]"),
            (Ok, 2, "[[\"r\",0,2]]"),
            (Ok, 3, "[[\"r\",0,2],[\"r\",0,4]]"),
            (Info, 4, "[[\"w\",0,7]]"),
            (Ok, 5, "[[\"r\",0,3],[\"w\",0,8]]"),
            (Ok, 6, "[[\"r\",0,9],[\"w\",0,9]]"),
            (Ok, 7, "[[\"r\",0,1],[\"w\",0,10]]"),
            (Ok, 8, "[[\"r\",0,99]]"),
        ]);
        let judged = |name, value, txns: &[u32]| needed(&rows, Dialect::Register, name, value, txns);
        for (name, value, txns, expected) in [
            ("thin-air", "99", [10, 6, 3], vec![10]),
            ("G1a", "3", [7, 1, 0], vec![7, 1]),
            ("G1b", "1", [2, 0, 9], vec![0, 9]),
            ("internal", "4", [5, 6, 0], vec![5]),
            ("future-read", "9", [8, 6, 0], vec![8]),
            ("lost-update", "1", [2, 9, 0], vec![2, 9]),
            ("cyclic-versions", "2", [0, 3, 4], vec![0, 3, 4]),
        ] {
            assert_eq!(judged(name, value, &txns), Some(expected), "{name}");
        }
        for (name, value, txns) in [
            ("thin-air", "7", vec![6]),
            ("thin-air", "3", vec![7]),
            ("G1a", "7", vec![7, 6]),
            ("G1b", "2", vec![4, 0]),
            ("internal", "4", vec![3]),
            ("future-read", "4", vec![2]),
            ("lost-update", "1", vec![2, 3]),
            ("cyclic-versions", "2", vec![0, 3]),
            ("dirty-update", "8", vec![7, 1]),
        ] {
            assert_eq!(judged(name, value, &txns), None, "{name} {value}");
        }
    }
}
