//! From a search's refutation to a proof that a person can read.
//!
//! A search leaves the operations of a short span that exclude each other. What may be left out of them without making
//! the rest look worse than it is: anything that only reads, and a write whose value nobody in the rest saw.
//!
//! That takes a hundred searches of a dozen operations each. They are made of indices, in one machine and one memory:
//! what each would allocate by itself is more than the rest of what it does.
use std::ops::Range;

use super::explain::Story;
use super::machine::RegisterMachine;
use super::op::{Action, RegisterHistory, RegisterOp, Value};
use crate::brute;
use crate::model::{Interval, Machine, NEVER};
use crate::search::{Limits, Refutation, Searches};

/// Larger refutations are reported as they are.
const SHRINK_OPS_MAX: usize = 2_000;

/// Operations that exclude each other, by time of call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refuted {
    pub ops: Vec<RegisterOp>,
    optional: Vec<bool>,
    from_any_state: bool,
    /// The operation that could not have had its result, and the values it could have found, if there is one.
    culprit: Option<(usize, Vec<Value>)>,
}

/// What a second look at a refutation made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reduced {
    Confirmed(Refuted),
    /// The operations are possible after all: one of the two judges is wrong.
    Denied,
    /// The budget ended before the second look did.
    Open,
}

/// Reduces a refutation, once it is confirmed.
pub fn reduce(history: &RegisterHistory, refutation: &Refutation, limits: Limits) -> Reduced {
    let mut ops: Vec<RegisterOp> = refutation.ops.iter().map(|&op| history.ops[op as usize]).collect();
    ops.sort_unstable_by_key(|op| (op.call, op.id));
    let end = history.ops[refutation.stuck_at as usize].ret;
    let start = refutation.span_start.unwrap_or(i64::MIN);
    for op in ops.iter_mut().filter(|op| op.ret > end) {
        op.ret = NEVER;
    }
    let optional = ops.iter().map(|op| op.call < start || op.is_pending()).collect();
    let mut refuted = Refuted { ops, optional, from_any_state: refutation.span_start.is_some(), culprit: None };
    if refuted.ops.len() <= SHRINK_OPS_MAX {
        refuted.shrink(limits.half());
    }
    match refuted.is_refuted(limits) {
        Some(true) => {}
        // Without a span the search has looked at it under two seeds already.
        None if !refuted.from_any_state => {}
        Some(false) => return Reduced::Denied,
        None => return Reduced::Open,
    }
    refuted.culprit = refuted.find_culprit(limits.half());
    for op in &mut refuted.ops {
        op.ret = history.ops.iter().find(|whole| whole.id == op.id).map_or(op.ret, |whole| whole.ret);
    }
    Reduced::Confirmed(refuted)
}

impl Refuted {
    /// Leaves out ever smaller parts for as long as the rest stays impossible.
    fn shrink(&mut self, limits: Limits) {
        let mut trials = Trials::of(self);
        let mut kept: Vec<u32> = (0..self.ops.len() as u32).collect();
        let mut rest = Vec::with_capacity(kept.len());
        let mut sightings = Sightings::of(&self.ops);
        let mut size = kept.len().next_power_of_two() / 2;
        while size > 0 {
            let mut at = 0;
            while at < kept.len() && !limits.is_over() {
                sightings.without(&self.ops, &kept, at..at + size, &mut rest);
                if rest.len() < kept.len() && trials.is_impossible(&rest, limits) == Some(true) {
                    std::mem::swap(&mut kept, &mut rest);
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
        self.ops = kept.iter().map(|&i| self.ops[i as usize]).collect();
        self.optional = kept.iter().map(|&i| self.optional[i as usize]).collect();
    }

    /// Whether they exclude each other, by brute force where that can be done; `None` if that takes too long to say.
    fn is_refuted(&self, limits: Limits) -> Option<bool> {
        let mut trials = Trials::of(self);
        let Trials { machine, start, ops, .. } = &mut trials;
        let is_possible = brute::is_possible(machine, *start, ops, &|i| !self.optional[i]);
        is_possible.map(|is_possible| !is_possible).or_else(|| {
            let all: Vec<u32> = (0..self.ops.len() as u32).collect();
            trials.is_impossible(&all, limits)
        })
    }

    /// The last operation without whose result the others would be possible.
    fn find_culprit(&self, limits: Limits) -> Option<(usize, Vec<Value>)> {
        let mut values: Vec<Value> = self.ops.iter().filter_map(|op| op.action.written()).collect();
        values.extend(self.ops.iter().filter_map(|op| op.action.observed()));
        values.sort_unstable();
        values.dedup();
        let mut trials = Trials::of(self);
        let all: Vec<u32> = (0..self.ops.len() as u32).collect();
        (0..self.ops.len()).rev().filter(|&i| !self.optional[i] && self.ops[i].action.observed().is_some()).find_map(
            |i| {
                let told = self.ops[i].action;
                let mut is_possible = |value: Value| {
                    trials.machine.set(i as u32, told.observing(value));
                    !limits.is_over() && trials.is_impossible(&all, limits) == Some(false)
                };
                let possible: Vec<Value> = values.iter().copied().filter(|&value| is_possible(value)).collect();
                trials.machine.set(i as u32, told);
                (!possible.is_empty()).then_some((i, possible))
            },
        )
    }

    /// The name of the anomaly and what is wrong in words.
    pub fn explain(&self, story: &impl Story) -> (&'static str, String) {
        let count = self.ops.len();
        let Some((culprit, possible)) = &self.culprit else {
            return ("non-linearizable", format!("No order of these {count} operations explains what they found."));
        };
        let op = &self.ops[*culprit];
        let process = story.process(op.id);
        let (call, ret) = (story.moment(op.call), story.moment(op.ret));
        let values: Vec<String> = possible.iter().map(|&value| story.value(value)).collect();
        let deed = match op.action {
            Action::Cas(from, to) => format!("changed {} into {}", story.value(from), story.value(to)),
            action => format!("read {}", story.value(action.observed().unwrap_or_default())),
        };
        let kind = if matches!(op.action, Action::Read(_)) { "stale-read" } else { "non-linearizable" };
        let found = match values.as_slice() {
            [one] => format!("only {one}"),
            [head @ .., last] => format!("only {} or {last}", head.join(", ")),
            [] => String::from("nothing"),
        };
        let others = count - 1;
        (
            kind,
            format!(
                "Process {process} {deed} between {call} and {ret}, but no order of this and the {others} other operations \
                 allows that: it could have found {found}."
            ),
        )
    }
}

/// Searches among some of a refutation's operations, given by their indices.
struct Trials<'a> {
    /// Every operation is an action of its own.
    machine: RegisterMachine,
    start: u32,
    ops: Vec<Interval>,
    is_optional: &'a [bool],
    searches: Searches,
    required: Vec<Interval>,
    optional: Vec<Interval>,
}

impl<'a> Trials<'a> {
    fn of(refuted: &'a Refuted) -> Self {
        let mut machine = RegisterMachine::new(refuted.ops.iter().map(|op| op.action).collect());
        let interval = |(action, op): (u32, &RegisterOp)| Interval { call: op.call, ret: op.ret, action };
        let ops = (0..).zip(&refuted.ops).map(interval).collect();
        let start = if refuted.from_any_state { machine.unknown() } else { None };
        let start = start.unwrap_or_else(|| machine.initial());
        let (searches, required, optional) = (Searches::default(), Vec::new(), Vec::new());
        Self { machine, start, ops, is_optional: &refuted.optional, searches, required, optional }
    }

    /// `None` if that takes too long to say.
    fn is_impossible(&mut self, some: &[u32], limits: Limits) -> Option<bool> {
        self.required.clear();
        self.optional.clear();
        for &i in some {
            let part = if self.is_optional[i as usize] { &mut self.optional } else { &mut self.required };
            part.push(self.ops[i as usize]);
        }
        self.searches.is_impossible(&mut self.machine, self.start, &self.required, &self.optional, limits)
    }
}

/// Who saw the values of whom.
struct Sightings {
    /// Per operation the number of the value that it observed, and of the one that it wrote.
    numbers: Vec<(Option<u32>, Option<u32>)>,
    seen: Vec<u32>,
    /// Whether somebody says what the register did not hold.
    negates: bool,
    is_left_out: Vec<bool>,
}

impl Sightings {
    fn of(ops: &[RegisterOp]) -> Self {
        let mut values: Vec<Value> = ops.iter().filter_map(|op| op.action.observed()).collect();
        values.sort_unstable();
        values.dedup();
        let number = |value: Value| values.binary_search(&value).ok().map(|at| at as u32);
        Self {
            numbers: ops
                .iter()
                .map(|op| (op.action.observed().and_then(number), op.action.written().and_then(number)))
                .collect(),
            seen: vec![0; values.len()],
            negates: false,
            is_left_out: vec![false; ops.len()],
        }
    }

    /// Into `rest` all of `kept` but what may be left out of a part of them.
    fn without(&mut self, ops: &[RegisterOp], kept: &[u32], part: Range<usize>, rest: &mut Vec<u32>) {
        self.seen.fill(0);
        self.negates = false;
        for &i in kept {
            if let (Some(value), _) = self.numbers[i as usize] {
                self.seen[value as usize] += 1;
            }
            self.negates |= matches!(ops[i as usize].action, Action::Not(_));
        }
        let chosen = &kept[part.start..part.end.min(kept.len())];
        // Readers first, so that the writes they alone saw may go with them.
        for writes in [false, true] {
            for &i in chosen.iter().filter(|&&i| ops[i as usize].action.written().is_some() == writes) {
                self.leave_out(i, writes);
            }
        }
        rest.clear();
        rest.extend(kept.iter().filter(|&&i| !self.is_left_out[i as usize]));
        for &i in chosen {
            self.is_left_out[i as usize] = false;
        }
    }

    fn leave_out(&mut self, op: u32, writes: bool) {
        let (observed, written) = self.numbers[op as usize];
        let own = u32::from(observed.is_some() && observed == written);
        let is_seen = written.is_some_and(|value| self.seen[value as usize] > own);
        if is_seen || (writes && self.negates) {
            return;
        }
        self.is_left_out[op as usize] = true;
        if let Some(value) = observed {
            self.seen[value as usize] -= 1;
        }
    }
}
