//! Out of time or memory is an answer: in about that time, with how far the search came, and never for the other keys.
mod common;

use std::time::{Duration, Instant};

use common::{Plain, Random};
use splitbrain_checkers::model::NEVER;
use splitbrain_checkers::register::{decide, Action, Decision, RegisterHistory, RegisterOp, Value};
use splitbrain_checkers::search::{Limits, Resource};
use splitbrain_checkers::turns::in_turns;

/// One write after the other, then sixty writes at one time that all crashed or all are open together, and reads that
/// could be of any: too many ways for anybody.
fn hostile(crashed: bool) -> RegisterHistory {
    let mut random = Random(5);
    let mut ops: Vec<RegisterOp> = (0..1_000)
        .map(|id| RegisterOp { id, call: i64::from(id) * 10, ret: i64::from(id) * 10 + 5, action: Action::Write(1) })
        .collect();
    let start = 100_000;
    for id in 1_000..1_120 {
        let ret = if crashed { NEVER } else { start + 10_000 };
        let action = Action::Cas(random.below(40) as Value, random.below(40) as Value);
        ops.push(RegisterOp { id, call: start, ret, action });
    }
    ops.push(RegisterOp { id: 1_120, call: start + 1, ret: start + 9_000, action: Action::Read(45) });
    ops.push(RegisterOp { id: 1_121, call: start + 1, ret: start + 9_000, action: Action::Write(45) });
    ops.push(RegisterOp { id: 1_122, call: start + 9_001, ret: start + 9_002, action: Action::Read(44) });
    ops.push(RegisterOp { id: 1_123, call: start + 9_003, ret: start + 9_004, action: Action::Write(44) });
    RegisterHistory { ops, values: 46, aborted: Vec::new() }
}

#[test]
fn a_search_ends_in_about_its_time_and_tells_how_far_it_came() {
    for crashed in [false, true] {
        let began = Instant::now();
        let verdict = decide(&hostile(crashed), &Plain, Limits::within(Duration::from_millis(500), 200 << 20));
        let took = began.elapsed();
        match verdict.outcome {
            Decision::OutOfBudget(stopped) => assert!(stopped.linearizable_before >= 9_995, "{stopped:?}"),
            Decision::Violation(proof) => assert!(!proof.ops.is_empty()),
            other => panic!("{other:?}"),
        }
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
}

#[test]
fn a_search_ends_before_it_takes_more_memory_than_it_may() {
    let limits = Limits::within(Duration::from_secs(600), 1 << 20);
    match decide(&hostile(false), &Plain, limits).outcome {
        Decision::OutOfBudget(stopped) => assert_eq!(stopped.out_of, Resource::Memory),
        Decision::Violation(proof) => assert!(!proof.ops.is_empty()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hard_item_does_not_keep_the_others_from_their_turn() {
    let sizes = vec![1_000, 1_000, 1_000, 1_000, 1, 1, 1, 1];
    let limits = Limits::within(Duration::from_millis(800), 1 << 20);
    let is_hard = |item: usize| item < 4;
    let answers = in_turns(
        &sizes,
        limits,
        |&done: &bool| !done,
        |item, limits| {
            while is_hard(item) && !limits.is_over() {
                std::thread::sleep(Duration::from_millis(1));
            }
            !is_hard(item)
        },
    );
    assert_eq!(answers, (0..8).map(|item| !is_hard(item)).collect::<Vec<bool>>());
}
