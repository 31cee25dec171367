//! Random histories of objects of any type, and an exhaustive oracle for them.
use splitbrain_checkers::model::NEVER;
use splitbrain_checkers::models::{Call, Model, Readable};
use splitbrain_checkers::objects::{Object, Timed};

use super::Random;

/// By definition, over any model.
pub fn is_linearizable<M: Model>(model: &M, ops: &[Timed<M::Op>], left: u32, state: &M::State) -> bool {
    let open = |i: &usize| left >> i & 1 == 1;
    if (0..ops.len()).filter(open).all(|i| ops[i].ret == NEVER) {
        return true;
    }
    (0..ops.len()).filter(open).any(|i| {
        let is_first = (0..ops.len()).filter(open).all(|j| ops[j].ret >= ops[i].call);
        let next = model.step(state, &ops[i].op).filter(|_| is_first);
        next.is_some_and(|next| is_linearizable(model, ops, left & !(1 << i), &next))
    })
}

/// What a client asks, as its history would say it.
pub type Asked = (&'static str, String);

/// An object served at random points, seen through random intervals, with crashes and, often, wrong answers.
///
/// `ask` makes a request; `answers` proposes answers, of which the first that the state allows is taken.
pub fn random_object<M: Readable + Clone + Send>(
    random: &mut Random,
    fresh: &M,
    ask: &impl Fn(&mut Random) -> Asked,
    answers: &impl Fn(&mut Random, &[Asked]) -> Option<String>,
) -> Object<'static, M> {
    let count = if random.chance(1) { 0 } else { 4 + random.below(4) as u32 };
    random_object_of(count, random, fresh, ask, answers)
}

/// The same with a number of requests.
pub fn random_object_of<M: Readable + Clone + Send>(
    count: u32,
    random: &mut Random,
    fresh: &M,
    ask: &impl Fn(&mut Random) -> Asked,
    answers: &impl Fn(&mut Random, &[Asked]) -> Option<String>,
) -> Object<'static, M> {
    let mut model = fresh.clone();
    let (width, crash, corrupt) = (random.pick(&[1, 4, 12]), random.pick(&[0, 25]), random.pick(&[0, 60, 90]));
    let fail = random.pick(&[0, 10]);
    let mut state = model.initial();
    let (mut ops, mut asked, mut at) = (Vec::new(), Vec::new(), 0);
    for id in 0..count {
        at += random.below(4) as i64;
        let (f, argument) = ask(random);
        let argument = (argument != "null").then_some(argument);
        let (call, ret) = (at - random.below(width) as i64, at + random.below(width) as i64);
        asked.push((f, argument.clone().unwrap_or_default()));
        let (crashes, fails) = (random.chance(crash), random.chance(fail));
        // What failed is no part of the history, unless the object lied.
        if fails && !random.chance(corrupt / 3) {
            continue;
        }
        if crashes || fails {
            let read = model.read(Call { f, argument: argument.as_deref(), result: None }).expect("well formed");
            let Some(op) = read else { continue };
            if let Some(next) = model.step(&state, &op).filter(|_| random.chance(50)) {
                state = next;
            }
            if !fails {
                ops.push(Timed { call, ret: NEVER, op, id });
            }
            continue;
        }
        // The answer is found by trying: the first that the state allows, or any at all if this one is to be wrong.
        for attempt in 0..40 {
            let answer = answers(random, &asked);
            let call_made = Call { f, argument: argument.as_deref(), result: Some(answer.as_deref()) };
            let Some(op) = model.read(call_made).expect("well formed") else { break };
            let next = model.step(&state, &op);
            if next.is_some() || (attempt < 2 && random.chance(corrupt)) {
                state = next.unwrap_or(state);
                ops.push(Timed { call, ret, op, id });
                break;
            }
        }
    }
    Object { key: None, model, ops }
}
