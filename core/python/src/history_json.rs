//! Python values into canonical JSON text, straight into a column. No Python code runs on the way: what an object of an
//! unknown class would say of itself is not asked for.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use splitbrain_history::json;

/// Writes a value; false, and nothing written, for None.
pub fn push_value(out: &mut Vec<u8>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    if value.is_none() {
        return Ok(false);
    }
    push(out, value, json::DEPTH_MAX)?;
    Ok(true)
}

fn push(out: &mut Vec<u8>, value: &Bound<'_, PyAny>, depth_left: usize) -> PyResult<()> {
    if let Ok(text) = value.cast::<PyString>() {
        return push_string(out, text);
    }
    if value.is_none() {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    if let Ok(truth) = value.cast::<PyBool>() {
        out.extend_from_slice(if truth.is_true() { b"true" } else { b"false" });
        return Ok(());
    }
    if let Ok(number) = value.cast::<PyInt>() {
        return push_int(out, number);
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        let number = number.value();
        return if json::push_float(out, number) {
            Ok(())
        } else {
            Err(PyValueError::new_err(format!("{number} cannot be recorded: JSON has no such number")))
        };
    }
    if depth_left == 0 {
        return Err(PyValueError::new_err(format!(
            "a value nested deeper than {} cannot be recorded",
            json::DEPTH_MAX
        )));
    }
    if let Ok(list) = value.cast::<PyList>() {
        return push_items(out, list.iter(), depth_left);
    }
    if let Ok(tuple) = value.cast::<PyTuple>() {
        return push_items(out, tuple.iter(), depth_left);
    }
    if let Ok(dict) = value.cast::<PyDict>() {
        return push_members(out, dict, depth_left);
    }
    Err(PyTypeError::new_err(format!(
        "a value of type {} cannot be recorded; expected None, bool, int, float, str, list, tuple or dict",
        value.get_type().name()?
    )))
}

fn push_items<'py>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    depth_left: usize,
) -> PyResult<()> {
    out.push(b'[');
    for (place, item) in items.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        push(out, &item, depth_left - 1)?;
    }
    out.push(b']');
    Ok(())
}

fn push_members(out: &mut Vec<u8>, dict: &Bound<'_, PyDict>, depth_left: usize) -> PyResult<()> {
    out.push(b'{');
    for (place, (key, member)) in dict.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        if let Ok(text) = key.cast::<PyString>() {
            push_string(out, text)?;
        } else if key.is_instance_of::<PyInt>() && !key.is_instance_of::<PyBool>() {
            out.push(b'"');
            push_int(out, key.cast::<PyInt>()?)?;
            out.push(b'"');
        } else {
            return Err(PyTypeError::new_err(format!(
                "a dict with a key of type {} cannot be recorded; expected str or int",
                key.get_type().name()?
            )));
        }
        out.push(b':');
        push(out, &member, depth_left - 1)?;
    }
    out.push(b'}');
    Ok(())
}

/// Also of any length.
pub fn push_int(out: &mut Vec<u8>, number: &Bound<'_, PyInt>) -> PyResult<()> {
    let mut overflow = 0;
    // SAFETY: `number` is an int and `overflow` is ours; for an int this call cannot fail.
    let short = unsafe { ffi::PyLong_AsLongLongAndOverflow(number.as_ptr(), &mut overflow) };
    if overflow == 0 {
        json::push_int(out, short);
        return Ok(());
    }
    // SAFETY: `number` is an int; the result is a new reference to a str, or null with an exception set.
    let digits = unsafe { Bound::from_owned_ptr_or_err(number.py(), ffi::PyNumber_ToBase(number.as_ptr(), 10)) }?;
    out.extend_from_slice(digits.cast::<PyString>()?.to_str()?.as_bytes());
    Ok(())
}

fn push_string(out: &mut Vec<u8>, text: &Bound<'_, PyString>) -> PyResult<()> {
    match text.to_str() {
        Ok(text) => json::push_string(out, text),
        Err(_) => push_surrogates(out, text)?,
    }
    Ok(())
}

/// A string with half surrogates (bytes that were no UTF-8, as Python keeps them): those become escapes.
#[cold]
fn push_surrogates(out: &mut Vec<u8>, text: &Bound<'_, PyString>) -> PyResult<()> {
    let py = text.py();
    let units = text.call_method1(intern!(py, "encode"), ("utf-16-le", "surrogatepass"))?;
    let units = units.cast::<PyBytes>()?.as_bytes().chunks_exact(2);
    let units = units.map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    out.push(b'"');
    for unit in char::decode_utf16(units) {
        match unit {
            Ok(letter) => json::push_escaped(out, letter.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(half) => json::push_unit_escape(out, half.unpaired_surrogate()),
        }
    }
    out.push(b'"');
    Ok(())
}
