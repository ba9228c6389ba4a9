//! `cpython/code.h`: code objects.

use super::{_PyCoMonitoringData, _PyExecutorObject, Py_ssize_t, PyObject, PyVarObject};
use core::ffi::{c_char, c_int, c_uint, c_void};

/// Lazily made attributes of a code object.
#[repr(C)]
pub struct _PyCoCached {
    pub _co_code: *mut PyObject,
    pub _co_varnames: *mut PyObject,
    pub _co_cellvars: *mut PyObject,
    pub _co_freevars: *mut PyObject,
}
assert_layout!(_PyCoCached, 32, {
    _co_code: 0, _co_varnames: 8, _co_cellvars: 16, _co_freevars: 24,
});

/// Tier-2 executors of a code object.
#[repr(C)]
pub struct _PyExecutorArray {
    pub size: c_int,
    pub capacity: c_int,
    pub executors: [*mut _PyExecutorObject; 1],
}
assert_layout!(_PyExecutorArray, 16, { size: 0, capacity: 4, executors: 8 });

/// A code object. The bytecode starts at `co_code_adaptive`.
#[repr(C)]
pub struct PyCodeObject {
    pub ob_base: PyVarObject,
    pub co_consts: *mut PyObject,
    pub co_names: *mut PyObject,
    pub co_exceptiontable: *mut PyObject,
    pub co_flags: c_int,
    pub co_argcount: c_int,
    pub co_posonlyargcount: c_int,
    pub co_kwonlyargcount: c_int,
    pub co_stacksize: c_int,
    pub co_firstlineno: c_int,
    pub co_nlocalsplus: c_int,
    pub co_framesize: c_int,
    pub co_nlocals: c_int,
    pub co_ncellvars: c_int,
    pub co_nfreevars: c_int,
    pub co_version: u32,
    pub co_localsplusnames: *mut PyObject,
    pub co_localspluskinds: *mut PyObject,
    pub co_filename: *mut PyObject,
    pub co_name: *mut PyObject,
    pub co_qualname: *mut PyObject,
    pub co_linetable: *mut PyObject,
    pub co_weakreflist: *mut PyObject,
    pub co_executors: *mut _PyExecutorArray,
    pub _co_cached: *mut _PyCoCached,
    pub _co_instrumentation_version: usize,
    pub _co_monitoring: *mut _PyCoMonitoringData,
    pub _co_unique_id: Py_ssize_t,
    pub _co_firsttraceable: c_int,
    pub co_extra: *mut c_void,
    pub co_code_adaptive: [c_char; 1],
}
assert_layout!(PyCodeObject, 216, {
    ob_base: 0, co_consts: 24, co_names: 32, co_exceptiontable: 40, co_flags: 48, co_argcount: 52,
    co_posonlyargcount: 56, co_kwonlyargcount: 60, co_stacksize: 64, co_firstlineno: 68,
    co_nlocalsplus: 72, co_framesize: 76, co_nlocals: 80, co_ncellvars: 84, co_nfreevars: 88,
    co_version: 92, co_localsplusnames: 96, co_localspluskinds: 104, co_filename: 112, co_name: 120,
    co_qualname: 128, co_linetable: 136, co_weakreflist: 144, co_executors: 152, _co_cached: 160,
    _co_instrumentation_version: 168, _co_monitoring: 176, _co_unique_id: 184,
    _co_firsttraceable: 192, co_extra: 200, co_code_adaptive: 208,
});

// `co_flags`.
pub const CO_OPTIMIZED: c_int = 1;
pub const CO_NEWLOCALS: c_int = 2;
pub const CO_VARARGS: c_int = 4;
pub const CO_VARKEYWORDS: c_int = 8;
pub const CO_NESTED: c_int = 1 << 4;
pub const CO_GENERATOR: c_int = 1 << 5;
pub const CO_COROUTINE: c_int = 1 << 7;
pub const CO_ITERABLE_COROUTINE: c_int = 1 << 8;
pub const CO_ASYNC_GENERATOR: c_int = 1 << 9;
pub const CO_FUTURE_DIVISION: c_int = 1 << 17;
pub const CO_FUTURE_ABSOLUTE_IMPORT: c_int = 1 << 18;
pub const CO_FUTURE_WITH_STATEMENT: c_int = 1 << 19;
pub const CO_FUTURE_PRINT_FUNCTION: c_int = 1 << 20;
pub const CO_FUTURE_UNICODE_LITERALS: c_int = 1 << 21;
pub const CO_FUTURE_BARRY_AS_BDFL: c_int = 1 << 22;
pub const CO_FUTURE_GENERATOR_STOP: c_int = 1 << 23;
pub const CO_FUTURE_ANNOTATIONS: c_int = 1 << 24;
pub const CO_NO_MONITORING_EVENTS: c_int = 1 << 25;
pub const CO_HAS_DOCSTRING: c_int = 1 << 26;
pub const CO_METHOD: c_int = 1 << 27;
/// Deepest static block nesting in a function.
pub const CO_MAXBLOCKS: c_int = 21;

pub type PyCodeEvent = c_uint;
pub const PY_CODE_EVENT_CREATE: PyCodeEvent = 0;
pub const PY_CODE_EVENT_DESTROY: PyCodeEvent = 1;
pub type PyCode_WatchCallback =
    unsafe extern "C" fn(event: PyCodeEvent, co: *mut PyCodeObject) -> c_int;

/// Cursor of a `PyCodeAddressRange`.
#[repr(C)]
pub struct _opaque {
    pub computed_line: c_int,
    pub lo_next: *const u8,
    pub limit: *const u8,
}
assert_layout!(_opaque, 24, { computed_line: 0, lo_next: 8, limit: 16 });

/// A stretch of bytecode that one source line gave rise to.
#[repr(C)]
pub struct PyCodeAddressRange {
    pub ar_start: c_int,
    pub ar_end: c_int,
    pub ar_line: c_int,
    pub opaque: _opaque,
}
assert_layout!(PyCodeAddressRange, 40, { ar_start: 0, ar_end: 4, ar_line: 8, opaque: 16 });

/// Entry kinds of the location table.
pub type _PyCodeLocationInfoKind = c_uint;
pub const PY_CODE_LOCATION_INFO_SHORT0: _PyCodeLocationInfoKind = 0;
pub const PY_CODE_LOCATION_INFO_ONE_LINE0: _PyCodeLocationInfoKind = 10;
pub const PY_CODE_LOCATION_INFO_ONE_LINE1: _PyCodeLocationInfoKind = 11;
pub const PY_CODE_LOCATION_INFO_ONE_LINE2: _PyCodeLocationInfoKind = 12;
pub const PY_CODE_LOCATION_INFO_NO_COLUMNS: _PyCodeLocationInfoKind = 13;
pub const PY_CODE_LOCATION_INFO_LONG: _PyCodeLocationInfoKind = 14;
pub const PY_CODE_LOCATION_INFO_NONE: _PyCodeLocationInfoKind = 15;
