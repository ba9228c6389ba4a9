//! `structseq.h`: named tuples made from C.
//!
//! In C, such an object is a tuple with room for all its fields, of which
//! `ob_size` counts those that are elements. The VM's class for it is made by
//! a piece of Python.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;
use std::sync::OnceLock;

use rustpython_vm::builtins::PyTypeRef;
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

use super::{border, python, text};
use crate::layout::*;
use crate::proxy::mirror::{self, Kind, structseq};
use crate::refcount;
use crate::types;

/// A string's address that C compares with.
#[repr(transparent)]
pub struct Text(*const c_char);
// SAFETY: it points to constant memory.
unsafe impl Sync for Text {}

/// As the `name` of a field: it has none, and can be reached by its index only.
#[unsafe(no_mangle)]
pub static PyStructSequence_UnnamedField: Text = Text(c"unnamed field".as_ptr());

/// What makes the classes.
fn maker(vm: &VirtualMachine) -> PyResult<PyObjectRef> {
    static MAKER: OnceLock<PyObjectRef> = OnceLock::new();
    if let Some(make) = MAKER.get() {
        return Ok(make.clone());
    }
    let scope = vm.new_scope_with_builtins();
    let globals = scope.globals.clone();
    python(|| vm.run_string(scope, include_str!("structseq.py"), "<structseq>"))?;
    let make = globals.get_item("make", vm)?;
    Ok(MAKER.get_or_init(|| make).clone())
}

/// The class that `desc` describes.
unsafe fn new_class(vm: &VirtualMachine, desc: *mut PyStructSequence_Desc) -> PyResult<PyTypeRef> {
    let optional_text = |s: *const c_char| -> PyResult<PyObjectRef> {
        if s.is_null() {
            return Ok(vm.ctx.none());
        }
        // SAFETY: C's own strings.
        Ok(vm.ctx.new_str(unsafe { text(vm, s)? }).into())
    };
    // SAFETY: the callers hand over a description as C's headers want it.
    unsafe {
        let mut fields = Vec::new();
        let mut field = (*desc).fields;
        while !(*field).name.is_null() {
            let name = match (*field).name {
                name if ptr::eq(name, PyStructSequence_UnnamedField.0) => vm.ctx.none(),
                name => optional_text(name)?,
            };
            fields.push(vm.new_tuple((name, optional_text((*field).doc)?)).into());
            field = field.add(1);
        }
        if (*desc).n_in_sequence < 0 || (*desc).n_in_sequence as usize > fields.len() {
            return Err(vm.new_system_error("bad number of fields in a struct sequence"));
        }
        let name = CStr::from_ptr((*desc).name).to_string_lossy().into_owned();
        let arguments = (
            name,
            optional_text((*desc).doc)?,
            vm.ctx.new_list(fields),
            (*desc).n_in_sequence,
        );
        let make = maker(vm)?;
        python(|| make.call(arguments, vm))?.try_into_value(vm)
    }
}

/// A type as `desc` describes it: new.
///
/// # Safety
/// `desc` is a description that ends with a field without a name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyStructSequence_NewType(
    desc: *mut PyStructSequence_Desc,
) -> *mut PyTypeObject {
    border(|vm| {
        // SAFETY: by this function's contract; the mirror of a live class.
        unsafe {
            let class = new_class(vm, desc)?;
            let t = types::c_type_of(vm, &class);
            refcount::incref(t.cast());
            // C keeps the type for as long as it makes objects of it.
            mirror::set_kind(t, Kind::StructSeq, Kind::StructSeq);
            Ok(t)
        }
    })
}

/// Fills the static type object `type_` as `desc` describes it: 0, or -1 with
/// an exception.
///
/// # Safety
/// As for [`PyStructSequence_NewType`]; `type_` is a static type object that
/// is not in use yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyStructSequence_InitType2(
    type_: *mut PyTypeObject,
    desc: *mut PyStructSequence_Desc,
) -> c_int {
    border(|vm| {
        // SAFETY: by this function's contract.
        unsafe {
            let class = new_class(vm, desc)?;
            let basicsize = size_of::<PyTupleObject>() as Py_ssize_t;
            types::statics::adopt_as(vm, type_, &class, Kind::StructSeq, basicsize);
            (*type_).tp_name = (*desc).name;
            (*type_).tp_itemsize = size_of::<*mut PyObject>() as Py_ssize_t;
            (*type_).tp_flags |= Py_TPFLAGS_TUPLE_SUBCLASS;
        }
        Ok(())
    })
}

/// [`PyStructSequence_InitType2`] that keeps the error to itself.
///
/// # Safety
/// As for [`PyStructSequence_InitType2`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyStructSequence_InitType(
    type_: *mut PyTypeObject,
    desc: *mut PyStructSequence_Desc,
) {
    // SAFETY: by this function's contract.
    unsafe { PyStructSequence_InitType2(type_, desc) };
}

/// An object of `type_` without values, to be filled before anyone looks: new.
///
/// # Safety
/// `type_` is a live struct sequence type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyStructSequence_New(type_: *mut PyTypeObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let p = unsafe {
            let class = types::vm_type_of(vm, type_);
            let (visible, total) = structseq::sizes(vm, &class)?;
            structseq::new(type_, visible, total)
        };
        if p.is_null() {
            return Err(vm.new_memory_error(""));
        }
        Ok(p)
    })
}

/// Puts `value` (stolen) into field `index`.
///
/// # Safety
/// `p` is a live struct sequence that nobody else has seen, with such a field.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyStructSequence_SetItem(
    p: *mut PyObject,
    index: Py_ssize_t,
    value: *mut PyObject,
) {
    // SAFETY: by this function's contract.
    unsafe { *structseq::items(p).offset(index) = value };
}

/// Field `index`: borrowed.
///
/// # Safety
/// `p` is a live struct sequence with such a field.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyStructSequence_GetItem(
    p: *mut PyObject,
    index: Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { *structseq::items(p).offset(index) }
}
