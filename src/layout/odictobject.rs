//! `cpython/odictobject.h`.

opaque!(
    /// An `OrderedDict`; only its functions know its inside.
    PyODictObject
);
