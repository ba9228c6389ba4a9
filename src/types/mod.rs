//! Types: the static ones at init, those that C defines, the mirrors of the
//! VM's classes, and the slots in both directions.

pub mod attributes;
pub mod call;
pub mod derived;
pub mod descr;
pub mod dict;
pub mod doc;
pub mod function;
pub mod heap;
pub mod hook;
pub mod name;
pub mod ready;
pub mod slotdefs;
pub mod slots_c;
pub mod slots_vm;
pub mod spec;
pub mod statics;
pub mod subclass;
pub mod tether;
pub mod watch;
pub mod wrapper;

use rustpython_vm::builtins::{PyType, PyTypeRef};
use rustpython_vm::{AsObject, Py, PyResult, VirtualMachine};

use crate::layout::{Py_TPFLAGS_READY, PyObject, PyType_HasFeature, PyTypeObject};
use crate::proxy;
use crate::proxy::prefix::{flag, prefix_of};

/// Fills the type objects and singletons, once.
///
/// # Errors
/// What the VM raises.
pub fn init(vm: &VirtualMachine) -> PyResult<()> {
    crate::api::pymem_debug::init(vm);
    statics::init(vm)?;
    function::init(vm);
    descr::init(vm);
    ready::init(vm);
    report_sizes(vm);
    proxy::mirror::null::init(vm)?;
    crate::api::pycapsule::init(vm);
    crate::api::classobject::init(vm)?;
    crate::api::datetime::init(vm)
}

/// Has `type.__basicsize__` and `type.__itemsize__` say what C finds in the type objects; the VM's own numbers are of its payloads.
fn report_sizes(vm: &VirtualMachine) {
    let c_type = |class: &Py<PyType>, vm: &VirtualMachine| {
        let _held = crate::thread::enter(vm);
        let t = c_type_of(vm, class);
        // SAFETY: a class's type object is live while the class is.
        unsafe { ((*t).tp_basicsize, (*t).tp_itemsize) }
    };
    let types = vm.ctx.types.type_type;
    let basicsize = vm.ctx.new_readonly_getset(
        "__basicsize__",
        types,
        move |class: PyTypeRef, vm: &VirtualMachine| c_type(&class, vm).0,
    );
    let itemsize = vm.ctx.new_readonly_getset(
        "__itemsize__",
        types,
        move |class: PyTypeRef, vm: &VirtualMachine| c_type(&class, vm).1,
    );
    types.set_attr(vm.ctx.intern_str("__basicsize__"), basicsize.into());
    types.set_attr(vm.ctx.intern_str("__itemsize__"), itemsize.into());
}

/// The C type object of a VM class: borrowed, alive as long as an instance
/// is, or a moment.
///
/// The caller holds the extension lock.
#[inline]
pub fn c_type_of(vm: &VirtualMachine, class: &Py<PyType>) -> *mut PyTypeObject {
    match proxy::linked(class.as_object()) {
        Some(p) => p.cast(),
        None => heap::make(vm, class),
    }
}

/// The C type object of a VM class, if it has one.
pub fn bound(class: &Py<PyType>) -> Option<*mut PyTypeObject> {
    proxy::linked(class.as_object()).map(<*mut PyObject>::cast)
}

/// The VM class of a C type object, which is made ready if C forgot to.
///
/// # Safety
/// `t` is a live type object; the lock is held.
///
/// # Panics
/// When the type cannot be made ready; the border turns that into an exception.
#[inline]
pub unsafe fn vm_type_of(vm: &VirtualMachine, t: *mut PyTypeObject) -> PyTypeRef {
    // SAFETY: by this function's contract; a type's link is its class.
    unsafe {
        let prefix = prefix_of(t.cast());
        if !prefix.is_null() && !(*prefix).link.is_null() {
            let class = &*(*prefix).link.cast::<Py<PyType>>();
            return class.to_owned();
        }
        ready_now(vm, t)
    }
}

#[cold]
unsafe fn ready_now(vm: &VirtualMachine, t: *mut PyTypeObject) -> PyTypeRef {
    // SAFETY: by the caller's contract.
    unsafe {
        assert!(
            !PyType_HasFeature(t, Py_TPFLAGS_READY),
            "a ready type without a class"
        );
        if let Err(e) = ready::ready(vm, t) {
            let text = e
                .args()
                .as_slice()
                .first()
                .and_then(|a| Some(a.str_utf8(vm).ok()?.as_str().to_owned()))
                .unwrap_or_default();
            panic!("cannot make a type ready: {text}");
        }
        vm_type_of(vm, t)
    }
}

/// Links a type object to its class for ever.
pub fn bind(t: *mut PyTypeObject, class: &Py<PyType>) {
    // SAFETY: both live for ever; the callers hold the lock.
    unsafe { proxy::link_strong(t.cast(), class.to_owned().into(), true) };
}

/// Whether C defined the type.
///
/// # Safety
/// `t` is a live type object; the lock is held.
pub unsafe fn is_c_type(t: *mut PyTypeObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = prefix_of(t.cast());
        !prefix.is_null() && (*prefix).has(flag::C_TYPE)
    }
}

/// Whether C defined the class.
pub fn is_c_class(class: &Py<PyType>) -> bool {
    // SAFETY: what is bound is live; the callers hold the lock.
    bound(class).is_some_and(|t| unsafe { is_c_type(t) })
}

/// The nearest class in the MRO that is one of the VM's own, built in.
pub fn builtin_base(class: &Py<PyType>) -> PyTypeRef {
    class
        .mro
        .read()
        .iter()
        .find(|c| c.heaptype_ext.is_none())
        .map_or_else(|| class.to_owned(), |c| c.clone())
}
