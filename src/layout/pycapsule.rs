//! `pycapsule.h`.

use super::PyObject;

/// Called with the capsule when it dies.
pub type PyCapsule_Destructor = unsafe extern "C" fn(*mut PyObject);
