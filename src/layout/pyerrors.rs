//! `cpython/pyerrors.h`: exception instances.
//!
//! All start with the fields of `PyBaseExceptionObject`. Every `PyObject *` is a strong
//! reference or NULL.

use super::{Py_ssize_t, PyObject};
use core::ffi::c_char;

#[repr(C)]
pub struct PyBaseExceptionObject {
    pub ob_base: PyObject,
    pub dict: *mut PyObject,
    pub args: *mut PyObject,
    pub notes: *mut PyObject,
    pub traceback: *mut PyObject,
    pub context: *mut PyObject,
    pub cause: *mut PyObject,
    pub suppress_context: c_char,
}
assert_layout!(PyBaseExceptionObject, 72, {
    ob_base: 0, dict: 16, args: 24, notes: 32, traceback: 40, context: 48, cause: 56,
    suppress_context: 64,
});

#[repr(C)]
pub struct PyBaseExceptionGroupObject {
    pub ob_base: PyObject,
    pub dict: *mut PyObject,
    pub args: *mut PyObject,
    pub notes: *mut PyObject,
    pub traceback: *mut PyObject,
    pub context: *mut PyObject,
    pub cause: *mut PyObject,
    pub suppress_context: c_char,
    pub msg: *mut PyObject,
    pub excs: *mut PyObject,
    pub excs_str: *mut PyObject,
}
assert_layout!(PyBaseExceptionGroupObject, 96, {
    ob_base: 0, dict: 16, args: 24, notes: 32, traceback: 40, context: 48, cause: 56,
    suppress_context: 64, msg: 72, excs: 80, excs_str: 88,
});

#[repr(C)]
pub struct PySyntaxErrorObject {
    pub ob_base: PyObject,
    pub dict: *mut PyObject,
    pub args: *mut PyObject,
    pub notes: *mut PyObject,
    pub traceback: *mut PyObject,
    pub context: *mut PyObject,
    pub cause: *mut PyObject,
    pub suppress_context: c_char,
    pub msg: *mut PyObject,
    pub filename: *mut PyObject,
    pub lineno: *mut PyObject,
    pub offset: *mut PyObject,
    pub end_lineno: *mut PyObject,
    pub end_offset: *mut PyObject,
    pub text: *mut PyObject,
    pub print_file_and_line: *mut PyObject,
    pub metadata: *mut PyObject,
}
assert_layout!(PySyntaxErrorObject, 144, {
    ob_base: 0, dict: 16, args: 24, notes: 32, traceback: 40, context: 48, cause: 56,
    suppress_context: 64, msg: 72, filename: 80, lineno: 88, offset: 96, end_lineno: 104,
    end_offset: 112, text: 120, print_file_and_line: 128, metadata: 136,
});

#[repr(C)]
pub struct PyImportErrorObject {
    pub ob_base: PyObject,
    pub dict: *mut PyObject,
    pub args: *mut PyObject,
    pub notes: *mut PyObject,
    pub traceback: *mut PyObject,
    pub context: *mut PyObject,
    pub cause: *mut PyObject,
    pub suppress_context: c_char,
    pub msg: *mut PyObject,
    pub name: *mut PyObject,
    pub path: *mut PyObject,
    pub name_from: *mut PyObject,
}
assert_layout!(PyImportErrorObject, 104, {
    ob_base: 0, dict: 16, args: 24, notes: 32, traceback: 40, context: 48, cause: 56,
    suppress_context: 64, msg: 72, name: 80, path: 88, name_from: 96,
});

#[repr(C)]
pub struct PyUnicodeErrorObject {
    pub ob_base: PyObject,
    pub dict: *mut PyObject,
    pub args: *mut PyObject,
    pub notes: *mut PyObject,
    pub traceback: *mut PyObject,
    pub context: *mut PyObject,
    pub cause: *mut PyObject,
    pub suppress_context: c_char,
    pub encoding: *mut PyObject,
    pub object: *mut PyObject,
    pub start: Py_ssize_t,
    pub end: Py_ssize_t,
    pub reason: *mut PyObject,
}
assert_layout!(PyUnicodeErrorObject, 112, {
    ob_base: 0, dict: 16, args: 24, notes: 32, traceback: 40, context: 48, cause: 56,
    suppress_context: 64, encoding: 72, object: 80, start: 88, end: 96, reason: 104,
});

#[repr(C)]
pub struct PySystemExitObject {
    pub ob_base: PyObject,
    pub dict: *mut PyObject,
    pub args: *mut PyObject,
    pub notes: *mut PyObject,
    pub traceback: *mut PyObject,
    pub context: *mut PyObject,
    pub cause: *mut PyObject,
    pub suppress_context: c_char,
    pub code: *mut PyObject,
}
assert_layout!(PySystemExitObject, 80, {
    ob_base: 0, dict: 16, args: 24, notes: 32, traceback: 40, context: 48, cause: 56,
    suppress_context: 64, code: 72,
});

#[repr(C)]
pub struct PyOSErrorObject {
    pub ob_base: PyObject,
    pub dict: *mut PyObject,
    pub args: *mut PyObject,
    pub notes: *mut PyObject,
    pub traceback: *mut PyObject,
    pub context: *mut PyObject,
    pub cause: *mut PyObject,
    pub suppress_context: c_char,
    pub myerrno: *mut PyObject,
    pub strerror: *mut PyObject,
    pub filename: *mut PyObject,
    pub filename2: *mut PyObject,
    pub written: Py_ssize_t,
}
assert_layout!(PyOSErrorObject, 112, {
    ob_base: 0, dict: 16, args: 24, notes: 32, traceback: 40, context: 48, cause: 56,
    suppress_context: 64, myerrno: 72, strerror: 80, filename: 88, filename2: 96, written: 104,
});

#[repr(C)]
pub struct PyStopIterationObject {
    pub ob_base: PyObject,
    pub dict: *mut PyObject,
    pub args: *mut PyObject,
    pub notes: *mut PyObject,
    pub traceback: *mut PyObject,
    pub context: *mut PyObject,
    pub cause: *mut PyObject,
    pub suppress_context: c_char,
    pub value: *mut PyObject,
}
assert_layout!(PyStopIterationObject, 80, {
    ob_base: 0, dict: 16, args: 24, notes: 32, traceback: 40, context: 48, cause: 56,
    suppress_context: 64, value: 72,
});

#[repr(C)]
pub struct PyNameErrorObject {
    pub ob_base: PyObject,
    pub dict: *mut PyObject,
    pub args: *mut PyObject,
    pub notes: *mut PyObject,
    pub traceback: *mut PyObject,
    pub context: *mut PyObject,
    pub cause: *mut PyObject,
    pub suppress_context: c_char,
    pub name: *mut PyObject,
}
assert_layout!(PyNameErrorObject, 80, {
    ob_base: 0, dict: 16, args: 24, notes: 32, traceback: 40, context: 48, cause: 56,
    suppress_context: 64, name: 72,
});

#[repr(C)]
pub struct PyAttributeErrorObject {
    pub ob_base: PyObject,
    pub dict: *mut PyObject,
    pub args: *mut PyObject,
    pub notes: *mut PyObject,
    pub traceback: *mut PyObject,
    pub context: *mut PyObject,
    pub cause: *mut PyObject,
    pub suppress_context: c_char,
    pub obj: *mut PyObject,
    pub name: *mut PyObject,
}
assert_layout!(PyAttributeErrorObject, 88, {
    ob_base: 0, dict: 16, args: 24, notes: 32, traceback: 40, context: 48, cause: 56,
    suppress_context: 64, obj: 72, name: 80,
});

pub type PyEnvironmentErrorObject = PyOSErrorObject;
