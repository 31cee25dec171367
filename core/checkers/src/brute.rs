//! The judge of last resort: tries every order of a small history.
//!
//! Every violation that a faster algorithm finds is put before it once more, reduced to the few operations that matter.
//! It shares no code with the algorithms it checks, and is meant to be obviously right: a prefix of a linearization is
//! a set of operations and a state, and each can be extended by any operation that no other remaining one precedes.
use std::collections::HashSet;

use crate::model::{Interval, Machine};

/// The most operations it takes: a prefix is a bit set.
pub const OPS_MAX: usize = 64;
const PREFIXES_MAX: usize = 2_000_000;

/// Whether the operations are linearizable; `None` if there are more of them, or more prefixes, than it can try.
pub fn is_linearizable(machine: &mut impl Machine, ops: &[Interval]) -> Option<bool> {
    if ops.len() > OPS_MAX {
        return None;
    }
    let required = ops.iter().enumerate().filter(|(_, op)| !op.is_pending()).fold(0u64, |set, (i, _)| set | 1 << i);
    let mut seen = HashSet::new();
    let mut open = vec![(0u64, machine.initial())];
    while let Some((done, state)) = open.pop() {
        if done & required == required {
            return Some(true);
        }
        if seen.len() > PREFIXES_MAX {
            return None;
        }
        for (i, op) in ops.iter().enumerate() {
            let must_wait = || ops.iter().enumerate().any(|(j, other)| done >> j & 1 == 0 && other.ret < op.call);
            if done >> i & 1 == 1 || must_wait() {
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
