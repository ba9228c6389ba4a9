//! `pystate.h` and `cpython/pystate.h`: thread states.

use super::{_PyInterpreterFrame, PyFrameObject, PyInterpreterState, PyObject};
use core::ffi::{c_char, c_int, c_uint, c_ulong};

/// Token of `PyGILState_Ensure`.
pub type PyGILState_STATE = c_uint;
pub const PyGILState_LOCKED: PyGILState_STATE = 0;
pub const PyGILState_UNLOCKED: PyGILState_STATE = 1;

pub type Py_tracefunc =
    unsafe extern "C" fn(*mut PyObject, *mut PyFrameObject, c_int, *mut PyObject) -> c_int;
/// Replacement of the bytecode evaluation function.
pub type _PyFrameEvalFunction = unsafe extern "C" fn(
    tstate: *mut PyThreadState,
    *mut _PyInterpreterFrame,
    c_int,
) -> *mut PyObject;

// The event argument of a `Py_tracefunc`.
pub const PyTrace_CALL: c_int = 0;
pub const PyTrace_EXCEPTION: c_int = 1;
pub const PyTrace_LINE: c_int = 2;
pub const PyTrace_RETURN: c_int = 3;
pub const PyTrace_C_CALL: c_int = 4;
pub const PyTrace_C_EXCEPTION: c_int = 5;
pub const PyTrace_C_RETURN: c_int = 6;
pub const PyTrace_OPCODE: c_int = 7;

pub const _Py_MAX_SCRIPT_PATH_SIZE: usize = 512;
/// Where an attached debugger leaves its request.
#[repr(C)]
pub struct _PyRemoteDebuggerSupport {
    pub debugger_pending_call: i32,
    pub debugger_script_path: [c_char; _Py_MAX_SCRIPT_PATH_SIZE],
}
assert_layout!(_PyRemoteDebuggerSupport, 516, {
    debugger_pending_call: 0, debugger_script_path: 4,
});

/// An entry of the stack of exceptions being handled: `exc_value` is strong or NULL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct _PyErr_StackItem {
    pub exc_value: *mut PyObject,
    pub previous_item: *mut _PyErr_StackItem,
}
assert_layout!(_PyErr_StackItem, 16, { exc_value: 0, previous_item: 8 });

/// A piece of the data stack that frames live on.
#[repr(C)]
pub struct _PyStackChunk {
    pub previous: *mut _PyStackChunk,
    pub size: usize,
    pub top: usize,
    pub data: [*mut PyObject; 1],
}
assert_layout!(_PyStackChunk, 32, { previous: 0, size: 8, top: 16, data: 24 });

/// The bit-field `_status` of a thread state.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PyThreadState_status {
    pub bits: c_uint,
}
assert_layout!(PyThreadState_status, 4, { bits: 0 });

impl PyThreadState_status {
    pub const INITIALIZED: c_uint = 1 << 0;
    pub const BOUND: c_uint = 1 << 1;
    pub const UNBOUND: c_uint = 1 << 2;
    pub const BOUND_GILSTATE: c_uint = 1 << 3;
    pub const ACTIVE: c_uint = 1 << 4;
    pub const FINALIZING: c_uint = 1 << 5;
    pub const CLEARED: c_uint = 1 << 6;
    pub const FINALIZED: c_uint = 1 << 7;
}

// `PyThreadState._whence`: how the thread state came to be.
pub const _PyThreadState_WHENCE_NOTSET: c_int = -1;
pub const _PyThreadState_WHENCE_UNKNOWN: c_int = 0;
pub const _PyThreadState_WHENCE_INIT: c_int = 1;
pub const _PyThreadState_WHENCE_FINI: c_int = 2;
pub const _PyThreadState_WHENCE_THREADING: c_int = 3;
pub const _PyThreadState_WHENCE_GILSTATE: c_int = 4;
pub const _PyThreadState_WHENCE_EXEC: c_int = 5;

/// `struct _ts`: a thread state. Compiled extensions read and write `current_exception` and
/// `exc_info` in it directly.
#[repr(C)]
pub struct PyThreadState {
    pub prev: *mut PyThreadState,
    pub next: *mut PyThreadState,
    pub interp: *mut PyInterpreterState,
    pub eval_breaker: usize,
    pub _status: PyThreadState_status,
    pub holds_gil: c_int,
    pub _whence: c_int,
    pub state: c_int,
    pub py_recursion_remaining: c_int,
    pub py_recursion_limit: c_int,
    pub recursion_headroom: c_int,
    pub tracing: c_int,
    pub what_event: c_int,
    pub current_frame: *mut _PyInterpreterFrame,
    pub c_profilefunc: Option<Py_tracefunc>,
    pub c_tracefunc: Option<Py_tracefunc>,
    pub c_profileobj: *mut PyObject,
    pub c_traceobj: *mut PyObject,
    pub current_exception: *mut PyObject,
    pub exc_info: *mut _PyErr_StackItem,
    pub dict: *mut PyObject,
    pub gilstate_counter: c_int,
    pub async_exc: *mut PyObject,
    pub thread_id: c_ulong,
    pub native_thread_id: c_ulong,
    pub delete_later: *mut PyObject,
    pub critical_section: usize,
    pub coroutine_origin_tracking_depth: c_int,
    pub async_gen_firstiter: *mut PyObject,
    pub async_gen_finalizer: *mut PyObject,
    pub context: *mut PyObject,
    pub context_ver: u64,
    pub id: u64,
    pub datastack_chunk: *mut _PyStackChunk,
    pub datastack_top: *mut *mut PyObject,
    pub datastack_limit: *mut *mut PyObject,
    pub exc_state: _PyErr_StackItem,
    pub current_executor: *mut PyObject,
    pub dict_global_version: u64,
    pub threading_local_key: *mut PyObject,
    pub threading_local_sentinel: *mut PyObject,
    pub remote_debugger_support: _PyRemoteDebuggerSupport,
    pub datastack_cached_chunk: *mut _PyStackChunk,
}
assert_layout!(PyThreadState, 832, {
    prev: 0, next: 8, interp: 16, eval_breaker: 24, _status: 32, holds_gil: 36, _whence: 40,
    state: 44, py_recursion_remaining: 48, py_recursion_limit: 52, recursion_headroom: 56,
    tracing: 60, what_event: 64, current_frame: 72, c_profilefunc: 80, c_tracefunc: 88,
    c_profileobj: 96, c_traceobj: 104, current_exception: 112, exc_info: 120, dict: 128,
    gilstate_counter: 136, async_exc: 144, thread_id: 152, native_thread_id: 160, delete_later: 168,
    critical_section: 176, coroutine_origin_tracking_depth: 184, async_gen_firstiter: 192,
    async_gen_finalizer: 200, context: 208, context_ver: 216, id: 224, datastack_chunk: 232,
    datastack_top: 240, datastack_limit: 248, exc_state: 256, current_executor: 272,
    dict_global_version: 280, threading_local_key: 288, threading_local_sentinel: 296,
    remote_debugger_support: 304, datastack_cached_chunk: 824,
});
zeroable!(PyThreadState);
