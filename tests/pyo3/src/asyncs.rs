//! `async fn`, awaitables and asynchronous iterators.

use pyo3::exceptions::{PyStopAsyncIteration, PyStopIteration, PyValueError};
use pyo3::prelude::*;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

#[pyfunction]
pub async fn async_add(a: i64, b: i64) -> i64 {
    a + b
}

#[pyfunction]
pub async fn async_fail(message: String) -> PyResult<()> {
    Err(PyValueError::new_err(message))
}

#[derive(Default)]
struct Mailbox {
    value: Option<i64>,
    waker: Option<Waker>,
}

/// Pending until a thread has put a value into the box.
struct Delivery(Arc<Mutex<Mailbox>>);

impl Future for Delivery {
    type Output = i64;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<i64> {
        let mut mailbox = self.0.lock().expect("no holder panics");
        match mailbox.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                mailbox.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Suspends until another thread, which has never seen Python, wakes the event loop.
#[pyfunction]
pub async fn async_from_thread(value: i64) -> i64 {
    let mailbox = Arc::new(Mutex::new(Mailbox::default()));
    let sender = Arc::clone(&mailbox);
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(5));
        let mut mailbox = sender.lock().expect("no holder panics");
        mailbox.value = Some(value);
        let waker = mailbox.waker.take();
        drop(mailbox);
        if let Some(waker) = waker {
            waker.wake();
        }
    });
    Delivery(mailbox).await
}

/// An object with an `async` method that holds a reference to itself while suspended.
#[pyclass]
pub struct AsyncHost {
    total: i64,
}

#[pymethods]
impl AsyncHost {
    async fn add(&mut self, value: i64) -> i64 {
        self.total += value;
        self.total
    }
}

#[pyfunction]
pub fn async_method_host() -> AsyncHost {
    AsyncHost { total: 0 }
}

/// `await` gives `value` after `rounds` bare yields.
#[pyclass]
pub struct ReadyAwaitable {
    value: i64,
    rounds: u32,
}

#[pymethods]
impl ReadyAwaitable {
    #[new]
    fn new(value: i64, rounds: u32) -> Self {
        ReadyAwaitable { value, rounds }
    }

    fn __await__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self.rounds.checked_sub(1) {
            Some(rounds) => {
                self.rounds = rounds;
                Ok(py.None())
            }
            None => Err(PyStopIteration::new_err(self.value)),
        }
    }
}

#[pyclass]
pub struct AsyncCounter {
    next: i64,
    stop: i64,
}

#[pymethods]
impl AsyncCounter {
    #[new]
    fn new(stop: i64) -> Self {
        AsyncCounter { next: 0, stop }
    }

    fn __aiter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __anext__(&mut self) -> PyResult<ReadyAwaitable> {
        if self.next == self.stop {
            return Err(PyStopAsyncIteration::new_err(()));
        }
        let value = self.next;
        self.next += 1;
        Ok(ReadyAwaitable::new(value, 1))
    }
}
