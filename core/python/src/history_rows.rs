//! Rows as Python sees them: tuples in the order of `harness.operation.Operation`, with their JSON parsed.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyString, PyTuple};
use splitbrain_history::History;

static TYPES: PyOnceLock<[Py<PyAny>; 4]> = PyOnceLock::new();
static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Makes tuples of a history's rows.
pub struct Rows<'a, 'py> {
    py: Python<'py>,
    history: &'a History,
    types: &'py [Py<PyAny>; 4],
}

impl<'a, 'py> Rows<'a, 'py> {
    pub fn new(py: Python<'py>, history: &'a History) -> PyResult<Rows<'a, 'py>> {
        let types = TYPES.get_or_try_init(py, || -> PyResult<_> {
            let class = py.import("harness.operation")?.getattr("Type")?;
            let member = |name| -> PyResult<Py<PyAny>> { Ok(class.getattr(name)?.unbind()) };
            Ok([member("INVOKE")?, member("OK")?, member("FAIL")?, member("INFO")?])
        })?;
        Ok(Rows { py, history, types })
    }

    pub fn tuple(&self, row: usize) -> PyResult<Bound<'py, PyTuple>> {
        let (py, history) = (self.py, self.history);
        (
            PyString::intern(py, history.f(row)),
            history.key(row).map(|key| PyString::intern(py, key)),
            self.parse(history.value(row))?,
            history.process(row),
            &self.types[history.kind(row) as usize],
            history.time(row),
            history.node(row).map(|node| PyString::intern(py, node)),
            self.parse(history.error(row))?,
            history.index(row),
        )
            .into_pyobject(py)
    }

    /// Short integers, plain strings and truths here, because most values are one; the rest by Python's own parser.
    fn parse(&self, json: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        let Some(json) = json else { return Ok(py.None().into_bound(py)) };
        match json.as_bytes() {
            b"true" => return Ok(PyBool::new(py, true).to_owned().into_any()),
            b"false" => return Ok(PyBool::new(py, false).to_owned().into_any()),
            [b'"', inside @ .., b'"'] if !inside.contains(&b'\\') && !inside.contains(&b'"') => {
                return Ok(PyString::new(py, &json[1..json.len() - 1]).into_any())
            }
            [b'-' | b'0'..=b'9', ..] => {
                if let Ok(number) = json.parse::<i64>() {
                    return Ok(number.into_pyobject(py)?.into_any());
                }
            }
            _ => {}
        }
        LOADS.import(py, "json", "loads")?.call1((json,))
    }
}
