//! `cpython/setobject.h`.

use super::{Py_hash_t, Py_ssize_t, PyObject};

/// Room for entries inside the set itself.
pub const PySet_MINSIZE: usize = 8;

/// One place of a set's hash table.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct setentry {
    pub key: *mut PyObject,
    pub hash: Py_hash_t,
}
assert_layout!(setentry, 16, { key: 0, hash: 8 });

/// A `set` or `frozenset`. Extensions read `used` alone.
#[repr(C)]
pub struct PySetObject {
    pub ob_base: PyObject,
    pub fill: Py_ssize_t,
    pub used: Py_ssize_t,
    pub mask: Py_ssize_t,
    pub table: *mut setentry,
    pub hash: Py_hash_t,
    pub finger: Py_ssize_t,
    pub smalltable: [setentry; PySet_MINSIZE],
    pub weakreflist: *mut PyObject,
}
assert_layout!(PySetObject, 200, {
    ob_base: 0, fill: 16, used: 24, mask: 32, table: 40, hash: 48, finger: 56, smalltable: 64,
    weakreflist: 192,
});
