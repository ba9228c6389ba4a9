//! `cpython/tracemalloc.h`: telling `tracemalloc` of memory from elsewhere.
//!
//! The VM's `tracemalloc` traces nothing, so the answer is always that of
//! CPython while it is off.

use std::ffi::{c_int, c_uint};

/// What both functions return when `tracemalloc` is disabled.
const DISABLED: c_int = -2;

/// Tracks a block of memory: -2, as tracing is off. Needs no lock.
///
/// # Safety
/// None.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyTraceMalloc_Track(
    _domain: c_uint,
    _address: usize,
    _size: usize,
) -> c_int {
    DISABLED
}

/// Forgets a block of memory: -2, as tracing is off. Needs no lock.
///
/// # Safety
/// None.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyTraceMalloc_Untrack(_domain: c_uint, _address: usize) -> c_int {
    DISABLED
}
