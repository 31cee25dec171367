//! FIFO queues of distinct elements.
//!
//! A complete history is linearizable exactly if no element is dequeued that was not enqueued before, none twice, no two
//! in the wrong order, and no dequeue finds the queue empty while it certainly is not at any moment (Bouajjani, Emmi, Enea
//! and Hamza, "On reducing linearizability to state reachability", ICALP 2015).
use super::lives::{self, Move, Spans};
use super::{Judgement, Pattern};
use crate::models::QueueOp;
use crate::objects::Timed;

type Ops<'a> = &'a [Timed<QueueOp>];
type Life = lives::Life<u32>;

/// Decides a queue in O(n log n).
pub fn judge_queue(ops: Ops<'_>) -> Judgement<QueueOp> {
    let movement = |op: &QueueOp| match *op {
        QueueOp::Enqueue(value) => Move::Put(value),
        QueueOp::Dequeue(value) => Move::Take(value),
        QueueOp::Empty => Move::Empty,
        QueueOp::DequeueUnknown => Move::TakeUnknown,
    };
    lives::judge(ops, movement, |elements| {
        let is_empty = |op: &QueueOp| *op == QueueOp::Empty;
        find_overtaking(ops, elements)
            .or_else(|| lives::false_empty(ops, elements, is_empty, &Spans::of(elements), "queue"))
    })
}

/// Two elements of which the later one was taken first.
fn find_overtaking(ops: Ops<'_>, elements: &[Life]) -> Option<Judgement<QueueOp>> {
    let mut by_enqueue: Vec<&Life> = elements.iter().collect();
    by_enqueue.sort_unstable_by_key(|element| element.from);
    // Up to here: the element that was taken last.
    let mut last_taken: Vec<&Life> = Vec::with_capacity(by_enqueue.len());
    for &element in &by_enqueue {
        let longest = last_taken.last().copied().filter(|longest| longest.to >= element.to);
        last_taken.push(longest.unwrap_or(element));
    }
    elements.iter().find_map(|second| {
        let dequeue = second.take?;
        let call = ops[second.put as usize].call;
        let before = by_enqueue.partition_point(|element| element.from < call);
        let first = last_taken.get(before.checked_sub(1)?)?;
        if ops[dequeue as usize].ret >= first.to {
            return None;
        }
        Some(match first.take {
            Some(late) => {
                let members = [first.put, second.put, dequeue, late];
                let text = "{0} came before {1}, but their elements left in the other order, by {3} and {2}.";
                Pattern::of("out-of-order", ops, &members, text)
            }
            None => {
                let members = [first.put, second.put, dequeue];
                let text = "{0} came before {1}, but {2} took the second element, and nobody ever took the first.";
                Pattern::of("out-of-order", ops, &members, text)
            }
        })
    })
}
