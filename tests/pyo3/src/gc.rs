//! Classes that take part in garbage collection.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use std::sync::atomic::{AtomicIsize, Ordering};

static LIVE: AtomicIsize = AtomicIsize::new(0);

/// How many `Node`s exist.
#[pyfunction]
pub fn live_nodes() -> isize {
    LIVE.load(Ordering::SeqCst)
}

#[pyclass(weakref)]
pub struct Node {
    next: Option<Py<PyAny>>,
    held: Vec<Py<PyAny>>,
}

#[pymethods]
impl Node {
    #[new]
    fn new() -> Self {
        LIVE.fetch_add(1, Ordering::SeqCst);
        Node {
            next: None,
            held: Vec::new(),
        }
    }

    #[getter]
    fn next(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.next.as_ref().map(|next| next.clone_ref(py))
    }

    #[setter]
    fn set_next(&mut self, next: Option<Py<PyAny>>) {
        self.next = next;
    }

    fn hold(&mut self, object: Py<PyAny>) {
        self.held.push(object);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.next)?;
        for object in &self.held {
            visit.call(object)?;
        }
        Ok(())
    }

    fn __clear__(&mut self) {
        self.next = None;
        self.held.clear();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Holds an object and runs a callback when it goes.
#[pyclass]
pub struct Handle {
    on_drop: Option<Py<PyAny>>,
    object: Py<PyAny>,
}

#[pymethods]
impl Handle {
    #[new]
    fn new(object: Py<PyAny>, on_drop: Option<Py<PyAny>>) -> Self {
        Handle { on_drop, object }
    }

    #[getter]
    fn object(&self, py: Python<'_>) -> Py<PyAny> {
        self.object.clone_ref(py)
    }

    #[getter]
    fn refcount(&self, py: Python<'_>) -> isize {
        #[allow(deprecated)]
        self.object.get_refcnt(py)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        Python::attach(|py| {
            if let Some(on_drop) = self.on_drop.take() {
                if let Err(error) = on_drop.call1(py, (&self.object,)) {
                    error.write_unraisable(py, None);
                }
            }
        });
    }
}
