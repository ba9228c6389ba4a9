//! What `sys` tells of objects that C knows: `sys.getsizeof` and `object.__sizeof__`, and `sys.getrefcount`.
//!
//! RustPython's `__sizeof__` leaves the header out, and its `getsizeof` adds it. A type of C's says the whole size of its
//! struct, and CPython adds only what lies before the struct.
//!
//! References that C holds are counted in the C object, and the VM's count has one for all of them, or C's one for the VM:
//! the sum is one less than the two counts.

use std::sync::OnceLock;

use rustpython_vm::function::{FuncArgs, ItemDoc, OptionalArg, PyMethodFlags};
use rustpython_vm::{
    AsObject, FromArgs, PyObject as VmObject, PyObjectRef, PyResult, VirtualMachine,
};

use crate::layout::{
    Py_TPFLAGS_HAVE_GC, Py_TPFLAGS_PREHEADER, PyGC_Head, PyObject, PyType_HasFeature, PyVarObject,
};
use crate::proxy::{self, instance};
use crate::{refcount, thread};

/// The VM's own `sys.getsizeof`.
static VM_GETSIZEOF: OnceLock<PyObjectRef> = OnceLock::new();
/// The VM's own `object.__sizeof__`.
static VM_SIZEOF: OnceLock<PyObjectRef> = OnceLock::new();

/// Replaces these functions.
pub(super) fn install(vm: &VirtualMachine) -> PyResult<()> {
    let name = vm.ctx.intern_str("getsizeof");
    let own = vm.sys_module.get_attr(name, vm)?;
    let function = vm
        .ctx
        .new_method_def(
            "getsizeof",
            getsizeof,
            PyMethodFlags::EMPTY,
            ItemDoc::static_text("Return the size of object in bytes."),
        )
        .build_function(vm, None);
    VM_GETSIZEOF.get_or_init(|| own);
    vm.sys_module.set_attr(name, function, vm)?;
    let function = vm
        .ctx
        .new_method_def(
            "getrefcount",
            getrefcount,
            PyMethodFlags::EMPTY,
            ItemDoc::static_text("Return the reference count of object."),
        )
        .build_function(vm, None);
    vm.sys_module.set_attr("getrefcount", function, vm)?;

    let object_type = vm.ctx.types.object_type;
    let name = vm.ctx.intern_str("__sizeof__");
    if let Some(own) = object_type.attributes.get(name)
        && VM_SIZEOF.set(own).is_ok()
    {
        let doc = ItemDoc::static_text("Size of object in memory, in bytes.");
        let method = vm
            .ctx
            .new_method_def("__sizeof__", sizeof, PyMethodFlags::METHOD, doc)
            .build_method(object_type, vm);
        object_type.set_attr(name, method.into());
    }
    Ok(())
}

fn getrefcount(object: PyObjectRef, vm: &VirtualMachine) -> usize {
    let own = object.strong_count();
    // An immortal object's count is a mark, not a number.
    if object.is_immortal() || !thread::lock::is_set_up() {
        return own;
    }
    let _held = thread::enter(vm);
    match instance::of(&object).or_else(|| proxy::linked(&object)) {
        // SAFETY: a live VM object's C object is live, and the lock is held.
        Some(p) if !refcount::is_immortal(p) => {
            // SAFETY: as above.
            (own + unsafe { refcount::count(p) } as usize).saturating_sub(1)
        }
        _ => own,
    }
}

#[derive(FromArgs)]
struct GetsizeofArgs {
    #[pyarg(any)]
    object: PyObjectRef,
    #[pyarg(any, optional)]
    default: OptionalArg<PyObjectRef>,
}

fn getsizeof(args: GetsizeofArgs, vm: &VirtualMachine) -> PyResult {
    let Some(before) = with_struct(&args.object, vm, |p| {
        // SAFETY: a live object.
        unsafe { before_struct(p) }
    }) else {
        let own = VM_GETSIZEOF.get().expect("set before this is installed");
        let mut all = vec![args.object];
        all.extend(args.default);
        return own.call(all, vm);
    };
    let size = || {
        let name = vm.ctx.intern_str("__sizeof__");
        let size = vm.call_special_method(&args.object, name, ())?;
        let size = size.try_index(vm)?.try_to_primitive::<isize>(vm)?;
        match usize::try_from(size) {
            Ok(size) => Ok(vm.ctx.new_int(size + before).into()),
            Err(_) => Err(vm.new_value_error("__sizeof__() should return >= 0")),
        }
    };
    size().or_else(|error| match args.default {
        OptionalArg::Present(default) if error.fast_isinstance(vm.ctx.exceptions.type_error) => {
            Ok(default)
        }
        _ => Err(error),
    })
}

/// `object.__sizeof__`
fn sizeof(object: PyObjectRef, vm: &VirtualMachine) -> PyResult {
    match with_struct(&object, vm, |p| {
        // SAFETY: a live object.
        unsafe { struct_size(p) }
    }) {
        Some(size) => Ok(vm.ctx.new_int(size).into()),
        None => {
            let own = VM_SIZEOF.get().expect("set before this is installed");
            own.call(FuncArgs::from(vec![object]), vm)
        }
    }
}

/// What `f` says of the struct of an instance of C's.
fn with_struct<R>(
    v: &VmObject,
    vm: &VirtualMachine,
    f: impl FnOnce(*mut PyObject) -> R,
) -> Option<R> {
    if !thread::lock::is_set_up() {
        return None;
    }
    let _held = thread::enter(vm);
    instance::of(v).map(f)
}

/// The bytes that CPython has before the struct.
///
/// # Safety
/// `p` is live; the lock is held.
unsafe fn before_struct(p: *mut PyObject) -> usize {
    // SAFETY: by this function's contract.
    unsafe {
        let ty = (*p).ob_type;
        let mut size = 0;
        let collected = PyType_HasFeature(ty, Py_TPFLAGS_HAVE_GC)
            && (*ty)
                .tp_is_gc
                .is_none_or(|is_gc| thread::state::call_c(|| is_gc(p)) != 0);
        if collected {
            size += size_of::<PyGC_Head>();
        }
        if PyType_HasFeature(ty, Py_TPFLAGS_PREHEADER) {
            size += 2 * size_of::<usize>();
        }
        size
    }
}

/// `tp_basicsize` and the items.
///
/// # Safety
/// `p` is live; the lock is held.
unsafe fn struct_size(p: *mut PyObject) -> isize {
    // SAFETY: by this function's contract.
    unsafe {
        let ty = (*p).ob_type;
        let items = match (*ty).tp_itemsize {
            0 => 0,
            // A negative size is a number's sign.
            size => size * (*p.cast::<PyVarObject>()).ob_size.abs(),
        };
        (*ty).tp_basicsize + items
    }
}
