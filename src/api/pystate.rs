//! `pystate.h` and `cpython/pystate.h`, and what `ceval.h` says about giving up the GIL.
//!
//! Having the GIL means: the thread's VM is attached, and the thread holds the extension lock. Giving it up gives up both,
//! so that a thread that waits in C code holds up neither a collection nor another thread's C code.

use std::cell::RefCell;
use std::ffi::{c_int, c_ulong};
use std::ptr;
use std::sync::{Mutex, OnceLock, PoisonError};

use rustpython_vm::AsObject;
use rustpython_vm::VirtualMachine;
use rustpython_vm::common::rc::PyRc;
use rustpython_vm::vm::PyGlobalState;
use rustpython_vm::vm::thread::{
    CurrentVmAttachState, ThreadedVirtualMachine, attach_current_thread, current_vm_is_set,
    hang_current_thread, release_current_thread, restore_current_thread, save_current_thread,
    with_current_vm,
};

use super::{Nothing, border, lend, optional};
use crate::layout::{
    PyFrameObject, PyGILState_LOCKED, PyGILState_STATE, PyGILState_UNLOCKED, PyInterpreterState,
    PyObject, PyThreadState,
};
use crate::proxy::{c_of, mirror};
use crate::refcount::{self, deferred};
use crate::thread::lock;
use crate::thread::state::{self, ThreadState};

/// How to undo one `PyGILState_Ensure`.
#[derive(Debug)]
pub struct Ensured {
    how: How,
    /// Length of the list of borrowed references before.
    mark: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// The thread had the GIL.
    Nested,
    /// It ran Python code.
    Locked,
    /// It had given the GIL up.
    Restored,
    /// It had no VM: it is C's own thread.
    Attached,
}

/// The interpreter, for threads that C started.
struct Origin {
    state: PyRc<PyGlobalState>,
    /// Makes the VMs of threads; never run Python in.
    factory: Mutex<ThreadedVirtualMachine>,
}

static ORIGIN: OnceLock<Origin> = OnceLock::new();

/// Remembers the interpreter of `vm`, before the first extension is loaded.
pub fn remember(vm: &VirtualMachine) {
    ORIGIN.get_or_init(|| {
        // SAFETY: no extension was loaded.
        unsafe { super::pydebug::fill(vm) };
        super::intrcheck::guard_forks(vm);
        Origin {
            state: vm.state.clone(),
            factory: Mutex::new(vm.new_thread()),
        }
    });
}

/// The interpreter: known once an extension was loaded, or when a thread that runs it asks, as in a program that links
/// the C API and the VM. Needs no lock.
fn origin() -> Option<&'static Origin> {
    if ORIGIN.get().is_none() && current_vm_is_set() {
        with_current_vm(remember);
    }
    ORIGIN.get()
}

/// The state of the interpreter, if it is known; needs no lock.
pub fn global_state() -> Option<&'static PyRc<PyGlobalState>> {
    origin().map(|origin| &origin.state)
}

fn new_vm() -> ThreadedVirtualMachine {
    let Some(origin) = origin() else {
        panic!("the GIL was asked for before any thread entered C from the interpreter");
    };
    let factory = origin
        .factory
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    factory.run(VirtualMachine::new_thread)
}

/// Whether the interpreter is being finalized.
pub fn is_finalizing() -> bool {
    global_state().is_some_and(|state| state.finalizing.load(std::sync::atomic::Ordering::Acquire))
}

/// Takes the lock for this thread, whose state is `me` and whose VM is attached, and makes C's view current.
fn enter(me: *mut ThreadState) {
    lock::acquire(me);
    with_current_vm(|vm| {
        // SAFETY: this thread's own state, and the lock is held.
        unsafe { (*me).vm = vm };
        lock::ensure_set_up(vm);
        deferred::drain();
        mirror::before_c(vm);
    });
}

/// Gives the lock up after making the VM's view current.
fn leave(me: *mut ThreadState) {
    // SAFETY: this thread's own state, and its VM is attached.
    mirror::before_vm(unsafe { &*(*me).vm });
    lock::release();
}

/// Attaches a VM to this thread, whose state becomes `me`, and takes the lock.
fn attach(me: *mut ThreadState) -> How {
    state::bind_here(me);
    // SAFETY: this thread's own state now.
    let saved = unsafe { (*me).saved.pop() };
    let how = if current_vm_is_set() {
        if let Some(saved) = saved {
            // SAFETY: as above.
            unsafe { (*me).saved.push(saved) };
        }
        How::Locked
    } else if let Some(saved) = saved {
        restore_current_thread(saved);
        How::Restored
    } else {
        if is_finalizing()
            && let Some(state) = global_state()
        {
            // As CPython does with threads that come too late.
            hang_current_thread(state);
        }
        let vm = new_vm();
        attach_current_thread(|| vm);
        // SAFETY: as above.
        unsafe { (*me).owns_vm = true };
        How::Attached
    };
    enter(me);
    how
}

/// Gives the lock up and detaches the VM, keeping it for [`attach`].
fn detach(me: *mut ThreadState) {
    leave(me);
    let saved = save_current_thread();
    // SAFETY: this thread's own state.
    unsafe { (*me).saved.push(saved) };
}

/// Runs `f`, which waits, without the GIL if this thread has it.
pub fn without_gil<R>(f: impl FnOnce() -> R) -> R {
    if !lock::is_held() {
        return f();
    }
    let me = state::current();
    detach(me);
    let result = f();
    attach(me);
    result
}

/// Drops what hangs off a thread state: exceptions, dict, borrowed references.
///
/// # Safety
/// The lock is held, and nobody else uses `me`.
unsafe fn clear(me: *mut ThreadState) {
    // SAFETY: by this function's contract; each field holds a reference or NULL.
    unsafe {
        state::release_borrowed(me, 0);
        let c = &raw mut (*me).c;
        (*c).exc_info = &raw mut (*c).exc_state;
        for field in [
            &raw mut (*c).current_exception,
            &raw mut (*c).exc_state.exc_value,
            &raw mut (*c).dict,
            &raw mut (*c).async_exc,
        ] {
            refcount::xdecref(std::mem::replace(&mut *field, ptr::null_mut()));
        }
    }
}

/// Drops the VM that [`attach`] made for this thread. The lock is given up already.
fn release_vm(me: *mut ThreadState) {
    // SAFETY: this thread's own state.
    unsafe {
        (*me).owns_vm = false;
        (*me).vm = ptr::null();
    }
    release_current_thread(CurrentVmAttachState::Attached);
}

/// Gets the GIL, whatever this thread did before. Calls nest; each is undone by `PyGILState_Release`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyGILState_Ensure() -> PyGILState_STATE {
    let mut me = state::here();
    if me.is_null() {
        me = state::make();
    }
    let how = if lock::is_held() {
        How::Nested
    } else {
        attach(me)
    };
    // SAFETY: this thread's own state.
    unsafe {
        (*me).c.gilstate_counter += 1;
        let mark = (*me).borrowed.len();
        (*me).ensured.push(Ensured { how, mark });
    }
    match how {
        How::Nested => PyGILState_LOCKED,
        _ => PyGILState_UNLOCKED,
    }
}

/// Undoes the last `PyGILState_Ensure` of this thread, which returned `token`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyGILState_Release(_token: PyGILState_STATE) {
    let me = state::here();
    assert!(
        !me.is_null() && lock::is_held(),
        "PyGILState_Release without the GIL"
    );
    // SAFETY: this thread's own state.
    unsafe {
        let Some(Ensured { how, mark }) = (*me).ensured.pop() else {
            panic!("PyGILState_Release without PyGILState_Ensure");
        };
        (*me).c.gilstate_counter -= 1;
        if how != How::Nested && (*me).borrowed.len() > mark {
            state::release_borrowed(me, mark);
        }
        match how {
            How::Nested => {}
            How::Locked => leave(me),
            How::Restored => detach(me),
            How::Attached => {
                clear(me);
                leave(me);
                release_vm(me);
                state::bind_here(ptr::null_mut());
                state::retire(me);
            }
        }
    }
}

/// Whether this thread has the GIL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyGILState_Check() -> c_int {
    lock::is_held().into()
}

/// This thread's state, NULL if it has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyGILState_GetThisThreadState() -> *mut PyThreadState {
    state::here().cast()
}

/// Gives up the GIL. Returns this thread's state, for `PyEval_RestoreThread`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_SaveThread() -> *mut PyThreadState {
    let me = state::current();
    assert!(lock::is_held(), "PyEval_SaveThread without the GIL");
    detach(me);
    me.cast()
}

/// Gets the GIL again. The caller's `errno` is kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_RestoreThread(tstate: *mut PyThreadState) {
    // SAFETY: the address of this thread's own variable.
    let errno = unsafe { *libc::__errno_location() };
    attach(tstate.cast());
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

/// Gets the GIL for `tstate`, which becomes this thread's state.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_AcquireThread(tstate: *mut PyThreadState) {
    attach(tstate.cast());
}

/// Gives up the GIL of `tstate`, this thread's state.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_ReleaseThread(tstate: *mut PyThreadState) {
    assert!(
        lock::is_held() && tstate == state::current().cast(),
        "PyEval_ReleaseThread: wrong thread state"
    );
    detach(tstate.cast());
}

/// Gets the GIL, as `PyEval_AcquireThread` of this thread's state.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_AcquireLock() {
    let me = state::here();
    assert!(!me.is_null(), "PyEval_AcquireLock: the thread has no state");
    attach(me);
}

/// Gives up the GIL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_ReleaseLock() {
    detach(state::current());
}

/// Does nothing: threads are always possible.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_InitThreads() {}

/// Always 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_ThreadsInitialized() -> c_int {
    1
}

/// This thread's state; the process is aborted if it has not the GIL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThreadState_Get() -> *mut PyThreadState {
    if !lock::is_held() {
        // SAFETY: NUL-terminated strings.
        unsafe {
            super::pyerrors::_Py_FatalErrorFunc(
                c"PyThreadState_Get".as_ptr(),
                c"the function must be called with the GIL held, after Python initialization and before \
                  Python finalization, but the GIL is released (the current Python thread state is NULL)"
                    .as_ptr(),
            )
        }
    }
    state::current().cast()
}

/// This thread's state, NULL if it has not the GIL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThreadState_GetUnchecked() -> *mut PyThreadState {
    match lock::is_held() {
        true => state::current().cast(),
        false => ptr::null_mut(),
    }
}

/// Gives up the GIL of this thread's state, if it has it, and gets it for `tstate`, if that is not NULL. Returns what
/// had it before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThreadState_Swap(tstate: *mut PyThreadState) -> *mut PyThreadState {
    // SAFETY: no arguments.
    let old = unsafe { PyThreadState_GetUnchecked() };
    if old == tstate {
        return old;
    }
    if !old.is_null() {
        detach(old.cast());
    }
    if !tstate.is_null() {
        attach(tstate.cast());
    }
    old
}

/// A state for a thread that has none yet; `PyEval_AcquireThread` binds it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThreadState_New(_interp: *mut PyInterpreterState) -> *mut PyThreadState {
    state::make().cast()
}

/// As `PyThreadState_New`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyThreadState_Prealloc(
    interp: *mut PyInterpreterState,
) -> *mut PyThreadState {
    // SAFETY: the same contract.
    unsafe { PyThreadState_New(interp) }
}

/// Does nothing: a state is usable from the start.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyThreadState_Init(_tstate: *mut PyThreadState) {}

/// Drops what hangs off `tstate`. The caller has the GIL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThreadState_Clear(tstate: *mut PyThreadState) {
    // SAFETY: the caller has the GIL and `tstate` is no running thread's.
    unsafe { clear(tstate.cast()) };
}

/// Frees `tstate`, which was cleared and has not the GIL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThreadState_Delete(tstate: *mut PyThreadState) {
    let me: *mut ThreadState = tstate.cast();
    if state::here() == me {
        if current_vm_is_set() {
            // Python code of this thread goes on, and finds its state again.
            return;
        }
        state::bind_here(ptr::null_mut());
    }
    // SAFETY: the caller says that nobody uses it.
    let saved = unsafe {
        (*me).owns_vm = false;
        std::mem::take(&mut (*me).saved)
    };
    for saved in saved {
        // A VM that was made for the thread goes with its state.
        restore_current_thread(saved);
        release_current_thread(CurrentVmAttachState::Attached);
    }
    state::retire(me);
}

/// Gives up the GIL and frees this thread's state, which was cleared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThreadState_DeleteCurrent() {
    let me = state::current();
    // SAFETY: this thread's own state.
    unsafe {
        if (*me).owns_vm {
            leave(me);
            release_vm(me);
            state::bind_here(ptr::null_mut());
            state::retire(me);
        } else {
            detach(me);
        }
    }
}

/// A dict for C's use, one per thread. Borrowed, or NULL without an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThreadState_GetDict() -> *mut PyObject {
    if !lock::is_held() {
        return ptr::null_mut();
    }
    border(|vm| {
        // SAFETY: this thread's own state owns the dict.
        unsafe {
            let dict = &raw mut (*state::current()).c.dict;
            if (*dict).is_null() {
                *dict = c_of(vm, vm.ctx.new_dict().as_object());
            }
            Ok(*dict)
        }
    })
}

/// The interpreter of a thread state.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThreadState_GetInterpreter(
    tstate: *mut PyThreadState,
) -> *mut PyInterpreterState {
    // SAFETY: the caller passes a thread state.
    unsafe { (*tstate).interp }
}

/// The frame that runs. New reference, or NULL: also for any thread but this one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThreadState_GetFrame(tstate: *mut PyThreadState) -> *mut PyFrameObject {
    border(|vm| {
        if tstate != state::current().cast() {
            return Ok(ptr::null_mut());
        }
        Ok(vm
            .current_frame()
            .map_or(ptr::null_mut(), |frame| c_of(vm, frame.as_object()).cast()))
    })
}

/// The number of a thread state, never used twice.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThreadState_GetID(tstate: *mut PyThreadState) -> u64 {
    // SAFETY: the caller passes a thread state.
    unsafe { (*tstate).id }
}

/// The state that was made after `tstate`, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThreadState_Next(tstate: *mut PyThreadState) -> *mut PyThreadState {
    state::after(tstate.cast()).cast()
}

/// Suspends tracing and profiling.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThreadState_EnterTracing(tstate: *mut PyThreadState) {
    // SAFETY: the caller passes a thread state.
    unsafe { (*tstate).tracing += 1 };
    tracing(false);
}

/// Undoes `PyThreadState_EnterTracing`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThreadState_LeaveTracing(tstate: *mut PyThreadState) {
    // SAFETY: the caller passes a thread state.
    unsafe {
        (*tstate).tracing -= 1;
        if (*tstate).tracing == 0 {
            tracing(true);
        }
    }
}

fn tracing(on: bool) {
    border(|vm| {
        let wanted = !vm.is_none(&vm.trace_func.borrow()) || !vm.is_none(&vm.profile_func.borrow());
        vm.use_tracing.set(on && wanted);
        Ok(Nothing)
    });
}

/// The interpreter. The caller has the GIL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInterpreterState_Get() -> *mut PyInterpreterState {
    state::interpreter()
}

/// The interpreter; needs no GIL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInterpreterState_Main() -> *mut PyInterpreterState {
    state::interpreter()
}

/// The interpreter, which is the only one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInterpreterState_Head() -> *mut PyInterpreterState {
    state::interpreter()
}

/// NULL: there is one interpreter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInterpreterState_Next(
    _interp: *mut PyInterpreterState,
) -> *mut PyInterpreterState {
    ptr::null_mut()
}

/// The state that was made first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInterpreterState_ThreadHead(
    _interp: *mut PyInterpreterState,
) -> *mut PyThreadState {
    state::after(ptr::null_mut()).cast()
}

/// The number of the interpreter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInterpreterState_GetID(interp: *mut PyInterpreterState) -> i64 {
    if interp.is_null() {
        return border(|vm| Err::<i64, _>(vm.new_runtime_error("no interpreter provided")));
    }
    global_state().map_or(0, |state| state.interpreter_id)
}

struct InterpreterDict(RefCell<*mut PyObject>);
// SAFETY: only the holder of the extension lock reaches it.
unsafe impl Sync for InterpreterDict {}
static INTERPRETER_DICT: InterpreterDict = InterpreterDict(RefCell::new(ptr::null_mut()));

/// A dict for C's use, one per interpreter. Borrowed; lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInterpreterState_GetDict(
    _interp: *mut PyInterpreterState,
) -> *mut PyObject {
    border(|vm| {
        let mut dict = INTERPRETER_DICT.0.borrow_mut();
        if dict.is_null() {
            *dict = c_of(vm, vm.ctx.new_dict().as_object());
        }
        Ok(*dict)
    })
}

/// NULL: further interpreters cannot be made from C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInterpreterState_New() -> *mut PyInterpreterState {
    ptr::null_mut()
}

/// Aborts the process: the one interpreter is not C's to take apart.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInterpreterState_Clear(_interp: *mut PyInterpreterState) {
    // SAFETY: a NUL-terminated string.
    unsafe {
        super::pyerrors::Py_FatalError(
            c"PyInterpreterState_Clear: the main interpreter runs".as_ptr(),
        )
    }
}

/// Aborts the process: the one interpreter is not C's to take apart.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInterpreterState_Delete(_interp: *mut PyInterpreterState) {
    // SAFETY: a NUL-terminated string.
    unsafe {
        super::pyerrors::Py_FatalError(
            c"PyInterpreterState_Delete: the main interpreter runs".as_ptr(),
        )
    }
}

/// Borrowed until the C call returns; NULL without an exception if no Python code runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_GetFrame() -> *mut PyFrameObject {
    border(|vm| {
        Ok(vm
            .current_frame()
            .map_or(ptr::null_mut(), |frame| lend(vm, frame.as_object()).cast()))
    })
}

/// Raises `exc` in the thread `id`, where it runs Python code; NULL takes that back. Returns how many threads were
/// found: the VM lets us reach the main thread only. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThreadState_SetAsyncExc(id: c_ulong, exc: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: the caller passes NULL or a live object.
        let exc = unsafe { optional(vm, exc) };
        Ok(super::ceval::raise_in_main_thread(id, exc))
    })
}

// skipped: PyUnstable_ThreadState_SetStackProtection, PyUnstable_ThreadState_ResetStackProtection: the VM finds the bounds
// of stacks itself
