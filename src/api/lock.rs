//! `cpython/lock.h`: the one-byte mutex, whose uncontended paths are compiled into extensions.
//!
//! Threads that wait sleep in one of a few places, chosen by the mutex's address; they wait without the GIL.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::pyerrors::Py_FatalError;
use super::pystate::without_gil;
use crate::layout::{_Py_LOCKED, _Py_UNLOCKED, _PyOnceFlag, PyMutex};

/// `_Py_HAS_PARKED`: compiled code that sees it calls us to unlock.
const HAS_PARKED: u8 = 2;
const PLACES: usize = 64;

static PARKING: [(Mutex<()>, Condvar); PLACES] =
    [const { (Mutex::new(()), Condvar::new()) }; PLACES];

fn place(m: *mut PyMutex) -> &'static (Mutex<()>, Condvar) {
    let address = m as usize;
    &PARKING[(address >> 3 ^ address >> 12) % PLACES]
}

fn hold(mutex: &'static Mutex<()>) -> MutexGuard<'static, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// # Safety
/// `m` points to a mutex that lives as long as the result is used.
unsafe fn bits<'a>(m: *mut PyMutex) -> &'a AtomicU8 {
    // SAFETY: by this function's contract; all access to the byte is atomic.
    unsafe { AtomicU8::from_ptr(&raw mut (*m)._bits) }
}

fn try_lock(bits: &AtomicU8) -> bool {
    bits.fetch_update(Ordering::Acquire, Ordering::Relaxed, |seen| {
        (seen & _Py_LOCKED == 0).then_some(seen | _Py_LOCKED)
    })
    .is_ok()
}

/// Waits until the mutex is free, and locks it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMutex_Lock(m: *mut PyMutex) {
    // SAFETY: the caller's mutex.
    let bits = unsafe { bits(m) };
    if try_lock(bits) {
        return;
    }
    let (mutex, woken) = place(m);
    without_gil(|| {
        let mut guard = hold(mutex);
        loop {
            if try_lock(bits) {
                return;
            }
            // Who unlocks sees the bit, and wakes us with the place's mutex held: no wake-up is lost.
            let parked = bits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seen| {
                (seen & _Py_LOCKED != 0).then_some(seen | HAS_PARKED)
            });
            if parked.is_ok() {
                guard = woken.wait(guard).unwrap_or_else(PoisonError::into_inner);
            }
        }
    });
}

/// Unlocks the mutex; the process is aborted if it is not locked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMutex_Unlock(m: *mut PyMutex) {
    // SAFETY: the caller's mutex.
    let bits = unsafe { bits(m) };
    let (mutex, woken) = place(m);
    if bits
        .compare_exchange(
            _Py_LOCKED,
            _Py_UNLOCKED,
            Ordering::Release,
            Ordering::Relaxed,
        )
        .is_ok()
    {
        return;
    }
    let guard = hold(mutex);
    let seen = bits.swap(_Py_UNLOCKED, Ordering::Release);
    if seen & _Py_LOCKED == 0 {
        // SAFETY: a NUL-terminated string.
        unsafe { Py_FatalError(c"unlocking mutex that is not locked".as_ptr()) };
    }
    drop(guard);
    woken.notify_all();
}

/// Whether the mutex is locked now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMutex_IsLocked(m: *mut PyMutex) -> c_int {
    // SAFETY: the caller's mutex.
    let bits = unsafe { bits(m) };
    (bits.load(Ordering::Relaxed) & _Py_LOCKED != 0).into()
}

/// `_Py_ONCE_INITIALIZED`
const ONCE_INITIALIZED: u8 = 4;

/// Calls `function` unless it was called before with success: 0, or -1 with the exception that it set. Threads that come
/// meanwhile wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyOnceFlag_CallOnceSlow(
    flag: *mut _PyOnceFlag,
    function: unsafe extern "C" fn(*mut c_void) -> c_int,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the caller's flag, whose low bits are those of a mutex; all access to the byte is atomic.
    unsafe {
        let mutex = flag.cast::<PyMutex>();
        let bits = bits(mutex);
        if bits.load(Ordering::Acquire) == ONCE_INITIALIZED {
            return 0;
        }
        PyMutex_Lock(mutex);
        let mut status = 0;
        if bits.load(Ordering::Relaxed) & ONCE_INITIALIZED == 0 {
            status = function(arg);
            if status == 0 {
                bits.fetch_or(ONCE_INITIALIZED, Ordering::Release);
            }
        }
        PyMutex_Unlock(mutex);
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_at_a_time() {
        struct Shared(std::cell::UnsafeCell<(PyMutex, u64)>);
        // SAFETY: the counter is touched under the mutex only.
        unsafe impl Sync for Shared {}
        let shared = Shared(std::cell::UnsafeCell::new((PyMutex { _bits: 0 }, 0)));
        let at = &shared;
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(move || {
                    for _ in 0..10_000 {
                        // SAFETY: the mutex and what it guards.
                        unsafe {
                            let data = at.0.get();
                            PyMutex_Lock(&raw mut (*data).0);
                            (*data).1 += 1;
                            PyMutex_Unlock(&raw mut (*data).0);
                        }
                    }
                });
            }
        });
        let (mutex, count) = shared.0.into_inner();
        assert_eq!((mutex._bits, count), (0, 40_000));
    }
}
