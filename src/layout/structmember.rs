//! `structmember.h`: the unprefixed names of `descrobject.h`'s member types.

use super::{
    _Py_T_NONE, _Py_T_OBJECT, _Py_WRITE_RESTRICTED, Py_AUDIT_READ, Py_READONLY, Py_T_BOOL,
    Py_T_BYTE, Py_T_CHAR, Py_T_DOUBLE, Py_T_FLOAT, Py_T_INT, Py_T_LONG, Py_T_LONGLONG,
    Py_T_OBJECT_EX, Py_T_PYSSIZET, Py_T_SHORT, Py_T_STRING, Py_T_STRING_INPLACE, Py_T_UBYTE,
    Py_T_UINT, Py_T_ULONG, Py_T_ULONGLONG, Py_T_USHORT,
};
use core::ffi::c_int;

pub const T_SHORT: c_int = Py_T_SHORT;
pub const T_INT: c_int = Py_T_INT;
pub const T_LONG: c_int = Py_T_LONG;
pub const T_FLOAT: c_int = Py_T_FLOAT;
pub const T_DOUBLE: c_int = Py_T_DOUBLE;
pub const T_STRING: c_int = Py_T_STRING;
pub const T_OBJECT: c_int = _Py_T_OBJECT;
pub const T_CHAR: c_int = Py_T_CHAR;
pub const T_BYTE: c_int = Py_T_BYTE;
pub const T_UBYTE: c_int = Py_T_UBYTE;
pub const T_USHORT: c_int = Py_T_USHORT;
pub const T_UINT: c_int = Py_T_UINT;
pub const T_ULONG: c_int = Py_T_ULONG;
pub const T_STRING_INPLACE: c_int = Py_T_STRING_INPLACE;
pub const T_BOOL: c_int = Py_T_BOOL;
pub const T_OBJECT_EX: c_int = Py_T_OBJECT_EX;
pub const T_LONGLONG: c_int = Py_T_LONGLONG;
pub const T_ULONGLONG: c_int = Py_T_ULONGLONG;
pub const T_PYSSIZET: c_int = Py_T_PYSSIZET;
pub const T_NONE: c_int = _Py_T_NONE;

pub const READONLY: c_int = Py_READONLY;
pub const PY_AUDIT_READ: c_int = Py_AUDIT_READ;
pub const READ_RESTRICTED: c_int = Py_AUDIT_READ;
pub const PY_WRITE_RESTRICTED: c_int = _Py_WRITE_RESTRICTED;
pub const RESTRICTED: c_int = READ_RESTRICTED | PY_WRITE_RESTRICTED;
