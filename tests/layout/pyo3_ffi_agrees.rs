//! Compares the layout with `pyo3-ffi`, which other people wrote from the same headers.
//!
//! What cannot be compared is listed with the reason. A struct, field or constant that is neither
//! compared nor listed fails the tests, and so does a listing that nothing needs. Bit-fields are
//! left out: for 3.14, `pyo3-ffi` does not look inside them.

#![allow(deprecated)]

use crate::{facts, recorded};
use std::collections::BTreeSet;

/// Structs without a definition to compare with. A `*` stands for any ending.
const UNCOMPARED_STRUCTS: &[(&str, &str)] = &[
    ("_Py*", "private to CPython"),
    ("_opaque", "private to CPython"),
    ("_specialization_cache", "private to CPython"),
    ("PyGC_Head", "private to CPython"),
    ("PyLongObject", "opaque there"),
    ("PyThreadState", "opaque there"),
    ("PyCodeObject", "opaque there"),
    ("PyFrameObject", "opaque there, as in the public headers"),
    ("PyGenObject", "opaque there, as in the public headers"),
    ("PyCoroObject", "opaque in the public headers"),
    ("PyAsyncGenObject", "opaque in the public headers"),
    ("PyCodeAddressRange", "not bound"),
    ("PyFrameConstructor", "not bound"),
    ("PyFrameLocalsProxyObject", "not bound"),
    ("PyMemoryViewObject", "not bound"),
    ("PyMethodObject", "not bound"),
    ("PyInstanceMethodObject", "not bound"),
    ("PyMonitoringState", "not bound"),
    ("PerfMapState", "not bound"),
    ("PyBaseExceptionGroupObject", "not bound"),
    ("PyNameErrorObject", "not bound"),
    ("PyAttributeErrorObject", "not bound"),
];

/// Fields that are private there. The struct's size and its other fields are compared.
const PRIVATE_FIELDS: &[(&str, &str)] = &[
    ("PyDictObject", "_ma_watcher_tag"),
    ("PyMutex", "_bits"),
    ("PyLongExport", "_reserved"),
    ("PyHeapTypeObject", "_ht_tpname"),
    ("PyHeapTypeObject", "_spec_cache"),
    ("Py_tss_t", "_is_initialized"),
    ("Py_tss_t", "_key"),
];

/// Constants without a definition to compare with. A `*` stands for any ending.
const UNCOMPARED_CONSTANTS: &[(&str, &str)] = &[
    ("_Py*", "private to CPython, and not public there"),
    ("IMMORTALITY_BIT_MASK", "private to CPython"),
    ("FRAME_OWNED_BY_*", "private to CPython"),
    ("PyHASH_*", "not bound under these names"),
    ("Py_HASH_CUTOFF", "a choice of CPython's build"),
    ("Py_HASH_ALGORITHM", "a choice of CPython's build"),
    ("PyLong_SHIFT", "a choice of CPython's build"),
    ("PyLong_BASE", "a choice of CPython's build"),
    ("PyLong_MASK", "a choice of CPython's build"),
    ("PY_RELEASE_*", "it supports many releases"),
    ("PY_MAJOR_VERSION", "it supports many releases"),
    ("PY_MINOR_VERSION", "it supports many releases"),
    ("PY_MICRO_VERSION", "it supports many releases"),
    ("PY_VERSION_HEX", "it supports many releases"),
    ("Py_TPFLAGS_INLINE_VALUES", "not bound"),
    ("Py_TPFLAGS_PREHEADER", "not bound"),
    (
        "Py_TPFLAGS_HAVE_STACKLESS_EXTENSION",
        "a choice of CPython's build",
    ),
    ("METH_STACKLESS", "a choice of CPython's build"),
    ("CO_FUTURE_ANNOTATIONS", "not bound"),
    ("CO_NO_MONITORING_EVENTS", "not bound"),
    ("CO_HAS_DOCSTRING", "not bound"),
    ("CO_METHOD", "not bound"),
    ("FVC_*", "not bound"),
    ("FVS_*", "not bound"),
    ("PY_CODE_*", "not bound"),
    ("PY_CTF_*", "not bound"),
    ("Py_DTSF_NO_NEG_0", "not bound"),
    ("PY_LOCK_*", "not bound"),
    ("PY_MONITORING_EVENT_*", "not bound"),
    ("PYMEM_ALLOCATOR_*", "not bound"),
    ("PYTHREAD_INVALID_THREAD_ID", "not bound"),
    ("PyCF_*", "not bound"),
    ("PyDict_EVENT_*", "not bound"),
    ("PyFunction_EVENT_*", "not bound"),
    ("PyRefTracer_*", "not bound"),
    ("PyTime_M*", "not bound"),
    ("Py_UNICODE_SIZE", "not bound"),
    ("WAIT_LOCK", "not bound"),
    ("NOWAIT_LOCK", "not bound"),
    ("PY_AUDIT_READ", "not bound: Py_AUDIT_READ is"),
];

/// Constants with another value there, that value, and why ours is right.
const DIFFERENT_CONSTANTS: &[(&str, i128, &str)] = &[
    ("CO_FUTURE_DIVISION", 0x2000, FUTURE_FLAGS),
    ("CO_FUTURE_ABSOLUTE_IMPORT", 0x4000, FUTURE_FLAGS),
    ("CO_FUTURE_WITH_STATEMENT", 0x8000, FUTURE_FLAGS),
    ("CO_FUTURE_PRINT_FUNCTION", 0x10000, FUTURE_FLAGS),
    ("CO_FUTURE_UNICODE_LITERALS", 0x20000, FUTURE_FLAGS),
    ("CO_FUTURE_BARRY_AS_BDFL", 0x40000, FUTURE_FLAGS),
    ("CO_FUTURE_GENERATOR_STOP", 0x80000, FUTURE_FLAGS),
    (
        "CO_MAXBLOCKS",
        20,
        "an older release's: 3.14's header says 21",
    ),
];
const FUTURE_FLAGS: &str = "an older release's: CPython has moved these flags up four bits";

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

/// Fails unless `compared` and the listing together make up `all`, with no listing to spare.
fn assert_accounted(all: &[&str], compared: &BTreeSet<&str>, listing: &[(&str, &str)]) {
    let missing: Vec<_> = all
        .iter()
        .filter(|name| !compared.contains(*name))
        .collect();
    for name in &missing {
        assert!(
            listing.iter().any(|(pattern, _)| matches(pattern, name)),
            "{name} is neither compared nor listed"
        );
    }
    for (pattern, reason) in listing {
        assert!(
            missing.iter().any(|name| matches(pattern, name)),
            "{pattern} ({reason}) is listed for nothing"
        );
    }
}

macro_rules! structs {
    ($($name:ident { $($field:ident),* $(,)? })+) => {
        fn structs() -> Vec<(&'static str, facts::Struct)> {
            vec![$((
                stringify!($name),
                facts::Struct {
                    size: size_of::<pyo3_ffi::$name>(),
                    fields: vec![$((
                        facts::c_name(stringify!($field)),
                        std::mem::offset_of!(pyo3_ffi::$name, $field),
                    )),*],
                },
            )),+]
        }
    };
}

macro_rules! constants {
    ($(in $module:path { $($name:ident),+ $(,)? })+ pointers { $($pointer:ident),+ $(,)? }) => {
        fn constants() -> Vec<(&'static str, i128)> {
            let mut all = Vec::new();
            $({
                use $module as module;
                all.extend([$((stringify!($name), module::$name as i128)),+]);
            })+
            all.extend([$((stringify!($pointer), pyo3_ffi::$pointer.addr() as i128)),+]);
            all
        }
    };
}

#[test]
fn structs_agree() {
    let ours = facts::structs();
    for (name, theirs) in structs() {
        let (_, mut expected) = ours
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap()
            .clone();
        expected
            .fields
            .retain(|(field, _)| !PRIVATE_FIELDS.contains(&(name, field)));
        assert_eq!(theirs, expected, "{name}");
    }
    let all: Vec<_> = recorded::structs().iter().map(|row| row.name).collect();
    let compared = structs().into_iter().map(|(name, _)| name).collect();
    assert_accounted(&all, &compared, UNCOMPARED_STRUCTS);
}

#[test]
fn constants_agree() {
    let ours = facts::constants();
    let mut different = Vec::new();
    for (name, theirs) in constants() {
        let (_, expected) = ours.iter().find(|(known, _)| *known == name).unwrap();
        if theirs != *expected {
            different.push((name, theirs));
        }
    }
    let listed: Vec<_> = DIFFERENT_CONSTANTS
        .iter()
        .map(|&(name, theirs, _)| (name, theirs))
        .collect();
    assert_eq!(different, listed, "left: found, right: listed");
    let all: Vec<_> = recorded::constants().iter().map(|row| row.name).collect();
    let compared = constants().into_iter().map(|(name, _)| name).collect();
    assert_accounted(&all, &compared, UNCOMPARED_CONSTANTS);
}

structs! {
    PyByteArrayObject { ob_base, ob_alloc, ob_bytes, ob_start, ob_exports }
    PyBytesObject { ob_base, ob_shash, ob_sval }
    PyCellObject { ob_base, ob_ref }
    PyCompilerFlags { cf_flags, cf_feature_version }
    Py_complex { real, imag }
    PyComplexObject { ob_base, cval }
    PyDateTime_Delta { ob_base, hashcode, days, seconds, microseconds }
    PyDateTime_TZInfo { ob_base }
    _PyDateTime_BaseTime { ob_base, hashcode, hastzinfo, data }
    PyDateTime_Time { ob_base, hashcode, hastzinfo, data, fold, tzinfo }
    PyDateTime_Date { ob_base, hashcode, hastzinfo, data }
    _PyDateTime_BaseDateTime { ob_base, hashcode, hastzinfo, data }
    PyDateTime_DateTime { ob_base, hashcode, hastzinfo, data, fold, tzinfo }
    PyDateTime_CAPI {
        DateType, DateTimeType, TimeType, DeltaType, TZInfoType, TimeZone_UTC, Date_FromDate,
        DateTime_FromDateAndTime, Time_FromTime, Delta_FromDelta, TimeZone_FromTimeZone,
        DateTime_FromTimestamp, Date_FromTimestamp, DateTime_FromDateAndTimeAndFold,
        Time_FromTimeAndFold,
    }
    PyGetSetDef { name, get, set, doc, closure }
    PyMemberDef { name, type_code, offset, flags, doc }
    wrapperbase { name, offset, function, wrapper, doc, flags, name_strobj }
    PyDescrObject { ob_base, d_type, d_name, d_qualname }
    PyMethodDescrObject { d_common, d_method, vectorcall }
    PyMemberDescrObject { d_common, d_member }
    PyGetSetDescrObject { d_common, d_getset }
    PyWrapperDescrObject { d_common, d_base, d_wrapped }
    PyDictObject { ob_base, ma_used, ma_keys, ma_values }
    PyFloatObject { ob_base, ob_fval }
    PyFunctionObject {
        ob_base, func_globals, func_builtins, func_name, func_qualname, func_code, func_defaults,
        func_kwdefaults, func_closure, func_doc, func_dict, func_weakreflist, func_module,
        func_annotations, func_annotate, func_typeparams, vectorcall, func_version,
    }
    _inittab { name, initfunc }
    _frozen { name, code, size, is_package }
    PyStatus { _type, func, err_msg, exitcode }
    PyWideStringList { length, items }
    PyPreConfig {
        _config_init, parse_argv, isolated, use_environment, configure_locale, coerce_c_locale,
        coerce_c_locale_warn, utf8_mode, dev_mode, allocator,
    }
    PyConfig {
        _config_init, isolated, use_environment, dev_mode, install_signal_handlers, use_hash_seed,
        hash_seed, faulthandler, tracemalloc, perf_profiling, remote_debug, import_time,
        code_debug_ranges, show_ref_count, dump_refs, dump_refs_file, malloc_stats,
        filesystem_encoding, filesystem_errors, pycache_prefix, parse_argv, orig_argv, argv,
        xoptions, warnoptions, site_import, bytes_warning, warn_default_encoding, inspect,
        interactive, optimization_level, parser_debug, write_bytecode, verbose, quiet,
        user_site_directory, configure_c_stdio, buffered_stdio, stdio_encoding, stdio_errors,
        check_hash_pycs_mode, use_frozen_modules, safe_path, int_max_str_digits,
        thread_inherit_context, context_aware_warnings, cpu_count, pathconfig_warnings,
        program_name, pythonpath_env, home, platlibdir, module_search_paths_set,
        module_search_paths, stdlib_dir, executable, base_executable, prefix, base_prefix,
        exec_prefix, base_exec_prefix, skip_source_first_line, run_command, run_module,
        run_filename, sys_path_0, _install_importlib, _init_main, _is_python_build,
    }
    PyListObject { ob_base, ob_item, allocated }
    PyMutex {}
    PyLongLayout { bits_per_digit, digit_size, digits_order, digit_endianness }
    PyLongExport { value, negative, ndigits, digits }
    PyMethodDef { ml_name, ml_meth, ml_flags, ml_doc }
    PyCFunctionObject { ob_base, m_ml, m_self, m_module, m_weakreflist, vectorcall }
    PyCMethodObject { func, mm_class }
    PyModuleDef_Base { ob_base, m_init, m_index, m_copy }
    PyModuleDef_Slot { slot, value }
    PyModuleDef { m_base, m_name, m_doc, m_size, m_methods, m_slots, m_traverse, m_clear, m_free }
    PyObject { ob_refcnt, ob_type }
    PyVarObject { ob_base, ob_size }
    PyType_Slot { slot, pfunc }
    PyType_Spec { name, basicsize, itemsize, flags, slots }
    PyNumberMethods {
        nb_add, nb_subtract, nb_multiply, nb_remainder, nb_divmod, nb_power, nb_negative,
        nb_positive, nb_absolute, nb_bool, nb_invert, nb_lshift, nb_rshift, nb_and, nb_xor, nb_or,
        nb_int, nb_reserved, nb_float, nb_inplace_add, nb_inplace_subtract, nb_inplace_multiply,
        nb_inplace_remainder, nb_inplace_power, nb_inplace_lshift, nb_inplace_rshift,
        nb_inplace_and, nb_inplace_xor, nb_inplace_or, nb_floor_divide, nb_true_divide,
        nb_inplace_floor_divide, nb_inplace_true_divide, nb_index, nb_matrix_multiply,
        nb_inplace_matrix_multiply,
    }
    PySequenceMethods {
        sq_length, sq_concat, sq_repeat, sq_item, was_sq_slice, sq_ass_item, was_sq_ass_slice,
        sq_contains, sq_inplace_concat, sq_inplace_repeat,
    }
    PyMappingMethods { mp_length, mp_subscript, mp_ass_subscript }
    PyAsyncMethods { am_await, am_aiter, am_anext, am_send }
    PyBufferProcs { bf_getbuffer, bf_releasebuffer }
    PyTypeObject {
        ob_base, tp_name, tp_basicsize, tp_itemsize, tp_dealloc, tp_vectorcall_offset, tp_getattr,
        tp_setattr, tp_as_async, tp_repr, tp_as_number, tp_as_sequence, tp_as_mapping, tp_hash,
        tp_call, tp_str, tp_getattro, tp_setattro, tp_as_buffer, tp_flags, tp_doc, tp_traverse,
        tp_clear, tp_richcompare, tp_weaklistoffset, tp_iter, tp_iternext, tp_methods, tp_members,
        tp_getset, tp_base, tp_dict, tp_descr_get, tp_descr_set, tp_dictoffset, tp_init, tp_alloc,
        tp_new, tp_free, tp_is_gc, tp_bases, tp_mro, tp_cache, tp_subclasses, tp_weaklist, tp_del,
        tp_version_tag, tp_finalize, tp_vectorcall, tp_watched, tp_versions_used,
    }
    PyHeapTypeObject {
        ht_type, as_async, as_number, as_mapping, as_sequence, as_buffer, ht_name, ht_slots,
        ht_qualname, ht_cached_keys, ht_module, ht_token,
    }
    PyObjectArenaAllocator { ctx, alloc, free }
    Py_buffer {
        buf, obj, len, itemsize, readonly, ndim, format, shape, strides, suboffsets, internal,
    }
    PyBaseExceptionObject {
        ob_base, dict, args, notes, traceback, context, cause, suppress_context,
    }
    PySyntaxErrorObject {
        ob_base, dict, args, notes, traceback, context, cause, suppress_context, msg, filename,
        lineno, offset, end_lineno, end_offset, text, print_file_and_line, metadata,
    }
    PyImportErrorObject {
        ob_base, dict, args, notes, traceback, context, cause, suppress_context, msg, name, path,
        name_from,
    }
    PyUnicodeErrorObject {
        ob_base, dict, args, notes, traceback, context, cause, suppress_context, encoding, object,
        start, end, reason,
    }
    PySystemExitObject {
        ob_base, dict, args, notes, traceback, context, cause, suppress_context, code,
    }
    PyOSErrorObject {
        ob_base, dict, args, notes, traceback, context, cause, suppress_context, myerrno, strerror,
        filename, filename2, written,
    }
    PyStopIterationObject {
        ob_base, dict, args, notes, traceback, context, cause, suppress_context, value,
    }
    PyHash_FuncDef { hash, name, hash_bits, seed_bits }
    PyInterpreterConfig {
        use_main_obmalloc, allow_fork, allow_exec, allow_threads, allow_daemon_threads,
        check_multi_interp_extensions, gil,
    }
    PyMemAllocatorEx { ctx, malloc, calloc, realloc, free }
    Py_tss_t {}
    setentry { key, hash }
    PySetObject { ob_base, fill, used, mask, table, hash, finger, smalltable, weakreflist }
    PySliceObject { ob_base, start, stop, step }
    PyStructSequence_Field { name, doc }
    PyStructSequence_Desc { name, doc, fields, n_in_sequence }
    PyTracebackObject { ob_base, tb_next, tb_frame, tb_lasti, tb_lineno }
    PyTupleObject { ob_base, ob_hash, ob_item }
    PyASCIIObject { ob_base, length, hash, state }
    PyCompactUnicodeObject { _base, utf8_length, utf8 }
    PyUnicodeObject { _base, data }
    PyWeakReference { ob_base, wr_object, wr_callback, hash, wr_prev, wr_next, vectorcall }
}

constants! {
    in pyo3_ffi {
        Py_DTSF_SIGN, Py_DTSF_ADD_DOT_0, Py_DTSF_ALT, Py_DTST_FINITE, Py_DTST_INFINITE, Py_DTST_NAN,
        PyUnstable_EXECUTABLE_KIND_SKIP, PyUnstable_EXECUTABLE_KIND_PY_FUNCTION,
        PyUnstable_EXECUTABLE_KIND_BUILTIN_FUNCTION, PyUnstable_EXECUTABLE_KIND_METHOD_DESCRIPTOR,
        PyUnstable_EXECUTABLE_KINDS,
        PY_VECTORCALL_ARGUMENTS_OFFSET, CO_OPTIMIZED, CO_NEWLOCALS, CO_VARARGS, CO_VARKEYWORDS,
        CO_NESTED, CO_GENERATOR, CO_COROUTINE, CO_ITERABLE_COROUTINE, CO_ASYNC_GENERATOR,
        CO_FUTURE_DIVISION, CO_FUTURE_ABSOLUTE_IMPORT, CO_FUTURE_WITH_STATEMENT,
        CO_FUTURE_PRINT_FUNCTION, CO_FUTURE_UNICODE_LITERALS, CO_FUTURE_BARRY_AS_BDFL,
        CO_FUTURE_GENERATOR_STOP, CO_MAXBLOCKS, Py_single_input, Py_file_input, Py_eval_input,
        Py_func_type_input, PY_INVALID_STACK_EFFECT, Py_CONTEXT_SWITCHED, Py_T_SHORT, Py_T_INT,
        Py_T_LONG, Py_T_FLOAT, Py_T_DOUBLE, Py_T_STRING, _Py_T_OBJECT, Py_T_CHAR, Py_T_BYTE,
        Py_T_UBYTE, Py_T_USHORT, Py_T_UINT, Py_T_ULONG, Py_T_STRING_INPLACE, Py_T_BOOL, Py_T_OBJECT_EX,
        Py_T_LONGLONG, Py_T_ULONGLONG, Py_T_PYSSIZET, _Py_T_NONE, Py_READONLY, Py_AUDIT_READ,
        _Py_WRITE_RESTRICTED, Py_RELATIVE_OFFSET, PyWrapperFlag_KEYWORDS, Py_ASNATIVEBYTES_DEFAULTS,
        Py_ASNATIVEBYTES_BIG_ENDIAN, Py_ASNATIVEBYTES_LITTLE_ENDIAN, Py_ASNATIVEBYTES_NATIVE_ENDIAN,
        Py_ASNATIVEBYTES_UNSIGNED_BUFFER, Py_ASNATIVEBYTES_REJECT_NEGATIVE,
        Py_ASNATIVEBYTES_ALLOW_INDEX, Py_MARSHAL_VERSION, METH_VARARGS, METH_KEYWORDS, METH_NOARGS,
        METH_O, METH_CLASS, METH_STATIC, METH_COEXIST, METH_FASTCALL, METH_METHOD,
        Py_CLEANUP_SUPPORTED, PYTHON_API_VERSION, PYTHON_ABI_VERSION, Py_mod_create, Py_mod_exec,
        Py_mod_multiple_interpreters, Py_mod_gil, Py_TPFLAGS_MANAGED_WEAKREF, Py_TPFLAGS_MANAGED_DICT,
        Py_TPFLAGS_SEQUENCE, Py_TPFLAGS_MAPPING, Py_TPFLAGS_DISALLOW_INSTANTIATION,
        Py_TPFLAGS_IMMUTABLETYPE, Py_TPFLAGS_HEAPTYPE, Py_TPFLAGS_BASETYPE, Py_TPFLAGS_HAVE_VECTORCALL,
        Py_TPFLAGS_READY, Py_TPFLAGS_READYING, Py_TPFLAGS_HAVE_GC, Py_TPFLAGS_METHOD_DESCRIPTOR,
        Py_TPFLAGS_VALID_VERSION_TAG, Py_TPFLAGS_IS_ABSTRACT, Py_TPFLAGS_ITEMS_AT_END,
        Py_TPFLAGS_LONG_SUBCLASS, Py_TPFLAGS_LIST_SUBCLASS, Py_TPFLAGS_TUPLE_SUBCLASS,
        Py_TPFLAGS_BYTES_SUBCLASS, Py_TPFLAGS_UNICODE_SUBCLASS, Py_TPFLAGS_DICT_SUBCLASS,
        Py_TPFLAGS_BASE_EXC_SUBCLASS, Py_TPFLAGS_TYPE_SUBCLASS, Py_TPFLAGS_DEFAULT,
        Py_TPFLAGS_HAVE_FINALIZE, Py_TPFLAGS_HAVE_VERSION_TAG, Py_CONSTANT_NONE, Py_CONSTANT_FALSE,
        Py_CONSTANT_TRUE, Py_CONSTANT_ELLIPSIS, Py_CONSTANT_NOT_IMPLEMENTED, Py_CONSTANT_ZERO,
        Py_CONSTANT_ONE, Py_CONSTANT_EMPTY_STR, Py_CONSTANT_EMPTY_BYTES, Py_CONSTANT_EMPTY_TUPLE,
        Py_LT, Py_LE, Py_EQ, Py_NE, Py_GT, Py_GE, Py_PRINT_RAW, PyBUF_MAX_NDIM, PyBUF_SIMPLE,
        PyBUF_WRITABLE, PyBUF_WRITEABLE, PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES, PyBUF_C_CONTIGUOUS,
        PyBUF_F_CONTIGUOUS, PyBUF_ANY_CONTIGUOUS, PyBUF_INDIRECT, PyBUF_CONTIG, PyBUF_CONTIG_RO,
        PyBUF_STRIDED, PyBUF_STRIDED_RO, PyBUF_RECORDS, PyBUF_RECORDS_RO, PyBUF_FULL, PyBUF_FULL_RO,
        PyBUF_READ, PyBUF_WRITE, _PyHASH_MULTIPLIER, Py_HASH_EXTERNAL, Py_HASH_SIPHASH24, Py_HASH_FNV,
        Py_HASH_SIPHASH13, PyInterpreterConfig_DEFAULT_GIL, PyInterpreterConfig_SHARED_GIL,
        PyInterpreterConfig_OWN_GIL, PY_SSIZE_T_MAX, PY_SSIZE_T_MIN, PyTrace_CALL, PyTrace_EXCEPTION,
        PyTrace_LINE, PyTrace_RETURN, PyTrace_C_CALL, PyTrace_C_EXCEPTION, PyTrace_C_RETURN,
        PyTrace_OPCODE, PySet_MINSIZE, Py_bf_getbuffer, Py_bf_releasebuffer, Py_mp_ass_subscript,
        Py_mp_length, Py_mp_subscript, Py_nb_absolute, Py_nb_add, Py_nb_and, Py_nb_bool, Py_nb_divmod,
        Py_nb_float, Py_nb_floor_divide, Py_nb_index, Py_nb_inplace_add, Py_nb_inplace_and,
        Py_nb_inplace_floor_divide, Py_nb_inplace_lshift, Py_nb_inplace_multiply, Py_nb_inplace_or,
        Py_nb_inplace_power, Py_nb_inplace_remainder, Py_nb_inplace_rshift, Py_nb_inplace_subtract,
        Py_nb_inplace_true_divide, Py_nb_inplace_xor, Py_nb_int, Py_nb_invert, Py_nb_lshift,
        Py_nb_multiply, Py_nb_negative, Py_nb_or, Py_nb_positive, Py_nb_power, Py_nb_remainder,
        Py_nb_rshift, Py_nb_subtract, Py_nb_true_divide, Py_nb_xor, Py_sq_ass_item, Py_sq_concat,
        Py_sq_contains, Py_sq_inplace_concat, Py_sq_inplace_repeat, Py_sq_item, Py_sq_length,
        Py_sq_repeat, Py_tp_alloc, Py_tp_base, Py_tp_bases, Py_tp_call, Py_tp_clear, Py_tp_dealloc,
        Py_tp_del, Py_tp_descr_get, Py_tp_descr_set, Py_tp_doc, Py_tp_getattr, Py_tp_getattro,
        Py_tp_hash, Py_tp_init, Py_tp_is_gc, Py_tp_iter, Py_tp_iternext, Py_tp_methods, Py_tp_new,
        Py_tp_repr, Py_tp_richcompare, Py_tp_setattr, Py_tp_setattro, Py_tp_str, Py_tp_traverse,
        Py_tp_members, Py_tp_getset, Py_tp_free, Py_nb_matrix_multiply, Py_nb_inplace_matrix_multiply,
        Py_am_await, Py_am_aiter, Py_am_anext, Py_tp_finalize, Py_am_send, Py_tp_vectorcall,
        Py_tp_token, PyUnicode_1BYTE_KIND, PyUnicode_2BYTE_KIND, PyUnicode_4BYTE_KIND,
        SSTATE_NOT_INTERNED, SSTATE_INTERNED_MORTAL, SSTATE_INTERNED_IMMORTAL,
        SSTATE_INTERNED_IMMORTAL_STATIC, Py_UNICODE_REPLACEMENT_CHARACTER,
    }
    in pyo3_ffi::PySendResult { PYGEN_RETURN, PYGEN_ERROR, PYGEN_NEXT }
    in pyo3_ffi::PyGILState_STATE { PyGILState_LOCKED, PyGILState_UNLOCKED }
    in pyo3_ffi::PyMemAllocatorDomain { PYMEM_DOMAIN_RAW, PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ }
    in pyo3_ffi::structmember {
        T_SHORT, T_INT, T_LONG, T_FLOAT, T_DOUBLE, T_STRING, T_OBJECT, T_CHAR, T_BYTE, T_UBYTE,
        T_USHORT, T_UINT, T_ULONG, T_STRING_INPLACE, T_BOOL, T_OBJECT_EX, T_LONGLONG, T_ULONGLONG,
        T_PYSSIZET, T_NONE, READONLY, READ_RESTRICTED, PY_WRITE_RESTRICTED,
        RESTRICTED,
    }
    pointers {
        Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED, Py_MOD_MULTIPLE_INTERPRETERS_SUPPORTED,
        Py_MOD_PER_INTERPRETER_GIL_SUPPORTED, Py_MOD_GIL_USED, Py_MOD_GIL_NOT_USED,
    }
}
