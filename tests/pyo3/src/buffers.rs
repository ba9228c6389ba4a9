//! The buffer protocol, consumed and provided.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use std::ffi::{c_int, c_void, CString};

/// Item size, item count, format, dimensions, shape, read-only, contiguous.
type Facts = (usize, usize, String, usize, Vec<usize>, bool, bool);

fn facts<T: pyo3::buffer::Element>(buffer: &PyBuffer<T>) -> Facts {
    (
        buffer.item_size(),
        buffer.item_count(),
        buffer.format().to_string_lossy().into_owned(),
        buffer.dimensions(),
        buffer.shape().to_vec(),
        buffer.readonly(),
        buffer.is_c_contiguous(),
    )
}

/// The facts of a buffer of bytes, 32-bit integers or doubles.
#[pyfunction]
pub fn buffer_facts(object: &Bound<'_, PyAny>) -> PyResult<Facts> {
    if let Ok(buffer) = PyBuffer::<u8>::get(object) {
        return Ok(facts(&buffer));
    }
    if let Ok(buffer) = PyBuffer::<i32>::get(object) {
        return Ok(facts(&buffer));
    }
    Ok(facts(&PyBuffer::<f64>::get(object)?))
}

#[pyfunction]
pub fn buffer_sum(py: Python<'_>, object: &Bound<'_, PyAny>) -> PyResult<f64> {
    if let Ok(buffer) = PyBuffer::<f64>::get(object) {
        return Ok(buffer.to_vec(py)?.iter().sum());
    }
    if let Ok(buffer) = PyBuffer::<i32>::get(object) {
        return Ok(buffer.to_vec(py)?.iter().copied().map(f64::from).sum());
    }
    let buffer = PyBuffer::<u8>::get(object)?;
    Ok(buffer.to_vec(py)?.iter().copied().map(f64::from).sum())
}

/// Overwrites a writable byte buffer with a counting pattern.
#[pyfunction]
pub fn buffer_fill(py: Python<'_>, object: &Bound<'_, PyAny>, start: u8) -> PyResult<usize> {
    let buffer = PyBuffer::<u8>::get(object)?;
    if buffer.readonly() {
        return Err(PyBufferError::new_err("the buffer is read-only"));
    }
    let pattern: Vec<u8> = (0..buffer.item_count())
        .map(|index| start.wrapping_add(index as u8))
        .collect();
    buffer.copy_from_slice(py, &pattern)?;
    Ok(pattern.len())
}

/// Owns bytes and lends them; counts the loans.
#[pyclass]
pub struct Exporter {
    bytes: Vec<u8>,
    #[pyo3(get)]
    loans: usize,
    #[pyo3(get)]
    returned: usize,
}

#[pymethods]
impl Exporter {
    #[new]
    fn new(bytes: Vec<u8>) -> Self {
        Exporter {
            bytes,
            loans: 0,
            returned: 0,
        }
    }

    fn tolist(&self) -> Vec<u32> {
        self.bytes.iter().copied().map(u32::from).collect()
    }

    fn resize(&mut self, length: usize) -> PyResult<()> {
        if self.loans != self.returned {
            return Err(PyValueError::new_err("the bytes are lent out"));
        }
        self.bytes.resize(length, 0);
        Ok(())
    }

    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("no view to fill"));
        }
        let mut this = slf.borrow_mut();
        this.loans += 1;
        // SAFETY: the caller passes a view to fill; its owner keeps `bytes` in place, for
        // `resize` refuses while a loan is out.
        unsafe {
            (*view).buf = this.bytes.as_mut_ptr().cast::<c_void>();
            (*view).len = this.bytes.len() as isize;
            (*view).readonly = 0;
            (*view).itemsize = 1;
            (*view).format = if flags & ffi::PyBUF_FORMAT == ffi::PyBUF_FORMAT {
                CString::from(c"B").into_raw()
            } else {
                std::ptr::null_mut()
            };
            (*view).ndim = 1;
            (*view).shape = if flags & ffi::PyBUF_ND == ffi::PyBUF_ND {
                &mut (*view).len
            } else {
                std::ptr::null_mut()
            };
            (*view).strides = if flags & ffi::PyBUF_STRIDES == ffi::PyBUF_STRIDES {
                &mut (*view).itemsize
            } else {
                std::ptr::null_mut()
            };
            (*view).suboffsets = std::ptr::null_mut();
            (*view).internal = std::ptr::null_mut();
            drop(this);
            (*view).obj = slf.into_ptr();
        }
        Ok(())
    }

    unsafe fn __releasebuffer__(&mut self, view: *mut ffi::Py_buffer) {
        self.returned += 1;
        // SAFETY: `format` is what `__getbuffer__` made by `CString::into_raw`, or null.
        unsafe {
            if !(*view).format.is_null() {
                drop(CString::from_raw((*view).format));
            }
        }
    }
}
