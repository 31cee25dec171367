//! What each anomaly that is no cycle is, by its definition, said of a few transactions in any roles.
use super::deeds::Deeds;
use super::finding::Finding;
use super::story::{Evidence, Story};
use super::versions::Assumptions;
use super::writers::Writers;
use crate::events::Events;

/// A value of a key, and the transactions that are said to show something about it.
struct Claim<'c, 'a> {
    key: &'c str,
    value: &'c str,
    witness: &'c [Deeds<'a>],
    writers: &'c Writers<'a>,
}

impl<E: Events> Story<'_, E> {
    /// Whether some of these transactions are what the anomaly's definition says.
    pub fn shows(&self, finding: &Finding, witness: &[Deeds], writers: &Writers) -> bool {
        let (key, value) = (self.txns.keys[finding.key as usize], self.value(finding));
        let claim = Claim { key, value, witness, writers };
        match finding.name {
            "thin-air" => writers.nobody(key, value) && claim.is_seen(),
            "G1a" => claim.is_aborted_read(),
            "G1b" => claim.is_intermediate_read(),
            "internal" if self.is_lists() => claim.any_ok(|deeds| deeds.contradicts_its_list(key)),
            "internal" => claim.any_ok(|deeds| deeds.contradicts_its_register(key)),
            "future-read" => claim.any_ok(|deeds| deeds.foresees(key, value)),
            "dirty-update" => claim.is_dirty_update(),
            "duplicate-elements" => claim.any_ok(|deeds| deeds.reads(key).any(has_duplicate)),
            "incompatible-order" => claim.is_incompatible_order(),
            "lost-update" => claim.is_lost_update(),
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

impl Claim<'_, '_> {
    fn any(&self, is_it: impl Fn(&Deeds) -> bool) -> bool {
        self.witness.iter().any(is_it)
    }

    fn any_ok(&self, is_it: impl Fn(&Deeds) -> bool) -> bool {
        self.any(|deeds| deeds.is_ok && is_it(deeds))
    }

    fn is_seen(&self) -> bool {
        self.any_ok(|deeds| deeds.reads(self.key).any(|seen| seen.contains(&self.value)))
    }

    fn is_aborted_read(&self) -> bool {
        self.writers.only_failed(self.key, self.value)
            && self.is_seen()
            && self.any(|by| by.is_failed && by.wrote(self.key, self.value))
    }

    fn is_intermediate_read(&self) -> bool {
        self.any_ok(|reader| {
            reader.reads(self.key).any(|seen| seen.last() == Some(&self.value))
                && self.any(|by| by.txn != reader.txn && by.wrote_over(self.key, self.value))
        })
    }

    /// Whether a committed append stands behind one that failed.
    fn is_dirty_update(&self) -> bool {
        let is_failed = |element: &&str| {
            self.any(|by| by.is_failed && by.wrote(self.key, element)) && self.writers.only_failed(self.key, element)
        };
        self.any_ok(|reader| {
            reader.reads(self.key).any(|seen| {
                let behind = seen.iter().position(is_failed).map_or(&[][..], |at| &seen[at..]);
                behind.iter().any(|element| self.any_ok(|by| by.wrote(self.key, element)))
            })
        })
    }

    /// Whether one read shows a list in another order than another read, or than a transaction appended to it.
    fn is_incompatible_order(&self) -> bool {
        let is_fork = |seen: &[&str], other: &[&str]| !seen.starts_with(other) && !other.starts_with(seen);
        self.any_ok(|one| {
            one.reads(self.key).any(|seen| {
                self.any_ok(|other| other.reads(self.key).any(|other| is_fork(seen, other)))
                    || self.any(|by| by.is_reversed_in(self.key, seen))
            })
        })
    }

    /// Whether two transactions wrote to what both read.
    fn is_lost_update(&self) -> bool {
        let updated = |deeds: &Deeds| deeds.updated(self.key, self.value);
        self.any_ok(|one| self.any_ok(|other| one.txn != other.txn && updated(one) && updated(other)))
    }
}

fn has_duplicate(seen: &[&str]) -> bool {
    seen.iter().enumerate().any(|(at, element)| seen[..at].contains(element))
}
