//! `cpython/listobject.h`.

use super::{Py_ssize_t, PyObject, PyVarObject};

/// A list: `ob_size` strong references in a vector of `allocated` places, NULL when that is 0.
#[repr(C)]
pub struct PyListObject {
    pub ob_base: PyVarObject,
    pub ob_item: *mut *mut PyObject,
    pub allocated: Py_ssize_t,
}
assert_layout!(PyListObject, 40, { ob_base: 0, ob_item: 24, allocated: 32 });
