//! Refuting a history by a few operations of it.
//!
//! Cut a history at moment A and again at B. If it is linearizable, then some state at A lets the operations between
//! the cuts be linearized, where those that were open at A may have taken effect before it, and those open at B may do
//! so after it. So if a window cannot be linearized from an *unknown* state, with everything that crosses a cut
//! optional, then the whole history cannot be. Violations are nearly always local, and a window is small.
use super::dfs::{Dfs, Step};
use super::{Limits, Refutation, SEEDS};
use crate::model::{Interval, Machine, NEVER};

/// Windows are tried from the smallest number of operations that returned in them, eight times as many each time.
const SMALLEST: usize = 16;
const LARGEST: usize = 8192;
/// A window that needs more configurations than this is not a short proof.
const CONFIGURATIONS_MAX: u64 = 200_000;

/// What lies between two moments. Optional operations keep their return: once an operation called later is linearized
/// they have missed their chance.
pub struct Span {
    pub required: Vec<Interval>,
    pub optional: Vec<Interval>,
    /// The indices of all of these.
    pub members: Vec<u32>,
}

/// Whether `start` does not let all required operations be linearized; `None` if that takes too long to say.
pub fn is_refuted(
    dfs: &mut Dfs,
    machine: &mut impl Machine,
    start: u32,
    span: (&[Interval], &[Interval]),
    limits: Limits,
    seed: u64,
) -> Option<bool> {
    let (required, optional) = span;
    dfs.begin(required, optional, start, seed);
    match dfs.run(machine, limits, CONFIGURATIONS_MAX) {
        Step::Found => Some(false),
        Step::Exhausted => Some(true),
        Step::OutOf(_) | Step::Paused => None,
    }
}

/// Looks for a window that ends with the return of `stuck_at` and cannot be, under either seed.
pub fn refute(machine: &mut impl Machine, ops: &[Interval], stuck_at: u32, limits: Limits) -> Option<Refutation> {
    let state = machine.unknown()?;
    let end = ops[stuck_at as usize].ret;
    let mut returns: Vec<i64> = ops.iter().map(|op| op.ret).filter(|&ret| ret <= end).collect();
    returns.sort_unstable();
    let mut dfs = Dfs::default();
    let mut size = SMALLEST;
    while size <= LARGEST {
        let start = returns.len().checked_sub(size).map_or(i64::MIN, |first| returns[first]);
        let span = cut(ops, start, end);
        let parts = (span.required.as_slice(), span.optional.as_slice());
        let mut is_refuted = |seed| is_refuted(&mut dfs, machine, state, parts, limits, seed);
        if is_refuted(SEEDS[0])? && is_refuted(SEEDS[1])? {
            return Some(Refutation { ops: span.members, span_start: Some(start), stuck_at });
        }
        if start == i64::MIN {
            break;
        }
        size *= 8;
    }
    None
}

/// The operations between two moments.
pub fn cut(ops: &[Interval], start: i64, end: i64) -> Span {
    let mut span = Span { required: Vec::new(), optional: Vec::new(), members: Vec::new() };
    for (index, op) in (0u32..).zip(ops).filter(|(_, op)| op.ret >= start && op.call <= end) {
        span.members.push(index);
        let ret = if op.ret > end { NEVER } else { op.ret };
        let part = if op.call >= start { &mut span.required } else { &mut span.optional };
        part.push(Interval { ret, ..*op });
    }
    span
}
