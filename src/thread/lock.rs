//! The extension lock: who may run C code.
//!
//! One word says who holds the lock. Entering the VM from C marks it
//! *stealable* with one store; coming back is one compare-and-swap. So a
//! thread that sits in Python code never holds up another thread's C code,
//! and the uncontended cost is that of two atomic operations.
//!
//! | value | meaning |
//! |---|---|
//! | 0 | free |
//! | thread state | that thread runs C code |
//! | thread state + 1 | it did last, and anyone may take the lock |
//!
//! Waiters wait detached from the VM: a stop-the-world collection that the
//! holder starts must not wait for them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustpython_vm::{PyResult, VirtualMachine};

use super::state::{self, ThreadState};
use crate::refcount::check;

const STEALABLE: usize = 1;

/// Whether the type objects and singletons are filled.
static READY: AtomicBool = AtomicBool::new(false);

/// Whether C has ever been entered.
pub fn is_set_up() -> bool {
    READY.load(Ordering::Relaxed)
}

/// Has the type objects and singletons filled. This thread holds the lock, and its state knows `vm`.
#[inline]
pub fn ensure_set_up(vm: &VirtualMachine) {
    if !READY.load(Ordering::Relaxed) {
        set_up(vm);
    }
}

/// Has the findings about references printed when everybody else has cleaned up.
fn print_at_exit(vm: &VirtualMachine) -> PyResult<()> {
    let print = vm.import("_pyabi", 0)?.get_attr("refcheck_print", vm)?;
    let register = vm.import("atexit", 0)?.get_attr("register", vm)?;
    register.call((print,), vm).map(drop)
}

/// The first entry into C of the process: fills the types and singletons.
///
/// Not done when the interpreter starts, so that a program without
/// extensions does not pay for it.
#[cold]
fn set_up(vm: &VirtualMachine) {
    READY.store(true, Ordering::Relaxed);
    let _checked = check::is_on().then(check::Call::import);
    crate::proxy::arena::init();
    crate::proxy::invariants::start();
    crate::vm::mend_bytearray_items(vm);
    if let Err(e) = crate::vm::check_layout(vm).and_then(|()| crate::types::init(vm)) {
        vm.print_exception(&e);
        panic!("the C API cannot be set up");
    }
    if check::is_on()
        && let Err(e) = print_at_exit(vm)
    {
        vm.print_exception(&e);
    }
}
/// A waiter looks again after this time even when nobody woke it: marking
/// the lock stealable is a plain store, so a wake-up can be missed.
const PATIENCE: Duration = Duration::from_millis(1);

static OWNER: AtomicUsize = AtomicUsize::new(0);
static WAITERS: AtomicUsize = AtomicUsize::new(0);
static WAKE: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());

/// The thread state of the thread that holds the lock; meaningful only there.
#[inline]
pub fn owner() -> *mut ThreadState {
    OWNER.load(Ordering::Relaxed) as *mut ThreadState
}

/// Whether this thread holds the lock.
#[inline]
pub fn is_held() -> bool {
    let me = state::here();
    !me.is_null() && OWNER.load(Ordering::Relaxed) == me as usize
}

/// Proof that this thread holds the lock; gives it back when dropped, unless
/// the thread had it before.
#[must_use]
pub struct Held {
    me: *mut ThreadState,
    release: bool,
    /// Whether this is the entry of a call from the VM.
    call: bool,
    /// How much the thread had borrowed before.
    borrowed: usize,
    /// What `exc_info` held before, when it had to be changed.
    handled: Option<super::state::Handled>,
}

impl Drop for Held {
    #[inline]
    fn drop(&mut self) {
        if !self.release {
            return;
        }
        // SAFETY: this thread holds the lock, so it is its own state.
        let (handled, borrowed) = unsafe {
            let me = &*self.me;
            ((*me.c.exc_info).exc_value, me.borrowed.len())
        };
        if self.call && (!handled.is_null() || self.handled.is_some()) {
            self.restore_handled();
        }
        if borrowed > self.borrowed {
            // What was lent outside of any call of C.
            state::release_borrowed(self.me, self.borrowed);
        }
        open(self.me);
    }
}

impl Held {
    #[cold]
    fn restore_handled(&mut self) {
        match self.handled.take() {
            Some(handled) => handled.restore(),
            None => super::state::Handled::none().restore(),
        }
    }
}

/// Takes the lock for this thread, whose VM is `vm`, and does what other
/// threads left to the next holder.
#[inline]
pub fn enter(vm: &VirtualMachine) -> Held {
    let me = state::here();
    if me.is_null() || !try_reacquire(me) || !READY.load(Ordering::Relaxed) {
        return enter_slowly(vm);
    }
    entered(vm, me)
}

#[inline]
fn entered(vm: &VirtualMachine, me: *mut ThreadState) -> Held {
    // SAFETY: this thread's state, and the lock is held.
    let borrowed = unsafe {
        (*me).vm = vm;
        (*me).borrowed.len()
    };
    crate::refcount::deferred::drain();
    Held {
        me,
        release: true,
        call: true,
        borrowed,
        handled: super::state::Handled::exchange(vm),
    }
}

#[inline(never)]
fn enter_slowly(vm: &VirtualMachine) -> Held {
    let me = state::here_with(vm);
    if OWNER.load(Ordering::Relaxed) == me as usize {
        if READY.load(Ordering::Relaxed) {
            return nested(vm, me);
        }
    } else {
        acquire(me);
    }
    // SAFETY: this thread's state, and the lock is held.
    unsafe { (*me).vm = vm };
    ensure_set_up(vm);
    entered(vm, me)
}

/// This thread has the lock already.
#[inline]
fn nested(vm: &VirtualMachine, me: *mut ThreadState) -> Held {
    // SAFETY: this thread's state, and the lock is held.
    unsafe { (*me).vm = vm };
    Held {
        me,
        release: false,
        call: false,
        borrowed: 0,
        handled: None,
    }
}

/// Takes the lock and does nothing else: the collector asks for what objects
/// refer to, after it let the world go on.
pub fn enter_quietly(vm: &VirtualMachine) -> Held {
    let me = state::here_with(vm);
    let release = OWNER.load(Ordering::Relaxed) != me as usize;
    if release {
        acquire(me);
    }
    // SAFETY: this thread's state, and the lock is held.
    let borrowed = unsafe {
        (*me).vm = vm;
        (*me).borrowed.len()
    };
    Held {
        me,
        release,
        call: false,
        borrowed,
        handled: None,
    }
}

/// Takes the lock if that needs no waiting.
#[inline]
pub fn try_enter() -> Option<Held> {
    let me = state::here();
    if me.is_null() {
        return None;
    }
    if !try_reacquire(me) {
        let seen = OWNER.load(Ordering::Relaxed);
        if seen == me as usize {
            return Some(Held {
                me,
                release: false,
                call: false,
                borrowed: 0,
                handled: None,
            });
        }
        if (seen != 0 && seen & STEALABLE == 0)
            || OWNER
                .compare_exchange(seen, me as usize, Ordering::Acquire, Ordering::Relaxed)
                .is_err()
        {
            return None;
        }
    }
    Some(Held {
        me,
        release: true,
        call: false,
        // SAFETY: this thread's state, and the lock is held.
        borrowed: unsafe { (*me).borrowed.len() },
        handled: None,
    })
}

/// Runs `f`, which may run Python code, with the lock open to other threads.
/// The caller holds the lock, and holds it again afterwards.
#[inline]
pub fn leave_for<R>(f: impl FnOnce() -> R) -> R {
    struct Retake(*mut ThreadState);
    impl Drop for Retake {
        fn drop(&mut self) {
            acquire(self.0);
        }
    }
    let me = owner();
    debug_assert!(is_held());
    make_stealable();
    let _retake = Retake(me);
    f()
}

/// Gives the lock up; for `PyEval_SaveThread`, and for a collection.
pub fn release() {
    debug_assert!(is_held());
    // Whoever takes it next is most likely this thread.
    OWNER.store(owner() as usize | STEALABLE, Ordering::Release);
    wake();
}

/// Takes the lock for `me`, this thread's state.
#[inline]
pub fn acquire(me: *mut ThreadState) {
    if !try_reacquire(me) {
        acquire_slowly(me as usize);
    }
    // Whoever ran meanwhile.
    crate::proxy::mirror::vm_ran();
}

/// Takes the lock if `me`, this thread's state, had it last and left it open.
#[inline]
fn try_reacquire(me: *mut ThreadState) -> bool {
    let me = me as usize;
    OWNER
        .compare_exchange(me | STEALABLE, me, Ordering::Acquire, Ordering::Relaxed)
        .is_ok()
}

#[inline]
fn make_stealable() {
    open(owner());
}

/// Lets anyone take the lock that `me`, this thread's state, holds.
#[inline]
fn open(me: *mut ThreadState) {
    let me = me as usize;
    OWNER.store(me | STEALABLE, Ordering::Release);
    if WAITERS.load(Ordering::Relaxed) != 0 {
        yield_to_waiters(me);
    }
}

/// Gives waiting threads a chance: a thread that calls C in a loop leaves the
/// lock open only for moments.
#[cold]
fn yield_to_waiters(me: usize) {
    wake();
    for _ in 0..64 {
        if OWNER.load(Ordering::Relaxed) != me | STEALABLE {
            return;
        }
        std::thread::yield_now();
    }
}

fn wake() {
    if WAITERS.load(Ordering::Relaxed) != 0 {
        WAKE.1.notify_one();
    }
}

fn take(me: usize) -> bool {
    let seen = OWNER.load(Ordering::Relaxed);
    if seen == me {
        // Taken while it was open, for a fork.
        return true;
    }
    (seen == 0 || seen & STEALABLE != 0)
        && OWNER
            .compare_exchange(seen, me, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
}

#[cold]
fn acquire_slowly(me: usize) {
    if take(me) {
        return;
    }
    WAITERS.fetch_add(1, Ordering::Relaxed);
    let wait = || {
        let mut guard = WAKE.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !take(me) {
            guard = WAKE
                .1
                .wait_timeout(guard, PATIENCE)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    };
    if rustpython_vm::vm::thread::current_vm_is_set() {
        rustpython_vm::vm::thread::with_current_vm(|vm| vm.allow_threads(wait));
    } else {
        wait();
    }
    WAITERS.fetch_sub(1, Ordering::Relaxed);
}

/// Takes the lock before a fork, so that no other thread is in the midst of
/// C code then.
pub fn before_fork(vm: &VirtualMachine) {
    acquire(state::here_with(vm));
}

/// After a fork, in the parent.
pub fn after_fork_in_parent() {
    make_stealable();
}

/// After a fork only the calling thread lives on: nobody waits any more.
pub fn after_fork_in_child() {
    WAITERS.store(0, Ordering::Relaxed);
    state::forget_others();
    make_stealable();
}
