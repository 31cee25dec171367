//! A priority queue of whole numbers: `enqueue` one; `dequeue` the smallest, or null if there is none.
use super::names::integer;
use super::{drained, Call, Model, Readable, Unreadable};
use crate::monitors::{judge_priority_queue, Judgement};
use crate::objects::Timed;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PriorityQueueOp {
    Enqueue(i64),
    Dequeue(i64),
    /// Found the queue empty.
    Empty,
    /// Took the smallest, if anything; nobody knows which.
    DequeueUnknown,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct PriorityQueue;

impl Model for PriorityQueue {
    /// In descending order: the next one is last. `None` while nobody knows.
    type State = Option<Vec<i64>>;
    type Op = PriorityQueueOp;

    fn initial(&self) -> Self::State {
        Some(Vec::new())
    }

    fn unknown(&self) -> Option<Self::State> {
        Some(None)
    }

    fn step(&self, state: &Self::State, op: &PriorityQueueOp) -> Option<Self::State> {
        let Some(state) = state else {
            // Whatever was first: another may follow, unless it was found empty.
            return Some((*op == PriorityQueueOp::Empty).then(Vec::new));
        };
        let rest = &state[..state.len().saturating_sub(1)];
        let next = match *op {
            PriorityQueueOp::Enqueue(number) => {
                let at = state.partition_point(|&other| other > number);
                Some([&state[..at], &[number], &state[at..]].concat())
            }
            PriorityQueueOp::Dequeue(number) => (state.last() == Some(&number)).then(|| rest.to_vec()),
            PriorityQueueOp::Empty => state.is_empty().then(Vec::new),
            PriorityQueueOp::DequeueUnknown => Some(rest.to_vec()),
        };
        next.map(Some)
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        size_of_val(state.as_deref().unwrap_or_default())
    }

    fn is_read_only(&self, op: &PriorityQueueOp) -> bool {
        matches!(op, PriorityQueueOp::Empty)
    }
}

impl Readable for PriorityQueue {
    fn read(&mut self, call: Call<'_>) -> Result<Option<PriorityQueueOp>, Unreadable> {
        match call.f {
            "enqueue" => Ok(Some(PriorityQueueOp::Enqueue(integer(call.asked())?))),
            "dequeue" if call.is_pending() => Ok(Some(PriorityQueueOp::DequeueUnknown)),
            "dequeue" if call.answer() == "null" => Ok(Some(PriorityQueueOp::Empty)),
            "dequeue" => Ok(Some(PriorityQueueOp::Dequeue(integer(call.answer())?))),
            _ => Err(call.unknown_f("a priority queue knows enqueue, dequeue and drain")),
        }
    }

    fn drain(&mut self, call: Call<'_>) -> Result<Vec<PriorityQueueOp>, Unreadable> {
        let elements = drained(&call)?.into_iter().map(|element| integer(element).map(PriorityQueueOp::Dequeue));
        Ok(elements.chain([Ok(PriorityQueueOp::Empty)]).collect::<Result<_, String>>()?)
    }

    fn judge(&self, ops: &[Timed<PriorityQueueOp>]) -> Judgement<PriorityQueueOp> {
        judge_priority_queue(ops)
    }
}
