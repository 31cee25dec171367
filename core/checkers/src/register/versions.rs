//! How many versions reads were behind (k-atomicity).
//!
//! A history is k-atomic if its operations can be ordered, in agreement with real time, so that each read returns one of
//! the last k values written; linearizable is k = 1. The smallest k is not known to be found in polynomial time for k > 2
//! (Golab, Hurwitz and Li, ICDCS 2013), so it is bounded: from below by the writes that lie wholly between a value and a
//! read of it, from above by what one good order needs. On nearly all histories of real stores the two agree.
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::op::{Action, RegisterHistory, RegisterOp, Value, INITIAL};
use crate::model::NEVER;

/// Bounds of the smallest k.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    pub at_least: usize,
    /// None if no k is enough, or none is known.
    pub at_most: Option<usize>,
    /// What needs the lower bound, as indices into `ops`: the write of a value if there was one, the writes over it, and
    /// last a read of it. Empty if the bound is 1.
    pub witness: Vec<u32>,
}

/// Bounds k in O(n log n); None if a value that was read has two writers, or none.
///
/// With compare-and-set, which must see the latest value, there is a lower bound only.
pub fn versions(history: &RegisterHistory) -> Option<Versions> {
    let writes = Writes::of(history)?;
    let (at_least, worst) = writes.certainly_between(history);
    let has_cas = history.ops.iter().any(|op| matches!(op.action, Action::Cas(..)));
    let at_most = if has_cas { None } else { writes.in_one_order(history) };
    let witness = worst.map_or_else(Vec::new, |read| writes.witness(history, read));
    Some(Versions { at_least, at_most, witness })
}

/// The writes that count: acknowledged ones, and those whose value was read.
struct Writes {
    /// Per value its writer.
    writer: Vec<Option<u32>>,
    counted: Vec<u32>,
    /// Per value the earliest moment at which it had certainly been written.
    written_by: Vec<i64>,
}

fn reads(history: &RegisterHistory) -> impl Iterator<Item = (u32, &RegisterOp, Value)> {
    (0u32..).zip(&history.ops).filter_map(|(index, op)| match op.action {
        Action::Read(value) => Some((index, op, value)),
        _ => None,
    })
}

impl Writes {
    fn of(history: &RegisterHistory) -> Option<Writes> {
        let size = history.values as usize;
        let (mut writer, mut shared) = (vec![None; size], vec![false; size]);
        shared[INITIAL as usize] = history.ops.iter().any(|op| op.action.written() == Some(INITIAL));
        let mut written_by = vec![NEVER; size];
        for (index, op) in (0u32..).zip(&history.ops) {
            if let Some(value) = op.action.written() {
                shared[value as usize] |= writer[value as usize].replace(index).is_some();
                written_by[value as usize] = op.ret.min(written_by[value as usize]);
            }
        }
        for op in history.ops.iter().filter(|op| !op.is_pending()) {
            let Some(value) = op.action.observed() else { continue };
            if shared[value as usize] || (value != INITIAL && writer[value as usize].is_none()) {
                return None;
            }
            written_by[value as usize] = op.ret.min(written_by[value as usize]);
        }
        written_by[INITIAL as usize] = i64::MIN;
        let counts = |op: &RegisterOp| op.action.written().is_some_and(|value| written_by[value as usize] < NEVER);
        let counted = (0u32..).zip(&history.ops).filter(|(_, op)| counts(op)).map(|(index, _)| index).collect();
        Some(Writes { writer, counted, written_by })
    }

    /// One more than the most writes that began after a value's write had returned and returned before a read of it began.
    fn certainly_between(&self, history: &RegisterHistory) -> (usize, Option<u32>) {
        // By falling start of the gap: first put in every write that begins late enough, then count those that end early.
        let ret = |value: Value| match self.writer[value as usize] {
            Some(writer) => history.ops[writer as usize].ret,
            None => i64::MIN,
        };
        let mut gaps: Vec<(i64, i64, u32)> =
            reads(history).map(|(index, op, value)| (ret(value), op.call, index)).collect();
        gaps.sort_unstable_by_key(|gap| Reverse(gap.0));
        let mut writes: Vec<(i64, i64)> =
            self.counted.iter().map(|&w| &history.ops[w as usize]).map(|op| (op.call, op.ret)).collect();
        writes.sort_unstable();
        let mut ends: Vec<i64> = writes.iter().map(|write| write.1).collect();
        ends.sort_unstable();
        let mut ended = Counts::new(ends.len());
        let (mut most, mut worst) = (1, None);
        for (from, until, read) in gaps {
            while let Some((call, end)) = writes.pop() {
                if call <= from {
                    writes.push((call, end));
                    break;
                }
                ended.add(ends.partition_point(|&other| other < end));
            }
            let count = 1 + ended.before(ends.partition_point(|&end| end < until));
            if count > most {
                (most, worst) = (count, Some(read));
            }
        }
        (most, worst)
    }

    fn witness(&self, history: &RegisterHistory, read: u32) -> Vec<u32> {
        let op = |index: u32| &history.ops[index as usize];
        let writer = op(read).action.observed().and_then(|value| self.writer[value as usize]);
        let from = writer.map_or(i64::MIN, |writer| op(writer).ret);
        let is_between = |write: &u32| op(*write).call > from && op(*write).ret < op(read).call;
        let between = self.counted.iter().copied().filter(is_between);
        writer.into_iter().chain(between).chain([read]).collect()
    }

    /// What k the order by `written_by` needs, every read as early in it as real time allows. That order agrees with real
    /// time: who returns before another begins has been written by then.
    fn in_one_order(&self, history: &RegisterHistory) -> Option<usize> {
        let value = |write: u32| history.ops[write as usize].action.written().unwrap_or(INITIAL);
        let mut order = self.counted.clone();
        order.sort_unstable_by_key(|&write| (self.written_by[value(write) as usize], write));
        let mut place = vec![0usize; history.values as usize];
        for (at, &write) in (1..).zip(&order) {
            place[value(write) as usize] = at;
        }
        let mut by_ret: Vec<(i64, usize)> =
            order.iter().zip(1..).map(|(&w, at)| (history.ops[w as usize].ret, at)).collect();
        by_ret.sort_unstable();
        let mut returned_writes = by_ret.into_iter().peekable();
        let mut sorted: Vec<(u32, &RegisterOp, Value)> = reads(history).collect();
        sorted.sort_unstable_by_key(|(index, op, _)| (op.call, *index));
        let mut open: BinaryHeap<Reverse<(i64, usize)>> = BinaryHeap::new();
        let (mut earliest, mut most) = (0, 1);
        for (_, read, seen) in sorted {
            while let Some((_, at)) = returned_writes.next_if(|&(ret, _)| ret < read.call) {
                earliest = earliest.max(at);
            }
            while let Some(Reverse((_, at))) = open.peek().copied().filter(|Reverse((ret, _))| *ret < read.call) {
                earliest = earliest.max(at);
                open.pop();
            }
            let own = place[seen as usize];
            if self.writer[seen as usize].is_some_and(|writer| read.ret < history.ops[writer as usize].call) {
                return None;
            }
            let at = earliest.max(own);
            most = most.max(at - own + 1);
            open.push(Reverse((read.ret, at)));
        }
        Some(most)
    }
}

/// Counts by place, with sums of prefixes (Fenwick).
struct Counts(Vec<usize>);

impl Counts {
    fn new(size: usize) -> Self {
        Self(vec![0; size + 1])
    }

    fn add(&mut self, at: usize) {
        let mut at = at + 1;
        while at < self.0.len() {
            self.0[at] += 1;
            at += at & at.wrapping_neg();
        }
    }

    fn before(&self, end: usize) -> usize {
        let (mut at, mut sum) = (end, 0);
        while at > 0 {
            sum += self.0[at];
            at &= at - 1;
        }
        sum
    }
}
