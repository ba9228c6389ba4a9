//! Conversions that wait for the files of their headers.

use std::ffi::c_double;

use rustpython_vm::AsObject;

use super::{border, object, python};
use crate::layout::{Py_complex, PyObject};

/// `PyFloat_AsDouble`.
pub unsafe fn PyFloat_AsDouble(p: *mut PyObject) -> c_double {
    border(|vm| {
        let v = unsafe { object(vm, p)? };
        Ok(python(|| v.try_float(vm))?.to_f64())
    })
}

/// `PyComplex_AsCComplex`.
pub unsafe fn PyComplex_AsCComplex(p: *mut PyObject) -> Py_complex {
    let mut value = Py_complex {
        real: -1.0,
        imag: 0.0,
    };
    border(|vm| {
        let v = unsafe { object(vm, p)? };
        let found = python(|| v.try_complex(vm))?;
        let (c, _) = found.ok_or_else(|| {
            vm.new_type_error(format!("must be real number, not {}", v.class().name()))
        })?;
        value = Py_complex {
            real: c.re,
            imag: c.im,
        };
        Ok(())
    });
    value
}
