//! Anomalies in words, and the proof of each step of a cycle, from the events alone.
//!
//! What is told here is looked up again in the raw text of the events, with another parser and no tables, so a step that
//! the analysis got wrong has no reason to be told and the cycle is withheld.
use std::cell::OnceCell;

use super::cycles::Cycle;
use super::finding::Finding;
use super::graph::{PROCESS, RW, WR, WW};
use super::history::{Status, Txns, NONE};
use super::register::Registers;
use super::versions::{Assumptions, Precedes};
use super::weak::{Link, WeakCycle};
use crate::events::{Events, Kind};
use crate::intern::FastMap;
use crate::json::elements;

/// An anomaly, ready to be shown.
pub struct Told {
    pub name: &'static str,
    pub key: Option<String>,
    pub message: String,
    /// The rows of the invocations of all transactions that prove it.
    pub rows: Vec<u32>,
    /// The edges of a cycle; empty for others.
    pub steps: Vec<Step>,
}

/// One edge of a cycle, between the invocations in these rows.
pub struct Step {
    pub from: u32,
    pub to: u32,
    pub kind: &'static str,
    pub key: Option<String>,
    pub why: String,
}

/// What shows the order of versions.
pub enum Evidence<'a> {
    Lists { longest: &'a [u32] },
    Registers { registers: &'a Registers, order: Vec<Precedes>, assume: Assumptions },
}

pub struct Story<'a, E> {
    pub events: &'a E,
    pub txns: &'a Txns<'a>,
    pub texts: &'a [&'a str],
    pub evidence: Evidence<'a>,
    /// The inferred order by its pairs, made when the first cycle is told.
    pub order: OnceCell<FastMap<(u32, u32), Precedes>>,
}

/// A micro-operation as its text says.
pub struct Raw<'a> {
    pub is_write: bool,
    pub key: &'a str,
    pub value: &'a str,
}

/// Why one transaction comes before another.
pub struct Reason {
    pub key: Option<String>,
    pub why: String,
    /// Transactions beside the two that show it.
    pub witnesses: Vec<u32>,
}

impl<'a, E: Events> Story<'a, E> {
    pub fn new(events: &'a E, txns: &'a Txns<'a>, texts: &'a [&'a str], evidence: Evidence<'a>) -> Self {
        Self { events, txns, texts, evidence, order: OnceCell::new() }
    }

    pub fn is_lists(&self) -> bool {
        matches!(self.evidence, Evidence::Lists { .. })
    }

    pub fn row(&self, txn: u32) -> usize {
        self.txns.invoke[txn as usize] as usize
    }

    pub fn completion(&self, txn: u32) -> Option<usize> {
        self.events.partner(self.row(txn))
    }

    /// The row that says what a transaction did: its completion, or its invocation if that is all there is.
    pub fn told_by(&self, txn: u32) -> usize {
        let ok = self.completion(txn).filter(|&row| self.events.kind(row) == Kind::Ok);
        ok.unwrap_or_else(|| self.row(txn))
    }

    fn text(&self, txn: u32) -> &'a str {
        self.events.value(self.told_by(txn)).unwrap_or("null")
    }

    /// The micro-operations, by the simple parser. Reads count of completed transactions alone.
    pub fn raw(&self, txn: u32) -> Vec<Raw<'a>> {
        let is_ok = self.told_by(txn) != self.row(txn);
        let raw = |text: &'a str| match elements(text)?.as_slice() {
            &[f, key, value] => Some(Raw { is_write: f != "\"r\"", key, value }),
            _ => None,
        };
        let all = elements(self.text(txn)).unwrap_or_default().into_iter().filter_map(raw);
        all.filter(|raw| raw.is_write || is_ok).collect()
    }

    pub fn name(&self, txn: u32) -> String {
        let row = self.row(txn);
        format!("{} (process {})", short(self.text(txn), 120), self.events.process(row))
    }

    /// A cycle edge by edge; `None` if some edge has no reason.
    pub fn cycle(&self, cycle: &Cycle) -> Option<Told> {
        let length = cycle.steps.len();
        let mut rows: Vec<u32> = cycle.steps.iter().map(|step| self.row(step.0) as u32).collect();
        let mut steps = Vec::with_capacity(length);
        let names: Vec<String> = (1..=length).map(|number| format!("T{number}")).collect();
        let mut keys = Vec::new();
        for (at, &(from, kind)) in cycle.steps.iter().enumerate() {
            let to = cycle.steps[(at + 1) % length].0;
            let reason = self.reason(from, to, kind, (&names[at], &names[(at + 1) % length]))?;
            rows.extend(reason.witnesses.iter().map(|&txn| self.row(txn) as u32));
            keys.extend(reason.key.clone());
            let kind = match kind {
                WW => "ww",
                WR => "wr",
                RW => "rw",
                PROCESS => "process",
                _ => "realtime",
            };
            let (from, to) = (self.row(from) as u32, self.row(to) as u32);
            steps.push(Step { from, to, kind, key: reason.key, why: reason.why });
        }
        rows.sort_unstable();
        rows.dedup();
        keys.sort();
        keys.dedup();
        let who: Vec<String> =
            cycle.steps.iter().zip(&names).map(|(step, name)| format!("{name} = {}", self.name(step.0))).collect();
        let why: Vec<String> = steps.iter().map(|step| step.why.clone()).collect();
        let message =
            format!("{}. {}. So each of them would have to come before itself.", who.join("; "), why.join("; "),);
        let key = if keys.len() == 1 { keys.pop() } else { None };
        Some(Told { name: cycle.name(), key, message, rows, steps })
    }

    /// A cycle of the order that a weak level demands; `None` if some step has no reason.
    pub fn weak_cycle(&self, cycle: &WeakCycle) -> Option<Told> {
        let initial = self.txns.len() as u32;
        let length = cycle.steps.len();
        let mut involved: Vec<u32> = Vec::new();
        let mut steps = Vec::with_capacity(length);
        let name = |at: usize| match cycle.steps[at % length].0 {
            txn if txn == initial => "the initial state".to_owned(),
            _ => format!("T{}", at % length + 1),
        };
        for (at, (from, link)) in cycle.steps.iter().enumerate() {
            let (from, to) = (*from, cycle.steps[(at + 1) % length].0);
            let names = (name(at), name(at + 1));
            let names = (names.0.as_str(), names.1.as_str());
            involved.extend([from, to]);
            let (kind, reason) = match link {
                _ if from == initial => {
                    let why = format!("the initial state comes before {}", names.1);
                    ("process", Reason { key: None, why, witnesses: Vec::new() })
                }
                Link::Session => ("process", self.process_reason(from, to, names)?),
                Link::Read => ("wr", self.wr_reason(from, to, names)?),
                Link::Aware { path, key } => ("ww", self.aware_reason(path, *key, to, names)?),
            };
            involved.extend(&reason.witnesses);
            // The initial state has no event; the edges to and from it are told at the other end.
            let row = |txn: u32, other: u32| self.row(if txn == initial { other } else { txn }) as u32;
            let (from, to) = (row(from, to), row(to, from));
            steps.push(Step { from, to, kind, key: reason.key, why: reason.why });
        }
        involved.retain(|&txn| txn != initial);
        let mut rows: Vec<u32> = involved.iter().map(|&txn| self.row(txn) as u32).collect();
        rows.sort_unstable();
        rows.dedup();
        let who = (0..length).filter(|&at| cycle.steps[at].0 != initial);
        let who: Vec<String> = who.map(|at| format!("{} = {}", name(at), self.name(cycle.steps[at].0))).collect();
        let why: Vec<&str> = steps.iter().map(|step| step.why.as_str()).collect();
        let message = format!("{}. {}. No order of all transactions has all of this.", who.join("; "), why.join("; "));
        Some(Told { name: cycle.name, key: None, message, rows, steps })
    }

    /// An anomaly that is no cycle.
    pub fn finding(&self, finding: &Finding) -> Told {
        let key = plain(self.txns.keys[finding.key as usize]);
        let value = if finding.value == NONE { "null" } else { self.texts[finding.value as usize] };
        let txns = &finding.txns;
        let tell = |at: usize| txns.get(at).map_or_else(|| "nobody".to_owned(), |&txn| self.name(txn));
        let (read, written) = if self.is_lists() { ("element", "appended") } else { ("value", "written") };
        let message = match finding.name {
            "thin-air" => format!("{} read the {read} {value} of key {key}, which nobody had {written}.", tell(0)),
            "G1a" => {
                format!("{} read the {read} {value} of key {key}, {written} by {}, which failed.", tell(0), tell(1))
            }
            "G1b" => format!(
                "{} read key {key} in the state {value}, which {} left behind before it was done with the key.",
                tell(0),
                tell(1)
            ),
            "internal" => format!("{} read key {key} otherwise than its own earlier operations made it.", tell(0)),
            "future-read" => format!("{} read the {read} {value} of key {key} before it had {written} it.", tell(0)),
            "dirty-update" => {
                let is_failed = |&txn: &u32| self.txns.status[txn as usize] == Status::Fail;
                let failed = txns.iter().position(is_failed).unwrap_or(txns.len());
                let other = tell(usize::from(failed == 0));
                format!("{other} appended to key {key} behind what {} had appended, which failed.", tell(failed))
            }
            "duplicate-elements" => format!("{} read some element of key {key} more than once.", tell(0)),
            "incompatible-order" if txns.len() == 1 => {
                format!("{} shows orders of key {key} that cannot both be.", tell(0))
            }
            "incompatible-order" => {
                format!("{} and {} show orders of key {key} that cannot both be.", tell(0), tell(1))
            }
            "lost-update" => {
                format!("{} and {} both read key {key} as of {value} and wrote to it.", tell(0), tell(1))
            }
            "cyclic-versions" => {
                let all: Vec<String> = (0..txns.len()).map(tell).collect();
                format!("The assumptions made contradict each other on key {key}: {}.", all.join("; "))
            }
            other => format!("{other} on key {key}: {}.", tell(0)),
        };
        let mut rows: Vec<u32> = txns.iter().map(|&txn| self.row(txn) as u32).collect();
        rows.sort_unstable();
        rows.dedup();
        Told { name: finding.name, key: Some(key), message, rows, steps: Vec::new() }
    }
}

pub fn list(text: &str) -> Vec<&str> {
    elements(text).unwrap_or_default()
}

/// A key without its quotes.
pub fn plain(text: &str) -> String {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).to_owned()
}

pub fn short(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    // The end of a list says more than its beginning.
    let half = chars_max / 2;
    let head: String = text.chars().take(half).collect();
    let tail: Vec<char> = text.chars().rev().take(half).collect();
    format!("{head}…{}", tail.into_iter().rev().collect::<String>())
}
