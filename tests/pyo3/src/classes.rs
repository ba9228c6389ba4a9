//! Fields, accessors, methods, constructors, comparison, hashing, enums.

use pyo3::exceptions::{PyAttributeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use pyo3::types::{PyDict, PyTuple, PyType};

/// A point in the plane.
#[pyclass(module = "pyo3_fixture", from_py_object)]
#[derive(Clone)]
pub struct Point {
    #[pyo3(get, set)]
    x: f64,
    #[pyo3(get)]
    y: f64,
    label: Option<String>,
}

#[pymethods]
impl Point {
    #[classattr]
    const DIMENSIONS: usize = 2;

    #[new]
    #[pyo3(signature = (x, y=0.0, *, label=None))]
    fn new(x: f64, y: f64, label: Option<String>) -> PyResult<Self> {
        if x.is_nan() {
            return Err(PyValueError::new_err("x is not a number"));
        }
        Ok(Point { x, y, label })
    }

    #[getter]
    fn label(&self) -> PyResult<&str> {
        self.label
            .as_deref()
            .ok_or_else(|| PyAttributeError::new_err("the point has no label"))
    }

    #[setter]
    fn set_label(&mut self, label: Option<String>) {
        self.label = label;
    }

    #[deleter]
    fn delete_label(&mut self) {
        self.label = None;
    }

    /// Moves the point, and hands it back for chaining.
    fn shift(mut slf: PyRefMut<'_, Self>, dx: f64, dy: f64) -> PyRefMut<'_, Self> {
        slf.x += dx;
        slf.y += dy;
        slf
    }

    fn dot(&self, other: &Point) -> f64 {
        self.x * other.x + self.y * other.y
    }

    #[classmethod]
    fn origin(cls: &Bound<'_, PyType>) -> PyResult<Py<PyAny>> {
        Ok(cls.call1((0.0, 0.0))?.unbind())
    }

    #[staticmethod]
    fn distance(a: PyRef<'_, Point>, b: PyRef<'_, Point>) -> f64 {
        (a.x - b.x).hypot(a.y - b.y)
    }

    fn __repr__(&self) -> String {
        match &self.label {
            Some(label) => format!("Point({:?}, {:?}, label={label:?})", self.x, self.y),
            None => format!("Point({:?}, {:?})", self.x, self.y),
        }
    }

    fn __str__(&self) -> String {
        format!("({}, {})", self.x, self.y)
    }

    fn __richcmp__(&self, other: &Bound<'_, PyAny>, op: CompareOp) -> PyResult<Py<PyAny>> {
        let py = other.py();
        let Ok(other) = other.extract::<PyRef<'_, Point>>() else {
            return Ok(py.NotImplemented());
        };
        let order = (self.x, self.y)
            .partial_cmp(&(other.x, other.y))
            .ok_or_else(|| PyValueError::new_err("unordered"))?;
        Ok(op
            .matches(order)
            .into_pyobject(py)?
            .to_owned()
            .into_any()
            .unbind())
    }

    fn __hash__(&self) -> u64 {
        self.x.to_bits() ^ self.y.to_bits().rotate_left(1)
    }

    fn __bool__(&self) -> bool {
        self.x != 0.0 || self.y != 0.0
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyType>, (f64, f64))> {
        let point = slf.borrow();
        Ok((slf.get_type(), (point.x, point.y)))
    }
}

/// Immutable, compared, ordered and hashed by derive.
#[pyclass(frozen, eq, ord, hash, str = "Frozen<{name}>", get_all)]
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frozen {
    name: String,
    rank: u8,
}

#[pymethods]
impl Frozen {
    #[new]
    fn new(name: String, rank: u8) -> Self {
        Frozen { name, rank }
    }
}

/// A fieldless enum.
#[pyclass(eq, eq_int, hash, frozen, from_py_object)]
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Colour {
    Red = 1,
    Green = 2,
    Blue = 4,
}

#[pymethods]
impl Colour {
    fn mixed(&self, other: Colour) -> i32 {
        self.clone() as i32 | other as i32
    }
}

/// An enum whose variants carry data: each variant is a class of its own.
#[pyclass]
pub enum Shape {
    Circle { radius: f64 },
    Rectangle { width: f64, height: f64 },
    Nothing(),
}

#[pymethods]
impl Shape {
    fn area(&self) -> f64 {
        match self {
            Shape::Circle { radius } => 3.0 * radius * radius,
            Shape::Rectangle { width, height } => width * height,
            Shape::Nothing() => 0.0,
        }
    }
}

/// Attribute hooks over a Rust-owned dictionary.
#[pyclass]
pub struct Registry {
    values: Py<PyDict>,
}

#[pymethods]
impl Registry {
    #[new]
    #[pyo3(signature = (*args, **kwargs))]
    fn new(args: &Bound<'_, PyTuple>, kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let values = PyDict::new(args.py());
        for (index, value) in args.iter().enumerate() {
            values.set_item(format!("arg{index}"), value)?;
        }
        if let Some(kwargs) = kwargs {
            values.update(kwargs.as_mapping())?;
        }
        Ok(Registry {
            values: values.unbind(),
        })
    }

    fn __getattr__(&self, py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
        match self.values.bind(py).get_item(name)? {
            Some(value) => Ok(value.unbind()),
            None => Err(PyAttributeError::new_err(format!("no {name} here"))),
        }
    }

    fn __setattr__(&self, py: Python<'_>, name: &str, value: Py<PyAny>) -> PyResult<()> {
        self.values.bind(py).set_item(name, value)
    }

    fn __delattr__(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        self.values.bind(py).del_item(name)
    }

    fn __dir__(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        self.values
            .bind(py)
            .keys()
            .iter()
            .map(Bound::unbind)
            .collect()
    }
}
