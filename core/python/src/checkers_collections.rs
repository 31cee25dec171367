//! Collections and applications, for Python: every scan gives the same kind of answer.
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use splitbrain_checkers::collections::{self, quantiles, Bank, Finding, Patterns, Report};
use splitbrain_checkers::events::Malformed;

use crate::checkers_events::{Refusal, Rows};
use crate::history::{os_error, History};

/// Adds everything in here to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(check_set, module)?)?;
    module.add_function(wrap_pyfunction!(check_set_full, module)?)?;
    module.add_function(wrap_pyfunction!(check_total_queue, module)?)?;
    module.add_function(wrap_pyfunction!(check_unique_ids, module)?)?;
    module.add_function(wrap_pyfunction!(check_counter, module)?)?;
    module.add_function(wrap_pyfunction!(check_bank, module)?)?;
    module.add_function(wrap_pyfunction!(check_long_fork, module)?)?;
    module.add_function(wrap_pyfunction!(check_causal_reverse, module)?)?;
    module.add_function(wrap_pyfunction!(check_adya_g2, module)?)?;
    module.add_function(wrap_pyfunction!(check_log, module)?)?;
    module.add_function(wrap_pyfunction!(scan_lines, module)?)
}

type Answer<'py> = PyResult<Bound<'py, PyDict>>;

#[pyfunction]
fn check_set<'py>(py: Python<'py>, history: &History) -> Answer<'py> {
    answer(py, history, |rows| collections::check_set(rows))
}

#[pyfunction]
#[pyo3(signature = (history, *, linearizable))]
fn check_set_full<'py>(py: Python<'py>, history: &History, linearizable: bool) -> Answer<'py> {
    answer(py, history, |rows| collections::check_set_full(rows, linearizable))
}

#[pyfunction]
#[pyo3(signature = (history, *, drained))]
fn check_total_queue<'py>(py: Python<'py>, history: &History, drained: bool) -> Answer<'py> {
    answer(py, history, |rows| collections::check_total_queue(rows, drained))
}

#[pyfunction]
fn check_unique_ids<'py>(py: Python<'py>, history: &History) -> Answer<'py> {
    answer(py, history, |rows| collections::check_unique_ids(rows))
}

#[pyfunction]
#[pyo3(signature = (history, *, initial))]
fn check_counter<'py>(py: Python<'py>, history: &History, initial: i64) -> Answer<'py> {
    answer(py, history, |rows| collections::check_counter(rows, initial))
}

#[pyfunction]
#[pyo3(signature = (history, *, accounts, total, negative_balances))]
fn check_bank<'py>(
    py: Python<'py>,
    history: &History,
    accounts: Option<Vec<String>>,
    total: Option<i64>,
    negative_balances: bool,
) -> Answer<'py> {
    let bank = Bank { accounts, total, negative_balances };
    answer(py, history, |rows| collections::check_bank(rows, &bank))
}

#[pyfunction]
fn check_long_fork<'py>(py: Python<'py>, history: &History) -> Answer<'py> {
    answer(py, history, |rows| collections::check_long_fork(rows))
}

#[pyfunction]
fn check_causal_reverse<'py>(py: Python<'py>, history: &History) -> Answer<'py> {
    answer(py, history, |rows| collections::check_causal_reverse(rows))
}

#[pyfunction]
fn check_adya_g2<'py>(py: Python<'py>, history: &History) -> Answer<'py> {
    answer(py, history, |rows| collections::check_adya_g2(rows))
}

#[pyfunction]
#[pyo3(signature = (history, *, caught_up))]
fn check_log<'py>(py: Python<'py>, history: &History, caught_up: bool) -> Answer<'py> {
    answer(py, history, |rows| collections::check_log(rows, caught_up))
}

fn answer<'py>(
    py: Python<'py>,
    history: &History,
    check: impl FnOnce(&Rows<'_>) -> Result<Report, Malformed> + Send,
) -> Answer<'py> {
    let rows = Rows(&history.columns);
    let report = py.detach(|| -> Result<Report, Refusal> {
        rows.checked()?;
        let mut report = check(&rows).map_err(|malformed| rows.refusal(malformed))?;
        report.samples.iter_mut().for_each(|(_, samples)| samples.sort_unstable());
        Ok(report)
    })?;
    report_dict(py, &rows, report)
}

fn report_dict<'py>(py: Python<'py>, rows: &Rows<'_>, report: Report) -> Answer<'py> {
    let dict = PyDict::new(py);
    dict.set_item("keys", report.keys)?;
    dict.set_item("ops", report.ops)?;
    let finding = |Finding { kind, key, text, ops, .. }: Finding| (kind, key, text, rows.events_of(ops));
    dict.set_item("findings", report.findings.into_iter().map(finding).collect::<Vec<_>>())?;
    dict.set_item("unconfirmed", report.unconfirmed)?;
    dict.set_item("unproven", report.unproven)?;
    let (found, counts, notes) = (PyDict::new(py), PyDict::new(py), PyDict::new(py));
    for (kind, number) in report.found {
        found.set_item(kind, number)?;
    }
    for (name, number) in report.counts {
        counts.set_item(name, number)?;
    }
    for (name, note) in report.notes {
        notes.set_item(name, note)?;
    }
    let durations = PyDict::new(py);
    for (name, samples) in &report.samples {
        let fractions = [0.0, 0.5, 0.95, 0.99, 1.0];
        let quantiles = quantiles(samples, &fractions).into_iter().map(milliseconds);
        durations.set_item(name, fractions.into_iter().zip(quantiles).collect::<Vec<_>>())?;
    }
    let worst = |(ns, text, ops): (i64, String, Vec<u32>)| (milliseconds(ns), text, rows.events_of(ops));
    dict.set_item("found", found)?;
    dict.set_item("counts", counts)?;
    dict.set_item("notes", notes)?;
    dict.set_item("durations_ms", durations)?;
    dict.set_item("worst", report.worst.into_iter().map(worst).collect::<Vec<_>>())?;
    Ok(dict)
}

fn milliseconds(ns: i64) -> f64 {
    ns as f64 / 1e6
}

#[pyfunction]
#[pyo3(signature = (files, patterns, *, seconds, told_max))]
fn scan_lines<'py>(
    py: Python<'py>,
    files: Vec<PathBuf>,
    patterns: Vec<String>,
    seconds: f64,
    told_max: usize,
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let deadline = Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, 1e9));
    let patterns = Patterns::new(&patterns).map_err(PyValueError::new_err)?;
    let scans = py.detach(|| {
        let scan =
            |file: &PathBuf| patterns.scan(BufReader::with_capacity(1 << 16, File::open(file)?), deadline, told_max);
        files.iter().map(scan).collect::<std::io::Result<Vec<_>>>()
    });
    let dict = |scan: collections::Scan| {
        let dict = PyDict::new(py);
        dict.set_item("lines", scan.lines)?;
        dict.set_item("cut", scan.cut)?;
        dict.set_item("hits", scan.hits)?;
        let told = scan.told.into_iter().map(|hit| (hit.pattern, hit.line, hit.text));
        dict.set_item("told", told.collect::<Vec<_>>())?;
        dict.set_item("out_of_time", scan.out_of_time)?;
        Ok(dict)
    };
    scans.map_err(os_error)?.into_iter().map(dict).collect()
}
