//! Lost writes against the definition, tried pair by pair.
mod common;

use common::{random_history, Random, Shape};
use splitbrain_checkers::register::{lost_writes, Action, LostWrite, RegisterHistory, RegisterOp, Value};

/// Whether `shown_by` proves by itself that `write` left no trace.
fn overlooks(history: &RegisterHistory, final_from: Option<u32>, write: &RegisterOp, shown_by: &RegisterOp) -> bool {
    let decides = match shown_by.action {
        Action::Cas(..) => true,
        Action::Read(_) => final_from.is_some_and(|first| shown_by.id >= first),
        _ => false,
    };
    let older = |seen: Value| history.ops.iter().all(|op| op.action.written() != Some(seen) || op.ret < write.call);
    decides
        && !write.is_pending()
        && write.action.written().is_some()
        && !shown_by.is_pending()
        && write.ret < shown_by.call
        && shown_by.action.observed().is_some_and(older)
}

fn surplus(history: &RegisterHistory, from: Value) -> usize {
    let cas = history.ops.iter().filter(|op| !op.is_pending() && matches!(op.action, Action::Cas(u, _) if u == from));
    let sources = history.ops.iter().filter(|op| op.action.written() == Some(from)).count() + usize::from(from == 0);
    cas.count().saturating_sub(sources)
}

#[test]
fn agrees_with_the_definition() {
    let mut random = Random(21);
    let (mut overlooked, mut forked) = (0, 0);
    for case in 0..200_000 {
        let values = random.pick(&[0, 0, 4]);
        let history = random_history(&mut random, Shape { ops_max: 9, values, negations: false });
        let final_from = random.pick(&[None, Some(0), Some(4)]);
        let lost = lost_writes(&history, final_from);
        let is_lost = |index: usize| lost.iter().any(|l| l.write as usize == index);
        for (index, op) in history.ops.iter().enumerate() {
            let by_definition = history.ops.iter().any(|other| overlooks(&history, final_from, op, other));
            assert!(!by_definition || is_lost(index), "case {case}: missed {op:?} in {history:?}");
        }
        for &LostWrite { write, shown_by } in &lost {
            let (write, shown_by) = (&history.ops[write as usize], &history.ops[shown_by as usize]);
            if overlooks(&history, final_from, write, shown_by) {
                overlooked += 1;
            } else {
                let from = write.action.observed();
                assert!(matches!(write.action, Action::Cas(..)) && from == shown_by.action.observed(), "case {case}");
                forked += 1;
            }
        }
        for from in 0..history.values {
            let of_group =
                |l: &&LostWrite| matches!(history.ops[l.write as usize].action, Action::Cas(u, _) if u == from);
            let counted = lost.iter().filter(of_group).count();
            let overlooked = lost.iter().filter(of_group).filter(|l| {
                overlooks(&history, final_from, &history.ops[l.write as usize], &history.ops[l.shown_by as usize])
            });
            assert_eq!(
                counted,
                surplus(&history, from).max(overlooked.count()),
                "case {case}: {counted} from {from} in {history:?}"
            );
        }
    }
    assert!(overlooked > 10_000 && forked > 2_000, "{overlooked} overlooked, {forked} forked");
}

#[test]
fn an_acknowledged_write_that_no_final_read_sees() {
    let op = |id, call, ret, action| RegisterOp { call, ret, action, id };
    let ops = vec![op(0, 0, 1, Action::Write(1)), op(2, 2, 3, Action::Write(2)), op(8, 10, 11, Action::Read(1))];
    let history = RegisterHistory { ops, values: 3, aborted: vec![] };
    assert_eq!(lost_writes(&history, Some(8)), [LostWrite { write: 1, shown_by: 2 }]);
    assert_eq!(lost_writes(&history, None), [], "before the end it may only be late");
}
