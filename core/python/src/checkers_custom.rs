//! Data types written in Python.
//!
//! The search asks for each transition once: states and operations are numbered as they are met, and what Python said is
//! kept. So a model in Python costs its number of transitions, not of search steps.
use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule, PyTuple};
use splitbrain_checkers::intern::FastMap;
use splitbrain_checkers::models::{Call, Model, Readable, Unreadable};

/// A model with `initial`, `reads` and `step(state, f, argument, result)`. Every clone has a memory of its own.
pub struct PythonModel {
    model: Py<PyAny>,
    illegal: Py<PyAny>,
    unknown: Py<PyAny>,
    reads: Vec<String>,
    ops: Vec<Text>,
    numbers: FastMap<Text, u32>,
    memory: Mutex<Memory>,
}

/// An operation as text: f, argument, result (none if unknown).
type Text = (String, String, Option<String>);

#[derive(Default)]
struct Memory {
    states: Vec<Py<PyAny>>,
    numbers: Option<Py<PyDict>>,
    ops: FastMap<u32, Py<PyTuple>>,
    transitions: FastMap<(u32, u32), Option<u32>>,
    error: Option<PyErr>,
}

impl PythonModel {
    pub fn new(model: &Bound<'_, PyAny>, illegal: &Bound<'_, PyAny>, unknown: &Bound<'_, PyAny>) -> PyResult<Self> {
        let reads = model.getattr("reads")?.try_iter()?.map(|f| f?.extract()).collect::<PyResult<Vec<String>>>()?;
        Ok(Self {
            model: model.clone().unbind(),
            illegal: illegal.clone().unbind(),
            unknown: unknown.clone().unbind(),
            reads,
            ops: Vec::new(),
            numbers: FastMap::default(),
            memory: Mutex::new(Memory::default()),
        })
    }

    /// What the model raised, if it did: then no answer counts.
    pub fn take_error(&self) -> Option<PyErr> {
        self.memory().error.take()
    }

    // One thread at a time uses a clone, so nobody ever waits here, least of all for the interpreter's lock.
    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What Python says; an exception ends the search as soon as it can, with every further step impossible.
    fn ask(&self, act: impl FnOnce(Python<'_>, &mut Memory) -> PyResult<Option<u32>>) -> Option<u32> {
        let memory = &mut *self.memory();
        if memory.error.is_some() {
            return None;
        }
        Python::attach(|py| match act(py, memory) {
            Ok(answer) => answer,
            Err(error) => {
                memory.error = Some(error);
                None
            }
        })
    }

    fn call(&self, py: Python<'_>, op: u32) -> PyResult<Py<PyTuple>> {
        let (f, argument, result) = &self.ops[op as usize];
        let parse = PyModule::import(py, "json")?.getattr("loads")?;
        let result = match result {
            Some(text) => parse.call1((text,))?,
            None => self.unknown.bind(py).clone(),
        };
        Ok(PyTuple::new(py, [f.into_pyobject(py)?.into_any(), parse.call1((argument,))?, result])?.unbind())
    }
}

fn number(py: Python<'_>, memory: &mut Memory, state: &Bound<'_, PyAny>) -> PyResult<u32> {
    let numbers = memory.numbers.get_or_insert_with(|| PyDict::new(py).unbind()).bind(py);
    if let Some(known) = numbers.get_item(state)? {
        return known.extract();
    }
    let next = memory.states.len() as u32;
    numbers.set_item(state, next)?;
    memory.states.push(state.clone().unbind());
    Ok(next)
}

impl Clone for PythonModel {
    fn clone(&self) -> Self {
        Python::attach(|py| Self {
            model: self.model.clone_ref(py),
            illegal: self.illegal.clone_ref(py),
            unknown: self.unknown.clone_ref(py),
            reads: self.reads.clone(),
            ops: self.ops.clone(),
            numbers: self.numbers.clone(),
            memory: Mutex::new(Memory::default()),
        })
    }
}

impl Model for PythonModel {
    type State = u32;
    type Op = u32;

    fn initial(&self) -> u32 {
        let first = |py: Python<'_>, memory: &mut Memory| {
            let state = self.model.bind(py).getattr("initial")?;
            number(py, memory, &state).map(Some)
        };
        self.ask(first).unwrap_or_default()
    }

    fn step(&self, state: &u32, op: &u32) -> Option<u32> {
        if let Some(&known) = self.memory().transitions.get(&(*state, *op)) {
            return known;
        }
        self.ask(|py, memory| {
            if !memory.ops.contains_key(op) {
                memory.ops.insert(*op, self.call(py, *op)?);
            }
            let (f, argument, result) = memory.ops[op].bind(py).extract::<(Py<PyAny>, Py<PyAny>, Py<PyAny>)>()?;
            let current = memory.states[*state as usize].clone_ref(py);
            let next = self.model.bind(py).call_method1("step", (current, f, argument, result))?;
            let answer = if next.is(&self.illegal) { None } else { Some(number(py, memory, &next)?) };
            memory.transitions.insert((*state, *op), answer);
            Ok(answer)
        })
    }

    /// What Python says the state itself takes; what it refers to is not followed.
    fn heap_bytes(&self, state: &u32) -> usize {
        let memory = self.memory();
        let Some(state) = memory.states.get(*state as usize) else { return 0 };
        let size = |py: Python<'_>| py.import("sys")?.call_method1("getsizeof", (state,))?.extract();
        Python::attach(size).unwrap_or_default()
    }

    fn is_read_only(&self, op: &u32) -> bool {
        self.reads.contains(&self.ops[*op as usize].0)
    }
}

impl Readable for PythonModel {
    fn read(&mut self, call: Call<'_>) -> Result<Option<u32>, Unreadable> {
        if call.is_pending() && self.reads.iter().any(|f| f == call.f) {
            return Ok(None);
        }
        let result = (!call.is_pending()).then(|| call.answer().to_owned());
        let text: Text = (call.f.to_owned(), call.asked().to_owned(), result);
        let next = self.ops.len() as u32;
        let number = *self.numbers.entry(text.clone()).or_insert(next);
        if number == next {
            self.ops.push(text);
        }
        Ok(Some(number))
    }
}
