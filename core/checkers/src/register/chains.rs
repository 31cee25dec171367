//! Who wrote what, who saw it, and which compare-and-set replaced it, for histories in which no observed value has two
//! writers.
use super::conflict::Conflict;
use super::op::{Action, RegisterHistory, RegisterOp, Value, INITIAL};
use crate::model::NEVER;

pub const NONE: u32 = u32::MAX;

/// A moment, and the operation that attains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extreme {
    pub time: i64,
    pub op: u32,
}

impl Extreme {
    pub const LATEST: Extreme = Extreme { time: NEVER, op: NONE };
    pub const EARLIEST: Extreme = Extreme { time: i64::MIN, op: NONE };

    pub fn min(self, time: i64, op: u32) -> Self {
        if time < self.time {
            Extreme { time, op }
        } else {
            self
        }
    }

    pub fn max(self, time: i64, op: u32) -> Self {
        if time > self.time {
            Extreme { time, op }
        } else {
            self
        }
    }
}

/// The reads of one value, as far as their order matters.
#[derive(Clone, Copy, Debug)]
pub struct Reads {
    pub first_ret: Extreme,
    pub last_call: Extreme,
}

impl Reads {
    const NO_READS: Reads = Reads { first_ret: Extreme::LATEST, last_call: Extreme::EARLIEST };
}

/// One value in a chain: the operation that wrote it (none for the initial value) and its reads.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    pub writer: Option<u32>,
    pub value: Value,
    pub reads: Reads,
}

/// Why chains could not be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// An observed value has two possible writers.
    NotUnique(Value),
    /// A refused compare-and-set that only says what it did not find.
    Negation,
    /// The history is wrong already.
    Violation(Conflict),
}

/// A compare-and-set that found `u` and left `v` stands directly between the two values, so values form chains, each
/// of which starts with a plain write or with the initial value.
#[derive(Debug)]
pub struct Chains {
    writer: Vec<u32>,
    successor: Vec<u32>,
    reads: Vec<Reads>,
    roots: Vec<u32>,
    cas_count: usize,
}

impl Chains {
    /// Links the values of `history`, in linear time.
    ///
    /// A pending write or compare-and-set counts exactly if its value was observed. Leaving out the others is sound and
    /// complete: they may never have happened, and taking away a write that nobody saw invalidates nothing.
    pub fn build(history: &RegisterHistory) -> Result<Chains, Obstacle> {
        let size = history.values as usize;
        let (writer, shared) = writers(history);
        if let Some(conflict) = find_from_nowhere(history, &writer) {
            return Err(Obstacle::Violation(conflict));
        }
        let observed = observed(history, &writer);
        if let Some(value) = (0..size).find(|&v| observed[v] && shared[v]) {
            return Err(Obstacle::NotUnique(value as Value));
        }
        let mut chains = Chains {
            writer,
            successor: vec![NONE; size],
            reads: vec![Reads::NO_READS; size],
            roots: Vec::new(),
            cas_count: 0,
        };
        for (index, op) in history.ops.iter().enumerate() {
            chains.link(history, index as u32, op, &observed)?;
        }
        Ok(chains)
    }

    fn link(
        &mut self,
        history: &RegisterHistory,
        index: u32,
        op: &RegisterOp,
        observed: &[bool],
    ) -> Result<(), Obstacle> {
        if op.is_pending() && !op.action.written().is_some_and(|value| observed[value as usize]) {
            return Ok(());
        }
        if let Some(value) = op.action.observed() {
            if value != INITIAL && self.writer[value as usize] == NONE {
                return Err(Obstacle::Violation(from_nowhere(history, index, value)));
            }
        }
        match op.action {
            Action::Read(value) => {
                let reads = &mut self.reads[value as usize];
                reads.first_ret = reads.first_ret.min(op.ret, index);
                reads.last_call = reads.last_call.max(op.call, index);
            }
            Action::Write(_) => self.roots.push(index),
            Action::Cas(from, _) => {
                let successor = &mut self.successor[from as usize];
                if *successor != NONE {
                    return Err(Obstacle::Violation(Conflict::Fork { first: *successor, second: index }));
                }
                *successor = index;
                self.cas_count += 1;
            }
            Action::Not(_) => return Err(Obstacle::Negation),
        }
        Ok(())
    }

    /// The first operation of every chain; `None` stands for the initial value.
    pub fn roots(&self) -> impl Iterator<Item = Option<u32>> + '_ {
        std::iter::once(None).chain(self.roots.iter().map(|&root| Some(root)))
    }

    /// The values of the chain that starts at `root`, in order.
    pub fn walk<'a>(&'a self, ops: &'a [RegisterOp], root: Option<u32>) -> impl Iterator<Item = Link> + 'a {
        let first = self.at(ops, root);
        std::iter::successors(Some(first), move |link| {
            let next = self.successor[link.value as usize];
            // A value that nobody observed has no successor even if another writer shares it.
            (next != NONE).then(|| self.at(ops, Some(next)))
        })
    }

    fn at(&self, ops: &[RegisterOp], writer: Option<u32>) -> Link {
        let value = writer.and_then(|op| ops[op as usize].action.written()).unwrap_or(INITIAL);
        Link { writer, value, reads: self.reads[value as usize] }
    }

    /// How many compare-and-sets took effect. Those that no root leads to form cycles.
    pub fn cas_count(&self) -> usize {
        self.cas_count
    }

    /// A cycle of compare-and-sets, each of which found what the one before it left.
    pub fn cycle(&self, ops: &[RegisterOp]) -> Vec<u32> {
        let mut reached = vec![false; self.successor.len()];
        for root in self.roots() {
            for link in self.walk(ops, root) {
                reached[link.value as usize] = true;
            }
        }
        let start = (0..self.successor.len()).find(|&v| self.successor[v] != NONE && !reached[v]);
        let Some(start) = start else { return Vec::new() };
        // No value has two writers, so every rootless value lies on a cycle or behind one: go back far enough first.
        let back = |value: Value| ops[self.writer[value as usize] as usize].action.observed().unwrap_or(INITIAL);
        let on_cycle = (0..self.cas_count).fold(start as Value, |value, _| back(value));
        let mut cycle = Vec::new();
        let mut value = on_cycle;
        loop {
            cycle.push(self.writer[value as usize]);
            value = back(value);
            if value == on_cycle {
                cycle.reverse();
                return cycle;
            }
        }
    }
}

/// Per value its writer, and whether it has more than one. The initial value counts as written before everything.
fn writers(history: &RegisterHistory) -> (Vec<u32>, Vec<bool>) {
    let mut writer = vec![NONE; history.values as usize];
    let mut shared = vec![false; history.values as usize];
    for (index, op) in history.ops.iter().enumerate() {
        if let Some(value) = op.action.written() {
            shared[value as usize] = value == INITIAL || writer[value as usize] != NONE;
            writer[value as usize] = index as u32;
        }
    }
    (writer, shared)
}

/// Which values somebody certainly saw. A pending compare-and-set whose value was seen has seen its own in turn.
fn observed(history: &RegisterHistory, writer: &[u32]) -> Vec<bool> {
    let mut observed = vec![false; history.values as usize];
    let mut reach: Vec<Value> = Vec::new();
    for op in history.ops.iter().filter(|op| !op.is_pending()) {
        reach.extend(op.action.observed());
        while let Some(value) = reach.pop() {
            if std::mem::replace(&mut observed[value as usize], true) || writer[value as usize] == NONE {
                continue;
            }
            reach.extend(history.ops[writer[value as usize] as usize].action.observed());
        }
    }
    observed
}

/// A value that somebody certainly saw and nobody wrote, if there is one.
fn find_from_nowhere(history: &RegisterHistory, writer: &[u32]) -> Option<Conflict> {
    let is_written = |value: Value| value == INITIAL || writer[value as usize] != NONE;
    let completed = (0u32..).zip(&history.ops).filter(|(_, op)| !op.is_pending());
    completed
        .filter_map(|(index, op)| Some((index, op.action.observed()?)))
        .find(|&(_, value)| !is_written(value))
        .map(|(index, value)| from_nowhere(history, index, value))
}

fn from_nowhere(history: &RegisterHistory, observer: u32, value: Value) -> Conflict {
    match history.aborted.iter().find(|(_, aborted)| *aborted == value) {
        Some(&(writer, _)) => Conflict::Aborted { observer, writer },
        None => Conflict::ThinAir { observer },
    }
}
