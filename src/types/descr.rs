//! Descriptors.
use crate::layout::*;
use rustpython_vm::builtins::PyType;
use rustpython_vm::{Py, PyResult, VirtualMachine};
pub unsafe fn add_methods(_vm: &VirtualMachine, _class: &Py<PyType>, _t: *mut PyTypeObject, _d: *mut PyMethodDef) -> PyResult<()> { Ok(()) }
pub unsafe fn add_members(_vm: &VirtualMachine, _class: &Py<PyType>, _t: *mut PyTypeObject, _d: *mut PyMemberDef) -> PyResult<()> { Ok(()) }
pub unsafe fn add_getset(_vm: &VirtualMachine, _class: &Py<PyType>, _t: *mut PyTypeObject, _d: *mut PyGetSetDef) -> PyResult<()> { Ok(()) }
