//! Wrapper descriptors.
use crate::layout::PyTypeObject;
use rustpython_vm::builtins::PyType;
use rustpython_vm::{Py, PyResult, VirtualMachine};
pub unsafe fn add_operators(_vm: &VirtualMachine, _class: &Py<PyType>, _t: *mut PyTypeObject) -> PyResult<()> { Ok(()) }
