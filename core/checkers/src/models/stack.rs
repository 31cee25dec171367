//! A stack: `push` a value; `pop` the newest, or null if there is none.
use super::late_stack::LateStack;
use super::names::Names;
use super::{Call, Interned, Model, Readable, Unreadable};
use crate::monitors::{judge_stack, Judgement};
use crate::objects::Timed;
use crate::search::{search, Answer, Limits};

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

/// What lies on a stack, the newest last.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Held {
    /// Nobody knows what lies below, if anything.
    pub on_unknown: bool,
    pub known: Vec<u32>,
}

impl Model for Stack {
    type State = Held;
    type Op = StackOp;

    fn initial(&self) -> Held {
        Held { on_unknown: false, known: Vec::new() }
    }

    fn unknown(&self) -> Option<Held> {
        Some(Held { on_unknown: true, known: Vec::new() })
    }

    fn step(&self, Held { on_unknown, known }: &Held, op: &StackOp) -> Option<Held> {
        let on_unknown = *on_unknown;
        let below = &known[..known.len().saturating_sub(1)];
        match *op {
            StackOp::Push(value) => Some(Held { on_unknown, known: [known.as_slice(), &[value]].concat() }),
            StackOp::Pop(value) => {
                let fits = known.last().map_or(on_unknown, |&last| last == value);
                fits.then(|| Held { on_unknown, known: below.to_vec() })
            }
            StackOp::Empty => known.is_empty().then(|| self.initial()),
            StackOp::PopUnknown => Some(Held { on_unknown, known: below.to_vec() }),
        }
    }

    fn heap_bytes(&self, state: &Held) -> usize {
        size_of_val(state.known.as_slice())
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

    fn search(&self, ops: &[&Timed<StackOp>], limits: Limits) -> Option<Answer> {
        let (model, late) = LateStack::new(ops)?;
        let timed = ops.iter().zip(&late).map(|(timed, op)| (timed.call, timed.ret, op));
        let (mut machine, ops) = Interned::numbered(&model, timed);
        Some(search(&mut machine, &ops, limits))
    }

    fn judge(&self, ops: &[Timed<StackOp>]) -> Judgement<StackOp> {
        judge_stack(ops)
    }
}
