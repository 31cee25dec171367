//! Delta-atomicity against the smallest shift that an exhaustive oracle accepts.
mod common;

use common::{is_linearizable, random_history, Random, Shape};
use splitbrain_checkers::register::{staleness, Action, RegisterHistory, RegisterOp, Staleness};

fn shifted(ops: &[RegisterOp], delta: i64) -> Vec<RegisterOp> {
    let shift = |op: &RegisterOp| if matches!(op.action, Action::Read(_)) { delta } else { 0 };
    ops.iter().map(|op| RegisterOp { call: op.call - shift(op), ..*op }).collect()
}

/// The smallest shift: only a distance from some return to some read's call can be it.
fn by_trying(history: &RegisterHistory) -> Option<i64> {
    let reads = history.ops.iter().filter(|op| matches!(op.action, Action::Read(_)));
    let mut candidates: Vec<i64> = reads
        .flat_map(|read| history.ops.iter().filter(|op| !op.is_pending()).map(move |op| read.call - op.ret))
        .filter(|&delta| delta > 0)
        .chain([0])
        .collect();
    candidates.sort_unstable();
    candidates.dedup();
    candidates.into_iter().find(|&delta| is_linearizable(&shifted(&history.ops, delta), 0))
}

/// The longest time between the acknowledgement of a write that followed a value and a read of that value.
fn overwritten_for(history: &RegisterHistory) -> i64 {
    let follows = |value: u32, write: &RegisterOp| {
        let mut writers = history.ops.iter().filter(|op| op.action.written() == Some(value));
        write.action.written().is_some() && !write.is_pending() && writers.all(|writer| writer.ret < write.call)
    };
    let reads = history.ops.iter().filter_map(|op| match op.action {
        Action::Read(value) => Some((op, value)),
        _ => None,
    });
    let ages = reads.flat_map(|(read, value)| {
        history.ops.iter().filter(move |write| follows(value, write)).map(move |write| read.call - write.ret)
    });
    ages.max().unwrap_or(0).max(0)
}

#[test]
fn lateness_is_a_lower_bound_where_nothing_more_is_known() {
    let mut random = Random(12);
    let mut late = 0;
    for case in 0..50_000 {
        let history = random_history(&mut random, Shape { ops_max: 8, values: 4, negations: false });
        let Staleness::Undecided { at_least, .. } = staleness(&history) else { continue };
        assert_eq!(at_least, overwritten_for(&history), "case {case}: {history:?}");
        assert!(by_trying(&history).is_none_or(|delta| delta >= at_least), "case {case}: {history:?}");
        late += usize::from(at_least > 0);
    }
    assert!(late > 500, "{late}");
}

#[test]
fn is_the_smallest_shift_that_helps() {
    let mut random = Random(11);
    let (mut late, mut hopeless) = (0, 0);
    for case in 0..200_000 {
        let history = random_history(&mut random, Shape { ops_max: 8, values: 0, negations: false });
        let expected = by_trying(&history);
        match staleness(&history) {
            Staleness::Within { delta, worst } => {
                assert_eq!(Some(delta), expected, "case {case}: {history:?}");
                assert_eq!(worst.is_some(), delta > 0, "case {case}: {history:?}");
                if let Some(worst) = worst {
                    let (read, newer) = (history.ops[worst.read as usize], history.ops[worst.newer as usize]);
                    assert!(matches!(read.action, Action::Read(_)));
                    assert_eq!(read.call - newer.ret, delta, "case {case}: {history:?}");
                    late += 1;
                }
            }
            Staleness::Unbounded { at_least, worst, .. } => {
                assert_eq!(expected, None, "case {case}: {history:?}");
                assert_eq!(at_least, overwritten_for(&history), "case {case}: {history:?}");
                assert_eq!(worst.is_some(), at_least > 0);
                hopeless += 1;
            }
            Staleness::Undecided { .. } => panic!("case {case}: unique values are always decided"),
        }
    }
    assert!(late > 10_000 && hopeless > 10_000, "{late} late, {hopeless} hopeless");
}

#[test]
fn a_read_half_a_second_behind() {
    let op = |id, call, ret, action| RegisterOp { call, ret, action, id };
    let ops = vec![op(0, 0, 10, Action::Write(1)), op(1, 20, 30, Action::Write(2)), op(2, 530, 540, Action::Read(1))];
    let Staleness::Within { delta, worst } = staleness(&RegisterHistory { ops, values: 3, aborted: vec![] }) else {
        panic!("bounded")
    };
    assert_eq!((delta, worst.map(|late| (late.read, late.newer))), (500, Some((2, 1))));
}
