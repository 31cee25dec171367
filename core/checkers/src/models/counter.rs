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
    /// `None` while nobody knows.
    type State = Option<i64>;
    type Op = CounterOp;

    fn initial(&self) -> Self::State {
        Some(0)
    }

    fn unknown(&self) -> Option<Self::State> {
        Some(None)
    }

    fn step(&self, state: &Self::State, op: &CounterOp) -> Option<Self::State> {
        match *op {
            CounterOp::Add(number) => Some(state.map(|count| count.wrapping_add(number))),
            CounterOp::Read(seen) => state.is_none_or(|count| count == seen).then_some(Some(seen)),
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
