//! Monitors against the exhaustive oracle, on collections whose elements are distinct.
mod common;

use std::cell::Cell;

use common::objects::{is_linearizable, random_object, random_object_of, Asked};
use common::Random;
use splitbrain_checkers::brute;
use splitbrain_checkers::model::{Interval, NEVER};
use splitbrain_checkers::models::{
    Counter, Interned, PermitOp, Permits, PriorityQueue, PriorityQueueOp, Queue, Readable, Set, Stack, StackOp,
};
use splitbrain_checkers::monitors::Judgement;
use splitbrain_checkers::objects::Timed;

/// Compares 200,000 verdicts, and puts every forbidden pattern before brute force.
fn differ<M: Readable + Clone + Send>(
    seed: u64,
    fresh: &M,
    ask: impl Fn(&mut Random) -> Asked,
    answers: impl Fn(&mut Random, &[Asked]) -> Option<String>,
    undecided_max: usize,
) {
    let mut random = Random(seed);
    let (mut legal, mut illegal, mut undecided) = (0, 0, 0);
    for case in 0..200_000 {
        let object = random_object(&mut random, fresh, &ask, &answers);
        let expected =
            is_linearizable(&object.model, &object.ops, (1 << object.ops.len()) - 1, &object.model.initial());
        let told: Vec<_> = object.ops.iter().map(|timed| (timed.call, timed.ret)).collect();
        match object.model.judge(&object.ops) {
            Judgement::Undecided => undecided += 1,
            Judgement::Linearizable => {
                assert!(expected, "case {case}: missed {told:?}");
                legal += 1;
            }
            Judgement::Violation(pattern) => {
                assert!(!expected, "case {case}: {} blames {told:?}", pattern.text);
                let interval = |(action, (index, _)): (u32, &(u32, M::Op))| {
                    let timed = &object.ops[*index as usize];
                    Interval { call: timed.call, ret: timed.ret, action }
                };
                let ops: Vec<Interval> = (0..).zip(&pattern.ops).map(interval).collect();
                let actions = pattern.ops.iter().map(|(_, op)| op.clone()).collect();
                let mut machine = Interned::new(&object.model, actions);
                assert_eq!(brute::is_linearizable(&mut machine, &ops), Some(false), "case {case}: {}", pattern.text);
                illegal += 1;
            }
        }
    }
    assert!(legal + undecided > 40_000 && illegal > 10_000, "{legal} legal, {illegal} illegal");
    assert!(undecided <= undecided_max, "{undecided}");
}

#[test]
fn sets_that_grow() {
    let next = Cell::new(0);
    let ask = |random: &mut Random| {
        next.set(next.get() + 1);
        if random.chance(45) {
            ("add", (next.get() % 8).to_string())
        } else {
            ("read", "null".into())
        }
    };
    let answers = |random: &mut Random, asked: &[Asked]| {
        let added = asked.iter().map(|(_, element)| element.as_str()).filter(|element| !element.is_empty());
        let seen: Vec<&str> = added.filter(|_| random.chance(60)).collect();
        Some(format!("[{}]", seen.join(",")))
    };
    differ(1, &Set::default(), ask, answers, 0);
}

/// Every element is put in once, unless there are more than eight requests.
fn exchange(seed: u64, fresh: &(impl Readable + Clone + Send), [put, take]: [&'static str; 2], puts: u64) {
    let next = Cell::new(0);
    let ask = |random: &mut Random| {
        next.set(next.get() + 3);
        if random.chance(puts) {
            (put, (next.get() % 8).to_string())
        } else {
            (take, "null".into())
        }
    };
    let answers = |random: &mut Random, asked: &[Asked]| {
        let (_, argument) = &asked[random.below(asked.len() as u64) as usize];
        (!argument.is_empty() && random.chance(85)).then(|| argument.clone())
    };
    differ(seed, fresh, ask, answers, 20_000);
}

/// More elements than an oracle without memory can take: patterns of several that only together are forbidden.
fn exchange_many(seed: u64, fresh: &(impl Readable + Clone + Send), [put, take]: [&'static str; 2]) {
    let mut random = Random(seed);
    let (mut legal, mut illegal, mut longest) = (0, 0, 0);
    for case in 0..8_000 {
        let next = Cell::new(0);
        let ask = |random: &mut Random| {
            next.set(next.get() + 7);
            if random.chance(55) {
                (put, (next.get() % 16).to_string())
            } else {
                (take, "null".into())
            }
        };
        let answers = |random: &mut Random, asked: &[Asked]| {
            let (_, argument) = &asked[random.below(asked.len() as u64) as usize];
            (!argument.is_empty()).then(|| argument.clone())
        };
        let count = 8 + random.below(5) as u32;
        let object = random_object_of(count, &mut random, fresh, &ask, &answers);
        let all: Vec<u32> = (0..object.ops.len() as u32).collect();
        match object.model.judge(&object.ops) {
            Judgement::Undecided => {}
            Judgement::Linearizable => {
                let answer = object.brute(&all);
                assert_ne!(answer, Some(false), "case {case}");
                legal += usize::from(answer.is_some());
            }
            Judgement::Violation(pattern) => {
                let part: Vec<u32> = pattern.ops.iter().map(|&(op, _)| op).collect();
                assert_eq!(object.brute(&part), Some(false), "case {case}: {}", pattern.text);
                longest = longest.max(part.len());
                illegal += 1;
            }
        }
    }
    assert!(legal > 1_000 && illegal > 500 && longest >= 4, "{legal} legal, {illegal} illegal, {longest}");
}

#[test]
fn many_distinct_elements() {
    exchange_many(11, &Queue::default(), ["enqueue", "dequeue"]);
    exchange_many(12, &PriorityQueue, ["enqueue", "dequeue"]);
    exchange_many(13, &Stack::default(), ["push", "pop"]);
}

#[test]
fn queues_of_distinct_elements() {
    exchange(2, &Queue::default(), ["enqueue", "dequeue"], 50);
}

#[test]
fn priority_queues_of_distinct_elements() {
    exchange(7, &PriorityQueue, ["enqueue", "dequeue"], 50);
    exchange(8, &PriorityQueue, ["enqueue", "dequeue"], 60);
}

#[test]
fn stacks_of_distinct_elements() {
    exchange(9, &Stack::default(), ["push", "pop"], 50);
    exchange(10, &Stack::default(), ["push", "pop"], 60);
}

#[test]
fn counters_of_ones() {
    let ask = |random: &mut Random| (random.pick(&["add", "read"]), "null".into());
    differ(3, &Counter, ask, |random, _| Some((random.below(6) as i64 - 1).to_string()), 0);
}

#[test]
fn bounds_of_other_counters() {
    let ask = |random: &mut Random| match random.below(2) {
        0 => ("add", (random.below(4) as i64 - 1).to_string()),
        _ => ("read", "null".into()),
    };
    differ(4, &Counter, ask, |random, _| Some((random.below(6) as i64 - 1).to_string()), 200_000);
}

/// A stack, or a priority queue, that goes up and down, served one after the other, each request open for a while.
fn wandering<O>(pairs: u32, put: fn(u32) -> O, take: fn(u32) -> O) -> Vec<Timed<O>> {
    let mut random = Random(14);
    let (mut held, mut next, mut ops) = (Vec::new(), pairs, Vec::new());
    while next > 0 || !held.is_empty() {
        let at = 10 * ops.len() as i64;
        let (call, ret) = (at - random.below(80) as i64, at + random.below(80) as i64);
        let op = if next > 0 && (held.is_empty() || random.chance(50)) {
            // Every element is smaller than those before, so that the newest is also the smallest.
            next -= 1;
            held.push(next);
            put(next)
        } else {
            take(held.pop().unwrap_or_default())
        };
        ops.push(Timed { call, ret, op, id: ops.len() as u32 });
    }
    ops
}

#[test]
fn long_histories_are_decided_too() {
    let stack = wandering(200_000, StackOp::Push, StackOp::Pop);
    assert_eq!(Stack::default().judge(&stack), Judgement::Linearizable);
    let put = |value| PriorityQueueOp::Enqueue(i64::from(value));
    let queue = wandering(200_000, put, |value| PriorityQueueOp::Dequeue(i64::from(value)));
    assert_eq!(PriorityQueue.judge(&queue), Judgement::Linearizable);
}

fn lock(random: &mut Random) -> Asked {
    (random.pick(&["acquire", "release"]), "null".into())
}

#[test]
fn mutexes() {
    differ(5, &Permits { all: 1 }, lock, |_, _| None, 0);
}

#[test]
fn semaphores_of_single_permits() {
    differ(6, &Permits { all: 2 }, lock, |_, _| None, 0);
}

/// Clients that all wait for the lock while one of them has it; one that waits for ever crashed.
fn contended(rounds: i64) -> Vec<Timed<PermitOp>> {
    let op = |call, ret, op| Timed { call, ret, op, id: 0 };
    let crashed = op(5, NEVER, PermitOp::Acquire(1));
    let round = |at: i64| {
        let granted = 10 * at;
        [
            op((granted - 100).max(0), granted + 2, PermitOp::Acquire(1)),
            op(granted + 5, granted + 11, PermitOp::Release(1)),
        ]
    };
    std::iter::once(crashed).chain((0..rounds).flat_map(round)).collect()
}

#[test]
fn a_lock_that_is_waited_for() {
    let mutex = Permits { all: 1 };
    let mut ops = contended(100_000);
    assert_eq!(mutex.judge(&ops), Judgement::Linearizable);
    // A release that comes too late for the next grant, near the end.
    ops[199_000].call += 8;
    let Judgement::Violation(pattern) = mutex.judge(&ops) else { panic!("two clients hold the lock at once") };
    assert_eq!(pattern.kind, "double-grant");
    assert!(pattern.ops.len() <= 3, "{pattern:?}");
}
