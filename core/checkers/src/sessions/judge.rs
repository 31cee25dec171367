//! The answers.
use super::guarantees;
use super::history::{SessionHistory, NONE};
use super::order::Order;
use super::sequential;
use crate::search::Limits;
use std::time::Instant;

/// What a client may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guarantee {
    MonotonicReads,
    MonotonicWrites,
    ReadYourWrites,
    WritesFollowReads,
    Pram,
    Causal,
    Sequential,
}

/// Whether it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Holds,
    Violated(Reason),
    /// Nothing refutes it and nothing proves it: all that is known of sequential consistency now and then.
    Unknown,
    OutOfBudget,
}

/// Events that force an order on each other that goes round in a circle; `reader` is the session that sees it so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub cycle: Vec<u32>,
    pub reader: Option<u32>,
}

/// Decides one guarantee for a whole history.
pub fn judge(history: &SessionHistory, guarantee: Guarantee, limits: Limits) -> Outcome {
    // Clocks take a number per event and session, twice while they are renewed.
    if history.events.len() * history.sessions.len() * 8 > limits.memory_bytes {
        return Outcome::OutOfBudget;
    }
    match guarantee {
        Guarantee::Sequential => sequential::judge(history, limits),
        Guarantee::Causal | Guarantee::Pram => each_view(history, guarantee == Guarantee::Causal, limits),
        _ => guarantees::judge(history, guarantee),
    }
}

/// Per session, whether the writes can be put in an order that agrees with everything before them, and in which each of
/// the session's reads sees the last write.
fn each_view(history: &SessionHistory, is_causal: bool, limits: Limits) -> Outcome {
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

/// Larger histories are not shrunk event by event from the start, but from what the cycle is made of.
const TRIES_MAX: usize = 4_000;

/// As few events as still violate the guarantee, with the writers of everything they saw.
pub fn shrink(history: &SessionHistory, guarantee: Guarantee, reason: &Reason, limits: Limits) -> Vec<u32> {
    let fails = |events: &[u32]| matches!(judge(&history.select(events), guarantee, limits), Outcome::Violated(_));
    let mut events = supported(history, reason);
    if !fails(&events) {
        events = (0..history.events.len() as u32).collect();
    }
    let mut tries = 0;
    let mut size = events.len().next_power_of_two() / 2;
    while size > 0 && tries < TRIES_MAX {
        let mut at = 0;
        while at < events.len() && tries < TRIES_MAX && Instant::now() < limits.deadline {
            tries += 1;
            let rest = without(history, &events, at, size);
            if rest.len() < events.len() && fails(&rest) {
                events = rest;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    events
}

/// The cycle, the reads of the session that sees it, and the writers of what they saw.
fn supported(history: &SessionHistory, reason: &Reason) -> Vec<u32> {
    let mut events = reason.cycle.clone();
    if let Some(reader) = reason.reader {
        events.extend(&history.sessions[reader as usize]);
    }
    let mut at = 0;
    let mut seen: std::collections::HashSet<u32> = events.iter().copied().collect();
    while at < events.len() {
        if let Some(writer) = history.events[events[at] as usize].saw.filter(|&writer| writer != NONE) {
            if seen.insert(writer) {
                events.push(writer);
            }
        }
        at += 1;
    }
    events.sort_unstable();
    events.dedup();
    events
}

/// All but what may be left out of `size` events: not the writer of what another one saw.
fn without(history: &SessionHistory, events: &[u32], from: usize, size: usize) -> Vec<u32> {
    let chosen = from..(from + size).min(events.len());
    let mut kept: std::collections::HashSet<u32> =
        events.iter().enumerate().filter(|(i, _)| !chosen.contains(i)).map(|(_, &event)| event).collect();
    let mut todo: Vec<u32> = kept.iter().copied().collect();
    while let Some(event) = todo.pop() {
        if let Some(writer) = history.events[event as usize].saw.filter(|&writer| writer != NONE) {
            if kept.insert(writer) {
                todo.push(writer);
            }
        }
    }
    events.iter().copied().filter(|event| kept.contains(event)).collect()
}
