//! The search against the exhaustive oracle, on registers of few values.
mod common;

use std::time::Duration;

use common::{is_linearizable, random_history, Plain, Random, Shape};
use splitbrain_checkers::register::{decide, numbered, reduce, Decision, Reduced};
use splitbrain_checkers::ruling::Ruling;
use splitbrain_checkers::search::{is_span_impossible, rule, search, Answer, Limits};

fn limits() -> Limits {
    Limits::within(Duration::from_secs(60), 1 << 30)
}

#[test]
fn agrees_with_every_order_tried() {
    let mut random = Random(31);
    let mut illegal = 0;
    for case in 0..300_000 {
        let shape = Shape { ops_max: 9, values: random.pick(&[0, 2, 3, 5]), negations: case % 2 == 0 };
        let history = random_history(&mut random, shape);
        let expected = is_linearizable(&history.ops, 0);
        let (mut machine, ops) = numbered(&history);
        let ruling = if expected { Ruling::Linearizable } else { Ruling::Violation };
        assert_eq!(rule(&mut machine, &ops, limits()), ruling, "case {case}: alone, of {history:?}");
        match search(&mut machine, &ops, limits()) {
            Answer::Linearizable => assert!(expected, "case {case}: missed {history:?}"),
            Answer::Illegal(refutation) => {
                assert!(!expected, "case {case}: blamed {history:?}");
                let part: Vec<_> = refutation.ops.iter().map(|&op| history.ops[op as usize]).collect();
                assert!(!is_linearizable(&part, 0), "case {case}: {refutation:?} proves nothing in {history:?}");
                let reduced = match reduce(&history, &refutation, limits()) {
                    Reduced::Confirmed(reduced) => reduced,
                    other => panic!("case {case}: {other:?} of {history:?}"),
                };
                assert!(!is_linearizable(&reduced.ops, 0), "case {case}: {reduced:?} proves nothing in {history:?}");
                illegal += 1;
            }
            Answer::Unknown(stopped) => panic!("case {case}: {stopped:?}"),
        }
    }
    assert!(illegal > 25_000, "{illegal}");
}

#[test]
fn a_span_that_is_impossible_by_itself_refutes_the_history() {
    let mut random = Random(32);
    let mut refuted = 0;
    for case in 0..100_000 {
        let shape = Shape { ops_max: 9, values: random.pick(&[0, 2, 3]), negations: case % 2 == 0 };
        let history = random_history(&mut random, shape);
        let (mut machine, ops) = numbered(&history);
        let (start, length) = (random.below(20) as i64, random.below(20) as i64);
        match is_span_impossible(&mut machine, &ops, start, start + length, limits()) {
            Some(true) => {
                assert!(!is_linearizable(&history.ops, 0), "case {case}: {start}..{length} blames {history:?}");
                refuted += 1;
            }
            Some(false) => {}
            None => panic!("case {case}: small spans are decided"),
        }
    }
    assert!(refuted > 1_500, "{refuted}");
}

#[test]
fn every_register_gets_an_answer_and_every_violation_a_proof() {
    let mut random = Random(33);
    for case in 0..100_000 {
        let shape = Shape { ops_max: 9, values: random.pick(&[0, 2, 4]), negations: case % 2 == 0 };
        let history = random_history(&mut random, shape);
        let verdict = decide(&history, &Plain, limits());
        match verdict.outcome {
            Decision::Linearizable => assert!(is_linearizable(&history.ops, 0), "case {case}: missed {history:?}"),
            Decision::Violation(proof) => {
                assert!(!is_linearizable(&proof.ops, 0), "case {case}: {proof:?}");
                assert!(proof.text.ends_with('.') && proof.text.starts_with(['P', 'N', 'T']), "{}", proof.text);
            }
            other => panic!("case {case}: {other:?} for {history:?}"),
        }
    }
}
