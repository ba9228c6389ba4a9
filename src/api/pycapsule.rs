//! `pycapsule.h`: C pointers as Python objects.
//!
//! A capsule is a C object. When it escapes, the VM has a capsule without a
//! payload of the VM's own for it.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use rustpython_vm::builtins::{PyBaseExceptionRef, PyStrRef};
use rustpython_vm::{AsObject, PyObject as VmObject, PyResult, VirtualMachine};

use super::{border, python, text};
use crate::layout::*;
use crate::proxy::instance;
use crate::proxy::mirror::{self, Kind};
use crate::thread;
use crate::types::{function, statics};

/// What `PyCapsule_Type` describes.
#[repr(C)]
struct PyCapsule {
    ob_base: PyObject,
    /// Never NULL.
    pointer: *mut c_void,
    name: *const c_char,
    context: *mut c_void,
    destructor: Option<PyCapsule_Destructor>,
    traverse_func: Option<traverseproc>,
    clear_func: Option<inquiry>,
}

/// Makes capsules C objects, after the static types are bound.
pub fn init(vm: &VirtualMachine) {
    // SAFETY: our own static, before C sees it; the lock is held.
    unsafe {
        let t = statics::capsule_type();
        (*t).tp_dealloc = Some(dealloc);
        mirror::set_kind(t, Kind::Instance, Kind::Header);
    }
    let slots = vm.ctx.types.capsule_type.slots();
    slots.repr.store(Some(repr));
    slots.del.store(None);
}

fn repr(v: &VmObject, vm: &VirtualMachine) -> PyResult<PyStrRef> {
    let _held = thread::enter(vm);
    let name = instance::of(v).and_then(|p| {
        // SAFETY: a live object's C object is live.
        let name = unsafe { (*p.cast::<PyCapsule>()).name };
        // SAFETY: a capsule's name is a string that outlives it.
        (!name.is_null()).then(|| format!("\"{}\"", unsafe { function::text(name) }))
    });
    let address = instance::of(v).map_or(v.get_id(), |p| p as usize);
    Ok(vm.ctx.new_str(format!(
        "<capsule object {} at {address:#x}>",
        name.as_deref().unwrap_or("NULL")
    )))
}

unsafe extern "C" fn dealloc(p: *mut PyObject) {
    // SAFETY: a capsule at count zero. The destructor may look at it, with a
    // count, as in CPython.
    unsafe {
        if let Some(destructor) = (*p.cast::<PyCapsule>()).destructor {
            destructor(p);
        }
        let free = (*(*p).ob_type).tp_free;
        free.unwrap_or(super::objimpl::PyObject_Free)(p.cast());
    }
}

/// The capsule at `op`; anything else is a `ValueError` that names the API function.
unsafe fn capsule(vm: &VirtualMachine, op: *mut PyObject, who: &str) -> PyResult<*mut PyCapsule> {
    // SAFETY: NULL or a live object, by the callers' contract.
    unsafe {
        if !is_capsule(op) || (*op.cast::<PyCapsule>()).pointer.is_null() {
            return Err(vm.new_value_error(format!("{who} called with invalid PyCapsule object")));
        }
    }
    Ok(op.cast())
}

unsafe fn is_capsule(op: *mut PyObject) -> bool {
    // SAFETY: NULL or a live object, by the callers' contract.
    !op.is_null() && ptr::eq(unsafe { (*op).ob_type }, statics::capsule_type())
}

unsafe fn same_name(a: *const c_char, b: *const c_char) -> bool {
    if a.is_null() || b.is_null() {
        return ptr::eq(a, b);
    }
    // SAFETY: names are NUL-terminated strings.
    unsafe { CStr::from_ptr(a) == CStr::from_ptr(b) }
}

/// A capsule of `pointer`, which must not be NULL (`ValueError`): new. `name`
/// must outlive it.
///
/// # Safety
/// `name` is NULL or a string that outlives the capsule.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCapsule_New(
    pointer: *mut c_void,
    name: *const c_char,
    destructor: Option<PyCapsule_Destructor>,
) -> *mut PyObject {
    border(|vm| {
        if pointer.is_null() {
            return Err(vm.new_value_error("PyCapsule_New called with null pointer"));
        }
        // SAFETY: a fresh object of the right size.
        unsafe {
            let p = mirror::allocate(statics::capsule_type(), size_of::<PyCapsule>());
            if p.is_null() {
                return Err(vm.new_memory_error(""));
            }
            let c = p.cast::<PyCapsule>();
            (*c).pointer = pointer;
            (*c).name = name;
            (*c).destructor = destructor;
            Ok(p)
        }
    })
}

/// Whether `op` is a capsule of that name: 1 or 0, never an error.
///
/// # Safety
/// `op` is NULL or a live object, `name` NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCapsule_IsValid(op: *mut PyObject, name: *const c_char) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        let valid = is_capsule(op)
            && !(*op.cast::<PyCapsule>()).pointer.is_null()
            && same_name((*op.cast::<PyCapsule>()).name, name);
        c_int::from(valid)
    }
}

/// The pointer of a capsule of that name; `ValueError` if `op` is none.
///
/// # Safety
/// As for [`PyCapsule_IsValid`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCapsule_GetPointer(
    op: *mut PyObject,
    name: *const c_char,
) -> *mut c_void {
    // SAFETY: by this function's contract.
    border(|vm| unsafe {
        let c = capsule(vm, op, "PyCapsule_GetPointer")?;
        if !same_name(name, (*c).name) {
            return Err(vm.new_value_error("PyCapsule_GetPointer called with incorrect name"));
        }
        Ok((*c).pointer)
    })
}

/// The capsule's name, its own; NULL is a name too.
///
/// # Safety
/// `op` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCapsule_GetName(op: *mut PyObject) -> *const c_char {
    // SAFETY: by this function's contract.
    border(|vm| unsafe { Ok((*capsule(vm, op, "PyCapsule_GetName")?).name) })
}

/// The capsule's destructor; NULL is one too.
///
/// # Safety
/// `op` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCapsule_GetDestructor(
    op: *mut PyObject,
) -> Option<PyCapsule_Destructor> {
    let mut destructor = None;
    border(|vm| {
        // SAFETY: by this function's contract.
        destructor = unsafe { (*capsule(vm, op, "PyCapsule_GetDestructor")?).destructor };
        Ok(())
    });
    destructor
}

/// The capsule's context; NULL is one too.
///
/// # Safety
/// `op` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCapsule_GetContext(op: *mut PyObject) -> *mut c_void {
    // SAFETY: by this function's contract.
    border(|vm| unsafe { Ok((*capsule(vm, op, "PyCapsule_GetContext")?).context) })
}

/// Sets the pointer, which must not be NULL (`ValueError`).
///
/// # Safety
/// `op` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCapsule_SetPointer(op: *mut PyObject, pointer: *mut c_void) -> c_int {
    border(|vm| {
        if pointer.is_null() {
            return Err(vm.new_value_error("PyCapsule_SetPointer called with null pointer"));
        }
        // SAFETY: by this function's contract.
        unsafe { (*capsule(vm, op, "PyCapsule_SetPointer")?).pointer = pointer };
        Ok(())
    })
}

/// Sets the name, which must outlive the capsule.
///
/// # Safety
/// `op` is NULL or a live object, `name` NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCapsule_SetName(op: *mut PyObject, name: *const c_char) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe { (*capsule(vm, op, "PyCapsule_SetName")?).name = name };
        Ok(())
    })
}

/// Sets the destructor, which may be NULL.
///
/// # Safety
/// `op` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCapsule_SetDestructor(
    op: *mut PyObject,
    destructor: Option<PyCapsule_Destructor>,
) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe { (*capsule(vm, op, "PyCapsule_SetDestructor")?).destructor = destructor };
        Ok(())
    })
}

/// Sets the context, which may be NULL.
///
/// # Safety
/// `op` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCapsule_SetContext(op: *mut PyObject, context: *mut c_void) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe { (*capsule(vm, op, "PyCapsule_SetContext")?).context = context };
        Ok(())
    })
}

/// Says how the collector gets through the capsule.
///
/// # Safety
/// `op` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyCapsule_SetTraverse(
    op: *mut PyObject,
    traverse_func: Option<traverseproc>,
    clear_func: Option<inquiry>,
) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            let c = capsule(vm, op, "_PyCapsule_SetTraverse")?;
            (*c).traverse_func = traverse_func;
            (*c).clear_func = clear_func;
        }
        Ok(())
    })
}

fn could_not_import(vm: &VirtualMachine, module: &str) -> PyBaseExceptionRef {
    vm.new_import_error(
        format!("PyCapsule_Import could not import module \"{module}\""),
        vm.ctx.new_str(module),
    )
}

/// The pointer of the capsule `name`, a dotted path: imports the module that
/// it starts with and walks the attributes. `no_block` has no meaning any more.
///
/// # Safety
/// `name` is a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCapsule_Import(name: *const c_char, no_block: c_int) -> *mut c_void {
    let _ = no_block;
    border(|vm| {
        // SAFETY: by this function's contract.
        let path = unsafe { text(vm, name) }.map_err(|error| {
            if name.is_null() {
                return error;
            }
            // SAFETY: as above.
            let name = unsafe { std::ffi::CStr::from_ptr(name) }.to_bytes();
            let module = name.split(|&c| c == b'.').next().unwrap_or_default();
            match std::str::from_utf8(module) {
                Ok(_) => error,
                Err(_) => could_not_import(vm, &String::from_utf8_lossy(module)),
            }
        })?;
        let mut parts = path.split('.');
        let module = parts.next().unwrap_or_default();
        let found = python(|| {
            let mut object = vm
                .import(&*vm.ctx.new_str(module), 0)
                .map_err(|_| could_not_import(vm, module))?;
            for attribute in parts {
                object = object.get_attr(&*vm.ctx.new_str(attribute), vm)?;
            }
            Ok(object)
        })?;
        let p = instance::of(found.as_object()).unwrap_or(ptr::null_mut());
        // SAFETY: a live object's C object is live.
        unsafe {
            if PyCapsule_IsValid(p, name) == 0 {
                return Err(
                    vm.new_attribute_error(format!("PyCapsule_Import \"{path}\" is not valid"))
                );
            }
            Ok((*p.cast::<PyCapsule>()).pointer)
        }
    })
}
