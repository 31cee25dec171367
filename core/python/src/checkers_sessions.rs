//! Weaker promises about registers, for Python.
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use splitbrain_checkers::events::Events;
use splitbrain_checkers::register::{
    by_zones, Action, Decision, FailedCas, Reading, Register, RegisterHistory, RegisterOp, Registers, Story,
};
use splitbrain_checkers::sessions::{
    is_from_nowhere, judge, prove, Guarantee, Obstacle, Outcome, Proof, SessionHistory,
};

use crate::budget::Budget;
use crate::checkers_events::{Refusal, Timeline};
use crate::history::History;

/// Adds everything in here to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(check_sessions, module)?)
}

fn guarantee(name: &str) -> PyResult<Guarantee> {
    Ok(match name {
        "monotonic-reads" => Guarantee::MonotonicReads,
        "monotonic-writes" => Guarantee::MonotonicWrites,
        "read-your-writes" => Guarantee::ReadYourWrites,
        "writes-follow-reads" => Guarantee::WritesFollowReads,
        "pram" => Guarantee::Pram,
        "causal" => Guarantee::Causal,
        "sequential" => Guarantee::Sequential,
        other => return Err(PyValueError::new_err(format!("no guarantee {other:?}"))),
    })
}

/// What is said about a whole history.
struct Answer {
    verdict: &'static str,
    kind: &'static str,
    text: String,
    /// Rows of invocations.
    rows: Vec<u32>,
    ops: usize,
    sessions: usize,
    keys: usize,
}

#[pyfunction]
#[pyo3(signature = (history, *, guarantee, initial, seconds, memory_bytes))]
fn check_sessions<'py>(
    py: Python<'py>,
    history: &History,
    guarantee: &str,
    initial: &str,
    seconds: f64,
    memory_bytes: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let wanted = self::guarantee(guarantee)?;
    let reading = Reading { initial, failed_cas: FailedCas::Drop, has_cas: true };
    let budget = Budget::new(seconds, memory_bytes);
    let rows = Timeline::new(&history.columns);
    let answer = py.detach(|| -> Result<Answer, Refusal> {
        rows.checked()?;
        let registers = Registers::read(&rows, &reading).map_err(|malformed| rows.refusal(malformed))?;
        Ok(answer(&rows, registers.all(), wanted, &budget))
    })?;
    let dict = PyDict::new(py);
    dict.set_item("verdict", answer.verdict)?;
    dict.set_item("type", answer.kind)?;
    dict.set_item("message", answer.text)?;
    dict.set_item("events", rows.events_of(answer.rows))?;
    dict.set_item("ops", answer.ops)?;
    dict.set_item("sessions", answer.sessions)?;
    dict.set_item("keys", answer.keys)?;
    Ok(dict)
}

fn answer(rows: &Timeline<'_>, registers: &[Register<'_, Timeline<'_>>], wanted: Guarantee, budget: &Budget) -> Answer {
    let limits = budget.limits();
    let ops = registers.iter().map(|register| register.history.ops.len()).sum();
    let histories = registers.iter().map(|register| &register.history);
    let mut answer = Answer {
        verdict: "unknown",
        kind: "",
        text: String::new(),
        rows: Vec::new(),
        ops,
        sessions: 0,
        keys: registers.len(),
    };
    let history = match SessionHistory::new(histories, |id| rows.process(id as usize)) {
        Ok(history) => history,
        Err(Obstacle::FromNowhere { key, observer }) => {
            let told = deed(&registers[key as usize], observer);
            let process = rows.process(observer as usize);
            let text = format!("Process {process} {told}, but nobody wrote that.");
            if !is_from_nowhere(&registers[key as usize].history, observer) {
                return Answer { verdict: "unconfirmed", text, rows: vec![observer], ..answer };
            }
            return Answer { verdict: "violation", kind: "thin-air-read", text, rows: vec![observer], ..answer };
        }
        Err(Obstacle::NotUnique { key, observer }) => {
            let told = deed(&registers[key as usize], observer);
            let process = rows.process(observer as usize);
            answer.text = format!(
                "process {process} {told}, which was written more than once, so nobody knows which write it saw"
            );
            return answer;
        }
    };
    answer.sessions = history.sessions.len();
    // What is linearizable key by key is so as a whole, and a session keeps to real time.
    if wanted == Guarantee::Sequential && registers.iter().all(is_linearizable) {
        answer.verdict = "holds";
        return answer;
    }
    match judge(&history, wanted, limits) {
        Outcome::Holds => answer.verdict = "holds",
        Outcome::Unknown => answer.text = "no violation was found, and no order of all operations either".to_owned(),
        Outcome::OutOfBudget => answer.text = format!("out of time or memory{}", budget.cap_text()),
        Outcome::Violated(reason) => {
            let events = match prove(&history, wanted, &reason, limits) {
                Proof::Events(events) => {
                    answer.verdict = "violation";
                    answer.kind = "session-order";
                    events
                }
                Proof::Refuted(events) => {
                    answer.verdict = "unconfirmed";
                    events
                }
                Proof::TooLarge(size) => {
                    answer.text = format!(
                        "a violation was found, but not reduced to so few operations that a second judge can confirm it \
                         ({size} are left)"
                    );
                    return answer;
                }
            };
            answer.rows = events.iter().map(|&event| history.events[event as usize].id).collect();
            answer.text = told(rows, registers, &history, &events);
        }
    }
    answer
}

fn is_linearizable(register: &Register<'_, Timeline<'_>>) -> bool {
    by_zones(&register.history, register).is_some_and(|verdict| verdict.outcome == Decision::Linearizable)
}

/// Each session's part, in its order.
fn told(
    rows: &Timeline<'_>,
    registers: &[Register<'_, Timeline<'_>>],
    history: &SessionHistory,
    events: &[u32],
) -> String {
    let mut parts: Vec<String> = Vec::new();
    for group in events.chunk_by(|&a, &b| history.events[a as usize].session == history.events[b as usize].session) {
        let deeds: Vec<String> = group
            .iter()
            .map(|&event| &history.events[event as usize])
            .map(|event| deed(&registers[event.key as usize], event.id))
            .collect();
        let id = history.events[group[0] as usize].id;
        parts.push(format!("process {} {}", rows.process(id as usize), deeds.join(", then ")));
    }
    let mut text = parts.join("; ");
    if let Some(first) = text.get(..1).map(str::to_uppercase) {
        text.replace_range(..1, &first);
    }
    text.push('.');
    text
}

/// "read 7 of x", "wrote 9 to x", "changed 7 of x into 9".
fn deed(register: &Register<'_, Timeline<'_>>, id: u32) -> String {
    let RegisterHistory { ops, .. } = &register.history;
    let key = register.key.map_or_else(|| "the register".to_owned(), |key| format!("key {key}"));
    let action = ops.iter().find(|op: &&RegisterOp| op.id == id).map(|op| op.action);
    match action {
        Some(Action::Read(value)) => format!("read {} of {key}", register.value(value)),
        Some(Action::Write(value)) => format!("wrote {} to {key}", register.value(value)),
        Some(Action::Cas(from, to)) => format!("changed {} of {key} into {}", register.value(from), register.value(to)),
        Some(Action::Not(_)) | None => format!("looked at {key}"),
    }
}
