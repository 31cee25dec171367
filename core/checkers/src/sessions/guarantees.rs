//! The four session guarantees.
//!
//! Per session and key, what it saw puts the writes of the key in some order: what it must have known before a read comes
//! no later than the write it saw. A session's own writes of a key are always ordered as it made them.
use std::collections::HashMap;

use super::answer::{Guarantee, Outcome, Reason};
use super::history::{SessionHistory, NONE};

/// Per key, which writes come before which in one session's eyes.
type Forced = HashMap<u32, Vec<(u32, u32)>>;

/// Decides a guarantee for every session.
pub fn judge(history: &SessionHistory, guarantee: Guarantee) -> Outcome {
    let writes = history.writes();
    let follows = if guarantee == Guarantee::WritesFollowReads { overwritten(history) } else { Forced::new() };
    for session in 0..history.sessions.len() as u32 {
        for (key, mut forced) in forced_by(history, session, guarantee, &writes) {
            if let Some(&(write, read)) = forced.iter().find(|(_, seen)| *seen & INITIAL_READ != 0) {
                let cycle = vec![write, read & !INITIAL_READ];
                return Outcome::Violated(Reason { cycle, reader: Some(session) });
            }
            forced.extend(follows.get(&key).into_iter().flatten());
            if let Some(cycle) = find_cycle(&forced, &writes[key as usize]) {
                return Outcome::Violated(Reason { cycle, reader: Some(session) });
            }
        }
    }
    Outcome::Holds
}

/// Marks a read of the initial value where the write that was seen should be.
const INITIAL_READ: u32 = 1 << 31;

/// Under writes follow reads, what a session saw of a key comes before what it then writes to it.
fn overwritten(history: &SessionHistory) -> Forced {
    let mut forced = Forced::new();
    for session in &history.sessions {
        let mut seen: HashMap<u32, Vec<u32>> = HashMap::new();
        for &index in session {
            let event = history.events[index as usize];
            seen.entry(event.key).or_default().extend(event.saw.filter(|&writer| writer != NONE));
            if event.writes {
                let before = std::mem::take(seen.entry(event.key).or_default());
                forced.entry(event.key).or_default().extend(before.into_iter().map(|write| (write, index)));
            }
        }
    }
    forced
}

fn forced_by(
    history: &SessionHistory,
    session: u32,
    guarantee: Guarantee,
    writes: &[Vec<Vec<u32>>],
) -> HashMap<u32, Vec<(u32, u32)>> {
    let mut forced = Forced::new();
    // What the session has seen of others: per session the place after the last write of it that was seen.
    let mut known: HashMap<u32, u32> = HashMap::new();
    let mut last_read: HashMap<u32, u32> = HashMap::new();
    let mut own_write: HashMap<u32, u32> = HashMap::new();
    for &index in &history.sessions[session as usize] {
        let event = history.events[index as usize];
        if let Some(seen) = event.saw {
            let target = if seen == NONE { index | INITIAL_READ } else { seen };
            let mut before: Vec<u32> = Vec::new();
            match guarantee {
                Guarantee::MonotonicReads => before.extend(last_read.get(&event.key)),
                Guarantee::ReadYourWrites => before.extend(own_write.get(&event.key)),
                Guarantee::MonotonicWrites => {
                    for (&other, &place) in &known {
                        let of_other = &writes[event.key as usize][other as usize];
                        let until = of_other.partition_point(|&write| history.place(write) < place);
                        before.extend(until.checked_sub(1).map(|at| of_other[at]));
                    }
                }
                _ => {
                    for (&other, &place) in &known {
                        let earlier = &history.sessions[other as usize][..place as usize];
                        let reads = earlier.iter().map(|&e| &history.events[e as usize]).filter(|e| e.key == event.key);
                        before.extend(reads.filter_map(|read| read.saw).filter(|&writer| writer != NONE));
                    }
                }
            }
            before.sort_unstable();
            before.dedup();
            let edges = before.into_iter().filter(|&write| write != seen).map(|write| (write, target));
            forced.entry(event.key).or_default().extend(edges);
            if seen != NONE {
                last_read.insert(event.key, seen);
                let by = history.events[seen as usize].session;
                let place = known.entry(by).or_default();
                *place = (*place).max(history.place(seen) + 1);
            }
        }
        if event.writes {
            own_write.insert(event.key, index);
        }
    }
    forced
}

/// A cycle among forced edges and the order of each session's writes.
fn find_cycle(forced: &[(u32, u32)], writes: &[Vec<u32>]) -> Option<Vec<u32>> {
    if forced.is_empty() {
        return None;
    }
    let mut after: HashMap<u32, Vec<u32>> = HashMap::new();
    for &(before, write) in forced {
        after.entry(before).or_default().push(write);
    }
    for of_session in writes {
        for pair in of_session.windows(2) {
            after.entry(pair[0]).or_default().push(pair[1]);
        }
    }
    let mut finished: HashMap<u32, bool> = HashMap::new();
    for &(start, _) in forced {
        if finished.contains_key(&start) {
            continue;
        }
        let mut path = vec![(start, 0)];
        finished.insert(start, false);
        while let Some((write, next)) = path.last_mut() {
            let Some(&to) = after.get(write).and_then(|list| list.get(*next)) else {
                finished.insert(*write, true);
                path.pop();
                continue;
            };
            *next += 1;
            match finished.get(&to) {
                Some(true) => {}
                Some(false) => {
                    let from = path.iter().position(|&(write, _)| write == to)?;
                    return Some(path[from..].iter().map(|&(write, _)| write).collect());
                }
                None => {
                    finished.insert(to, false);
                    path.push((to, 0));
                }
            }
        }
    }
    None
}
