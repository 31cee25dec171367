//! The extension module `harness._core`: glue only. Columns live in `splitbrain-history`, algorithms in
//! `splitbrain-checkers`; here Python objects become their arguments and their results become Python objects.
use pyo3::prelude::*;

mod budget;
mod checkers;
mod checkers_collections;
mod checkers_custom;
mod checkers_events;
mod checkers_objects;
mod checkers_online;
mod checkers_register;
mod checkers_sessions;
mod checkers_txn;
mod history;
mod history_column;
mod history_json;
mod history_recorder;
mod history_rows;

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    budget::register(module)?;
    history::register(module)?;
    checkers::register(module)
}
