//! `pythread.h` and `cpython/pythread.h`: locks, threads, thread-specific storage. None of it needs the GIL.

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_longlong, c_ulong, c_void};
use std::ptr;

use super::{border, pystate, python};
use crate::layout::{
    PY_LOCK_ACQUIRED, PY_LOCK_FAILURE, PY_LOCK_INTR, PYTHREAD_INVALID_THREAD_ID, Py_tss_t,
    PyLockStatus, PyObject, PyThread_type_lock,
};

/// What a `PyThread_type_lock` points to: a semaphore, as in CPython, since a signal's arrival can end its waits.
struct Lock(UnsafeCell<libc::sem_t>);

/// The point of time `microseconds` from now.
fn deadline(microseconds: c_longlong) -> libc::timespec {
    const NANOS: i64 = 1_000_000_000;
    let mut at = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: our own variable.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut at) };
    let nanos = at.tv_nsec + microseconds % 1_000_000 * 1000;
    at.tv_sec = at
        .tv_sec
        .saturating_add(microseconds / 1_000_000)
        .saturating_add(nanos / NANOS);
    at.tv_nsec = nanos % NANOS;
    at
}

impl Lock {
    fn acquire(&self, microseconds: c_longlong, interruptible: bool) -> PyLockStatus {
        let at = deadline(microseconds.max(0));
        loop {
            // SAFETY: an initialized semaphore, and our own variable.
            let status = unsafe {
                match microseconds {
                    0 => libc::sem_trywait(self.0.get()),
                    1.. => libc::sem_timedwait(self.0.get(), &raw const at),
                    _ => libc::sem_wait(self.0.get()),
                }
            };
            if status == 0 {
                return PY_LOCK_ACQUIRED;
            }
            match std::io::Error::last_os_error().raw_os_error() {
                Some(libc::EINTR) if interruptible => return PY_LOCK_INTR,
                Some(libc::EINTR) => {}
                _ => return PY_LOCK_FAILURE,
            }
        }
    }
}

/// A lock, free. NULL when memory is out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_allocate_lock() -> PyThread_type_lock {
    // SAFETY: all zero is memory for a semaphore, which stays where it is.
    unsafe {
        let lock = Box::into_raw(Box::new(Lock(std::mem::zeroed())));
        libc::sem_init((*lock).0.get(), 0, 1);
        lock.cast()
    }
}

/// Frees a lock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_free_lock(lock: PyThread_type_lock) {
    if !lock.is_null() {
        // SAFETY: the caller hands over what `PyThread_allocate_lock` returned.
        unsafe {
            let lock = Box::from_raw(lock.cast::<Lock>());
            libc::sem_destroy(lock.0.get());
        }
    }
}

/// Takes a lock, waiting for ever if `waitflag` is not 0. Whether it was taken.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_acquire_lock(lock: PyThread_type_lock, waitflag: c_int) -> c_int {
    let microseconds = if waitflag != 0 { -1 } else { 0 };
    // SAFETY: the same contract.
    let status = unsafe { PyThread_acquire_lock_timed(lock, microseconds, 0) };
    (status == PY_LOCK_ACQUIRED).into()
}

/// Takes a lock, waiting that long at most: for ever if it is negative. With `intr_flag`, a signal ends the wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_acquire_lock_timed(
    lock: PyThread_type_lock,
    microseconds: c_longlong,
    intr_flag: c_int,
) -> PyLockStatus {
    // SAFETY: the caller passes a lock of `PyThread_allocate_lock`.
    unsafe { (*lock.cast::<Lock>()).acquire(microseconds, intr_flag != 0) }
}

/// Frees a lock for the next thread, which need not be this one's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_release_lock(lock: PyThread_type_lock) {
    // SAFETY: the caller passes a lock of `PyThread_allocate_lock`.
    unsafe { libc::sem_post((*lock.cast::<Lock>()).0.get()) };
}

/// Does nothing: threads need no preparation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_init_thread() {}

struct Start {
    func: unsafe extern "C" fn(*mut c_void),
    arg: *mut c_void,
}

extern "C" fn run_thread(start: *mut c_void) -> *mut c_void {
    // SAFETY: `PyThread_start_new_thread` made the box for us.
    unsafe {
        let Start { func, arg } = *Box::from_raw(start.cast::<Start>());
        func(arg);
    }
    ptr::null_mut()
}

/// Has a new, detached thread call `func(arg)`. Its identity, or `PYTHREAD_INVALID_THREAD_ID`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_start_new_thread(
    func: unsafe extern "C" fn(*mut c_void),
    arg: *mut c_void,
) -> c_ulong {
    let start = Box::into_raw(Box::new(Start { func, arg }));
    // SAFETY: plain words that the first call fills; the thread takes the box, or we do if there is none.
    unsafe {
        let mut attributes = std::mem::zeroed::<libc::pthread_attr_t>();
        libc::pthread_attr_init(&raw mut attributes);
        libc::pthread_attr_setdetachstate(&raw mut attributes, libc::PTHREAD_CREATE_DETACHED);
        let size = PyThread_get_stacksize();
        if size != 0 {
            libc::pthread_attr_setstacksize(&raw mut attributes, size);
        }
        let mut thread: libc::pthread_t = 0;
        let status = libc::pthread_create(
            &raw mut thread,
            &raw const attributes,
            run_thread,
            start.cast(),
        );
        libc::pthread_attr_destroy(&raw mut attributes);
        if status != 0 {
            drop(Box::from_raw(start));
            return PYTHREAD_INVALID_THREAD_ID;
        }
        thread
    }
}

/// Ends this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn PyThread_exit_thread() -> ! {
    // SAFETY: no Rust frame with anything to drop is below: C called.
    unsafe { libc::pthread_exit(ptr::null_mut()) }
}

/// This thread's identity.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_get_thread_ident() -> c_ulong {
    // SAFETY: always succeeds.
    unsafe { libc::pthread_self() }
}

/// This thread's number in the system.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_get_thread_native_id() -> c_ulong {
    // SAFETY: always succeeds.
    unsafe { libc::syscall(libc::SYS_gettid) as c_ulong }
}

/// `threading.stack_size()`; 0 is the system's default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_get_stacksize() -> usize {
    pystate::global_state().map_or(0, |state| state.stacksize.load())
}

/// Sets the size of the stacks of new threads. 0, or -1 for a size that is too small.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_set_stacksize(size: usize) -> c_int {
    const SMALLEST: usize = 0x8000;
    if size != 0 && size < SMALLEST {
        return -1;
    }
    if let Some(state) = pystate::global_state() {
        state.stacksize.store(size);
    }
    0
}

/// `sys.thread_info`. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_GetInfo() -> *mut PyObject {
    border(|vm| python(|| vm.sys_module.get_attr("thread_info", vm)))
}

/// A key, not created yet. NULL when memory is out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_tss_alloc() -> *mut Py_tss_t {
    // SAFETY: all zero is a key that needs creation.
    unsafe { libc::calloc(1, size_of::<Py_tss_t>()).cast() }
}

/// Deletes and frees a key of `PyThread_tss_alloc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_tss_free(key: *mut Py_tss_t) {
    if !key.is_null() {
        // SAFETY: the caller hands over its key.
        unsafe {
            PyThread_tss_delete(key);
            libc::free(key.cast());
        }
    }
}

/// Whether the key was created.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_tss_is_created(key: *mut Py_tss_t) -> c_int {
    // SAFETY: the caller's key.
    unsafe { (*key)._is_initialized }
}

/// Creates the key, unless that was done. 0, or -1 if there are too many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_tss_create(key: *mut Py_tss_t) -> c_int {
    // SAFETY: the caller's key.
    unsafe {
        if (*key)._is_initialized != 0 {
            return 0;
        }
        if libc::pthread_key_create(&raw mut (*key)._key, None) != 0 {
            return -1;
        }
        (*key)._is_initialized = 1;
        0
    }
}

/// Deletes the key; the values are forgotten.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_tss_delete(key: *mut Py_tss_t) {
    // SAFETY: the caller's key.
    unsafe {
        if (*key)._is_initialized != 0 {
            libc::pthread_key_delete((*key)._key);
            (*key)._is_initialized = 0;
        }
    }
}

/// Sets this thread's value. 0, or -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_tss_set(key: *mut Py_tss_t, value: *mut c_void) -> c_int {
    // SAFETY: the caller's created key.
    let status = unsafe { libc::pthread_setspecific((*key)._key, value) };
    if status == 0 { 0 } else { -1 }
}

/// This thread's value, NULL if none was set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_tss_get(key: *mut Py_tss_t) -> *mut c_void {
    // SAFETY: the caller's created key.
    unsafe { libc::pthread_getspecific((*key)._key) }
}

/// A key, -1 if there are too many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_create_key() -> c_int {
    let mut key: libc::pthread_key_t = 0;
    // SAFETY: our own variable.
    match unsafe { libc::pthread_key_create(&raw mut key, None) } {
        0 => c_int::try_from(key).unwrap_or(-1),
        _ => -1,
    }
}

/// Deletes a key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_delete_key(key: c_int) {
    // SAFETY: a key that is none is refused.
    unsafe { libc::pthread_key_delete(key as libc::pthread_key_t) };
}

/// Sets this thread's value. 0, or -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_set_key_value(key: c_int, value: *mut c_void) -> c_int {
    // SAFETY: a key that is none is refused.
    match unsafe { libc::pthread_setspecific(key as libc::pthread_key_t, value) } {
        0 => 0,
        _ => -1,
    }
}

/// This thread's value, NULL if none was set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_get_key_value(key: c_int) -> *mut c_void {
    // SAFETY: a key that is none gives NULL.
    unsafe { libc::pthread_getspecific(key as libc::pthread_key_t) }
}

/// Forgets this thread's value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_delete_key_value(key: c_int) {
    // SAFETY: a key that is none is refused.
    unsafe { libc::pthread_setspecific(key as libc::pthread_key_t, ptr::null()) };
}

/// Does nothing: keys stay valid in a child process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyThread_ReInitTLS() {}

// skipped: PyThread_ParseTimeoutArg, PyThread_acquire_lock_timed_with_retries, PyThread_start_joinable_thread,
// PyThread_join_thread, PyThread_detach_thread, PyThread_get_thread_ident_ex: no header declares them
