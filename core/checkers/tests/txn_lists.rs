//! Lists against judges that try every order.
mod txn;

use splitbrain_checkers::events::Kind;
use txn::{breaks, is_serializable, is_snapshot_isolated, lists, random_txns, show, Demand, Mop, Random, Txn, DEMANDS};

/// Two appends to one key that nobody saw: which came first is free, and snapshot isolation may depend on it.
fn has_free_order(txns: &[Txn]) -> bool {
    let seen = |value: &u32| {
        let reads = |mop: &Mop| matches!(mop, Mop::Read(_, seen) if seen.contains(value));
        txns.iter().any(|txn| txn.kind == Kind::Ok && txn.mops.iter().any(reads))
    };
    let unseen = |key: usize| {
        let is_it = |mop: &&Mop| matches!(mop, Mop::Write(of, value) if *of == key && !seen(value));
        txns.iter().filter(|txn| txn.kind != Kind::Fail && txn.mops.iter().any(|mop| is_it(&mop))).count()
    };
    (0..txn::KEYS).any(|key| unseen(key) > 1)
}

#[test]
fn agrees_with_every_order_tried() {
    let mut random = Random(11);
    let mut broken = [[0u32; 3]; 2];
    let cases = 160_000;
    for case in 0..cases {
        let txns = random_txns(&mut random, 5, true);
        let report = lists(&txns);
        for demand in DEMANDS {
            let expected = is_serializable(&txns, true, demand);
            let found = breaks(&report, demand, false);
            assert_eq!(found, !expected, "case {case}, {demand:?}: {:?} in {}", report.counts, show(&txns));
            broken[0][demand as usize] += u32::from(found);
        }
        for demand in DEMANDS {
            let expected = is_snapshot_isolated(&txns, true, demand);
            let found = breaks(&report, demand, true);
            let is_free = !found && has_free_order(&txns);
            assert!(found != expected || is_free, "case {case}, {demand:?} SI: {:?} in {}", report.counts, show(&txns));
            broken[1][demand as usize] += u32::from(found);
        }
    }
    for [nothing, sessions, real_time] in broken {
        assert!(nothing > cases / 20 && nothing < sessions && sessions < real_time && real_time < cases, "{broken:?}");
    }
}

#[test]
fn larger_histories_too() {
    let mut random = Random(12);
    for case in 0..8_000 {
        let txns = random_txns(&mut random, 8, true);
        let report = lists(&txns);
        for demand in [Demand::Nothing, Demand::RealTime] {
            let expected = is_serializable(&txns, true, demand);
            assert_eq!(
                breaks(&report, demand, false),
                !expected,
                "case {case}: {:?} in {}",
                report.counts,
                show(&txns)
            );
        }
    }
}
