//! `cpython/critical_section.h`: only the free-threaded build defines these; with a GIL the
//! functions ignore what they are given.

opaque!(PyCriticalSection);
opaque!(PyCriticalSection2);
