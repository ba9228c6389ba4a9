//! One `PyThreadState` per thread.
//!
//! The struct is real: extensions read and write `current_exception` and
//! `exc_info` in it. What the bridge itself needs to know of a thread follows
//! it in memory.

use std::cell::Cell;
use std::collections::VecDeque;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustpython_vm::builtins::PyBaseExceptionRef;
use rustpython_vm::vm::thread::SavedThreadState;
use rustpython_vm::{AsObject, VirtualMachine};

use crate::layout::{_PyErr_StackItem, PyInterpreterState, PyObject, PyThreadState};
use crate::proxy::linger;
use crate::refcount;

/// A thread state with what belongs to it. The C struct comes first, so a
/// pointer to one is a pointer to the other.
#[repr(C, align(16))]
pub struct ThreadState {
    pub c: PyThreadState,
    /// The VM this thread runs in; valid while the thread is in C.
    pub vm: *const VirtualMachine,
    /// References that C borrowed and that nothing else keeps alive, until
    /// the C call that fetched them returns.
    pub borrowed: Vec<*mut PyObject>,
    /// Mirrors at count zero that stay until the outermost C call returns.
    pub in_call: VecDeque<*mut PyObject>,
    /// What `PyEval_SaveThread` put away.
    pub saved: Vec<SavedThreadState>,
    /// Calls of C functions under way on this thread.
    pub depth: usize,
    /// Deallocations under way on this thread, one inside the other.
    pub deallocating: usize,
    /// Objects at count zero that wait for those to be over.
    pub later: Vec<*mut PyObject>,
    /// Tokens that `PyGILState_Ensure` handed out: how to undo each.
    pub ensured: Vec<crate::api::pystate::Ensured>,
    /// The thread's VM was made for it by `PyGILState_Ensure` or its like.
    pub owns_vm: bool,
}

thread_local! {
    static HERE: Cell<*mut ThreadState> = const { Cell::new(ptr::null_mut()) };
    /// Forgets the thread state when the thread ends.
    static OWNED: Cell<Option<Owned>> = const { Cell::new(None) };
}

struct Owned;

impl Drop for Owned {
    fn drop(&mut self) {
        let here = HERE.try_with(|here| here.replace(ptr::null_mut()));
        if let Ok(me) = here {
            states().live.retain(|&address| address != me as usize);
        }
        // The memory itself stays: the lock's word may still name it as the
        // last owner, and extensions may have kept the pointer.
    }
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);
static INTERPRETER: AtomicPtr<PyInterpreterState> = AtomicPtr::new(ptr::null_mut());

/// The one interpreter state. Its contents are opaque to extensions.
pub fn interpreter() -> *mut PyInterpreterState {
    let known = INTERPRETER.load(Ordering::Acquire);
    if !known.is_null() {
        return known;
    }
    // Extensions only compare and pass on the pointer.
    let fresh = Box::into_raw(Box::new([0u64; 64])).cast();
    match INTERPRETER.compare_exchange(ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire)
    {
        Ok(_) => fresh,
        Err(other) => other,
    }
}

/// This thread's state, NULL when it has none yet.
#[inline]
pub fn here() -> *mut ThreadState {
    HERE.try_with(Cell::get).unwrap_or(ptr::null_mut())
}

/// This thread's state, made when there is none.
#[inline]
pub fn here_with(vm: &VirtualMachine) -> *mut ThreadState {
    let me = here();
    if me.is_null() { create(vm) } else { me }
}

#[cold]
fn create(vm: &VirtualMachine) -> *mut ThreadState {
    let me = make();
    // SAFETY: freshly made, ours alone.
    unsafe { (*me).vm = vm };
    bind_here(me);
    me
}

/// The states alive, in the order in which they were made, and those that may
/// be used again. Memory of a state is never freed: the lock's word may still
/// name it as the last owner.
#[derive(Default)]
struct States {
    live: Vec<usize>,
    retired: Vec<usize>,
}

static STATES: Mutex<States> = Mutex::new(States {
    live: Vec::new(),
    retired: Vec::new(),
});

fn states() -> MutexGuard<'static, States> {
    STATES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A fresh state that no thread has yet.
pub fn make() -> *mut ThreadState {
    // SAFETY: a thread state is plain words, pointers and options of them,
    // for all of which zero is a value.
    let c: PyThreadState = unsafe { mem::zeroed() };
    let fresh = ThreadState {
        c,
        vm: ptr::null(),
        borrowed: Vec::new(),
        in_call: VecDeque::new(),
        deallocating: 0,
        later: Vec::new(),
        saved: Vec::new(),
        depth: 0,
        ensured: Vec::new(),
        owns_vm: false,
    };
    let mut states = states();
    let me = match states.retired.pop() {
        Some(address) => {
            let me = address as *mut ThreadState;
            // SAFETY: nobody uses a retired state, and it is still allocated.
            unsafe { *me = fresh };
            me
        }
        None => Box::into_raw(Box::new(fresh)),
    };
    states.live.push(me as usize);
    // SAFETY: ours alone; the pointers stay valid since the state is never moved.
    unsafe {
        let c = &mut (*me).c;
        c.interp = interpreter();
        c.exc_info = &raw mut c.exc_state;
        c.id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        c.py_recursion_limit = 1000;
        c.py_recursion_remaining = 1000;
    }
    me
}

/// Makes `me` this thread's state.
#[inline]
pub fn bind_here(me: *mut ThreadState) {
    if here() != me {
        rebind_here(me);
    }
}

#[cold]
fn rebind_here(me: *mut ThreadState) {
    if !me.is_null() {
        // SAFETY: a state is used by one thread at a time.
        unsafe { write_ids(me) };
    }
    HERE.set(me);
    // Made once: dropping the one that is there forgets the state.
    let owned = OWNED.take();
    OWNED.set(Some(match owned {
        Some(owned) => owned,
        None => Owned,
    }));
}

/// # Safety
/// `me` is this thread's own.
unsafe fn write_ids(me: *mut ThreadState) {
    // SAFETY: by this function's contract.
    unsafe {
        let c = &mut (*me).c;
        c.thread_id = libc::pthread_self();
        c.native_thread_id = libc::syscall(libc::SYS_gettid) as _;
    }
}

/// Nobody uses `me` any more, and nothing hangs off it.
pub fn retire(me: *mut ThreadState) {
    let mut states = states();
    states.live.retain(|&address| address != me as usize);
    states.retired.push(me as usize);
}

/// Only this thread lives on in a child process, and has a new number there.
pub fn forget_others() {
    let me = here();
    states().live.retain(|&address| address == me as usize);
    if !me.is_null() {
        // SAFETY: this thread's own state.
        unsafe { write_ids(me) };
    }
}

/// The state that was made after `me`, or the first one for NULL.
pub fn after(me: *mut ThreadState) -> *mut ThreadState {
    let states = states();
    let next = match me.is_null() {
        true => states.live.first(),
        false => {
            let at = states
                .live
                .iter()
                .position(|&address| address == me as usize);
            at.and_then(|at| states.live.get(at + 1))
        }
    };
    next.map_or(ptr::null_mut(), |&address| address as *mut ThreadState)
}

/// The state of the thread that holds the extension lock: this one, when C
/// code calls.
#[inline]
pub fn current() -> *mut ThreadState {
    super::lock::owner()
}

/// The VM of this thread, which holds the extension lock.
#[inline]
pub fn current_vm() -> &'static VirtualMachine {
    debug_assert!(super::lock::is_held(), "C API called without the GIL");
    // SAFETY: the holder's VM outlives its time in C. The lifetime is a
    // convenience of the border functions, none of which lets it out.
    unsafe { &*(*current()).vm }
}

/// Runs `f`, a call of C code; references that it borrowed without another
/// owner are dropped when it returns.
#[inline]
pub fn call_c<R>(f: impl FnOnce() -> R) -> R {
    struct Frame {
        me: *mut ThreadState,
        mark: usize,
    }
    impl Drop for Frame {
        #[inline]
        fn drop(&mut self) {
            // SAFETY: this thread's own state.
            let me = unsafe { &mut *self.me };
            me.depth -= 1;
            if me.depth == 0 && !me.in_call.is_empty() {
                linger::call_returned(mem::take(&mut me.in_call));
            }
            if me.borrowed.len() > self.mark {
                release_borrowed(self.me, self.mark);
            }
        }
    }
    let me = current();
    // SAFETY: this thread holds the lock, so `me` is its own state.
    let mark = unsafe {
        (*me).depth += 1;
        (*me).borrowed.len()
    };
    let _frame = Frame { me, mark };
    f()
}

/// Whether a call of C is under way on this thread, which holds the lock.
#[inline]
pub fn in_call() -> bool {
    // SAFETY: this thread holds the lock, so the state is its own.
    unsafe { (*current()).depth > 0 }
}

/// Drops the borrowed references from the one at `mark` on.
#[cold]
pub fn release_borrowed(me: *mut ThreadState, mark: usize) {
    // SAFETY: this thread's own state. Deallocation may borrow again, so the
    // list is looked at anew each time.
    unsafe {
        while (*me).borrowed.len() > mark {
            if let Some(p) = (*me).borrowed.pop() {
                refcount::decref(p);
            }
        }
    }
}

/// Keeps the reference `p`, which becomes ours, until the C call under way
/// returns, and gives it back as a borrowed one.
#[inline]
pub fn borrow_until_return(p: *mut PyObject) -> *mut PyObject {
    if !p.is_null() && !refcount::is_immortal(p) {
        // SAFETY: this thread holds the lock, so it is its own state.
        unsafe { (*current()).borrowed.push(p) };
    }
    p
}

/// The exceptions that the C code below on this thread saw as being handled,
/// while other C code sees the VM's.
pub struct Handled {
    before: *mut PyObject,
    shown: *mut PyObject,
}

impl Handled {
    /// As if C had been shown that nothing is being handled.
    pub fn none() -> Self {
        Self {
            before: ptr::null_mut(),
            shown: ptr::null_mut(),
        }
    }

    /// Shows C the exception that the VM handles; `None` when there is none
    /// on either side, as is usual.
    #[inline]
    pub fn exchange(vm: &VirtualMachine) -> Option<Self> {
        let now = vm.current_exception();
        // SAFETY: this thread holds the lock, so the state is its own.
        let item = unsafe { &mut *exc_info() };
        if now.is_none() && item.exc_value.is_null() {
            return None;
        }
        let shown = now.map_or(ptr::null_mut(), |e| crate::proxy::c_of(vm, e.as_object()));
        Some(Self {
            before: mem::replace(&mut item.exc_value, shown),
            shown,
        })
    }

    /// Puts back what was there before. What C says is being handled now
    /// goes for the code that called it.
    pub fn restore(self) {
        // SAFETY: this thread holds the lock, so the state is its own; the
        // item owned what it held.
        unsafe {
            let now = mem::replace(&mut (*exc_info()).exc_value, self.before);
            if now != self.shown {
                let vm = super::state::current_vm();
                vm.set_exception(exception(vm, now));
            }
            refcount::xdecref(now);
        }
    }
}

/// The VM's exception for one of C's; `None` for NULL and `None`.
///
/// # Safety
/// `p` is NULL or live; the lock is held.
unsafe fn exception(vm: &VirtualMachine, p: *mut PyObject) -> Option<PyBaseExceptionRef> {
    // SAFETY: by this function's contract.
    unsafe { crate::proxy::vm_of_opt(vm, p) }?.downcast().ok()
}

/// The exception that C is handling, borrowed, or NULL.
#[inline]
pub fn topmost_handled() -> *mut PyObject {
    let mut item = exc_info();
    // SAFETY: the stack of this thread's state; values are strong references
    // or NULL.
    unsafe {
        while !item.is_null() {
            let value = (*item).exc_value;
            if !value.is_null() && value != crate::types::statics::none() {
                return value;
            }
            item = (*item).previous_item;
        }
    }
    ptr::null_mut()
}

/// Has the VM handle what C handles. What it handled before, if that was
/// something else, is for [`unshare_handled`].
#[inline]
pub fn share_handled(vm: &VirtualMachine) -> Option<Option<PyBaseExceptionRef>> {
    let c = topmost_handled();
    let v = vm.current_exception();
    if c.is_null() && v.is_none() {
        return None;
    }
    // SAFETY: the stack holds a reference.
    let wanted = unsafe { exception(vm, c) };
    let same = match (&wanted, &v) {
        (Some(wanted), Some(v)) => wanted.is(v),
        (None, None) => true,
        _ => false,
    };
    if same {
        return None;
    }
    vm.set_exception(wanted);
    Some(v)
}

/// Undoes [`share_handled`].
#[inline]
pub fn unshare_handled(vm: &VirtualMachine, before: Option<Option<PyBaseExceptionRef>>) {
    if let Some(before) = before {
        vm.set_exception(before);
    }
}

/// The stack item that extensions see as `tstate->exc_info`.
pub fn exc_info() -> *mut _PyErr_StackItem {
    // SAFETY: this thread holds the lock, so it is its own state.
    unsafe { (*current()).c.exc_info }
}
