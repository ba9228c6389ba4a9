//! `cpython/tupleobject.h`.

use super::{Py_hash_t, PyObject, PyVarObject};

/// A tuple: `ob_size` strong references at `ob_item`. `ob_hash` is -1 until computed.
#[repr(C)]
pub struct PyTupleObject {
    pub ob_base: PyVarObject,
    pub ob_hash: Py_hash_t,
    pub ob_item: [*mut PyObject; 1],
}
assert_layout!(PyTupleObject, 40, { ob_base: 0, ob_hash: 24, ob_item: 32 });
