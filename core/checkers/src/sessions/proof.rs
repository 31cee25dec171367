//! From a violation to the few events that prove it, and the judge that has the last word on them.
//!
//! The judge shares nothing with the algorithms: no clocks, no saturation, no search for cycles. It takes each promise as
//! it is defined, for at most 64 events, and tries all orders: of what is served so far only the set of events and the
//! current writes matter, so each such pair is tried once.
use std::collections::HashSet;
use std::time::Instant;

use super::answer::{Guarantee, Reason};
use super::history::{SessionHistory, NONE};
use super::shrink::shrink;
use crate::register::RegisterHistory;
use crate::search::Limits;

/// The most events it takes: those served are a bit set.
pub const EVENTS_MAX: usize = 64;
const PREFIXES_MAX: usize = 200_000;

/// What became of a violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// None of these can be left out, but with all that saw what it wrote.
    Events(Vec<u32>),
    /// There was not the time to reduce it to so few events that every order of them can be tried; as far as it got.
    TooLarge(usize),
    /// Some order explains these events: one of the two judges is wrong.
    Refuted(Vec<u32>),
}

/// Reduces a violation to a minimal proof.
pub fn prove(history: &SessionHistory, guarantee: Guarantee, reason: &Reason, limits: Limits) -> Proof {
    let mut events = shrink(history, guarantee, reason, limits);
    match holds(&history.select(&events), guarantee) {
        Some(false) => {}
        Some(true) => return Proof::Refuted(events),
        None => return Proof::TooLarge(events.len()),
    }
    let mut at = 0;
    while at < events.len() && Instant::now() < limits.deadline {
        let rest = without(history, &events, events[at]);
        if holds(&history.select(&rest), guarantee) == Some(false) {
            events = rest;
            at = 0;
        } else {
            at += 1;
        }
    }
    Proof::Events(events)
}

/// Whether indeed nobody wrote what an operation saw, by a look at every operation on the register.
pub fn is_from_nowhere(register: &RegisterHistory, observer: u32) -> bool {
    let seen = register.ops.iter().filter(|op| op.id == observer).find_map(|op| op.action.observed());
    seen.is_some_and(|value| register.ops.iter().all(|op| op.action.written() != Some(value)))
}

/// All but one event and those that saw what it wrote, or what they wrote in turn.
fn without(history: &SessionHistory, events: &[u32], gone: u32) -> Vec<u32> {
    let mut left_out = vec![gone];
    loop {
        let saw_one = |event: &u32| {
            let saw = history.events[*event as usize].saw;
            !left_out.contains(event) && saw.is_some_and(|writer| left_out.contains(&writer))
        };
        match events.iter().find(|event| saw_one(event)) {
            Some(&event) => left_out.push(event),
            None => return events.iter().copied().filter(|event| !left_out.contains(event)).collect(),
        }
    }
}

/// Whether a small history keeps a promise; `None` if it is too large to try every order.
pub fn holds(history: &SessionHistory, guarantee: Guarantee) -> Option<bool> {
    if history.events.len() > EVENTS_MAX {
        return None;
    }
    let sessions = 0..history.sessions.len() as u32;
    match guarantee {
        Guarantee::Sequential => Served { history, before: program_order(history), reader: None }.exists(),
        Guarantee::Causal | Guarantee::Pram => {
            let before = match guarantee {
                Guarantee::Causal => causality(history),
                _ => program_order(history),
            };
            if (0..before.len()).any(|event| before[event] >> event & 1 == 1) {
                return Some(false);
            }
            all(sessions.map(|session| Served { history, before: before.clone(), reader: Some(session) }.exists()))
        }
        _ => Some(
            sessions
                .flat_map(|session| (0..history.keys).map(move |key| (session, key)))
                .all(|(session, key)| is_arrangeable(history, guarantee, session, key)),
        ),
    }
}

fn all(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let answers: Vec<Option<bool>> = answers.collect();
    if answers.contains(&Some(false)) {
        return Some(false);
    }
    answers.into_iter().all(|answer| answer.is_some()).then_some(true)
}

fn is_earlier(history: &SessionHistory, a: u32, b: u32) -> bool {
    let (one, other) = (history.events[a as usize], history.events[b as usize]);
    one.session == other.session && history.place(a) < history.place(b)
}

/// Per event the set of those before it in its session.
fn program_order(history: &SessionHistory) -> Vec<u64> {
    let all = 0..history.events.len() as u32;
    all.clone().map(|b| all.clone().filter(|&a| is_earlier(history, a, b)).fold(0, |set, a| set | 1 << a)).collect()
}

/// Per event the set of those that may have caused it.
fn causality(history: &SessionHistory) -> Vec<u64> {
    let mut before = program_order(history);
    for (event, past) in history.events.iter().zip(&mut before) {
        *past |= event.saw.filter(|&writer| writer != NONE).map_or(0, |writer| 1 << writer);
    }
    loop {
        let grown: Vec<u64> = before
            .iter()
            .map(|&past| (0..before.len()).filter(|a| past >> a & 1 == 1).fold(past, |set, a| set | before[a]))
            .collect();
        if grown == before {
            return before;
        }
        before = grown;
    }
}

/// The question whether events can be served one by one, each after those before it, so that whoever looks sees the last
/// write of the key. With a reader, other sessions' writes alone count, and only the reader looks.
struct Served<'a> {
    history: &'a SessionHistory,
    before: Vec<u64>,
    reader: Option<u32>,
}

impl Served<'_> {
    fn is_reader(&self, event: usize) -> bool {
        self.reader.is_none_or(|session| self.history.events[event].session == session)
    }

    fn exists(&self) -> Option<bool> {
        let events = &self.history.events;
        let todo = (0..events.len()).filter(|&event| events[event].writes || self.is_reader(event));
        let todo = todo.fold(0u64, |set, event| set | 1 << event);
        let mut seen = HashSet::new();
        let mut open = vec![(0u64, vec![NONE; self.history.keys as usize])];
        while let Some((done, current)) = open.pop() {
            if done == todo {
                return Some(true);
            }
            if seen.len() > PREFIXES_MAX {
                return None;
            }
            for next in (0..events.len()).filter(|&next| (todo & !done) >> next & 1 == 1) {
                let key = events[next].key as usize;
                let is_late = self.before[next] & todo & !done != 0;
                let is_wrong = self.is_reader(next) && events[next].saw.is_some_and(|saw| saw != current[key]);
                if is_late || is_wrong {
                    continue;
                }
                let mut state = current.clone();
                if events[next].writes {
                    state[key] = next as u32;
                }
                let prefix = (done | 1 << next, state);
                if seen.insert(prefix.clone()) {
                    open.push(prefix);
                }
            }
        }
        Some(false)
    }
}

/// Whether the writes of a key can be put in an order in which nothing that the session must know of when it reads comes
/// after what it saw.
fn is_arrangeable(history: &SessionHistory, guarantee: Guarantee, session: u32, key: u32) -> bool {
    let all = || (0..history.events.len() as u32).filter(|&event| history.events[event as usize].key == key);
    let writes: Vec<u32> = all().filter(|&event| history.events[event as usize].writes).collect();
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for &a in &writes {
        pairs.extend(writes.iter().filter(|&&b| is_earlier(history, a, b)).map(|&b| (a, b)));
    }
    for read in all() {
        let event = history.events[read as usize];
        let Some(saw) = event.saw else { continue };
        if event.session == session {
            let known = must_know(history, guarantee, read).into_iter();
            let known = known.filter(|write| writes.contains(write) && *write != saw);
            pairs.extend(known.map(|write| (write, saw)));
        }
        if guarantee == Guarantee::WritesFollowReads && saw != NONE {
            let later = writes.iter().filter(|&&write| write == read || is_earlier(history, read, write));
            pairs.extend(later.map(|&write| (saw, write)));
        }
    }
    // Nothing comes before the initial value.
    if pairs.iter().any(|pair| pair.1 == NONE) {
        return false;
    }
    let mut left = writes;
    while let Some(first) = left.iter().position(|write| !pairs.iter().any(|&(a, b)| b == *write && left.contains(&a)))
    {
        left.remove(first);
    }
    left.is_empty()
}

/// Writes, of any key, that a session must know of when it reads.
fn must_know(history: &SessionHistory, guarantee: Guarantee, read: u32) -> Vec<u32> {
    let earlier = |of: u32| (0..history.events.len() as u32).filter(move |&event| is_earlier(history, event, of));
    let saw = |event: u32| history.events[event as usize].saw.filter(|&writer| writer != NONE);
    let of_key = |event: &u32| history.events[*event as usize].key == history.events[read as usize].key;
    match guarantee {
        Guarantee::MonotonicReads => earlier(read).filter(of_key).filter_map(saw).collect(),
        Guarantee::ReadYourWrites => earlier(read).collect(),
        Guarantee::MonotonicWrites => {
            earlier(read).filter_map(saw).flat_map(|write| earlier(write).chain([write])).collect()
        }
        _ => {
            let known = earlier(read).filter_map(saw).flat_map(|write| earlier(write).chain([write]));
            known.filter_map(saw).collect()
        }
    }
}
