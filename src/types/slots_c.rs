//! VM slot functions that call C.
use crate::layout::PyTypeObject;
use rustpython_vm::builtins::PyType;
use rustpython_vm::{Py, VirtualMachine};
pub unsafe fn install(_vm: &VirtualMachine, _class: &Py<PyType>, _t: *mut PyTypeObject) {}
