//! A stack: `push` a value; `pop` the newest, or null if there is none.
use super::names::Names;
use super::{Call, Model, Readable, Unreadable};
use crate::monitors::{judge_stack, Judgement};
use crate::objects::Timed;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StackOp {
    Push(u32),
    Pop(u32),
    /// Found the stack empty.
    Empty,
    /// Took whatever was on top, if anything; nobody knows what.
    PopUnknown,
}

#[derive(Clone, Debug, Default)]
pub struct Stack {
    names: Names,
}

impl Model for Stack {
    type State = Vec<u32>;
    type Op = StackOp;

    fn initial(&self) -> Vec<u32> {
        Vec::new()
    }

    fn step(&self, state: &Vec<u32>, op: &StackOp) -> Option<Vec<u32>> {
        let below = &state[..state.len().saturating_sub(1)];
        match *op {
            StackOp::Push(value) => Some([state.as_slice(), &[value]].concat()),
            StackOp::Pop(value) => (state.last() == Some(&value)).then(|| below.to_vec()),
            StackOp::Empty => state.is_empty().then(Vec::new),
            StackOp::PopUnknown => Some(below.to_vec()),
        }
    }

    fn heap_bytes(&self, state: &Vec<u32>) -> usize {
        size_of_val(state.as_slice())
    }

    fn is_read_only(&self, op: &StackOp) -> bool {
        matches!(op, StackOp::Empty)
    }
}

impl Readable for Stack {
    fn read(&mut self, call: Call<'_>) -> Result<Option<StackOp>, Unreadable> {
        match call.f {
            "push" => Ok(Some(StackOp::Push(self.names.number(call.asked())))),
            "pop" if call.is_pending() => Ok(Some(StackOp::PopUnknown)),
            "pop" if call.answer() == "null" => Ok(Some(StackOp::Empty)),
            "pop" => Ok(Some(StackOp::Pop(self.names.number(call.answer())))),
            _ => Err(call.unknown_f("a stack knows push and pop")),
        }
    }

    fn judge(&self, ops: &[Timed<StackOp>]) -> Judgement<StackOp> {
        judge_stack(ops)
    }
}
