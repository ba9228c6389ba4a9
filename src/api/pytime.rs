//! `cpython/pytime.h`: clocks, in nanoseconds. None of them fails on this system.

use std::ffi::{c_double, c_int};

use crate::layout::PyTime_t;

fn read(clock: libc::clockid_t) -> PyTime_t {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: our own variable, and a clock that exists.
    unsafe { libc::clock_gettime(clock, &raw mut now) };
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// A time in seconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyTime_AsSecondsDouble(t: PyTime_t) -> c_double {
    // The seconds and the rest are exact by themselves.
    let (seconds, rest) = (t / 1_000_000_000, t % 1_000_000_000);
    if rest == 0 {
        seconds as c_double
    } else {
        t as c_double / 1e9
    }
}

macro_rules! clocks {
    ($($function:ident: $clock:ident, $doc:literal;)*) => {$(
        #[doc = $doc]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $function(result: *mut PyTime_t) -> c_int {
            // SAFETY: the caller's variable.
            unsafe { *result = read(libc::$clock) };
            0
        }
    )*};
}

clocks! {
    PyTime_Time: CLOCK_REALTIME, "`time.time_ns()`. Always 0.";
    PyTime_TimeRaw: CLOCK_REALTIME, "As `PyTime_Time`; needs no GIL.";
    PyTime_Monotonic: CLOCK_MONOTONIC, "`time.monotonic_ns()`. Always 0.";
    PyTime_MonotonicRaw: CLOCK_MONOTONIC, "As `PyTime_Monotonic`; needs no GIL.";
    PyTime_PerfCounter: CLOCK_MONOTONIC, "`time.perf_counter_ns()`. Always 0.";
    PyTime_PerfCounterRaw: CLOCK_MONOTONIC, "As `PyTime_PerfCounter`; needs no GIL.";
}
