//! From a search's refutation to a proof that a person can read.
//!
//! A search leaves the operations of a short span that exclude each other. What may be left out of them without making
//! the rest look worse than it is: anything that only reads, and a write whose value nobody in the rest saw.
use super::explain::Story;
use super::machine::RegisterMachine;
use super::op::{Action, RegisterHistory, RegisterOp, Value};
use crate::brute;
use crate::intern::FastMap;
use crate::model::{Interval, Machine, NEVER};
use crate::search::{is_impossible, Limits, Refutation};

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
        let mut size = self.ops.len().next_power_of_two() / 2;
        while size > 0 {
            let mut at = 0;
            while at < self.ops.len() && !limits.is_over() {
                let rest = self.without(at, size);
                if rest.ops.len() < self.ops.len() && rest.is_impossible(limits) == Some(true) {
                    *self = rest;
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
    }

    /// All but what may be left out of `size` operations from `from` on.
    fn without(&self, from: usize, size: usize) -> Refuted {
        let chosen = |i: usize| (from..from + size).contains(&i);
        let negates = self.ops.iter().any(|op| matches!(op.action, Action::Not(_)));
        let mut seen: FastMap<Value, usize> = FastMap::default();
        for value in self.ops.iter().filter_map(|op| op.action.observed()) {
            *seen.entry(value).or_default() += 1;
        }
        let mut keep = vec![true; self.ops.len()];
        // Readers first, so that the writes they alone saw may go with them.
        for writes in [false, true] {
            for (i, op) in
                self.ops.iter().enumerate().filter(|&(i, op)| chosen(i) && op.action.written().is_some() == writes)
            {
                let own = usize::from(op.action.observed().is_some() && op.action.observed() == op.action.written());
                let is_seen = op.action.written().is_some_and(|value| seen.get(&value).is_some_and(|&by| by > own));
                if is_seen || (writes && negates) {
                    continue;
                }
                keep[i] = false;
                if let Some(by) = op.action.observed().and_then(|value| seen.get_mut(&value)) {
                    *by -= 1;
                }
            }
        }
        fn filter<T: Copy>(of: &[T], keep: &[bool]) -> Vec<T> {
            of.iter().zip(keep).filter(|(_, &keep)| keep).map(|(&item, _)| item).collect()
        }
        let (ops, optional) = (filter(&self.ops, &keep), filter(&self.optional, &keep));
        Refuted { ops, optional, from_any_state: self.from_any_state, culprit: None }
    }

    /// `None` if that takes too long to say.
    fn is_impossible(&self, limits: Limits) -> Option<bool> {
        let (mut machine, start, ops) = self.numbered();
        let part = |optional: bool| {
            let of = ops.iter().zip(&self.optional).filter(|(_, &is)| is == optional).map(|(op, _)| *op);
            of.collect::<Vec<Interval>>()
        };
        is_impossible(&mut machine, start, &part(false), &part(true), limits)
    }

    /// The same by brute force, where that can be done.
    fn is_refuted(&self, limits: Limits) -> Option<bool> {
        let (mut machine, start, ops) = self.numbered();
        let is_possible = brute::is_possible(&mut machine, start, &ops, &|i| !self.optional[i]);
        is_possible.map(|is_possible| !is_possible).or_else(|| self.is_impossible(limits))
    }

    fn numbered(&self) -> (RegisterMachine, u32, Vec<Interval>) {
        let mut machine = RegisterMachine::new(self.ops.iter().map(|op| op.action).collect());
        let interval = |(action, op): (u32, &RegisterOp)| Interval { call: op.call, ret: op.ret, action };
        let ops = (0..).zip(&self.ops).map(interval).collect();
        let start = if self.from_any_state { machine.unknown() } else { None };
        let start = start.unwrap_or_else(|| machine.initial());
        (machine, start, ops)
    }

    /// The last operation without whose result the others would be possible.
    fn find_culprit(&self, limits: Limits) -> Option<(usize, Vec<Value>)> {
        let mut values: Vec<Value> = self.ops.iter().filter_map(|op| op.action.written()).collect();
        values.extend(self.ops.iter().filter_map(|op| op.action.observed()));
        values.sort_unstable();
        values.dedup();
        (0..self.ops.len()).rev().filter(|&i| !self.optional[i] && self.ops[i].action.observed().is_some()).find_map(
            |i| {
                let mut other = self.clone();
                let mut is_possible = |value: &Value| {
                    other.ops[i].action = match self.ops[i].action {
                        Action::Cas(_, to) => Action::Cas(*value, to),
                        _ => Action::Read(*value),
                    };
                    !limits.is_over() && other.is_impossible(limits) == Some(false)
                };
                let possible: Vec<Value> = values.iter().copied().filter(|value| is_possible(value)).collect();
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
