//! `memoryview`: the view is filled once, as it never changes. Like CPython's,
//! it is worth nothing once the memoryview is released.

use std::ffi::{CString, c_int};
use std::ptr;

use rustpython_vm::builtins::PyMemoryView;
use rustpython_vm::protocol::{BufferDescriptor, PyBuffer};
use rustpython_vm::{PyObject as VmObject, VirtualMachine};

use super::{Mirror, allocate_var, header};
use crate::layout::{
    _Py_MEMORYVIEW_C, _Py_MEMORYVIEW_FORTRAN, _Py_MEMORYVIEW_RELEASED, _Py_MEMORYVIEW_SCALAR,
    Py_buffer, PyMemoryViewObject, PyObject, PyTypeObject,
};
use crate::proxy::c_of;
use crate::refcount;

pub static MIRROR: Mirror = Mirror {
    make,
    realize: header::realize,
    clear,
    refresh: None,
};

const HEAD: usize = std::mem::offset_of!(PyMemoryViewObject, ob_array);

unsafe fn make(vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    let view = v
        .downcast_ref::<PyMemoryView>()
        .expect("a memoryview's payload");
    let released = v.get_attr("nbytes", vm).is_err();
    let buffer = (!released).then(|| view.clone_buffer());
    let ndim = buffer.as_ref().map_or(0, |b| b.desc.ndim());
    // SAFETY: the caller's contract is the same; there is room for three
    // arrays of `ndim` entries.
    unsafe {
        let p = allocate_var(ty, HEAD + 3 * ndim * size_of::<isize>(), 3 * ndim as isize);
        if p.is_null() {
            return p;
        }
        let c = p.cast::<PyMemoryViewObject>();
        (*c).hash = -1;
        (*c).flags = _Py_MEMORYVIEW_RELEASED;
        if let Some(buffer) = buffer {
            (*c).flags = layout_flags(&buffer.desc);
            let exporter = view.viewed_object();
            let exporter = if vm.is_none(exporter) {
                ptr::null_mut()
            } else {
                c_of(vm, exporter)
            };
            fill(c, &buffer, exporter);
        }
        p
    }
}

fn layout_flags(desc: &BufferDescriptor) -> c_int {
    let mut flags = 0;
    if desc.ndim() == 0 {
        flags |= _Py_MEMORYVIEW_SCALAR;
    }
    if desc.is_contiguous() {
        flags |= _Py_MEMORYVIEW_C;
    }
    if desc.is_fortran_contiguous() {
        flags |= _Py_MEMORYVIEW_FORTRAN;
    }
    flags
}

unsafe fn fill(c: *mut PyMemoryViewObject, buffer: &PyBuffer, exporter: *mut PyObject) {
    let desc = &buffer.desc;
    let ndim = desc.ndim();
    // SAFETY: the caller has a fresh object with the arrays behind it.
    unsafe {
        let shape = c.cast::<u8>().add(HEAD).cast::<isize>();
        let strides = shape.add(ndim);
        for (i, &(n, stride, _)) in desc.dim_desc.iter().enumerate() {
            *shape.add(i) = n as isize;
            *strides.add(i) = stride;
        }
        let format = crate::api::pybuffer::format_for_c(desc);
        (*c).view = Py_buffer {
            buf: buffer
                .obj_bytes()
                .as_ptr()
                .wrapping_offset(desc.offset)
                .cast_mut()
                .cast(),
            obj: exporter,
            len: desc.len as isize,
            itemsize: desc.itemsize as isize,
            readonly: desc.readonly.into(),
            ndim: ndim as c_int,
            format: format.into_raw(),
            shape,
            strides,
            suboffsets: ptr::null_mut(),
            internal: ptr::null_mut(),
        };
    }
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: `p` is a memoryview at the end of its life, filled by `make`.
    unsafe {
        let view = &mut (*p.cast::<PyMemoryViewObject>()).view;
        refcount::xdecref(std::mem::replace(&mut view.obj, ptr::null_mut()));
        let format = std::mem::replace(&mut view.format, ptr::null_mut());
        if !format.is_null() {
            drop(CString::from_raw(format));
        }
    }
}
