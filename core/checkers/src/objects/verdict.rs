//! The verdict about one object: by its monitor, which must be confirmed, or by the search, which must not be denied.
use super::words::capitalized;
use super::{Finding, Object, Timed};
use crate::brute;
use crate::events::Events;
use crate::model::Interval;
use crate::models::{Interned, Readable};
use crate::monitors::Judgement;
use crate::ruling::Ruling;
use crate::search::{self, search, Answer, Limits};

impl<M: Readable> Object<'_, M> {
    /// The monitor's answer, if it has one and what judges its pattern again, brute force or, for long patterns, the
    /// search, can tell in time.
    pub(super) fn monitored(&self, events: &impl Events, limits: Limits) -> Option<Finding> {
        match self.model.judge(&self.ops) {
            Judgement::Undecided => None,
            Judgement::Linearizable => Some(Finding::Linearizable),
            Judgement::Violation(pattern) => {
                let timed = |index: u32| &self.ops[index as usize];
                let parts = pattern.ops.iter().map(|(index, op)| (timed(*index).call, timed(*index).ret, op));
                let (mut machine, ops) = Interned::numbered(&self.model, parts);
                let is_legal = brute::is_linearizable(&mut machine, &ops).or_else(|| {
                    match search(&mut machine, &ops, limits) {
                        Answer::Linearizable => Some(true),
                        Answer::Illegal(_) => Some(false),
                        Answer::Unknown(_) => None,
                    }
                })?;
                if is_legal {
                    return Some(Finding::Unconfirmed);
                }
                let rows = pattern.ops.iter().map(|(index, _)| self.ops[*index as usize].id).collect();
                let told = pattern.ops.iter().enumerate().fold(pattern.text.clone(), |text, (place, (index, _))| {
                    text.replace(&format!("{{{place}}}"), &self.describe(events, *index))
                });
                Some(Finding::Violation { rows, kind: pattern.kind, text: capitalized(&told) })
            }
        }
    }

    pub(super) fn searched(&self, events: &impl Events, limits: Limits) -> Finding {
        let all: Vec<u32> = (0..self.ops.len() as u32).collect();
        match self.search(&all, limits) {
            Answer::Linearizable => Finding::Linearizable,
            Answer::Unknown(stopped) => Finding::OutOfBudget(stopped),
            Answer::Illegal(refutation) => {
                let refutation = self.reduce(refutation, limits.half());
                let (ops, stuck) = (&refutation.ops, refutation.stuck_at);
                if self.is_denied(&refutation) {
                    return Finding::Unconfirmed;
                }
                let rows = ops.iter().map(|&op| self.ops[op as usize].id).collect();
                let text = format!(
                    "No order of these {} operations explains what they returned: each gets stuck before {}.",
                    ops.len(),
                    self.describe(events, stuck)
                );
                Finding::Violation { rows, kind: "non-linearizable", text }
            }
        }
    }

    pub(super) fn machine_of(&self, part: &[u32]) -> (Interned<'_, M>, Vec<Interval>) {
        let ops = part.iter().map(|&op| &self.ops[op as usize]);
        Interned::numbered(&self.model, ops.map(|timed| (timed.call, timed.ret, &timed.op)))
    }

    /// Decides a part of the operations, given by indices; so are the answer's.
    pub fn search(&self, part: &[u32], limits: Limits) -> Answer {
        let chosen: Vec<&Timed<M::Op>> = part.iter().map(|&op| &self.ops[op as usize]).collect();
        let answer = self.model.search(&chosen, limits.half()).filter(|answer| !matches!(answer, Answer::Unknown(_)));
        let answer = answer.unwrap_or_else(|| {
            let (mut machine, ops) = self.machine_of(part);
            search(&mut machine, &ops, limits)
        });
        match answer {
            Answer::Illegal(mut refutation) => {
                refutation.stuck_at = part.get(refutation.stuck_at as usize).copied().unwrap_or_default();
                refutation.ops.iter_mut().for_each(|op| *op = part[*op as usize]);
                Answer::Illegal(refutation)
            }
            other => other,
        }
    }

    pub(super) fn rule_by_search(&self, limits: Limits) -> Ruling {
        let all: Vec<&Timed<M::Op>> = self.ops.iter().collect();
        match self.model.search(&all, limits.half()) {
            Some(Answer::Linearizable) => Ruling::Linearizable,
            Some(Answer::Illegal(_)) => Ruling::Violation,
            Some(Answer::Unknown(_)) | None => {
                let all: Vec<u32> = (0..self.ops.len() as u32).collect();
                let (mut machine, ops) = self.machine_of(&all);
                search::rule(&mut machine, &ops, limits)
            }
        }
    }

    /// By brute force, if the operations are few enough.
    pub fn brute(&self, part: &[u32]) -> Option<bool> {
        let (mut machine, ops) = self.machine_of(part);
        brute::is_linearizable(&mut machine, &ops)
    }
}
