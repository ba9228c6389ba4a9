//! `moduleobject.h`: module definitions.

use super::{Py_ssize_t, PyMethodDef, PyObject, freefunc, inquiry, traverseproc};
use core::ffi::{c_char, c_int, c_void};
use core::ptr;

/// The head of a `PyModuleDef`. `m_index` is the module's place in `PyState_FindModule`'s table.
#[repr(C)]
pub struct PyModuleDef_Base {
    pub ob_base: PyObject,
    pub m_init: Option<unsafe extern "C" fn() -> *mut PyObject>,
    pub m_index: Py_ssize_t,
    pub m_copy: *mut PyObject,
}
assert_layout!(PyModuleDef_Base, 40, { ob_base: 0, m_init: 16, m_index: 24, m_copy: 32 });

/// One entry of `m_slots`; `slot` 0 ends the array.
#[repr(C)]
pub struct PyModuleDef_Slot {
    pub slot: c_int,
    pub value: *mut c_void,
}
assert_layout!(PyModuleDef_Slot, 16, { slot: 0, value: 8 });

/// The definition of a module, usually static in the extension.
#[repr(C)]
pub struct PyModuleDef {
    pub m_base: PyModuleDef_Base,
    pub m_name: *const c_char,
    pub m_doc: *const c_char,
    pub m_size: Py_ssize_t,
    pub m_methods: *mut PyMethodDef,
    pub m_slots: *mut PyModuleDef_Slot,
    pub m_traverse: Option<traverseproc>,
    pub m_clear: Option<inquiry>,
    pub m_free: Option<freefunc>,
}
assert_layout!(PyModuleDef, 104, {
    m_base: 0, m_name: 40, m_doc: 48, m_size: 56, m_methods: 64, m_slots: 72, m_traverse: 80,
    m_clear: 88, m_free: 96,
});
zeroable!(PyModuleDef);
// SAFETY: a slot array is constant.
unsafe impl Sync for PyModuleDef_Slot {}

// `PyModuleDef_Slot.slot`.
pub const Py_mod_create: c_int = 1;
pub const Py_mod_exec: c_int = 2;
pub const Py_mod_multiple_interpreters: c_int = 3;
pub const Py_mod_gil: c_int = 4;

// Values of `Py_mod_multiple_interpreters`.
pub const Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED: *mut c_void = ptr::null_mut();
pub const Py_MOD_MULTIPLE_INTERPRETERS_SUPPORTED: *mut c_void = ptr::without_provenance_mut(1);
pub const Py_MOD_PER_INTERPRETER_GIL_SUPPORTED: *mut c_void = ptr::without_provenance_mut(2);

// Values of `Py_mod_gil`.
pub const Py_MOD_GIL_USED: *mut c_void = ptr::null_mut();
pub const Py_MOD_GIL_NOT_USED: *mut c_void = ptr::without_provenance_mut(1);
