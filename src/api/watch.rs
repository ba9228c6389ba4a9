//! Watchers of dicts, types, functions, code objects and contexts: none of their numbers is to be had.
//!
//! The VM changes these objects without telling anybody, so a watcher could never be called. The API lets the functions that
//! register one fail when all numbers are taken; here that is always so, and all others answer as if no number were in use.

use std::ffi::c_int;

use rustpython_vm::{PyResult, VirtualMachine};

/// How many CPython has of each kind.
const NUMBERS: c_int = 8;

/// Registering a watcher: `RuntimeError`.
pub fn add(vm: &VirtualMachine, kind: &str) -> PyResult<c_int> {
    Err(vm.new_runtime_error(format!("no more {kind} watcher IDs available")))
}

/// Any use of a watcher by its number: `ValueError`.
pub fn with(vm: &VirtualMachine, kind: &str, id: c_int) -> PyResult<()> {
    Err(vm.new_value_error(if (0..NUMBERS).contains(&id) {
        format!("No {kind} watcher set for ID {id}")
    } else {
        format!("Invalid {kind} watcher ID {id}")
    }))
}
