//! A FIFO queue: `enqueue` a value; `dequeue` the oldest, or null if there is none;
//! `drain`, which dequeues until there is none.
use super::late_queue::LateQueue;
use super::names::Names;
use super::{drained, Call, Interned, Model, Readable, Unreadable};
use crate::monitors::{judge_queue, Judgement};
use crate::objects::Timed;
use crate::search::{search, Answer, Limits};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueOp {
    Enqueue(u32),
    Dequeue(u32),
    /// Found the queue empty.
    Empty,
    /// Took whatever was first, if anything; nobody knows what.
    DequeueUnknown,
}

#[derive(Clone, Debug, Default)]
pub struct Queue {
    names: Names,
}

impl Model for Queue {
    /// `None` while nobody knows.
    type State = Option<Vec<u32>>;
    type Op = QueueOp;

    fn initial(&self) -> Self::State {
        Some(Vec::new())
    }

    fn unknown(&self) -> Option<Self::State> {
        Some(None)
    }

    fn step(&self, state: &Self::State, op: &QueueOp) -> Option<Self::State> {
        let Some(state) = state else {
            // Whatever was first: another may follow, unless it was found empty.
            return Some((*op == QueueOp::Empty).then(Vec::new));
        };
        let next = match *op {
            QueueOp::Enqueue(value) => Some([state.as_slice(), &[value]].concat()),
            QueueOp::Dequeue(value) => (state.first() == Some(&value)).then(|| state[1..].to_vec()),
            QueueOp::Empty => state.is_empty().then(Vec::new),
            QueueOp::DequeueUnknown => Some(state.get(1..).unwrap_or_default().to_vec()),
        };
        next.map(Some)
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        size_of_val(state.as_deref().unwrap_or_default())
    }

    fn is_read_only(&self, op: &QueueOp) -> bool {
        matches!(op, QueueOp::Empty)
    }
}

impl Readable for Queue {
    fn read(&mut self, call: Call<'_>) -> Result<Option<QueueOp>, Unreadable> {
        match call.f {
            "enqueue" => Ok(Some(QueueOp::Enqueue(self.names.number(call.asked())))),
            "dequeue" if call.is_pending() => Ok(Some(QueueOp::DequeueUnknown)),
            "dequeue" if call.answer() == "null" => Ok(Some(QueueOp::Empty)),
            "dequeue" => Ok(Some(QueueOp::Dequeue(self.names.number(call.answer())))),
            _ => Err(call.unknown_f("a queue knows enqueue, dequeue and drain")),
        }
    }

    fn drain(&mut self, call: Call<'_>) -> Result<Vec<QueueOp>, Unreadable> {
        let elements = drained(&call)?.into_iter().map(|element| QueueOp::Dequeue(self.names.number(element)));
        Ok(elements.chain([QueueOp::Empty]).collect())
    }

    fn search(&self, ops: &[&Timed<QueueOp>], limits: Limits) -> Option<Answer> {
        let (model, late) = LateQueue::new(ops)?;
        let timed = ops.iter().zip(&late).map(|(timed, op)| (timed.call, timed.ret, op));
        let (mut machine, ops) = Interned::numbered(&model, timed);
        Some(search(&mut machine, &ops, limits))
    }

    fn judge(&self, ops: &[Timed<QueueOp>]) -> Judgement<QueueOp> {
        judge_queue(ops)
    }
}
