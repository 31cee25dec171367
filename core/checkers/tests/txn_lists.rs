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
    let cases = 200_000;
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

/// Histories that are as strong as can be, with one thing in them changed: a read, an outcome, a moment, a client.
#[test]
fn mutated_valid_histories() {
    let mut random = Random(13);
    let (mut valid, mut broken) = (0, 0);
    while valid < 60_000 {
        let mut txns = random_txns(&mut random, 5, true);
        if txns.is_empty() || !is_serializable(&txns, true, Demand::RealTime) {
            continue;
        }
        valid += 1;
        assert!(!breaks(&lists(&txns), Demand::RealTime, false), "{}", show(&txns));
        mutate(&mut random, &mut txns);
        let report = lists(&txns);
        for demand in DEMANDS {
            let expected = is_serializable(&txns, true, demand);
            assert_eq!(breaks(&report, demand, false), !expected, "{demand:?}: {:?} in {}", report.counts, show(&txns));
            broken += u32::from(demand == Demand::RealTime && !expected);
        }
    }
    assert!(broken > 10_000, "{broken} of {valid}");
}

fn mutate(random: &mut Random, txns: &mut [Txn]) {
    let at = random.below(txns.len() as u64) as usize;
    let txn = &mut txns[at];
    let place = random.below(txn.mops.len() as u64) as usize;
    match (random.below(5), &mut txn.mops[place]) {
        (0, _) => txn.kind = random.pick(&[Kind::Ok, Kind::Fail]),
        // Nobody else knows a client of this number, so order within clients is broken nowhere.
        (1, _) => txn.process = 1_000,
        (2, Mop::Read(_, seen)) if seen.len() > 1 => seen.swap(0, 1),
        (3, Mop::Read(_, seen)) => seen.push(1 + random.below(8) as u32),
        (_, Mop::Read(_, seen)) => drop(seen.pop()),
        (_, Mop::Write(key, _)) => *key = (*key + 1) % txn::KEYS,
    }
}
