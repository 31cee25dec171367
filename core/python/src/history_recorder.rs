use std::fs::OpenOptions;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyInt, PyString};
use splitbrain_history::{Kind, RecordError};

use crate::history::{os_error, to_py, History};
use crate::history_json::{push_int, push_value};

/// What can go wrong while an event is recorded: our own rules, or an exception of Python's.
enum Refused {
    Record(RecordError),
    Python(PyErr),
}

impl From<RecordError> for Refused {
    fn from(error: RecordError) -> Refused {
        Refused::Record(error)
    }
}

impl From<PyErr> for Refused {
    fn from(error: PyErr) -> Refused {
        Refused::Python(error)
    }
}

impl From<Refused> for PyErr {
    fn from(refused: Refused) -> PyErr {
        match refused {
            Refused::Python(error) => error,
            Refused::Record(RecordError::Io(error)) => os_error(error),
            Refused::Record(RecordError::Full(error)) => PyOverflowError::new_err(error.to_string()),
            Refused::Record(RecordError::Closed) => PyValueError::new_err("the recorder is closed"),
            Refused::Record(RecordError::NotAnInvocation(index)) => {
                PyValueError::new_err(format!("event {index} is no invocation, so nothing can complete it"))
            }
            Refused::Record(RecordError::AlreadyCompleted(index)) => {
                PyValueError::new_err(format!("the invocation of event {index} has been completed"))
            }
        }
    }
}

struct State {
    recorder: splitbrain_history::Recorder,
    history: Option<Py<History>>,
}

/// Records events; see the stub for the meaning of each argument.
///
/// The lock is for sync clients, which may record from threads of their own. It is taken in a way that lets go of the
/// interpreter if it must wait, and writing to the file does too, so neither can block the other.
#[pyclass(frozen, module = "harness._core")]
pub struct Recorder {
    state: Mutex<State>,
}

impl Recorder {
    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, State> {
        // Poisoned is a lock whose holder panicked; every change of a recorder is undone or complete at each step.
        self.state.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }

    fn recorded(py: Python<'_>, state: &mut State, row: usize) -> PyResult<usize> {
        if state.recorder.wants_flush() {
            let recorder = &mut state.recorder;
            py.detach(|| recorder.flush()).map_err(to_py)?;
        }
        Ok(row)
    }
}

#[pymethods]
impl Recorder {
    #[new]
    #[pyo3(signature = (path=None, /))]
    fn new(path: Option<PathBuf>) -> PyResult<Recorder> {
        let create = |path| OpenOptions::new().write(true).create_new(true).open(path);
        let file = path.map(create).transpose().map_err(os_error)?;
        let recorder = splitbrain_history::Recorder::new(file).map_err(to_py)?;
        Ok(Recorder { state: Mutex::new(State { recorder, history: None }) })
    }

    #[pyo3(signature = (time, process, f, key=None, value=None, node=None, /))]
    #[allow(clippy::too_many_arguments)] // the columns of an event
    fn invoke(
        &self,
        py: Python<'_>,
        time: i64,
        process: i64,
        f: &str,
        key: Option<&Bound<'_, PyAny>>,
        value: Option<&Bound<'_, PyAny>>,
        node: Option<&str>,
    ) -> PyResult<usize> {
        self.append(py, time, process, Kind::Invoke, f, key, value, node, None)
    }

    #[pyo3(signature = (time, process, r#type, f, key=None, value=None, node=None, error=None, /))]
    #[allow(clippy::too_many_arguments)] // the columns of an event
    fn event(
        &self,
        py: Python<'_>,
        time: i64,
        process: i64,
        r#type: u8,
        f: &str,
        key: Option<&Bound<'_, PyAny>>,
        value: Option<&Bound<'_, PyAny>>,
        node: Option<&str>,
        error: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        self.append(py, time, process, kind(r#type)?, f, key, value, node, error)
    }

    #[pyo3(signature = (invocation, time, r#type, value=None, error=None, /))]
    fn complete(
        &self,
        py: Python<'_>,
        invocation: u64,
        time: i64,
        r#type: u8,
        value: Option<&Bound<'_, PyAny>>,
        error: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        let kind = kind(r#type)?;
        if kind == Kind::Invoke {
            return Err(PyValueError::new_err("an invocation completes nothing; expected ok, fail or info"));
        }
        let mut state = self.lock(py);
        let row = state.recorder.complete::<Refused>(invocation, time, kind, json(value), json(error))?;
        Recorder::recorded(py, &mut state, row)
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        let recorder = &mut self.lock(py).recorder;
        py.detach(|| recorder.flush()).map_err(to_py)
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let recorder = &mut self.lock(py).recorder;
        py.detach(|| recorder.close()).map_err(to_py)
    }

    fn history(&self, py: Python<'_>) -> PyResult<Py<History>> {
        let mut state = self.lock(py);
        if let Some(history) = &state.history {
            return Ok(history.clone_ref(py));
        }
        let recorder = &mut state.recorder;
        let (closed, taken) = py.detach(|| (recorder.is_closed(), recorder.take_history()));
        let history = Py::new(py, History::from(taken.map_err(to_py)?))?;
        if closed {
            state.history = Some(history.clone_ref(py));
        }
        Ok(history)
    }

    #[pyo3(signature = (row, /))]
    fn tail(&self, py: Python<'_>, row: usize) -> PyResult<History> {
        let state = self.lock(py);
        let tail = match &state.history {
            None => {
                let recorder = &state.recorder;
                py.detach(|| recorder.tail(row))
            }
            Some(history) => {
                let columns = &history.get().columns;
                let rows: Vec<u32> = (row..columns.len()).map(|row| row as u32).collect();
                py.detach(|| columns.select(&rows))
            }
        };
        Ok(tail.map_err(to_py)?.into())
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let state = self.lock(py);
        Ok(match &state.history {
            Some(history) => history.get().columns.len(),
            None => state.recorder.len(),
        })
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyAny>) -> PyResult<()> {
        self.close(py)
    }
}

impl Recorder {
    #[allow(clippy::too_many_arguments)] // the columns of an event
    fn append(
        &self,
        py: Python<'_>,
        time: i64,
        process: i64,
        kind: Kind,
        f: &str,
        key: Option<&Bound<'_, PyAny>>,
        value: Option<&Bound<'_, PyAny>>,
        node: Option<&str>,
        error: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        let mut digits = Vec::new();
        let key = key.map(|key| key_text(key, &mut digits)).transpose()?;
        let mut state = self.lock(py);
        let row = state.recorder.event::<Refused>(time, process, kind, f, key, node, json(value), json(error))?;
        Recorder::recorded(py, &mut state, row)
    }
}

fn json<'a>(value: Option<&'a Bound<'_, PyAny>>) -> impl FnOnce(&mut Vec<u8>) -> Result<bool, Refused> + 'a {
    move |out| match value {
        Some(value) => Ok(push_value(out, value)?),
        None => Ok(false),
    }
}

fn kind(code: u8) -> PyResult<Kind> {
    Kind::from_code(code).ok_or_else(|| {
        PyValueError::new_err(format!("there is no type {code}; expected 0 (invoke), 1 (ok), 2 (fail) or 3 (info)"))
    })
}

/// A key is kept as text; an integer one as its digits, in `digits`.
fn key_text<'a>(key: &'a Bound<'_, PyAny>, digits: &'a mut Vec<u8>) -> PyResult<&'a str> {
    if let Ok(text) = key.cast::<PyString>() {
        return text.to_str();
    }
    if let Ok(number) = key.cast::<PyInt>() {
        push_int(digits, number)?;
        return std::str::from_utf8(digits).map_err(|error| PyValueError::new_err(error.to_string()));
    }
    Err(PyTypeError::new_err(format!(
        "a key of type {} cannot be recorded; expected str or int",
        key.get_type().name()?
    )))
}
