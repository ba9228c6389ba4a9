//! Dates and times, built and read in Rust.
//!
//! The version-specific build reads the fields of the C structs; the stable ABI has no such
//! access in older releases of PyO3, so there the attributes are asked for.

use pyo3::prelude::*;
use pyo3::types::{PyDate, PyDateTime, PyDelta, PyTime, PyTzInfo};

#[cfg(not(feature = "abi3"))]
use pyo3::types::{PyDateAccess, PyDeltaAccess, PyTimeAccess, PyTzInfoAccess};

#[pyfunction]
pub fn make_date(py: Python<'_>, year: i32, month: u8, day: u8) -> PyResult<Bound<'_, PyDate>> {
    PyDate::new(py, year, month, day)
}

#[pyfunction]
#[pyo3(signature = (hour, minute, second, microsecond=0, tzinfo=None, fold=false))]
pub fn make_time<'py>(
    py: Python<'py>,
    hour: u8,
    minute: u8,
    second: u8,
    microsecond: u32,
    tzinfo: Option<&Bound<'py, PyTzInfo>>,
    fold: bool,
) -> PyResult<Bound<'py, PyTime>> {
    PyTime::new_with_fold(py, hour, minute, second, microsecond, tzinfo, fold)
}

#[pyfunction]
#[pyo3(signature = (date, time, tzinfo=None))]
pub fn make_datetime<'py>(
    py: Python<'py>,
    date: (i32, u8, u8),
    time: (u8, u8, u8, u32),
    tzinfo: Option<&Bound<'py, PyTzInfo>>,
) -> PyResult<Bound<'py, PyDateTime>> {
    PyDateTime::new(
        py, date.0, date.1, date.2, time.0, time.1, time.2, time.3, tzinfo,
    )
}

#[pyfunction]
pub fn make_delta(
    py: Python<'_>,
    days: i32,
    seconds: i32,
    microseconds: i32,
) -> PyResult<Bound<'_, PyDelta>> {
    PyDelta::new(py, days, seconds, microseconds, true)
}

#[pyfunction]
pub fn make_utc(py: Python<'_>) -> PyResult<Bound<'_, PyDateTime>> {
    let utc = PyTzInfo::utc(py)?.to_owned();
    PyDateTime::from_timestamp(py, 86400.5, Some(&utc))
}

#[cfg(not(feature = "abi3"))]
#[pyfunction]
pub fn date_parts(date: &Bound<'_, PyDate>) -> PyResult<(i32, u8, u8)> {
    Ok((date.get_year(), date.get_month(), date.get_day()))
}

#[cfg(feature = "abi3")]
#[pyfunction]
pub fn date_parts(date: &Bound<'_, PyDate>) -> PyResult<(i32, u8, u8)> {
    Ok((
        date.getattr("year")?.extract()?,
        date.getattr("month")?.extract()?,
        date.getattr("day")?.extract()?,
    ))
}

type Parts<'py> = (u8, u8, u8, u32, bool, Option<Bound<'py, PyAny>>);

#[cfg(not(feature = "abi3"))]
#[pyfunction]
pub fn datetime_parts<'py>(value: &Bound<'py, PyDateTime>) -> PyResult<Parts<'py>> {
    Ok((
        value.get_hour(),
        value.get_minute(),
        value.get_second(),
        value.get_microsecond(),
        value.get_fold(),
        value.get_tzinfo().map(Bound::into_any),
    ))
}

#[cfg(feature = "abi3")]
#[pyfunction]
pub fn datetime_parts<'py>(value: &Bound<'py, PyDateTime>) -> PyResult<Parts<'py>> {
    Ok((
        value.getattr("hour")?.extract()?,
        value.getattr("minute")?.extract()?,
        value.getattr("second")?.extract()?,
        value.getattr("microsecond")?.extract()?,
        value.getattr("fold")?.extract::<u8>()? != 0,
        value.getattr("tzinfo")?.extract()?,
    ))
}

#[cfg(not(feature = "abi3"))]
fn delta_parts(delta: &Bound<'_, PyDelta>) -> PyResult<(i32, i32, i32)> {
    Ok((
        delta.get_days(),
        delta.get_seconds(),
        delta.get_microseconds(),
    ))
}

#[cfg(feature = "abi3")]
fn delta_parts(delta: &Bound<'_, PyDelta>) -> PyResult<(i32, i32, i32)> {
    Ok((
        delta.getattr("days")?.extract()?,
        delta.getattr("seconds")?.extract()?,
        delta.getattr("microseconds")?.extract()?,
    ))
}

/// Adds `delta` and tells its parts.
#[pyfunction]
pub fn shift<'py>(
    value: &Bound<'py, PyDateTime>,
    delta: &Bound<'py, PyDelta>,
) -> PyResult<(Bound<'py, PyAny>, (i32, i32, i32))> {
    Ok((value.add(delta)?, delta_parts(delta)?))
}
