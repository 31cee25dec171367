//! How stale: the smallest shift of reads that makes a register linearizable (Delta-atomicity).
//!
//! A history is Delta-atomic if it becomes linearizable when every read may have begun Delta earlier, that is, if each
//! read returned a value that was current at most Delta before the read was invoked (Golab, Li and Shah, PODC 2011).
//! Shifting reads moves the latest call of a zone towards the past and nothing else, so orders between zones only ever
//! vanish: the property is monotone, and the smallest shift is found by bisection over whole nanoseconds, which is
//! exact because times are whole nanoseconds. Compare-and-sets change the register and are not shifted.
use super::chains::{Chains, Extreme, Link, Obstacle};
use super::conflict::Conflict;
use super::op::{Action, RegisterHistory, RegisterOp};
use super::zones::{find_overlap, Zone};

/// The answer for one register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Staleness {
    /// The smallest sufficient shift in nanoseconds, with the read that needs all of it (none if zero).
    Within { delta: i64, worst: Option<Late> },
    /// No shift of reads mends this: what is wrong is not only that reads were late. How late some were all the same.
    Unbounded { conflict: Conflict, at_least: i64, worst: Option<Late> },
    /// The values do not say which write a read saw; this much is certain.
    Undecided { at_least: i64, worst: Option<Late> },
}

/// `read` was invoked this long after `newer`, which wrote or saw something newer, had returned. Indices into `ops`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    pub read: u32,
    pub newer: u32,
}

/// The Delta of one register.
pub fn staleness(history: &RegisterHistory) -> Staleness {
    match Chains::build(history).and_then(|chains| measure(history, &chains).map_err(Obstacle::Violation)) {
        Ok((delta, worst)) => Staleness::Within { delta, worst },
        Err(obstacle) => {
            let (at_least, worst) = latest_after_overwrite(history);
            match obstacle {
                Obstacle::Violation(conflict) => Staleness::Unbounded { conflict, at_least, worst },
                Obstacle::NotUnique(_) | Obstacle::Negation => Staleness::Undecided { at_least, worst },
            }
        }
    }
}

/// How long after the first acknowledgement of a write that certainly came after all writes of its value a read began,
/// for the read for which this is longest. No shift below that can do. O(n log n).
fn latest_after_overwrite(history: &RegisterHistory) -> (i64, Option<Late>) {
    let mut written = vec![i64::MIN; history.values as usize];
    let mut writes: Vec<(i64, i64, u32)> = Vec::new();
    for (index, op) in (0u32..).zip(&history.ops) {
        if let Some(value) = op.action.written() {
            written[value as usize] = op.ret.max(written[value as usize]);
            writes.push((op.call, op.ret, index));
        }
    }
    writes.sort_unstable();
    // From here on: among all writes invoked at least this late, the first that was acknowledged.
    for i in (1..writes.len()).rev() {
        if writes[i].1 < writes[i - 1].1 {
            (writes[i - 1].1, writes[i - 1].2) = (writes[i].1, writes[i].2);
        }
    }
    let mut needed = Needed::default();
    for (index, op) in (0u32..).zip(&history.ops) {
        let Action::Read(value) = op.action else { continue };
        let later = writes.partition_point(|&(call, ..)| call <= written[value as usize]);
        if let Some(&(_, acknowledged, newer)) = writes.get(later) {
            needed.at_least(Extreme { time: op.call, op: index }, acknowledged, newer);
        }
    }
    (needed.delta, needed.worst)
}

fn measure(history: &RegisterHistory, chains: &Chains) -> Result<(i64, Option<Late>), Conflict> {
    let mut needed = Needed::default();
    let mut spans = Vec::new();
    let mut cas_count = 0;
    for root in chains.roots() {
        let (span, length) = Span::of(&history.ops, chains.walk(&history.ops, root), &mut needed)?;
        cas_count += length - 1;
        spans.push(span);
    }
    if cas_count < chains.cas_count() {
        return Err(Conflict::Cycle { ops: chains.cycle(&history.ops) });
    }
    bisect(&history.ops, &spans, needed)
}

/// The largest shift that a single chain needs within itself.
#[derive(Default)]
struct Needed {
    delta: i64,
    worst: Option<Late>,
}

impl Needed {
    fn at_least(&mut self, read: Extreme, ret: i64, newer: u32) {
        if read.time > ret && read.time - ret > self.delta {
            *self = Needed { delta: read.time - ret, worst: Some(Late { read: read.op, newer }) };
        }
    }
}

/// A zone whose latest call is told apart by what shifts and what does not.
struct Span {
    min: Extreme,
    fixed: Extreme,
    read: Extreme,
}

impl Span {
    fn of(
        ops: &[RegisterOp],
        chain: impl Iterator<Item = Link>,
        needed: &mut Needed,
    ) -> Result<(Span, usize), Conflict> {
        let mut span = Span { min: Extreme::LATEST, fixed: Extreme::EARLIEST, read: Extreme::EARLIEST };
        let mut length = 0;
        for link in chain {
            length += 1;
            match link.writer {
                None => span.min = Extreme::EARLIEST,
                Some(writer) => {
                    let op = &ops[writer as usize];
                    span.check(op.ret, writer, needed)?;
                    span.min = span.min.min(op.ret, writer);
                    span.fixed = span.fixed.max(op.call, writer);
                }
            }
            let (first, last) = (link.reads.first_ret, link.reads.last_call);
            span.check(first.time, first.op, needed)?;
            span.min = span.min.min(first.time, first.op);
            span.read = span.read.max(last.time, last.op);
        }
        Ok((span, length))
    }

    fn check(&self, ret: i64, op: u32, needed: &mut Needed) -> Result<(), Conflict> {
        if ret < self.fixed.time {
            return Err(Conflict::Order { earlier: self.fixed.op, later: op });
        }
        needed.at_least(self.read, ret, op);
        Ok(())
    }

    fn shifted(&self, delta: i64) -> Zone {
        Zone { min: self.min, max: self.fixed.max(self.read.time.saturating_sub(delta), self.read.op) }
    }
}

fn bisect(ops: &[RegisterOp], spans: &[Span], needed: Needed) -> Result<(i64, Option<Late>), Conflict> {
    let overlap = |delta: i64| find_overlap(&spans.iter().map(|span| span.shifted(delta)).collect::<Vec<_>>());
    if overlap(needed.delta).is_none() {
        return Ok((needed.delta, needed.worst));
    }
    let latest = spans.iter().map(|span| span.read.time).max().unwrap_or(0);
    let earliest = ops.iter().map(|op| op.call).min().unwrap_or(0);
    let (mut too_small, mut enough) = (needed.delta, latest.saturating_sub(earliest).max(needed.delta) + 1);
    if let Some(conflict) = overlap(enough) {
        return Err(conflict);
    }
    while enough - too_small > 1 {
        let middle = too_small + (enough - too_small) / 2;
        if overlap(middle).is_some() {
            too_small = middle;
        } else {
            enough = middle;
        }
    }
    let worst = overlap(too_small).and_then(|conflict| late_read(ops, &conflict, enough));
    Ok((enough, worst))
}

/// Of a conflict that a shift of one nanosecond more resolves, the read that this nanosecond is for.
fn late_read(ops: &[RegisterOp], conflict: &Conflict, delta: i64) -> Option<Late> {
    let Conflict::Zones { first, second, third, fourth } = *conflict else { return None };
    let is_late = |read: u32, newer: u32| {
        let read = &ops[read as usize];
        matches!(read.action, Action::Read(_)) && read.call - ops[newer as usize].ret == delta
    };
    [Some((fourth, third)), first.map(|first| (second, first))]
        .into_iter()
        .flatten()
        .find(|&(read, newer)| is_late(read, newer))
        .map(|(read, newer)| Late { read, newer })
}
