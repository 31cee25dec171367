//! Objects of other types than registers, for Python.
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use splitbrain_checkers::models::{Counter, Kv, MultiRegister, Permits, PriorityQueue, Queue, Readable, Set, Stack};
use splitbrain_checkers::objects::{self, Finding, Method, Object};
use splitbrain_checkers::ruling::Ruling;
use splitbrain_checkers::search::Limits;

use crate::budget::Budget;
use crate::checkers_custom::PythonModel;
use crate::checkers_events::Timeline;
use crate::checkers_register::{ruling_text, stopped_text};
use crate::history::History;

/// Adds everything in here to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(check_objects, module)?)?;
    module.add_function(wrap_pyfunction!(decide_objects, module)?)?;
    module.add_function(wrap_pyfunction!(check_custom, module)?)?;
    module.add_function(wrap_pyfunction!(decide_custom, module)?)
}

/// One key's answer, free of the model's types.
struct Answer {
    key: Option<String>,
    ops: usize,
    method: Method,
    finding: Finding,
}

#[pyfunction]
#[pyo3(signature = (history, *, model, permits, seconds, memory_bytes))]
fn check_objects<'py>(
    py: Python<'py>,
    history: &History,
    model: &str,
    permits: u32,
    seconds: f64,
    memory_bytes: usize,
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let budget = Budget::new(seconds, memory_bytes);
    let limits = budget.limits();
    let rows = Timeline::new(&history.columns);
    let answers = py.detach(|| of_type(model, permits, Answers { rows: &rows, limits }))?;
    answers.iter().map(|answer| answer.to_dict(py, &rows, &budget)).collect()
}

#[pyfunction]
#[pyo3(signature = (history, *, model, permits, seconds, memory_bytes))]
fn decide_objects(
    py: Python<'_>,
    history: &History,
    model: &str,
    permits: u32,
    seconds: f64,
    memory_bytes: usize,
) -> PyResult<Option<&'static str>> {
    let limits = Budget::new(seconds, memory_bytes).limits();
    let rows = Timeline::new(&history.columns);
    Ok(py.detach(|| of_type(model, permits, Rulings { rows: &rows, limits }))?.map(ruling_text))
}

/// What is asked of a history, whatever the type of its objects.
trait Question {
    type Answer;
    fn ask<M: Readable + Clone + Send>(self, model: &M, by_key: bool) -> PyResult<Self::Answer>;
}

/// Asks about objects of a type, given by name.
fn of_type<Q: Question>(name: &str, permits: u32, question: Q) -> PyResult<Q::Answer> {
    match name {
        "kv" => question.ask(&Kv::default(), true),
        "set" => question.ask(&Set::default(), true),
        "counter" => question.ask(&Counter, true),
        "mutex" => question.ask(&Permits { all: 1 }, true),
        "semaphore" => question.ask(&Permits { all: permits }, true),
        "queue" => question.ask(&Queue::default(), true),
        "priority-queue" => question.ask(&PriorityQueue, true),
        "stack" => question.ask(&Stack::default(), true),
        "multi-register" => question.ask(&MultiRegister::default(), false),
        other => Err(PyValueError::new_err(format!("no model {other:?}"))),
    }
}

struct Answers<'a> {
    rows: &'a Timeline<'a>,
    limits: Limits,
}

impl Question for Answers<'_> {
    type Answer = Vec<Answer>;

    fn ask<M: Readable + Clone + Send>(self, model: &M, by_key: bool) -> PyResult<Vec<Answer>> {
        let objects = read(self.rows, model, by_key)?;
        let findings = objects::check(self.rows, &objects, self.limits);
        Ok(objects.iter().zip(findings).map(Answer::of).collect())
    }
}

struct Rulings<'a> {
    rows: &'a Timeline<'a>,
    limits: Limits,
}

impl Question for Rulings<'_> {
    type Answer = Option<Ruling>;

    fn ask<M: Readable + Clone + Send>(self, model: &M, by_key: bool) -> PyResult<Option<Ruling>> {
        Ok(objects::rule(&read(self.rows, model, by_key)?, self.limits))
    }
}

fn read<'a, M: Readable + Clone + Send>(
    rows: &'a Timeline<'_>,
    model: &M,
    by_key: bool,
) -> PyResult<Vec<Object<'a, M>>> {
    rows.checked()?;
    Ok(objects::read(rows, model, by_key).map_err(|malformed| rows.refusal(malformed))?)
}

#[pyfunction]
#[pyo3(signature = (history, *, model, illegal, unknown, seconds, memory_bytes))]
fn check_custom<'py>(
    py: Python<'py>,
    history: &History,
    model: &Bound<'py, PyAny>,
    illegal: &Bound<'py, PyAny>,
    unknown: &Bound<'py, PyAny>,
    seconds: f64,
    memory_bytes: usize,
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let budget = Budget::new(seconds, memory_bytes);
    let limits = budget.limits();
    let rows = Timeline::new(&history.columns);
    let model = PythonModel::new(model, illegal, unknown)?;
    let answers = py.detach(|| -> PyResult<Vec<Answer>> {
        let objects = read(&rows, &model, true)?;
        let findings = objects::check(&rows, &objects, limits);
        match objects.iter().find_map(|object| object.model.take_error()) {
            Some(error) => Err(error),
            None => Ok(objects.iter().zip(findings).map(Answer::of).collect()),
        }
    })?;
    answers.iter().map(|answer| answer.to_dict(py, &rows, &budget)).collect()
}

#[pyfunction]
#[pyo3(signature = (history, *, model, illegal, unknown, seconds, memory_bytes))]
fn decide_custom<'py>(
    py: Python<'py>,
    history: &History,
    model: &Bound<'py, PyAny>,
    illegal: &Bound<'py, PyAny>,
    unknown: &Bound<'py, PyAny>,
    seconds: f64,
    memory_bytes: usize,
) -> PyResult<Option<&'static str>> {
    let limits = Budget::new(seconds, memory_bytes).limits();
    let rows = Timeline::new(&history.columns);
    let model = PythonModel::new(model, illegal, unknown)?;
    let ruling = py.detach(|| -> PyResult<Option<Ruling>> {
        let objects = read(&rows, &model, true)?;
        let ruling = objects::rule(&objects, limits);
        objects.iter().find_map(|object| object.model.take_error()).map_or(Ok(ruling), Err)
    })?;
    Ok(ruling.map(ruling_text))
}

impl Answer {
    fn of<M: Readable>((object, (finding, method)): (&Object<'_, M>, (Finding, Method))) -> Self {
        Self { key: object.key.map(str::to_owned), ops: object.ops.len(), method, finding }
    }

    fn to_dict<'py>(&self, py: Python<'py>, rows: &Timeline<'_>, budget: &Budget) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("key", &self.key)?;
        dict.set_item("ops", self.ops)?;
        dict.set_item("method", if self.method == Method::Monitor { "monitor" } else { "search" })?;
        let verdict = match &self.finding {
            Finding::Linearizable => "linearizable",
            Finding::Violation { rows: invocations, text, kind } => {
                dict.set_item("type", kind)?;
                dict.set_item("message", text)?;
                dict.set_item("events", rows.events_of(invocations.iter().copied()))?;
                "violation"
            }
            Finding::OutOfBudget(stopped) => {
                dict.set_item("message", stopped_text(rows, stopped, budget))?;
                "unknown"
            }
            Finding::Unconfirmed => "unconfirmed",
        };
        dict.set_item("verdict", verdict)?;
        Ok(dict)
    }
}
