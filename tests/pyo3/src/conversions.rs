//! Values of every built-in kind, from Python to Rust and back.

use num_bigint::BigInt;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyString,
    PyTuple,
};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

#[pyfunction]
pub fn concat(a: &str, b: Cow<'_, str>, c: char, d: String) -> String {
    format!("{a}{b}{c}{d}")
}

/// Takes an integer through the Rust type called `kind`.
#[pyfunction]
pub fn int_echo<'py>(value: &Bound<'py, PyAny>, kind: &str) -> PyResult<Bound<'py, PyAny>> {
    let py = value.py();
    macro_rules! through {
        ($($name:literal => $ty:ty),* $(,)?) => {
            match kind {
                $($name => Ok(value.extract::<$ty>()?.into_pyobject(py)?.into_any()),)*
                other => Err(pyo3::exceptions::PyValueError::new_err(format!("no type {other}"))),
            }
        };
    }
    through! {
        "u8" => u8, "i8" => i8, "u16" => u16, "i16" => i16, "u32" => u32, "i32" => i32,
        "u64" => u64, "i64" => i64, "u128" => u128, "i128" => i128, "usize" => usize,
        "isize" => isize, "big" => BigInt,
    }
}

#[pyfunction]
pub fn bigint_square(value: BigInt) -> BigInt {
    &value * &value
}

#[pyfunction]
pub fn float_halve(value: f64) -> f64 {
    value / 2.0
}

#[pyfunction]
pub fn bytes_reverse<'py>(py: Python<'py>, value: &[u8]) -> Bound<'py, PyBytes> {
    let reversed: Vec<u8> = value.iter().rev().copied().collect();
    PyBytes::new(py, &reversed)
}

#[pyfunction]
pub fn list_double<'py>(list: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    for index in 0..list.len() {
        let item = list.get_item(index)?;
        list.set_item(index, item.add(&item)?)?;
    }
    list.append("end")?;
    list.insert(0, "start")?;
    Ok(list.get_slice(1, list.len()))
}

#[pyfunction]
pub fn tuple_swap<'py>(pair: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(pair.py(), [pair.get_item(1)?, pair.get_item(0)?])
}

#[pyfunction]
pub fn dict_invert<'py>(dict: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
    let inverted = PyDict::new(dict.py());
    for (key, value) in dict.iter() {
        inverted.set_item(value, key)?;
    }
    Ok(inverted)
}

#[pyfunction]
pub fn map_sum(map: HashMap<String, Vec<i64>>) -> BTreeMap<String, i64> {
    map.into_iter()
        .map(|(key, values)| (key, values.iter().sum()))
        .collect()
}

#[pyfunction]
pub fn set_union<'py>(
    a: &Bound<'py, PySet>,
    b: HashSet<i64>,
) -> PyResult<(Bound<'py, PySet>, Bound<'py, PyFrozenSet>)> {
    let py = a.py();
    let all = PySet::empty(py)?;
    for item in a.iter() {
        all.add(item)?;
    }
    for item in &b {
        all.add(item)?;
    }
    let mut sorted: Vec<i64> = b.into_iter().collect();
    sorted.sort_unstable();
    Ok((all, PyFrozenSet::new(py, sorted)?))
}

#[pyfunction]
#[pyo3(signature = (value=None, default="none"))]
pub fn option_or(value: Option<&str>, default: &str) -> Option<String> {
    match value {
        Some("") => None,
        Some(value) => Some(value.to_owned()),
        None => Some(default.to_owned()),
    }
}

/// One of several types, told apart by trying.
#[derive(FromPyObject)]
pub enum Any<'py> {
    #[pyo3(transparent)]
    Bool(Bound<'py, PyBool>),
    #[pyo3(transparent)]
    Int(Bound<'py, PyInt>),
    #[pyo3(transparent)]
    Float(Bound<'py, PyFloat>),
    #[pyo3(transparent)]
    Text(Bound<'py, PyString>),
    #[pyo3(transparent)]
    Bytes(Bound<'py, PyBytes>),
    #[pyo3(transparent)]
    ByteArray(Bound<'py, PyByteArray>),
    #[pyo3(transparent)]
    Pair((i64, i64)),
    #[pyo3(transparent)]
    List(Bound<'py, PyList>),
}

#[pyfunction]
pub fn describe(value: Any<'_>) -> PyResult<String> {
    Ok(match value {
        Any::Bool(value) => format!("bool {}", value.is_true()),
        Any::Int(value) => format!("int {value}"),
        Any::Float(value) => format!("float {}", value.value()),
        Any::Text(value) => format!("str of {} {:?}", value.len()?, value.to_cow()?),
        Any::Bytes(value) => format!("bytes {:?}", value.as_bytes()),
        Any::ByteArray(value) => format!("bytearray {:?}", value.to_vec()),
        Any::Pair((a, b)) => format!("pair {a} {b}"),
        Any::List(value) => format!("list of {}", value.len()),
    })
}

/// Derived conversions: attributes in, a dictionary out.
#[derive(FromPyObject, IntoPyObject)]
pub struct Tagged {
    #[pyo3(item)]
    name: String,
    #[pyo3(item)]
    tags: Vec<String>,
    #[pyo3(item("weight"))]
    mass: Option<f64>,
}

#[pyfunction]
pub fn tagged(mut value: Tagged) -> Tagged {
    value.tags.sort();
    value.name.push('!');
    value.mass = value.mass.map(|mass| mass * 2.0);
    value
}
