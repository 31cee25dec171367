//! From a conflict to the few operations that prove it.
//!
//! A proof is a sub-history that is not linearizable by itself, and whose failure says something about the whole. Reads
//! may always be left out of a history; the writer of a value that somebody sees may not, or its readers would seem to
//! have seen a value from nowhere. The one thing that may be taken from such a writer is what it saw itself: a
//! compare-and-set that is treated as a plain write promises less, and cuts off the chain of values behind it.
use std::collections::{HashMap, HashSet};

use super::chains::NONE;
use super::conflict::Conflict;
use super::machine::RegisterMachine;
use super::op::{Action, RegisterHistory, RegisterOp, Value, INITIAL};
use super::zones::{judge, Outcome};
use crate::brute;
use crate::model::Interval;

/// Up to this many operations, compare-and-sets are shown with everything that leads to them.
const READABLE_OPS_MAX: usize = 6;

/// A sub-history that is not linearizable, confirmed by brute force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// By time of call. A compare-and-set may appear as the write of what it left.
    pub ops: Vec<RegisterOp>,
    /// What is wrong with them, in indices into `ops`.
    pub conflict: Conflict,
}

/// Reduces `conflict` to a proof; `None` if brute force does not confirm it (then nothing must be reported).
pub fn prove(history: &RegisterHistory, conflict: &Conflict) -> Option<Witness> {
    let lineage = Lineage::of(history);
    let core = Core::of(history, conflict);
    let full = lineage.supported(&core, true);
    let best = if core.is_whole {
        full?
    } else {
        let short = shrink(lineage.supported(&core, false)?);
        let limit = READABLE_OPS_MAX.max(short.len());
        full.map(shrink).filter(|ops| ops.len() <= limit && is_violation(ops)).unwrap_or(short)
    };
    is_violation(&best).then(|| Witness { conflict: retell(&best, history, conflict), ops: best })
}

/// What a conflict is about.
struct Core {
    ops: Vec<u32>,
    /// The values whose order is in question. Chains need not be told from before the first of them.
    places: HashSet<Value>,
    /// Every operation matters: a value that came from nowhere stays so if operations are left out.
    is_whole: bool,
}

impl Core {
    fn of(history: &RegisterHistory, conflict: &Conflict) -> Core {
        let action = |op: u32| history.ops[op as usize].action;
        let (ops, place, is_whole) = match conflict {
            Conflict::ThinAir { observer } | Conflict::Aborted { observer, .. } => (vec![*observer], None, true),
            Conflict::Cycle { ops } => (ops.clone(), None, true),
            Conflict::Fork { first, second } => (vec![*first, *second], action(*first).observed(), false),
            Conflict::Order { earlier, later } => (vec![*earlier, *later], None, false),
            Conflict::Zones { first: Some(first), second, third, fourth } => {
                (vec![*first, *second, *third, *fourth], None, false)
            }
            Conflict::Zones { first: None, second, third, fourth } => {
                (vec![*second, *third, *fourth], Some(INITIAL), false)
            }
        };
        let of_ops = ops.iter().filter_map(|&op| action(op).written().or(action(op).observed()));
        let places = of_ops.chain(place).collect();
        Core { ops, places, is_whole }
    }
}

/// Where values come from and who proves that they were there.
struct Lineage<'a> {
    history: &'a RegisterHistory,
    writer: Vec<u32>,
    observer: Vec<u32>,
}

impl<'a> Lineage<'a> {
    fn of(history: &'a RegisterHistory) -> Self {
        let mut writer = vec![NONE; history.values as usize];
        for (index, op) in history.ops.iter().enumerate() {
            if let Some(value) = op.action.written() {
                writer[value as usize] = index as u32;
            }
        }
        let mut observer = vec![NONE; history.values as usize];
        for (index, op) in history.ops.iter().enumerate().filter(|(_, op)| !op.is_pending()) {
            let mut sight = op.action.observed().map(|value| (value, index as u32));
            while let Some((value, by)) = sight.filter(|(value, _)| observer[*value as usize] == NONE) {
                observer[value as usize] = by;
                let by = writer[value as usize];
                sight = history.ops.get(by as usize).and_then(|op| op.action.observed()).map(|value| (value, by));
            }
        }
        Lineage { history, writer, observer }
    }

    fn writer(&self, value: Value) -> Option<u32> {
        let writer = self.writer[value as usize];
        (value != INITIAL && writer != NONE).then_some(writer)
    }

    /// The core with all that it needs to be a history: writers of observed values and observers of pending writes.
    ///
    /// If not `full`, chains begin at the first value that the core is about, with its compare-and-set as a write.
    fn supported(&self, core: &Core, full: bool) -> Option<Vec<RegisterOp>> {
        let mut chosen: HashMap<u32, Action> = HashMap::new();
        let mut todo = core.ops.clone();
        while let Some(op) = todo.pop() {
            if chosen.len() > brute::OPS_MAX {
                return None;
            }
            if chosen.contains_key(&op) {
                continue;
            }
            let action = self.history.ops[op as usize].action;
            let starts_chain = !full && action.written().is_some_and(|value| self.leads(value, &core.places));
            let action = match (action, starts_chain) {
                (Action::Cas(_, to), true) => Action::Write(to),
                _ => action,
            };
            chosen.insert(op, action);
            todo.extend(action.observed().and_then(|value| self.writer(value)));
            if let Some(value) = action.written().filter(|_| self.history.ops[op as usize].is_pending()) {
                let observer = self.observer[value as usize];
                todo.extend((observer != NONE).then_some(observer));
            }
        }
        let mut ops: Vec<RegisterOp> =
            chosen.into_iter().map(|(op, action)| RegisterOp { action, ..self.history.ops[op as usize] }).collect();
        ops.sort_unstable_by_key(|op| (op.call, op.id));
        Some(ops)
    }

    /// Whether none of the other places lies before `value` in its chain.
    fn leads(&self, value: Value, places: &HashSet<Value>) -> bool {
        let before = |value: &Value| self.history.ops[self.writer(*value)? as usize].action.observed();
        // A cycle would lead round for ever; there are no more values than operations.
        let ancestors = std::iter::successors(before(&value), before).take(self.history.ops.len());
        !ancestors.into_iter().any(|ancestor| places.contains(&ancestor))
    }
}

/// Drops what is not needed, one operation at a time, for as long as the rest stays a violation.
fn shrink(mut ops: Vec<RegisterOp>) -> Vec<RegisterOp> {
    let mut at = 0;
    while at < ops.len() {
        let mut rest = ops.clone();
        let gone = rest.remove(at);
        let needed =
            gone.action.written().is_some_and(|value| rest.iter().any(|op| op.action.observed() == Some(value)));
        if !needed && is_violation(&rest) {
            ops = rest;
            at = 0;
        } else {
            at += 1;
        }
    }
    ops
}

fn is_violation(ops: &[RegisterOp]) -> bool {
    let mut machine = RegisterMachine::new(ops.iter().map(|op| op.action).collect());
    let intervals: Vec<Interval> = ops
        .iter()
        .enumerate()
        .map(|(action, op)| Interval { call: op.call, ret: op.ret, action: action as u32 })
        .collect();
    brute::is_linearizable(&mut machine, &intervals) == Some(false)
}

/// The conflict of the reduced history, in its own indices.
fn retell(ops: &[RegisterOp], history: &RegisterHistory, original: &Conflict) -> Conflict {
    let mut names: HashMap<Value, Value> = HashMap::from([(INITIAL, INITIAL)]);
    let mut name = |value: Value| {
        let next = names.len() as Value;
        *names.entry(value).or_insert(next)
    };
    let ops: Vec<RegisterOp> = ops
        .iter()
        .map(|op| {
            let action = match op.action {
                Action::Read(value) => Action::Read(name(value)),
                Action::Write(value) => Action::Write(name(value)),
                Action::Cas(from, to) => Action::Cas(name(from), name(to)),
                Action::Not(value) => Action::Not(name(value)),
            };
            RegisterOp { action, ..*op }
        })
        .collect();
    let aborted = history.aborted.iter().filter_map(|&(id, value)| Some((id, *names.get(&value)?))).collect();
    let values = names.len() as Value;
    match judge(&RegisterHistory { ops, values, aborted }) {
        Outcome::Violation(conflict) => conflict,
        Outcome::Linearizable | Outcome::Undecided => original.clone(),
    }
}
