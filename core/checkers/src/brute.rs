//! The judge of last resort: tries every order of a small history.
//!
//! Every violation that a faster algorithm finds is put before it once more, reduced to the few operations that matter.
//! It shares no code with the algorithms it checks, and is meant to be obviously right: a prefix of a linearization is
//! a set of operations and a state, and each can be extended by any operation that no other remaining one precedes.
use std::collections::HashSet;

use crate::model::{Interval, Machine};

/// The most operations it takes: a prefix is a bit set.
pub const OPS_MAX: usize = 64;
const PREFIXES_MAX: usize = 200_000;

/// Whether the operations are linearizable; `None` if there are more of them, or more prefixes, than it can try.
pub fn is_linearizable(machine: &mut impl Machine, ops: &[Interval]) -> Option<bool> {
    let start = machine.initial();
    is_possible(machine, start, ops, &|op| !ops[op].is_pending())
}

/// The same from any state, for operations of which only some must have taken effect. The others may, in time.
pub fn is_possible(
    machine: &mut impl Machine,
    start: u32,
    ops: &[Interval],
    is_required: &impl Fn(usize) -> bool,
) -> Option<bool> {
    if ops.len() > OPS_MAX {
        return None;
    }
    let required = (0..ops.len()).filter(|&i| is_required(i)).fold(0u64, |set, i| set | 1 << i);
    let mut seen = HashSet::new();
    let mut open = vec![(0u64, start)];
    while let Some((done, state)) = open.pop() {
        if done & required == required {
            return Some(true);
        }
        if seen.len() > PREFIXES_MAX {
            return None;
        }
        let is_done = |i: usize| done >> i & 1 == 1;
        for (i, op) in ops.iter().enumerate().filter(|&(i, _)| !is_done(i)) {
            let is_early =
                ops.iter().enumerate().any(|(j, other)| !is_done(j) && is_required(j) && other.ret < op.call);
            let is_late = ops.iter().enumerate().any(|(j, other)| is_done(j) && op.ret < other.call);
            if is_early || is_late {
                continue;
            }
            if let Some(next) = machine.step(state, op.action) {
                if seen.insert((done | 1 << i, next)) {
                    open.push((done | 1 << i, next));
                }
            }
        }
    }
    Some(false)
}
