//! `datetime`, `date`, `time`, `timedelta` and `tzinfo`, whose fields header
//! macros read. They never change.

use std::ffi::c_int;
use std::ptr;
use std::sync::OnceLock;

use rustpython_vm::builtins::{PyType, PyTypeRef};
use rustpython_vm::function::FuncArgs;
use rustpython_vm::{
    AsObject, Py, PyObject as VmObject, PyObjectRef, PyResult, TryFromBorrowedObject,
    VirtualMachine,
};

use super::{Mirror, allocate};
use crate::layout::{
    PyDateTime_Date, PyDateTime_DateTime, PyDateTime_Delta, PyDateTime_Time, PyObject, PyTypeObject,
};
use crate::proxy::{c_of, link_strong, vm_of};
use crate::{refcount, types};

pub static MIRROR: Mirror = Mirror {
    make,
    realize,
    clear,
    refresh: None,
};

/// The VM's classes, and what reads their fields whatever a subclass
/// overrides.
pub struct Classes {
    pub date: PyTypeRef,
    pub datetime: PyTypeRef,
    pub time: PyTypeRef,
    pub delta: PyTypeRef,
    pub tzinfo: PyTypeRef,
}

static CLASSES: OnceLock<Classes> = OnceLock::new();

/// Says which classes these are, once.
pub fn init(classes: Classes) -> &'static Classes {
    CLASSES.get_or_init(|| classes)
}

/// The VM's classes.
///
/// # Panics
/// Before [`init`].
pub fn classes() -> &'static Classes {
    CLASSES.get().expect("bound with the other types")
}

/// Which of the structs an object has.
enum Shape {
    Date,
    DateTime,
    Time,
    Delta,
    Header,
}

fn shape(class: &Py<PyType>) -> Shape {
    let known = classes();
    if class.fast_issubclass(&known.datetime) {
        Shape::DateTime
    } else if class.fast_issubclass(&known.date) {
        Shape::Date
    } else if class.fast_issubclass(&known.time) {
        Shape::Time
    } else if class.fast_issubclass(&known.delta) {
        Shape::Delta
    } else {
        Shape::Header
    }
}

/// The field `name` of `v` as `class` itself has it.
fn field(vm: &VirtualMachine, class: &Py<PyType>, v: &VmObject, name: &str) -> PyResult {
    let descriptor = class
        .get_attr(vm.ctx.intern_str(name))
        .ok_or_else(|| vm.new_no_attribute_error(v.to_owned(), vm.ctx.new_str(name)))?;
    match descriptor.class().slots().descr_get.load() {
        Some(get) => get(&descriptor, Some(v), Some(class.as_object()), vm),
        None => Ok(descriptor),
    }
}

/// A field that is a number. They all have one: these objects never change.
fn number(vm: &VirtualMachine, class: &Py<PyType>, v: &VmObject, name: &str) -> c_int {
    field(vm, class, v, name)
        .and_then(|value| c_int::try_from_borrowed_object(vm, &value))
        .unwrap_or_default()
}

fn date_bytes(year: c_int, month: c_int, day: c_int) -> [u8; 4] {
    let [.., high, low] = year.to_be_bytes();
    [high, low, month as u8, day as u8]
}

fn time_bytes(hour: c_int, minute: c_int, second: c_int, microsecond: c_int) -> [u8; 6] {
    let [_, a, b, c] = microsecond.to_be_bytes();
    [hour as u8, minute as u8, second as u8, a, b, c]
}

fn date_of(vm: &VirtualMachine, v: &VmObject) -> [u8; 4] {
    let class = &classes().date;
    let n = |name| number(vm, class, v, name);
    date_bytes(n("year"), n("month"), n("day"))
}

fn time_of(vm: &VirtualMachine, class: &Py<PyType>, v: &VmObject) -> [u8; 6] {
    let n = |name| number(vm, class, v, name);
    time_bytes(n("hour"), n("minute"), n("second"), n("microsecond"))
}

fn tzinfo_of(vm: &VirtualMachine, class: &Py<PyType>, v: &VmObject) -> *mut PyObject {
    field(vm, class, v, "tzinfo")
        .ok()
        .filter(|tz| !vm.is_none(tz))
        .map_or(ptr::null_mut(), |tz| c_of(vm, &tz))
}

unsafe fn make(vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same; `fill` finds the struct's size.
    unsafe {
        let size = match shape(v.class()) {
            Shape::Date => size_of::<PyDateTime_Date>(),
            Shape::DateTime => size_of::<PyDateTime_DateTime>(),
            Shape::Time => size_of::<PyDateTime_Time>(),
            Shape::Delta => size_of::<PyDateTime_Delta>(),
            Shape::Header => 0,
        };
        let p = allocate(ty, size);
        if !p.is_null() {
            fill(vm, v, p);
        }
        p
    }
}

/// Fills the struct at `p`, zeroed but for the header, from `v`.
///
/// # Safety
/// `p` has the struct that belongs to `v`'s class; the lock is held.
pub unsafe fn fill(vm: &VirtualMachine, v: &VmObject, p: *mut PyObject) {
    let known = classes();
    // SAFETY: by this function's contract.
    unsafe {
        match shape(v.class()) {
            Shape::Date => {
                let c = p.cast::<PyDateTime_Date>();
                (*c).hashcode = -1;
                (*c).data = date_of(vm, v);
            }
            Shape::DateTime => {
                let c = p.cast::<PyDateTime_DateTime>();
                let class = &known.datetime;
                (*c).hashcode = -1;
                let mut data = [0; 10];
                data[..4].copy_from_slice(&date_of(vm, v));
                data[4..].copy_from_slice(&time_of(vm, class, v));
                (*c).data = data;
                (*c).fold = number(vm, class, v, "fold") as u8;
                (*c).tzinfo = tzinfo_of(vm, class, v);
                (*c).hastzinfo = (!(*c).tzinfo.is_null()).into();
            }
            Shape::Time => {
                let c = p.cast::<PyDateTime_Time>();
                let class = &known.time;
                (*c).hashcode = -1;
                (*c).data = time_of(vm, class, v);
                (*c).fold = number(vm, class, v, "fold") as u8;
                (*c).tzinfo = tzinfo_of(vm, class, v);
                (*c).hastzinfo = (!(*c).tzinfo.is_null()).into();
            }
            Shape::Delta => {
                let c = p.cast::<PyDateTime_Delta>();
                let n = |name| number(vm, &known.delta, v, name);
                (*c).hashcode = -1;
                (*c).days = n("days");
                (*c).seconds = n("seconds");
                (*c).microseconds = n("microseconds");
            }
            Shape::Header => {}
        }
    }
}

/// The arguments that make the VM's part of what C has put into the struct at `p`.
///
/// # Safety
/// `p` is live and has the struct that belongs to `class`; the lock is held.
pub unsafe fn arguments(vm: &VirtualMachine, class: &Py<PyType>, p: *mut PyObject) -> FuncArgs {
    let int = |n: c_int| -> PyObjectRef { vm.ctx.new_int(n).into() };
    let date = |d: &[u8]| {
        vec![
            int(c_int::from(d[0]) << 8 | c_int::from(d[1])),
            int(d[2].into()),
            int(d[3].into()),
        ]
    };
    let time = |d: &[u8]| {
        let microsecond = u32::from_be_bytes([0, d[3], d[4], d[5]]);
        [d[0].into(), d[1].into(), d[2].into(), microsecond as c_int].map(int)
    };
    // SAFETY: by this function's contract.
    unsafe {
        let with_zone = |mut values: Vec<PyObjectRef>, tz: *mut PyObject, fold: u8| {
            values.push(match tz.is_null() {
                true => vm.ctx.none(),
                false => vm_of(vm, tz),
            });
            let mut args = FuncArgs::from(values);
            args.kwargs.insert("fold".into(), int(fold.into()));
            args
        };
        match shape(class) {
            Shape::Date => date(&(*p.cast::<PyDateTime_Date>()).data).into(),
            Shape::DateTime => {
                let c = p.cast::<PyDateTime_DateTime>();
                let data = (*c).data;
                let mut values = date(&data[..4]);
                values.extend(time(&data[4..]));
                let tz = if (*c).hastzinfo != 0 {
                    (*c).tzinfo
                } else {
                    ptr::null_mut()
                };
                with_zone(values, tz, (*c).fold)
            }
            Shape::Time => {
                let c = p.cast::<PyDateTime_Time>();
                let data = (*c).data;
                let tz = if (*c).hastzinfo != 0 {
                    (*c).tzinfo
                } else {
                    ptr::null_mut()
                };
                with_zone(time(&data).to_vec(), tz, (*c).fold)
            }
            Shape::Delta => {
                let c = p.cast::<PyDateTime_Delta>();
                vec![int((*c).days), int((*c).seconds), int((*c).microseconds)].into()
            }
            Shape::Header => FuncArgs::default(),
        }
    }
}

/// What C allocated and filled by itself becomes an object of the VM's.
unsafe fn realize(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: the caller's contract is the same.
    unsafe {
        let class = types::vm_type_of(vm, (*p).ob_type);
        let args = arguments(vm, &class, p);
        let name = class.name().to_owned();
        let v = new(vm, class, args)
            .unwrap_or_else(|_| panic!("a '{name}' object in C memory is not valid"));
        link_strong(p, v.clone(), true);
        v
    }
}

/// An instance of `class`, by its built-in base's `__new__`: a subclass's own
/// constructor is not asked.
pub fn new(vm: &VirtualMachine, class: PyTypeRef, args: FuncArgs) -> PyResult {
    let base = types::builtin_base(&class);
    match base.slots().new.load() {
        Some(new) => new(class, args, vm),
        None => Err(vm.new_type_error(format!("cannot create '{}' instances", class.name()))),
    }
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: `p` is one of these at the end of its life; its type is bound.
    unsafe {
        let t = (*p).ob_type;
        let is = |class: &PyTypeRef| {
            types::bound(class)
                .is_some_and(|base| crate::api::typeobject::PyType_IsSubtype(t, base) != 0)
        };
        let known = classes();
        if is(&known.datetime) {
            let c = p.cast::<PyDateTime_DateTime>();
            if (*c).hastzinfo != 0 {
                refcount::xdecref((*c).tzinfo);
            }
        } else if is(&known.time) {
            let c = p.cast::<PyDateTime_Time>();
            if (*c).hastzinfo != 0 {
                refcount::xdecref((*c).tzinfo);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{date_bytes, time_bytes};

    #[test]
    fn years_and_microseconds_are_big_endian() {
        assert_eq!(date_bytes(2026, 11, 23), [7, 234, 11, 23]);
        assert_eq!(time_bytes(23, 59, 58, 999_999), [23, 59, 58, 15, 66, 63]);
    }
}
