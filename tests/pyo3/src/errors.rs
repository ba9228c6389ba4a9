//! Raising, catching, chaining, custom exceptions, panics.

use pyo3::create_exception;
use pyo3::exceptions::{
    PyException, PyKeyError, PyLookupError, PyOSError, PyRuntimeError, PyStopIteration,
    PyTypeError, PyUnicodeDecodeError, PyValueError, PyZeroDivisionError,
};
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

create_exception!(
    pyo3_fixture,
    FixtureError,
    PyException,
    "Base of the fixture's errors."
);
create_exception!(pyo3_fixture, SpecialError, FixtureError);

#[pyfunction]
pub fn raise_custom(special: bool, message: String) -> PyResult<()> {
    Err(if special {
        SpecialError::new_err((message, 7))
    } else {
        FixtureError::new_err(message)
    })
}

#[pyfunction]
pub fn raise_builtin(py: Python<'_>, which: &str) -> PyResult<()> {
    Err(match which {
        "value" => PyValueError::new_err("a value"),
        "key" => PyKeyError::new_err(("a", "key")),
        "bare" => PyRuntimeError::new_err(()),
        "os" => PyOSError::new_err((2, "No such file or directory", "/nowhere")),
        "errno" => std::io::Error::from_raw_os_error(2).into(),
        "io" => std::io::Error::new(std::io::ErrorKind::PermissionDenied, "no entry").into(),
        "stop" => PyStopIteration::new_err(99),
        "utf8" => {
            let bytes = "ab\u{ff}"
                .encode_utf16()
                .map(|unit| unit as u8)
                .collect::<Vec<_>>();
            match std::str::from_utf8(&bytes) {
                Ok(_) => unreachable!("the bytes are not UTF-8"),
                Err(error) => PyUnicodeDecodeError::new_utf8(py, &bytes, error)?.into(),
            }
        }
        "parse" => "twelve".parse::<i32>().unwrap_err().into(),
        other => PyTypeError::new_err(format!("no error called {other}")),
    })
}

/// Raises an instance of any exception class, built in Rust.
#[pyfunction]
#[pyo3(signature = (class, *args))]
pub fn raise_from_type(class: &Bound<'_, PyType>, args: &Bound<'_, PyTuple>) -> PyResult<()> {
    Err(PyErr::from_type(class.clone(), args.clone().unbind()))
}

/// Calls `function` and tells what came of it.
#[pyfunction]
pub fn catch<'py>(py: Python<'py>, function: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    match function.call0() {
        Ok(value) => ("returned", value).into_pyobject(py).map(Bound::into_any),
        Err(error) if error.is_instance_of::<PyZeroDivisionError>(py) => {
            Ok("zero division".into_pyobject(py)?.into_any())
        }
        Err(error) if error.is_instance_of::<PyLookupError>(py) => {
            let line = error
                .traceback(py)
                .map(|traceback| traceback.getattr("tb_lineno")?.extract::<u32>())
                .transpose()?;
            (
                "lookup",
                error.get_type(py).name()?,
                error.value(py).str()?,
                line.is_some(),
            )
                .into_pyobject(py)
                .map(Bound::into_any)
        }
        Err(error) => Err(error),
    }
}

/// Wraps whatever `function` raises: `raise FixtureError from …`.
#[pyfunction]
pub fn chain(py: Python<'_>, function: &Bound<'_, PyAny>) -> PyResult<()> {
    function.call0().map(drop).map_err(|cause| {
        let error = FixtureError::new_err("wrapped");
        error.set_cause(py, Some(cause));
        error
    })
}

/// The default hook's report on stderr is part of what a user sees, and is left on.
#[pyfunction]
pub fn panic_with(message: String) {
    panic!("{message}");
}
