//! Watchers: C functions with a number, that are told of changes.
//!
//! The VM tells of changes of types and of contexts when it is asked to. Of dicts, functions and code objects it tells nobody, so
//! a watcher of these could never be called: of their numbers none is to be had. The API lets the functions that register a
//! watcher fail when all numbers are taken; here that is always so, and all others answer as if no number were in use.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustpython_vm::{PyResult, VirtualMachine};

/// How many CPython has of each kind.
const NUMBERS: usize = 8;

/// The watchers of one kind.
pub struct Watchers<F> {
    kind: &'static str,
    /// The numbers below it are CPython's own.
    first: usize,
    any: AtomicBool,
    callbacks: Mutex<[Option<F>; NUMBERS]>,
}

impl<F: Copy> Watchers<F> {
    pub const fn new(kind: &'static str, first: usize) -> Self {
        Self {
            kind,
            first,
            any: AtomicBool::new(false),
            callbacks: Mutex::new([None; NUMBERS]),
        }
    }

    fn hold(&self) -> MutexGuard<'_, [Option<F>; NUMBERS]> {
        self.callbacks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is one, for those who have nothing to tell otherwise.
    #[inline]
    pub fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Registers a watcher: its number, or `RuntimeError`.
    pub fn add(&self, vm: &VirtualMachine, callback: F) -> PyResult<c_int> {
        let mut callbacks = self.hold();
        let free = (self.first..NUMBERS).find(|&id| callbacks[id].is_none());
        let id = free.ok_or_else(|| none_left(vm, self.kind))?;
        callbacks[id] = Some(callback);
        self.any.store(true, Ordering::Relaxed);
        Ok(id as c_int)
    }

    /// `ValueError` for a number that is not in use.
    pub fn check(&self, vm: &VirtualMachine, id: c_int) -> PyResult<usize> {
        let index = usize::try_from(id).ok().filter(|&id| id < NUMBERS);
        index
            .filter(|&id| self.hold()[id].is_some())
            .ok_or_else(|| unused(vm, self.kind, id))
    }

    /// Forgets a watcher.
    pub fn clear(&self, vm: &VirtualMachine, id: c_int) -> PyResult<()> {
        let id = self.check(vm, id)?;
        let mut callbacks = self.hold();
        callbacks[id] = None;
        let any = callbacks.iter().any(Option::is_some);
        self.any.store(any, Ordering::Relaxed);
        Ok(())
    }

    /// The watchers, each with its number.
    pub fn all(&self) -> Vec<(usize, F)> {
        let callbacks = self.hold();
        let known = |(id, callback): (usize, &Option<F>)| callback.map(|callback| (id, callback));
        callbacks.iter().enumerate().filter_map(known).collect()
    }
}

fn none_left(vm: &VirtualMachine, kind: &str) -> rustpython_vm::builtins::PyBaseExceptionRef {
    vm.new_runtime_error(format!("no more {kind} watcher IDs available"))
}

fn unused(
    vm: &VirtualMachine,
    kind: &str,
    id: c_int,
) -> rustpython_vm::builtins::PyBaseExceptionRef {
    // As CPython has it.
    let (no, invalid) = match kind {
        "func" => ("no", "invalid"),
        _ => ("No", "Invalid"),
    };
    vm.new_value_error(if (0..NUMBERS as c_int).contains(&id) {
        format!("{no} {kind} watcher set for ID {id}")
    } else {
        format!("{invalid} {kind} watcher ID {id}")
    })
}

/// Registering a watcher of what the VM does not tell of: `RuntimeError`.
pub fn add(vm: &VirtualMachine, kind: &str) -> PyResult<c_int> {
    Err(none_left(vm, kind))
}

/// Any use of such a watcher by its number: `ValueError`.
pub fn with(vm: &VirtualMachine, kind: &str, id: c_int) -> PyResult<()> {
    Err(unused(vm, kind, id))
}
