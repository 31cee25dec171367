//! Data types, each described by what it does when it is used by one client at a time.
mod counter;
mod kv;
mod late_queue;
mod late_stack;
mod multi_register;
mod names;
mod permits;
mod priority_queue;
mod queue;
mod set;
mod stack;

use std::hash::Hash;

use crate::intern::{FastMap, FastSet};
use crate::model::{Interval, Machine};
use crate::monitors::Judgement;
use crate::objects::Timed;
use crate::search::{Answer, Limits};

pub use counter::{Counter, CounterOp};
pub use kv::{Kv, KvOp};
pub use multi_register::{Micro, MultiRegister};
pub use permits::{PermitOp, Permits};
pub use priority_queue::{PriorityQueue, PriorityQueueOp};
pub use queue::{Queue, QueueOp};
pub use set::{Set, SetOp};
pub use stack::{Held as StackHeld, Stack, StackOp};

/// A sequential data type. An operation includes its observed result, or none if its client never heard of one.
pub trait Model: Sync {
    type State: Clone + Eq + Hash + Send;
    type Op: Clone + Eq + Hash + Send + Sync;

    fn initial(&self) -> Self::State;

    /// The state after `op`, or `None` if `op` cannot have had its result in this state.
    fn step(&self, state: &Self::State, op: &Self::Op) -> Option<Self::State>;

    /// True only if `op`, wherever it is possible, leaves the state as it was (an unknown state may become known).
    fn is_read_only(&self, op: &Self::Op) -> bool;

    /// Whether others of these operations could lead from `state` to one in which `op` is possible. May err on the side
    /// of yes.
    fn may_lead_to(&self, _state: &Self::State, _op: &Self::Op) -> bool {
        true
    }

    /// A state that stands for any state, if the type has one (see `Machine::unknown`).
    fn unknown(&self) -> Option<Self::State> {
        None
    }

    /// The memory a state holds beside its own size.
    fn heap_bytes(&self, _state: &Self::State) -> usize {
        0
    }
}

/// One client operation, as text.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub f: &'a str,
    /// What was asked: the value of the invocation, as JSON text.
    pub argument: Option<&'a str>,
    /// What was answered: the value of the completion; `None` if nobody knows.
    pub result: Option<Option<&'a str>>,
}

impl Call<'_> {
    pub fn is_pending(&self) -> bool {
        self.result.is_none()
    }

    /// The answer as text; null if there was none.
    pub fn answer(&self) -> &str {
        self.result.flatten().unwrap_or("null")
    }

    pub fn asked(&self) -> &str {
        self.argument.unwrap_or("null")
    }

    pub(crate) fn unknown_f(&self, what: &str) -> Unreadable {
        Unreadable { message: format!("{what}, not {:?}", self.f), unknown_f: true }
    }
}

/// Why a call is not one of a model.
#[derive(Debug)]
pub struct Unreadable {
    pub message: String,
    /// It is the function that the model does not know.
    pub unknown_f: bool,
}

impl From<String> for Unreadable {
    fn from(message: String) -> Self {
        Self { message, unknown_f: false }
    }
}

/// A model that can read its operations from a history. It may number the values it meets.
pub trait Readable: Model {
    /// `Ok(None)` for an operation that says nothing, such as a read without an answer.
    fn read(&mut self, call: Call<'_>) -> Result<Option<Self::Op>, Unreadable>;

    /// The operations that a `drain` consists of, where a type has it.
    fn drain(&mut self, call: Call<'_>) -> Result<Vec<Self::Op>, Unreadable> {
        self.read(call).map(Vec::from_iter)
    }

    /// The objects that an operation touches, if the type consists of independent ones.
    fn objects(&self, _op: &Self::Op) -> Vec<u32> {
        Vec::new()
    }

    /// Decides by a search that takes less than one over the states of the type, if there is one for such operations.
    fn search(&self, _ops: &[&Timed<Self::Op>], _limits: Limits) -> Option<Answer> {
        None
    }

    /// Decides without a search, if that can be done.
    fn judge(&self, _ops: &[Timed<Self::Op>]) -> Judgement<Self::Op> {
        Judgement::Undecided
    }
}

/// What a `drain` of a queue returned, element by element.
///
/// One client dequeues until it finds nothing. When it did so in between nobody knows: each of its dequeues may have been
/// anywhere in the drain, and in any order.
fn drained<'a>(call: &'a Call<'_>) -> Result<Vec<&'a str>, String> {
    if call.is_pending() {
        return Err("a drain of unknown outcome may have taken anything; total-queue judges such histories".to_owned());
    }
    let answer = call.answer();
    let elements = if answer == "null" { Some(Vec::new()) } else { crate::json::elements(answer) };
    elements.ok_or_else(|| format!("a drain returns a list, not {answer}"))
}

/// A machine whose states are numbered as they are met, with every transition computed once.
pub struct Interned<'a, M: Model> {
    model: &'a M,
    ops: Vec<M::Op>,
    states: FastMap<u32, M::State>,
    numbers: FastMap<M::State, u32>,
    next_number: u32,
    transitions: FastMap<(u32, u32), Option<u32>>,
    heap_bytes: usize,
}

/// A guess at what a state and its transitions cost beside the state's own size.
const STATE_BYTES: usize = 160;

impl<'a, M: Model> Interned<'a, M> {
    pub fn new(model: &'a M, ops: Vec<M::Op>) -> Self {
        let (states, numbers, transitions) = (FastMap::default(), FastMap::default(), FastMap::default());
        Self { model, ops, states, numbers, next_number: 0, transitions, heap_bytes: 0 }
    }

    /// The machine for these operations, and their intervals, with equal actions under equal numbers.
    pub fn numbered<'o>(model: &'a M, ops: impl Iterator<Item = (i64, i64, &'o M::Op)>) -> (Self, Vec<Interval>)
    where
        M::Op: 'o,
    {
        let mut actions: Vec<M::Op> = Vec::new();
        let mut numbers: FastMap<&M::Op, u32> = FastMap::default();
        let number = |(call, ret, op)| {
            let action = *numbers.entry(op).or_insert_with(|| {
                actions.push(op.clone());
                actions.len() as u32 - 1
            });
            Interval { call, ret, action }
        };
        let ops = ops.map(number).collect();
        (Self::new(model, actions), ops)
    }

    fn number(&mut self, state: M::State) -> u32 {
        if let Some(&number) = self.numbers.get(&state) {
            return number;
        }
        let number = self.next_number;
        self.next_number += 1;
        self.heap_bytes += 2 * self.model.heap_bytes(&state);
        self.numbers.insert(state.clone(), number);
        self.states.insert(number, state);
        number
    }
}

impl<M: Model> Machine for Interned<'_, M> {
    fn initial(&mut self) -> u32 {
        self.number(self.model.initial())
    }

    fn unknown(&mut self) -> Option<u32> {
        let state = self.model.unknown()?;
        Some(self.number(state))
    }

    fn step(&mut self, state: u32, action: u32) -> Option<u32> {
        if let Some(&known) = self.transitions.get(&(state, action)) {
            return known;
        }
        let next = self.model.step(&self.states[&state], &self.ops[action as usize]);
        let next = next.map(|next| self.number(next));
        self.transitions.insert((state, action), next);
        next
    }

    fn is_read_only(&self, action: u32) -> bool {
        self.model.is_read_only(&self.ops[action as usize])
    }

    fn may_lead_to(&self, state: u32, action: u32) -> bool {
        self.model.may_lead_to(&self.states[&state], &self.ops[action as usize])
    }

    fn keep_only(&mut self, states: &FastSet<u32>) {
        self.states.retain(|number, _| states.contains(number));
        self.numbers.retain(|_, number| states.contains(number));
        self.transitions = FastMap::default();
        self.states.shrink_to_fit();
        self.numbers.shrink_to_fit();
        self.heap_bytes = self.states.values().map(|state| 2 * self.model.heap_bytes(state)).sum();
    }

    fn bytes(&self) -> usize {
        self.states.len() * (STATE_BYTES + 2 * size_of::<M::State>()) + self.transitions.len() * 24 + self.heap_bytes
    }
}
