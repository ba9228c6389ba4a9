//! `cpython/genobject.h`: generators, coroutines and async generators. The public header leaves
//! them opaque; the fields are those of the internal `pycore_interpframe_structs.h`.

use super::{_PyErr_StackItem, _PyInterpreterFrame, PyObject};
use core::ffi::c_char;

#[repr(C)]
pub struct PyGenObject {
    pub ob_base: PyObject,
    pub gi_weakreflist: *mut PyObject,
    pub gi_name: *mut PyObject,
    pub gi_qualname: *mut PyObject,
    pub gi_exc_state: _PyErr_StackItem,
    pub gi_origin_or_finalizer: *mut PyObject,
    pub gi_hooks_inited: c_char,
    pub gi_closed: c_char,
    pub gi_running_async: c_char,
    pub gi_frame_state: i8,
    pub gi_iframe: _PyInterpreterFrame,
}
assert_layout!(PyGenObject, 160, {
    ob_base: 0, gi_weakreflist: 16, gi_name: 24, gi_qualname: 32, gi_exc_state: 40,
    gi_origin_or_finalizer: 56, gi_hooks_inited: 64, gi_closed: 65, gi_running_async: 66,
    gi_frame_state: 67, gi_iframe: 72,
});

#[repr(C)]
pub struct PyCoroObject {
    pub ob_base: PyObject,
    pub cr_weakreflist: *mut PyObject,
    pub cr_name: *mut PyObject,
    pub cr_qualname: *mut PyObject,
    pub cr_exc_state: _PyErr_StackItem,
    pub cr_origin_or_finalizer: *mut PyObject,
    pub cr_hooks_inited: c_char,
    pub cr_closed: c_char,
    pub cr_running_async: c_char,
    pub cr_frame_state: i8,
    pub cr_iframe: _PyInterpreterFrame,
}
assert_layout!(PyCoroObject, 160, {
    ob_base: 0, cr_weakreflist: 16, cr_name: 24, cr_qualname: 32, cr_exc_state: 40,
    cr_origin_or_finalizer: 56, cr_hooks_inited: 64, cr_closed: 65, cr_running_async: 66,
    cr_frame_state: 67, cr_iframe: 72,
});

#[repr(C)]
pub struct PyAsyncGenObject {
    pub ob_base: PyObject,
    pub ag_weakreflist: *mut PyObject,
    pub ag_name: *mut PyObject,
    pub ag_qualname: *mut PyObject,
    pub ag_exc_state: _PyErr_StackItem,
    pub ag_origin_or_finalizer: *mut PyObject,
    pub ag_hooks_inited: c_char,
    pub ag_closed: c_char,
    pub ag_running_async: c_char,
    pub ag_frame_state: i8,
    pub ag_iframe: _PyInterpreterFrame,
}
assert_layout!(PyAsyncGenObject, 160, {
    ob_base: 0, ag_weakreflist: 16, ag_name: 24, ag_qualname: 32, ag_exc_state: 40,
    ag_origin_or_finalizer: 56, ag_hooks_inited: 64, ag_closed: 65, ag_running_async: 66,
    ag_frame_state: 67, ag_iframe: 72,
});
