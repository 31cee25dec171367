//! What differential tests share: a small random generator, random register histories and an exhaustive oracle.
#![allow(dead_code)] // every test file uses a part of it

pub mod objects;
pub mod table;

use splitbrain_checkers::model::NEVER;
use splitbrain_checkers::register::{Action, RegisterHistory, RegisterOp, Story, Value};

/// SplitMix64: small, seeded, good enough to pick cases.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// Tries every order, by definition: some order of all completed and any pending operations that respects real time
/// and in which every operation finds what it says.
pub fn is_linearizable(ops: &[RegisterOp], state: Value) -> bool {
    fn extend(ops: &[RegisterOp], left: u32, state: Value) -> bool {
        let open = |i: &usize| left >> i & 1 == 1;
        if (0..ops.len()).filter(open).all(|i| ops[i].ret == NEVER) {
            return true;
        }
        (0..ops.len()).filter(open).any(|i| {
            let is_first = (0..ops.len()).filter(open).all(|j| ops[j].ret >= ops[i].call);
            is_first && apply(ops[i].action, state).is_some_and(|next| extend(ops, left & !(1 << i), next))
        })
    }
    extend(ops, (1u32 << ops.len()) - 1, state)
}

pub fn apply(action: Action, state: Value) -> Option<Value> {
    match action {
        Action::Read(value) => (state == value).then_some(state),
        Action::Write(value) => Some(value),
        Action::Cas(from, to) => (state == from).then_some(to),
        Action::Not(value) => (state != value).then_some(state),
    }
}

/// What a random history may contain.
#[derive(Clone, Copy)]
pub struct Shape {
    pub ops_max: u64,
    /// 0: every written value is new; else values below this number.
    pub values: u32,
    pub negations: bool,
}

/// A register served one operation at a time at random points and seen through random intervals, with crashed and
/// failed operations and, often, corrupted results and intervals. Timestamps are few, so that many coincide.
pub fn random_history(random: &mut Random, shape: Shape) -> RegisterHistory {
    let mut source = Source {
        step: random.pick(&[0, 2, 6]),
        width: random.pick(&[1, 4, 12]),
        corrupt: random.pick(&[0, 20, 60]),
        crash: random.pick(&[0, 15, 50]),
        fail: random.pick(&[0, 10]),
        shape,
        random,
        state: 0,
        fresh: 0,
        seen: vec![0],
    };
    let mut history = RegisterHistory::default();
    let mut at = 0;
    for id in 0..shape.ops_max as u32
        - source.random.below(shape.ops_max + 1).min(source.random.below(shape.ops_max + 1)) as u32
    {
        at += source.random.below(source.step + 1) as i64;
        source.add(&mut history, id, at);
    }
    history.values = (source.fresh + 1).max(shape.values);
    history
}

struct Source<'a> {
    step: u64,
    width: u64,
    corrupt: u64,
    crash: u64,
    fail: u64,
    shape: Shape,
    random: &'a mut Random,
    state: Value,
    fresh: Value,
    seen: Vec<Value>,
}

impl Source<'_> {
    fn new_value(&mut self) -> Value {
        if self.shape.values > 0 {
            return self.random.below(u64::from(self.shape.values)) as Value;
        }
        self.fresh += 1;
        self.fresh
    }

    fn found(&mut self) -> Value {
        if self.random.chance(self.corrupt) {
            self.random.pick(&self.seen)
        } else {
            self.state
        }
    }

    fn add(&mut self, history: &mut RegisterHistory, id: u32, at: i64) {
        let mut call = at - self.random.below(self.width) as i64;
        let mut ret = at + self.random.below(self.width) as i64;
        if self.random.chance(self.corrupt / 4) {
            call += self.random.below(6) as i64;
            ret = ret.max(call);
        }
        let action = match self.random.below(10) {
            0..=3 => Action::Read(self.found()),
            4..=6 => Action::Write(self.new_value()),
            7 | 8 => Action::Cas(self.found(), self.new_value()),
            _ if self.shape.negations => {
                let value = self.new_value();
                if value == self.state && !self.random.chance(self.corrupt) {
                    return;
                } else {
                    Action::Not(value)
                }
            }
            _ => Action::Read(self.found()),
        };
        if let (Action::Write(value), true) = (action, self.random.chance(self.fail)) {
            history.aborted.push((id, value));
            self.seen.push(value);
            return;
        }
        let crashed = self.random.chance(self.crash);
        if crashed && action.written().is_none() {
            return;
        }
        ret = if crashed { NEVER } else { ret };
        history.ops.push(RegisterOp { call, ret, action, id });
        if let Some(value) = action.written() {
            self.seen.push(value);
            if !crashed || self.random.chance(50) {
                self.state = value;
            }
        }
    }
}

/// Tells histories by plain numbers.
pub struct Plain;

impl Story for Plain {
    fn process(&self, id: u32) -> i64 {
        i64::from(id)
    }
    fn value(&self, value: Value) -> String {
        value.to_string()
    }
    fn moment(&self, time: i64) -> String {
        format!("{time} ms")
    }
}
