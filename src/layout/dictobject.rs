//! `cpython/dictobject.h`.

use super::{Py_ssize_t, PyObject};
use core::ffi::{c_int, c_uint};

opaque!(
    /// The key table; no public header defines it.
    PyDictKeysObject
);
opaque!(
    /// The values of a split table; no public header defines it.
    PyDictValues
);

/// A dict. Extensions read `ma_used` alone.
#[repr(C)]
pub struct PyDictObject {
    pub ob_base: PyObject,
    pub ma_used: Py_ssize_t,
    pub _ma_watcher_tag: u64,
    pub ma_keys: *mut PyDictKeysObject,
    pub ma_values: *mut PyDictValues,
}
assert_layout!(PyDictObject, 48, {
    ob_base: 0, ma_used: 16, _ma_watcher_tag: 24, ma_keys: 32, ma_values: 40,
});

pub type PyDict_WatchEvent = c_uint;
pub const PyDict_EVENT_ADDED: PyDict_WatchEvent = 0;
pub const PyDict_EVENT_MODIFIED: PyDict_WatchEvent = 1;
pub const PyDict_EVENT_DELETED: PyDict_WatchEvent = 2;
pub const PyDict_EVENT_CLONED: PyDict_WatchEvent = 3;
pub const PyDict_EVENT_CLEARED: PyDict_WatchEvent = 4;
pub const PyDict_EVENT_DEALLOCATED: PyDict_WatchEvent = 5;
pub type PyDict_WatchCallback = unsafe extern "C" fn(
    event: PyDict_WatchEvent,
    dict: *mut PyObject,
    key: *mut PyObject,
    new_value: *mut PyObject,
) -> c_int;
