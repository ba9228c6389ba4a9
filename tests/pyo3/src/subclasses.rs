//! Inheritance: from Rust classes, from built-ins, and by Python classes.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

#[pyclass(subclass, dict, weakref)]
pub struct Animal {
    #[pyo3(get, set)]
    name: String,
}

#[pymethods]
impl Animal {
    #[new]
    #[pyo3(signature = (name="nobody".to_owned(), *_args, **_kwargs))]
    fn new(name: String, _args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Animal { name }
    }

    fn speak(&self) -> String {
        format!("{} makes a sound", self.name)
    }

    /// Calls back into whatever the subclass made of `speak`.
    fn speak_twice(slf: &Bound<'_, Self>) -> PyResult<String> {
        let once: String = slf.call_method0("speak")?.extract()?;
        Ok(format!("{once}, {once}"))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        Ok(format!(
            "<{} {}>",
            slf.get_type().name()?,
            slf.borrow().name
        ))
    }
}

#[pyclass(extends=Animal, subclass)]
pub struct Dog {
    #[pyo3(get)]
    tricks: Vec<String>,
}

#[pymethods]
impl Dog {
    #[new]
    fn new(name: String) -> PyClassInitializer<Self> {
        PyClassInitializer::from(Animal { name }).add_subclass(Dog { tricks: Vec::new() })
    }

    fn learn(&mut self, trick: String) {
        self.tricks.push(trick);
    }

    fn speak(slf: PyRef<'_, Self>) -> String {
        format!("{}; woof", slf.as_super().speak())
    }
}

/// A dictionary that counts its writes.
#[pyclass(extends=PyDict, subclass)]
pub struct CountingDict {
    #[pyo3(get)]
    writes: usize,
}

#[pymethods]
impl CountingDict {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        CountingDict { writes: 0 }
    }

    fn put(
        slf: &Bound<'_, Self>,
        key: Bound<'_, PyAny>,
        value: Bound<'_, PyAny>,
    ) -> PyResult<usize> {
        slf.borrow_mut().writes += 1;
        let dict = slf.cast::<PyDict>()?;
        dict.set_item(key, value)?;
        Ok(dict.len())
    }
}

/// An exception class with fields of its own.
#[pyclass(extends=PyException, subclass)]
pub struct RichError {
    #[pyo3(get)]
    code: i32,
}

#[pymethods]
impl RichError {
    #[new]
    #[pyo3(signature = (message, code=0))]
    fn new(message: &str, code: i32) -> Self {
        RichError {
            code: code + message.len() as i32,
        }
    }

    fn fail(slf: &Bound<'_, Self>) -> PyResult<()> {
        Err(PyErr::from_value(slf.clone().into_any()))
    }
}
