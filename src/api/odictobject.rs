//! `cpython/odictobject.h`.

use std::ffi::c_int;

use super::{border, object, python};
use crate::layout::PyObject;

/// An empty `OrderedDict`: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyODict_New() -> *mut PyObject {
    border(|vm| {
        python(|| {
            let class = vm.import("collections", 0)?.get_attr("OrderedDict", vm)?;
            class.call((), vm)
        })
    })
}

/// Sets the value of `key`; both stay the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyODict_SetItem(
    od: *mut PyObject,
    key: *mut PyObject,
    item: *mut PyObject,
) -> c_int {
    border(|vm| {
        // SAFETY: the arguments are NULL or live.
        let (od, key, item) = unsafe { (object(vm, od)?, object(vm, key)?, object(vm, item)?) };
        python(|| od.set_item(&*key, item, vm))
    })
}

/// Removes `key`; `KeyError` when it is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyODict_DelItem(od: *mut PyObject, key: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: the arguments are NULL or live.
        let (od, key) = unsafe { (object(vm, od)?, object(vm, key)?) };
        python(|| od.del_item(&*key, vm))
    })
}
