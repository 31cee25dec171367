//! Sequential consistency: refuted by what reads force, proven by an order that works.
use super::answer::{Outcome, Reason};
use super::history::{SessionHistory, NONE};
use super::order::{Clocks, Order};
use super::views::saturate;
use crate::search::Limits;
use std::time::Instant;

pub fn judge(history: &SessionHistory, limits: Limits) -> Outcome {
    let writes = history.writes();
    let reads: Vec<u32> =
        (0..history.events.len() as u32).filter(|&e| history.events[e as usize].saw.is_some()).collect();
    let mut order = Order::new(history).with_reads();
    loop {
        match saturate(history, &mut order, &reads, &writes, limits) {
            Outcome::Holds => {}
            other => return other,
        }
        let clocks = match order.clocks() {
            Ok(clocks) => clocks,
            Err(cycle) => return Outcome::Violated(Reason { cycle, reader: None }),
        };
        if !add_overwrites(history, &mut order, &reads, &writes, &clocks) {
            return if is_ordered(history, &order) { Outcome::Holds } else { Outcome::Unknown };
        }
        if Instant::now() > limits.deadline {
            return Outcome::OutOfBudget;
        }
    }
}

/// A write that comes after the one a read saw comes after the read. Whether that was news.
fn add_overwrites(
    history: &SessionHistory,
    order: &mut Order<'_>,
    reads: &[u32],
    writes: &[Vec<Vec<u32>>],
    clocks: &Clocks,
) -> bool {
    let mut is_news = false;
    for &read in reads {
        let event = history.events[read as usize];
        let Some(seen) = event.saw else { continue };
        for of_session in &writes[event.key as usize] {
            let comes_after = |write: u32| write != read && (seen == NONE || clocks.precedes(history, seen, write));
            // Being after something only becomes true along a session.
            let first = of_session.partition_point(|&write| seen != NONE && !clocks.precedes(history, seen, write));
            let Some(&write) = of_session[first..].iter().find(|&&write| comes_after(write)) else { continue };
            if !clocks.precedes(history, read, write) {
                order.before[write as usize].push(read);
                is_news = true;
            }
        }
    }
    is_news
}

/// Tries to put all events in one order, earliest recorded first; never overwrites a value that is still to be read.
fn is_ordered(history: &SessionHistory, order: &Order<'_>) -> bool {
    let size = history.events.len();
    let mut after: Vec<Vec<u32>> = vec![Vec::new(); size];
    let mut waiting = vec![0u32; size];
    let mut readers = vec![0u32; size];
    let mut initial_readers = vec![0u32; history.keys as usize];
    for (index, event) in (0u32..).zip(&history.events) {
        let place = history.place(index) as usize;
        let previous = (place > 0).then(|| history.sessions[event.session as usize][place - 1]);
        for other in order.before[index as usize].iter().copied().chain(previous) {
            after[other as usize].push(index);
            waiting[index as usize] += 1;
        }
        match event.saw {
            Some(NONE) => initial_readers[event.key as usize] += 1,
            Some(writer) => readers[writer as usize] += 1,
            None => {}
        }
    }
    let mut current = vec![NONE; history.keys as usize];
    let mut ready: std::collections::BTreeSet<(u32, u32)> = (0u32..)
        .zip(&history.events)
        .filter(|&(index, _)| waiting[index as usize] == 0)
        .map(|(index, event)| (event.id, index))
        .collect();
    let mut done = 0;
    loop {
        let unread = |key: u32, current: &[u32], readers: &[u32], initial: &[u32]| match current[key as usize] {
            NONE => initial[key as usize],
            writer => readers[writer as usize],
        };
        let fits = |&&(_, index): &&(u32, u32)| {
            let event = history.events[index as usize];
            let sees = event.saw.is_none_or(|seen| seen == current[event.key as usize]);
            let own = u32::from(event.saw.is_some());
            sees && (!event.writes || unread(event.key, &current, &readers, &initial_readers) <= own)
        };
        let Some(&(id, index)) = ready.iter().find(fits) else { break };
        ready.remove(&(id, index));
        let event = history.events[index as usize];
        match event.saw {
            Some(NONE) => initial_readers[event.key as usize] -= 1,
            Some(writer) => readers[writer as usize] -= 1,
            None => {}
        }
        if event.writes {
            current[event.key as usize] = index;
        }
        for &next in &after[index as usize] {
            waiting[next as usize] -= 1;
            if waiting[next as usize] == 0 {
                ready.insert((history.events[next as usize].id, next));
            }
        }
        done += 1;
    }
    done == size
}
