//! `cpython/classobject.h`: bound methods, and functions of C that bind like
//! functions of Python.

use std::ffi::c_int;
use std::ptr;

use rustpython_vm::builtins::PyBoundMethod;
use rustpython_vm::{AsObject, PyPayload, PyResult, VirtualMachine};

use super::{bad_internal_call, border, object, python};
use crate::layout::*;
use crate::proxy::mirror::{self, Kind, kind_of_type};
use crate::proxy::vm_of;
use crate::refcount;
use crate::types::{derived, function, ready, statics};

/// `func` bound to `self_`: new. `SystemError` if there is no `self_`.
///
/// # Safety
/// Both are NULL or live objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMethod_New(func: *mut PyObject, self_: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        if self_.is_null() {
            return Err(bad_internal_call(vm));
        }
        // SAFETY: by this function's contract.
        let (func, zelf) = unsafe { (object(vm, func)?, object(vm, self_)?) };
        Ok(PyBoundMethod::new(zelf, func).into_ref(&vm.ctx))
    })
}

/// `op`, if it is a bound method.
unsafe fn method(vm: &VirtualMachine, op: *mut PyObject) -> PyResult<*mut PyMethodObject> {
    // SAFETY: the callers hand over NULL or a live object.
    if op.is_null() || unsafe { kind_of_type((*op).ob_type) } != Kind::Method {
        return Err(bad_internal_call(vm));
    }
    Ok(op.cast())
}

/// The function of a bound method: borrowed. `SystemError` if `op` is none.
///
/// # Safety
/// `op` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMethod_Function(op: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    border(|vm| unsafe { Ok((*method(vm, op)?).im_func) })
}

/// What a method is bound to: borrowed. `SystemError` if `op` is none.
///
/// # Safety
/// `op` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMethod_Self(op: *mut PyObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    border(|vm| unsafe { Ok((*method(vm, op)?).im_self) })
}

/// `instancemethod`: makes of any callable what binds to instances.
#[unsafe(no_mangle)]
pub static mut PyInstanceMethod_Type: PyTypeObject = PyTypeObject::ZERO;

static mut MEMBERS: [PyMemberDef; 2] = [
    PyMemberDef {
        name: c"__func__".as_ptr(),
        type_: _Py_T_OBJECT,
        offset: std::mem::offset_of!(PyInstanceMethodObject, func) as Py_ssize_t,
        flags: Py_READONLY,
        doc: c"the function (or other callable) implementing a method".as_ptr(),
    },
    PyMemberDef::ZERO,
];

static mut GETSET: [PyGetSetDef; 2] = [
    PyGetSetDef {
        name: c"__doc__".as_ptr(),
        get: Some(instancemethod_get_doc),
        set: None,
        doc: ptr::null(),
        closure: ptr::null_mut(),
    },
    PyGetSetDef::ZERO,
];

/// Makes `instancemethod` ready, after the static types are bound.
///
/// # Errors
/// What making it ready raises.
pub fn init(vm: &VirtualMachine) -> PyResult<()> {
    // SAFETY: our own static, before C sees it; the lock is held.
    unsafe {
        let t = &raw mut PyInstanceMethod_Type;
        refcount::make_static_immortal(t.cast());
        (*t).tp_name = c"instancemethod".as_ptr();
        (*t).tp_basicsize = size_of::<PyInstanceMethodObject>() as Py_ssize_t;
        (*t).tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC;
        (*t).tp_doc = c"instancemethod(function)\n\nBind a function to a class.".as_ptr();
        (*t).tp_dealloc = Some(instancemethod_dealloc);
        (*t).tp_traverse = Some(instancemethod_traverse);
        (*t).tp_repr = Some(instancemethod_repr);
        (*t).tp_call = Some(instancemethod_call);
        (*t).tp_getattro = Some(instancemethod_getattro);
        (*t).tp_richcompare = Some(instancemethod_richcompare);
        (*t).tp_descr_get = Some(instancemethod_descr_get);
        (*t).tp_new = Some(instancemethod_new);
        (*t).tp_members = (&raw mut MEMBERS).cast();
        (*t).tp_getset = (&raw mut GETSET).cast();
        ready::ready(vm, t)
    }
}

unsafe fn func(op: *mut PyObject) -> *mut PyObject {
    // SAFETY: the callers have an `instancemethod`.
    unsafe { (*op.cast::<PyInstanceMethodObject>()).func }
}

/// An `instancemethod` of `func`: new.
///
/// # Safety
/// `func` is a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInstanceMethod_New(func: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract; a fresh object of the right size.
        unsafe {
            let t = &raw mut PyInstanceMethod_Type;
            let p = mirror::allocate(t, size_of::<PyInstanceMethodObject>());
            if p.is_null() {
                return Err(vm.new_memory_error(""));
            }
            (*p.cast::<PyInstanceMethodObject>()).func = refcount::xnew_ref(func);
            super::objimpl::PyObject_GC_Track(p.cast());
            Ok(p)
        }
    })
}

/// The function of an `instancemethod`: borrowed. `SystemError` if `op` is none.
///
/// # Safety
/// `op` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInstanceMethod_Function(op: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            if op.is_null() || !ptr::eq((*op).ob_type, &raw const PyInstanceMethod_Type) {
                return Err(bad_internal_call(vm));
            }
            Ok(func(op))
        }
    })
}

unsafe extern "C" fn instancemethod_new(
    _type: *mut PyTypeObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C's contract for `tp_new`.
        let args = unsafe { derived::func_args(vm, args, kwargs)? };
        let (function,): (rustpython_vm::PyObjectRef,) = args.bind(vm)?;
        if !function.is_callable() {
            return Err(vm.new_type_error("first argument must be callable"));
        }
        let function = crate::proxy::c_of(vm, &function);
        // SAFETY: a new reference, which is dropped again.
        unsafe {
            let p = PyInstanceMethod_New(function);
            refcount::decref(function);
            function::checked(vm, p, (&raw mut PyInstanceMethod_Type).cast())
        }
    })
}

unsafe extern "C" fn instancemethod_dealloc(op: *mut PyObject) {
    // SAFETY: C's contract for `tp_dealloc`.
    unsafe {
        super::objimpl::PyObject_GC_UnTrack(op.cast());
        refcount::xdecref(func(op));
        let free = (*(*op).ob_type).tp_free;
        free.unwrap_or(super::objimpl::PyObject_GC_Del)(op.cast());
    }
}

unsafe extern "C" fn instancemethod_traverse(
    op: *mut PyObject,
    visit: visitproc,
    arg: *mut std::ffi::c_void,
) -> c_int {
    // SAFETY: C's contract for `tp_traverse`.
    unsafe {
        match func(op) {
            p if p.is_null() => 0,
            p => visit(p, arg),
        }
    }
}

unsafe extern "C" fn instancemethod_repr(op: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C's contract.
        let function = unsafe { object(vm, func(op))? };
        let name = python(|| vm.get_attribute_opt(&function, "__name__"))?;
        let name = match name {
            Some(name) => name.str(vm)?.to_string_lossy().into_owned(),
            None => "?".to_owned(),
        };
        Ok(vm.ctx.new_str(format!("<instancemethod {name} at {op:p}>")))
    })
}

unsafe extern "C" fn instancemethod_call(
    op: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: C's contract for `tp_call`.
    unsafe { super::call::PyObject_Call(func(op), args, kwargs) }
}

unsafe extern "C" fn instancemethod_getattro(
    op: *mut PyObject,
    name: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C's contract for `tp_getattro`.
        let (v, function, name) = unsafe { (vm_of(vm, op), vm_of(vm, func(op)), vm_of(vm, name)) };
        let name: rustpython_vm::builtins::PyStrRef = name.try_into_value(vm)?;
        let own = v.class().get_attr(vm.ctx.intern_str(name.as_wtf8()));
        python(|| match own {
            Some(own) => match own.class().slots().descr_get.load() {
                Some(get) => get(&own, Some(&v), Some(v.class().as_object()), vm),
                None => Ok(own),
            },
            None => function.get_attr(&*name, vm),
        })
    })
}

unsafe extern "C" fn instancemethod_richcompare(
    a: *mut PyObject,
    b: *mut PyObject,
    op: c_int,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C's contract for `tp_richcompare`.
        unsafe {
            let t = &raw const PyInstanceMethod_Type;
            if !matches!(op, Py_EQ | Py_NE)
                || !ptr::eq((*a).ob_type, t)
                || !ptr::eq((*b).ob_type, t)
            {
                return Ok(statics::not_implemented());
            }
            let (a, b) = (vm_of(vm, func(a)), vm_of(vm, func(b)));
            let equal = python(|| vm.bool_eq(&a, &b))?;
            Ok(statics::bool(equal == (op == Py_EQ)))
        }
    })
}

unsafe extern "C" fn instancemethod_descr_get(
    op: *mut PyObject,
    instance: *mut PyObject,
    _owner: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: C's contract for `tp_descr_get`.
    unsafe {
        match instance.is_null() {
            true => refcount::xnew_ref(func(op)),
            false => PyMethod_New(func(op), instance),
        }
    }
}

unsafe extern "C" fn instancemethod_get_doc(
    op: *mut PyObject,
    _closure: *mut std::ffi::c_void,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C's contract for a getter.
        let function = unsafe { object(vm, func(op))? };
        python(|| function.get_attr("__doc__", vm))
    })
}
