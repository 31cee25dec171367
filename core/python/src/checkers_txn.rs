//! Transactions, for Python.
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use splitbrain_checkers::txn::{check_appends, check_registers, Assumptions, Report, Told, Weak};

use crate::budget::Budget;
use crate::checkers_events::{Refusal, Rows};
use crate::history::History;

/// Adds everything in here to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(check_list_append, module)?)?;
    module.add_function(wrap_pyfunction!(check_rw_register, module)?)
}

#[pyfunction]
#[pyo3(signature = (history, *, seconds, memory_bytes))]
fn check_list_append<'py>(
    py: Python<'py>,
    history: &History,
    seconds: f64,
    memory_bytes: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let budget = Budget::new(seconds, memory_bytes);
    let rows = Rows(&history.columns);
    let report = py.detach(|| -> Result<_, Refusal> {
        rows.checked()?;
        check_appends(&rows, budget.bounds()).map_err(|malformed| rows.refusal(malformed))
    })?;
    report_dict(py, &rows, &report, &budget)
}

#[pyfunction]
#[pyo3(signature = (
    history, *, writes_follow_reads, sequential_keys, linearizable_keys, axioms, seconds, memory_bytes
))]
#[expect(clippy::too_many_arguments, reason = "they are the keyword arguments of a Python function")]
fn check_rw_register<'py>(
    py: Python<'py>,
    history: &History,
    writes_follow_reads: bool,
    sequential_keys: bool,
    linearizable_keys: bool,
    axioms: Option<&str>,
    seconds: f64,
    memory_bytes: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let budget = Budget::new(seconds, memory_bytes);
    let level = match axioms {
        None => None,
        Some("read-committed") => Some(Weak::ReadCommitted),
        Some("read-atomic") => Some(Weak::ReadAtomic),
        Some("causal-cerone") => Some(Weak::Causal),
        Some(other) => return Err(PyValueError::new_err(format!("there are no axioms of {other:?}"))),
    };
    let assume = Assumptions { writes_follow_reads, sequential_keys, linearizable_keys };
    let rows = Rows(&history.columns);
    let report = py.detach(|| -> Result<_, Refusal> {
        rows.checked()?;
        check_registers(&rows, assume, level, budget.bounds()).map_err(|malformed| rows.refusal(malformed))
    })?;
    report_dict(py, &rows, &report, &budget)
}

fn report_dict<'py>(
    py: Python<'py>,
    rows: &Rows<'_>,
    report: &Report,
    budget: &Budget,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let counts = PyDict::new(py);
    for &(name, count) in &report.counts {
        let before = counts.get_item(name)?.map_or(Ok(0), |count| count.extract::<usize>())?;
        counts.set_item(name, before + count)?;
    }
    dict.set_item("counts", counts)?;
    let anomalies: Vec<_> = report.told.iter().map(|told| told_dict(py, rows, told)).collect::<PyResult<_>>()?;
    dict.set_item("anomalies", anomalies)?;
    dict.set_item("undecided", &report.undecided)?;
    dict.set_item("unconfirmed", &report.unconfirmed)?;
    let is_short = |why: &&String| why.starts_with("out of memory");
    let cap = report.stopped.as_ref().filter(is_short).map_or_else(String::new, |_| budget.cap_text());
    dict.set_item("stopped", report.stopped.as_ref().map(|why| format!("{why}{cap}")))?;
    dict.set_item("txns", report.txns)?;
    dict.set_item("ok", report.ok)?;
    dict.set_item("info", report.info)?;
    dict.set_item("failed", report.failed)?;
    dict.set_item("keys", report.keys)?;
    dict.set_item("edges", report.edges)?;
    dict.set_item("entangled", report.entangled)?;
    Ok(dict)
}

fn told_dict<'py>(py: Python<'py>, rows: &Rows<'_>, told: &Told) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("type", told.name)?;
    dict.set_item("key", &told.key)?;
    dict.set_item("message", &told.message)?;
    dict.set_item("events", rows.events_of(told.rows.iter().copied()))?;
    let step = |step: &splitbrain_checkers::txn::Step| -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("from", rows.0.index(step.from as usize))?;
        dict.set_item("to", rows.0.index(step.to as usize))?;
        dict.set_item("kind", step.kind)?;
        dict.set_item("key", &step.key)?;
        dict.set_item("why", &step.why)?;
        Ok(dict)
    };
    dict.set_item("steps", told.steps.iter().map(step).collect::<PyResult<Vec<_>>>()?)?;
    Ok(dict)
}
