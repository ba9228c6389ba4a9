//! `genericaliasobject.h`.

use rustpython_vm::PyObjectRef;

use super::{border, object, python};
use crate::layout::PyObject;

/// `origin[args]`, the alias: new. `args` that is no tuple stands for a tuple of it.
///
/// # Safety
/// Both are NULL or live objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_GenericAlias(
    origin: *mut PyObject,
    args: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let (origin, args) = unsafe { (object(vm, origin)?, object(vm, args)?) };
        let class: PyObjectRef = vm.ctx.types.generic_alias_type.to_owned().into();
        python(|| class.call((origin, args), vm))
    })
}
