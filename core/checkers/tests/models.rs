//! Every data type against the exhaustive oracle, on random histories of a real object, often corrupted.
mod common;

use std::time::Duration;

use common::objects::{is_linearizable, random_object, Asked};
use common::Random;
use splitbrain_checkers::models::{
    Counter, CounterOp, Kv, Micro, Model, MultiRegister, PermitOp, Permits, PriorityQueue, PriorityQueueOp, Queue,
    QueueOp, Readable, Set, SetOp, Stack, StackHeld as Held, StackOp,
};
use splitbrain_checkers::objects::rule;
use splitbrain_checkers::ruling::Ruling;
use splitbrain_checkers::search::{Answer, Limits};

/// Histories of one type: a request, the answer in a state, and the operation that the two make.
fn differ<M: Readable + Clone + Send>(
    seed: u64,
    fresh: &M,
    ask: impl Fn(&mut Random) -> Asked,
    answers: impl Fn(&mut Random, &[Asked]) -> Option<String>,
) {
    let mut random = Random(seed);
    let whole = |count: usize| (1 << count) - 1;
    let (mut legal, mut illegal) = (0, 0);
    for case in 0..200_000 {
        let object = random_object(&mut random, fresh, &ask, &answers);
        let expected = is_linearizable(&object.model, &object.ops, whole(object.ops.len()), &object.model.initial());
        let all: Vec<u32> = (0..object.ops.len() as u32).collect();
        let limits = Limits::within(Duration::from_secs(60), 1 << 30);
        match object.search(&all, limits) {
            Answer::Linearizable => assert!(expected, "case {case}: missed"),
            Answer::Illegal(refutation) => {
                assert!(!expected, "case {case}: blamed");
                assert_eq!(object.brute(&refutation.ops), Some(false), "case {case}: unproven");
            }
            Answer::Unknown(stopped) => panic!("case {case}: {stopped:?}"),
        }
        let ruling = if expected { Ruling::Linearizable } else { Ruling::Violation };
        assert_eq!(rule(std::slice::from_ref(&object), limits), Some(ruling), "case {case}: alone");
        *if expected { &mut legal } else { &mut illegal } += 1;
    }
    assert!(legal > 50_000 && illegal > 5_000, "{legal} legal, {illegal} illegal");
}

fn number(random: &mut Random, below: u64) -> String {
    random.below(below).to_string()
}

/// Null, or something that was asked for.
fn one_asked(random: &mut Random, asked: &[Asked]) -> Option<String> {
    let (_, argument) = &asked[random.below(asked.len() as u64) as usize];
    (!argument.is_empty() && random.chance(80)).then(|| argument.clone())
}

#[test]
fn counters() {
    let ask = |random: &mut Random| match random.below(3) {
        0 => ("add", (random.below(4) as i64 - 1).to_string()),
        _ => (random.pick(&["add", "read"]), "null".into()),
    };
    differ(1, &Counter, ask, |random, _| Some((random.below(6) as i64 - 1).to_string()));
    assert_eq!(Counter.step(&Some(1), &CounterOp::Add(2)), Some(Some(3)));
}

#[test]
fn mutexes_and_semaphores() {
    for all in [1, 3] {
        let ask = |random: &mut Random| (random.pick(&["acquire", "release"]), (1 + random.below(2)).to_string());
        differ(2, &Permits { all }, ask, |_, _| None);
    }
    assert_eq!(Permits { all: 1 }.step(&(1, 1), &PermitOp::Acquire(2)), None);
}

#[test]
fn queues() {
    let ask = |random: &mut Random| {
        if random.chance(55) {
            ("enqueue", number(random, 4))
        } else {
            ("dequeue", "null".into())
        }
    };
    differ(3, &Queue::default(), ask, one_asked);
    differ(4, &PriorityQueue, ask, one_asked);
    assert_eq!(Queue::default().step(&Some(vec![1, 2]), &QueueOp::Dequeue(2)), None);
    assert_eq!(PriorityQueue.step(&Some(vec![2, 1]), &PriorityQueueOp::Dequeue(1)), Some(Some(vec![2])));
}

#[test]
fn stacks() {
    let ask =
        |random: &mut Random| if random.chance(55) { ("push", number(random, 4)) } else { ("pop", "null".into()) };
    differ(5, &Stack::default(), ask, one_asked);
    let held = |known| Held { on_unknown: false, known };
    assert_eq!(Stack::default().step(&held(vec![1, 2]), &StackOp::Pop(1)), None);
}

#[test]
fn sets() {
    let ask = |random: &mut Random| match random.below(5) {
        0 | 1 => ("add", number(random, 3)),
        2 => ("remove", number(random, 3)),
        _ => ("read", "null".into()),
    };
    let answers = |random: &mut Random, _: &[Asked]| {
        let elements: Vec<&str> = ["0", "1", "2"].into_iter().filter(|_| random.chance(50)).collect();
        Some(format!("[{}]", elements.join(",")))
    };
    differ(6, &Set::default(), ask, answers);
    assert_eq!(Set::default().step(&Some(vec![]), &SetOp::Read(vec![1, 1])), None);
}

#[test]
fn keys_of_texts() {
    let ask = |random: &mut Random| match random.below(5) {
        0 => ("put", format!("\"{}\"", random.below(3))),
        1 | 2 => ("append", format!("\"{}\"", random.below(3))),
        _ => ("get", "null".into()),
    };
    let answers = |random: &mut Random, _: &[Asked]| {
        let text: String = (0..random.below(4)).map(|_| number(random, 3)).collect();
        Some(format!("\"{text}\""))
    };
    differ(7, &Kv::default(), ask, answers);
}

#[test]
fn several_registers_at_once() {
    let micros = |random: &mut Random| {
        let micro = |random: &mut Random| {
            let (f, register, value) = (random.pick(&["r", "w"]), random.below(2), random.pick(&["null", "1", "2"]));
            format!("[\"{f}\",{register},{value}]")
        };
        let list: Vec<String> = (0..1 + random.below(2)).map(|_| micro(random)).collect();
        format!("[{}]", list.join(","))
    };
    differ(8, &MultiRegister::default(), |random| ("txn", micros(random)), |random, _| Some(micros(random)));
    let model = MultiRegister::default();
    let write = |value| Micro { write: true, register: 0, value };
    let one = model.step(&model.initial(), &vec![write(1)]).expect("a write is always possible");
    assert_eq!(model.step(&one, &vec![write(0)]), Some(model.initial()), "null is what was there at first");
}
