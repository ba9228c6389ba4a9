//! `cpython/monitoring.h`: events that C code reports to `sys.monitoring`.

use std::cell::Cell;
use std::ffi::c_int;
use std::sync::atomic::Ordering;

use rustpython_vm::builtins::PyBaseExceptionRef;
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::{border, object, optional, python};
use crate::layout::*;
use crate::thread::error;

/// Events that a callback may switch off for the place where they happened.
const LOCAL_EVENTS: c_int = PY_MONITORING_EVENT_STOP_ITERATION + 1;

thread_local! {
    /// Callbacks cause no events.
    static FIRING: Cell<bool> = const { Cell::new(false) };
}

/// The tools, a bit each, that want an event of code that is not the VM's.
fn tools(vm: &VirtualMachine, event: c_int) -> u8 {
    let event = match event {
        PY_MONITORING_EVENT_C_RETURN | PY_MONITORING_EVENT_C_RAISE => PY_MONITORING_EVENT_CALL,
        other => other,
    };
    let state = vm.state.monitoring.lock();
    let wanted = |(tool, events): (usize, &u32)| u8::from(events & (1 << event) != 0) << tool;
    state.global_events.iter().enumerate().map(wanted).sum()
}

/// Fills an array of states, one for each type of event, unless nothing changed since `version`. 0, or -1 with an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMonitoring_EnterScope(
    state_array: *mut PyMonitoringState,
    version: *mut u64,
    event_types: *const u8,
    length: Py_ssize_t,
) -> c_int {
    border(|vm| {
        // One more than the VM's: a caller's first version is 0.
        let now = vm.state.instrumentation_version.load(Ordering::Acquire) + 1;
        // SAFETY: the caller passes a variable, and two arrays of that length.
        unsafe {
            if *version == now {
                return Ok(());
            }
            for i in 0..length as usize {
                (*state_array.add(i)).active = tools(vm, c_int::from(*event_types.add(i)));
            }
            *version = now;
        }
        Ok(())
    })
}

/// Ends what [`PyMonitoring_EnterScope`] began: 0.
#[unsafe(no_mangle)]
pub extern "C" fn PyMonitoring_ExitScope() -> c_int {
    0
}

/// Calls the callbacks of all tools that want the event, last tool first.
///
/// # Safety
/// `state` is a live state, `codelike` a live object.
unsafe fn fire(
    vm: &VirtualMachine,
    event: c_int,
    state: *mut PyMonitoringState,
    codelike: *mut PyObject,
    place: c_int,
    more: Vec<PyObjectRef>,
) -> PyResult<()> {
    if place < 0 {
        return Err(vm.new_value_error("offset must be non-negative"));
    }
    if FIRING.get() {
        return Ok(());
    }
    // SAFETY: by this function's contract.
    let (codelike, active) = unsafe { (object(vm, codelike)?, (*state).active) };
    let mut args = vec![codelike, vm.ctx.new_int(place).into()];
    args.extend(more);
    for tool in (0..8).rev().filter(|tool| active & 1 << tool != 0) {
        let key = (tool, event as usize);
        let (callback, disable) = {
            let monitoring = vm.state.monitoring.lock();
            (
                monitoring.callbacks.get(&key).cloned(),
                monitoring.disable.clone(),
            )
        };
        let Some(callback) = callback else { continue };
        FIRING.set(true);
        let result = python(|| callback.call(args.clone(), vm));
        FIRING.set(false);
        let result = result?;
        if !disable.is_some_and(|disable| disable.is(&result)) {
            continue;
        }
        if event >= LOCAL_EVENTS {
            let removed = vm.state.monitoring.lock().callbacks.remove(&key);
            drop(removed);
            return Err(vm.new_value_error(format!(
                "Cannot disable {} events. Callback removed.",
                name(event)
            )));
        }
        // SAFETY: by this function's contract.
        unsafe { (*state).active &= !(1 << tool) };
    }
    Ok(())
}

fn name(event: c_int) -> &'static str {
    match event {
        PY_MONITORING_EVENT_RAISE => "RAISE",
        PY_MONITORING_EVENT_EXCEPTION_HANDLED => "EXCEPTION_HANDLED",
        PY_MONITORING_EVENT_PY_UNWIND => "PY_UNWIND",
        PY_MONITORING_EVENT_PY_THROW => "PY_THROW",
        PY_MONITORING_EVENT_RERAISE => "RERAISE",
        PY_MONITORING_EVENT_C_RETURN => "C_RETURN",
        _ => "C_RAISE",
    }
}

/// [`fire`], with the exception that is set, which stays so unless a callback raises another.
///
/// # Safety
/// As for [`fire`].
unsafe fn fire_raised(
    vm: &VirtualMachine,
    event: c_int,
    state: *mut PyMonitoringState,
    codelike: *mut PyObject,
    offset: i32,
) -> PyResult<()> {
    let Some(raised) = error::take(vm) else {
        return Err(vm.new_value_error(format!("Firing event {event} with no exception set")));
    };
    let argument: PyBaseExceptionRef = raised.clone();
    // SAFETY: by this function's contract.
    unsafe { fire(vm, event, state, codelike, offset, vec![argument.into()])? };
    error::set(vm, &raised);
    Ok(())
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $event:ident;)*) => {$(
        $(#[$doc])*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            state: *mut PyMonitoringState,
            codelike: *mut PyObject,
            offset: i32,
        ) -> c_int {
            // SAFETY: C's contract.
            border(|vm| unsafe { fire(vm, $event, state, codelike, offset, Vec::new()) })
        }
    )*};
}

macro_rules! events_of_object {
    ($($(#[$doc:meta])* $name:ident = $event:ident;)*) => {$(
        $(#[$doc])*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            state: *mut PyMonitoringState,
            codelike: *mut PyObject,
            offset: i32,
            what: *mut PyObject,
        ) -> c_int {
            // SAFETY: C's contract.
            border(|vm| unsafe {
                let what = object(vm, what)?;
                fire(vm, $event, state, codelike, offset, vec![what])
            })
        }
    )*};
}

macro_rules! events_of_exception {
    ($($(#[$doc:meta])* $name:ident = $event:ident;)*) => {$(
        $(#[$doc])*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            state: *mut PyMonitoringState,
            codelike: *mut PyObject,
            offset: i32,
        ) -> c_int {
            // SAFETY: C's contract.
            border(|vm| unsafe { fire_raised(vm, $event, state, codelike, offset) })
        }
    )*};
}

events! {
    /// A function starts: 0, or -1 with an exception; so for all of these.
    _PyMonitoring_FirePyStartEvent = PY_MONITORING_EVENT_PY_START;
    /// A function goes on.
    _PyMonitoring_FirePyResumeEvent = PY_MONITORING_EVENT_PY_RESUME;
}

events_of_object! {
    /// A function returns a value.
    _PyMonitoring_FirePyReturnEvent = PY_MONITORING_EVENT_PY_RETURN;
    /// A function yields a value.
    _PyMonitoring_FirePyYieldEvent = PY_MONITORING_EVENT_PY_YIELD;
    /// A jump, to an offset.
    _PyMonitoring_FireJumpEvent = PY_MONITORING_EVENT_JUMP;
    /// A branch that goes on, at an offset.
    _PyMonitoring_FireBranchLeftEvent = PY_MONITORING_EVENT_BRANCH_LEFT;
    /// A branch that is taken, to an offset.
    _PyMonitoring_FireBranchRightEvent = PY_MONITORING_EVENT_BRANCH_RIGHT;
    /// A C function returned a value.
    _PyMonitoring_FireCReturnEvent = PY_MONITORING_EVENT_C_RETURN;
}

events_of_exception! {
    /// A function is left with the exception that is set, which must be; so for all of these.
    _PyMonitoring_FirePyUnwindEvent = PY_MONITORING_EVENT_PY_UNWIND;
    /// An exception is thrown into a function.
    _PyMonitoring_FirePyThrowEvent = PY_MONITORING_EVENT_PY_THROW;
    /// An exception is raised.
    _PyMonitoring_FireRaiseEvent = PY_MONITORING_EVENT_RAISE;
    /// An exception is raised again.
    _PyMonitoring_FireReraiseEvent = PY_MONITORING_EVENT_RERAISE;
    /// An exception is handled.
    _PyMonitoring_FireExceptionHandledEvent = PY_MONITORING_EVENT_EXCEPTION_HANDLED;
    /// A C function raised.
    _PyMonitoring_FireCRaiseEvent = PY_MONITORING_EVENT_C_RAISE;
}

/// A call of `callable`, with a first argument or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyMonitoring_FireCallEvent(
    state: *mut PyMonitoringState,
    codelike: *mut PyObject,
    offset: i32,
    callable: *mut PyObject,
    arg0: *mut PyObject,
) -> c_int {
    // SAFETY: C's contract.
    border(|vm| unsafe {
        let callable = object(vm, callable)?;
        let first = match optional(vm, arg0) {
            Some(first) => first,
            None => vm
                .sys_module
                .get_attr("monitoring", vm)?
                .get_attr("MISSING", vm)?,
        };
        let event = PY_MONITORING_EVENT_CALL;
        fire(vm, event, state, codelike, offset, vec![callable, first])
    })
}

/// A line begins.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyMonitoring_FireLineEvent(
    state: *mut PyMonitoringState,
    codelike: *mut PyObject,
    offset: i32,
    lineno: c_int,
) -> c_int {
    border(|vm| {
        if offset < 0 {
            return Err(vm.new_value_error("offset must be non-negative"));
        }
        // SAFETY: C's contract.
        unsafe {
            fire(
                vm,
                PY_MONITORING_EVENT_LINE,
                state,
                codelike,
                lineno,
                Vec::new(),
            )
        }
    })
}

/// An iteration ends, with a value or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyMonitoring_FireStopIterationEvent(
    state: *mut PyMonitoringState,
    codelike: *mut PyObject,
    offset: i32,
    value: *mut PyObject,
) -> c_int {
    border(|vm| {
        // SAFETY: C's contract.
        let value = unsafe { optional(vm, value) };
        let stop = vm.new_stop_iteration(value);
        let event = PY_MONITORING_EVENT_STOP_ITERATION;
        // SAFETY: C's contract.
        unsafe { fire(vm, event, state, codelike, offset, vec![stop.into()]) }
    })
}
