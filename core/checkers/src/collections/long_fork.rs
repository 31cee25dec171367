//! Long fork: two reads that saw two independent writes in opposite orders.
//!
//! Every key is written once, so a read either sees the write or comes before it. If one read sees x but not y, and
//! another y but not x, no order of the two writes suits both: parallel snapshot isolation allows it, snapshot isolation
//! does not. Reads that saw the same of the same keys are interchangeable, and where no fork is there are no more kinds
//! of them than keys; so of each kind only the first is compared, pair of keys by pair of keys.
use super::judge;
use super::object::{short, whole, Object, Op, Outcome};
use super::report::Report;
use super::scan;
use crate::events::{Events, Malformed};
use crate::intern::{FastMap, Interner};

pub fn check_long_fork(events: &impl Events) -> Result<Report, Malformed> {
    whole(events, |object| {
        let mut forks = Forks::new(object);
        forks.read_writes()?;
        forks.read_reads()?;
        let mut report = forks.finish();
        judge::long_fork(object, &mut report);
        Ok(report)
    })
}

#[derive(Clone, Copy)]
enum Written<'a> {
    Never,
    Once(&'a str),
}

struct Forks<'o, 'a, E> {
    object: &'o Object<'a, E>,
    keys: Interner<'a>,
    names: Vec<&'a str>,
    written: Vec<Written<'a>>,
    /// Keys and values of writes that failed, with one that did.
    failed: FastMap<(u32, &'a str), u32>,
    /// What reads saw, as sorted numbers `2 * key + seen`, with the first that did.
    kinds: FastMap<Box<[u32]>, u32>,
    /// For keys x and y, the first read that saw x but not y.
    saw_without: FastMap<(u32, u32), u32>,
    report: Report,
    early: usize,
    late: usize,
    several: usize,
}

/// One micro-operation: `["r", key, value]` or `["w", key, value]`.
struct Step<'a> {
    is_read: bool,
    key: &'a str,
    value: &'a str,
}

fn steps<'a>(text: &'a str) -> impl Iterator<Item = Option<Step<'a>>> + 'a {
    scan::items(text).map(|item| {
        let [f, key, value] = scan::exactly(item.ok()?)?;
        let is_read = f == "\"r\"";
        (is_read || f == "\"w\"").then_some(Step { is_read, key, value })
    })
}

const SHAPE: &str = "a transaction is a list of [\"r\", key, value] and [\"w\", key, value], not";

impl<'o, 'a, E: Events> Forks<'o, 'a, E> {
    fn new(object: &'o Object<'a, E>) -> Self {
        Self {
            object,
            keys: Interner::new("null", object.len()),
            names: vec!["null"],
            written: vec![Written::Never],
            failed: FastMap::default(),
            kinds: FastMap::default(),
            saw_without: FastMap::default(),
            report: Report::default(),
            early: 0,
            late: 0,
            several: 0,
        }
    }

    fn number(&mut self, key: &'a str) -> u32 {
        let number = self.keys.number(key);
        if number as usize == self.names.len() {
            self.names.push(key);
            self.written.push(Written::Never);
        }
        number
    }

    fn read_writes(&mut self) -> Result<(), Malformed> {
        let object = self.object;
        let mut writes = 0;
        for op in object.ops() {
            if !matches!(object.f(&op), "txn" | "read" | "write") {
                return Err(object.unknown_f(&op, "long-fork", "txn, read and write"));
            }
            let text = object.asked(&op).unwrap_or("null");
            for step in steps(text) {
                let step = step.ok_or_else(|| object.malformed_call(&op, format!("{SHAPE} {}", short(text))))?;
                if step.is_read {
                    continue;
                }
                let number = self.number(step.key);
                let key = number as usize;
                match (self.written[key], op.outcome) {
                    (_, Outcome::Failed) => drop(self.failed.insert((number, step.value), op.row)),
                    (Written::Once(_), _) => {
                        let told = format!("key {} is written a second time", short(step.key));
                        return Err(object.malformed_call(&op, told));
                    }
                    _ => {
                        self.written[key] = Written::Once(step.value);
                        writes += 1;
                    }
                }
            }
        }
        self.report.count("writes", writes);
        Ok(())
    }

    fn read_reads(&mut self) -> Result<(), Malformed> {
        let object = self.object;
        let (mut saw, mut own) = (Vec::new(), Vec::new());
        for op in object.ops().filter(|op| op.outcome == Outcome::Ok) {
            let text = object.answer(&op).unwrap_or("null");
            saw.clear();
            own.clear();
            for step in steps(text) {
                let step = step.ok_or_else(|| object.malformed_answer(&op, format!("{SHAPE} {}", short(text))))?;
                let key = self.number(step.key);
                if !step.is_read {
                    own.push(key);
                } else if step.value == "null" {
                    saw.push(2 * key);
                } else {
                    self.hold_to_write(&op, key, &step);
                    saw.push(2 * key + 1);
                }
            }
            saw.sort_unstable();
            saw.dedup();
            saw.retain(|kind| !own.contains(&(kind / 2)));
            if saw.len() > 1 {
                self.take(&op, &saw);
            }
        }
        Ok(())
    }

    fn hold_to_write(&mut self, op: &Op, key: u32, step: &Step<'_>) {
        let object = self.object;
        let saw = || {
            let (who, at) = (object.who(op.row), object.at(op.ret));
            format!("Process {who} read {} of key {} at {at}", short(step.value), short(step.key))
        };
        if matches!(self.written[key as usize], Written::Once(value) if value == step.value) {
            return;
        }
        match self.failed.get(&(key, step.value)) {
            Some(&write) => self.report.find("aborted-read", step.key, || {
                let by = object.who(write);
                (format!("{}, although its write by process {by} had failed.", saw()), vec![op.row, write])
            }),
            None => {
                self.report.find("thin-air", step.key, || (format!("{}, which nobody wrote.", saw()), vec![op.row]))
            }
        }
    }

    fn take(&mut self, op: &Op, saw: &[u32]) {
        self.several += 1;
        let seen = saw.iter().filter(|&kind| kind & 1 == 1).count();
        self.early += usize::from(seen == 0);
        self.late += usize::from(seen == saw.len());
        if seen == 0 || seen == saw.len() || self.kinds.contains_key(saw) {
            return;
        }
        self.kinds.insert(saw.into(), op.row);
        // A key that was read twice, before and after its write, is left to others.
        let is_once = |place: usize| {
            let is = |other: Option<&u32>| other.is_some_and(|other| other / 2 == saw[place] / 2);
            !is(saw.get(place + 1)) && !is(place.checked_sub(1).and_then(|before| saw.get(before)))
        };
        let once: Vec<u32> = (0..saw.len()).filter(|&place| is_once(place)).map(|place| saw[place]).collect();
        for x in once.iter().filter(|&x| x & 1 == 1).map(|x| x / 2) {
            for y in once.iter().filter(|&y| y & 1 == 0).map(|y| y / 2) {
                self.take_pair(op, x, y);
            }
        }
    }

    /// The read saw x, but not y. A pair of keys is told once, by the first two reads that show it.
    fn take_pair(&mut self, op: &Op, x: u32, y: u32) {
        if self.saw_without.contains_key(&(x, y)) {
            return;
        }
        self.saw_without.insert((x, y), op.row);
        let Some(&other) = self.saw_without.get(&(y, x)) else { return };
        let (object, keys) = (self.object, &self.names);
        self.report.find("long-fork", keys[x as usize], || {
            let (x, y) = (short(keys[x as usize]), short(keys[y as usize]));
            let (first, second) = (object.who(other), object.who(op.row));
            let told = format!(
                "Process {first} saw the write of key {y} at {} but not that of key {x}, and process {second} saw that \
                 of {x} at {} but not that of {y}: no order of the two suits both.",
                object.at(object.op(other).ret),
                object.at(op.ret),
            );
            (told, vec![other, op.row])
        });
    }

    fn finish(mut self) -> Report {
        self.report.count("reads_of_several_keys", self.several);
        self.report.count("reads_before_all_writes", self.early);
        self.report.count("reads_after_all_writes", self.late);
        if self.several == 0 {
            self.report.unproven("no read of several keys returned");
        }
        self.report
    }
}
