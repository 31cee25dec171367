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
    /// In descending order: the next one is last.
    type State = Vec<i64>;
    type Op = PriorityQueueOp;

    fn initial(&self) -> Vec<i64> {
        Vec::new()
    }

    fn step(&self, state: &Vec<i64>, op: &PriorityQueueOp) -> Option<Vec<i64>> {
        let rest = &state[..state.len().saturating_sub(1)];
        match *op {
            PriorityQueueOp::Enqueue(number) => {
                let at = state.partition_point(|&other| other > number);
                Some([&state[..at], &[number], &state[at..]].concat())
            }
            PriorityQueueOp::Dequeue(number) => (state.last() == Some(&number)).then(|| rest.to_vec()),
            PriorityQueueOp::Empty => state.is_empty().then(Vec::new),
            PriorityQueueOp::DequeueUnknown => Some(rest.to_vec()),
        }
    }

    fn heap_bytes(&self, state: &Vec<i64>) -> usize {
        size_of_val(state.as_slice())
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
