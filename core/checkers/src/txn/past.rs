//! What a transaction is aware of, for causal consistency.
//!
//! The past of a transaction is a clock: how much of each session it holds. Sessions come and go
//! (each crash of a client ends one), so clocks of all sessions at once would be the square of the history; here they
//! are computed for some sessions at a time, and only from where these begin to where a key that they wrote is read for
//! the last time.
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use rayon::prelude::*;

use super::graph::Graph;
use super::history::NONE;
use super::sessions::{Forced, Sessions};

/// What causal consistency forces. `None` if the deadline came first.
pub fn causal(sessions: &Sessions, before: &Graph, deadline: Instant) -> Option<Vec<Forced>> {
    let past = Past::new(sessions, before);
    let blocks = past.sessions.div_ceil(WIDTH);
    let parts: Option<Vec<Vec<Forced>>> = (0..blocks)
        .into_par_iter()
        .map(|block| (Instant::now() < deadline).then(|| past.block(block * WIDTH)))
        .collect();
    Some(parts?.concat())
}

/// Sessions whose clocks are computed together: eight of the machine's widest words.
const WIDTH: u32 = 32;

struct Past<'a> {
    of: &'a Sessions<'a>,
    session: Vec<(u32, u32)>,
    sessions: u32,
    /// Transactions so that each comes behind all it depends on, and the place of each.
    order: Vec<u32>,
    place: Vec<u32>,
    /// Of every key its writers: session, place in it, transaction.
    writers: Vec<(u32, (u32, u32, u32))>,
    key_first: Vec<u32>,
    /// First place of each session, last place where a key of it is read.
    span: Vec<(u32, u32)>,
}

impl<'a> Past<'a> {
    fn new(of: &'a Sessions<'a>, before: &Graph) -> Self {
        let session = of.numbered();
        let sessions = session.iter().filter(|of| of.0 != NONE).map(|of| of.0 + 1).max().unwrap_or(0);
        let order = topological(before, of.initial);
        let mut place = vec![0; order.len() + 1];
        order.iter().enumerate().for_each(|(at, &txn)| place[txn as usize] = at as u32);
        let mut writers = Vec::new();
        for txn in (0..of.initial).filter(|&txn| of.registers.is_node[txn as usize]) {
            let (session, at) = session[txn as usize];
            writers.extend(of.written(txn).map(|key| (key, (session, at, txn))));
        }
        writers.par_sort_unstable();
        writers.dedup();
        let keys = of.txns.keys.len();
        let mut key_first = vec![0u32; keys + 1];
        writers.iter().for_each(|writer| key_first[writer.0 as usize + 1] += 1);
        (0..keys).for_each(|key| key_first[key + 1] += key_first[key]);
        let mut read_last = vec![0; keys];
        for &txn in &order {
            of.reads_of(txn).iter().for_each(|&(key, _)| read_last[key as usize] = place[txn as usize]);
        }
        let mut span = vec![(NONE, 0); sessions as usize];
        for &(key, (session, _, txn)) in &writers {
            let span = &mut span[session as usize];
            *span = (span.0.min(place[txn as usize]), span.1.max(read_last[key as usize]));
        }
        Self { of, session, sessions, order, place, writers, key_first, span }
    }

    /// What the clocks of some sessions force.
    fn block(&self, base: u32) -> Vec<Forced> {
        let spans = &self.span[base as usize..self.sessions.min(base + WIDTH) as usize];
        let start = spans.iter().map(|span| span.0).min().unwrap_or(NONE);
        let end = spans.iter().map(|span| span.1).max().unwrap_or(0);
        let mut forced = Vec::new();
        if start > end {
            return forced;
        }
        let mut clocks = vec![[0u32; WIDTH as usize]; (end - start) as usize + 1];
        for at in start..=end {
            let txn = self.order[at as usize];
            let mut clock = [0u32; WIDTH as usize];
            let previous = self.of.previous[txn as usize];
            let reads = self.of.reads_of(txn);
            let before = reads.iter().map(|&(_, from)| from).chain((previous != NONE).then_some(previous));
            for from in before.filter(|&from| from != self.of.initial) {
                let place = self.place[from as usize];
                if place >= start {
                    let other = &clocks[(place - start) as usize];
                    clock.iter_mut().zip(other).for_each(|(mine, &theirs)| *mine = (*mine).max(theirs));
                }
                let (session, at) = self.session[from as usize];
                if (base..base + WIDTH).contains(&session) {
                    let mine = &mut clock[(session - base) as usize];
                    *mine = (*mine).max(at + 1);
                }
            }
            for &(key, to) in reads {
                self.read(base, start, (txn, key, to), &clock, &clocks, &mut forced);
            }
            clocks[(at - start) as usize] = clock;
        }
        forced
    }

    /// For one read, the last writer of its key in each session within the reader's clock.
    fn read(
        &self,
        base: u32,
        start: u32,
        (txn, key, to): (u32, u32, u32),
        clock: &[u32; WIDTH as usize],
        clocks: &[[u32; WIDTH as usize]],
        forced: &mut Vec<Forced>,
    ) {
        let all = &self.writers[self.key_first[key as usize] as usize..self.key_first[key as usize + 1] as usize];
        let first = all.partition_point(|writer| writer.1 .0 < base);
        let mut rest = &all[first..];
        while let Some(&(_, (session, _, _))) = rest.first().filter(|writer| writer.1 .0 < base + WIDTH) {
            let known = clock[(session - base) as usize];
            let end = rest.partition_point(|writer| writer.1 .0 == session);
            let within = rest[..end].partition_point(|writer| writer.1 .1 < known);
            rest = &rest[end..];
            let Some(&(_, (_, at, from))) = within.checked_sub(1).map(|last| &all[all.len() - rest.len() - end + last])
            else {
                continue;
            };
            // Nothing new if the one that was read is aware of it itself.
            let is_known = to != self.of.initial && {
                let place = self.place[to as usize];
                place >= start && clocks[(place - start) as usize][(session - base) as usize] > at
            };
            if from != to && from != txn && !is_known {
                forced.push(Forced { from, to, reader: txn, key });
            }
        }
    }
}

/// All transactions in an order that contains the graph, which has no cycle, and else is that of invocations: so what
/// happened at one time stays together.
fn topological(graph: &Graph, txns: u32) -> Vec<u32> {
    let mut missing = vec![0u32; txns as usize + 1];
    for node in 0..=txns {
        graph.data(node).for_each(|(to, _)| missing[to as usize] += 1);
    }
    let mut order: Vec<u32> = Vec::with_capacity(txns as usize + 1);
    let mut ready: BinaryHeap<Reverse<u32>> =
        (0..=txns).filter(|&node| missing[node as usize] == 0).map(Reverse).collect();
    while let Some(Reverse(node)) = ready.pop() {
        if node != txns {
            order.push(node);
        }
        for (to, _) in graph.data(node) {
            missing[to as usize] -= 1;
            if missing[to as usize] == 0 {
                ready.push(Reverse(to));
            }
        }
    }
    order
}
