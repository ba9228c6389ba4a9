//! `cpython/memoryobject.h`.

use super::{Py_buffer, Py_hash_t, Py_ssize_t, PyObject, PyVarObject};
use core::ffi::c_int;

/// The exporter's buffer that memoryviews share. `exports` counts the views.
#[repr(C)]
pub struct _PyManagedBufferObject {
    pub ob_base: PyObject,
    pub flags: c_int,
    pub exports: Py_ssize_t,
    pub master: Py_buffer,
}
assert_layout!(_PyManagedBufferObject, 112, { ob_base: 0, flags: 16, exports: 24, master: 32 });

/// A `memoryview`. `view` points into the trailing `ob_array`, which holds shape, strides and
/// suboffsets; `ob_size` is its length.
#[repr(C)]
pub struct PyMemoryViewObject {
    pub ob_base: PyVarObject,
    pub mbuf: *mut _PyManagedBufferObject,
    pub hash: Py_hash_t,
    pub flags: c_int,
    pub exports: Py_ssize_t,
    pub view: Py_buffer,
    pub weakreflist: *mut PyObject,
    pub ob_array: [Py_ssize_t; 1],
}
assert_layout!(PyMemoryViewObject, 152, {
    ob_base: 0, mbuf: 24, hash: 32, flags: 40, exports: 48, view: 56, weakreflist: 136,
    ob_array: 144,
});

// `_PyManagedBufferObject.flags`.
pub const _Py_MANAGED_BUFFER_RELEASED: c_int = 1;
pub const _Py_MANAGED_BUFFER_FREE_FORMAT: c_int = 2;
// `PyMemoryViewObject.flags`.
pub const _Py_MEMORYVIEW_RELEASED: c_int = 1;
pub const _Py_MEMORYVIEW_C: c_int = 2;
pub const _Py_MEMORYVIEW_FORTRAN: c_int = 4;
pub const _Py_MEMORYVIEW_SCALAR: c_int = 8;
pub const _Py_MEMORYVIEW_PIL: c_int = 1 << 4;
pub const _Py_MEMORYVIEW_RESTRICTED: c_int = 1 << 5;
