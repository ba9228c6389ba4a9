//! `types.SimpleNamespace` for C: CPython's internal `pycore_namespace.h`.

use rustpython_vm::builtins::PyDict;

use super::{bad_internal_call, border, object, python};
use crate::layout::PyObject;

/// A namespace with the items of a dict as attributes: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyNamespace_New(kwds: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes NULL or a live object.
        let kwds = unsafe { object(vm, kwds)? };
        if kwds.downcast_ref::<PyDict>().is_none() {
            return Err(bad_internal_call(vm));
        }
        python(|| {
            let class = vm.import("types", 0)?.get_attr("SimpleNamespace", vm)?;
            class.call((kwds,), vm)
        })
    })
}
