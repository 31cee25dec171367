//! Long histories of types whose states are large, decided in little memory.
mod common;

use std::time::Duration;

use common::Random;
use splitbrain_checkers::model::NEVER;
use splitbrain_checkers::models::{Call, PriorityQueue, Queue, Readable, Stack};
use splitbrain_checkers::objects::{Object, Timed};
use splitbrain_checkers::search::{Answer, Limits};

const CLIENTS: usize = 8;
const VALUES: u64 = 5;

/// Clients that put and take, each operation served at a random moment while it is open.
fn served<M: Readable>(
    count: u32,
    seed: u64,
    mut model: M,
    [put, take]: [&'static str; 2],
    pause: u64,
) -> Object<'static, M> {
    let mut random = Random(seed);
    let mut free_at = [0i64; CLIENTS];
    let mut calls: Vec<(i64, i64, i64, u32)> = (0..count)
        .map(|id| {
            let client = (0..CLIENTS).min_by_key(|&client| free_at[client]).unwrap_or_default();
            let call = free_at[client] + 1 + random.below(1 + pause) as i64;
            let at = call + random.below(1_000) as i64;
            let ret = at + random.below(1_000) as i64;
            free_at[client] = ret;
            (at, call, ret, id)
        })
        .collect();
    calls.sort_unstable();
    let mut state = model.initial();
    let mut ops = Vec::new();
    let answers: Vec<String> = (0..VALUES).map(|value| value.to_string()).chain(["null".to_owned()]).collect();
    for (_, call, ret, id) in calls {
        let (f, argument) =
            if random.chance(50) { (put, Some(random.below(VALUES).to_string())) } else { (take, None) };
        for answer in &answers {
            let read = model.read(Call { f, argument: argument.as_deref(), result: Some(Some(answer)) });
            let op = read.expect("well formed").expect("says something");
            if let Some(next) = model.step(&state, &op) {
                state = next;
                ops.push(Timed { call, ret, op, id });
                break;
            }
        }
    }
    ops.sort_unstable_by_key(|timed| (timed.call, timed.id));
    Object { key: None, model, ops }
}

/// With pauses there are moments when nothing is open, without them there are none.
fn is_decided<M: Readable>(model: impl Fn() -> M, fs: [&'static str; 2], count: u32, pauses: &[u64]) {
    for &pause in pauses {
        for seed in 0..3 {
            let object = served(count, seed, model(), fs, pause);
            let all: Vec<u32> = (0..object.ops.len() as u32).collect();
            let answer = object.search(&all, Limits::within(Duration::from_secs(60), 200 << 20));
            assert_eq!(answer, Answer::Linearizable, "seed {seed}, pauses of {pause}");
        }
    }
}

#[test]
fn queues() {
    is_decided(Queue::default, ["enqueue", "dequeue"], 20_000, &[0, 6_000]);
}

#[test]
fn priority_queues() {
    is_decided(|| PriorityQueue, ["enqueue", "dequeue"], 20_000, &[0, 6_000]);
}

/// Of values that the others enqueue too, so that any of them may have taken effect.
#[test]
fn queues_after_many_crashes() {
    let mut object = served(20_000, 1, Queue::default(), ["enqueue", "dequeue"], 0);
    for id in 20_000..20_060 {
        let value = (id % VALUES as u32).to_string();
        let read = object.model.read(Call { f: "enqueue", argument: Some(&value), result: None });
        object.ops.push(Timed { call: 0, ret: NEVER, op: read.expect("well formed").expect("says something"), id });
    }
    let all: Vec<u32> = (0..object.ops.len() as u32).collect();
    assert_eq!(object.search(&all, Limits::within(Duration::from_secs(60), 200 << 20)), Answer::Linearizable);
}

/// The order of pushes shows so late that long histories without pauses stay undecided.
#[test]
fn stacks() {
    is_decided(Stack::default, ["push", "pop"], 1_000, &[6_000]);
}
