//! Iterators written in Rust, and Python iterables walked from Rust.

use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList};

#[pyclass]
pub struct Countdown {
    left: u32,
}

#[pymethods]
impl Countdown {
    #[new]
    fn new(from: u32) -> Self {
        Countdown { left: from }
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(mut slf: PyRefMut<'_, Self>) -> Option<u32> {
        slf.left = slf.left.checked_sub(1)?;
        Some(slf.left)
    }

    fn __length_hint__(&self) -> u32 {
        self.left
    }
}

/// An iterable that is not its own iterator.
#[pyclass]
pub struct Words {
    text: String,
}

#[pymethods]
impl Words {
    #[new]
    fn new(text: String) -> Self {
        Words { text }
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let words: Vec<&str> = self.text.split_whitespace().collect();
        PyList::new(py, words)?.try_iter()
    }

    fn __reversed__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let words: Vec<&str> = self.text.split_whitespace().rev().collect();
        PyList::new(py, words)?.try_iter()
    }

    fn __contains__(&self, word: &str) -> bool {
        self.text.split_whitespace().any(|own| own == word)
    }
}

#[pyfunction]
pub fn sum_iterable(iterable: &Bound<'_, PyAny>) -> PyResult<i64> {
    iterable
        .try_iter()?
        .map(|item| item?.extract::<i64>())
        .sum()
}

#[pyfunction]
pub fn collect<'py>(iterable: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    iterable.try_iter()?.collect()
}

/// How many items came before the iterator raised, and what it raised.
#[pyfunction]
pub fn first_error(iterable: &Bound<'_, PyAny>) -> PyResult<(usize, Option<String>)> {
    for (index, item) in iterable.try_iter()?.enumerate() {
        if let Err(error) = item {
            return Ok((index, Some(error.to_string())));
        }
    }
    Ok((usize::MAX, None))
}
