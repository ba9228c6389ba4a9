//! `sliceobject.h`.

use super::PyObject;

/// A slice: three strong references, `None` where left out.
#[repr(C)]
pub struct PySliceObject {
    pub ob_base: PyObject,
    pub start: *mut PyObject,
    pub stop: *mut PyObject,
    pub step: *mut PyObject,
}
assert_layout!(PySliceObject, 40, { ob_base: 0, start: 16, stop: 24, step: 32 });
