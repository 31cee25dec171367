//! Objects of any data type: from events to verdicts.
use std::collections::HashMap;

use crate::brute;
use crate::events::{invocations_by_key, moment, Events, Kind, Malformed};
use crate::model::{Interval, NEVER};
use crate::models::{Call, Interned, Readable, Unreadable};
use crate::monitors::Judgement;
use crate::ruling::{rule_on, Ruling};
use crate::search::{
    self, is_span_impossible, is_span_impossible_by_brute_force, search, Answer, Limits, Refutation, Stopped,
};
use crate::turns::in_turns;
use rayon::prelude::*;

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

/// Reads the objects of a history, one for each key, or all of them together.
pub fn read<'a, M: Readable + Clone + Send>(
    events: &'a impl Events,
    model: &M,
    by_key: bool,
) -> Result<Vec<Object<'a, M>>, Malformed> {
    let mut groups = invocations_by_key(events);
    if !by_key {
        let mut rows: Vec<u32> = groups.into_iter().flat_map(|(_, rows)| rows).collect();
        rows.sort_unstable();
        groups = vec![(None, rows)];
    }
    let objects: Result<Vec<Vec<Object<'a, M>>>, Malformed> = groups
        .into_par_iter()
        .map(|(key, rows)| {
            let mut model = model.clone();
            let mut ops = Vec::with_capacity(rows.len());
            for row in rows {
                read_op(events, &mut model, row, &mut ops)?;
            }
            Ok(split(key, &model, ops))
        })
        .collect();
    Ok(objects?.into_iter().flatten().collect())
}

fn read_op<M: Readable>(
    events: &impl Events,
    model: &mut M,
    id: u32,
    ops: &mut Vec<Timed<M::Op>>,
) -> Result<(), Malformed> {
    let row = id as usize;
    let completion = events.partner(row);
    let kind = completion.map_or(Kind::Info, |row| events.kind(row));
    let done = completion.filter(|_| kind == Kind::Ok);
    let call = Call { f: events.f(row), argument: events.value(row), result: done.map(|row| events.value(row)) };
    let (call_time, ret) = (events.time(row), done.map_or(NEVER, |row| events.time(row)));
    let timed = |op| Timed { call: call_time, ret, op, id };
    let wrong = |Unreadable { message, unknown_f }| Malformed { row: done.unwrap_or(row), message, unknown_f };
    if call.f == "drain" {
        if kind != Kind::Fail {
            ops.extend(model.drain(call).map_err(wrong)?.into_iter().map(timed));
        }
        return Ok(());
    }
    let op = model.read(call).map_err(wrong)?;
    ops.extend(op.filter(|_| kind != Kind::Fail).map(timed));
    Ok(())
}

/// Objects that no operation touches together are independent.
fn split<'a, M: Readable + Clone>(key: Option<&'a str>, model: &M, ops: Vec<Timed<M::Op>>) -> Vec<Object<'a, M>> {
    let mut parent: HashMap<u32, u32> = HashMap::new();
    fn root(parent: &mut HashMap<u32, u32>, of: u32) -> u32 {
        let mut at = of;
        while let Some(&up) = parent.get(&at).filter(|&&up| up != at) {
            at = up;
        }
        parent.insert(of, at);
        at
    }
    let touched: Vec<Vec<u32>> = ops.iter().map(|timed| model.objects(&timed.op)).collect();
    for objects in &touched {
        for pair in objects.windows(2) {
            let (a, b) = (root(&mut parent, pair[0]), root(&mut parent, pair[1]));
            parent.insert(b, a);
        }
    }
    let mut parts: Vec<Object<'a, M>> = Vec::new();
    let mut place: HashMap<Option<u32>, usize> = HashMap::new();
    for (timed, objects) in ops.into_iter().zip(&touched) {
        let part = *place.entry(objects.first().map(|&object| root(&mut parent, object))).or_insert_with(|| {
            parts.push(Object { key, model: model.clone(), ops: Vec::new() });
            parts.len() - 1
        });
        parts[part].ops.push(timed);
    }
    if parts.is_empty() {
        parts.push(Object { key, model: model.clone(), ops: Vec::new() });
    }
    parts
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

/// Larger refutations are reported as they are.
const SHRINK_OPS_MAX: usize = 2_000;

impl<M: Readable> Object<'_, M> {
    /// The monitor's answer, if it has one and what judges its pattern again, brute force or, for long patterns, the
    /// search, can tell in time.
    fn monitored(&self, events: &impl Events, limits: Limits) -> Option<Finding> {
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

    fn searched(&self, events: &impl Events, limits: Limits) -> Finding {
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

    fn machine_of(&self, part: &[u32]) -> (Interned<'_, M>, Vec<Interval>) {
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

    fn rule_by_search(&self, limits: Limits) -> Ruling {
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

    /// Leaves out what only reads, in ever smaller parts, for as long as the rest stays impossible. Nothing else may be
    /// left out of a history of just any type without making it worse.
    fn reduce(&self, mut refutation: Refutation, limits: Limits) -> Refutation {
        if refutation.ops.len() > SHRINK_OPS_MAX {
            return refutation;
        }
        let mut size = refutation.ops.len().next_power_of_two() / 2;
        while size > 0 {
            let mut at = 0;
            while at < refutation.ops.len() && !limits.is_over() {
                let chosen = at..(at + size).min(refutation.ops.len());
                let is_kept = |(i, op): (usize, &u32)| {
                    (!chosen.contains(&i) || !self.model.is_read_only(&self.ops[*op as usize].op)).then_some(*op)
                };
                let rest: Vec<u32> = refutation.ops.iter().enumerate().filter_map(is_kept).collect();
                let shorter = (rest.len() < refutation.ops.len()).then(|| self.refute(rest, &refutation, limits));
                match shorter.flatten() {
                    Some(shorter) => refutation = shorter,
                    None => at += size,
                }
            }
            size /= 2;
        }
        refutation
    }

    /// Whether a part of what was refuted is impossible still, from the same states.
    fn refute(&self, part: Vec<u32>, whole: &Refutation, limits: Limits) -> Option<Refutation> {
        let Some(start) = whole.span_start else {
            return match self.search(&part, limits) {
                Answer::Illegal(refutation) => Some(refutation),
                _ => None,
            };
        };
        let end = self.ops[whole.stuck_at as usize].ret;
        let (mut machine, ops) = self.machine_of(&part);
        let is_impossible = is_span_impossible(&mut machine, &ops, start, end, limits) == Some(true);
        is_impossible.then(|| Refutation { ops: part, ..whole.clone() })
    }

    /// Whether brute force finds an order of what the search says has none. What is too much for brute force was looked
    /// at under two seeds.
    fn is_denied(&self, refutation: &Refutation) -> bool {
        let (mut machine, ops) = self.machine_of(&refutation.ops);
        let is_impossible = match refutation.span_start {
            None => brute::is_linearizable(&mut machine, &ops).map(|is_legal| !is_legal),
            Some(start) => {
                let end = self.ops[refutation.stuck_at as usize].ret;
                is_span_impossible_by_brute_force(&mut machine, &ops, start, end)
            }
        };
        is_impossible == Some(false)
    }

    /// "the dequeue of process 3, which returned 5 (open from 10 ms to 12 ms)".
    fn describe(&self, events: &impl Events, op: u32) -> String {
        let timed = &self.ops[op as usize];
        let row = timed.id as usize;
        let asked = events.value(row).map_or_else(String::new, |value| format!(" {}", short(value)));
        let answer = events.partner(row).filter(|_| timed.ret < NEVER).map(|row| events.value(row).unwrap_or("null"));
        let answered = match answer {
            Some(answer) if Some(answer) != events.value(row) => format!(" returned {},", short(answer)),
            _ => String::new(),
        };
        let until = if timed.ret < NEVER { format!("to {}", moment(events, timed.ret)) } else { "on".to_owned() };
        format!(
            "the {}{asked} of process {} ({answered} open from {} {until})",
            events.f(row),
            events.process(row),
            moment(events, timed.call),
        )
        .replace("( ", "(")
    }
}

/// How much of a value a sentence shows.
const VALUE_CHARS_MAX: usize = 60;

fn short(value: &str) -> String {
    match value.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &value[..end]),
        None => value.to_owned(),
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
