//! `cpython/traceback.h`.

use super::{PyFrameObject, PyObject};
use core::ffi::c_int;

/// One level of a traceback. `tb_next` is strong or NULL, `tb_frame` strong.
#[repr(C)]
pub struct PyTracebackObject {
    pub ob_base: PyObject,
    pub tb_next: *mut PyTracebackObject,
    pub tb_frame: *mut PyFrameObject,
    pub tb_lasti: c_int,
    pub tb_lineno: c_int,
}
assert_layout!(PyTracebackObject, 40, {
    ob_base: 0, tb_next: 16, tb_frame: 24, tb_lasti: 32, tb_lineno: 36,
});
