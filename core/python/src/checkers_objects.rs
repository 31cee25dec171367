//! Objects of other types than registers, for Python.
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use splitbrain_checkers::models::{Counter, Kv, MultiRegister, Permits, PriorityQueue, Queue, Readable, Set, Stack};
use splitbrain_checkers::objects::{self, Finding, Method, Object};
use splitbrain_checkers::search::Limits;

use crate::budget::Budget;
use crate::checkers_custom::PythonModel;
use crate::checkers_events::Timeline;
use crate::checkers_register::stopped_text;
use crate::history::History;

/// Adds everything in here to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(check_objects, module)?)?;
    module.add_function(wrap_pyfunction!(check_custom, module)?)
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
    let answers = py.detach(|| match model {
        "kv" => answers(&rows, &Kv::default(), true, limits),
        "set" => answers(&rows, &Set::default(), true, limits),
        "counter" => answers(&rows, &Counter, true, limits),
        "mutex" => answers(&rows, &Permits { all: 1 }, true, limits),
        "semaphore" => answers(&rows, &Permits { all: permits }, true, limits),
        "queue" => answers(&rows, &Queue::default(), true, limits),
        "priority-queue" => answers(&rows, &PriorityQueue, true, limits),
        "stack" => answers(&rows, &Stack::default(), true, limits),
        "multi-register" => answers(&rows, &MultiRegister::default(), false, limits),
        other => Err(PyValueError::new_err(format!("no model {other:?}"))),
    })?;
    answers.iter().map(|answer| answer.to_dict(py, &rows, &budget)).collect()
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
        rows.checked()?;
        let objects = objects::read(&rows, &model, true).map_err(|malformed| rows.refusal(malformed))?;
        let findings = objects::check(&rows, &objects, limits);
        match objects.iter().find_map(|object| object.model.take_error()) {
            Some(error) => Err(error),
            None => Ok(objects.iter().zip(findings).map(Answer::of).collect()),
        }
    })?;
    answers.iter().map(|answer| answer.to_dict(py, &rows, &budget)).collect()
}

fn answers<M: Readable + Clone + Send>(
    rows: &Timeline<'_>,
    model: &M,
    by_key: bool,
    limits: Limits,
) -> PyResult<Vec<Answer>> {
    rows.checked()?;
    let objects = objects::read(rows, model, by_key).map_err(|malformed| rows.refusal(malformed))?;
    let findings = objects::check(rows, &objects, limits);
    Ok(objects.iter().zip(findings).map(Answer::of).collect())
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
