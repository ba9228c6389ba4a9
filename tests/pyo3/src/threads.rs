//! Work without the lock, callbacks from foreign threads, one-time initialisation.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;
use std::thread;

#[pyfunction]
pub fn detached_sum(py: Python<'_>, limit: u64) -> u64 {
    py.detach(|| (0..limit).sum())
}

#[pyfunction]
pub fn parallel_sums(py: Python<'_>, limits: Vec<u64>) -> Vec<u64> {
    py.detach(|| {
        thread::scope(|scope| {
            let workers: Vec<_> = limits
                .into_iter()
                .map(|limit| scope.spawn(move || (0..limit).sum()))
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().expect("a sum does not panic"))
                .collect()
        })
    })
}

/// Every thread attaches by itself and calls `function(index)`; results come in order.
#[pyfunction]
pub fn call_from_threads(
    py: Python<'_>,
    function: Py<PyAny>,
    threads: usize,
    rounds: usize,
) -> PyResult<Vec<i64>> {
    let function = &function;
    py.detach(|| {
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|index| {
                    scope.spawn(move || {
                        let mut total = 0;
                        for _ in 0..rounds {
                            total += Python::attach(|py| {
                                function.call1(py, (index,))?.extract::<i64>(py)
                            })?;
                        }
                        Ok(total)
                    })
                })
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().expect("errors are returned"))
                .collect()
        })
    })
}

static SHARED: PyOnceLock<Py<PyList>> = PyOnceLock::new();

/// A list made on first use and shared by all instances.
#[pyclass(frozen)]
pub struct OnceValue;

#[pymethods]
impl OnceValue {
    #[new]
    fn new() -> Self {
        OnceValue
    }

    #[getter]
    fn shared(&self, py: Python<'_>) -> Py<PyList> {
        SHARED
            .get_or_init(py, || PyList::empty(py).unbind())
            .clone_ref(py)
    }
}
