//! Calls both ways: signatures, callbacks, vectorcall.

use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyTuple};

#[pyfunction]
#[pyo3(signature = (a, /, b=2, *, c, d=4))]
pub fn defaults(a: i64, b: i64, c: i64, d: Option<i64>) -> (i64, i64, i64, Option<i64>) {
    (a, b, c, d)
}

/// Hands back what `*args, **kwargs` held.
#[pyfunction]
#[pyo3(signature = (first, *args, flag=false, **kwargs), text_signature = "(first, *rest, flag=False, **options)")]
pub fn variadic<'py>(
    first: Bound<'py, PyAny>,
    args: Bound<'py, PyTuple>,
    flag: bool,
    kwargs: Option<Bound<'py, PyDict>>,
) -> (
    Bound<'py, PyAny>,
    Bound<'py, PyTuple>,
    bool,
    Option<Bound<'py, PyDict>>,
) {
    (first, args, flag, kwargs)
}

#[pyfunction]
#[pyo3(signature = (function, *args))]
pub fn call_with<'py>(
    function: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    function.call1(args)
}

#[pyfunction]
pub fn call_kwargs<'py>(function: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let kwargs = [("key", "value"), ("other", "thing")].into_py_dict(function.py())?;
    function.call((1, "two", 3.0), Some(&kwargs))
}

#[pyfunction]
pub fn call_method<'py>(
    object: &Bound<'py, PyAny>,
    name: &str,
    argument: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    object.call_method1(name, (argument,))
}

/// Keeps a callback, and calls it when told.
#[pyclass]
pub struct Recorder {
    callback: Py<PyAny>,
    #[pyo3(get)]
    calls: usize,
}

#[pymethods]
impl Recorder {
    #[new]
    fn new(callback: Py<PyAny>) -> Self {
        Recorder { callback, calls: 0 }
    }

    /// The borrow ends before the callback runs, which may come back here.
    fn fire(slf: &Bound<'_, Self>, depth: usize) -> PyResult<Py<PyAny>> {
        let callback = {
            let mut this = slf.borrow_mut();
            this.calls += 1;
            this.callback.clone_ref(slf.py())
        };
        callback.call1(slf.py(), (slf, depth))
    }

    /// The borrow is held while the callback runs: coming back is an error.
    fn fire_locked(&mut self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.calls += 1;
        self.callback.call0(py)
    }
}
