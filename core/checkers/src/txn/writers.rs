//! Who wrote a value, by the text of a whole history.
//!
//! Two things cannot be seen in a few transactions: that nobody wrote a value, and that only those wrote it that failed.
//! For these the text of all transactions is looked through, once for all findings.
use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::finding::Finding;
use super::story::Story;
use crate::events::{Events, Kind};
use crate::json::elements;

/// Keys and values whose writers must be known, and for each of their writers whether it failed.
pub struct Writers<'a>(HashMap<(&'a str, &'a str), Vec<bool>>);

impl Writers<'_> {
    pub fn nobody(&self, key: &str, value: &str) -> bool {
        self.0.get(&(key, value)).is_some_and(Vec::is_empty)
    }

    pub fn only_failed(&self, key: &str, value: &str) -> bool {
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
