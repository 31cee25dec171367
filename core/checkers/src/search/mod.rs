//! Linearizability of any data type, by a search that is bounded in time and memory.
//!
//! The question is NP-complete, and the classic search (Wing and Gong 1993, Lowe 2017) tries, at each point, every
//! operation that no other remaining one precedes. Six measures keep it small:
//!
//! - failed configurations are remembered by a 16-byte fingerprint (`memo`);
//! - an operation that cannot change the state and fits it is linearized at once: it could only do so later otherwise;
//! - of several candidates with the same action only the one that returns first is tried: if some linearization takes
//!   another first, exchanging the two gives one that does not;
//! - crashed operations are spent last, and only to make some completed operation possible right away;
//! - candidates are tried in the order of their returns, which is the order most stores happen to serve them in;
//! - a search that is stuck tries to refute a short window around that point from an unknown state (`window`), which
//!   needs no knowledge of the past. Without it, an invalid history takes the exploration of everything before the
//!   violation, and that is what other tools run out of memory with.
//!
//! Where no completed operation is open (a cut), only the state matters for what follows. The search goes on from the first
//! state it reaches and comes back for another only if that one leads nowhere. At a cut, once they take a quarter of the
//! memory, it forgets the failed configurations of the past and all states but those on its way, so what it takes is
//! bounded by the longest stretch between cuts and by the path. Two alternatives were rejected. Collecting all states
//! that a segment can end in, so that its path may be forgotten too, means exploring every segment to its end, where now
//! one path is enough: of queues and stacks there are exponentially many such states. Segments in parallel would have to
//! begin in states that only their predecessors can tell, or in all; keys and parts already keep every core busy.
mod candidates;
mod crashes;
mod detours;
mod dfs;
mod memo;
mod remaining;
mod window;

use std::time::{Duration, Instant};

use crate::brute;
use crate::model::{Interval, Machine};
use crate::ruling::Ruling;
use dfs::{Dfs, Step};

/// What a search may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub deadline: Instant,
    pub memory_bytes: usize,
}

impl Limits {
    pub fn within(time: Duration, memory_bytes: usize) -> Self {
        Self { deadline: Instant::now() + time, memory_bytes }
    }

    pub fn is_over(&self) -> bool {
        Instant::now() > self.deadline
    }

    /// The same with half of the time that is left, for what may end early without harm.
    pub fn half(&self) -> Self {
        let now = Instant::now();
        Self { deadline: now + self.deadline.saturating_duration_since(now) / 2, ..*self }
    }
}

/// What a search found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Linearizable,
    Illegal(Refutation),
    Unknown(Stopped),
}

/// Why no linearization exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refutation {
    /// Indices of operations that already exclude each other.
    pub ops: Vec<u32>,
    /// If set, they do so whatever came before this moment; those called before it may have taken effect by then.
    pub span_start: Option<i64>,
    /// The operation that no linearization gets past: there is one of everything that returned before it.
    pub stuck_at: u32,
}

/// How far a search came before it ran out of what it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    pub out_of: Resource,
    pub configurations: u64,
    /// All operations that returned before this moment are linearizable.
    pub linearizable_before: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    Time,
    Memory,
    /// Too many ways to spend crashed operations.
    Crashes,
}

/// The first look at a window comes after this many configurations; each next one after four times as many.
const PATIENCE: u64 = 5_000;
const SEEDS: [u64; 2] = [0x5851_f42d_4c95_7f2d, 0x1405_7b7e_f767_814f];

/// Decides whether `ops` are linearizable from the machine's initial state.
pub fn search(machine: &mut impl Machine, ops: &[Interval], limits: Limits) -> Answer {
    let answer = search_seeded(machine, ops, limits, SEEDS[0]);
    match &answer {
        // A false alarm would need two different collisions. A window was looked at under both seeds already.
        Answer::Illegal(refutation) if refutation.span_start.is_none() => {
            match search_seeded(machine, ops, limits, SEEDS[1]) {
                Answer::Illegal(_) => answer,
                other => other,
            }
        }
        _ => answer,
    }
}

/// Decides the same, and looks neither for the operations that exclude each other nor at anything twice.
pub fn rule(machine: &mut impl Machine, ops: &[Interval], limits: Limits) -> Ruling {
    let mut dfs = Dfs::new(ops, &[], machine.initial(), SEEDS[0]).forgetful();
    match explore(&mut dfs, machine, ops, limits) {
        End::Found => Ruling::Linearizable,
        End::Exhausted | End::Refuted(_) => Ruling::Violation,
        End::OutOf(_) => Ruling::OutOfBudget,
    }
}

fn search_seeded(machine: &mut impl Machine, ops: &[Interval], limits: Limits, seed: u64) -> Answer {
    let mut dfs = Dfs::new(ops, &[], machine.initial(), seed).forgetful();
    match explore(&mut dfs, machine, ops, limits) {
        End::Found => Answer::Linearizable,
        End::Refuted(refutation) => Answer::Illegal(refutation),
        End::Exhausted => {
            let shorter = dfs.stuck_at().and_then(|op| window::refute(machine, ops, op, limits));
            Answer::Illegal(shorter.unwrap_or_else(|| whole_prefix(ops, dfs.stuck_at())))
        }
        End::OutOf(out_of) => {
            let configurations = dfs.configurations();
            let linearizable_before = dfs.stuck_at().map_or(i64::MIN, |op| ops[op as usize].ret);
            Answer::Unknown(Stopped { out_of, configurations, linearizable_before })
        }
    }
}

/// How an exploration ended.
enum End {
    Found,
    Exhausted,
    /// By a short window, before everything in front of it was tried.
    Refuted(Refutation),
    OutOf(Resource),
}

fn explore(dfs: &mut Dfs, machine: &mut impl Machine, ops: &[Interval], limits: Limits) -> End {
    let mut patience = PATIENCE;
    let mut tried = None;
    loop {
        match dfs.run(machine, limits, patience) {
            Step::Found => return End::Found,
            Step::Exhausted => return End::Exhausted,
            Step::OutOf(out_of) => return End::OutOf(out_of),
            Step::Paused => {
                patience *= 4;
                let stuck = dfs.stuck_at();
                if let Some(op) = stuck.filter(|_| tried != stuck) {
                    tried = stuck;
                    if let Some(refutation) = window::refute(machine, ops, op, limits) {
                        return End::Refuted(refutation);
                    }
                }
            }
        }
    }
}

/// Without a shorter proof: everything that was invoked before the operation that no linearization gets past.
fn whole_prefix(ops: &[Interval], stuck_at: Option<u32>) -> Refutation {
    let stuck_at = stuck_at.unwrap_or(0);
    let end = ops.get(stuck_at as usize).map_or(i64::MAX, |op| op.ret);
    let ops = (0u32..).zip(ops).filter(|(_, op)| op.call <= end).map(|(index, _)| index).collect();
    Refutation { ops, span_start: None, stuck_at }
}

/// For many small searches one after the other: they share their memory.
#[derive(Default)]
pub struct Searches(Dfs);

impl Searches {
    /// Whether `required` exclude each other if they begin in `start`, whichever of `optional` take effect among them,
    /// each in its time; `None` if not known.
    pub fn is_impossible(
        &mut self,
        machine: &mut impl Machine,
        start: u32,
        required: &[Interval],
        optional: &[Interval],
        limits: Limits,
    ) -> Option<bool> {
        window::is_refuted(&mut self.0, machine, start, (required, optional), limits, SEEDS[1])
    }
}

/// The same as `is_span_impossible` by trying every order, where the operations are few enough for that.
pub fn is_span_impossible_by_brute_force(
    machine: &mut impl Machine,
    ops: &[Interval],
    start: i64,
    end: i64,
) -> Option<bool> {
    let state = machine.unknown()?;
    let span = window::cut(ops, start, end);
    let required = span.required.len();
    let all: Vec<Interval> = span.required.into_iter().chain(span.optional).collect();
    brute::is_possible(machine, state, &all, &|op| op < required).map(|is_possible| !is_possible)
}

/// Whether what happened between two moments is impossible whatever happened before, under either seed; `None` if not
/// known.
pub fn is_span_impossible(
    machine: &mut impl Machine,
    ops: &[Interval],
    start: i64,
    end: i64,
    limits: Limits,
) -> Option<bool> {
    let state = machine.unknown()?;
    let span = window::cut(ops, start, end);
    let (mut dfs, span) = (Dfs::default(), (span.required.as_slice(), span.optional.as_slice()));
    let mut is_refuted = |seed| window::is_refuted(&mut dfs, machine, state, span, limits, seed);
    Some(is_refuted(SEEDS[0])? && is_refuted(SEEDS[1])?)
}

/// Replaces what a vector holds, in the memory it has.
fn refill<T>(vector: &mut Vec<T>, items: impl IntoIterator<Item = T>) {
    vector.clear();
    vector.extend(items);
}
