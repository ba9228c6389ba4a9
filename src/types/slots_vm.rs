//! C slot functions that call the VM.
use crate::layout::PyTypeObject;
use rustpython_vm::builtins::PyType;
use rustpython_vm::{Py, VirtualMachine};
pub unsafe fn fill(_vm: &VirtualMachine, _class: &Py<PyType>, _t: *mut PyTypeObject, _python: bool) {}
pub unsafe fn inherit(_t: *mut PyTypeObject, _from: *mut PyTypeObject) {}
