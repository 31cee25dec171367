//! Histories of collections for differential tests: operations with intervals, laid out as events.
#![allow(dead_code)] // every test file uses a part of it

use splitbrain_checkers::collections::Report;
use splitbrain_checkers::events::Kind;

use crate::common::table::Table;
use crate::common::Random;

pub const NEVER: i64 = i64::MAX;

/// One operation: what it was asked, what came back, and when.
#[derive(Clone, Debug)]
pub struct Draft {
    pub f: &'static str,
    pub kind: Kind,
    pub call: i64,
    pub ret: i64,
    pub asked: String,
    pub answer: String,
    pub process: i64,
}

impl Draft {
    pub fn is_ok(&self) -> bool {
        self.kind == Kind::Ok
    }

    pub fn may_have_happened(&self) -> bool {
        self.kind != Kind::Fail
    }

    /// When it had certainly ended.
    pub fn end(&self) -> i64 {
        if self.kind == Kind::Ok {
            self.ret
        } else {
            NEVER
        }
    }
}

/// Random operations around the moments at which they take effect: each served in order of its moment.
pub struct Source<'r> {
    pub random: &'r mut Random,
    pub at: i64,
    step: u64,
    width: u64,
    crash: u64,
    fail: u64,
    pub corrupt: u64,
}

impl<'r> Source<'r> {
    pub fn new(random: &'r mut Random) -> Self {
        let pick = |random: &mut Random, from: &[u64]| random.pick(from);
        let step = pick(random, &[0, 2, 6]);
        let width = pick(random, &[1, 4, 12]);
        let crash = pick(random, &[0, 15, 50]);
        let fail = pick(random, &[0, 15]);
        let corrupt = pick(random, &[0, 20, 60]);
        Self { random, at: 0, step, width, crash, fail, corrupt }
    }

    pub fn is_corrupt(&mut self) -> bool {
        self.random.chance(self.corrupt)
    }

    /// The next operation, without an answer. Its process is its own.
    pub fn next(&mut self, f: &'static str, asked: impl Into<String>, process: i64) -> Draft {
        self.at += self.random.below(self.step + 1) as i64;
        let call = self.at - self.random.below(self.width) as i64;
        let ret = self.at + self.random.below(self.width) as i64;
        let kind = match self.random.below(100) {
            chance if chance < self.crash => Kind::Info,
            chance if chance < self.crash + self.fail => Kind::Fail,
            _ => Kind::Ok,
        };
        let asked = asked.into();
        Draft { f, kind, call, ret, answer: asked.clone(), asked, process }
    }

    /// Whether an operation of this kind takes effect.
    pub fn happens(&mut self, kind: Kind) -> bool {
        kind == Kind::Ok || kind == Kind::Info && self.random.chance(50)
    }
}

/// The events, by time; among equal times, invocations first.
pub fn table(drafts: &[Draft], mark: Option<i64>) -> Table {
    let mut rows: Vec<(i64, bool, Option<&Draft>)> = Vec::new();
    for draft in drafts {
        rows.push((draft.call, false, Some(draft)));
        rows.push((draft.ret, true, Some(draft)));
    }
    if let Some(mark) = mark {
        rows.push((mark, false, None));
    }
    rows.sort_by_key(|row| (row.0, row.1));
    let mut table = Table::default();
    for (time, is_completion, draft) in rows {
        table = match draft {
            None => table.event(time, -1, Kind::Info, "phase", "\"final\""),
            Some(draft) if is_completion => {
                let value = if draft.is_ok() { &draft.answer } else { &draft.asked };
                table.event(time, draft.process, draft.kind, draft.f, value)
            }
            Some(draft) => table.event(time, draft.process, Kind::Invoke, draft.f, &draft.asked),
        };
    }
    table
}

pub fn list<T: ToString>(items: &[T]) -> String {
    format!("[{}]", items.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
}

pub fn found(report: &Report, kind: &str) -> usize {
    report.found_of(kind) as usize
}

pub fn counted(report: &Report, name: &str) -> usize {
    report.counts.iter().find(|count| count.0 == name).map_or(0, |count| count.1 as usize)
}

pub fn sample(report: &Report, name: &str) -> Vec<i64> {
    let mut sample = report.samples.iter().find(|sample| sample.0 == name).map_or(vec![], |sample| sample.1.clone());
    sample.sort_unstable();
    sample
}

/// The history of the operations of a proof alone: it must show the same violation.
pub fn proof(drafts: &[Draft], table: &Table, ops: &[u32]) -> Vec<Draft> {
    let processes: Vec<i64> = ops.iter().map(|&row| table.rows[row as usize].process).collect();
    let calls: Vec<i64> = ops.iter().map(|&row| table.rows[row as usize].time).collect();
    let is_in = |draft: &&Draft| (0..ops.len()).any(|at| processes[at] == draft.process && calls[at] == draft.call);
    drafts.iter().filter(is_in).cloned().collect()
}
