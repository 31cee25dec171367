//! Bounds of k-atomicity against the smallest k that some order of all operations needs.
mod common;

use common::{random_history, Random, Shape};
use splitbrain_checkers::model::NEVER;
use splitbrain_checkers::register::{versions, Action, RegisterHistory, RegisterOp, Versions};

/// Whether some order gives every read one of the last `k` values.
fn is_atomic(ops: &[RegisterOp], left: u32, written: &mut Vec<u32>, k: usize) -> bool {
    let open = |i: &usize| left >> i & 1 == 1;
    if (0..ops.len()).filter(open).all(|i| ops[i].ret == NEVER) {
        return true;
    }
    (0..ops.len()).filter(open).any(|i| {
        if (0..ops.len()).filter(open).any(|j| ops[j].ret < ops[i].call) {
            return false;
        }
        let rest = left & !(1 << i);
        match ops[i].action {
            Action::Read(value) => {
                written[written.len().saturating_sub(k)..].contains(&value) && is_atomic(ops, rest, written, k)
            }
            action => {
                written.extend(action.written());
                let is_fine = is_atomic(ops, rest, written, k);
                written.pop();
                is_fine
            }
        }
    })
}

fn smallest(history: &RegisterHistory) -> Option<usize> {
    let all = (1 << history.ops.len()) - 1;
    (1..=history.ops.len() + 1).find(|&k| is_atomic(&history.ops, all, &mut vec![0], k))
}

#[test]
fn bounds_hold_and_are_mostly_tight() {
    let mut random = Random(41);
    let (mut behind, mut tight) = (0, 0);
    for case in 0..200_000 {
        let mut history = random_history(&mut random, Shape { ops_max: 8, values: 0, negations: false });
        history.ops.retain(|op| !matches!(op.action, Action::Cas(..)));
        let Some(Versions { at_least, at_most, .. }) = versions(&history) else { continue };
        let Some(k) = smallest(&history) else {
            assert_eq!(at_most, None, "case {case}: {history:?}");
            continue;
        };
        assert!(at_least <= k, "case {case}: at least {at_least}, but {k} is enough for {history:?}");
        assert!(
            at_most.is_none_or(|most| most >= k),
            "case {case}: {at_most:?} is not enough, {k} is, for {history:?}"
        );
        assert!(at_most.is_some(), "case {case}: {history:?}");
        behind += usize::from(k > 1);
        tight += usize::from(k > 1 && at_most == Some(at_least));
    }
    assert!(behind > 5_000 && tight * 4 > behind * 3, "{tight} of {behind}");
}

#[test]
fn compare_and_set_leaves_a_lower_bound() {
    let op = |id, call, action| RegisterOp { call, ret: call + 1, action, id };
    let ops = vec![
        op(0, 0, Action::Write(1)),
        op(1, 10, Action::Cas(1, 2)),
        op(2, 20, Action::Cas(2, 3)),
        op(3, 30, Action::Read(1)),
    ];
    let bounds = versions(&RegisterHistory { ops, values: 4, aborted: vec![] });
    assert_eq!(bounds, Some(Versions { at_least: 3, at_most: None, witness: vec![0, 1, 2, 3] }));
}
