//! `pylifecycle.h` and `cpython/pylifecycle.h`.

use core::ffi::{c_int, c_void};

pub type PyOS_sighandler_t = unsafe extern "C" fn(c_int);
pub type atexit_datacallbackfunc = unsafe extern "C" fn(*mut c_void);

/// What `Py_NewInterpreterFromConfig` makes a sub-interpreter from.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PyInterpreterConfig {
    pub use_main_obmalloc: c_int,
    pub allow_fork: c_int,
    pub allow_exec: c_int,
    pub allow_threads: c_int,
    pub allow_daemon_threads: c_int,
    pub check_multi_interp_extensions: c_int,
    pub gil: c_int,
}
assert_layout!(PyInterpreterConfig, 28, {
    use_main_obmalloc: 0, allow_fork: 4, allow_exec: 8, allow_threads: 12, allow_daemon_threads: 16,
    check_multi_interp_extensions: 20, gil: 24,
});

// `PyInterpreterConfig.gil`.
pub const PyInterpreterConfig_DEFAULT_GIL: c_int = 0;
pub const PyInterpreterConfig_SHARED_GIL: c_int = 1;
pub const PyInterpreterConfig_OWN_GIL: c_int = 2;
