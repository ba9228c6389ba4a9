//! `memoryobject.h`: making memoryviews.

use std::borrow::Cow;
use std::ffi::{c_char, c_int};

use rustpython_vm::builtins::PyMemoryView;
use rustpython_vm::protocol::{BufferDescriptor, PyBuffer, VecBuffer};
use rustpython_vm::{PyPayload, PyRef, PyResult, VirtualMachine};

use super::pybuffer::foreign_buffer;
use super::{border, object, python};
use crate::layout::{Py_buffer, Py_ssize_t, PyBUF_READ, PyBUF_WRITE, PyObject};

fn view_of(vm: &VirtualMachine, buffer: PyBuffer) -> PyResult<PyRef<PyMemoryView>> {
    Ok(PyMemoryView::from_buffer(buffer, vm)?.into_ref(&vm.ctx))
}

/// `memoryview(p)`. New reference.
///
/// # Safety
/// `p` is live, and the caller holds the lock. This goes for every object here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMemoryView_FromObject(p: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let v = unsafe { object(vm, p) }?;
        let view = python(|| PyMemoryView::from_object(&v, vm))?;
        Ok(view.into_ref(&vm.ctx))
    })
}

/// A memoryview of `size` bytes of memory, writable if `flags` is
/// `PyBUF_WRITE`. New reference.
///
/// # Safety
/// The memory outlives the view.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMemoryView_FromMemory(
    memory: *mut c_char,
    size: Py_ssize_t,
    flags: c_int,
) -> *mut PyObject {
    debug_assert!(!memory.is_null() && (flags == PyBUF_READ || flags == PyBUF_WRITE));
    let view = Py_buffer {
        buf: memory.cast(),
        len: size,
        itemsize: 1,
        readonly: (flags != PyBUF_WRITE).into(),
        ndim: 1,
        ..Py_buffer::ZERO
    };
    // SAFETY: by this function's contract.
    border(|vm| view_of(vm, unsafe { foreign_buffer(vm, &view) }?))
}

/// A memoryview of what `info` describes, which stays the caller's: the new
/// view has no exporter. New reference.
///
/// # Safety
/// `info` was filled by an exporter, and its memory outlives the view.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMemoryView_FromBuffer(info: *const Py_buffer) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let info = unsafe { &*info };
        if info.buf.is_null() {
            let message = "PyMemoryView_FromBuffer(): info->buf must not be NULL";
            return Err(vm.new_value_error(message));
        }
        // SAFETY: by this function's contract.
        view_of(vm, unsafe { foreign_buffer(vm, info) }?)
    })
}

/// Whether a buffer is contiguous in `order`: `C`, `F`, or `A` for either.
fn is_contiguous(desc: &BufferDescriptor, order: u8) -> bool {
    match order {
        b'C' => desc.is_contiguous(),
        b'F' => desc.is_fortran_contiguous(),
        _ => desc.is_contiguous() || desc.is_fortran_contiguous(),
    }
}

/// A copy of a buffer, contiguous in Fortran's order for `F`, otherwise in C's.
fn contiguous_copy(vm: &VirtualMachine, buffer: &PyBuffer, order: u8) -> PyBuffer {
    let mut bytes = Vec::with_capacity(buffer.desc.len);
    let mut desc = buffer.desc.contiguous();
    if order == b'F' {
        let from = buffer.obj_bytes();
        buffer.desc.for_each_segment_fortran(|range| {
            bytes.extend_from_slice(&from[range.start as usize..range.end as usize]);
        });
        let mut stride = desc.itemsize as isize;
        for dimension in &mut desc.dim_desc {
            dimension.1 = stride;
            stride *= dimension.0 as isize;
        }
    } else {
        buffer.append_to(&mut bytes);
    }
    desc.readonly = true;
    desc.format = Cow::Owned(buffer.desc.format.clone().into_owned());
    VecBuffer::from(bytes)
        .into_ref(&vm.ctx)
        .into_pybuffer_with_descriptor(desc)
}

/// A memoryview of `p` whose memory is contiguous in `order`. With
/// `PyBUF_READ`, one of a copy if the object's own is not. New reference.
///
/// # Safety
/// As for [`PyMemoryView_FromObject`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMemoryView_GetContiguous(
    p: *mut PyObject,
    access: c_int,
    order: c_char,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let v = unsafe { object(vm, p) }?;
        python(|| {
            let view = PyMemoryView::from_object(&v, vm)?.into_ref(&vm.ctx);
            let buffer = view.clone_buffer();
            let writable = access == PyBUF_WRITE;
            if writable && buffer.desc.readonly {
                return Err(vm.new_buffer_error("underlying buffer is not writable"));
            }
            if is_contiguous(&buffer.desc, order as u8) {
                return Ok(view);
            }
            if writable {
                let message = "writable contiguous buffer requested for a non-contiguous object.";
                return Err(vm.new_buffer_error(message));
            }
            view_of(vm, contiguous_copy(vm, &buffer, order as u8))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_told_apart() {
        let mut desc = BufferDescriptor::simple(6, true);
        assert!(is_contiguous(&desc, b'C') && is_contiguous(&desc, b'F'));
        desc.dim_desc = vec![(2, 3, 0), (3, 1, 0)];
        assert!(is_contiguous(&desc, b'C') && !is_contiguous(&desc, b'F'));
        desc.dim_desc = vec![(2, 1, 0), (3, 2, 0)];
        assert!(!is_contiguous(&desc, b'C') && is_contiguous(&desc, b'A'));
    }
}
