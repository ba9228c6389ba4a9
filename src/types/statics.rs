//! The type objects and singletons that extensions know by symbol.
//!
//! Each `Py*_Type` *is* the struct, filled in place at init and bound to its
//! VM type before the first object exists. `PyExc_*` are pointers to such
//! structs. Sizes, offsets and flags are CPython 3.14's own.

use std::alloc::Layout;
use std::ffi::c_ulong;
use std::mem::offset_of;
use std::ptr;

use rustpython_vm::builtins::PyType;
use rustpython_vm::{Py, PyObjectRef, PyResult, VirtualMachine};

use super::heap;
use crate::layout::{
    _PyLongValue, Py_ssize_t, PyFunctionObject, PyLongObject, PyMethodObject, PyObject,
    PyTypeObject,
};
use crate::proxy::arena;
use crate::proxy::mirror::{self, Kind};
use crate::refcount;

/// What CPython has in a static type's struct.
struct Facts {
    kind: Kind,
    basicsize: Py_ssize_t,
    itemsize: Py_ssize_t,
    dictoffset: Py_ssize_t,
    weaklistoffset: Py_ssize_t,
    flags: c_ulong,
}

macro_rules! types {
    ($($name:ident = $vm:ident, $kind:ident, $basic:literal, $item:literal, $dict:literal, $weak:literal, $flags:literal;)*) => {
        $(
            #[doc = concat!("The VM's `", stringify!($vm), "`.")]
            #[unsafe(no_mangle)]
            pub static mut $name: PyTypeObject = PyTypeObject::ZERO;
        )*

        fn each(vm: &VirtualMachine, mut f: impl FnMut(*mut PyTypeObject, &'static Py<PyType>, Facts)) {
            $(f(
                &raw mut $name,
                vm.ctx.types.$vm,
                Facts {
                    kind: Kind::$kind,
                    basicsize: $basic,
                    itemsize: $item,
                    dictoffset: $dict,
                    weaklistoffset: $weak,
                    flags: $flags,
                },
            );)*
        }
    };
}

macro_rules! exceptions {
    ($($name:ident = $text:literal, $basic:literal;)*) => {
        $(
            #[doc = concat!("`", $text, "`, immortal.")]
            #[unsafe(no_mangle)]
            pub static mut $name: *mut PyObject = ptr::null_mut();
        )*

        /// Name, basic size and variable of every exception.
        fn exceptions() -> impl Iterator<Item = (&'static str, Py_ssize_t, *mut *mut PyObject)> {
            [$(($text, $basic as Py_ssize_t, &raw mut $name)),*].into_iter()
        }
    };
}

types! {
    PyBaseObject_Type = object_type, Header, 16, 0, 0, 0, 0x1502;
    PyType_Type = type_type, Type, 936, 40, 264, 368, 0x80805d02;
    PyLong_Type = int_type, Int, 24, 4, 0, 0, 0x1401502;
    PyBool_Type = bool_type, Int, 24, 4, 0, 0, 0x1401102;
    PyFloat_Type = float_type, Float, 24, 0, 0, 0, 0x401502;
    PyComplex_Type = complex_type, Complex, 32, 0, 0, 0, 0x1502;
    PyUnicode_Type = str_type, Str, 64, 0, 0, 0, 0x10401502;
    PyBytes_Type = bytes_type, Bytes, 33, 1, 0, 0, 0x8401502;
    PyByteArray_Type = bytearray_type, ByteArray, 56, 0, 0, 0, 0x401502;
    PyTuple_Type = tuple_type, Tuple, 32, 8, 0, 0, 0x4405522;
    PyList_Type = list_type, List, 40, 0, 0, 0, 0x2405522;
    PyDict_Type = dict_type, Dict, 48, 0, 0, 0, 0x20405542;
    PySet_Type = set_type, Set, 200, 0, 0, 192, 0x405502;
    PyFrozenSet_Type = frozenset_type, Set, 200, 0, 0, 192, 0x405502;
    PySlice_Type = slice_type, Slice, 40, 0, 0, 0, 0x5102;
    PyRange_Type = range_type, Header, 48, 0, 0, 0, 0x1122;
    PyModule_Type = module_type, Module, 56, 0, 16, 40, 0x5502;
    PyFunction_Type = function_type, Function, 152, 0, 88, 96, 0x25902;
    PyMethod_Type = bound_method_type, Method, 48, 0, 0, 32, 0x5902;
    PyCFunction_Type = builtin_function_or_method_type, Builtin, 56, 0, 0, 40, 0x5982;
    PyCode_Type = code_type, Code, 208, 2, 0, 144, 0x1102;
    PyFrame_Type = frame_type, Frame, 152, 8, 0, 0, 0x5182;
    PyTraceBack_Type = traceback_type, Traceback, 40, 0, 0, 0, 0x5102;
    PyCell_Type = cell_type, Cell, 24, 0, 0, 0, 0x5102;
    PyGen_Type = generator_type, Header, 152, 8, 0, 16, 0x5182;
    PyCoro_Type = coroutine_type, Header, 152, 8, 0, 16, 0x5182;
    PyProperty_Type = property_type, Header, 64, 0, 0, 0, 0x5502;
    PyStaticMethod_Type = staticmethod_type, Header, 32, 0, 24, 0, 0x5502;
    PyClassMethod_Type = classmethod_type, Header, 32, 0, 24, 0, 0x5502;
    PySuper_Type = super_type, Header, 40, 0, 0, 0, 0x5502;
    PyEnum_Type = enumerate_type, Header, 56, 0, 0, 0, 0x5502;
    PyReversed_Type = reverse_iter_type, Header, 32, 0, 0, 0, 0x5502;
    PyZip_Type = zip_type, Header, 48, 0, 0, 0, 0x5502;
    PyMap_Type = map_type, Header, 40, 0, 0, 0, 0x5502;
    PyFilter_Type = filter_type, Header, 32, 0, 0, 0, 0x5502;
    PyMemoryView_Type = memoryview_type, MemoryView, 144, 8, 0, 136, 0x5122;
    PyDictProxy_Type = mappingproxy_type, Header, 24, 0, 0, 0, 0x5142;
    PyDictKeys_Type = dict_keys_type, Header, 24, 0, 0, 0, 0x5182;
    PyDictValues_Type = dict_values_type, Header, 24, 0, 0, 0, 0x5182;
    PyDictItems_Type = dict_items_type, Header, 24, 0, 0, 0, 0x5182;
    PyDictIterKey_Type = dict_keyiterator_type, Header, 56, 0, 0, 0, 0x5182;
    PyDictIterValue_Type = dict_valueiterator_type, Header, 56, 0, 0, 0, 0x5182;
    PyDictIterItem_Type = dict_itemiterator_type, Header, 56, 0, 0, 0, 0x5182;
    PyDictRevIterKey_Type = dict_reversekeyiterator_type, Header, 56, 0, 0, 0, 0x5182;
    PyDictRevIterValue_Type = dict_reversevalueiterator_type, Header, 56, 0, 0, 0, 0x5182;
    PyDictRevIterItem_Type = dict_reverseitemiterator_type, Header, 56, 0, 0, 0, 0x5182;
    PyListIter_Type = list_iterator_type, Header, 32, 0, 0, 0, 0x5182;
    PyListRevIter_Type = list_reverseiterator_type, Header, 32, 0, 0, 0, 0x5182;
    PyTupleIter_Type = tuple_iterator_type, Header, 32, 0, 0, 0, 0x5182;
    PySetIter_Type = set_iterator_type, Header, 48, 0, 0, 0, 0x5182;
    PyUnicodeIter_Type = str_iterator_type, Header, 32, 0, 0, 0, 0x5182;
    PyBytesIter_Type = bytes_iterator_type, Header, 32, 0, 0, 0, 0x5182;
    PyByteArrayIter_Type = bytearray_iterator_type, Header, 32, 0, 0, 0, 0x5182;
    PyRangeIter_Type = range_iterator_type, Header, 40, 0, 0, 0, 0x1182;
    PyLongRangeIter_Type = long_range_iterator_type, Header, 40, 0, 0, 0, 0x1182;
    PySeqIter_Type = iter_type, Header, 32, 0, 0, 0, 0x5182;
    PyCallIter_Type = callable_iterator, Header, 32, 0, 0, 0, 0x5182;
    PyMethodDescr_Type = method_descriptor_type, Descriptor, 56, 0, 0, 0, 0x25982;
    PyClassMethodDescr_Type = classmethod_descriptor_type, Descriptor, 56, 0, 0, 0, 0x5182;
    PyGetSetDescr_Type = getset_type, Descriptor, 48, 0, 0, 0, 0x5182;
    PyMemberDescr_Type = member_descriptor_type, Descriptor, 48, 0, 0, 0, 0x5182;
    PyWrapperDescr_Type = wrapper_descriptor_type, Descriptor, 56, 0, 0, 0, 0x25182;
    _PyMethodWrapper_Type = method_wrapper_type, Header, 32, 0, 0, 0, 0x5182;
    PyEllipsis_Type = ellipsis_type, Header, 16, 0, 0, 0, 0x1102;
    _PyNone_Type = none_type, Header, 16, 0, 0, 0, 0x1102;
    _PyNotImplemented_Type = not_implemented_type, Header, 16, 0, 0, 0, 0x1102;
    PyCapsule_Type = capsule_type, Header, 64, 0, 0, 0, 0x5182;
    Py_GenericAliasType = generic_alias_type, Header, 64, 0, 0, 40, 0x5d02;
    _PyUnion_Type = union_type, Header, 56, 0, 0, 48, 0x5182;
    _PyWeakref_RefType = weakref_type, WeakRef, 64, 0, 0, 0, 0x5d02;
    _PyWeakref_ProxyType = weakproxy_type, WeakRef, 64, 0, 0, 0, 0x5182;
    _PyWeakref_CallableProxyType = weakcallableproxy_type, WeakRef, 64, 0, 0, 0, 0x5182;
}

exceptions! {
    PyExc_ArithmeticError = "ArithmeticError", 72;
    PyExc_AssertionError = "AssertionError", 72;
    PyExc_AttributeError = "AttributeError", 88;
    PyExc_BaseException = "BaseException", 72;
    PyExc_BaseExceptionGroup = "BaseExceptionGroup", 96;
    PyExc_BlockingIOError = "BlockingIOError", 112;
    PyExc_BrokenPipeError = "BrokenPipeError", 112;
    PyExc_BufferError = "BufferError", 72;
    PyExc_BytesWarning = "BytesWarning", 72;
    PyExc_ChildProcessError = "ChildProcessError", 112;
    PyExc_ConnectionAbortedError = "ConnectionAbortedError", 112;
    PyExc_ConnectionError = "ConnectionError", 112;
    PyExc_ConnectionRefusedError = "ConnectionRefusedError", 112;
    PyExc_ConnectionResetError = "ConnectionResetError", 112;
    PyExc_DeprecationWarning = "DeprecationWarning", 72;
    PyExc_EOFError = "EOFError", 72;
    PyExc_EncodingWarning = "EncodingWarning", 72;
    PyExc_EnvironmentError = "OSError", 112;
    PyExc_Exception = "Exception", 72;
    PyExc_FileExistsError = "FileExistsError", 112;
    PyExc_FileNotFoundError = "FileNotFoundError", 112;
    PyExc_FloatingPointError = "FloatingPointError", 72;
    PyExc_FutureWarning = "FutureWarning", 72;
    PyExc_GeneratorExit = "GeneratorExit", 72;
    PyExc_IOError = "OSError", 112;
    PyExc_ImportError = "ImportError", 104;
    PyExc_ImportWarning = "ImportWarning", 72;
    PyExc_IndentationError = "IndentationError", 144;
    PyExc_IndexError = "IndexError", 72;
    PyExc_InterruptedError = "InterruptedError", 112;
    PyExc_IsADirectoryError = "IsADirectoryError", 112;
    PyExc_KeyError = "KeyError", 72;
    PyExc_KeyboardInterrupt = "KeyboardInterrupt", 72;
    PyExc_LookupError = "LookupError", 72;
    PyExc_MemoryError = "MemoryError", 72;
    PyExc_ModuleNotFoundError = "ModuleNotFoundError", 104;
    PyExc_NameError = "NameError", 80;
    PyExc_NotADirectoryError = "NotADirectoryError", 112;
    PyExc_NotImplementedError = "NotImplementedError", 72;
    PyExc_OSError = "OSError", 112;
    PyExc_OverflowError = "OverflowError", 72;
    PyExc_PendingDeprecationWarning = "PendingDeprecationWarning", 72;
    PyExc_PermissionError = "PermissionError", 112;
    PyExc_ProcessLookupError = "ProcessLookupError", 112;
    PyExc_PythonFinalizationError = "PythonFinalizationError", 72;
    PyExc_RecursionError = "RecursionError", 72;
    PyExc_ReferenceError = "ReferenceError", 72;
    PyExc_ResourceWarning = "ResourceWarning", 72;
    PyExc_RuntimeError = "RuntimeError", 72;
    PyExc_RuntimeWarning = "RuntimeWarning", 72;
    PyExc_StopAsyncIteration = "StopAsyncIteration", 72;
    PyExc_StopIteration = "StopIteration", 80;
    PyExc_SyntaxError = "SyntaxError", 144;
    PyExc_SyntaxWarning = "SyntaxWarning", 72;
    PyExc_SystemError = "SystemError", 72;
    PyExc_SystemExit = "SystemExit", 80;
    PyExc_TabError = "TabError", 144;
    PyExc_TimeoutError = "TimeoutError", 112;
    PyExc_TypeError = "TypeError", 72;
    PyExc_UnboundLocalError = "UnboundLocalError", 80;
    PyExc_UnicodeDecodeError = "UnicodeDecodeError", 112;
    PyExc_UnicodeEncodeError = "UnicodeEncodeError", 112;
    PyExc_UnicodeError = "UnicodeError", 72;
    PyExc_UnicodeTranslateError = "UnicodeTranslateError", 112;
    PyExc_UnicodeWarning = "UnicodeWarning", 72;
    PyExc_UserWarning = "UserWarning", 72;
    PyExc_ValueError = "ValueError", 72;
    PyExc_Warning = "Warning", 72;
    PyExc_ZeroDivisionError = "ZeroDivisionError", 72;
    _PyExc_IncompleteInputError = "_IncompleteInputError", 144;
}

/// Types that the VM keeps in modules: filled when the module is at hand.
macro_rules! imported {
    ($($name:ident = $module:literal, $attribute:literal, $basic:literal, $dict:literal, $weak:literal, $flags:literal;)*) => {
        $(
            #[doc = concat!("`", $module, ".", $attribute, "`.")]
            #[unsafe(no_mangle)]
            pub static mut $name: PyTypeObject = PyTypeObject::ZERO;
        )*

        fn each_imported(mut f: impl FnMut(*mut PyTypeObject, &'static str, &'static str, Facts)) {
            $(f(
                &raw mut $name,
                $module,
                $attribute,
                Facts {
                    kind: Kind::Header,
                    basicsize: $basic,
                    itemsize: 0,
                    dictoffset: $dict,
                    weaklistoffset: $weak,
                    flags: $flags,
                },
            );)*
        }
    };
}

imported! {
    PyODict_Type = "_collections", "OrderedDict", 112, 96, 104, 0x20405542;
    PyContext_Type = "_contextvars", "Context", 48, 0, 32, 0x5102;
    PyContextVar_Type = "_contextvars", "ContextVar", 64, 0, 0, 0x5102;
    PyContextToken_Type = "_contextvars", "Token", 48, 0, 0, 0x5102;
}

/// `None`.
#[unsafe(no_mangle)]
pub static mut _Py_NoneStruct: PyObject = PyObject::HEAD_INIT(ptr::null_mut());
/// `...`.
#[unsafe(no_mangle)]
pub static mut _Py_EllipsisObject: PyObject = PyObject::HEAD_INIT(ptr::null_mut());
/// `NotImplemented`.
#[unsafe(no_mangle)]
pub static mut _Py_NotImplementedStruct: PyObject = PyObject::HEAD_INIT(ptr::null_mut());
/// `False`.
#[unsafe(no_mangle)]
pub static mut _Py_FalseStruct: PyLongObject = boolean(0);
/// `True`.
#[unsafe(no_mangle)]
pub static mut _Py_TrueStruct: PyLongObject = boolean(1);

const fn boolean(value: u32) -> PyLongObject {
    PyLongObject {
        ob_base: PyObject::HEAD_INIT(ptr::null_mut()),
        long_value: _PyLongValue {
            lv_tag: if value == 0 { 1 } else { 1 << 3 },
            ob_digit: [value],
        },
    }
}

/// `None`: immortal.
#[inline]
pub fn none() -> *mut PyObject {
    &raw mut _Py_NoneStruct
}

/// `True` or `False`: immortal.
#[inline]
pub fn bool(value: bool) -> *mut PyObject {
    if value {
        (&raw mut _Py_TrueStruct).cast()
    } else {
        (&raw mut _Py_FalseStruct).cast()
    }
}

/// `...`: immortal.
#[inline]
pub fn ellipsis() -> *mut PyObject {
    &raw mut _Py_EllipsisObject
}

/// `NotImplemented`: immortal.
#[inline]
pub fn not_implemented() -> *mut PyObject {
    &raw mut _Py_NotImplementedStruct
}

/// Whether `p` is `True` or `False`.
///
/// # Safety
/// `p` is a live object.
#[inline]
pub unsafe fn is_bool(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe { (*p).ob_type == &raw mut PyBool_Type }
}

macro_rules! exact {
    ($($getter:ident, $test:ident, $name:ident;)*) => {$(
        #[doc = concat!("`", stringify!($name), "`.")]
        #[inline]
        #[allow(dead_code, reason = "one table serves all types")]
        pub fn $getter() -> *mut PyTypeObject {
            &raw mut $name
        }
        #[doc = concat!("Whether `ty` is exactly `", stringify!($name), "`.")]
        #[inline]
        #[allow(dead_code, reason = "one table serves all types")]
        pub fn $test(ty: *mut PyTypeObject) -> bool {
            ptr::eq(ty, &raw const $name)
        }
    )*};
}

exact! {
    object_type, is_exact_object, PyBaseObject_Type;
    type_type, is_exact_type, PyType_Type;
    int_type, is_exact_int, PyLong_Type;
    float_type, is_exact_float, PyFloat_Type;
    complex_type, is_exact_complex, PyComplex_Type;
    str_type, is_exact_str, PyUnicode_Type;
    bytes_type, is_exact_bytes, PyBytes_Type;
    bytearray_type, is_exact_bytearray, PyByteArray_Type;
    tuple_type, is_exact_tuple, PyTuple_Type;
    list_type, is_exact_list, PyList_Type;
    dict_type, is_exact_dict, PyDict_Type;
    set_type, is_exact_set, PySet_Type;
    frozenset_type, is_exact_frozenset, PyFrozenSet_Type;
    slice_type, is_exact_slice, PySlice_Type;
    module_type, is_exact_module, PyModule_Type;
    capsule_type, is_exact_capsule, PyCapsule_Type;
}

/// Whether instances of `ty` are `StopIteration`s.
#[inline]
pub fn is_stop_iteration(ty: *mut PyTypeObject) -> bool {
    // SAFETY: set once at init, before any exception exists.
    ty.cast::<PyObject>() == unsafe { PyExc_StopIteration }
}

/// Whether instances of `ty` are `AttributeError`s.
#[inline]
pub fn is_attribute_error(ty: *mut PyTypeObject) -> bool {
    // SAFETY: set once at init, before any exception exists.
    ty.cast::<PyObject>() == unsafe { PyExc_AttributeError }
}

fn fill(vm: &VirtualMachine, t: *mut PyTypeObject, class: &Py<PyType>, facts: &Facts) {
    // SAFETY: the structs are ours; the lock is held and no C code has seen
    // them yet.
    unsafe {
        refcount::make_static_immortal(t.cast());
        (*t).tp_basicsize = facts.basicsize;
        (*t).tp_itemsize = facts.itemsize;
        (*t).tp_dictoffset = facts.dictoffset;
        (*t).tp_weaklistoffset = facts.weaklistoffset;
        (*t).tp_flags = facts.flags;
        mirror::set_kind(t, facts.kind, facts.kind);
        heap::fill_builtin(vm, t, class);
    }
}

/// A type object for a built-in class of a module of the VM's, with the struct
/// that C knows: it lives for ever.
pub fn adopt(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    kind: Kind,
    basicsize: Py_ssize_t,
) -> *mut PyTypeObject {
    let t = arena::immortal(Layout::new::<PyTypeObject>())
        .as_ptr()
        .cast::<PyTypeObject>();
    // SAFETY: memory for a type object that is ours for ever.
    unsafe { adopt_as(vm, t, class, kind, basicsize) };
    t
}

/// Fills `t` for `class`, with the struct that C knows.
///
/// # Safety
/// `t` is memory for a type object, for ever, that nobody uses yet; the lock
/// is held.
pub unsafe fn adopt_as(
    vm: &VirtualMachine,
    t: *mut PyTypeObject,
    class: &Py<PyType>,
    kind: Kind,
    basicsize: Py_ssize_t,
) {
    super::bind(t, class);
    let facts = Facts {
        kind,
        basicsize,
        itemsize: 0,
        dictoffset: 0,
        weaklistoffset: 0,
        flags: crate::layout::Py_TPFLAGS_DEFAULT
            | crate::layout::Py_TPFLAGS_BASETYPE
            | crate::layout::Py_TPFLAGS_IMMUTABLETYPE,
    };
    fill(vm, t, class, &facts);
}

/// Fills and binds everything here, once.
pub fn init(vm: &VirtualMachine) -> PyResult<()> {
    // Bind first: filling one type looks at others.
    each(vm, |t, class, _| super::bind(t, class));
    let mut exception_types = Vec::new();
    for (name, basicsize, variable) in exceptions() {
        let Ok(class) = vm
            .builtins
            .get_attr(name, vm)
            .or_else(|e| exception_elsewhere(vm, name).ok_or(e))
        else {
            continue;
        };
        let Ok(class) = class.downcast::<PyType>() else {
            continue;
        };
        let known = super::bound(&class);
        let t = known.unwrap_or_else(|| {
            let t = arena::immortal(Layout::new::<PyTypeObject>())
                .as_ptr()
                .cast::<PyTypeObject>();
            super::bind(t, &class);
            exception_types.push((t, class.clone(), basicsize));
            t
        });
        // SAFETY: our own variable; the lock is held.
        unsafe { *variable = t.cast() };
    }
    each(vm, |t, class, facts| fill(vm, t, class, &facts));
    // SAFETY: our own statics, which no C code has seen yet.
    unsafe {
        PyFunction_Type.tp_vectorcall_offset = offset_of!(PyFunctionObject, vectorcall) as isize;
        PyMethod_Type.tp_vectorcall_offset = offset_of!(PyMethodObject, vectorcall) as isize;
        PyType_Type.tp_vectorcall_offset = offset_of!(PyTypeObject, tp_vectorcall) as isize;
    }
    // Parents before children.
    exception_types.sort_by_key(|(_, class, _)| class.mro.read().len());
    for (t, class, basicsize) in exception_types {
        fill(
            vm,
            t,
            &class,
            &Facts {
                kind: Kind::Exception,
                basicsize,
                itemsize: 0,
                dictoffset: 16,
                weaklistoffset: 0,
                flags: EXCEPTION_FLAGS,
            },
        );
    }
    // SAFETY: our own statics; the lock is held and no C code has seen them.
    unsafe {
        _Py_NoneStruct.ob_type = &raw mut _PyNone_Type;
        _Py_EllipsisObject.ob_type = &raw mut PyEllipsis_Type;
        _Py_NotImplementedStruct.ob_type = &raw mut _PyNotImplemented_Type;
        _Py_FalseStruct.ob_base.ob_type = &raw mut PyBool_Type;
        _Py_TrueStruct.ob_base.ob_type = &raw mut PyBool_Type;
    }
    mirror::longobject::init();
    mirror::unicodeobject::init();
    mirror::bytesobject::init();
    mirror::tupleobject::init();
    for p in [
        none(),
        ellipsis(),
        not_implemented(),
        bool(false),
        bool(true),
    ] {
        let v: PyObjectRef = match p {
            p if p == none() => vm.ctx.none(),
            p if p == ellipsis() => vm.ctx.ellipsis.clone().into(),
            p if p == not_implemented() => vm.ctx.not_implemented(),
            p => vm.ctx.new_bool(p == bool(true)).into(),
        };
        // SAFETY: a static of ours, linked once; not in the table, since the
        // way from the VM goes by class.
        unsafe { crate::proxy::link_strong(p, v, false) };
    }
    each_imported(|t, module, attribute, facts| {
        // Importing the module costs nothing: these are built in.
        let class = vm
            .import(vm.ctx.intern_str(module), 0)
            .and_then(|m| m.get_attr(attribute, vm));
        if let Ok(class) = class
            && let Ok(class) = class.downcast::<PyType>()
        {
            super::bind(t, &class);
            fill(vm, t, &class, &facts);
        }
    });
    Ok(())
}

const EXCEPTION_FLAGS: c_ulong = 0x4000_5502;

/// Exceptions that are not in `builtins`.
fn exception_elsewhere(vm: &VirtualMachine, name: &str) -> Option<PyObjectRef> {
    (name == "_IncompleteInputError")
        .then(|| vm.ctx.exceptions.incomplete_input_error.to_owned().into())
}
