//! Causal memory and PRAM: each session has a view of its own of all writes, and the views need not agree.
use super::answer::{Outcome, Reason};
use super::history::{SessionHistory, NONE};
use super::order::Order;
use crate::search::Limits;
use std::time::Instant;

/// Per session, whether the writes can be put in an order that agrees with everything before them, and in which each of
/// the session's reads sees the last write.
pub fn each(history: &SessionHistory, is_causal: bool, limits: Limits) -> Outcome {
    let writes = history.writes();
    if is_causal {
        if let Err(cycle) = Order::new(history).with_reads().clocks() {
            return Outcome::Violated(Reason { cycle, reader: None });
        }
    }
    for (session, events) in (0u32..).zip(&history.sessions) {
        let reads: Vec<u32> = events.iter().copied().filter(|&e| history.events[e as usize].saw.is_some()).collect();
        if reads.is_empty() {
            continue;
        }
        let mut order = Order::new(history);
        if is_causal {
            order = order.with_reads();
        } else {
            for &read in &reads {
                order.before[read as usize].extend(history.events[read as usize].saw.filter(|&writer| writer != NONE));
            }
        }
        match saturate(history, &mut order, &reads, &writes, limits) {
            Outcome::Holds => {}
            Outcome::Violated(reason) => return Outcome::Violated(Reason { reader: Some(session), ..reason }),
            other => return other,
        }
    }
    Outcome::Holds
}

/// Adds what the reads force, until nothing new follows: a write that comes before a read, and is not the one it saw,
/// comes before that one.
pub fn saturate(
    history: &SessionHistory,
    order: &mut Order<'_>,
    reads: &[u32],
    writes: &[Vec<Vec<u32>>],
    limits: Limits,
) -> Outcome {
    loop {
        if Instant::now() > limits.deadline {
            return Outcome::OutOfBudget;
        }
        let clocks = match order.clocks() {
            Ok(clocks) => clocks,
            Err(cycle) => return Outcome::Violated(Reason { cycle, reader: None }),
        };
        let mut is_done = true;
        for &read in reads {
            let event = history.events[read as usize];
            let Some(seen) = event.saw else { continue };
            for (session, of_session) in (0u32..).zip(&writes[event.key as usize]) {
                let count = clocks.count(read, session);
                let known = of_session.partition_point(|&write| history.place(write) < count);
                let Some(&last) = known.checked_sub(1).map(|at| &of_session[at]) else { continue };
                if last == seen {
                    continue;
                }
                if seen == NONE {
                    return Outcome::Violated(Reason { cycle: vec![last, read], reader: None });
                }
                if !clocks.precedes(history, last, seen) {
                    order.before[seen as usize].push(last);
                    is_done = false;
                }
            }
        }
        if is_done {
            return Outcome::Holds;
        }
    }
}
