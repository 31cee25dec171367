//! Registers, for Python.
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use splitbrain_checkers::events::moment;
use splitbrain_checkers::register::{
    ambiguous, explain, prove, versions, Action, Ambiguous, Decision, FailedCas, KeyVerdict, Late, LostWrite, Method,
    Reading, Register, RegisterOp, Registers, Staleness, Story, Versions,
};
use splitbrain_checkers::ruling::Ruling;
use splitbrain_checkers::search::{Resource, Stopped};

use crate::budget::Budget;
use crate::checkers_events::{Refusal, Timeline};
use crate::history::History;

/// Adds everything in here to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(check_registers, module)?)?;
    module.add_function(wrap_pyfunction!(decide_registers, module)?)?;
    module.add_function(wrap_pyfunction!(register_staleness, module)?)?;
    module.add_function(wrap_pyfunction!(lost_register_writes, module)?)
}

pub fn reading<'a>(initial: &'a str, has_cas: bool, failed_cas: &str) -> PyResult<Reading<'a>> {
    let failed_cas = match failed_cas {
        "drop" => FailedCas::Drop,
        "assert" => FailedCas::Assert,
        other => return Err(PyValueError::new_err(format!("failed_cas is drop or assert, not {other:?}"))),
    };
    Ok(Reading { initial, failed_cas, has_cas })
}

#[pyfunction]
#[pyo3(signature = (history, *, initial, has_cas, failed_cas, seconds, memory_bytes))]
fn check_registers<'py>(
    py: Python<'py>,
    history: &History,
    initial: &str,
    has_cas: bool,
    failed_cas: &str,
    seconds: f64,
    memory_bytes: usize,
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let reading = reading(initial, has_cas, failed_cas)?;
    let budget = Budget::new(seconds, memory_bytes);
    let limits = budget.limits();
    let rows = Timeline::new(&history.columns);
    let verdicts = py.detach(|| -> Result<_, Refusal> {
        rows.checked()?;
        Ok(Registers::read(&rows, &reading).map_err(|malformed| rows.refusal(malformed))?.check(limits))
    })?;
    verdicts.iter().map(|verdict| verdict_dict(py, &rows, verdict, &budget)).collect()
}

#[pyfunction]
#[pyo3(signature = (history, *, initial, has_cas, failed_cas, seconds, memory_bytes))]
fn decide_registers(
    py: Python<'_>,
    history: &History,
    initial: &str,
    has_cas: bool,
    failed_cas: &str,
    seconds: f64,
    memory_bytes: usize,
) -> PyResult<Option<&'static str>> {
    let reading = reading(initial, has_cas, failed_cas)?;
    let limits = Budget::new(seconds, memory_bytes).limits();
    let rows = Timeline::new(&history.columns);
    let ruling = py.detach(|| -> Result<_, Refusal> {
        rows.checked()?;
        Ok(Registers::read(&rows, &reading).map_err(|malformed| rows.refusal(malformed))?.rule(limits))
    })?;
    Ok(ruling.map(ruling_text))
}

/// In the words of verdicts on keys.
pub fn ruling_text(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Linearizable => "linearizable",
        Ruling::OutOfBudget => "unknown",
        Ruling::Violation => "violation",
    }
}

fn verdict_dict<'py>(
    py: Python<'py>,
    rows: &Timeline<'_>,
    key: &KeyVerdict<'_>,
    budget: &Budget,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("key", key.key)?;
    dict.set_item("ops", key.ops)?;
    dict.set_item("method", if key.verdict.method == Method::Zones { "zones" } else { "search" })?;
    let verdict = match &key.verdict.outcome {
        Decision::Linearizable => "linearizable",
        Decision::Violation(proof) => {
            dict.set_item("type", proof.kind)?;
            dict.set_item("message", &proof.text)?;
            dict.set_item("events", rows.events_of(proof.ops.iter().map(|op| op.id)))?;
            "violation"
        }
        Decision::OutOfBudget(stopped) => {
            dict.set_item("message", stopped_text(rows, stopped, budget))?;
            "unknown"
        }
        Decision::Unconfirmed => "unconfirmed",
    };
    dict.set_item("verdict", verdict)?;
    Ok(dict)
}

pub fn stopped_text(rows: &Timeline<'_>, stopped: &Stopped, budget: &Budget) -> String {
    let of = match stopped.out_of {
        Resource::Time => "time",
        Resource::Memory => "memory",
        Resource::Crashes => "ways to place operations whose outcome is unknown",
    };
    let cap = if stopped.out_of == Resource::Memory { budget.cap_text() } else { String::new() };
    let until = if stopped.linearizable_before == i64::MIN {
        String::new()
    } else {
        format!("; what returned before {} is linearizable", moment(rows, stopped.linearizable_before))
    };
    format!("out of {of}{cap} after {} configurations{until}", stopped.configurations)
}

#[pyfunction]
#[pyo3(signature = (history, *, initial))]
fn register_staleness<'py>(py: Python<'py>, history: &History, initial: &str) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let reading = reading(initial, true, "drop")?;
    let rows = Timeline::new(&history.columns);
    let answers = py.detach(|| -> Result<_, Refusal> {
        rows.checked()?;
        let registers = Registers::read(&rows, &reading).map_err(|malformed| rows.refusal(malformed))?;
        let answers = registers.staleness();
        let behind: Vec<_> = registers.all().iter().map(|register| versions(&register.history)).collect();
        Ok(registers.into_all().into_iter().zip(answers).zip(behind).collect::<Vec<_>>())
    })?;
    let dict = |((register, answer), behind): &((Register<'_, Timeline<'_>>, Staleness), Option<Versions>)| {
        let dict = staleness_dict(py, &rows, register, answer)?;
        let behind = behind.as_ref();
        dict.set_item("versions_at_least", behind.map(|versions| versions.at_least))?;
        dict.set_item("versions_at_most", behind.and_then(|versions| versions.at_most))?;
        let witness = behind.map_or(&[][..], |versions| &versions.witness);
        let witness = witness.iter().map(|&op| register.history.ops[op as usize].id);
        dict.set_item("versions_events", rows.events_of(witness))?;
        Ok(dict)
    };
    answers.iter().map(dict).collect()
}

fn staleness_dict<'py>(
    py: Python<'py>,
    rows: &Timeline<'_>,
    register: &Register<'_, Timeline<'_>>,
    answer: &Staleness,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("key", register.key)?;
    let (answer, delta, worst) = match answer {
        Staleness::Within { delta, worst } => ("bounded", delta, worst),
        Staleness::Unbounded { at_least, worst, conflict } => {
            let witness = prove(&register.history, conflict);
            if let Some((ops, (_, text))) = witness.map(|witness| (witness.ops.clone(), explain(&witness, register))) {
                dict.set_item("why", text)?;
                dict.set_item("why_events", rows.events_of(ops.iter().map(|op| op.id)))?;
            }
            ("unbounded", at_least, worst)
        }
        Staleness::Undecided { at_least, worst } => {
            if let Some(found) = ambiguous(&register.history, |_| true) {
                dict.set_item("unsure", ambiguous_text(register, &found))?;
            }
            ("undecided", at_least, worst)
        }
    };
    dict.set_item("delta_ns", delta)?;
    if let Some(late) = worst {
        let ops = [late.newer, late.read].map(|op| register.history.ops[op as usize]);
        dict.set_item("message", late_text(register, late))?;
        dict.set_item("events", rows.events_of(ops.map(|op| op.id)))?;
    }
    dict.set_item("answer", answer)?;
    Ok(dict)
}

fn late_text(register: &Register<'_, Timeline<'_>>, late: &Late) -> String {
    let op = |index: u32| -> &RegisterOp { &register.history.ops[index as usize] };
    let (read, newer) = (op(late.read), op(late.newer));
    let seen = register.value(read.action.observed().unwrap_or_default());
    let (verb, value) = match newer.action.written() {
        Some(value) => ("write of", register.value(value)),
        None => ("read of", register.value(newer.action.observed().unwrap_or_default())),
    };
    format!(
        "Process {} invoked a read at {} that returned {seen}, {} after the {verb} {value} by process {} had returned.",
        register.process(read.id),
        register.moment(read.call),
        register.moment(read.call - newer.ret),
        register.process(newer.id),
    )
}

#[pyfunction]
#[pyo3(signature = (history, *, initial, witnesses_max))]
fn lost_register_writes<'py>(
    py: Python<'py>,
    history: &History,
    initial: &str,
    witnesses_max: usize,
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let reading = reading(initial, true, "drop")?;
    let rows = Timeline::new(&history.columns);
    let answers = py.detach(|| -> Result<_, Refusal> {
        rows.checked()?;
        let registers = Registers::read(&rows, &reading).map_err(|malformed| rows.refusal(malformed))?;
        let answers = registers.lost_writes();
        Ok(registers.into_all().into_iter().zip(answers).collect::<Vec<_>>())
    })?;
    type Lost = (Vec<LostWrite>, Option<Ambiguous>);
    let dict = |(register, (lost, unsure)): &(Register<'_, Timeline<'_>>, Lost)| -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("key", register.key)?;
        dict.set_item("acknowledged", register.acknowledged_writes())?;
        dict.set_item("lost", lost.len())?;
        dict.set_item("unsure", unsure.map(|unsure| ambiguous_text(register, &unsure)))?;
        let witness = |lost: &LostWrite| {
            let ops = [lost.write, lost.shown_by].map(|op| register.history.ops[op as usize]);
            (lost_text(register, &ops[0], &ops[1]), rows.events_of(ops.map(|op| op.id)))
        };
        dict.set_item("witnesses", lost.iter().take(witnesses_max).map(witness).collect::<Vec<_>>())?;
        Ok(dict)
    };
    answers.iter().map(dict).collect()
}

/// Which operation saw a value that was written twice, and by whom.
fn ambiguous_text(register: &Register<'_, Timeline<'_>>, found: &Ambiguous) -> String {
    let op = |index: u32| &register.history.ops[index as usize];
    let (observer, second) = (op(found.observer), op(found.second));
    let by = |op: &RegisterOp| format!("process {} at {}", register.process(op.id), register.moment(op.call));
    let first = found
        .first
        .map_or_else(|| "is the initial value".to_owned(), |first| format!("was written by {}", by(op(first))));
    format!(
        "process {} saw {} at {}, which {first} and again by {}: nobody can tell which of the two it saw",
        register.process(observer.id),
        register.value(observer.action.observed().unwrap_or_default()),
        register.moment(observer.ret),
        by(second),
    )
}

fn lost_text(register: &Register<'_, Timeline<'_>>, write: &RegisterOp, shown_by: &RegisterOp) -> String {
    let value = |value: Option<u32>| register.value(value.unwrap_or_default());
    let deed = match shown_by.action {
        Action::Cas(from, to) => format!("changed {} into {}", register.value(from), register.value(to)),
        action => format!("still read {} after everything had been healed", value(action.observed())),
    };
    format!(
        "The write of {} by process {}, acknowledged at {}, was lost: process {} {deed} at {}.",
        value(write.action.written()),
        register.process(write.id),
        register.moment(write.ret),
        register.process(shown_by.id),
        register.moment(shown_by.ret),
    )
}
