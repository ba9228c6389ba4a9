//! `cpython/complexobject.h`.

use super::PyObject;

/// A complex number as C code passes it, by value.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Py_complex {
    pub real: f64,
    pub imag: f64,
}
assert_layout!(Py_complex, 16, { real: 0, imag: 8 });

#[repr(C)]
pub struct PyComplexObject {
    pub ob_base: PyObject,
    pub cval: Py_complex,
}
assert_layout!(PyComplexObject, 32, { ob_base: 0, cval: 16 });
