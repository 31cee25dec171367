//! Registers judged while they are recorded, for Python.
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use splitbrain_checkers::register::{OnlineRegisters, Standing};

use crate::checkers_events::{Refusal, Rows};
use crate::checkers_register::reading;
use crate::history::History;

/// Adds everything in here to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<RegisterStream>()
}

/// See the stub.
#[pyclass(frozen, module = "harness._core")]
pub struct RegisterStream {
    registers: Mutex<OnlineRegisters>,
}

impl RegisterStream {
    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, OnlineRegisters> {
        // A panic half way leaves a checker that knows too little, which the check of the whole history finds out.
        self.registers.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }
}

type Broken = Option<(Option<String>, u32)>;

#[pymethods]
impl RegisterStream {
    #[new]
    #[pyo3(signature = (*, initial, has_cas, failed_cas))]
    fn new(initial: &str, has_cas: bool, failed_cas: &str) -> PyResult<RegisterStream> {
        let registers = OnlineRegisters::new(&reading(initial, has_cas, failed_cas)?);
        Ok(RegisterStream { registers: Mutex::new(registers) })
    }

    #[pyo3(signature = (batch, /))]
    fn feed(&self, py: Python<'_>, batch: &History) -> PyResult<Broken> {
        let rows = Rows(&batch.columns);
        let registers: &mut OnlineRegisters = &mut self.lock(py);
        let broken =
            py.detach(|| -> Result<_, Refusal> { registers.feed(&rows).map_err(|malformed| rows.refusal(malformed)) })?;
        Ok(broken.map(|broken| (broken.key.map(String::from), broken.event)))
    }

    fn end(&self, py: Python<'_>) -> Broken {
        self.lock(py).end().map(|broken| (broken.key.map(String::from), broken.event))
    }

    fn keys(&self, py: Python<'_>) -> Vec<(Option<String>, usize, &'static str)> {
        let registers = self.lock(py);
        let of = |standing| match standing {
            Standing::Linearizable => "linearizable",
            Standing::Violated(_) => "violation",
            Standing::NotUnique => "unknown",
        };
        let keys = registers.watched().iter();
        keys.map(|key| (key.key.as_deref().map(str::to_owned), key.ops, of(key.standing()))).collect()
    }

    fn remembered(&self, py: Python<'_>) -> usize {
        self.lock(py).remembered()
    }
}
