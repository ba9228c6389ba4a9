//! What a C object refers to.

use std::ffi::{c_int, c_void};

use super::anchors;
use crate::layout::*;
use crate::proxy::mirror::moduleobject::{self, PyModuleObject};
use crate::proxy::mirror::{self, Kind, c_dict, funcobject, listobject, tupleobject, walk};
use crate::proxy::prefix::{flag, prefix_of};
use crate::types;

unsafe extern "C" fn collect(child: *mut PyObject, out: *mut c_void) -> c_int {
    if !child.is_null() {
        // SAFETY: `out` is what `of` passed to `tp_traverse`.
        unsafe { (*out.cast::<Vec<*mut PyObject>>()).push(child) };
    }
    0
}

/// Adds to `out` what `p` holds references of, each as often as it does.
///
/// C's objects may be untracked and under construction, so only tracked ones
/// are asked; a mirror has the references in its fields.
///
/// # Safety
/// `p` is live, and nobody changes C objects meanwhile.
pub unsafe fn of(p: *mut PyObject, out: &mut Vec<*mut PyObject>) {
    // SAFETY: by this function's contract; the kind tells the struct.
    unsafe {
        let prefix = prefix_of(p);
        if prefix.is_null() || (*prefix).has(flag::DYING) {
            return;
        }
        let ty = (*p).ob_type;
        let start = out.len();
        let kind = mirror::kind_of_type(ty);
        match kind {
            Kind::Instance => return instance(p, ty, (*prefix).has(flag::TRACKED), out),
            Kind::List => out.extend_from_slice(listobject::items(p)),
            Kind::Tuple => out.extend_from_slice(tupleobject::items(p)),
            Kind::Dict => {
                out.extend(c_dict::children(p));
                walk::items(p, out);
            }
            Kind::Method => {
                let c = p.cast::<PyMethodObject>();
                out.extend([(*c).im_func, (*c).im_self]);
            }
            Kind::Builtin => {
                let c = p.cast::<PyCFunctionObject>();
                out.extend([(*c).m_self, (*c).m_module]);
                if std::ptr::eq(ty, &raw const types::function::PyCMethod_Type) {
                    out.push((*p.cast::<PyCMethodObject>()).mm_class.cast());
                }
            }
            Kind::Function => out.extend(funcobject::fields(p)),
            Kind::Cell => out.push((*p.cast::<PyCellObject>()).ob_ref),
            Kind::WeakRef => out.push((*p.cast::<PyWeakReference>()).wr_callback),
            Kind::Traceback => {
                let c = p.cast::<PyTracebackObject>();
                out.extend([(*c).tb_frame.cast(), (*c).tb_next.cast()]);
            }
            Kind::MemoryView => out.push((*p.cast::<PyMemoryViewObject>()).view.obj),
            Kind::Descriptor => {
                let c = p.cast::<PyDescrObject>();
                out.extend([(*c).d_type.cast(), (*c).d_name, (*c).d_qualname]);
            }
            Kind::Slice => {
                let c = p.cast::<PySliceObject>();
                out.extend([(*c).start, (*c).stop, (*c).step]);
            }
            Kind::Module => {
                let c = p.cast::<PyModuleObject>();
                out.push((*c).md_dict);
                if moduleobject::has_state(c)
                    && let Some(traverse) = (*(*c).md_def).m_traverse
                {
                    traverse(p, collect, std::ptr::from_mut(out).cast());
                }
            }
            Kind::Exception => {
                let c = p.cast::<PyBaseExceptionObject>();
                out.extend([
                    (*c).dict,
                    (*c).args,
                    (*c).notes,
                    (*c).traceback,
                    (*c).context,
                    (*c).cause,
                ]);
                if types::statics::is_stop_iteration(ty) {
                    out.push((*p.cast::<PyStopIterationObject>()).value);
                }
            }
            Kind::Type if PyType_HasFeature(p.cast(), Py_TPFLAGS_HEAPTYPE) => of_type(p, out),
            _ => {}
        }
        if kind != Kind::Type && PyType_HasFeature(ty, Py_TPFLAGS_HEAPTYPE) {
            out.push(ty.cast());
        }
        if (*prefix).has(flag::ANCHORS) {
            anchors::items(p, out);
        }
        keep_objects(out, start);
    }
}

fn keep_objects(out: &mut Vec<*mut PyObject>, start: usize) {
    let mut kept = start;
    for i in start..out.len() {
        if !out[i].is_null() {
            out[kept] = out[i];
            kept += 1;
        }
    }
    out.truncate(kept);
}

/// What a type object holds. Its own entry in its MRO is not counted.
unsafe fn of_type(p: *mut PyObject, out: &mut Vec<*mut PyObject>) {
    // SAFETY: the caller's `p` is a live heap type.
    unsafe {
        let t = p.cast::<PyTypeObject>();
        let module = (*p.cast::<PyHeapTypeObject>()).ht_module;
        out.extend([(*t).tp_base.cast(), (*t).tp_bases, (*t).tp_dict, module]);
        let mro = (*t).tp_mro;
        if !mro.is_null() {
            let others = tupleobject::items(mro).iter().filter(|&&item| item != p);
            out.extend(others);
        }
    }
}

/// What a C-instance holds: what its type's `tp_traverse` says, and what a
/// Python class added to that.
unsafe fn instance(
    p: *mut PyObject,
    ty: *mut PyTypeObject,
    tracked: bool,
    out: &mut Vec<*mut PyObject>,
) {
    // SAFETY: the caller's `p` is a live C-instance.
    unsafe {
        if !tracked {
            return;
        }
        let start = out.len();
        if let Some(traverse) = (*ty).tp_traverse {
            traverse(p, collect, std::ptr::from_mut(out).cast());
        }
        if types::is_c_type(ty) {
            return;
        }
        // As `subtype_traverse`: a base that is a heap type visits the type
        // itself, and one with a dict of its own the dict.
        let mut base = ty;
        while !types::is_c_type(base) && !(*base).tp_base.is_null() {
            base = (*base).tp_base;
        }
        let visited = out[start..].contains(&ty.cast());
        if !visited && !PyType_HasFeature(base, Py_TPFLAGS_HEAPTYPE) {
            out.push(ty.cast());
        }
        if (*ty).tp_dictoffset != (*base).tp_dictoffset {
            let slot = types::dict::slot(p);
            if !slot.is_null() && !(*slot).is_null() {
                out.push(*slot);
            }
        }
    }
}
