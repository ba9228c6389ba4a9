//! `iterobject.h`: the two iterators of `iter()`.

use rustpython_vm::builtins::{PyCallableIterator, PySequenceIterator};
use rustpython_vm::function::ArgCallable;
use rustpython_vm::{PyPayload, TryFromObject};

use super::abstract_::PySequence_Check;
use super::{bad_internal_call, border, object};
use crate::layout::PyObject;

/// An iterator over `p[0]`, `p[1]`, … New reference.
///
/// # Safety
/// The objects are live, and the caller holds the lock. This goes for both
/// functions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PySeqIter_New(p: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let v = unsafe {
            let v = object(vm, p)?;
            if PySequence_Check(p) == 0 {
                return Err(bad_internal_call(vm));
            }
            v
        };
        Ok(PySequenceIterator::new(v, vm)?.into_ref(&vm.ctx))
    })
}

/// An iterator that calls `callable` until it returns `sentinel`. New
/// reference.
///
/// # Safety
/// As for [`PySeqIter_New`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyCallIter_New(
    callable: *mut PyObject,
    sentinel: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: by this function's contract.
        let (callable, sentinel) = unsafe { (object(vm, callable)?, object(vm, sentinel)?) };
        let callable = ArgCallable::try_from_object(vm, callable)?;
        Ok(PyCallableIterator::new(callable, sentinel).into_ref(&vm.ctx))
    })
}
