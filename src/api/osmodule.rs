//! `osmodule.h`.

use super::import::call;
use super::{border, object};
use crate::layout::PyObject;

/// `os.fspath(path)`. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyOS_FSPath(path: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the caller passes a live object.
        let path = unsafe { object(vm, path) }?;
        call(vm, "posix", "fspath", (path,))
    })
}
