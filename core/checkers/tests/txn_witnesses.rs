//! What is told of an anomaly is what it takes: its transactions show it alone, and without any of them it is gone.
mod txn;

use std::collections::BTreeMap;

use splitbrain_checkers::events::Kind;
use splitbrain_checkers::txn::{check_appends, check_registers, Assumptions, Told};
use txn::{bounds, random_txns, show, History, Mop, Random, Txn};

const ALL: Assumptions = Assumptions { writes_follow_reads: true, sequential_keys: true, linearizable_keys: true };

fn told(txns: &[Txn], is_lists: bool) -> (Vec<Told>, History) {
    let history = History::new(txns, is_lists);
    let report = match is_lists {
        true => check_appends(&history, bounds()),
        false => check_registers(&history, ALL, None, bounds()),
    };
    let report = report.expect("well formed");
    assert!(report.unconfirmed.is_empty(), "{:?} in {}", report.unconfirmed, show(txns));
    (report.told.into_iter().filter(|told| told.steps.is_empty()).collect(), history)
}

/// A crashed client that began before everybody may have written what somebody saw and nobody here wrote.
fn completed(mut txns: Vec<Txn>) -> Vec<Txn> {
    let wrote = |key, value| txns.iter().any(|txn| txn.mops.contains(&Mop::Write(key, value)));
    let mut missing: Vec<(usize, u32)> = Vec::new();
    for mop in txns.iter().filter(|txn| txn.kind == Kind::Ok).flat_map(|txn| &txn.mops) {
        let Mop::Read(key, seen) = mop else { continue };
        missing.extend(seen.iter().map(|&value| (*key, value)).filter(|&(key, value)| !wrote(key, value)));
    }
    missing.sort_unstable();
    missing.dedup();
    let first = txns.iter().map(|txn| txn.call).min().unwrap_or(0) - 1;
    let last = txns.iter().map(|txn| txn.ret).max().unwrap_or(0) + 1;
    let crashed = |(number, (key, value))| Txn {
        mops: vec![Mop::Write(key, value)],
        process: 1_000_000 + number,
        call: first,
        ret: last,
        kind: Kind::Info,
    };
    txns.extend((0i64..).zip(missing).map(crashed));
    txns
}

/// Whether these transactions, and nothing else, show this anomaly of this key.
fn shows(txns: Vec<Txn>, is_lists: bool, name: &str, key: &Option<String>) -> bool {
    // That nobody wrote a value is the one thing that the absent say.
    let txns = if name == "thin-air" { txns } else { completed(txns) };
    told(&txns, is_lists).0.iter().any(|told| told.name == name && told.key == *key)
}

fn differ(seed: u64, is_lists: bool, names: &[&str]) {
    let mut random = Random(seed);
    let mut met: BTreeMap<&str, usize> = BTreeMap::new();
    for case in 0..100_000 {
        let txns = random_txns(&mut random, 7, is_lists);
        let (all, history) = told(&txns, is_lists);
        for told in all {
            let count = met.entry(told.name).or_default();
            *count += 1;
            if *count > 3_000 {
                continue;
            }
            let witness: Vec<usize> = told.rows.iter().map(|&row| history.txn_of(row as usize)).collect();
            let chosen = |left_out: Option<usize>| -> Vec<Txn> {
                witness.iter().filter(|&&txn| Some(txn) != left_out).map(|&txn| txns[txn].clone()).collect()
            };
            let what = || format!("case {case}, {} by {witness:?} in {}", told.message, show(&txns));
            assert!(shows(chosen(None), is_lists, told.name, &told.key), "proves nothing: {}", what());
            for &txn in &witness {
                assert!(!shows(chosen(Some(txn)), is_lists, told.name, &told.key), "without {txn}: {}", what());
            }
        }
    }
    assert_eq!(met.keys().copied().collect::<Vec<_>>(), names);
    assert!(met.values().all(|&count| count > 30), "{met:?}");
}

#[test]
fn of_lists() {
    let names = ["G1a", "G1b", "dirty-update", "duplicate-elements", "future-read", "incompatible-order", "internal"];
    differ(51, true, &[&names[..], &["lost-update", "thin-air"]].concat());
}

#[test]
fn of_registers() {
    differ(52, false, &["G1a", "G1b", "cyclic-versions", "future-read", "internal", "lost-update", "thin-air"]);
}
