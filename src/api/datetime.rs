//! `datetime.h`: the capsule `datetime.datetime_CAPI`.

use std::ffi::{c_int, c_void};
use std::ptr;

use rustpython_vm::builtins::PyTypeRef;
use rustpython_vm::function::FuncArgs;
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::{border, object, optional, python};
use crate::layout::*;
use crate::proxy::mirror::Kind;
use crate::proxy::mirror::datetime::{self, Classes, classes};
use crate::proxy::{self, c_of};
use crate::types::{self, derived, statics};

static mut CAPI: PyDateTime_CAPI = PyDateTime_CAPI {
    DateType: ptr::null_mut(),
    DateTimeType: ptr::null_mut(),
    TimeType: ptr::null_mut(),
    DeltaType: ptr::null_mut(),
    TZInfoType: ptr::null_mut(),
    TimeZone_UTC: ptr::null_mut(),
    Date_FromDate: Some(date_from_date),
    DateTime_FromDateAndTime: Some(datetime_from_date_and_time),
    Time_FromTime: Some(time_from_time),
    Delta_FromDelta: Some(delta_from_delta),
    TimeZone_FromTimeZone: Some(timezone_from_timezone),
    DateTime_FromTimestamp: Some(datetime_from_timestamp),
    Date_FromTimestamp: Some(date_from_timestamp),
    DateTime_FromDateAndTimeAndFold: Some(datetime_from_date_and_time_and_fold),
    Time_FromTimeAndFold: Some(time_from_time_and_fold),
};

/// Fills the types' structs and the capsule's, and puts the capsule into the
/// module, after the static types are bound.
///
/// # Errors
/// When the VM's module is not what it should be.
pub fn init(vm: &VirtualMachine) -> PyResult<()> {
    let module = vm.import(vm.ctx.intern_str("_datetime"), 0)?;
    let class = |name: &'static str| -> PyResult<PyTypeRef> {
        module.get_attr(name, vm)?.try_into_value(vm)
    };
    let classes = datetime::init(Classes {
        date: class("date")?,
        datetime: class("datetime")?,
        time: class("time")?,
        delta: class("timedelta")?,
        tzinfo: class("tzinfo")?,
    });
    let bind = |class: &PyTypeRef, size: usize| {
        statics::adopt(vm, class, Kind::DateTime, size as Py_ssize_t)
    };
    // SAFETY: our own static, before C sees it; the lock is held.
    let api = unsafe { (&raw mut CAPI).as_mut() }.expect("the address of a static");
    api.DateType = bind(&classes.date, size_of::<PyDateTime_Date>());
    api.DateTimeType = bind(&classes.datetime, size_of::<PyDateTime_DateTime>());
    api.TimeType = bind(&classes.time, size_of::<PyDateTime_Time>());
    api.DeltaType = bind(&classes.delta, size_of::<PyDateTime_Delta>());
    api.TZInfoType = bind(&classes.tzinfo, size_of::<PyDateTime_TZInfo>());
    let utc = module.get_attr("timezone", vm)?.get_attr("utc", vm)?;
    api.TimeZone_UTC = c_of(vm, &utc);
    // SAFETY: the capsule's pointer and name live for ever.
    let capsule = unsafe {
        let p = super::pycapsule::PyCapsule_New(
            ptr::from_mut(api).cast::<c_void>(),
            PyDateTime_CAPSULE_NAME.as_ptr(),
            None,
        );
        proxy::vm_of_stolen(vm, p)
    };
    module.set_attr("datetime_CAPI", capsule.clone(), vm)?;
    // `datetime` takes all the names of `_datetime`, when it is imported.
    let modules = vm.sys_module.get_attr("modules", vm)?;
    if let Ok(module) = modules.get_item("datetime", vm) {
        module.set_attr("datetime_CAPI", capsule, vm)?;
    }
    Ok(())
}

fn ints<const N: usize>(vm: &VirtualMachine, values: [c_int; N]) -> Vec<PyObjectRef> {
    values.map(|n| vm.ctx.new_int(n).into()).into()
}

/// A `date`, `datetime`, `time` or `timedelta`: new. A subclass's constructor
/// is not asked.
unsafe fn new(vm: &VirtualMachine, t: *mut PyTypeObject, args: FuncArgs) -> PyResult {
    // SAFETY: C's contract: a live type.
    let class = unsafe { types::vm_type_of(vm, t) };
    python(|| datetime::new(vm, class, args))
}

/// The arguments with the time zone (`None` for none) and the fold.
unsafe fn with_zone(
    vm: &VirtualMachine,
    mut values: Vec<PyObjectRef>,
    tzinfo: *mut PyObject,
    fold: c_int,
) -> FuncArgs {
    // SAFETY: C's contract: NULL or a live object.
    values.push(unsafe { optional(vm, tzinfo) }.unwrap_or_else(|| vm.ctx.none()));
    let mut args = FuncArgs::from(values);
    if fold != 0 {
        args.kwargs
            .insert("fold".into(), vm.ctx.new_int(fold).into());
    }
    args
}

unsafe extern "C" fn date_from_date(
    year: c_int,
    month: c_int,
    day: c_int,
    cls: *mut PyTypeObject,
) -> *mut PyObject {
    // SAFETY: C's contract.
    border(|vm| unsafe { new(vm, cls, ints(vm, [year, month, day]).into()) })
}

unsafe extern "C" fn datetime_from_date_and_time(
    year: c_int,
    month: c_int,
    day: c_int,
    hour: c_int,
    minute: c_int,
    second: c_int,
    microsecond: c_int,
    tzinfo: *mut PyObject,
    cls: *mut PyTypeObject,
) -> *mut PyObject {
    // SAFETY: C's contract.
    unsafe {
        datetime_from_date_and_time_and_fold(
            year,
            month,
            day,
            hour,
            minute,
            second,
            microsecond,
            tzinfo,
            0,
            cls,
        )
    }
}

unsafe extern "C" fn datetime_from_date_and_time_and_fold(
    year: c_int,
    month: c_int,
    day: c_int,
    hour: c_int,
    minute: c_int,
    second: c_int,
    microsecond: c_int,
    tzinfo: *mut PyObject,
    fold: c_int,
    cls: *mut PyTypeObject,
) -> *mut PyObject {
    border(|vm| {
        let values = ints(vm, [year, month, day, hour, minute, second, microsecond]);
        // SAFETY: C's contract.
        unsafe { new(vm, cls, with_zone(vm, values, tzinfo, fold)) }
    })
}

unsafe extern "C" fn time_from_time(
    hour: c_int,
    minute: c_int,
    second: c_int,
    microsecond: c_int,
    tzinfo: *mut PyObject,
    cls: *mut PyTypeObject,
) -> *mut PyObject {
    // SAFETY: C's contract.
    unsafe { time_from_time_and_fold(hour, minute, second, microsecond, tzinfo, 0, cls) }
}

unsafe extern "C" fn time_from_time_and_fold(
    hour: c_int,
    minute: c_int,
    second: c_int,
    microsecond: c_int,
    tzinfo: *mut PyObject,
    fold: c_int,
    cls: *mut PyTypeObject,
) -> *mut PyObject {
    border(|vm| {
        let values = ints(vm, [hour, minute, second, microsecond]);
        // SAFETY: C's contract.
        unsafe { new(vm, cls, with_zone(vm, values, tzinfo, fold)) }
    })
}

/// What is not normalized becomes so either way.
unsafe extern "C" fn delta_from_delta(
    days: c_int,
    seconds: c_int,
    microseconds: c_int,
    _normalize: c_int,
    cls: *mut PyTypeObject,
) -> *mut PyObject {
    // SAFETY: C's contract.
    border(|vm| unsafe { new(vm, cls, ints(vm, [days, seconds, microseconds]).into()) })
}

unsafe extern "C" fn timezone_from_timezone(
    offset: *mut PyObject,
    name: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C's contract.
        let (offset, name) = unsafe { (object(vm, offset)?, optional(vm, name)) };
        if !offset.fast_isinstance(&classes().delta) {
            return Err(vm.new_type_error(format!(
                "offset must be timedelta, not {}",
                offset.class().name()
            )));
        }
        let timezone = vm
            .import(vm.ctx.intern_str("_datetime"), 0)?
            .get_attr("timezone", vm)?;
        python(|| match name {
            Some(name) => timezone.call((offset, name), vm),
            None => timezone.call((offset,), vm),
        })
    })
}

unsafe fn from_timestamp(
    cls: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C's contract.
        let (class, args) = unsafe { (object(vm, cls)?, derived::func_args(vm, args, kwargs)?) };
        python(|| class.get_attr("fromtimestamp", vm)?.call(args, vm))
    })
}

unsafe extern "C" fn datetime_from_timestamp(
    cls: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: C's contract.
    unsafe { from_timestamp(cls, args, kwargs) }
}

unsafe extern "C" fn date_from_timestamp(cls: *mut PyObject, args: *mut PyObject) -> *mut PyObject {
    // SAFETY: C's contract.
    unsafe { from_timestamp(cls, args, ptr::null_mut()) }
}
