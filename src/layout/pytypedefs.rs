//! `pytypedefs.h`: names of the types that no public header defines.

opaque!(
    /// `struct _is`: an interpreter. C code only passes the pointer around.
    PyInterpreterState
);
opaque!(
    /// Executor of the tier-2 optimizer, named by `PyCodeObject`.
    _PyExecutorObject
);
opaque!(
    /// Instrumentation data of a code object, named by `PyCodeObject`.
    _PyCoMonitoringData
);
