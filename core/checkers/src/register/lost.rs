//! Acknowledged writes that left no trace.
//!
//! A stale read may only say that a replica was behind. Two kinds of operation say that a write is gone: a
//! compare-and-set that succeeded, because it saw the value it replaced, and a read after everything was healed and had
//! time to settle. If one of them still saw a value older than an acknowledged write, that write is lost. So are all but
//! one of several compare-and-sets that replaced the same value, if that was written once.
use super::op::{RegisterHistory, RegisterOp, Value, INITIAL};

/// An acknowledged write, and the operation that shows it was lost. Indices into `ops`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostWrite {
    pub write: u32,
    pub shown_by: u32,
}

/// Every lost write, ordered by `write`. Reads with an id from `final_from` on count as final. O(n log n).
///
/// Where an operation that decides saw a value with two writers, it is taken to have seen the later one: what is counted
/// was lost, and more may have been.
pub fn lost_writes(history: &RegisterHistory, final_from: Option<u32>) -> Vec<LostWrite> {
    let written = last_written(history);
    let mut lost = overlooked(history, &written, final_from);
    lost.extend(forked(history, &lost));
    lost.sort_unstable_by_key(|lost| lost.write);
    lost
}

/// Per value the moment by which all of its writers had returned: anything invoked later is newer than the value.
fn last_written(history: &RegisterHistory) -> Vec<i64> {
    let mut written = vec![i64::MIN; history.values as usize];
    for op in &history.ops {
        if let Some(value) = op.action.written() {
            let last = &mut written[value as usize];
            *last = op.ret.max(*last);
        }
    }
    written
}

fn is_acknowledged_write(op: &RegisterOp) -> bool {
    !op.is_pending() && op.action.written().is_some()
}

/// Whether an operation shows what became of writes: a compare-and-set that succeeded, or a final read.
pub fn decides(op: &RegisterOp, final_from: Option<u32>) -> bool {
    !op.is_pending() && (op.action.written().is_some() || final_from.is_some_and(|first| op.id >= first))
}

/// Writes that lie wholly between a value and a later operation that still decided by that value.
fn overlooked(history: &RegisterHistory, written: &[i64], final_from: Option<u32>) -> Vec<LostWrite> {
    let decides = |op: &RegisterOp| decides(op, final_from);
    let mut deciding: Vec<(i64, i64, u32)> = (0u32..)
        .zip(&history.ops)
        .filter(|(_, op)| decides(op))
        .filter_map(|(index, op)| Some((op.call, written[op.action.observed()? as usize], index)))
        .collect();
    deciding.sort_unstable();
    // From here on: among all that were invoked at least this late, the one that saw the oldest value.
    for i in (1..deciding.len()).rev() {
        let (_, seen_later, by) = deciding[i];
        if seen_later < deciding[i - 1].1 {
            (deciding[i - 1].1, deciding[i - 1].2) = (seen_later, by);
        }
    }
    let shows = |op: &RegisterOp| {
        let later = deciding.partition_point(|&(call, ..)| call <= op.ret);
        deciding.get(later).filter(|&&(_, seen, _)| seen < op.call).map(|&(.., by)| by)
    };
    (0u32..)
        .zip(&history.ops)
        .filter(|(_, op)| is_acknowledged_write(op))
        .filter_map(|(write, op)| shows(op).map(|shown_by| LostWrite { write, shown_by }))
        .collect()
}

/// More compare-and-sets than writes of the value they replaced: all but that many are lost. Which ones nobody can say;
/// those already known to be lost count, then the earliest.
fn forked(history: &RegisterHistory, known: &[LostWrite]) -> Vec<LostWrite> {
    let mut sources = vec![0usize; history.values as usize];
    sources[INITIAL as usize] = 1;
    let mut heirs: Vec<(Value, i64, u32)> = Vec::new();
    for (index, op) in (0u32..).zip(&history.ops) {
        if let Some(value) = op.action.written() {
            sources[value as usize] += 1;
        }
        if let (Some(from), true) = (op.action.observed(), is_acknowledged_write(op)) {
            heirs.push((from, op.ret, index));
        }
    }
    heirs.sort_unstable();
    let is_known = |write: u32| known.binary_search_by_key(&write, |lost| lost.write).is_ok();
    let mut lost = Vec::new();
    for group in heirs.chunk_by(|a, b| a.0 == b.0) {
        let surplus = group.len().saturating_sub(sources[group[0].0 as usize]);
        let already = group.iter().filter(|heir| is_known(heir.2)).count();
        let survivor = group[group.len() - 1].2;
        let more = group.iter().filter(|heir| !is_known(heir.2)).take(surplus.saturating_sub(already));
        lost.extend(more.map(|&(.., write)| LostWrite { write, shown_by: survivor }));
    }
    lost
}
