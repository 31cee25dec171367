//! Anomalies that are no cycles, judged once more by their definitions.
//!
//! A finding is put before this judge as the few transactions that are said to show it. It reads them from the text of
//! their events with another parser (`deeds`), knows no tables, numbers or orders, and asks of any of them, in any roles,
//! what the definition of the anomaly asks (`definitions`). Transactions that turn out not to be needed are left out, so
//! what is told is minimal. What takes the text of the whole history to see is asked of `writers`.
use super::deeds::Deeds;
use super::finding::Finding;
use super::history::NONE;
use super::story::Story;
use super::writers::Writers;
use crate::events::Events;

impl<'a, E: Events> Story<'a, E> {
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

    /// What a finding is about, as it was written.
    pub fn value(&self, finding: &Finding) -> &'a str {
        if finding.value == NONE {
            "null"
        } else {
            self.texts[finding.value as usize]
        }
    }
}

#[cfg(test)]
mod tests;
