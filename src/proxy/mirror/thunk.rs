//! C functions that stand for the VM's built-in functions and methods.
//!
//! C code may take `ml_meth` out of a `PyMethodDef` and call it with nothing
//! but a receiver and arguments. So each of the VM's own functions that
//! crosses gets a C function that knows which one it stands for.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_int;

use rustpython_vm::builtins::PyDict;
use rustpython_vm::function::FuncArgs;
use rustpython_vm::{AsObject, PyObject as VmObject, PyObjectRef, VirtualMachine};

use super::tupleobject;
use crate::api::{border, python};
use crate::layout::{
    METH_KEYWORDS, METH_VARARGS, PyCFunction, PyCFunctionWithKeywords, PyMethodDef, PyObject,
};
use crate::proxy::{arena, vm_of, vm_of_opt};

/// What a thunk stands for.
#[derive(Clone)]
struct Target {
    callable: PyObjectRef,
    /// The receiver is its first argument.
    unbound: bool,
    def: *mut PyMethodDef,
}

#[derive(Default)]
struct Targets {
    list: Vec<Target>,
    index: HashMap<usize, usize>,
}

struct Global(RefCell<Option<Targets>>);
// SAFETY: only the holder of the extension lock reaches it.
unsafe impl Sync for Global {}
static TARGETS: Global = Global(RefCell::new(None));

unsafe extern "C" fn thunk<const N: usize>(
    zelf: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: C calls with a receiver, a tuple, and a dict or NULL.
    unsafe { call(N, zelf, args, kwargs) }
}

unsafe fn call(
    n: usize,
    zelf: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        let target = TARGETS.0.borrow().as_ref().map(|t| t.list[n].clone());
        let target = target.expect("a thunk in use has a target");
        let mut values = Vec::new();
        // SAFETY: by the caller's contract.
        unsafe {
            if target.unbound {
                values.push(vm_of(vm, zelf));
            }
            values.extend(tupleobject::elements(vm, args));
            let mut args = FuncArgs::from(values);
            if let Some(dict) = vm_of_opt(vm, kwargs)
                && let Some(dict) = dict.downcast_ref::<PyDict>()
            {
                for (name, value) in dict {
                    let name = name.str(vm)?;
                    args.kwargs.insert(name.as_wtf8().to_owned(), value);
                }
            }
            python(|| target.callable.call(args, vm))
        }
    })
}

macro_rules! rows {
    ($($row:literal)*) => {[$(
        rows!(@ $row: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15),
    )*]};
    (@ $row:literal: $($n:literal)*) => {[$(thunk::<{ $row * 16 + $n }>),*]};
}

static THUNKS: [[PyCFunctionWithKeywords; 16]; 48] = rows! {
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23
    24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47
};

/// The definition of the VM's own `callable`, for ever. `unbound` says that
/// the receiver is an argument of it. `None` when there are no more thunks.
///
/// The caller holds the lock.
pub fn def_of(
    _vm: &VirtualMachine,
    callable: &VmObject,
    name: &str,
    unbound: bool,
) -> Option<*mut PyMethodDef> {
    let mut targets = TARGETS.0.borrow_mut();
    let targets = targets.get_or_insert_default();
    let id = callable.get_id();
    if let Some(&n) = targets.index.get(&id) {
        return Some(targets.list[n].def);
    }
    let n = targets.list.len();
    let function = *THUNKS.get(n / 16)?.get(n % 16)?;
    let def = arena::immortal(std::alloc::Layout::new::<PyMethodDef>()).cast::<PyMethodDef>();
    // SAFETY: memory for a definition that is ours for ever; the flags tell
    // the function's real type.
    unsafe {
        def.write(PyMethodDef {
            ml_name: arena::immortal_c_string(name),
            ml_meth: Some(std::mem::transmute::<PyCFunctionWithKeywords, PyCFunction>(
                function,
            )),
            ml_flags: (METH_VARARGS | METH_KEYWORDS) as c_int,
            ml_doc: std::ptr::null(),
        });
    }
    targets.index.insert(id, n);
    targets.list.push(Target {
        callable: callable.to_owned(),
        unbound,
        def: def.as_ptr(),
    });
    Some(def.as_ptr())
}

/// A definition that has a name and no function, when there are no more thunks:
/// C code that finds no calling convention it knows calls the object itself.
pub fn def_without_function(name: &str) -> *mut PyMethodDef {
    let mut known = NAMED.0.borrow_mut();
    *known
        .get_or_insert_default()
        .entry(name.to_owned())
        .or_insert_with(|| {
            let def =
                arena::immortal(std::alloc::Layout::new::<PyMethodDef>()).cast::<PyMethodDef>();
            // SAFETY: memory for a definition that is ours for ever.
            unsafe {
                def.write(PyMethodDef {
                    ml_name: arena::immortal_c_string(name),
                    ..PyMethodDef::ZERO
                });
            }
            def.as_ptr()
        })
}

struct Named(RefCell<Option<HashMap<String, *mut PyMethodDef>>>);
// SAFETY: only the holder of the extension lock reaches it.
unsafe impl Sync for Named {}
static NAMED: Named = Named(RefCell::new(None));
