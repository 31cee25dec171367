//! One object of a history, and its operations as the scans see them.
use rayon::prelude::*;

use super::report::Report;
use crate::events::{invocations_by_key, moment, Events, Kind, Malformed};
use crate::model::NEVER;

/// What is known of an operation's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    /// It did not happen.
    Failed,
    /// It may have happened, or may yet.
    Unknown,
}

/// One client operation. It certainly ended before `ret`, which is `NEVER` while its outcome is unknown.
#[derive(Clone, Copy, Debug)]
pub struct Op {
    /// Of its invocation.
    pub row: u32,
    pub outcome: Outcome,
    pub call: i64,
    pub ret: i64,
    completion: Option<u32>,
}

/// The operations of one key, or of all keys.
pub struct Object<'a, E> {
    pub events: &'a E,
    rows: &'a [u32],
}

/// Looks at every key by itself, in parallel; events without a key are one object.
pub fn each_key<'a, E: Events>(
    events: &'a E,
    check: impl Fn(&Object<'_, E>) -> Result<Report, Malformed> + Sync,
) -> Result<Report, Malformed> {
    let groups: Vec<(Option<&'a str>, Vec<u32>)> = invocations_by_key(events);
    let reports: Vec<Result<Report, Malformed>> =
        groups.par_iter().map(|(_, rows)| check(&Object { events, rows })).collect();
    let mut all = Report::default();
    for (report, (key, rows)) in reports.into_iter().zip(&groups) {
        all.merge(report?, *key, rows.len());
    }
    Ok(all)
}

/// Looks at all client operations as one object.
pub fn whole<E: Events>(
    events: &E,
    check: impl FnOnce(&Object<'_, E>) -> Result<Report, Malformed>,
) -> Result<Report, Malformed> {
    let is_client = |&row: &usize| events.kind(row) == Kind::Invoke && events.process(row) >= 0;
    let rows: Vec<u32> = (0..events.len()).filter(is_client).map(|row| row as u32).collect();
    let mut all = Report::default();
    all.merge(check(&Object { events, rows: &rows })?, None, rows.len());
    Ok(all)
}

impl<'a, E: Events> Object<'a, E> {
    /// In the order of their invocations.
    pub fn ops(&self) -> impl Iterator<Item = Op> + '_ {
        self.rows.iter().map(|&row| self.op(row))
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Of the invocations.
    pub fn rows(&self) -> &'a [u32] {
        self.rows
    }

    pub fn op(&self, row: u32) -> Op {
        let events = self.events;
        let completion = events.partner(row as usize);
        let outcome = match completion.map(|row| events.kind(row)) {
            Some(Kind::Ok) => Outcome::Ok,
            Some(Kind::Fail) => Outcome::Failed,
            _ => Outcome::Unknown,
        };
        let ret = completion.filter(|_| outcome != Outcome::Unknown).map_or(NEVER, |row| events.time(row));
        Op { row, outcome, call: events.time(row as usize), ret, completion: completion.map(|row| row as u32) }
    }

    pub fn f(&self, op: &Op) -> &'a str {
        self.events.f(op.row as usize)
    }

    /// The value it was invoked with.
    pub fn asked(&self, op: &Op) -> Option<&'a str> {
        self.events.value(op.row as usize)
    }

    /// The value it was completed with.
    pub fn answer(&self, op: &Op) -> Option<&'a str> {
        op.completion.and_then(|row| self.events.value(row as usize))
    }

    pub fn error(&self, op: &Op) -> Option<&'a str> {
        op.completion.and_then(|row| self.events.error(row as usize))
    }

    pub fn who(&self, row: u32) -> i64 {
        self.events.process(row as usize)
    }

    /// A moment in words.
    pub fn at(&self, time: i64) -> String {
        moment(self.events, time)
    }

    pub fn malformed_call(&self, op: &Op, message: impl Into<String>) -> Malformed {
        Malformed::at(op.row as usize, message)
    }

    pub fn malformed_answer(&self, op: &Op, message: impl Into<String>) -> Malformed {
        Malformed::at(op.completion.unwrap_or(op.row) as usize, message)
    }

    pub fn unknown_f(&self, op: &Op, what: &str, known: &str) -> Malformed {
        Malformed::unknown_f(op.row as usize, format!("{what} knows {known}, not {:?}", self.f(op)))
    }
}

/// A value as a sentence shows it.
pub fn short(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
