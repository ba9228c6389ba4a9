//! `objimpl.h`.
use std::ffi::c_void;
pub unsafe extern "C" fn PyObject_Free(p: *mut c_void) { if crate::proxy::arena::contains(p as usize) { unsafe { crate::proxy::arena::release(p.cast()) } } else { unsafe { libc::free(p) } } }
pub unsafe extern "C" fn PyObject_GC_Del(p: *mut c_void) { unsafe { PyObject_Free(p) } }
pub unsafe extern "C" fn PyObject_CallFinalizerFromDealloc(_p: *mut crate::layout::PyObject) -> i32 { 0 }
