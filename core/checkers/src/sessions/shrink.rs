//! A smaller history that breaks the same guarantee.
use super::answer::{Guarantee, Outcome, Reason};
use super::history::{SessionHistory, NONE};
use super::judge::judge;
use crate::search::Limits;
use std::collections::HashSet;
use std::time::Instant;

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
    let mut seen: HashSet<u32> = events.iter().copied().collect();
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
    let mut kept: HashSet<u32> =
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
