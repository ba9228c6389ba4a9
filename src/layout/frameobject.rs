//! `frameobject.h`, and of the internal `pycore_frame.h` and `pycore_interpframe_structs.h` what
//! compiled extensions read: Cython writes `f_lineno` of the frames it makes for tracebacks.

use super::PyObject;
use core::ffi::{c_char, c_int, c_void};

/// `struct _frame`: a frame object. `f_lineno` counts only when it is not zero.
#[repr(C)]
pub struct PyFrameObject {
    pub ob_base: PyObject,
    pub f_back: *mut PyFrameObject,
    pub f_frame: *mut _PyInterpreterFrame,
    pub f_trace: *mut PyObject,
    pub f_lineno: c_int,
    pub f_trace_lines: c_char,
    pub f_trace_opcodes: c_char,
    pub f_extra_locals: *mut PyObject,
    pub f_locals_cache: *mut PyObject,
    pub f_overwritten_fast_locals: *mut PyObject,
    pub _f_frame_data: [*mut PyObject; 1],
}
assert_layout!(PyFrameObject, 80, {
    ob_base: 0, f_back: 16, f_frame: 24, f_trace: 32, f_lineno: 40, f_trace_lines: 44,
    f_trace_opcodes: 45, f_extra_locals: 48, f_locals_cache: 56, f_overwritten_fast_locals: 64,
    _f_frame_data: 72,
});

/// What `frame.f_locals` of a function gives.
#[repr(C)]
pub struct PyFrameLocalsProxyObject {
    pub ob_base: PyObject,
    pub frame: *mut PyFrameObject,
}
assert_layout!(PyFrameLocalsProxyObject, 24, { ob_base: 0, frame: 16 });

/// The interpreter's own activation record. It lives on a thread's data stack, in a generator, or
/// at the end of a frame object.
#[repr(C)]
pub struct _PyInterpreterFrame {
    pub f_executable: usize,
    pub previous: *mut _PyInterpreterFrame,
    pub f_funcobj: usize,
    pub f_globals: *mut PyObject,
    pub f_builtins: *mut PyObject,
    pub f_locals: *mut PyObject,
    pub frame_obj: *mut PyFrameObject,
    pub instr_ptr: *mut c_void,
    pub stackpointer: *mut usize,
    pub return_offset: u16,
    pub owner: c_char,
    pub visited: u8,
    pub localsplus: [usize; 1],
}
assert_layout!(_PyInterpreterFrame, 88, {
    f_executable: 0, previous: 8, f_funcobj: 16, f_globals: 24, f_builtins: 32, f_locals: 40,
    frame_obj: 48, instr_ptr: 56, stackpointer: 64, return_offset: 72, owner: 74, visited: 75,
    localsplus: 80,
});

/// Values of `_PyInterpreterFrame.owner`.
pub const FRAME_OWNED_BY_THREAD: c_char = 0;
pub const FRAME_OWNED_BY_GENERATOR: c_char = 1;
pub const FRAME_OWNED_BY_FRAME_OBJECT: c_char = 2;
pub const FRAME_OWNED_BY_INTERPRETER: c_char = 3;
pub const FRAME_OWNED_BY_CSTACK: c_char = 4;
