//! One register, decided by whatever decides it fastest.
use super::explain::{explain, Story};
use super::machine::RegisterMachine;
use super::op::{Action, RegisterHistory, RegisterOp};
use super::refuted::{reduce, Reduced};
use super::witness::prove;
use super::zones::{judge, Outcome};
use crate::intern::FastMap;
use crate::model::Interval;
use crate::search::{search, Answer, Limits, Resource, Stopped};

/// The answer for one register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub outcome: Decision,
    pub method: Method,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Zones,
    Search,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Linearizable,
    Violation(Proof),
    OutOfBudget(Stopped),
    /// A violation was found and could not be confirmed. One of the two procedures is wrong, so neither is believed.
    Unconfirmed,
}

/// Operations that prove a violation, with the name of the anomaly and an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub ops: Vec<RegisterOp>,
    pub kind: &'static str,
    pub text: String,
}

/// Decides one register by zones if its values are unique, else by search.
pub fn decide(history: &RegisterHistory, story: &impl Story, limits: Limits) -> Verdict {
    by_zones(history, story)
        .unwrap_or_else(|| Verdict { outcome: by_search(history, story, limits), method: Method::Search })
}

/// `None` if the values do not say which write each read saw.
pub fn by_zones(history: &RegisterHistory, story: &impl Story) -> Option<Verdict> {
    let outcome = match judge(history) {
        Outcome::Linearizable => Decision::Linearizable,
        Outcome::Undecided => return None,
        Outcome::Violation(conflict) => prove(history, &conflict).map_or(Decision::Unconfirmed, |witness| {
            let (kind, text) = explain(&witness, story);
            Decision::Violation(Proof { ops: witness.ops, kind, text })
        }),
    };
    Some(Verdict { outcome, method: Method::Zones })
}

pub fn by_search(history: &RegisterHistory, story: &impl Story, limits: Limits) -> Decision {
    let (mut machine, ops) = numbered(history);
    match search(&mut machine, &ops, limits) {
        Answer::Linearizable => Decision::Linearizable,
        Answer::Unknown(stopped) => Decision::OutOfBudget(stopped),
        Answer::Illegal(refutation) => match reduce(history, &refutation, limits) {
            Reduced::Denied => Decision::Unconfirmed,
            Reduced::Open => Decision::OutOfBudget(Stopped {
                out_of: Resource::Time,
                configurations: 0,
                linearizable_before: history.ops[refutation.stuck_at as usize].ret,
            }),
            Reduced::Confirmed(refuted) => {
                let (kind, text) = refuted.explain(story);
                Decision::Violation(Proof { ops: refuted.ops, kind, text })
            }
        },
    }
}

/// The machine and the intervals of a history, with equal actions under equal numbers.
pub fn numbered(history: &RegisterHistory) -> (RegisterMachine, Vec<Interval>) {
    let mut actions: Vec<Action> = Vec::new();
    let mut numbers: FastMap<Action, u32> = FastMap::default();
    let ops = history.ops.iter().map(|op| {
        let action = *numbers.entry(op.action).or_insert_with(|| {
            actions.push(op.action);
            actions.len() as u32 - 1
        });
        Interval { call: op.call, ret: op.ret, action }
    });
    let ops = ops.collect();
    (RegisterMachine::new(actions), ops)
}
