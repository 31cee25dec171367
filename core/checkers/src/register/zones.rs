//! Linearizability of a register with unique values in O(n log n), however many clients crashed.
//!
//! General searches are exponential in the number of open operations, and an operation whose client crashed stays open
//! for ever. When no observed value has two writers the data says which write each read saw, and nothing is left to
//! search (Gibbons and Korach, SIAM J. Comput. 1997; Golab, Li and Shah, PODC 2011): all operations on one value stand
//! together in any linearization, and so do all values that compare-and-sets link into a chain. Such a cluster has a
//! zone, from `min`, the earliest return, to `max`, the latest call. X must come before Y exactly if `X.min < Y.max`.
//!
//! Two clusters that must come before each other are a violation: two *forward* zones (min < max: the value was held
//! throughout) that overlap, or a *backward* zone inside a forward one. Longer cycles need not be looked for. In a
//! shortest cycle X1 -> X2 -> ... -> Xk with k >= 4 and no 2-cycle, either max(X2) >= max(X4), so X3 -> X2, against
//! X2 -> X3; or min(X1) < max(X4), so X1 -> X4 and the cycle was not shortest. With k = 3 the absence of 2-cycles gives
//! min1 < max2 <= min3 < max1 <= min2 < max3 <= min1, which is absurd.
use super::chains::{Chains, Extreme, Link, Obstacle};
use super::conflict::Conflict;
use super::op::{RegisterHistory, RegisterOp};

/// The answer for one register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Linearizable,
    Violation(Conflict),
    /// The values do not say which write a read saw: ask a search.
    Undecided,
}

/// The span that decides where a chain of values stands. `ops` of an extreme are indices into the history.
#[derive(Clone, Copy, Debug)]
pub struct Zone {
    pub min: Extreme,
    pub max: Extreme,
}

impl Zone {
    fn is_forward(&self) -> bool {
        self.min.time < self.max.time
    }
}

/// Decides one register.
pub fn judge(history: &RegisterHistory) -> Outcome {
    let chains = match Chains::build(history) {
        Ok(chains) => chains,
        Err(Obstacle::Violation(conflict)) => return Outcome::Violation(conflict),
        Err(Obstacle::NotUnique(_) | Obstacle::Negation) => return Outcome::Undecided,
    };
    match zones(history, &chains).and_then(|zones| find_overlap(&zones).map_or(Ok(()), Err)) {
        Ok(()) => Outcome::Linearizable,
        Err(conflict) => Outcome::Violation(conflict),
    }
}

fn zones(history: &RegisterHistory, chains: &Chains) -> Result<Vec<Zone>, Conflict> {
    let mut zones = Vec::new();
    let mut cas_count = 0;
    for root in chains.roots() {
        let (zone, length) = zone(&history.ops, chains.walk(&history.ops, root))?;
        cas_count += length - 1;
        zones.push(zone);
    }
    if cas_count < chains.cas_count() {
        return Err(Conflict::Cycle { ops: chains.cycle(&history.ops) });
    }
    Ok(zones)
}

/// The zone of one chain and its number of values, provided that the chain agrees with real time in itself.
fn zone(ops: &[RegisterOp], chain: impl Iterator<Item = Link>) -> Result<(Zone, usize), Conflict> {
    let mut min = Extreme::LATEST;
    let mut max = Extreme::EARLIEST;
    let mut length = 0;
    for link in chain {
        length += 1;
        match link.writer {
            None => min = Extreme::EARLIEST,
            Some(writer) => {
                let op = &ops[writer as usize];
                in_order(max, op.ret, writer)?;
                min = min.min(op.ret, writer);
                max = max.max(op.call, writer);
            }
        }
        in_order(max, link.reads.first_ret.time, link.reads.first_ret.op)?;
        min = min.min(link.reads.first_ret.time, link.reads.first_ret.op);
        max = max.max(link.reads.last_call.time, link.reads.last_call.op);
    }
    Ok((Zone { min, max }, length))
}

fn in_order(called: Extreme, ret: i64, op: u32) -> Result<(), Conflict> {
    if ret < called.time {
        return Err(Conflict::Order { earlier: called.op, later: op });
    }
    Ok(())
}

/// The earliest pair of zones that exclude each other. The initial chain, which has no first operation, comes first.
pub fn find_overlap(zones: &[Zone]) -> Option<Conflict> {
    let mut forward: Vec<Zone> = zones.iter().copied().filter(Zone::is_forward).collect();
    forward.sort_unstable_by_key(|zone| zone.min.time);
    let clash = |held: &Zone, inside: &Zone| Conflict::Zones {
        first: (held.min.time > i64::MIN).then_some(held.min.op),
        second: inside.max.op,
        third: inside.min.op,
        fourth: held.max.op,
    };
    if let Some(pair) = forward.windows(2).find(|pair| pair[1].min.time < pair[0].max.time) {
        return Some(clash(&pair[0], &pair[1]));
    }
    zones.iter().filter(|zone| !zone.is_forward()).find_map(|zone| {
        let before = forward.partition_point(|held| held.min.time < zone.max.time);
        let held = &forward[before.checked_sub(1)?];
        (zone.min.time < held.max.time).then(|| clash(held, zone))
    })
}
