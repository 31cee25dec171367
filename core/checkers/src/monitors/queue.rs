//! FIFO queues of distinct elements.
//!
//! A complete history is linearizable exactly if no element is dequeued that was not enqueued before, none twice, no two
//! in the wrong order, and no dequeue finds the queue empty while it certainly is not at any moment (Bouajjani, Emmi, Enea
//! and Hamza, "On reducing linearizability to state reachability", ICALP 2015).
use super::{Judgement, Pattern};
use crate::intern::FastMap;
use crate::model::NEVER;
use crate::models::QueueOp;
use crate::objects::Timed;

type Ops<'a> = &'a [Timed<QueueOp>];

/// One element's life.
#[derive(Clone, Copy)]
struct Element {
    enqueue: u32,
    /// When it was certainly in the queue: from the return of its enqueue ...
    from: i64,
    /// ... to the call of its dequeue; `NEVER` if nobody is known to have taken it.
    to: i64,
    dequeue: Option<u32>,
}

/// Decides a queue in O(n log n).
pub fn judge_queue(ops: Ops<'_>) -> Judgement<QueueOp> {
    let mut elements: FastMap<u32, Element> = FastMap::default();
    let mut has_unknown = false;
    for (index, timed) in (0u32..).zip(ops) {
        match timed.op {
            QueueOp::Enqueue(value) => {
                let element = Element { enqueue: index, from: timed.ret, to: NEVER, dequeue: None };
                if elements.insert(value, element).is_some() {
                    return Judgement::Undecided;
                }
            }
            QueueOp::DequeueUnknown => has_unknown = true,
            QueueOp::Dequeue(_) | QueueOp::Empty => {}
        }
    }
    if let Some(pattern) = match_dequeues(ops, &mut elements) {
        return pattern;
    }
    // A pending dequeue may have taken any element that nobody is known to have taken.
    let all: Vec<Element> = elements.into_values().filter(|e| e.dequeue.is_some() || e.from < NEVER).collect();
    let certain: Vec<Element> =
        all.iter().copied().filter(|element| element.dequeue.is_some() || !has_unknown).collect();
    match find_violation(ops, &certain) {
        Some(pattern) => pattern,
        None if has_unknown && find_violation(ops, &all).is_some() => Judgement::Undecided,
        None => Judgement::Linearizable,
    }
}

fn match_dequeues(ops: Ops<'_>, elements: &mut FastMap<u32, Element>) -> Option<Judgement<QueueOp>> {
    for (index, timed) in (0u32..).zip(ops) {
        let QueueOp::Dequeue(value) = timed.op else { continue };
        let Some(element) = elements.get_mut(&value) else {
            return Some(Pattern::of("thin-air-read", ops, &[index], "{0}, but nobody had enqueued that."));
        };
        if let Some(first) = element.dequeue.replace(index) {
            let members = [element.enqueue, first, index];
            let text = "{1} and {2} took the same element, which was enqueued once, by {0}.";
            return Some(Pattern::of("duplicate-dequeue", ops, &members, text));
        }
        element.to = timed.call;
        if timed.ret < ops[element.enqueue as usize].call {
            let text = "{1} returned before {0} was even invoked.";
            return Some(Pattern::of("non-linearizable", ops, &[element.enqueue, index], text));
        }
    }
    None
}

fn find_violation(ops: Ops<'_>, elements: &[Element]) -> Option<Judgement<QueueOp>> {
    find_overtaking(ops, elements).or_else(|| find_false_empty(ops, elements))
}

/// Two elements of which the later one was taken first.
fn find_overtaking(ops: Ops<'_>, elements: &[Element]) -> Option<Judgement<QueueOp>> {
    let mut by_enqueue: Vec<&Element> = elements.iter().collect();
    by_enqueue.sort_unstable_by_key(|element| element.from);
    // Up to here: the element that was taken last.
    let mut last_taken: Vec<&Element> = Vec::with_capacity(by_enqueue.len());
    for &element in &by_enqueue {
        let longest = last_taken.last().copied().filter(|longest| longest.to >= element.to);
        last_taken.push(longest.unwrap_or(element));
    }
    elements.iter().find_map(|second| {
        let dequeue = second.dequeue?;
        let call = ops[second.enqueue as usize].call;
        let before = by_enqueue.partition_point(|element| element.from < call);
        let first = last_taken.get(before.checked_sub(1)?)?;
        if ops[dequeue as usize].ret >= first.to {
            return None;
        }
        Some(match first.dequeue {
            Some(late) => {
                let members = [first.enqueue, second.enqueue, dequeue, late];
                let text = "{0} came before {1}, but their elements left in the other order, by {3} and {2}.";
                Pattern::of("out-of-order", ops, &members, text)
            }
            None => {
                let members = [first.enqueue, second.enqueue, dequeue];
                let text = "{0} came before {1}, but {2} took the second element, and nobody ever took the first.";
                Pattern::of("out-of-order", ops, &members, text)
            }
        })
    })
}

/// A dequeue that found nothing while, at every moment it could have looked, some element was there.
fn find_false_empty(ops: Ops<'_>, elements: &[Element]) -> Option<Judgement<QueueOp>> {
    let mut spans: Vec<&Element> = elements.iter().filter(|element| element.from < element.to).collect();
    spans.sort_unstable_by_key(|element| element.from);
    // Maximal stretches in which the queue certainly held something: (from, to, first span).
    let mut stretches: Vec<(i64, i64, usize)> = Vec::new();
    for (at, span) in spans.iter().enumerate() {
        match stretches.last_mut().filter(|stretch| span.from < stretch.1) {
            Some(stretch) => stretch.1 = stretch.1.max(span.to),
            None => stretches.push((span.from, span.to, at)),
        }
    }
    (0u32..).zip(ops).filter(|(_, timed)| timed.op == QueueOp::Empty).find_map(|(index, timed)| {
        let before = stretches.partition_point(|stretch| stretch.0 < timed.call);
        let stretch = stretches.get(before.checked_sub(1)?)?;
        if timed.ret >= stretch.1 {
            return None;
        }
        // A shortest cover: always the span that reaches farthest among those that begin in time.
        let (mut members, mut reached, mut at) = (vec![index], timed.call, stretch.2);
        while reached <= timed.ret {
            let mut best: Option<&Element> = None;
            while let Some(span) = spans.get(at).filter(|span| span.from < reached) {
                best = best.filter(|best| best.to >= span.to).or(Some(span));
                at += 1;
            }
            let best = best?;
            members.extend([Some(best.enqueue), best.dequeue].into_iter().flatten());
            reached = best.to;
        }
        let text = "{0} found the queue empty, but at no moment while it was open can the queue have been.";
        Some(Pattern::of("non-linearizable", ops, &members, text))
    })
}
