//! Columns of numbers, handed to numpy and friends through the buffer protocol: no copy, read-only.

use std::ffi::{c_int, c_void, CStr};
use std::ptr;
use std::sync::Arc;

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use splitbrain_history::History;

/// Where the numbers live.
pub enum Numbers {
    Time(Arc<History>),
    Process(Arc<History>),
    Type(Arc<History>),
    Own(Vec<i64>),
}

impl Numbers {
    fn view(&self) -> (*const u8, usize, usize, &'static CStr) {
        let long = |numbers: &[i64]| (numbers.as_ptr().cast(), numbers.len(), 8, c"q");
        match self {
            Numbers::Time(history) => long(history.times()),
            Numbers::Process(history) => long(history.processes()),
            Numbers::Own(numbers) => long(numbers),
            Numbers::Type(history) => (history.kinds().as_ptr(), history.kinds().len(), 1, c"B"),
        }
    }
}

/// One column: a read-only buffer of signed 64-bit (`q`) or unsigned 8-bit (`B`) numbers.
#[pyclass(frozen, module = "harness._core")]
pub struct Column {
    pub numbers: Numbers,
}

#[pymethods]
impl Column {
    fn __len__(&self) -> usize {
        self.numbers.view().1
    }

    /// # Safety
    /// Called by Python with a view to fill in.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("no view to fill"));
        }
        if flags & ffi::PyBUF_WRITABLE == ffi::PyBUF_WRITABLE {
            return Err(PyBufferError::new_err("columns of a history are read-only"));
        }
        let (data, len, size, format) = slf.get().numbers.view();
        // Shape and stride live as long as the view: freed in `__releasebuffer__`.
        let extent = Box::into_raw(Box::new([len as ffi::Py_ssize_t, size as ffi::Py_ssize_t]));
        // SAFETY: `view` is not null and Python's to be filled. `data` points into memory that the column owns or holds
        // an `Arc` of, immutable, and `obj` keeps the column alive as long as the view.
        unsafe {
            (*view).buf = data.cast_mut().cast::<c_void>();
            (*view).len = (len * size) as ffi::Py_ssize_t;
            (*view).readonly = 1;
            (*view).itemsize = size as ffi::Py_ssize_t;
            (*view).format = if flags & ffi::PyBUF_FORMAT == ffi::PyBUF_FORMAT {
                format.as_ptr().cast_mut()
            } else {
                ptr::null_mut()
            };
            (*view).ndim = 1;
            (*view).shape = extent.cast();
            (*view).strides = extent.cast::<ffi::Py_ssize_t>().add(1);
            (*view).suboffsets = ptr::null_mut();
            (*view).internal = extent.cast();
            (*view).obj = slf.into_any().into_ptr();
        }
        Ok(())
    }

    /// # Safety
    /// Called by Python once per view that `__getbuffer__` filled.
    unsafe fn __releasebuffer__(&self, view: *mut ffi::Py_buffer) {
        // SAFETY: `internal` is the box that `__getbuffer__` leaked for this view, and this is its only release.
        drop(unsafe { Box::from_raw((*view).internal.cast::<[ffi::Py_ssize_t; 2]>()) });
    }
}
