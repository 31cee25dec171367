//! A FIFO queue for searches, in which the order of enqueues that were open together is decided by the dequeues.
//!
//! A search that fixes the order of two such enqueues learns that it was the wrong one when they are dequeued, maybe a
//! thousand operations later, and has by then as many other choices to take back first. So nothing is fixed: the state is
//! the set of what was enqueued and not yet dequeued, and a dequeue may take any element of its value that none of the
//! others must precede, that is, whose enqueue was called before any of theirs returned.
//!
//! That is sound: a history whose dequeues are matched to enqueues has distinct elements, and such a history is
//! linearizable unless one of four patterns occurs (Henzinger, Sezgin and Vafeiadis, CONCUR 2013; they are in
//! `monitors/queue.rs`), none of which a search can reach here. It is complete: of several elements with the value, the
//! one whose enqueue returned first is taken, and whatever could follow otherwise still can, because the element left
//! behind instead must precede fewer others, and none that comes later can be one that must precede it.
//!
//! A dequeue of unknown outcome may take any element, so histories with one are left to the plain queue.
use super::{Model, QueueOp};
use crate::objects::Timed;

/// An enqueue.
struct Element {
    value: u32,
    call: i64,
    ret: i64,
}

pub struct LateQueue {
    /// By their return.
    elements: Vec<Element>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LateOp {
    /// The index of the element.
    Enqueue(u32),
    /// The value.
    Dequeue(u32),
    Empty,
}

impl LateQueue {
    /// The queue and what the operations are in it, if it can take them.
    pub fn new(ops: &[&Timed<QueueOp>]) -> Option<(Self, Vec<LateOp>)> {
        let mut order: Vec<u32> = Vec::new();
        let mut late: Vec<LateOp> = Vec::with_capacity(ops.len());
        for (i, timed) in (0u32..).zip(ops) {
            late.push(match timed.op {
                QueueOp::Enqueue(_) => LateOp::Enqueue(0),
                QueueOp::Dequeue(value) => LateOp::Dequeue(value),
                QueueOp::Empty => LateOp::Empty,
                QueueOp::DequeueUnknown => return None,
            });
            order.extend(matches!(timed.op, QueueOp::Enqueue(_)).then_some(i));
        }
        order.sort_by_key(|&i| ops[i as usize].ret);
        let mut elements = Vec::with_capacity(order.len());
        for i in order {
            let Timed { call, ret, op, .. } = *ops[i as usize];
            if let QueueOp::Enqueue(value) = op {
                late[i as usize] = LateOp::Enqueue(elements.len() as u32);
                elements.push(Element { value, call, ret });
            }
        }
        Some((Self { elements }, late))
    }
}

impl Model for LateQueue {
    /// The elements it holds, by their return. `None` while nobody knows.
    type State = Option<Vec<u32>>;
    type Op = LateOp;

    fn initial(&self) -> Self::State {
        Some(Vec::new())
    }

    fn unknown(&self) -> Option<Self::State> {
        Some(None)
    }

    fn step(&self, state: &Self::State, op: &LateOp) -> Option<Self::State> {
        let Some(held) = state else {
            return Some((*op == LateOp::Empty).then(Vec::new));
        };
        let next = match *op {
            LateOp::Enqueue(element) => {
                let at = held.partition_point(|&other| other < element);
                Some([&held[..at], &[element], &held[at..]].concat())
            }
            LateOp::Dequeue(value) => {
                let earliest = self.elements[*held.first()? as usize].ret;
                let is_next = |&element: &u32| {
                    let Element { value: of, call, .. } = self.elements[element as usize];
                    of == value && call <= earliest
                };
                let at = held.iter().position(is_next)?;
                Some([&held[..at], &held[at + 1..]].concat())
            }
            LateOp::Empty => held.is_empty().then(Vec::new),
        };
        next.map(Some)
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        size_of_val(state.as_deref().unwrap_or_default())
    }

    fn is_read_only(&self, op: &LateOp) -> bool {
        matches!(op, LateOp::Empty)
    }
}
