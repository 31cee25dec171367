//! All registers of a history, in parallel.
use rayon::prelude::*;

use super::ambiguous::{ambiguous, Ambiguous};
use super::columns::{Reading, Register};
use super::decide::{by_search, by_zones, numbered, Decision, Method, Verdict};
use super::lost::{decides, lost_writes, LostWrite};
use super::op::RegisterHistory;
use super::staleness::{staleness, Staleness};
use super::zones::{judge, Outcome};
use crate::events::{phase_mark, Events, Malformed};
use crate::ruling::{rule_on, Ruling};
use crate::search::{self, Limits};
use crate::turns::in_turns;

/// The registers of a history, one for each key.
pub struct Registers<'a, E> {
    registers: Vec<Register<'a, E>>,
    events: &'a E,
}

/// The answer for one key.
pub struct KeyVerdict<'a> {
    pub key: Option<&'a str>,
    pub ops: usize,
    pub verdict: Verdict,
}

impl<'a, E: Events> Registers<'a, E> {
    pub fn read(events: &'a E, reading: &Reading<'a>) -> Result<Self, Malformed> {
        Ok(Self { registers: Register::read_all(events, reading)?, events })
    }

    pub fn all(&self) -> &[Register<'a, E>] {
        &self.registers
    }

    pub fn into_all(self) -> Vec<Register<'a, E>> {
        self.registers
    }

    /// Decides every key: all by zones first, then what is left by search.
    pub fn check(&self, limits: Limits) -> Vec<KeyVerdict<'a>> {
        let mut verdicts: Vec<Option<Verdict>> =
            self.registers.par_iter().map(|register| by_zones(&register.history, register)).collect();
        let open: Vec<usize> = (0..verdicts.len()).filter(|&i| verdicts[i].is_none()).collect();
        let sizes: Vec<usize> = open.iter().map(|&i| self.registers[i].history.ops.len()).collect();
        let is_unfinished = |verdict: &Verdict| matches!(verdict.outcome, Decision::OutOfBudget(_));
        let answers = in_turns(&sizes, limits, is_unfinished, |at, limits| {
            let register = &self.registers[open[at]];
            Verdict { outcome: by_search(&register.history, register, limits), method: Method::Search }
        });
        for (i, answer) in open.into_iter().zip(answers) {
            verdicts[i] = Some(answer);
        }
        let answer = |(register, verdict): (&Register<'a, E>, Option<Verdict>)| KeyVerdict {
            key: register.key,
            ops: register.history.ops.len(),
            verdict: verdict.unwrap_or(Verdict { outcome: Decision::Unconfirmed, method: Method::Search }),
        };
        self.registers.iter().zip(verdicts).map(answer).collect()
    }

    /// Decides whether all keys are linearizable, and looks no further once one is not; `None` if there is no key.
    pub fn rule(&self, limits: Limits) -> Option<Ruling> {
        let quickly = |register: &Register<'a, E>| match judge(&register.history) {
            Outcome::Linearizable => Some(Ruling::Linearizable),
            Outcome::Undecided => None,
            Outcome::Violation(_) => Some(Ruling::Violation),
        };
        let by_search = |register: &Register<'a, E>, limits: Limits| {
            let (mut machine, ops) = numbered(&register.history);
            search::rule(&mut machine, &ops, limits)
        };
        rule_on(&self.registers, limits, |register| register.history.ops.len(), quickly, by_search)
    }

    /// How stale each key's reads got.
    pub fn staleness(&self) -> Vec<Staleness> {
        self.registers.par_iter().map(|register| staleness(&register.history)).collect()
    }

    /// Each key's lost writes, and what keeps their count from being exact. Reads after the mark of the final phase count
    /// as final.
    pub fn lost_writes(&self) -> Vec<(Vec<LostWrite>, Option<Ambiguous>)> {
        let final_from = phase_mark(self.events, "final").map(|row| row as u32);
        let answer = |register: &Register<'a, E>| {
            let history = &register.history;
            (lost_writes(history, final_from), ambiguous(history, |op| decides(op, final_from)))
        };
        self.registers.par_iter().map(answer).collect()
    }
}

impl<E> Register<'_, E> {
    /// How many operations were acknowledged writes.
    pub fn acknowledged_writes(&self) -> usize {
        let RegisterHistory { ops, .. } = &self.history;
        ops.iter().filter(|op| !op.is_pending() && op.action.written().is_some()).count()
    }
}
