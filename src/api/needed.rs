//! API functions of other headers that the variadic ones call.

use std::ffi::{c_char, c_double, c_int, c_long, c_longlong, c_ulong, c_void};

use crate::layout::*;

unsafe extern "C" {
    pub fn PyBuffer_FillInfo(
        view: *mut Py_buffer,
        o: *mut PyObject,
        buf: *mut c_void,
        len: Py_ssize_t,
        readonly: c_int,
        flags: c_int,
    ) -> c_int;
    pub fn PyBuffer_Release(view: *mut Py_buffer);
    pub fn PyCallable_Check(o: *mut PyObject) -> c_int;
    pub fn PyComplex_AsCComplex(o: *mut PyObject) -> Py_complex;
    pub fn PyDict_New() -> *mut PyObject;
    pub fn PyDict_SetItem(d: *mut PyObject, k: *mut PyObject, v: *mut PyObject) -> c_int;
    pub fn PyErr_SetObject(e: *mut PyObject, v: *mut PyObject);
    pub fn PyFloat_AsDouble(o: *mut PyObject) -> c_double;
    pub fn PyIndex_Check(o: *mut PyObject) -> c_int;
    pub fn PyLong_AsLong(o: *mut PyObject) -> c_long;
    pub fn PyLong_AsLongLong(o: *mut PyObject) -> c_longlong;
    pub fn PyLong_AsSsize_t(o: *mut PyObject) -> Py_ssize_t;
    pub fn PyLong_AsUnsignedLongMask(o: *mut PyObject) -> c_ulong;
    pub fn PyMem_Free(p: *mut c_void);
    pub fn PyMem_Malloc(n: usize) -> *mut c_void;
    pub fn PyNumber_Index(o: *mut PyObject) -> *mut PyObject;
    pub fn PyObject_ASCII(o: *mut PyObject) -> *mut PyObject;
    pub fn PyObject_GetAttrString(o: *mut PyObject, name: *const c_char) -> *mut PyObject;
    pub fn PyObject_GetBuffer(o: *mut PyObject, view: *mut Py_buffer, flags: c_int) -> c_int;
    pub fn PyObject_IsTrue(o: *mut PyObject) -> c_int;
    pub fn PyObject_Repr(o: *mut PyObject) -> *mut PyObject;
    pub fn PyObject_Str(o: *mut PyObject) -> *mut PyObject;
    pub fn PyObject_Vectorcall(
        callable: *mut PyObject,
        args: *const *mut PyObject,
        nargsf: usize,
        kwnames: *mut PyObject,
    ) -> *mut PyObject;
    pub fn PyObject_VectorcallMethod(
        name: *mut PyObject,
        args: *const *mut PyObject,
        nargsf: usize,
        kwnames: *mut PyObject,
    ) -> *mut PyObject;
    pub fn PySequence_Check(o: *mut PyObject) -> c_int;
    pub fn PySequence_Size(o: *mut PyObject) -> Py_ssize_t;
    pub fn PySequence_Tuple(o: *mut PyObject) -> *mut PyObject;
    pub fn PySys_AuditTuple(event: *const c_char, args: *mut PyObject) -> c_int;
    pub fn PyType_GetModuleName(ty: *mut PyTypeObject) -> *mut PyObject;
    pub fn PyType_GetQualName(ty: *mut PyTypeObject) -> *mut PyObject;
    pub fn PyType_IsSubtype(a: *mut PyTypeObject, b: *mut PyTypeObject) -> c_int;
    pub fn PyUnicodeWriter_WriteStr(w: *mut PyUnicodeWriter, o: *mut PyObject) -> c_int;
    pub fn PyUnicode_AsEncodedString(
        o: *mut PyObject,
        encoding: *const c_char,
        errors: *const c_char,
    ) -> *mut PyObject;
    pub fn PyUnicode_AsUTF8AndSize(o: *mut PyObject, size: *mut Py_ssize_t) -> *const c_char;
    pub fn PyUnicode_DecodeFSDefault(s: *const c_char) -> *mut PyObject;
    pub fn PyUnicode_FromOrdinal(o: c_int) -> *mut PyObject;
    pub fn PyUnicode_FromStringAndSize(s: *const c_char, n: Py_ssize_t) -> *mut PyObject;
    pub fn PyUnicode_FromWideChar(s: *const libc::wchar_t, n: Py_ssize_t) -> *mut PyObject;
}
