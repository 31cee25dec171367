//! What a scan found.

/// Violations of one kind that are told in full, per key; all are counted.
pub const TOLD_MAX: usize = 20;

/// How many of the worst are kept.
pub const WORST_MAX: usize = 8;

/// One violation with the operations that prove it, by the rows of their invocations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub kind: &'static str,
    pub key: Option<String>,
    /// The element, identifier, message or key in question, as JSON text.
    pub about: String,
    pub text: String,
    pub ops: Vec<u32>,
}

/// The answer for one object, or for several merged.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub keys: usize,
    pub ops: usize,
    pub findings: Vec<Finding>,
    /// Kinds of findings that the second judge did not see in their operations.
    pub unconfirmed: Vec<&'static str>,
    /// How many there are of each kind, in the order of their first appearance.
    pub found: Vec<(&'static str, u64)>,
    pub counts: Vec<(&'static str, u64)>,
    /// Durations in nanoseconds, for quantiles.
    pub samples: Vec<(&'static str, Vec<i64>)>,
    /// The worst of what may not be a violation, worst first: nanoseconds, words and operations.
    pub worst: Vec<(i64, String, Vec<u32>)>,
    /// Facts in words: a total taken for the right one, a range.
    pub notes: Vec<(&'static str, String)>,
    /// Why the absence of violations proves nothing, per object.
    pub unproven: Vec<(Option<String>, String)>,
}

impl Report {
    /// Counts a violation; it is put into words only while few of its kind have been.
    pub fn find(&mut self, kind: &'static str, about: &str, tell: impl FnOnce() -> (String, Vec<u32>)) {
        let number = entry(&mut self.found, kind);
        *number += 1;
        if *number <= TOLD_MAX as u64 {
            let (text, mut ops) = tell();
            ops.sort_unstable();
            ops.dedup();
            self.findings.push(Finding { kind, key: None, about: about.to_owned(), text, ops });
        }
    }

    pub fn count(&mut self, name: &'static str, number: usize) {
        *entry(&mut self.counts, name) += number as u64;
    }

    pub fn sample(&mut self, name: &'static str, samples: impl IntoIterator<Item = i64>) {
        entry(&mut self.samples, name).extend(samples);
    }

    /// Keeps it if it is among the worst few.
    pub fn worst(&mut self, duration: i64, tell: impl FnOnce() -> (String, Vec<u32>)) {
        let place = self.worst.partition_point(|known| known.0 >= duration);
        if place < WORST_MAX {
            let (text, ops) = tell();
            self.worst.insert(place, (duration, text, ops));
            self.worst.truncate(WORST_MAX);
        }
    }

    pub fn unproven(&mut self, why: impl Into<String>) {
        self.unproven.push((None, why.into()));
    }

    pub fn found_of(&self, kind: &str) -> u64 {
        self.found.iter().find(|found| found.0 == kind).map_or(0, |found| found.1)
    }

    /// Takes over what was found of one key.
    pub fn merge(&mut self, other: Report, key: Option<&str>, ops: usize) {
        let key = key.map(str::to_owned);
        self.keys += 1;
        self.ops += ops;
        self.findings.extend(other.findings.into_iter().map(|finding| Finding { key: key.clone(), ..finding }));
        self.unconfirmed.extend(other.unconfirmed);
        self.unproven.extend(other.unproven.into_iter().map(|(_, why)| (key.clone(), why)));
        for (kind, number) in other.found {
            *entry(&mut self.found, kind) += number;
        }
        for (name, number) in other.counts {
            *entry(&mut self.counts, name) += number;
        }
        for (name, samples) in other.samples {
            entry(&mut self.samples, name).extend(samples);
        }
        for (duration, text, ops) in other.worst {
            self.worst(duration, || (text, ops));
        }
        self.notes.extend(other.notes);
    }
}

fn entry<'a, T: Default>(entries: &'a mut Vec<(&'static str, T)>, name: &'static str) -> &'a mut T {
    let place = entries.iter().position(|entry| entry.0 == name).unwrap_or_else(|| {
        entries.push((name, T::default()));
        entries.len() - 1
    });
    &mut entries[place].1
}

/// Of sorted samples, the ones at these fractions of the way from the least to the greatest, as Jepsen takes them.
pub fn quantiles(sorted: &[i64], fractions: &[f64]) -> Vec<i64> {
    let last = sorted.len().saturating_sub(1);
    let place = |fraction: f64| ((sorted.len() as f64 * fraction) as usize).min(last);
    fractions.iter().filter_map(|&fraction| sorted.get(place(fraction)).copied()).collect()
}
