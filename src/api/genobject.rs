//! `cpython/genobject.h`: generators and coroutines. They are the VM's; C
//! asks for their types only.

use super::{border, object};
use crate::layout::{PyCodeObject, PyGenObject};
use crate::proxy::c_of;

/// The code of a generator: new.
///
/// # Safety
/// `gen_` is a live generator.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyGen_GetCode(gen_: *mut PyGenObject) -> *mut PyCodeObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let generator = unsafe { object(vm, gen_)? };
        let code = generator.get_attr("gi_code", vm)?;
        Ok(c_of(vm, &code).cast::<PyCodeObject>())
    })
}

// skipped: PyGen_New, PyGen_NewWithQualName, PyCoro_New, PyAsyncGen_New: take a frame over, and the VM's frames belong to the call that made them.
