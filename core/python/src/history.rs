use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::create_exception;
use pyo3::exceptions::{PyIndexError, PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyList, PyTuple};
use splitbrain_history::{read, write, Error};

use crate::history_column::{Column, Numbers};
use crate::history_recorder::Recorder;
use crate::history_rows::Rows;

create_exception!(
    harness._core,
    MalformedHistory,
    PyValueError,
    "What was read is not a history. `args` are the message, the 1-based line, the index of the event (None where there are \
     none), and whether no operation of its function could be read."
);

/// Adds everything in here to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("MalformedHistory", module.py().get_type::<MalformedHistory>())?;
    module.add_class::<Column>()?;
    module.add_class::<History>()?;
    module.add_class::<Recorder>()?;
    module.add_function(wrap_pyfunction!(read_history, module)?)
}

/// Our errors as Python's: `OSError` with its number, or `MalformedHistory`.
pub fn to_py(error: Error) -> PyErr {
    match error {
        Error::Io(error) => os_error(error),
        Error::Malformed { line, message } => MalformedHistory::new_err((message, line, None::<usize>, false)),
    }
}

/// The subclass of `OSError` for its number, with the words Python has for it.
pub fn os_error(error: io::Error) -> PyErr {
    let Some(number) = error.raw_os_error() else { return error.into() };
    Python::attach(|py| {
        let words = py.import("os").and_then(|os| os.call_method1("strerror", (number,)));
        match words.and_then(|words| words.extract::<String>()) {
            Ok(words) => PyOSError::new_err((number, words)),
            Err(failed) => failed,
        }
    })
}

/// A history in columns. Other glue reads `columns`.
#[pyclass(frozen, module = "harness._core")]
pub struct History {
    pub columns: Arc<splitbrain_history::History>,
}

impl From<splitbrain_history::History> for History {
    fn from(history: splitbrain_history::History) -> History {
        History { columns: Arc::new(history) }
    }
}

#[pyfunction]
#[pyo3(signature = (path, format=None, /))]
fn read_history(py: Python<'_>, path: PathBuf, format: Option<&str>) -> PyResult<History> {
    let format = format.map(read_format).transpose()?;
    let history = py.detach(|| -> Result<_, Error> { read::read(File::open(path)?, format) });
    Ok(history.map_err(to_py)?.into())
}

fn read_format(name: &str) -> PyResult<read::Format> {
    match name {
        "arrow" => Ok(read::Format::Arrow),
        "edn" => Ok(read::Format::Edn),
        "jsonl" => Ok(read::Format::JsonLines),
        "sessions" => Ok(read::Format::Sessions),
        "etcd-log" => Ok(read::Format::EtcdLog),
        _ => Err(PyValueError::new_err(format!(
            "a history cannot be read as {name:?}; expected arrow, edn, jsonl, sessions or etcd-log"
        ))),
    }
}

#[pymethods]
impl History {
    fn __len__(&self) -> usize {
        self.columns.len()
    }

    #[getter]
    fn has_times(&self) -> bool {
        self.columns.has_times()
    }

    #[getter]
    fn truncated(&self) -> bool {
        self.columns.truncated()
    }

    fn row<'py>(&self, py: Python<'py>, row: isize) -> PyResult<Bound<'py, PyTuple>> {
        let place = self.place(row)?;
        Rows::new(py, &self.columns)?.tuple(place)
    }

    fn rows<'py>(&self, py: Python<'py>, start: usize, stop: usize) -> PyResult<Bound<'py, PyList>> {
        let rows = Rows::new(py, &self.columns)?;
        let tuples = (start..stop.min(self.columns.len())).map(|row| rows.tuple(row));
        PyList::new(py, tuples.collect::<PyResult<Vec<_>>>()?)
    }

    fn completion(&self, row: isize) -> PyResult<Option<usize>> {
        Ok(self.columns.completion(self.place(row)?))
    }

    fn invocation(&self, row: isize) -> PyResult<Option<usize>> {
        Ok(self.columns.invocation(self.place(row)?))
    }

    fn column(&self, name: &str) -> PyResult<Column> {
        let history = || Arc::clone(&self.columns);
        let each = |number: &dyn Fn(usize) -> Option<usize>| {
            let numbers = (0..self.columns.len()).map(|row| number(row).map_or(-1, |number| number as i64));
            Numbers::Own(numbers.collect())
        };
        let numbers = match name {
            "time" => Numbers::Time(history()),
            "process" => Numbers::Process(history()),
            "type" => Numbers::Type(history()),
            "index" => each(&|row| Some(self.columns.index(row))),
            "completion" => each(&|row| self.columns.completion(row)),
            "invocation" => each(&|row| self.columns.invocation(row)),
            _ => {
                return Err(PyValueError::new_err(format!(
                    "no column of numbers {name:?}; expected time, process, type, index, completion or invocation"
                )))
            }
        };
        Ok(Column { numbers })
    }

    fn keys(&self, py: Python<'_>) -> Vec<String> {
        py.detach(|| self.columns.by_key().iter().map(|(key, _)| key.to_string()).collect())
    }

    fn for_key(&self, py: Python<'_>, key: &str) -> PyResult<History> {
        let selected = py.detach(|| {
            let group = self.columns.by_key().iter().find(|(name, _)| &**name == key);
            self.columns.select(group.map_or(&[], |(_, rows)| rows))
        });
        Ok(selected.map_err(to_py)?.into())
    }

    fn has_tuples(&self, py: Python<'_>) -> bool {
        py.detach(|| self.columns.has_tuples())
    }

    fn untupled(&self, py: Python<'_>) -> PyResult<History> {
        Ok(py.detach(|| self.columns.untupled()).map_err(to_py)?.into())
    }

    fn select(&self, py: Python<'_>, rows: Vec<u32>) -> PyResult<History> {
        let selected = py.detach(|| self.columns.select(&rows));
        match selected {
            Ok(history) => Ok(history.into()),
            Err(error) => Err(PyValueError::new_err(error.to_string())),
        }
    }

    fn mended(&self, py: Python<'_>) -> PyResult<(History, Vec<usize>, Vec<usize>)> {
        let mended = py.detach(|| self.columns.mended()).map_err(to_py)?;
        Ok((mended.history.into(), mended.left_out, mended.unanswered))
    }

    fn problems(&self, py: Python<'_>, limit: usize) -> Vec<(usize, Option<u64>, String, bool)> {
        let problems = py.detach(|| self.columns.problems(limit));
        problems.into_iter().map(|problem| (problem.event, problem.line, problem.message, problem.fatal)).collect()
    }

    fn codes(&self, py: Python<'_>, name: &str) -> PyResult<(Column, Vec<String>)> {
        let history = &self.columns;
        let (codes, texts) = py
            .detach(|| {
                Some(match name {
                    "f" => encode(history, |row| Some(history.f(row))),
                    "key" => encode(history, |row| history.key(row)),
                    "value" => encode(history, |row| history.value(row)),
                    "node" => encode(history, |row| history.node(row)),
                    "error" => encode(history, |row| history.error(row)),
                    _ => return None,
                })
            })
            .ok_or_else(|| {
                PyValueError::new_err(format!("no column of text {name:?}; expected f, key, value, node or error"))
            })?;
        let numbers = Numbers::Own(codes);
        Ok((Column { numbers }, texts))
    }

    fn header(&self, format: &str) -> PyResult<&'static [u8]> {
        Ok(write::header(text_format(format)?))
    }

    fn render<'py>(&self, py: Python<'py>, format: &str, start: usize, stop: usize) -> PyResult<Bound<'py, PyBytes>> {
        let format = text_format(format)?;
        let stop = stop.min(self.columns.len());
        let text = py.detach(|| {
            let mut out = Vec::new();
            write::render(&self.columns, format, start.min(stop)..stop, &mut out);
            out
        });
        Ok(PyBytes::new(py, &text))
    }

    fn write(&self, py: Python<'_>, path: PathBuf, format: &str) -> PyResult<()> {
        let text = match format {
            "arrow" => None,
            _ => Some(text_format(format)?),
        };
        py.detach(|| -> Result<(), Error> {
            let mut out = BufWriter::new(File::create(path)?);
            match text {
                None => write::write_arrow(&self.columns, &mut out)?,
                Some(format) => write::write_text(&self.columns, format, &mut out)?,
            }
            out.flush()?;
            Ok(())
        })
        .map_err(to_py)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The protocol lets a producer ignore a request it cannot fulfil; there is one schema here.
        drop(requested_schema);
        PyCapsule::new_with_value(py, self.columns.arrow_stream(), c"arrow_array_stream")
    }
}

impl History {
    fn place(&self, row: isize) -> PyResult<usize> {
        usize::try_from(row)
            .ok()
            .filter(|&place| place < self.columns.len())
            .ok_or_else(|| PyIndexError::new_err(format!("row {row} of a history of {} events", self.columns.len())))
    }
}

fn text_format(name: &str) -> PyResult<write::TextFormat> {
    match name {
        "jsonl" => Ok(write::TextFormat::JsonLines),
        "edn" => Ok(write::TextFormat::Edn),
        "csv" => Ok(write::TextFormat::Csv),
        _ => Err(PyValueError::new_err(format!(
            "a history cannot be written as {name:?}; expected arrow, jsonl, edn or csv"
        ))),
    }
}

/// Numbers the distinct texts of a column in order of first appearance; -1 is no text.
fn encode<'a>(
    history: &'a splitbrain_history::History,
    text: impl Fn(usize) -> Option<&'a str>,
) -> (Vec<i64>, Vec<String>) {
    let mut places = HashMap::new();
    let mut texts = Vec::new();
    let codes = (0..history.len()).map(|row| {
        let Some(text) = text(row) else { return -1 };
        *places.entry(text).or_insert_with(|| {
            texts.push(text.to_owned());
            texts.len() as i64 - 1
        })
    });
    (codes.collect(), texts)
}
