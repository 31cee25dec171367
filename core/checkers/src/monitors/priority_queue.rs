//! Priority queues of distinct numbers.
//!
//! A complete history is linearizable exactly if every element was enqueued before it was dequeued, and every dequeue,
//! while both it and what it took allow, has a moment at which nothing smaller was certainly there. One that found the
//! queue empty took, so to speak, what is larger than everything.
//!
//! Why that is enough: take the largest element out, and linearize the rest. At a moment `t` at which none of the rest was
//! certainly there, each of its elements can have left by `t`, or can have come after. Put those that can have left by
//! then, in their order, before the others in theirs: that is a linearization again, and `t` finds the queue
//! empty, so the largest can be dequeued there, and being the largest it disturbs nobody before (compare Lee and Mathur,
//! "Efficient decrease-and-conquer linearizability monitoring", 2024).
use super::lives::{self, shortest_cover, Move, Spans};
use super::{Judgement, Pattern};
use crate::models::PriorityQueueOp;
use crate::objects::Timed;

type Ops<'a> = &'a [Timed<PriorityQueueOp>];
type Life = lives::Life<i64>;

/// Decides a priority queue in O(n log n).
pub fn judge_priority_queue(ops: Ops<'_>) -> Judgement<PriorityQueueOp> {
    let movement = |op: &PriorityQueueOp| match *op {
        PriorityQueueOp::Enqueue(number) => Move::Put(number),
        PriorityQueueOp::Dequeue(number) => Move::Take(number),
        PriorityQueueOp::Empty => Move::Empty,
        PriorityQueueOp::DequeueUnknown => Move::TakeUnknown,
    };
    lives::judge(ops, movement, |elements| {
        let mut smaller = Spans::default();
        let is_empty = |op: &PriorityQueueOp| *op == PriorityQueueOp::Empty;
        find_overtaking(ops, elements, &mut smaller)
            .or_else(|| lives::false_empty(ops, elements, is_empty, &smaller, "queue"))
    })
}

/// A dequeue of an element while, at every moment it could have happened, a smaller one was there.
fn find_overtaking(ops: Ops<'_>, elements: &[Life], smaller: &mut Spans) -> Option<Judgement<PriorityQueueOp>> {
    let mut by_value: Vec<&Life> = elements.iter().collect();
    by_value.sort_unstable_by_key(|element| element.value);
    for (rank, element) in by_value.iter().enumerate() {
        if let Some(dequeue) = element.take {
            let (enqueue, dequeued) = (&ops[element.put as usize], &ops[dequeue as usize]);
            let first = enqueue.call.max(dequeued.call);
            if smaller.cover(first, dequeued.ret) {
                let cover = shortest_cover(by_value[..rank].iter().copied(), first - 1, dequeued.ret + 1);
                let members: Vec<u32> = element.ops().chain(cover.iter().flat_map(|life| life.ops())).collect();
                let text =
                    "{1} took the element of {0}, but at no moment while it could have was there nothing smaller.";
                return Some(Pattern::of("out-of-order", ops, &members, text));
            }
        }
        smaller.add(element);
    }
    None
}
