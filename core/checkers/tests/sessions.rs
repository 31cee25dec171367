//! Weak guarantees against definitions tried out order by order.
mod common;

use std::time::Duration;

use common::Random;
use splitbrain_checkers::model::NEVER;
use splitbrain_checkers::register::{Action, RegisterHistory, RegisterOp, INITIAL};
use splitbrain_checkers::search::Limits;
use splitbrain_checkers::sessions::{self, judge, prove, Event, Guarantee, Outcome, Proof, SessionHistory};

const INITIAL_WRITE: u32 = u32::MAX;

/// Few sessions and keys, unique values, and reads of any value of their key.
fn random_history(random: &mut Random) -> SessionHistory {
    let (sessions, keys) = (1 + random.below(3), 1 + random.below(2));
    let mut registers = vec![RegisterHistory { values: 1, ..RegisterHistory::default() }; keys as usize];
    let mut owner = Vec::new();
    let planned: Vec<(usize, u64)> = (0..if random.chance(1) { 0 } else { 3 + random.below(5) })
        .map(|_| (random.below(keys) as usize, random.below(10)))
        .collect();
    for (key, kind) in &planned {
        if *kind >= 5 {
            registers[*key].values += 1;
        }
    }
    let mut fresh = vec![0; keys as usize];
    for (id, (key, kind)) in (0u32..).zip(planned) {
        owner.push(random.below(sessions) as i64);
        let seen = random.below(u64::from(registers[key].values)) as u32;
        let mut new = || {
            fresh[key] += 1;
            fresh[key]
        };
        let action = match kind {
            0..=4 => Action::Read(seen),
            5..=8 => Action::Write(new()),
            _ => {
                let own = new();
                Action::Cas(if seen == own { INITIAL } else { seen }, own)
            }
        };
        let ret = if kind == 5 && random.chance(20) { NEVER } else { i64::from(id) };
        registers[key].ops.push(RegisterOp { call: i64::from(id), ret, action, id });
    }
    SessionHistory::new(&registers, |id| owner[id as usize]).expect("every value has one writer")
}

/// Whether events can be put in an order in which, for each that looks, the last write of its key is what it saw.
fn is_servable(
    history: &SessionHistory,
    todo: &[u32],
    before: &dyn Fn(u32, u32) -> bool,
    looks: &dyn Fn(u32) -> bool,
    state: &mut [u32],
) -> bool {
    if todo.is_empty() {
        return true;
    }
    (0..todo.len()).any(|at| {
        let index = todo[at];
        let event: Event = history.events[index as usize];
        if todo.iter().any(|&other| before(other, index)) {
            return false;
        }
        if looks(index) && event.saw.is_some_and(|seen| seen != state[event.key as usize]) {
            return false;
        }
        let rest: Vec<u32> = todo.iter().copied().filter(|&other| other != index).collect();
        let old = state[event.key as usize];
        if event.writes {
            state[event.key as usize] = index;
        }
        let is_fine = is_servable(history, &rest, before, looks, state);
        state[event.key as usize] = old;
        is_fine
    })
}

fn program_order(history: &SessionHistory, a: u32, b: u32) -> bool {
    let session = |event: u32| history.events[event as usize].session;
    session(a) == session(b) && history.place(a) < history.place(b)
}

/// Program order and what was seen, closed.
fn causality(history: &SessionHistory) -> Vec<Vec<bool>> {
    let size = history.events.len();
    let mut before = vec![vec![false; size]; size];
    for a in 0..size as u32 {
        for b in 0..size as u32 {
            before[a as usize][b as usize] = program_order(history, a, b) || history.events[b as usize].saw == Some(a);
        }
    }
    for via in 0..size {
        for a in 0..size {
            for b in 0..size {
                before[a][b] |= before[a][via] && before[via][b];
            }
        }
    }
    before
}

fn holds(history: &SessionHistory, guarantee: Guarantee) -> bool {
    let all: Vec<u32> = (0..history.events.len() as u32).collect();
    let state = || vec![INITIAL_WRITE; history.keys as usize];
    let of_session = |index: u32, session: u32| history.events[index as usize].session == session;
    match guarantee {
        Guarantee::Sequential => {
            is_servable(history, &all, &|a, b| program_order(history, a, b), &|_| true, &mut state())
        }
        Guarantee::Causal | Guarantee::Pram => {
            let causal = causality(history);
            if guarantee == Guarantee::Causal && (0..all.len()).any(|event| causal[event][event]) {
                return false;
            }
            let before = |a: u32, b: u32| match guarantee {
                Guarantee::Causal => causal[a as usize][b as usize],
                _ => program_order(history, a, b),
            };
            (0..history.sessions.len() as u32).all(|session| {
                let view = |&index: &u32| history.events[index as usize].writes || of_session(index, session);
                let todo: Vec<u32> = all.iter().copied().filter(view).collect();
                is_servable(history, &todo, &before, &|index| of_session(index, session), &mut state())
            })
        }
        _ => (0..history.sessions.len() as u32).all(|session| {
            (0..history.keys).all(|key| {
                let writes: Vec<u32> = all
                    .iter()
                    .copied()
                    .filter(|&e| history.events[e as usize].key == key && history.events[e as usize].writes)
                    .collect();
                is_arrangeable(history, session, key, guarantee, &writes, &mut Vec::new())
            })
        }),
    }
}

/// Whether some order of a key's writes agrees with what one session saw.
fn is_arrangeable(
    history: &SessionHistory,
    session: u32,
    key: u32,
    guarantee: Guarantee,
    left: &[u32],
    order: &mut Vec<u32>,
) -> bool {
    if left.is_empty() {
        let rank = |write: u32| order.iter().position(|&other| other == write).map_or(0, |at| at + 1);
        let own = order.iter().all(|&a| order.iter().all(|&b| !program_order(history, a, b) || rank(a) < rank(b)));
        let follows = guarantee != Guarantee::WritesFollowReads
            || history.events.iter().enumerate().all(|(read, event)| {
                event.key != key
                    || event.saw.is_none_or(|seen| {
                        order.iter().all(|&write| {
                            let later = write == read as u32 || program_order(history, read as u32, write);
                            !later || rank(seen) < rank(write)
                        })
                    })
            });
        return own
            && follows
            && history.sessions[session as usize].iter().all(|&read| {
                let event = history.events[read as usize];
                event.key != key
                    || event.saw.is_none_or(|seen| {
                        known(history, guarantee, read, key).iter().all(|&write| rank(write) <= rank(seen))
                    })
            });
    }
    left.iter().any(|&next| {
        order.push(next);
        let rest: Vec<u32> = left.iter().copied().filter(|&write| write != next).collect();
        let is_fine = is_arrangeable(history, session, key, guarantee, &rest, order);
        order.pop();
        is_fine
    })
}

/// The writes of a key that a session must know of when it reads.
fn known(history: &SessionHistory, guarantee: Guarantee, read: u32, key: u32) -> Vec<u32> {
    let earlier = |of: u32| (0..history.events.len() as u32).filter(move |&e| program_order(history, e, of));
    let is_of = |event: &u32| history.events[*event as usize].key == key;
    let seen_by = |event: u32| history.events[event as usize].saw.filter(|&writer| writer != INITIAL_WRITE);
    let writes = |event: &u32| history.events[*event as usize].writes;
    match guarantee {
        Guarantee::MonotonicReads => earlier(read).filter(is_of).filter_map(seen_by).collect(),
        Guarantee::ReadYourWrites => earlier(read).filter(is_of).filter(writes).collect(),
        Guarantee::MonotonicWrites => earlier(read)
            .filter_map(seen_by)
            .flat_map(|write| earlier(write).chain([write]))
            .filter(is_of)
            .filter(writes)
            .collect(),
        _ => earlier(read)
            .filter_map(seen_by)
            .flat_map(|write| earlier(write).chain([write]))
            .filter(is_of)
            .filter_map(seen_by)
            .collect(),
    }
}

/// A proof is a violation by itself, and none without any one of its events and those that saw what it wrote.
fn check_proof(history: &SessionHistory, guarantee: Guarantee, events: &[u32]) {
    assert!(!holds(&history.select(events), guarantee), "{events:?} proves nothing in {:?}", history.events);
    for &gone in events {
        let mut rest = events.to_vec();
        rest.retain(|&event| event != gone);
        loop {
            let before = rest.len();
            let kept = rest.clone();
            let is_served = |saw: u32| saw == INITIAL_WRITE || kept.contains(&saw);
            rest.retain(|&event| history.events[event as usize].saw.is_none_or(is_served));
            if rest.len() == before {
                break;
            }
        }
        assert!(holds(&history.select(&rest), guarantee), "{events:?} without {gone} in {:?}", history.events);
    }
}

fn limits() -> Limits {
    Limits::within(Duration::from_secs(60), 1 << 30)
}

fn differ(guarantee: Guarantee, seed: u64, cases: usize) {
    let mut random = Random(seed);
    let (mut violated, mut unknown) = (0, 0);
    for case in 0..cases {
        let history = random_history(&mut random);
        let expected = holds(&history, guarantee);
        assert_eq!(sessions::holds(&history, guarantee), Some(expected), "case {case}: {:?}", history.events);
        match judge(&history, guarantee, limits()) {
            Outcome::Holds => assert!(expected, "case {case}: missed {:?}", history.events),
            Outcome::Violated(reason) => {
                assert!(!expected, "case {case}: {reason:?} blames {:?}", history.events);
                match prove(&history, guarantee, &reason, limits()) {
                    Proof::Events(events) => check_proof(&history, guarantee, &events),
                    other => panic!("case {case}: {other:?} of {:?}", history.events),
                }
                violated += 1;
            }
            Outcome::Unknown => unknown += 1,
            Outcome::OutOfBudget => panic!("case {case}"),
        }
    }
    assert!(violated > cases / 50, "{violated} violations");
    assert!(unknown < cases / 100, "{unknown} unknown");
}

#[test]
fn monotonic_reads() {
    differ(Guarantee::MonotonicReads, 1, 200_000);
}

#[test]
fn monotonic_writes() {
    differ(Guarantee::MonotonicWrites, 2, 200_000);
}

#[test]
fn read_your_writes() {
    differ(Guarantee::ReadYourWrites, 3, 200_000);
}

#[test]
fn writes_follow_reads() {
    differ(Guarantee::WritesFollowReads, 4, 200_000);
}

#[test]
fn pram() {
    differ(Guarantee::Pram, 5, 200_000);
}

#[test]
fn causal() {
    differ(Guarantee::Causal, 6, 200_000);
}

#[test]
fn sequential() {
    differ(Guarantee::Sequential, 7, 200_000);
}

#[test]
fn stronger_promises_imply_weaker_ones() {
    let mut random = Random(8);
    let implied = [
        (Guarantee::Sequential, Guarantee::Causal),
        (Guarantee::Causal, Guarantee::Pram),
        (Guarantee::Causal, Guarantee::WritesFollowReads),
        (Guarantee::Pram, Guarantee::MonotonicReads),
        (Guarantee::Pram, Guarantee::MonotonicWrites),
        (Guarantee::Pram, Guarantee::ReadYourWrites),
    ];
    for case in 0..50_000 {
        let history = random_history(&mut random);
        for (stronger, weaker) in implied {
            let is_broken = matches!(judge(&history, weaker, limits()), Outcome::Violated(_));
            let promises = judge(&history, stronger, limits()) == Outcome::Holds;
            assert!(!(is_broken && promises), "case {case}: {stronger:?} without {weaker:?} in {:?}", history.events);
        }
    }
}
