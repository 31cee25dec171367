//! Zones against the exhaustive oracle, and every proof against both.
mod common;

use common::{is_linearizable, random_history, Plain, Random, Shape};
use splitbrain_checkers::brute;
use splitbrain_checkers::model::{Interval, NEVER};
use splitbrain_checkers::register::{
    explain, judge, prove, Action, Conflict, Outcome, RegisterHistory, RegisterMachine, RegisterOp, Witness,
};

const UNIQUE: Shape = Shape { ops_max: 8, values: 0, negations: false };

fn op(id: u32, call: i64, ret: i64, action: Action) -> RegisterOp {
    RegisterOp { call, ret, action, id }
}

fn history(ops: Vec<RegisterOp>) -> RegisterHistory {
    RegisterHistory { ops, values: 32, aborted: Vec::new() }
}

fn proof(history: &RegisterHistory) -> (Witness, &'static str, String) {
    let Outcome::Violation(conflict) = judge(history) else { panic!("no violation in {history:?}") };
    let witness = prove(history, &conflict).unwrap_or_else(|| panic!("unconfirmed {conflict:?} in {history:?}"));
    let (kind, text) = explain(&witness, &Plain);
    (witness, kind, text)
}

#[test]
fn agrees_with_every_order_tried() {
    let mut random = Random(1);
    let (mut violations, mut undecided) = (0, 0);
    for case in 0..400_000 {
        let history = random_history(&mut random, UNIQUE);
        let expected = is_linearizable(&history.ops, 0);
        match judge(&history) {
            Outcome::Linearizable => assert!(expected, "case {case}: missed a violation in {history:?}"),
            Outcome::Violation(_) => {
                assert!(!expected, "case {case}: blamed {history:?}");
                violations += 1;
                check_proof(&history);
            }
            Outcome::Undecided => undecided += 1,
        }
    }
    assert!(violations > 50_000, "{violations} violations are too few to mean anything");
    assert_eq!(undecided, 0, "unique values are always decided");
}

#[test]
fn duplicate_values_are_decided_or_handed_on() {
    let mut random = Random(2);
    let mut decided = 0;
    for case in 0..200_000 {
        let shape = Shape { ops_max: 7, values: random.pick(&[3, 6]), negations: case % 4 == 0 };
        let history = random_history(&mut random, shape);
        let expected = is_linearizable(&history.ops, 0);
        let verdict = judge(&history);
        if verdict != Outcome::Undecided {
            assert_eq!(verdict == Outcome::Linearizable, expected, "case {case}: {history:?}");
            decided += 1;
        }
    }
    assert!(decided > 40_000, "{decided}");
}

#[test]
fn the_brute_force_that_confirms_proofs_agrees_too() {
    let mut random = Random(3);
    for case in 0..200_000 {
        let shape = Shape { ops_max: 7, values: random.pick(&[0, 3]), negations: case % 2 == 0 };
        let history = random_history(&mut random, shape);
        let mut machine = RegisterMachine::new(history.ops.iter().map(|op| op.action).collect());
        let ops: Vec<Interval> =
            (0..).zip(&history.ops).map(|(action, op)| Interval { call: op.call, ret: op.ret, action }).collect();
        assert_eq!(
            brute::is_linearizable(&mut machine, &ops),
            Some(is_linearizable(&history.ops, 0)),
            "case {case}: {history:?}"
        );
    }
}

/// A proof is a small part of the history that is not linearizable, in which nobody sees a value whose writer was left out.
fn check_proof(history: &RegisterHistory) {
    let (witness, kind, text) = proof(history);
    assert!(!is_linearizable(&witness.ops, 0), "{witness:?}");
    assert!(text.ends_with('.') && !text.contains("  "), "{kind}: {text}");
    for part in &witness.ops {
        let whole = history.ops.iter().find(|op| op.id == part.id).expect("the proof's operations are the history's");
        let weakened = whole.action.written().map(Action::Write);
        assert!(part.action == whole.action || Some(part.action) == weakened);
        assert_eq!((part.call, part.ret), (whole.call, whole.ret));
    }
    let from_nowhere = matches!(witness.conflict, Conflict::ThinAir { .. } | Conflict::Aborted { .. });
    for value in witness.ops.iter().filter_map(|op| op.action.observed()).filter(|&value| value != 0) {
        assert!(from_nowhere || witness.ops.iter().any(|op| op.action.written() == Some(value)), "{witness:?}");
    }
}

#[test]
fn empty_and_single_operations() {
    assert_eq!(judge(&history(vec![])), Outcome::Linearizable);
    assert_eq!(judge(&history(vec![op(0, 0, 1, Action::Read(0))])), Outcome::Linearizable);
    assert_eq!(judge(&history(vec![op(0, 0, NEVER, Action::Write(1))])), Outcome::Linearizable);
}

#[test]
fn equal_timestamps_are_concurrent() {
    let ops = vec![op(0, 0, 5, Action::Write(1)), op(1, 5, 9, Action::Read(0))];
    assert_eq!(judge(&history(ops)), Outcome::Linearizable);
}

#[test]
fn a_stale_read_is_told_with_three_operations() {
    let mut ops = vec![
        op(0, 0, 10, Action::Write(7)),
        op(1, 20, 30, Action::Write(9)),
        op(2, 31, 33, Action::Read(9)),
        op(3, 40, 50, Action::Read(7)),
    ];
    ops.extend((0..20).map(|i| op(10 + i, 60, 70, Action::Read(7))));
    let (witness, kind, text) = proof(&history(ops));
    assert_eq!(kind, "stale-read");
    assert_eq!(witness.ops.len(), 3);
    assert!(
        text.contains("although 9 had been written over it by process 1, whose write was acknowledged at 30 ms."),
        "{text}"
    );
}

#[test]
fn two_updates_of_one_value_are_a_fork() {
    let ops = vec![
        op(0, 0, 10, Action::Write(7)),
        op(1, 20, 30, Action::Cas(7, 8)),
        op(2, 20, 35, Action::Cas(7, 9)),
        op(3, 40, 50, Action::Read(9)),
    ];
    let (witness, kind, text) = proof(&history(ops));
    assert_eq!((kind, witness.ops.len()), ("forked-cas", 3));
    assert_eq!(
        text,
        "Process 1 changed 7 into 8 at 30 ms, and process 2 changed 7 into 9 at 35 ms: both found 7, which was written only \
         once. One of the two updates was lost."
    );
}

#[test]
fn values_from_nowhere_and_from_failed_writes() {
    let (_, kind, text) = proof(&history(vec![op(4, 0, 10, Action::Read(7))]));
    assert_eq!((kind, text.as_str()), ("thin-air-read", "Process 4 read 7 at 10 ms, but nobody ever wrote 7."));
    let failed = RegisterHistory { aborted: vec![(2, 7)], ..history(vec![op(4, 0, 10, Action::Read(7))]) };
    let (_, kind, text) = proof(&failed);
    assert_eq!(kind, "aborted-read");
    assert_eq!(text, "Process 4 read 7 at 10 ms, but the only write of 7, by process 2, had failed.");
}

#[test]
fn a_long_chain_is_cut_off_before_what_matters() {
    let mut ops = vec![op(0, 0, 1, Action::Write(1))];
    ops.extend((1..30).map(|i| op(i, i64::from(i) * 10, i64::from(i) * 10 + 5, Action::Cas(i, i + 1))));
    ops.push(op(99, 1_000, 1_001, Action::Read(20)));
    let (witness, kind, text) = proof(&history(ops));
    assert_eq!((kind, witness.ops.len()), ("stale-read", 3), "{witness:?}");
    assert_eq!(
        text,
        "Process 99 read 20 at 1000 ms although process 20 had replaced it by 21, acknowledged at 205 ms."
    );
}

#[test]
fn compare_and_sets_in_a_circle() {
    let ops = vec![op(0, 0, 9, Action::Cas(1, 2)), op(1, 0, 9, Action::Cas(2, 3)), op(2, 0, 9, Action::Cas(3, 1))];
    let (witness, kind, _) = proof(&history(ops));
    assert_eq!((kind, witness.ops.len()), ("non-linearizable", 3));
}

#[test]
fn crashed_writes_count_only_if_somebody_saw_them() {
    let pending = op(0, 0, NEVER, Action::Write(1));
    let other = op(1, 2, 3, Action::Write(2));
    let late = vec![pending, other, op(2, 4, 5, Action::Read(2)), op(3, 6, 7, Action::Read(1))];
    assert_eq!(judge(&history(late.clone())), Outcome::Linearizable);
    let again = [late, vec![op(4, 8, 9, Action::Read(2))]].concat();
    let (witness, kind, _) = proof(&history(again));
    assert_eq!((kind, witness.ops.len()), ("stale-read", 4));
}
