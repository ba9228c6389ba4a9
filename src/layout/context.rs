//! `cpython/context.h`.

use super::PyObject;
use core::ffi::{c_int, c_uint};

opaque!(PyContext);
opaque!(PyContextVar);
opaque!(PyContextToken);

pub type PyContextEvent = c_uint;
pub const Py_CONTEXT_SWITCHED: PyContextEvent = 1;
pub type PyContext_WatchCallback = unsafe extern "C" fn(PyContextEvent, *mut PyObject) -> c_int;
