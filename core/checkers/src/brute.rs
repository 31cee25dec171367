//! The judge of last resort: tries every order of a small history.
//!
//! Every violation that a faster algorithm finds is put before it once more, reduced to the few operations that matter.
//! It shares no code with the algorithms it checks, and is meant to be obviously right: a prefix of a linearization is
//! a set of operations and a state, and each can be extended by any operation that no other remaining one precedes.
use crate::intern::FastSet;
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
    let set = |is_in: &dyn Fn(usize) -> bool| (0..ops.len()).filter(|&i| is_in(i)).fold(0u64, |set, i| set | 1 << i);
    let required = set(is_required);
    // Per operation those that must come before it, and those that it must come before.
    let earlier: Vec<u64> = ops.iter().map(|op| set(&|i| is_required(i) && ops[i].ret < op.call)).collect();
    let later: Vec<u64> = ops.iter().map(|op| set(&|i| op.ret < ops[i].call)).collect();
    let mut seen: FastSet<(u64, u32)> = FastSet::default();
    let mut open = vec![(0u64, start)];
    while let Some((done, state)) = open.pop() {
        if done & required == required {
            return Some(true);
        }
        if seen.len() > PREFIXES_MAX {
            return None;
        }
        for (i, op) in ops.iter().enumerate() {
            let is_done = done >> i & 1 == 1;
            if is_done || earlier[i] & !done != 0 || later[i] & done != 0 {
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
