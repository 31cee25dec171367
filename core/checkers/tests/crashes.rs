//! Histories in which many clients crashed: what matters of them is how many of a kind were spent, not which.
mod common;

use std::time::Duration;

use common::{Plain, Random};
use splitbrain_checkers::model::NEVER;
use splitbrain_checkers::register::{decide, Action, Decision, RegisterHistory, RegisterOp, Value};
use splitbrain_checkers::search::Limits;

const VALUES: u64 = 4;

/// Sixty crashed writes of one value and sixty of few, then clients that write and read few values at once, served one
/// by one; now and then one of the crashed writes takes effect. The last read may see what cannot be there.
fn crashed(count: u32, seed: u64, violated: bool) -> RegisterHistory {
    let mut random = Random(seed);
    let mut ops: Vec<RegisterOp> = (0..120)
        .map(|id| {
            let value = if id < 60 { 1 } else { 1 + random.below(VALUES) as Value };
            RegisterOp { id, call: i64::from(id), ret: NEVER, action: Action::Write(value) }
        })
        .collect();
    let (mut state, mut late) = (0, 0);
    for id in 120..120 + count {
        let at = i64::from(id) * 10;
        if random.chance(5) && late < 120 {
            let Action::Write(value) = ops[late].action else { continue };
            (state, late) = (value, late + 1);
        }
        let action = if random.chance(50) {
            state = 1 + random.below(VALUES) as Value;
            Action::Write(state)
        } else {
            Action::Read(state)
        };
        let (call, ret) = (at - random.below(30) as i64, at + random.below(30) as i64);
        ops.push(RegisterOp { id, call, ret, action });
    }
    if violated {
        let at = i64::from(120 + count) * 10 + 100;
        let last =
            [Action::Write(VALUES as Value + 1), Action::Write(VALUES as Value + 2), Action::Read(VALUES as Value + 1)];
        for (id, action) in (120 + count..).zip(last) {
            let call = at + i64::from(id) * 10;
            ops.push(RegisterOp { id, call, ret: call + 5, action });
        }
    }
    RegisterHistory { ops, values: VALUES as u32 + 3, aborted: Vec::new() }
}

#[test]
fn a_hundred_crashed_writes_do_not_stop_a_verdict() {
    for seed in 0..20 {
        for violated in [false, true] {
            let history = crashed(2_000, seed, violated);
            let verdict = decide(&history, &Plain, Limits::within(Duration::from_secs(60), 16 << 20));
            match verdict.outcome {
                Decision::Linearizable => assert!(!violated, "seed {seed}: missed"),
                Decision::Violation(proof) => assert!(violated, "seed {seed}: blamed by {}", proof.text),
                other => panic!("seed {seed}: {other:?}"),
            }
        }
    }
}
