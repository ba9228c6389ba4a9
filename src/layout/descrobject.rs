//! `descrobject.h` and `cpython/descrobject.h`: descriptors and the tables they are made from.

use super::{Py_ssize_t, PyMethodDef, PyObject, PyTypeObject, vectorcallfunc};
use core::ffi::{c_char, c_int, c_void};

pub type getter = unsafe extern "C" fn(*mut PyObject, *mut c_void) -> *mut PyObject;
pub type setter = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut c_void) -> c_int;
pub type wrapperfunc = unsafe extern "C" fn(
    self_: *mut PyObject,
    args: *mut PyObject,
    wrapped: *mut c_void,
) -> *mut PyObject;
pub type wrapperfunc_kwds = unsafe extern "C" fn(
    self_: *mut PyObject,
    args: *mut PyObject,
    wrapped: *mut c_void,
    kwds: *mut PyObject,
) -> *mut PyObject;

/// An attribute computed by C functions; a NULL `name` ends the table.
#[repr(C)]
pub struct PyGetSetDef {
    pub name: *const c_char,
    pub get: Option<getter>,
    pub set: Option<setter>,
    pub doc: *const c_char,
    pub closure: *mut c_void,
}
assert_layout!(PyGetSetDef, 40, { name: 0, get: 8, set: 16, doc: 24, closure: 32 });

/// A struct field seen as an attribute; a NULL `name` ends the table.
#[repr(C)]
pub struct PyMemberDef {
    pub name: *const c_char,
    pub type_: c_int,
    pub offset: Py_ssize_t,
    pub flags: c_int,
    pub doc: *const c_char,
}
assert_layout!(PyMemberDef, 40, { name: 0, type_: 8, offset: 16, flags: 24, doc: 32 });
zeroable!(PyGetSetDef, PyMemberDef);
// SAFETY: a definition is constant; C never writes to it through us.
unsafe impl Sync for PyGetSetDef {}
// SAFETY: as for `PyGetSetDef`.
unsafe impl Sync for PyMemberDef {}

// `PyMemberDef.type_`.
pub const Py_T_SHORT: c_int = 0;
pub const Py_T_INT: c_int = 1;
pub const Py_T_LONG: c_int = 2;
pub const Py_T_FLOAT: c_int = 3;
pub const Py_T_DOUBLE: c_int = 4;
pub const Py_T_STRING: c_int = 5;
pub const _Py_T_OBJECT: c_int = 6;
pub const Py_T_CHAR: c_int = 7;
pub const Py_T_BYTE: c_int = 8;
pub const Py_T_UBYTE: c_int = 9;
pub const Py_T_USHORT: c_int = 10;
pub const Py_T_UINT: c_int = 11;
pub const Py_T_ULONG: c_int = 12;
pub const Py_T_STRING_INPLACE: c_int = 13;
pub const Py_T_BOOL: c_int = 14;
pub const Py_T_OBJECT_EX: c_int = 16;
pub const Py_T_LONGLONG: c_int = 17;
pub const Py_T_ULONGLONG: c_int = 18;
pub const Py_T_PYSSIZET: c_int = 19;
pub const _Py_T_NONE: c_int = 20;

// `PyMemberDef.flags`.
pub const Py_READONLY: c_int = 1;
pub const Py_AUDIT_READ: c_int = 2;
pub const _Py_WRITE_RESTRICTED: c_int = 4;
pub const Py_RELATIVE_OFFSET: c_int = 8;

/// A slot function and the special method it implements.
#[repr(C)]
pub struct wrapperbase {
    pub name: *const c_char,
    pub offset: c_int,
    pub function: *mut c_void,
    pub wrapper: Option<wrapperfunc>,
    pub doc: *const c_char,
    pub flags: c_int,
    pub name_strobj: *mut PyObject,
}
assert_layout!(wrapperbase, 56, {
    name: 0, offset: 8, function: 16, wrapper: 24, doc: 32, flags: 40, name_strobj: 48,
});

pub const PyWrapperFlag_KEYWORDS: c_int = 1;

/// The start of every descriptor: strong references to its class and names.
#[repr(C)]
pub struct PyDescrObject {
    pub ob_base: PyObject,
    pub d_type: *mut PyTypeObject,
    pub d_name: *mut PyObject,
    pub d_qualname: *mut PyObject,
}
assert_layout!(PyDescrObject, 40, { ob_base: 0, d_type: 16, d_name: 24, d_qualname: 32 });

#[repr(C)]
pub struct PyMethodDescrObject {
    pub d_common: PyDescrObject,
    pub d_method: *mut PyMethodDef,
    pub vectorcall: Option<vectorcallfunc>,
}
assert_layout!(PyMethodDescrObject, 56, { d_common: 0, d_method: 40, vectorcall: 48 });

#[repr(C)]
pub struct PyMemberDescrObject {
    pub d_common: PyDescrObject,
    pub d_member: *mut PyMemberDef,
}
assert_layout!(PyMemberDescrObject, 48, { d_common: 0, d_member: 40 });

#[repr(C)]
pub struct PyGetSetDescrObject {
    pub d_common: PyDescrObject,
    pub d_getset: *mut PyGetSetDef,
}
assert_layout!(PyGetSetDescrObject, 48, { d_common: 0, d_getset: 40 });

#[repr(C)]
pub struct PyWrapperDescrObject {
    pub d_common: PyDescrObject,
    pub d_base: *mut wrapperbase,
    pub d_wrapped: *mut c_void,
}
assert_layout!(PyWrapperDescrObject, 56, { d_common: 0, d_base: 40, d_wrapped: 48 });
