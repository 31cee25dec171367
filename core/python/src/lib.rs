//! The extension module `harness._core`: glue only. Columns live in `splitbrain-history`, algorithms in
//! `splitbrain-checkers`; here Python objects become their arguments and their results become Python objects.
use pyo3::prelude::*;

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    Ok(())
}
