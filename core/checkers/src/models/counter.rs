//! A counter: `add` (a whole number, 1 if none is given), `read`.
use super::names::integer;
use super::{Call, Model, Readable, Unreadable};
use crate::monitors::{judge_counter, Judgement};
use crate::objects::Timed;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterOp {
    Add(i64),
    Read(i64),
}

/// Starts at zero.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter;

impl Model for Counter {
    type State = i64;
    type Op = CounterOp;

    fn initial(&self) -> i64 {
        0
    }

    fn step(&self, state: &i64, op: &CounterOp) -> Option<i64> {
        match *op {
            CounterOp::Add(number) => Some(state.wrapping_add(number)),
            CounterOp::Read(seen) => (*state == seen).then_some(seen),
        }
    }

    fn is_read_only(&self, op: &CounterOp) -> bool {
        matches!(op, CounterOp::Read(_) | CounterOp::Add(0))
    }
}

impl Readable for Counter {
    fn read(&mut self, call: Call<'_>) -> Result<Option<CounterOp>, Unreadable> {
        match call.f {
            "add" => Ok(Some(CounterOp::Add(call.argument.map_or(Ok(1), integer)?))),
            "read" if call.is_pending() => Ok(None),
            "read" => Ok(Some(CounterOp::Read(integer(call.answer())?))),
            _ => Err(call.unknown_f("a counter knows add and read")),
        }
    }

    fn judge(&self, ops: &[Timed<CounterOp>]) -> Judgement<CounterOp> {
        judge_counter(ops)
    }
}
