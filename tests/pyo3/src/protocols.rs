//! Number, sequence, mapping, call, context manager and descriptor protocols.

use pyo3::exceptions::{PyIndexError, PyKeyError, PyZeroDivisionError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySlice, PyTuple, PyType};

/// Every number slot; the result tells which one ran.
#[pyclass(from_py_object)]
#[derive(Clone)]
pub struct Number {
    value: i64,
}

#[pymethods]
impl Number {
    #[new]
    fn new(value: i64) -> Self {
        Number { value }
    }

    fn __repr__(&self) -> String {
        format!("Number({})", self.value)
    }

    fn __add__(&self, other: &Number) -> Number {
        Number::new(self.value + other.value)
    }

    fn __radd__(&self, other: i64) -> Number {
        Number::new(other + self.value)
    }

    fn __sub__(&self, other: &Number) -> Number {
        Number::new(self.value - other.value)
    }

    fn __rsub__(&self, other: i64) -> Number {
        Number::new(other - self.value)
    }

    fn __mul__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = other.py();
        if let Ok(factor) = other.extract::<i64>() {
            return Ok(Py::new(py, Number::new(self.value * factor))?.into_any());
        }
        Ok(py.NotImplemented())
    }

    fn __matmul__(&self, other: &Number) -> (i64, i64) {
        (self.value, other.value)
    }

    fn __truediv__(&self, other: &Number) -> PyResult<f64> {
        if other.value == 0 {
            return Err(PyZeroDivisionError::new_err("a Number by zero"));
        }
        Ok(self.value as f64 / other.value as f64)
    }

    fn __floordiv__(&self, other: &Number) -> Number {
        Number::new(self.value.div_euclid(other.value))
    }

    fn __mod__(&self, other: &Number) -> Number {
        Number::new(self.value.rem_euclid(other.value))
    }

    fn __divmod__(&self, other: &Number) -> (i64, i64) {
        (
            self.value.div_euclid(other.value),
            self.value.rem_euclid(other.value),
        )
    }

    fn __pow__(&self, exponent: u32, modulus: Option<i64>) -> Number {
        let power = self.value.pow(exponent);
        Number::new(modulus.map_or(power, |modulus| power % modulus))
    }

    fn __lshift__(&self, by: u32) -> Number {
        Number::new(self.value << by)
    }

    fn __rshift__(&self, by: u32) -> Number {
        Number::new(self.value >> by)
    }

    fn __and__(&self, other: &Number) -> Number {
        Number::new(self.value & other.value)
    }

    fn __or__(&self, other: &Number) -> Number {
        Number::new(self.value | other.value)
    }

    fn __xor__(&self, other: &Number) -> Number {
        Number::new(self.value ^ other.value)
    }

    fn __iadd__(&mut self, other: i64) {
        self.value += other;
    }

    fn __neg__(&self) -> Number {
        Number::new(-self.value)
    }

    fn __pos__(&self) -> Number {
        self.clone()
    }

    fn __abs__(&self) -> Number {
        Number::new(self.value.abs())
    }

    fn __invert__(&self) -> Number {
        Number::new(!self.value)
    }

    fn __int__(&self) -> i64 {
        self.value
    }

    fn __float__(&self) -> f64 {
        self.value as f64
    }

    fn __index__(&self) -> i64 {
        self.value
    }

    fn __complex__<'py>(&self, py: Python<'py>) -> Bound<'py, pyo3::types::PyComplex> {
        pyo3::types::PyComplex::from_doubles(py, self.value as f64, -1.0)
    }

    #[pyo3(signature = (digits=None))]
    fn __round__(&self, digits: Option<i32>) -> String {
        format!("{} to {digits:?}", self.value)
    }
}

/// A list-like class.
#[pyclass(sequence)]
pub struct Stack {
    items: Vec<Py<PyAny>>,
}

#[pymethods]
impl Stack {
    #[new]
    #[pyo3(signature = (*items))]
    fn new(items: Vec<Py<PyAny>>) -> Self {
        Stack { items }
    }

    fn __len__(&self) -> usize {
        self.items.len()
    }

    fn __getitem__(&self, py: Python<'_>, index: isize) -> PyResult<Py<PyAny>> {
        usize::try_from(index)
            .ok()
            .and_then(|index| self.items.get(index))
            .map(|item| item.clone_ref(py))
            .ok_or_else(|| PyIndexError::new_err("stack index out of range"))
    }

    fn __setitem__(&mut self, index: usize, value: Py<PyAny>) -> PyResult<()> {
        *self
            .items
            .get_mut(index)
            .ok_or_else(|| PyIndexError::new_err("stack assignment out of range"))? = value;
        Ok(())
    }

    fn __delitem__(&mut self, index: usize) -> PyResult<()> {
        if index >= self.items.len() {
            return Err(PyIndexError::new_err("stack deletion out of range"));
        }
        self.items.remove(index);
        Ok(())
    }

    fn __contains__(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        for item in &self.items {
            if item.bind(py).eq(value)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn __concat__(&self, py: Python<'_>, other: PyRef<'_, Stack>) -> Stack {
        let items = self.items.iter().chain(&other.items);
        Stack {
            items: items.map(|item| item.clone_ref(py)).collect(),
        }
    }

    fn __repeat__(&self, py: Python<'_>, count: usize) -> Stack {
        let items = std::iter::repeat_n(&self.items, count).flatten();
        Stack {
            items: items.map(|item| item.clone_ref(py)).collect(),
        }
    }
}

/// A mapping with tuple keys and slices.
#[pyclass(mapping)]
pub struct Grid {
    cells: Py<PyDict>,
}

#[pymethods]
impl Grid {
    #[new]
    fn new(py: Python<'_>) -> Self {
        Grid {
            cells: PyDict::new(py).unbind(),
        }
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        self.cells.bind(py).len()
    }

    fn __getitem__(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        if let Ok(slice) = key.cast::<PySlice>() {
            let indices = slice.indices(10)?;
            let facts = (
                indices.start,
                indices.stop,
                indices.step,
                indices.slicelength,
            );
            return Ok(facts.into_pyobject(py)?.into_any().unbind());
        }
        match self.cells.bind(py).get_item(key)? {
            Some(value) => Ok(value.unbind()),
            None => Err(PyKeyError::new_err(key.clone().unbind())),
        }
    }

    fn __setitem__(&self, py: Python<'_>, key: (i64, i64), value: Py<PyAny>) -> PyResult<()> {
        self.cells.bind(py).set_item(key, value)
    }

    fn __delitem__(&self, py: Python<'_>, key: (i64, i64)) -> PyResult<()> {
        self.cells.bind(py).del_item(key)
    }

    fn keys<'py>(&self, py: Python<'py>) -> Bound<'py, pyo3::types::PyList> {
        self.cells.bind(py).keys()
    }
}

/// Calling adds.
#[pyclass]
pub struct Adder(i64);

#[pymethods]
impl Adder {
    #[new]
    fn new(amount: i64) -> Self {
        Adder(amount)
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__(
        &self,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<i64> {
        let mut total = self.0;
        for value in args.iter() {
            total += value.extract::<i64>()?;
        }
        if let Some(kwargs) = kwargs {
            for (_, value) in kwargs.iter() {
                total += value.extract::<i64>()?;
            }
        }
        Ok(total)
    }
}

/// A context manager that can swallow exceptions.
#[pyclass]
pub struct Guard {
    swallow: bool,
    #[pyo3(get)]
    seen: Vec<String>,
}

#[pymethods]
impl Guard {
    #[new]
    fn new(swallow: bool) -> Self {
        Guard {
            swallow,
            seen: Vec::new(),
        }
    }

    fn __enter__(mut slf: PyRefMut<'_, Self>) -> PyRefMut<'_, Self> {
        slf.seen.push("enter".to_owned());
        slf
    }

    fn __exit__(
        &mut self,
        class: Option<&Bound<'_, PyType>>,
        value: Option<&Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let name = class.map(|class| class.name()).transpose()?;
        self.seen.push(match (name, value) {
            (Some(name), Some(value)) => format!("exit {name}: {value} {}", traceback.is_some()),
            _ => "exit".to_owned(),
        });
        Ok(self.swallow)
    }
}

/// A data descriptor.
#[pyclass]
pub struct WithDescriptor {
    log: Vec<String>,
}

#[pymethods]
impl WithDescriptor {
    #[new]
    fn new() -> Self {
        WithDescriptor { log: Vec::new() }
    }

    fn __get__(
        mut slf: PyRefMut<'_, Self>,
        instance: Option<&Bound<'_, PyAny>>,
        owner: Option<&Bound<'_, PyType>>,
    ) -> PyResult<Vec<String>> {
        let owner = owner.map(|owner| owner.name()).transpose()?;
        slf.log.push(format!(
            "get {} {}",
            instance.is_some(),
            owner.map_or_else(String::new, |name| name.to_string())
        ));
        Ok(slf.log.clone())
    }

    fn __set__(&mut self, _instance: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) {
        self.log.push(format!("set {value}"));
    }

    fn __delete__(&mut self, _instance: &Bound<'_, PyAny>) {
        self.log.push("delete".to_owned());
    }
}
