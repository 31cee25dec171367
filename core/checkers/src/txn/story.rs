//! Anomalies in words, and the proof of each step of a cycle, from the events alone.
//!
//! What is told here is looked up again in the raw text of the events, with another parser and no tables, so a step that
//! the analysis got wrong has no reason to be told and the cycle is withheld.
use std::cell::OnceCell;

use super::cycles::Cycle;
use super::finding::Finding;
use super::graph::{PROCESS, REALTIME, RW, WR, WW};
use super::history::{Txns, NONE};
use super::register::Registers;
use super::versions::Precedes;
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
    Registers { registers: &'a Registers, order: Vec<Precedes> },
}

pub struct Story<'a, E> {
    events: &'a E,
    txns: &'a Txns<'a>,
    texts: &'a [&'a str],
    evidence: Evidence<'a>,
    /// The inferred order by its pairs, made when the first cycle is told.
    order: OnceCell<FastMap<(u32, u32), Precedes>>,
}

/// A micro-operation as its text says.
struct Raw<'a> {
    is_write: bool,
    key: &'a str,
    value: &'a str,
}

/// Why one transaction comes before another.
struct Reason {
    key: Option<String>,
    why: String,
    /// Transactions beside the two that show it.
    witnesses: Vec<u32>,
}

impl<'a, E: Events> Story<'a, E> {
    pub fn new(events: &'a E, txns: &'a Txns<'a>, texts: &'a [&'a str], evidence: Evidence<'a>) -> Self {
        Self { events, txns, texts, evidence, order: OnceCell::new() }
    }

    fn is_lists(&self) -> bool {
        matches!(self.evidence, Evidence::Lists { .. })
    }

    fn row(&self, txn: u32) -> usize {
        self.txns.invoke[txn as usize] as usize
    }

    fn completion(&self, txn: u32) -> Option<usize> {
        self.events.partner(self.row(txn))
    }

    /// The row that says what a transaction did: its completion, or its invocation if that is all there is.
    fn told_by(&self, txn: u32) -> usize {
        let ok = self.completion(txn).filter(|&row| self.events.kind(row) == Kind::Ok);
        ok.unwrap_or_else(|| self.row(txn))
    }

    fn text(&self, txn: u32) -> &'a str {
        self.events.value(self.told_by(txn)).unwrap_or("null")
    }

    /// The micro-operations, by the simple parser. Reads count of completed transactions alone.
    fn raw(&self, txn: u32) -> Vec<Raw<'a>> {
        let is_ok = self.told_by(txn) != self.row(txn);
        let raw = |text: &'a str| match elements(text)?.as_slice() {
            &[f, key, value] => Some(Raw { is_write: f != "\"r\"", key, value }),
            _ => None,
        };
        let all = elements(self.text(txn)).unwrap_or_default().into_iter().filter_map(raw);
        all.filter(|raw| raw.is_write || is_ok).collect()
    }

    fn name(&self, txn: u32) -> String {
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

    /// A transaction that reads a key from one writer though it knows of another, so that one comes first.
    fn aware_reason(&self, path: &[u32], key: u32, to: u32, (a, b): (&str, &str)) -> Option<Reason> {
        let (&from, &reader) = (path.first()?, path.last()?);
        let key = self.txns.keys[key as usize];
        let is_linked = |hop: &[u32]| {
            self.process_reason(hop[0], hop[1], ("", "")).is_some()
                || self.wr_reason(hop[0], hop[1], ("", "")).is_some()
        };
        let writes_key = self.raw(from).iter().any(|raw| raw.is_write && raw.key == key);
        let wrote = if to as usize == self.txns.len() { Vec::new() } else { self.raw(to) };
        let seen = self.raw(reader).into_iter().find(|raw| {
            let is_of = |write: &Raw| write.is_write && write.key == key && write.value == raw.value;
            !raw.is_write
                && raw.key == key
                && if wrote.is_empty() { raw.value == "null" } else { wrote.iter().any(is_of) }
        })?;
        if !writes_key || !path.windows(2).all(is_linked) {
            return None;
        }
        let why = format!(
            "{a} comes before {b}, because {} read key {} as {}, of {b}, although it {} {a}, which wrote that key too",
            self.name(reader),
            plain(key),
            seen.value,
            if path.len() == 2 { "had seen or followed" } else { "could know, through others, of" },
        );
        Some(Reason { key: Some(plain(key)), why, witnesses: path[1..].to_vec() })
    }

    fn reason(&self, from: u32, to: u32, kind: u8, names: (&str, &str)) -> Option<Reason> {
        match kind {
            PROCESS => self.process_reason(from, to, names),
            REALTIME => self.realtime_reason(from, to, names),
            WR => self.wr_reason(from, to, names),
            _ if self.is_lists() => self.list_reason(from, to, kind, names),
            _ => self.register_reason(from, to, kind, names),
        }
    }

    fn ended(&self, txn: u32) -> Option<usize> {
        self.completion(txn).filter(|&row| self.events.kind(row) == Kind::Ok)
    }

    fn process_reason(&self, from: u32, to: u32, (a, b): (&str, &str)) -> Option<Reason> {
        let (ended, began) = (self.ended(from)?, self.row(to));
        let process = self.events.process(began);
        let is_so = ended < began && self.events.process(self.row(from)) == process;
        let why = format!("{a} comes before {b}, because process {process} executed {a} before it began {b}");
        is_so.then_some(Reason { key: None, why, witnesses: Vec::new() })
    }

    fn realtime_reason(&self, from: u32, to: u32, (a, b): (&str, &str)) -> Option<Reason> {
        let (ended, began) = (self.ended(from)?, self.row(to));
        let (end, begin) = (self.events.time(ended), self.events.time(began));
        let latest = |row: usize| (0..=row).map(|row| self.events.time(row)).max();
        let is_so = ended < began && (end < begin || latest(ended) < latest(began));
        let (end, begin) = (crate::events::moment(self.events, end), crate::events::moment(self.events, begin));
        let why = format!("{a} comes before {b}, because {a} had completed at {end} and {b} began at {begin}");
        is_so.then_some(Reason { key: None, why, witnesses: Vec::new() })
    }

    fn wr_reason(&self, from: u32, to: u32, (a, b): (&str, &str)) -> Option<Reason> {
        let wrote = self.raw(from);
        for read in self.raw(to).iter().filter(|raw| !raw.is_write) {
            let seen = if self.is_lists() { list(read.value).last().copied() } else { Some(read.value) };
            let Some(seen) = seen else { continue };
            if wrote.iter().any(|raw| raw.is_write && raw.key == read.key && raw.value == seen) {
                let (key, value) = (plain(read.key), short(read.value, 60));
                let how = if self.is_lists() {
                    format!("whose last element {a} had appended")
                } else {
                    format!("which {a} had written")
                };
                let why = format!("{a} comes before {b}, because {b} read key {key} as {value}, {how}");
                return Some(Reason { key: Some(key), why, witnesses: Vec::new() });
            }
        }
        None
    }

    /// The longest read of a key, and who read it.
    fn longest(&self, key: &str) -> Option<(u32, Vec<&'a str>)> {
        let Evidence::Lists { longest } = self.evidence else { return None };
        let number = self.txns.keys.iter().position(|&text| text == key)?;
        let mop = longest[number];
        if mop == NONE {
            return None;
        }
        let reader = self.txns.first.partition_point(|&first| first <= mop) as u32 - 1;
        let read = self.raw(reader).into_iter().nth((mop - self.txns.first[reader as usize]) as usize)?;
        (!read.is_write && read.key == key).then(|| (reader, list(read.value)))
    }

    fn list_reason(&self, from: u32, to: u32, kind: u8, (a, b): (&str, &str)) -> Option<Reason> {
        let (first, second) = (self.raw(from), self.raw(to));
        for append in second.iter().filter(|raw| raw.is_write) {
            let longest = self.longest(append.key);
            let place = |element: &str| longest.as_ref()?.1.iter().position(|&other| other == element);
            let after = place(append.value);
            let key = plain(append.key);
            for earlier in first.iter().filter(|raw| raw.key == append.key) {
                let (is_before, what) = match kind {
                    WW if earlier.is_write => (place(earlier.value), format!("{a} appended {}", earlier.value)),
                    RW if !earlier.is_write => {
                        let seen = list(earlier.value);
                        let is_prefix = longest.as_ref().is_none_or(|(_, longest)| longest.starts_with(&seen));
                        let place = (is_prefix && !seen.contains(&append.value)).then_some(seen.len().wrapping_sub(1));
                        (place, format!("{a} read {}", short(earlier.value, 60)))
                    }
                    _ => continue,
                };
                let Some(before) = is_before else { continue };
                let (proof, witnesses) = match (after, &longest) {
                    (Some(after), Some((reader, _))) if before.wrapping_add(1) <= after => {
                        let process = self.events.process(self.row(*reader));
                        let event = self.told_by(*reader);
                        (format!("a read by process {process} (event {event}) shows in which order"), vec![*reader])
                    }
                    (None, Some((reader, _))) => ("which no read shows".to_owned(), vec![*reader]),
                    (None, None) if kind == RW => ("which no read shows".to_owned(), Vec::new()),
                    _ => continue,
                };
                let witnesses = witnesses.into_iter().filter(|&txn| txn != from && txn != to).collect();
                let why = format!(
                    "{a} comes before {b}, because on key {key} {what} and {b} appended {} after that ({proof})",
                    append.value
                );
                return Some(Reason { key: Some(key), why, witnesses });
            }
        }
        None
    }

    fn register_reason(&self, from: u32, to: u32, kind: u8, (a, b): (&str, &str)) -> Option<Reason> {
        let Evidence::Registers { registers, order } = &self.evidence else { return None };
        let by = self.order.get_or_init(|| order.iter().map(|edge| ((edge.from, edge.to), *edge)).collect());
        let (first, second) = (self.raw(from), self.raw(to));
        for write in second.iter().filter(|raw| raw.is_write) {
            for earlier in first.iter().filter(|raw| raw.key == write.key && raw.is_write == (kind == WW)) {
                let key = plain(write.key);
                let verb = if earlier.is_write { "wrote" } else { "read" };
                let mut reason = Reason {
                    key: Some(key.clone()),
                    why: format!(
                        "{a} comes before {b}, because on key {key} {a} {verb} {}, and {b} wrote {}",
                        earlier.value, write.value
                    ),
                    witnesses: Vec::new(),
                };
                if earlier.value == "null" {
                    reason.why.push_str(" over the initial state");
                    return Some(reason);
                }
                let number = |text: &str| self.texts.iter().position(|&other| other == text).map(|at| at as u32);
                let key = self.txns.keys.iter().position(|&text| text == write.key)? as u32;
                let version = |text: &str| Some(registers.seen(key, number(text)?));
                let pair = (version(earlier.value)?, version(write.value)?);
                let Some(edge) = by.get(&pair) else { continue };
                let Some(how) = self.precedes(edge, earlier, write) else { continue };
                reason.why.push_str(&how);
                let others = edge.by.iter().copied().filter(|&txn| txn != NONE && txn != from && txn != to);
                reason.witnesses = others.collect();
                return Some(reason);
            }
        }
        None
    }

    /// How the transactions behind an inferred order of two versions show it; `None` if they do not.
    fn precedes(&self, edge: &Precedes, earlier: &Raw, later: &Raw) -> Option<String> {
        let has = |txn: u32, value: &str| self.raw(txn).iter().any(|raw| raw.key == earlier.key && raw.value == value);
        let [one, two] = edge.by;
        if two == NONE {
            let is_so = has(one, earlier.value) && has(one, later.value);
            return is_so.then(|| {
                let process = self.events.process(self.row(one));
                format!(" (a transaction of process {process} read the former and wrote the latter)")
            });
        }
        let (ended, began) = (self.ended(one)?, self.row(two));
        let is_so = has(one, earlier.value) && has(two, later.value) && ended < began;
        is_so.then(|| {
            let (p, q) = (self.events.process(self.row(one)), self.events.process(began));
            format!(
                " (process {p} was done with {} at event {ended}, and process {q} began with {} at event {began})",
                earlier.value, later.value
            )
        })
    }

    /// An anomaly that is no cycle.
    pub fn finding(&self, finding: &Finding) -> Told {
        let key = plain(self.txns.keys[finding.key as usize]);
        let value = if finding.value == NONE { "null" } else { self.texts[finding.value as usize] };
        let txns: Vec<u32> = finding.txns.iter().copied().filter(|&txn| txn != NONE).collect();
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
                format!("{} appended to key {key} behind what {} had appended, which failed.", tell(0), tell(1))
            }
            "duplicate-elements" => format!("{} read some element of key {key} more than once.", tell(0)),
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

fn list(text: &str) -> Vec<&str> {
    elements(text).unwrap_or_default()
}

/// A key without its quotes.
fn plain(text: &str) -> String {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).to_owned()
}

fn short(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    // The end of a list says more than its beginning.
    let half = chars_max / 2;
    let head: String = text.chars().take(half).collect();
    let tail: Vec<char> = text.chars().rev().take(half).collect();
    format!("{head}…{}", tail.into_iter().rev().collect::<String>())
}
