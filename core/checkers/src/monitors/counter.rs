//! Counters.
//!
//! If every addition is of one, a read of v stands right after the v-th addition, whichever that is. So an addition that
//! a read of v precedes is number v + 1 or later, one that precedes such a read is number v or earlier, and what is left
//! is scheduling jobs of one unit with release times and deadlines, in which the earliest deadline first is optimal; real
//! time among additions agrees with both. With other numbers the question contains subset sum: then only the bounds
//! of each read are looked at here, and the rest is for the search.
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Judgement, Pattern};
use crate::model::NEVER;
use crate::models::CounterOp;
use crate::objects::Timed;

type Ops<'a> = &'a [Timed<CounterOp>];

/// Decides a counter of ones in O(n log n); of other counters, finds reads out of bounds.
pub fn judge_counter(ops: Ops<'_>) -> Judgement<CounterOp> {
    if let Some(pattern) = find_out_of_bounds(ops) {
        return pattern;
    }
    if ops.iter().any(|timed| matches!(timed.op, CounterOp::Add(number) if number != 1)) {
        return Judgement::Undecided;
    }
    if is_schedulable(ops) {
        return Judgement::Linearizable;
    }
    let all: Vec<u32> = (0..ops.len() as u32).collect();
    Pattern::of("non-linearizable", ops, &all, "No order of these additions explains what the reads saw.")
}

/// Sums of the additions, by time.
struct Sums {
    times: Vec<i64>,
    sums: Vec<i64>,
}

impl Sums {
    fn of(events: impl Iterator<Item = (i64, i64)>) -> Self {
        let mut sorted: Vec<(i64, i64)> = events.collect();
        sorted.sort_unstable();
        let mut sums = vec![0];
        for (_, number) in &sorted {
            sums.push(sums[sums.len() - 1] + number);
        }
        Self { times: sorted.into_iter().map(|(time, _)| time).collect(), sums }
    }

    fn before(&self, time: i64) -> i64 {
        self.sums[self.times.partition_point(|&other| other < time)]
    }

    fn until(&self, time: i64) -> i64 {
        self.sums[self.times.partition_point(|&other| other <= time)]
    }
}

/// A read below all that must have been added (what may have been subtracted included), or above all that may have.
fn find_out_of_bounds(ops: Ops<'_>) -> Option<Judgement<CounterOp>> {
    let additions = |positive: bool| {
        ops.iter().filter_map(move |timed| match timed.op {
            CounterOp::Add(number) if (number > 0) == positive => Some((timed, number)),
            _ => None,
        })
    };
    let returned = |positive| Sums::of(additions(positive).map(|(timed, number)| (timed.ret, number)));
    let called = |positive| Sums::of(additions(positive).map(|(timed, number)| (timed.call, number)));
    let (up_done, up_begun, down_done, down_begun) = (returned(true), called(true), returned(false), called(false));
    (0u32..).zip(ops).find_map(|(index, read)| {
        let CounterOp::Read(seen) = read.op else { return None };
        let lowest = up_done.before(read.call) + down_begun.until(read.ret);
        let highest = up_begun.until(read.ret) + down_done.before(read.call);
        let too_low = seen < lowest;
        if !too_low && seen <= highest {
            return None;
        }
        let counts = |timed: &Timed<CounterOp>| match timed.op {
            CounterOp::Add(number) if (number > 0) == too_low => timed.ret < read.call,
            CounterOp::Add(_) => timed.call <= read.ret,
            CounterOp::Read(_) => false,
        };
        let others = (0u32..).zip(ops).filter(|(_, timed)| counts(timed)).map(|(index, _)| index);
        let members: Vec<u32> = std::iter::once(index).chain(others).collect();
        let text = if too_low {
            format!("{{0}}, but additions that came before it make at least {lowest}.")
        } else {
            format!("{{0}}, but all additions that had begun by then make at most {highest}.")
        };
        Some(Pattern::of(if too_low { "stale-read" } else { "thin-air-read" }, ops, &members, &text))
    })
}

fn is_schedulable(ops: Ops<'_>) -> bool {
    let reads = || ops.iter().filter_map(|timed| Some((timed, read_value(timed)?)));
    // The largest number read before a moment, and the smallest read after one.
    let mut by_ret: Vec<(i64, i64)> = reads().map(|(read, seen)| (read.ret, seen)).collect();
    by_ret.sort_unstable();
    for i in 1..by_ret.len() {
        by_ret[i].1 = by_ret[i].1.max(by_ret[i - 1].1);
    }
    let mut by_call: Vec<(i64, i64)> = reads().map(|(read, seen)| (read.call, seen)).collect();
    by_call.sort_unstable();
    for i in (1..by_call.len()).rev() {
        by_call[i - 1].1 = by_call[i - 1].1.min(by_call[i].1);
    }
    let read_before = |time: i64| match by_ret.partition_point(|&(ret, _)| ret < time) {
        0 => 0,
        count => by_ret[count - 1].1,
    };
    let read_after = |time: i64| by_call.get(by_call.partition_point(|&(call, _)| call <= time)).map_or(NEVER, |r| r.1);
    if reads().any(|(read, seen)| seen < 0 || read_before(read.call) > seen) {
        return false;
    }
    let additions = ops.iter().filter(|timed| read_value(timed).is_none());
    let mut jobs: Vec<(i64, i64, i64)> =
        additions.map(|timed| (read_before(timed.call) + 1, read_after(timed.ret), timed.ret)).collect();
    jobs.sort_unstable();
    let slots = reads().map(|(_, seen)| seen).max().unwrap_or(0);
    let mut released = BinaryHeap::new();
    let mut next = jobs.iter().peekable();
    for slot in 1..=slots {
        while let Some(&(_, deadline, ret)) = next.next_if(|job| job.0 <= slot) {
            released.push(Reverse((deadline, ret)));
        }
        match released.pop() {
            Some(Reverse((deadline, _))) if deadline >= slot => {}
            _ => return false,
        }
    }
    next.all(|job| job.1 == NEVER) && released.into_iter().all(|Reverse((deadline, _))| deadline == NEVER)
}

fn read_value(timed: &Timed<CounterOp>) -> Option<i64> {
    match timed.op {
        CounterOp::Read(seen) => Some(seen),
        CounterOp::Add(_) => None,
    }
}
