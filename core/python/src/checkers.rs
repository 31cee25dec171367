//! The checkers, for Python: one file per family.
use pyo3::prelude::*;

use crate::{
    checkers_collections, checkers_objects, checkers_online, checkers_register, checkers_sessions, checkers_txn,
};

/// Adds everything in here to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    checkers_register::register(module)?;
    checkers_collections::register(module)?;
    checkers_online::register(module)?;
    checkers_sessions::register(module)?;
    checkers_objects::register(module)?;
    checkers_txn::register(module)
}
