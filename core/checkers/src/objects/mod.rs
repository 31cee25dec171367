//! Objects of any data type: from events to verdicts.
mod proof;
mod reading;
mod verdict;
mod words;

use rayon::prelude::*;

use crate::events::Events;
use crate::models::Readable;
use crate::monitors::Judgement;
use crate::ruling::{rule_on, Ruling};
use crate::search::{Limits, Stopped};
use crate::turns::in_turns;
pub use reading::read;

/// The operations of one object, or of objects that some operation touches together.
pub struct Object<'a, M: Readable> {
    pub key: Option<&'a str>,
    pub model: M,
    pub ops: Vec<Timed<M::Op>>,
}

/// One operation and when it was open.
#[derive(Clone, Debug)]
pub struct Timed<O> {
    pub call: i64,
    pub ret: i64,
    pub op: O,
    /// The row of its invocation.
    pub id: u32,
}

/// The answer for one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    Linearizable,
    /// The rows of the invocations that exclude each other, and why in words.
    Violation {
        rows: Vec<u32>,
        kind: &'static str,
        text: String,
    },
    OutOfBudget(Stopped),
    /// A violation was found and denied by a second judge. One of the two is wrong, so neither is believed.
    Unconfirmed,
}

/// What an answer rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Monitor,
    Search,
}

/// Decides every object within one budget.
pub fn check<M: Readable + Send>(
    events: &impl Events,
    objects: &[Object<'_, M>],
    limits: Limits,
) -> Vec<(Finding, Method)> {
    // A pattern that is hard to confirm must not keep the other objects from their answer.
    let threads = rayon::current_num_threads().min(objects.len()).max(1);
    let confirming = Limits { memory_bytes: limits.memory_bytes / threads, ..limits.half() };
    let mut findings: Vec<Option<(Finding, Method)>> =
        objects.par_iter().map(|object| Some((object.monitored(events, confirming)?, Method::Monitor))).collect();
    let open: Vec<usize> = (0..objects.len()).filter(|&i| findings[i].is_none()).collect();
    let sizes: Vec<usize> = open.iter().map(|&i| objects[i].ops.len()).collect();
    let is_unfinished = |finding: &Finding| matches!(finding, Finding::OutOfBudget(_));
    let found = in_turns(&sizes, limits, is_unfinished, |at, limits| objects[open[at]].searched(events, limits));
    for (i, finding) in open.into_iter().zip(found) {
        findings[i] = Some((finding, Method::Search));
    }
    findings.into_iter().flatten().collect()
}

/// Decides whether all objects are linearizable, and looks no further once one is not; `None` if there is none.
pub fn rule<M: Readable + Send>(objects: &[Object<'_, M>], limits: Limits) -> Option<Ruling> {
    let quickly = |object: &Object<'_, M>| match object.model.judge(&object.ops) {
        Judgement::Undecided => None,
        Judgement::Linearizable => Some(Ruling::Linearizable),
        Judgement::Violation(_) => Some(Ruling::Violation),
    };
    let by_search = |object: &Object<'_, M>, limits: Limits| object.rule_by_search(limits);
    rule_on(objects, limits, |object| object.ops.len(), quickly, by_search)
}
