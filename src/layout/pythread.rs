//! `pythread.h` and `cpython/pythread.h`.

use core::ffi::{c_int, c_longlong, c_uint, c_ulong, c_void};

/// A lock of `PyThread_allocate_lock`.
pub type PyThread_type_lock = *mut c_void;
pub type PyLockStatus = c_uint;
pub const PY_LOCK_FAILURE: PyLockStatus = 0;
pub const PY_LOCK_ACQUIRED: PyLockStatus = 1;
pub const PY_LOCK_INTR: PyLockStatus = 2;
/// A timeout in microseconds.
pub type PY_TIMEOUT_T = c_longlong;

pub const WAIT_LOCK: c_int = 1;
pub const NOWAIT_LOCK: c_int = 0;
pub const PYTHREAD_INVALID_THREAD_ID: c_ulong = c_ulong::MAX;

/// A key of thread-specific storage; all zero is `Py_tss_NEEDS_INIT`.
#[repr(C)]
pub struct Py_tss_t {
    pub _is_initialized: c_int,
    pub _key: libc::pthread_key_t,
}
assert_layout!(Py_tss_t, 8, { _is_initialized: 0, _key: 4 });
