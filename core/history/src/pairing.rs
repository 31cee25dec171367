//! Which completion belongs to which invocation, and what is wrong with a history.
//!
//! One pass serves both, so they cannot disagree. It is apart from reading: a history with problems can still be
//! looked at, and whoever judges one decides what to do about them.
//!
//! A client's process has at most one operation open. Nemeses may run concurrently under one process number, and text
//! formats call all of them `:nemesis`, so below zero an operation is open per process and `f`, and an `info` event
//! without an invocation is a mark (a phase of the run, a fault in a Jepsen history), not a problem.

use std::collections::HashMap;

use crate::history::History;
use crate::kind::Kind;

/// No partner: an open invocation, or an event without one.
pub const NONE: u32 = u32::MAX;

/// One rule of histories that is broken at one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Index of the event that breaks it.
    pub event: usize,
    /// 1-based line of the text file it was read from, if it was.
    pub line: Option<u64>,
    pub message: String,
    /// Without it, what belongs together is unknown. Clocks that went back by a little do occur in recorded histories,
    /// and the order of events is what counts then; so they are told, and no reason to refuse a history.
    pub fatal: bool,
}

/// Processes below this are looked up in a vector; each costs four bytes once any higher one was seen.
const DIRECT_PROCESSES_MAX: i64 = 1 << 22;

/// The open operation of every process.
#[derive(Default)]
struct Open<'a> {
    direct: Vec<u32>,
    sparse: HashMap<i64, u32>,
    nemeses: HashMap<(i64, &'a str), u32>,
}

impl<'a> Open<'a> {
    fn get(&self, process: i64, f: &'a str) -> Option<u32> {
        let found = if process < 0 {
            self.nemeses.get(&(process, f)).copied()
        } else if process < DIRECT_PROCESSES_MAX {
            self.direct.get(process as usize).copied()
        } else {
            self.sparse.get(&process).copied()
        };
        found.filter(|&event| event != NONE)
    }

    fn set(&mut self, process: i64, f: &'a str, event: u32) {
        if process < 0 {
            self.nemeses.insert((process, f), event);
        } else if process < DIRECT_PROCESSES_MAX {
            let place = process as usize;
            if place >= self.direct.len() {
                self.direct.resize(place + 1, NONE);
            }
            self.direct[place] = event;
        } else {
            self.sparse.insert(process, event);
        }
    }
}

pub(crate) enum Finding {
    StillOpen(u32),
    NeverInvoked,
}

/// Calls `found` for every pair and `wrong` for every event that cannot be paired, in order.
pub(crate) fn walk(history: &History, mut found: impl FnMut(u32, u32), mut wrong: impl FnMut(u32, Finding)) {
    let mut open = Open::default();
    for row in 0..history.len() {
        let (process, f, event) = (history.process(row), history.f(row), row as u32);
        let invocation = open.get(process, f);
        if history.kind(row) == Kind::Invoke {
            if let Some(earlier) = invocation {
                wrong(event, Finding::StillOpen(earlier));
            }
            open.set(process, f, event);
        } else if let Some(invocation) = invocation {
            found(invocation, event);
            open.set(process, f, NONE);
        } else if process >= 0 || history.kind(row) != Kind::Info {
            wrong(event, Finding::NeverInvoked);
        }
    }
}

/// For every event the other half of its operation, or `NONE`.
pub fn pair(history: &History) -> Vec<u32> {
    let mut partner = vec![NONE; history.len()];
    walk(
        history,
        |invocation, completion| {
            partner[invocation as usize] = completion;
            partner[completion as usize] = invocation;
        },
        |_, _| {},
    );
    partner
}

/// Broken rules by event, at most `limit`, the fatal ones before others.
pub fn problems(history: &History, limit: usize) -> Vec<Problem> {
    let mut problems = Vec::new();
    let problem = |row, message, fatal| Problem { event: history.index(row), line: history.line(row), message, fatal };
    walk(
        history,
        |_, _| {},
        |event, finding| {
            if problems.len() < limit {
                let row = event as usize;
                problems.push(problem(row, unpaired(history, row, &finding), true));
            }
        },
    );
    for row in 1..history.len() {
        let (before, now) = (history.time(row - 1), history.time(row));
        if now < before && problems.len() < limit {
            let message = format!("time goes backwards: {now} ns after {before} ns of the event before");
            problems.push(problem(row, message, false));
        }
    }
    problems.sort_by_key(|problem| problem.event);
    problems
}

fn unpaired(history: &History, row: usize, finding: &Finding) -> String {
    let (process, f, kind) = (history.process(row), history.f(row), history.kind(row).name());
    match finding {
        Finding::StillOpen(earlier) => format!(
            "process {process} invokes {f:?} while its operation of event {} is still open",
            history.index(*earlier as usize)
        ),
        Finding::NeverInvoked => {
            format!(
                "process {process} completes {f:?} ({kind}) but has no operation open; expected its invocation before"
            )
        }
    }
}
