//! Exceptions: the fields of `PyBaseExceptionObject`, and those of the
//! built-in children that have more.

use rustpython_vm::builtins::{PyBaseException, PyTraceback};
use rustpython_vm::{AsObject, Py, PyObject as VmObject, PyObjectRef, VirtualMachine};

use super::{Mirror, allocate, allocate_exact, pending, tupleobject, watch};
use crate::layout::{
    _Py_TPFLAGS_STATIC_BUILTIN, Py_TPFLAGS_BASE_EXC_SUBCLASS, PyBaseExceptionObject, PyObject,
    PyStopIterationObject, PyType_HasFeature, PyTypeObject,
};
use crate::proxy::prefix::prefix_of;
use crate::proxy::{c_of, link_strong, vm_of, vm_of_opt};
use crate::{refcount, types};

pub static MIRROR: Mirror = Mirror {
    make,
    realize,
    clear,
    refresh: Some(refresh),
};

unsafe fn make(_vm: &VirtualMachine, _v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // Filled once it is linked: exceptions may refer to each other.
    // SAFETY: the caller's contract is the same.
    unsafe { allocate(ty, size_of::<PyBaseExceptionObject>()) }
}

/// Makes the field equal to the VM's value, keeping the reference it has when
/// that is so already.
///
/// # Safety
/// The field holds NULL or a reference; the lock is held.
pub unsafe fn set(vm: &VirtualMachine, field: &mut *mut PyObject, value: Option<&VmObject>) {
    // SAFETY: the field holds NULL or a reference.
    unsafe {
        let known = match (*field).is_null() {
            true => std::ptr::null(),
            false => {
                let prefix = prefix_of(*field);
                if prefix.is_null() {
                    std::ptr::null()
                } else {
                    (*prefix).link.cast_const()
                }
            }
        };
        match value {
            Some(v) if std::ptr::eq(v, known) => {}
            Some(v) => {
                let old = std::mem::replace(field, c_of(vm, v));
                pending::drop_later(old);
            }
            None if field.is_null() => {}
            None => {
                let old = std::mem::replace(field, std::ptr::null_mut());
                pending::drop_later(old);
            }
        }
    }
}

/// Fills the base's fields of the C exception `p` from the VM's.
///
/// # Safety
/// `p` has room for a `PyBaseExceptionObject`; the lock is held.
pub unsafe fn refresh(vm: &VirtualMachine, v: &VmObject, p: *mut PyObject) {
    let Some(e) = v.downcast_ref::<PyBaseException>() else {
        return;
    };
    // SAFETY: by this function's contract.
    unsafe {
        let c = &mut *p.cast::<PyBaseExceptionObject>();
        let args = e.args();
        set(vm, &mut c.args, Some(args.as_object()));
        let traceback = e.traceback();
        set(
            vm,
            &mut c.traceback,
            traceback.as_ref().map(|t| t.as_object()),
        );
        let context = e.__context__();
        set(vm, &mut c.context, context.as_ref().map(|t| t.as_object()));
        let cause = e.__cause__();
        set(vm, &mut c.cause, cause.as_ref().map(|t| t.as_object()));
        if context.is_some() || cause.is_some() {
            c.suppress_context = suppresses_context(vm, v).into();
        }
        let ty = (*p).ob_type;
        if types::statics::is_stop_iteration(ty) {
            let value = stop_value(vm, e);
            set(
                vm,
                &mut (*p.cast::<PyStopIterationObject>()).value,
                Some(&value),
            );
        }
    }
}

/// `__suppress_context__`, by `BaseException`'s own getter: no Python code runs.
fn suppresses_context(vm: &VirtualMachine, v: &VmObject) -> bool {
    let class = vm.ctx.exceptions.base_exception_type;
    class
        .get_attr(vm.ctx.intern_str("__suppress_context__"))
        .and_then(|getter| vm.call_get_descriptor(&getter, v))
        .and_then(Result::ok)
        .is_some_and(|value| value.is(&vm.ctx.true_value))
}

fn stop_value(vm: &VirtualMachine, e: &Py<PyBaseException>) -> PyObjectRef {
    e.get_arg(0).unwrap_or_else(|| vm.ctx.none())
}

/// Takes over into the VM what C wrote into the fields.
///
/// # Safety
/// `p` is a live, linked exception; the lock is held.
pub unsafe fn take_over(vm: &VirtualMachine, p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        let c = &*p.cast::<PyBaseExceptionObject>();
        if c.args.is_null() {
            return;
        }
        let v = vm_of(vm, p);
        let Some(e) = v.downcast_ref::<PyBaseException>() else {
            return;
        };
        let traceback = (!c.traceback.is_null()).then(|| vm_of(vm, c.traceback));
        let same = match (&traceback, e.traceback()) {
            (None, None) => true,
            (Some(a), Some(b)) => a.is(&b),
            _ => false,
        };
        if !same {
            e.set_traceback(traceback.and_then(|t| t.downcast::<PyTraceback>().ok()));
        }
    }
}

/// Whether an exception of the class `ty` is its arguments and nothing else
/// when it is made: then C makes it without the VM, which gets it when it
/// escapes. The built-in classes without fields of their own are so, and two
/// that C raises often, whose fields say nothing new.
///
/// # Safety
/// `ty` is a live type; the lock is held.
#[inline]
pub unsafe fn is_simple(ty: *mut PyTypeObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe {
        PyType_HasFeature(ty, Py_TPFLAGS_BASE_EXC_SUBCLASS)
            && PyType_HasFeature(ty, _Py_TPFLAGS_STATIC_BUILTIN)
            && ((*ty).tp_basicsize as usize == size_of::<PyBaseExceptionObject>()
                || types::statics::is_stop_iteration(ty)
                || types::statics::is_attribute_error(ty))
    }
}

/// An exception of the class `ty` in C memory alone; NULL when memory is out.
///
/// # Safety
/// `ty` [is simple](is_simple); `args` is a tuple and `context` an exception or
/// NULL, whose references the exception takes over; the lock is held.
pub unsafe fn new(
    ty: *mut PyTypeObject,
    args: *mut PyObject,
    context: *mut PyObject,
) -> *mut PyObject {
    let null = std::ptr::null_mut();
    // SAFETY: by this function's contract.
    unsafe {
        let size = (*ty).tp_basicsize as usize;
        let p = allocate_exact(ty, size);
        if p.is_null() {
            refcount::xdecref(args);
            refcount::xdecref(context);
            return p;
        }
        let ob_base = std::ptr::read(p);
        p.cast::<PyBaseExceptionObject>()
            .write(PyBaseExceptionObject {
                ob_base,
                dict: null,
                args,
                notes: null,
                traceback: null,
                context,
                cause: null,
                suppress_context: 0,
            });
        let head = size_of::<PyBaseExceptionObject>();
        std::ptr::write_bytes(p.cast::<u8>().add(head), 0, size - head);
        if types::statics::is_stop_iteration(ty) {
            let value = tupleobject::items(args).first().copied();
            let value = value.unwrap_or(types::statics::none());
            (*p.cast::<PyStopIterationObject>()).value = refcount::xnew_ref(value);
        }
        p
    }
}

/// The VM's exception for one that C made.
///
/// # Safety
/// `p` is a live exception of [`new`] that the VM has not seen; the lock is held.
pub unsafe fn value(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: by this function's contract; the fields hold references or NULL.
    unsafe {
        let c = &*p.cast::<PyBaseExceptionObject>();
        let class = types::vm_type_of(vm, (*p).ob_type);
        let args = tupleobject::elements(vm, c.args);
        // A built-in class takes any arguments, and runs no Python code.
        let e = vm
            .invoke_exception(&class, args)
            .unwrap_or_else(|failure| failure);
        let of = |field: *mut PyObject| vm_of_opt(vm, field);
        if !c.cause.is_null() || c.suppress_context != 0 {
            // Sets `__suppress_context__` as well.
            e.set_cause(of(c.cause).and_then(|v| v.downcast().ok()));
        }
        e.set_context(of(c.context).and_then(|v| v.downcast().ok()));
        e.set_traceback(of(c.traceback).and_then(|v| v.downcast().ok()));
        e.into()
    }
}

unsafe fn realize(vm: &VirtualMachine, p: *mut PyObject) -> PyObjectRef {
    // SAFETY: the caller's contract is the same.
    unsafe {
        if !is_simple((*p).ob_type) || (*p.cast::<PyBaseExceptionObject>()).args.is_null() {
            return super::header::realize(vm, p);
        }
        let v = value(vm, p);
        // The VM's has arguments of its own; C may be looking at these.
        let args = (*p.cast::<PyBaseExceptionObject>()).args;
        refcount::incref(args);
        crate::thread::state::borrow_until_return(args);
        link_strong(p, v.clone(), true);
        watch::add(p);
        refresh(vm, &v, p);
        v
    }
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: `p` is an exception at the end of its life.
    unsafe {
        watch::remove(p);
        drop_fields(p);
    }
}

/// Drops what the exception's fields hold.
///
/// # Safety
/// `p` is an exception at the end of its life; the lock is held.
pub unsafe fn drop_fields(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        let c = p.cast::<PyBaseExceptionObject>();
        if types::statics::is_stop_iteration((*p).ob_type) {
            refcount::xdecref((*p.cast::<PyStopIterationObject>()).value);
        }
        for field in [
            &raw mut (*c).dict,
            &raw mut (*c).args,
            &raw mut (*c).notes,
            &raw mut (*c).traceback,
            &raw mut (*c).context,
            &raw mut (*c).cause,
        ] {
            refcount::xdecref(std::ptr::replace(field, std::ptr::null_mut()));
        }
    }
}
