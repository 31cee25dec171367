//! Which values are lost: what is left over, when the queue was found empty, and who can have taken it along.
use super::{Deed, Queue};
use crate::collections::object::{Op, Outcome};
use crate::collections::report::Report;
use crate::events::Events;
use crate::model::NEVER;

/// Of the acknowledged enqueues of a value so many left no trace: say, those acknowledged last, whose proof is hardest.
pub fn left_over(put: &[Deed], count: usize) -> Vec<Deed> {
    let mut sure: Vec<Deed> = put.iter().copied().filter(|(_, op)| op.outcome == Outcome::Ok).collect();
    sure.sort_by_key(|(_, op)| std::cmp::Reverse(op.ret));
    sure.truncate(count);
    sure
}

/// `left` are acknowledged enqueues of values that nobody dequeued.
pub fn find_lost<E: Events>(queue: &Queue<'_, '_, E>, report: &mut Report, left: Vec<Deed>, drained: bool) {
    let proofs = Proofs::of(&queue.empties);
    let mut late = 0;
    let mut missing: Vec<(i64, Deed, Option<Op>)> = Vec::new();
    for enqueue in left {
        match proofs.after(enqueue.1.ret) {
            Some(empty) => missing.push((empty.ret, enqueue, Some(empty))),
            None if drained => missing.push((NEVER, enqueue, None)),
            None => late += 1,
        }
    }
    missing.sort_by_key(|(proved, enqueue, _)| (*proved, enqueue.1.row));
    let mut takers = queue.takers.clone();
    takers.sort_by_key(|op| op.call);
    let drained_from = queue.drains.iter().map(|op| op.call).min().unwrap_or(NEVER);
    let mut excused: Vec<(Deed, Op)> = Vec::new();
    let mut excuses = takers.iter().peekable();
    let mut unsure = 0;
    for (proved, enqueue, empty) in missing {
        if drained_from <= proved && drained_from != NEVER {
            unsure += 1;
        } else if let Some(taker) = excuses.next_if(|taker| taker.call <= proved) {
            excused.push((enqueue, *taker));
        } else {
            report
                .find("lost", queue.texts[enqueue.0 as usize], || queue.tell_lost(&enqueue, empty.as_ref(), &excused));
        }
    }
    report.count("not_seen_again", late);
    report.count("maybe_taken", unsure + excused.len());
    if unsure + excused.len() > 0 {
        report.unproven(format!(
            "{} acknowledged values were never dequeued, but dequeues whose outcome is unknown may have taken them",
            unsure + excused.len()
        ));
    }
    if late > 0 {
        report.unproven(format!(
            "{late} acknowledged values were never dequeued, but the queue was not seen empty after them"
        ));
    }
}

/// The moments at which the queue was found empty.
struct Proofs {
    /// By call; each with the one that returned first among those called no earlier.
    by_call: Vec<(i64, Op)>,
}

impl Proofs {
    fn of(empties: &[Op]) -> Self {
        let mut by_call: Vec<(i64, Op)> = empties.iter().map(|op| (op.call, *op)).collect();
        by_call.sort_by_key(|(call, _)| *call);
        for place in (1..by_call.len()).rev() {
            if by_call[place].1.ret < by_call[place - 1].1.ret {
                by_call[place - 1].1 = by_call[place].1;
            }
        }
        Self { by_call }
    }

    /// Of those called later than this, the one that returned first.
    fn after(&self, time: i64) -> Option<Op> {
        self.by_call.get(self.by_call.partition_point(|(call, _)| *call <= time)).map(|(_, op)| *op)
    }
}
