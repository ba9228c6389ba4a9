//! `object.h` and `cpython/object.h`: the object head, type objects and their slot suites.

use super::{
    _PyOnceFlag, Py_hash_t, Py_ssize_t, PyDictKeysObject, PyGetSetDef, PyMemberDef, PyMethodDef,
    getbufferproc, releasebufferproc,
};
use core::ffi::{c_char, c_int, c_uchar, c_uint, c_ulong, c_void};

/// The first word of every object, as the four names the header gives it.
///
/// `ob_refcnt_full` is what a static initializer writes; compiled code counts in
/// `parts.ob_refcnt` alone.
#[repr(C)]
#[derive(Clone, Copy)]
pub union PyObject_Refcnt {
    pub ob_refcnt_full: i64,
    pub parts: PyObject_RefcntParts,
}

/// The 64-bit little-endian split of the first word.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PyObject_RefcntParts {
    /// The reference count proper. Its sign bit means immortal.
    pub ob_refcnt: u32,
    /// Takes the carry of counts made by code that is older than immortality.
    pub ob_overflow: u16,
    /// `_Py_IMMORTAL_FLAGS`, `_Py_STATICALLY_ALLOCATED_FLAG`.
    pub ob_flags: u16,
}
assert_layout!(PyObject_RefcntParts, 8, { ob_refcnt: 0, ob_overflow: 4, ob_flags: 6 });

/// `struct _object`: the head of every object.
#[repr(C)]
pub struct PyObject {
    pub ob_refcnt: PyObject_Refcnt,
    /// Strong for instances of heap types, borrowed for instances of static types.
    pub ob_type: *mut PyTypeObject,
}
assert_layout!(PyObject, 16, { ob_refcnt: 0, ob_type: 8 });

/// The head of objects whose size varies with `ob_size`.
#[repr(C)]
pub struct PyVarObject {
    pub ob_base: PyObject,
    pub ob_size: Py_ssize_t,
}
assert_layout!(PyVarObject, 24, { ob_base: 0, ob_size: 16 });

/// The alignment every object has at least, so that low pointer bits are free.
pub const _PyObject_MIN_ALIGNMENT: usize = 4;

pub type unaryfunc = unsafe extern "C" fn(*mut PyObject) -> *mut PyObject;
pub type binaryfunc = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;
pub type ternaryfunc =
    unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;
pub type inquiry = unsafe extern "C" fn(*mut PyObject) -> c_int;
pub type lenfunc = unsafe extern "C" fn(*mut PyObject) -> Py_ssize_t;
pub type ssizeargfunc = unsafe extern "C" fn(*mut PyObject, Py_ssize_t) -> *mut PyObject;
pub type ssizessizeargfunc =
    unsafe extern "C" fn(*mut PyObject, Py_ssize_t, Py_ssize_t) -> *mut PyObject;
pub type ssizeobjargproc = unsafe extern "C" fn(*mut PyObject, Py_ssize_t, *mut PyObject) -> c_int;
pub type ssizessizeobjargproc =
    unsafe extern "C" fn(*mut PyObject, Py_ssize_t, Py_ssize_t, *mut PyObject) -> c_int;
pub type objobjargproc = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> c_int;
pub type objobjproc = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> c_int;
pub type visitproc = unsafe extern "C" fn(*mut PyObject, *mut c_void) -> c_int;
pub type traverseproc = unsafe extern "C" fn(*mut PyObject, visitproc, *mut c_void) -> c_int;
pub type freefunc = unsafe extern "C" fn(*mut c_void);
pub type destructor = unsafe extern "C" fn(*mut PyObject);
pub type getattrfunc = unsafe extern "C" fn(*mut PyObject, *mut c_char) -> *mut PyObject;
pub type getattrofunc = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;
pub type setattrfunc = unsafe extern "C" fn(*mut PyObject, *mut c_char, *mut PyObject) -> c_int;
pub type setattrofunc = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> c_int;
pub type reprfunc = unsafe extern "C" fn(*mut PyObject) -> *mut PyObject;
pub type hashfunc = unsafe extern "C" fn(*mut PyObject) -> Py_hash_t;
pub type richcmpfunc = unsafe extern "C" fn(*mut PyObject, *mut PyObject, c_int) -> *mut PyObject;
pub type getiterfunc = unsafe extern "C" fn(*mut PyObject) -> *mut PyObject;
pub type iternextfunc = unsafe extern "C" fn(*mut PyObject) -> *mut PyObject;
pub type descrgetfunc =
    unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;
pub type descrsetfunc = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> c_int;
pub type initproc = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> c_int;
pub type newfunc =
    unsafe extern "C" fn(*mut PyTypeObject, *mut PyObject, *mut PyObject) -> *mut PyObject;
pub type allocfunc = unsafe extern "C" fn(*mut PyTypeObject, Py_ssize_t) -> *mut PyObject;
pub type vectorcallfunc = unsafe extern "C" fn(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    kwnames: *mut PyObject,
) -> *mut PyObject;
/// `am_send`: stores a new reference in `*result` unless it fails.
pub type sendfunc = unsafe extern "C" fn(
    iter: *mut PyObject,
    value: *mut PyObject,
    result: *mut *mut PyObject,
) -> PySendResult;
pub type PyType_WatchCallback = unsafe extern "C" fn(*mut PyTypeObject) -> c_int;
pub type PyRefTracer =
    unsafe extern "C" fn(*mut PyObject, event: PyRefTracerEvent, *mut c_void) -> c_int;

/// One entry of a `PyType_Spec`; `slot` is an id from `typeslots.h`, 0 ends the array.
#[repr(C)]
pub struct PyType_Slot {
    pub slot: c_int,
    pub pfunc: *mut c_void,
}
assert_layout!(PyType_Slot, 16, { slot: 0, pfunc: 8 });

/// What `PyType_FromSpec` makes a heap type from.
#[repr(C)]
pub struct PyType_Spec {
    pub name: *const c_char,
    pub basicsize: c_int,
    pub itemsize: c_int,
    pub flags: c_uint,
    pub slots: *mut PyType_Slot,
}
assert_layout!(PyType_Spec, 32, { name: 0, basicsize: 8, itemsize: 12, flags: 16, slots: 24 });

/// Outcome of `am_send` and `PyIter_Send`.
pub type PySendResult = c_int;
pub const PYGEN_RETURN: PySendResult = 0;
pub const PYGEN_ERROR: PySendResult = -1;
pub const PYGEN_NEXT: PySendResult = 1;

pub type PyRefTracerEvent = c_uint;
pub const PyRefTracer_CREATE: PyRefTracerEvent = 0;
pub const PyRefTracer_DESTROY: PyRefTracerEvent = 1;

/// A static string that is interned on first use.
#[repr(C)]
pub struct _Py_Identifier {
    pub string: *const c_char,
    pub index: Py_ssize_t,
    pub mutex: _PyOnceFlag,
}
assert_layout!(_Py_Identifier, 24, { string: 0, index: 8, mutex: 16 });

/// `tp_as_number`.
#[repr(C)]
pub struct PyNumberMethods {
    pub nb_add: Option<binaryfunc>,
    pub nb_subtract: Option<binaryfunc>,
    pub nb_multiply: Option<binaryfunc>,
    pub nb_remainder: Option<binaryfunc>,
    pub nb_divmod: Option<binaryfunc>,
    pub nb_power: Option<ternaryfunc>,
    pub nb_negative: Option<unaryfunc>,
    pub nb_positive: Option<unaryfunc>,
    pub nb_absolute: Option<unaryfunc>,
    pub nb_bool: Option<inquiry>,
    pub nb_invert: Option<unaryfunc>,
    pub nb_lshift: Option<binaryfunc>,
    pub nb_rshift: Option<binaryfunc>,
    pub nb_and: Option<binaryfunc>,
    pub nb_xor: Option<binaryfunc>,
    pub nb_or: Option<binaryfunc>,
    pub nb_int: Option<unaryfunc>,
    pub nb_reserved: *mut c_void,
    pub nb_float: Option<unaryfunc>,
    pub nb_inplace_add: Option<binaryfunc>,
    pub nb_inplace_subtract: Option<binaryfunc>,
    pub nb_inplace_multiply: Option<binaryfunc>,
    pub nb_inplace_remainder: Option<binaryfunc>,
    pub nb_inplace_power: Option<ternaryfunc>,
    pub nb_inplace_lshift: Option<binaryfunc>,
    pub nb_inplace_rshift: Option<binaryfunc>,
    pub nb_inplace_and: Option<binaryfunc>,
    pub nb_inplace_xor: Option<binaryfunc>,
    pub nb_inplace_or: Option<binaryfunc>,
    pub nb_floor_divide: Option<binaryfunc>,
    pub nb_true_divide: Option<binaryfunc>,
    pub nb_inplace_floor_divide: Option<binaryfunc>,
    pub nb_inplace_true_divide: Option<binaryfunc>,
    pub nb_index: Option<unaryfunc>,
    pub nb_matrix_multiply: Option<binaryfunc>,
    pub nb_inplace_matrix_multiply: Option<binaryfunc>,
}
assert_layout!(PyNumberMethods, 288, {
    nb_add: 0, nb_subtract: 8, nb_multiply: 16, nb_remainder: 24, nb_divmod: 32, nb_power: 40,
    nb_negative: 48, nb_positive: 56, nb_absolute: 64, nb_bool: 72, nb_invert: 80, nb_lshift: 88,
    nb_rshift: 96, nb_and: 104, nb_xor: 112, nb_or: 120, nb_int: 128, nb_reserved: 136,
    nb_float: 144, nb_inplace_add: 152, nb_inplace_subtract: 160, nb_inplace_multiply: 168,
    nb_inplace_remainder: 176, nb_inplace_power: 184, nb_inplace_lshift: 192,
    nb_inplace_rshift: 200, nb_inplace_and: 208, nb_inplace_xor: 216, nb_inplace_or: 224,
    nb_floor_divide: 232, nb_true_divide: 240, nb_inplace_floor_divide: 248,
    nb_inplace_true_divide: 256, nb_index: 264, nb_matrix_multiply: 272,
    nb_inplace_matrix_multiply: 280,
});

/// `tp_as_sequence`.
#[repr(C)]
pub struct PySequenceMethods {
    pub sq_length: Option<lenfunc>,
    pub sq_concat: Option<binaryfunc>,
    pub sq_repeat: Option<ssizeargfunc>,
    pub sq_item: Option<ssizeargfunc>,
    pub was_sq_slice: *mut c_void,
    pub sq_ass_item: Option<ssizeobjargproc>,
    pub was_sq_ass_slice: *mut c_void,
    pub sq_contains: Option<objobjproc>,
    pub sq_inplace_concat: Option<binaryfunc>,
    pub sq_inplace_repeat: Option<ssizeargfunc>,
}
assert_layout!(PySequenceMethods, 80, {
    sq_length: 0, sq_concat: 8, sq_repeat: 16, sq_item: 24, was_sq_slice: 32, sq_ass_item: 40,
    was_sq_ass_slice: 48, sq_contains: 56, sq_inplace_concat: 64, sq_inplace_repeat: 72,
});

/// `tp_as_mapping`.
#[repr(C)]
pub struct PyMappingMethods {
    pub mp_length: Option<lenfunc>,
    pub mp_subscript: Option<binaryfunc>,
    pub mp_ass_subscript: Option<objobjargproc>,
}
assert_layout!(PyMappingMethods, 24, { mp_length: 0, mp_subscript: 8, mp_ass_subscript: 16 });

/// `tp_as_async`.
#[repr(C)]
pub struct PyAsyncMethods {
    pub am_await: Option<unaryfunc>,
    pub am_aiter: Option<unaryfunc>,
    pub am_anext: Option<unaryfunc>,
    pub am_send: Option<sendfunc>,
}
assert_layout!(PyAsyncMethods, 32, { am_await: 0, am_aiter: 8, am_anext: 16, am_send: 24 });

/// `tp_as_buffer`.
#[repr(C)]
pub struct PyBufferProcs {
    pub bf_getbuffer: Option<getbufferproc>,
    pub bf_releasebuffer: Option<releasebufferproc>,
}
assert_layout!(PyBufferProcs, 16, { bf_getbuffer: 0, bf_releasebuffer: 8 });

/// Type of the field that `tp_vectorcall_offset` took the place of.
pub type printfunc = Py_ssize_t;

/// `struct _typeobject`: a type.
#[repr(C)]
pub struct PyTypeObject {
    pub ob_base: PyVarObject,
    pub tp_name: *const c_char,
    pub tp_basicsize: Py_ssize_t,
    pub tp_itemsize: Py_ssize_t,
    pub tp_dealloc: Option<destructor>,
    pub tp_vectorcall_offset: Py_ssize_t,
    pub tp_getattr: Option<getattrfunc>,
    pub tp_setattr: Option<setattrfunc>,
    pub tp_as_async: *mut PyAsyncMethods,
    pub tp_repr: Option<reprfunc>,
    pub tp_as_number: *mut PyNumberMethods,
    pub tp_as_sequence: *mut PySequenceMethods,
    pub tp_as_mapping: *mut PyMappingMethods,
    pub tp_hash: Option<hashfunc>,
    pub tp_call: Option<ternaryfunc>,
    pub tp_str: Option<reprfunc>,
    pub tp_getattro: Option<getattrofunc>,
    pub tp_setattro: Option<setattrofunc>,
    pub tp_as_buffer: *mut PyBufferProcs,
    pub tp_flags: c_ulong,
    pub tp_doc: *const c_char,
    pub tp_traverse: Option<traverseproc>,
    pub tp_clear: Option<inquiry>,
    pub tp_richcompare: Option<richcmpfunc>,
    pub tp_weaklistoffset: Py_ssize_t,
    pub tp_iter: Option<getiterfunc>,
    pub tp_iternext: Option<iternextfunc>,
    pub tp_methods: *mut PyMethodDef,
    pub tp_members: *mut PyMemberDef,
    pub tp_getset: *mut PyGetSetDef,
    pub tp_base: *mut PyTypeObject,
    pub tp_dict: *mut PyObject,
    pub tp_descr_get: Option<descrgetfunc>,
    pub tp_descr_set: Option<descrsetfunc>,
    pub tp_dictoffset: Py_ssize_t,
    pub tp_init: Option<initproc>,
    pub tp_alloc: Option<allocfunc>,
    pub tp_new: Option<newfunc>,
    pub tp_free: Option<freefunc>,
    pub tp_is_gc: Option<inquiry>,
    pub tp_bases: *mut PyObject,
    pub tp_mro: *mut PyObject,
    pub tp_cache: *mut PyObject,
    pub tp_subclasses: *mut c_void,
    pub tp_weaklist: *mut PyObject,
    pub tp_del: Option<destructor>,
    pub tp_version_tag: c_uint,
    pub tp_finalize: Option<destructor>,
    pub tp_vectorcall: Option<vectorcallfunc>,
    pub tp_watched: c_uchar,
    pub tp_versions_used: u16,
}
assert_layout!(PyTypeObject, 416, {
    ob_base: 0, tp_name: 24, tp_basicsize: 32, tp_itemsize: 40, tp_dealloc: 48,
    tp_vectorcall_offset: 56, tp_getattr: 64, tp_setattr: 72, tp_as_async: 80, tp_repr: 88,
    tp_as_number: 96, tp_as_sequence: 104, tp_as_mapping: 112, tp_hash: 120, tp_call: 128,
    tp_str: 136, tp_getattro: 144, tp_setattro: 152, tp_as_buffer: 160, tp_flags: 168, tp_doc: 176,
    tp_traverse: 184, tp_clear: 192, tp_richcompare: 200, tp_weaklistoffset: 208, tp_iter: 216,
    tp_iternext: 224, tp_methods: 232, tp_members: 240, tp_getset: 248, tp_base: 256, tp_dict: 264,
    tp_descr_get: 272, tp_descr_set: 280, tp_dictoffset: 288, tp_init: 296, tp_alloc: 304,
    tp_new: 312, tp_free: 320, tp_is_gc: 328, tp_bases: 336, tp_mro: 344, tp_cache: 352,
    tp_subclasses: 360, tp_weaklist: 368, tp_del: 376, tp_version_tag: 384, tp_finalize: 392,
    tp_vectorcall: 400, tp_watched: 408, tp_versions_used: 410,
});

/// Caches of the specializing interpreter, at the end of every heap type.
#[repr(C)]
pub struct _specialization_cache {
    pub getitem: *mut PyObject,
    pub getitem_version: u32,
    pub init: *mut PyObject,
}
assert_layout!(_specialization_cache, 24, { getitem: 0, getitem_version: 8, init: 16 });

/// A type made at run time: the type, its slot suites, and what `type.__new__` adds.
#[repr(C)]
pub struct PyHeapTypeObject {
    pub ht_type: PyTypeObject,
    pub as_async: PyAsyncMethods,
    pub as_number: PyNumberMethods,
    pub as_mapping: PyMappingMethods,
    pub as_sequence: PySequenceMethods,
    pub as_buffer: PyBufferProcs,
    pub ht_name: *mut PyObject,
    pub ht_slots: *mut PyObject,
    pub ht_qualname: *mut PyObject,
    pub ht_cached_keys: *mut PyDictKeysObject,
    pub ht_module: *mut PyObject,
    pub _ht_tpname: *mut c_char,
    pub ht_token: *mut c_void,
    pub _spec_cache: _specialization_cache,
}
assert_layout!(PyHeapTypeObject, 936, {
    ht_type: 0, as_async: 416, as_number: 448, as_mapping: 736, as_sequence: 760, as_buffer: 840,
    ht_name: 856, ht_slots: 864, ht_qualname: 872, ht_cached_keys: 880, ht_module: 888,
    _ht_tpname: 896, ht_token: 904, _spec_cache: 912,
});
zeroable!(
    PyTypeObject,
    PyHeapTypeObject,
    PyNumberMethods,
    PySequenceMethods,
    PyMappingMethods,
    PyAsyncMethods,
    PyBufferProcs
);
// SAFETY: a slot suite is a table of code addresses; its reserved `void *` fields are never used.
unsafe impl Sync for PyNumberMethods {}
// SAFETY: as for `PyNumberMethods`.
unsafe impl Sync for PySequenceMethods {}

// `tp_flags`.
pub const _Py_TPFLAGS_STATIC_BUILTIN: c_ulong = 2;
pub const Py_TPFLAGS_INLINE_VALUES: c_ulong = 4;
pub const Py_TPFLAGS_MANAGED_WEAKREF: c_ulong = 8;
pub const Py_TPFLAGS_MANAGED_DICT: c_ulong = 1 << 4;
pub const Py_TPFLAGS_PREHEADER: c_ulong = 0x18;
pub const Py_TPFLAGS_SEQUENCE: c_ulong = 1 << 5;
pub const Py_TPFLAGS_MAPPING: c_ulong = 1 << 6;
pub const Py_TPFLAGS_DISALLOW_INSTANTIATION: c_ulong = 1 << 7;
pub const Py_TPFLAGS_IMMUTABLETYPE: c_ulong = 1 << 8;
pub const Py_TPFLAGS_HEAPTYPE: c_ulong = 1 << 9;
pub const Py_TPFLAGS_BASETYPE: c_ulong = 1 << 10;
pub const Py_TPFLAGS_HAVE_VECTORCALL: c_ulong = 1 << 11;
pub const _Py_TPFLAGS_HAVE_VECTORCALL: c_ulong = 1 << 11;
pub const Py_TPFLAGS_READY: c_ulong = 1 << 12;
pub const Py_TPFLAGS_READYING: c_ulong = 1 << 13;
pub const Py_TPFLAGS_HAVE_GC: c_ulong = 1 << 14;
pub const Py_TPFLAGS_HAVE_STACKLESS_EXTENSION: c_ulong = 0;
pub const Py_TPFLAGS_METHOD_DESCRIPTOR: c_ulong = 1 << 17;
pub const Py_TPFLAGS_VALID_VERSION_TAG: c_ulong = 1 << 19;
pub const Py_TPFLAGS_IS_ABSTRACT: c_ulong = 1 << 20;
pub const _Py_TPFLAGS_MATCH_SELF: c_ulong = 1 << 22;
pub const Py_TPFLAGS_ITEMS_AT_END: c_ulong = 1 << 23;
pub const Py_TPFLAGS_LONG_SUBCLASS: c_ulong = 1 << 24;
pub const Py_TPFLAGS_LIST_SUBCLASS: c_ulong = 1 << 25;
pub const Py_TPFLAGS_TUPLE_SUBCLASS: c_ulong = 1 << 26;
pub const Py_TPFLAGS_BYTES_SUBCLASS: c_ulong = 1 << 27;
pub const Py_TPFLAGS_UNICODE_SUBCLASS: c_ulong = 1 << 28;
pub const Py_TPFLAGS_DICT_SUBCLASS: c_ulong = 1 << 29;
pub const Py_TPFLAGS_BASE_EXC_SUBCLASS: c_ulong = 1 << 30;
pub const Py_TPFLAGS_TYPE_SUBCLASS: c_ulong = 1 << 31;
pub const Py_TPFLAGS_DEFAULT: c_ulong = 0;
pub const Py_TPFLAGS_HAVE_FINALIZE: c_ulong = 1;
pub const Py_TPFLAGS_HAVE_VERSION_TAG: c_ulong = 1 << 18;

/// `tp_versions_used` of a type that has used up its attribute cache versions.
pub const _Py_ATTR_CACHE_UNUSED: u16 = 30000;

// Ids of `Py_GetConstant`.
pub const Py_CONSTANT_NONE: c_uint = 0;
pub const Py_CONSTANT_FALSE: c_uint = 1;
pub const Py_CONSTANT_TRUE: c_uint = 2;
pub const Py_CONSTANT_ELLIPSIS: c_uint = 3;
pub const Py_CONSTANT_NOT_IMPLEMENTED: c_uint = 4;
pub const Py_CONSTANT_ZERO: c_uint = 5;
pub const Py_CONSTANT_ONE: c_uint = 6;
pub const Py_CONSTANT_EMPTY_STR: c_uint = 7;
pub const Py_CONSTANT_EMPTY_BYTES: c_uint = 8;
pub const Py_CONSTANT_EMPTY_TUPLE: c_uint = 9;

// Rich comparison operators.
pub const Py_LT: c_int = 0;
pub const Py_LE: c_int = 1;
pub const Py_EQ: c_int = 2;
pub const Py_NE: c_int = 3;
pub const Py_GT: c_int = 4;
pub const Py_GE: c_int = 5;

/// Flag of `PyObject_Print`: `str()` rather than `repr()`.
pub const Py_PRINT_RAW: c_int = 1;

impl PyObject {
    /// `PyObject_HEAD_INIT(type)`: the head of a static, immortal object.
    pub const fn HEAD_INIT(ob_type: *mut PyTypeObject) -> Self {
        Self {
            ob_refcnt: PyObject_Refcnt {
                ob_refcnt_full: super::_Py_STATIC_IMMORTAL_INITIAL_REFCNT as i64,
            },
            ob_type,
        }
    }
}

impl PyVarObject {
    /// `PyVarObject_HEAD_INIT(type, size)`: the head of a static, immortal object.
    pub const fn HEAD_INIT(ob_type: *mut PyTypeObject, ob_size: Py_ssize_t) -> Self {
        Self {
            ob_base: PyObject::HEAD_INIT(ob_type),
            ob_size,
        }
    }
}

/// The object's type, borrowed.
///
/// # Safety
/// `op` points to a live object.
#[inline]
pub unsafe fn Py_TYPE(op: *mut PyObject) -> *mut PyTypeObject {
    // SAFETY: the caller vouches for `op`.
    unsafe { (*op).ob_type }
}

/// The number of items in the variable part. Not meaningful for `int`.
///
/// # Safety
/// `op` points to a live object with a `PyVarObject` head.
#[inline]
pub unsafe fn Py_SIZE(op: *mut PyObject) -> Py_ssize_t {
    // SAFETY: the caller vouches for `op` and its head.
    unsafe { (*op.cast::<PyVarObject>()).ob_size }
}

/// Whether `op` is an instance of exactly this type.
///
/// # Safety
/// `op` points to a live object.
#[inline]
pub unsafe fn Py_IS_TYPE(op: *mut PyObject, ty: *mut PyTypeObject) -> bool {
    // SAFETY: the caller vouches for `op`.
    unsafe { Py_TYPE(op) == ty }
}

/// Overwrites the type pointer; reference counts of both types are the caller's business.
///
/// # Safety
/// `op` points to an object that no other thread uses.
#[inline]
pub unsafe fn Py_SET_TYPE(op: *mut PyObject, ty: *mut PyTypeObject) {
    // SAFETY: the caller vouches for `op`.
    unsafe { (*op).ob_type = ty }
}

/// Overwrites the item count.
///
/// # Safety
/// `op` points to an object with a `PyVarObject` head that no other thread uses.
#[inline]
pub unsafe fn Py_SET_SIZE(op: *mut PyVarObject, size: Py_ssize_t) {
    // SAFETY: the caller vouches for `op`.
    unsafe { (*op).ob_size = size }
}

/// Whether any of the `feature` bits is set in `tp_flags`.
///
/// # Safety
/// `ty` points to a live type.
#[inline]
pub unsafe fn PyType_HasFeature(ty: *mut PyTypeObject, feature: c_ulong) -> bool {
    // SAFETY: the caller vouches for `ty`.
    unsafe { (*ty).tp_flags & feature != 0 }
}

/// As `PyType_HasFeature`, for the `Py_TPFLAGS_*_SUBCLASS` bits.
///
/// # Safety
/// `ty` points to a live type.
#[inline]
pub unsafe fn PyType_FastSubclass(ty: *mut PyTypeObject, flag: c_ulong) -> bool {
    // SAFETY: the caller vouches for `ty`.
    unsafe { PyType_HasFeature(ty, flag) }
}
