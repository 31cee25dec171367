//! Registers against judges that try every order.
mod txn;

use splitbrain_checkers::events::Kind;
use splitbrain_checkers::txn::{Assumptions, Report, Weak};
use txn::{
    breaks, is_serializable, is_snapshot_isolated, random_txns, registers, show, Demand, Mop, Random, Txn, DEMANDS,
};

const NOTHING: Assumptions =
    Assumptions { writes_follow_reads: false, sequential_keys: false, linearizable_keys: false };

/// Without the order of versions answers are incomplete, but what is found is there.
#[test]
fn whatever_is_found_is_there() {
    let mut random = Random(21);
    let (mut found, mut missed) = (0, 0);
    for case in 0..200_000 {
        let txns = random_txns(&mut random, 5, false);
        let report = registers(&txns, NOTHING, None);
        for demand in DEMANDS {
            let is_broken = !is_serializable(&txns, false, demand);
            let is_found = breaks(&report, demand, false);
            assert!(is_broken || !is_found, "case {case}, {demand:?}: {:?} in {}", report.counts, show(&txns));
            assert!(
                !breaks(&report, demand, true) || !is_snapshot_isolated(&txns, false, demand),
                "case {case}, {demand:?} SI: {:?} in {}",
                report.counts,
                show(&txns)
            );
            found += u32::from(is_found);
            missed += u32::from(is_broken && !is_found);
        }
    }
    assert!(found > missed * 2, "{found} found, {missed} missed");
}

/// A strictly serializable history fulfils every assumption, so none may turn up anything in it.
#[test]
fn assumptions_that_hold_find_nothing() {
    let mut random = Random(22);
    let mut found = [0u32; 8];
    for case in 0..200_000 {
        let txns = random_txns(&mut random, 6, false);
        let is_broken = !is_serializable(&txns, false, Demand::RealTime);
        for (set, found) in found.iter_mut().enumerate() {
            let assume = Assumptions {
                writes_follow_reads: set & 1 != 0,
                sequential_keys: set & 2 != 0,
                linearizable_keys: set & 4 != 0,
            };
            let report = registers(&txns, assume, None);
            let is_found = breaks(&report, Demand::RealTime, false);
            assert!(is_broken || !is_found, "case {case}, {assume:?}: {:?} in {}", report.counts, show(&txns));
            *found += u32::from(is_found);
        }
    }
    assert!(found[0] < found[1] && found[0] < found[2] && found[2] < found[4] && found[4] <= found[7], "{found:?}");
}

/// Every order of transactions, by the axioms of the level.
fn holds(txns: &[Txn], level: Weak) -> bool {
    let nodes: Vec<&Txn> = txns.iter().filter(|txn| matters(txns, txn)).collect();
    let reads: Vec<Vec<(usize, Option<usize>)>> = nodes.iter().map(|txn| read_from(&nodes, txn)).collect();
    let count = nodes.len();
    let mut direct = vec![vec![false; count]; count];
    for (b, reads) in reads.iter().enumerate() {
        for a in 0..count {
            direct[a][b] = a != b && txn::precedes(nodes[a], nodes[b], Demand::Sessions)
                || reads.iter().any(|&(_, from)| from == Some(a) && a != b);
        }
    }
    let mut reach = direct.clone();
    for via in 0..count {
        for a in 0..count {
            for b in 0..count {
                reach[a][b] |= reach[a][via] && reach[via][b];
            }
        }
    }
    let mut before = direct.clone();
    for (t3, reads) in reads.iter().enumerate() {
        for (at, &(key, t1)) in reads.iter().enumerate() {
            for t2 in (0..count).filter(|&t2| Some(t2) != t1 && t2 != t3 && writes(nodes[t2], key)) {
                let is_aware = match level {
                    Weak::ReadCommitted => reads[..at].iter().any(|&(_, from)| from == Some(t2)),
                    Weak::ReadAtomic => direct[t2][t3],
                    Weak::Causal => reach[t2][t3],
                };
                match t1 {
                    None if is_aware => return false,
                    Some(t1) if is_aware => before[t2][t1] = true,
                    _ => {}
                }
            }
        }
    }
    fn order(before: &[Vec<bool>], left: u32) -> bool {
        let open = |i: usize| left >> i & 1 == 1;
        left == 0
            || (0..before.len()).any(|i| {
                open(i) && (0..before.len()).all(|j| !open(j) || !before[j][i]) && order(before, left & !(1 << i))
            })
    }
    order(&before, (1 << count) - 1)
}

fn writes(txn: &Txn, key: usize) -> bool {
    txn.mops.iter().any(|mop| matches!(mop, Mop::Write(of, _) if *of == key))
}

fn wrote(txn: &Txn, key: usize, value: u32) -> bool {
    txn.mops.contains(&Mop::Write(key, value))
}

fn matters(txns: &[Txn], txn: &Txn) -> bool {
    let is_seen = |key: usize, value: u32| {
        let reads = |mop: &Mop| *mop == Mop::Read(key, vec![value]);
        txns.iter().any(|other| other.kind == Kind::Ok && other.mops.iter().any(reads))
    };
    let seen = |mop: &Mop| matches!(mop, Mop::Write(key, value) if is_seen(*key, *value));
    txn.kind == Kind::Ok || txn.kind == Kind::Info && txn.mops.iter().any(seen)
}

/// What a transaction read from others: key and writer, `None` for the initial state.
fn read_from(nodes: &[&Txn], txn: &Txn) -> Vec<(usize, Option<usize>)> {
    let mut reads = Vec::new();
    for mop in txn.mops.iter().filter(|_| txn.kind == Kind::Ok) {
        let Mop::Read(key, seen) = mop else { continue };
        match seen.first() {
            None => reads.push((*key, None)),
            Some(&value) => {
                let from = nodes.iter().position(|other| wrote(other, *key, value));
                reads.extend(from.filter(|&from| !std::ptr::eq(nodes[from], txn)).map(|from| (*key, Some(from))));
            }
        }
    }
    reads
}

fn axioms_broken(report: &Report) -> bool {
    const NAMES: [&str; 4] = ["non-monotonic-read", "fractured-read", "causality-violation", "happens-before-cycle"];
    report.counts.iter().any(|(name, _)| NAMES.contains(name))
}

#[test]
fn weak_levels_agree_with_their_axioms() {
    let mut random = Random(23);
    let levels = [Weak::ReadCommitted, Weak::ReadAtomic, Weak::Causal];
    let mut broken = [0u32; 3];
    for case in 0..200_000 {
        let txns = random_txns(&mut random, 6, false);
        for (level, broken) in levels.into_iter().zip(&mut broken) {
            let report = registers(&txns, NOTHING, Some(level));
            let expected = !holds(&txns, level);
            assert_eq!(
                axioms_broken(&report),
                expected,
                "case {case}, {level:?}: {:?} in {}",
                report.counts,
                show(&txns)
            );
            *broken += u32::from(expected);
        }
    }
    assert!(0 < broken[0] && broken[0] < broken[1] && broken[1] < broken[2], "{broken:?}");
}
