//! What `pyabi::layout` says, as data that the checks can compare.

use pyabi::layout::*;

/// A struct's size and its fields' offsets. Field names are those of C.
#[derive(Clone, Debug, PartialEq)]
pub struct Struct {
    pub size: usize,
    pub fields: Vec<(&'static str, usize)>,
}

/// The name that C has for a field; `type` is a keyword in Rust.
pub fn c_name(field: &'static str) -> &'static str {
    match field {
        "type_" | "type_code" => "type",
        _ => field,
    }
}

macro_rules! structs {
    ($($name:ident { $($field:ident),+ $(,)? })+) => {
        /// Every struct that has a named C counterpart.
        pub fn structs() -> Vec<(&'static str, Struct)> {
            vec![$((
                stringify!($name),
                Struct {
                    size: size_of::<$name>(),
                    fields: vec![$((
                        c_name(stringify!($field)),
                        std::mem::offset_of!($name, $field),
                    )),+],
                },
            )),+]
        }
    };
}

macro_rules! constants {
    (integers: $($name:ident),+; pointers: $($pointer:ident),+;) => {
        /// Every constant that is a number in C.
        pub fn constants() -> Vec<(&'static str, i128)> {
            let mut all = vec![$((stringify!($name), $name as i128)),+];
            all.extend([$((stringify!($pointer), $pointer.addr() as i128)),+]);
            all
        }
    };
}

/// Every bit-field, as the bits it takes in the word that holds it.
pub fn bit_fields() -> Vec<(&'static str, u32)> {
    use _PyUnicodeObject_state as Text;
    use PyThreadState_status as Thread;
    vec![
        ("PyASCIIObject.state.interned", Text::INTERNED_MASK),
        ("PyASCIIObject.state.kind", Text::KIND_MASK),
        ("PyASCIIObject.state.compact", Text::COMPACT),
        ("PyASCIIObject.state.ascii", Text::ASCII),
        (
            "PyASCIIObject.state.statically_allocated",
            Text::STATICALLY_ALLOCATED,
        ),
        ("PyThreadState._status.initialized", Thread::INITIALIZED),
        ("PyThreadState._status.bound", Thread::BOUND),
        ("PyThreadState._status.unbound", Thread::UNBOUND),
        (
            "PyThreadState._status.bound_gilstate",
            Thread::BOUND_GILSTATE,
        ),
        ("PyThreadState._status.active", Thread::ACTIVE),
        ("PyThreadState._status.finalizing", Thread::FINALIZING),
        ("PyThreadState._status.cleared", Thread::CLEARED),
        ("PyThreadState._status.finalized", Thread::FINALIZED),
    ]
}

structs! {
    PyByteArrayObject { ob_base, ob_alloc, ob_bytes, ob_start, ob_exports }
    PyBytesObject { ob_base, ob_shash, ob_sval }
    PyCellObject { ob_base, ob_ref }
    PerfMapState { perf_map, map_lock }
    PyMethodObject { ob_base, im_func, im_self, im_weakreflist, vectorcall }
    PyInstanceMethodObject { ob_base, func }
    _PyCoCached { _co_code, _co_varnames, _co_cellvars, _co_freevars }
    _PyExecutorArray { size, capacity, executors }
    PyCodeObject {
        ob_base, co_consts, co_names, co_exceptiontable, co_flags, co_argcount, co_posonlyargcount,
        co_kwonlyargcount, co_stacksize, co_firstlineno, co_nlocalsplus, co_framesize, co_nlocals,
        co_ncellvars, co_nfreevars, co_version, co_localsplusnames, co_localspluskinds,
        co_filename, co_name, co_qualname, co_linetable, co_weakreflist, co_executors, _co_cached,
        _co_instrumentation_version, _co_monitoring, _co_unique_id, _co_firsttraceable, co_extra,
        co_code_adaptive,
    }
    _opaque { computed_line, lo_next, limit }
    PyCodeAddressRange { ar_start, ar_end, ar_line, opaque }
    PyCompilerFlags { cf_flags, cf_feature_version }
    Py_complex { real, imag }
    PyComplexObject { ob_base, cval }
    PyDateTime_Delta { ob_base, hashcode, days, seconds, microseconds }
    PyDateTime_TZInfo { ob_base }
    _PyDateTime_BaseTZInfo { ob_base, hashcode, hastzinfo }
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
    PyMemberDef { name, type_, offset, flags, doc }
    wrapperbase { name, offset, function, wrapper, doc, flags, name_strobj }
    PyDescrObject { ob_base, d_type, d_name, d_qualname }
    PyMethodDescrObject { d_common, d_method, vectorcall }
    PyMemberDescrObject { d_common, d_member }
    PyGetSetDescrObject { d_common, d_getset }
    PyWrapperDescrObject { d_common, d_base, d_wrapped }
    PyDictObject { ob_base, ma_used, _ma_watcher_tag, ma_keys, ma_values }
    PyFloatObject { ob_base, ob_fval }
    PyFrameObject {
        ob_base, f_back, f_frame, f_trace, f_lineno, f_trace_lines, f_trace_opcodes,
        f_extra_locals, f_locals_cache, f_overwritten_fast_locals, _f_frame_data,
    }
    PyFrameLocalsProxyObject { ob_base, frame }
    _PyInterpreterFrame {
        f_executable, previous, f_funcobj, f_globals, f_builtins, f_locals, frame_obj, instr_ptr,
        stackpointer, return_offset, owner, visited, localsplus,
    }
    PyFrameConstructor {
        fc_globals, fc_builtins, fc_name, fc_qualname, fc_code, fc_defaults, fc_kwdefaults,
        fc_closure,
    }
    PyFunctionObject {
        ob_base, func_globals, func_builtins, func_name, func_qualname, func_code, func_defaults,
        func_kwdefaults, func_closure, func_doc, func_dict, func_weakreflist, func_module,
        func_annotations, func_annotate, func_typeparams, vectorcall, func_version,
    }
    PyGenObject {
        ob_base, gi_weakreflist, gi_name, gi_qualname, gi_exc_state, gi_origin_or_finalizer,
        gi_hooks_inited, gi_closed, gi_running_async, gi_frame_state, gi_iframe,
    }
    PyCoroObject {
        ob_base, cr_weakreflist, cr_name, cr_qualname, cr_exc_state, cr_origin_or_finalizer,
        cr_hooks_inited, cr_closed, cr_running_async, cr_frame_state, cr_iframe,
    }
    PyAsyncGenObject {
        ob_base, ag_weakreflist, ag_name, ag_qualname, ag_exc_state, ag_origin_or_finalizer,
        ag_hooks_inited, ag_closed, ag_running_async, ag_frame_state, ag_iframe,
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
    PyMutex { _bits }
    _PyLongValue { lv_tag, ob_digit }
    PyLongObject { ob_base, long_value }
    PyLongLayout { bits_per_digit, digit_size, digits_order, digit_endianness }
    PyLongExport { value, negative, ndigits, digits, _reserved }
    _PyManagedBufferObject { ob_base, flags, exports, master }
    PyMemoryViewObject { ob_base, mbuf, hash, flags, exports, view, weakreflist, ob_array }
    PyMethodDef { ml_name, ml_meth, ml_flags, ml_doc }
    PyCFunctionObject { ob_base, m_ml, m_self, m_module, m_weakreflist, vectorcall }
    PyCMethodObject { func, mm_class }
    _PyOnceFlag { v }
    _PyArg_Parser {
        format, keywords, fname, custom_msg, once, is_kwtuple_owned, pos, min, max, kwtuple, next,
    }
    PyModuleDef_Base { ob_base, m_init, m_index, m_copy }
    PyModuleDef_Slot { slot, value }
    PyModuleDef { m_base, m_name, m_doc, m_size, m_methods, m_slots, m_traverse, m_clear, m_free }
    PyMonitoringState { active, opaque }
    PyObject { ob_refcnt, ob_type }
    PyVarObject { ob_base, ob_size }
    PyType_Slot { slot, pfunc }
    PyType_Spec { name, basicsize, itemsize, flags, slots }
    _Py_Identifier { string, index, mutex }
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
    _specialization_cache { getitem, getitem_version, init }
    PyHeapTypeObject {
        ht_type, as_async, as_number, as_mapping, as_sequence, as_buffer, ht_name, ht_slots,
        ht_qualname, ht_cached_keys, ht_module, _ht_tpname, ht_token, _spec_cache,
    }
    PyObjectArenaAllocator { ctx, alloc, free }
    PyGC_Head { _gc_next, _gc_prev }
    Py_buffer {
        buf, obj, len, itemsize, readonly, ndim, format, shape, strides, suboffsets, internal,
    }
    PyBaseExceptionObject {
        ob_base, dict, args, notes, traceback, context, cause, suppress_context,
    }
    PyBaseExceptionGroupObject {
        ob_base, dict, args, notes, traceback, context, cause, suppress_context, msg, excs,
        excs_str,
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
    PyNameErrorObject {
        ob_base, dict, args, notes, traceback, context, cause, suppress_context, name,
    }
    PyAttributeErrorObject {
        ob_base, dict, args, notes, traceback, context, cause, suppress_context, obj, name,
    }
    PyHash_FuncDef { hash, name, hash_bits, seed_bits }
    PyInterpreterConfig {
        use_main_obmalloc, allow_fork, allow_exec, allow_threads, allow_daemon_threads,
        check_multi_interp_extensions, gil,
    }
    PyMemAllocatorEx { ctx, malloc, calloc, realloc, free }
    _PyRemoteDebuggerSupport { debugger_pending_call, debugger_script_path }
    _PyErr_StackItem { exc_value, previous_item }
    _PyStackChunk { previous, size, top, data }
    PyThreadState {
        prev, next, interp, eval_breaker, _status, holds_gil, _whence, state,
        py_recursion_remaining, py_recursion_limit, recursion_headroom, tracing, what_event,
        current_frame, c_profilefunc, c_tracefunc, c_profileobj, c_traceobj, current_exception,
        exc_info, dict, gilstate_counter, async_exc, thread_id, native_thread_id, delete_later,
        critical_section, coroutine_origin_tracking_depth, async_gen_firstiter,
        async_gen_finalizer, context, context_ver, id, datastack_chunk, datastack_top,
        datastack_limit, exc_state, current_executor, dict_global_version, threading_local_key,
        threading_local_sentinel, remote_debugger_support, datastack_cached_chunk,
    }
    Py_tss_t { _is_initialized, _key }
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
    _PyUnicodeWriter {
        buffer, data, kind, maxchar, size, pos, min_length, min_char, overallocate, readonly,
    }
    PyWeakReference { ob_base, wr_object, wr_callback, hash, wr_prev, wr_next, vectorcall }
}

constants! {
    integers:
    // abstract
    PY_VECTORCALL_ARGUMENTS_OFFSET,
    // ceval
    FVC_MASK, FVC_NONE, FVC_STR, FVC_REPR, FVC_ASCII, FVS_MASK, FVS_HAVE_SPEC,
    // code
    CO_OPTIMIZED, CO_NEWLOCALS, CO_VARARGS, CO_VARKEYWORDS, CO_NESTED, CO_GENERATOR, CO_COROUTINE,
    CO_ITERABLE_COROUTINE, CO_ASYNC_GENERATOR, CO_FUTURE_DIVISION, CO_FUTURE_ABSOLUTE_IMPORT,
    CO_FUTURE_WITH_STATEMENT, CO_FUTURE_PRINT_FUNCTION, CO_FUTURE_UNICODE_LITERALS,
    CO_FUTURE_BARRY_AS_BDFL, CO_FUTURE_GENERATOR_STOP, CO_FUTURE_ANNOTATIONS,
    CO_NO_MONITORING_EVENTS, CO_HAS_DOCSTRING, CO_METHOD, CO_MAXBLOCKS, PY_CODE_EVENT_CREATE,
    PY_CODE_EVENT_DESTROY, PY_CODE_LOCATION_INFO_SHORT0, PY_CODE_LOCATION_INFO_ONE_LINE0,
    PY_CODE_LOCATION_INFO_ONE_LINE1, PY_CODE_LOCATION_INFO_ONE_LINE2,
    PY_CODE_LOCATION_INFO_NO_COLUMNS, PY_CODE_LOCATION_INFO_LONG, PY_CODE_LOCATION_INFO_NONE,
    // compile
    Py_single_input, Py_file_input, Py_eval_input, Py_func_type_input, PyCF_MASK,
    PyCF_MASK_OBSOLETE, PyCF_SOURCE_IS_UTF8, PyCF_DONT_IMPLY_DEDENT, PyCF_ONLY_AST,
    PyCF_IGNORE_COOKIE, PyCF_TYPE_COMMENTS, PyCF_ALLOW_TOP_LEVEL_AWAIT,
    PyCF_ALLOW_INCOMPLETE_INPUT, PyCF_OPTIMIZED_AST, PyCF_COMPILE_MASK, PY_INVALID_STACK_EFFECT,
    // context
    Py_CONTEXT_SWITCHED,
    // datetime
    _PyDateTime_DATE_DATASIZE, _PyDateTime_TIME_DATASIZE, _PyDateTime_DATETIME_DATASIZE,
    // descrobject
    Py_T_SHORT, Py_T_INT, Py_T_LONG, Py_T_FLOAT, Py_T_DOUBLE, Py_T_STRING, _Py_T_OBJECT, Py_T_CHAR,
    Py_T_BYTE, Py_T_UBYTE, Py_T_USHORT, Py_T_UINT, Py_T_ULONG, Py_T_STRING_INPLACE, Py_T_BOOL,
    Py_T_OBJECT_EX, Py_T_LONGLONG, Py_T_ULONGLONG, Py_T_PYSSIZET, _Py_T_NONE, Py_READONLY,
    Py_AUDIT_READ, _Py_WRITE_RESTRICTED, Py_RELATIVE_OFFSET, PyWrapperFlag_KEYWORDS,
    // dictobject
    PyDict_EVENT_ADDED, PyDict_EVENT_MODIFIED, PyDict_EVENT_DELETED, PyDict_EVENT_CLONED,
    PyDict_EVENT_CLEARED, PyDict_EVENT_DEALLOCATED,
    // frameobject
    FRAME_OWNED_BY_THREAD, FRAME_OWNED_BY_GENERATOR, FRAME_OWNED_BY_FRAME_OBJECT,
    FRAME_OWNED_BY_INTERPRETER, FRAME_OWNED_BY_CSTACK,
    // funcobject
    PyFunction_EVENT_CREATE, PyFunction_EVENT_DESTROY, PyFunction_EVENT_MODIFY_CODE,
    PyFunction_EVENT_MODIFY_DEFAULTS, PyFunction_EVENT_MODIFY_KWDEFAULTS,
    // initconfig
    _PyStatus_TYPE_OK, _PyStatus_TYPE_ERROR, _PyStatus_TYPE_EXIT,
    // lock
    _Py_UNLOCKED, _Py_LOCKED,
    // longintrepr
    PyLong_SHIFT, PyLong_BASE, PyLong_MASK, _PyLong_DECIMAL_SHIFT, _PyLong_DECIMAL_BASE,
    _PyLong_SIGN_MASK, _PyLong_NON_SIZE_BITS, IMMORTALITY_BIT_MASK,
    // longobject
    Py_ASNATIVEBYTES_DEFAULTS, Py_ASNATIVEBYTES_BIG_ENDIAN, Py_ASNATIVEBYTES_LITTLE_ENDIAN,
    Py_ASNATIVEBYTES_NATIVE_ENDIAN, Py_ASNATIVEBYTES_UNSIGNED_BUFFER,
    Py_ASNATIVEBYTES_REJECT_NEGATIVE, Py_ASNATIVEBYTES_ALLOW_INDEX,
    // marshal
    Py_MARSHAL_VERSION,
    // memoryobject
    _Py_MANAGED_BUFFER_RELEASED, _Py_MANAGED_BUFFER_FREE_FORMAT, _Py_MEMORYVIEW_RELEASED,
    _Py_MEMORYVIEW_C, _Py_MEMORYVIEW_FORTRAN, _Py_MEMORYVIEW_SCALAR, _Py_MEMORYVIEW_PIL,
    _Py_MEMORYVIEW_RESTRICTED,
    // methodobject
    METH_VARARGS, METH_KEYWORDS, METH_NOARGS, METH_O, METH_CLASS, METH_STATIC, METH_COEXIST,
    METH_FASTCALL, METH_STACKLESS, METH_METHOD,
    // modsupport
    Py_CLEANUP_SUPPORTED, PYTHON_API_VERSION, PYTHON_ABI_VERSION,
    // moduleobject
    Py_mod_create, Py_mod_exec, Py_mod_multiple_interpreters, Py_mod_gil,
    // monitoring
    PY_MONITORING_EVENT_PY_START, PY_MONITORING_EVENT_PY_RESUME, PY_MONITORING_EVENT_PY_RETURN,
    PY_MONITORING_EVENT_PY_YIELD, PY_MONITORING_EVENT_CALL, PY_MONITORING_EVENT_LINE,
    PY_MONITORING_EVENT_INSTRUCTION, PY_MONITORING_EVENT_JUMP, PY_MONITORING_EVENT_BRANCH_LEFT,
    PY_MONITORING_EVENT_BRANCH_RIGHT, PY_MONITORING_EVENT_STOP_ITERATION,
    PY_MONITORING_EVENT_RAISE, PY_MONITORING_EVENT_EXCEPTION_HANDLED,
    PY_MONITORING_EVENT_PY_UNWIND, PY_MONITORING_EVENT_PY_THROW, PY_MONITORING_EVENT_RERAISE,
    PY_MONITORING_EVENT_C_RETURN, PY_MONITORING_EVENT_C_RAISE, PY_MONITORING_EVENT_BRANCH,
    // object
    _PyObject_MIN_ALIGNMENT, PYGEN_RETURN, PYGEN_ERROR, PYGEN_NEXT, PyRefTracer_CREATE,
    PyRefTracer_DESTROY, _Py_TPFLAGS_STATIC_BUILTIN, Py_TPFLAGS_INLINE_VALUES,
    Py_TPFLAGS_MANAGED_WEAKREF, Py_TPFLAGS_MANAGED_DICT, Py_TPFLAGS_PREHEADER, Py_TPFLAGS_SEQUENCE,
    Py_TPFLAGS_MAPPING, Py_TPFLAGS_DISALLOW_INSTANTIATION, Py_TPFLAGS_IMMUTABLETYPE,
    Py_TPFLAGS_HEAPTYPE, Py_TPFLAGS_BASETYPE, Py_TPFLAGS_HAVE_VECTORCALL,
    _Py_TPFLAGS_HAVE_VECTORCALL, Py_TPFLAGS_READY, Py_TPFLAGS_READYING, Py_TPFLAGS_HAVE_GC,
    Py_TPFLAGS_HAVE_STACKLESS_EXTENSION, Py_TPFLAGS_METHOD_DESCRIPTOR,
    Py_TPFLAGS_VALID_VERSION_TAG, Py_TPFLAGS_IS_ABSTRACT, _Py_TPFLAGS_MATCH_SELF,
    Py_TPFLAGS_ITEMS_AT_END, Py_TPFLAGS_LONG_SUBCLASS, Py_TPFLAGS_LIST_SUBCLASS,
    Py_TPFLAGS_TUPLE_SUBCLASS, Py_TPFLAGS_BYTES_SUBCLASS, Py_TPFLAGS_UNICODE_SUBCLASS,
    Py_TPFLAGS_DICT_SUBCLASS, Py_TPFLAGS_BASE_EXC_SUBCLASS, Py_TPFLAGS_TYPE_SUBCLASS,
    Py_TPFLAGS_DEFAULT, Py_TPFLAGS_HAVE_FINALIZE, Py_TPFLAGS_HAVE_VERSION_TAG,
    _Py_ATTR_CACHE_UNUSED, Py_CONSTANT_NONE, Py_CONSTANT_FALSE, Py_CONSTANT_TRUE,
    Py_CONSTANT_ELLIPSIS, Py_CONSTANT_NOT_IMPLEMENTED, Py_CONSTANT_ZERO, Py_CONSTANT_ONE,
    Py_CONSTANT_EMPTY_STR, Py_CONSTANT_EMPTY_BYTES, Py_CONSTANT_EMPTY_TUPLE, Py_LT, Py_LE, Py_EQ,
    Py_NE, Py_GT, Py_GE, Py_PRINT_RAW,
    // patchlevel
    PY_RELEASE_LEVEL_ALPHA, PY_RELEASE_LEVEL_BETA, PY_RELEASE_LEVEL_GAMMA, PY_RELEASE_LEVEL_FINAL,
    PY_MAJOR_VERSION, PY_MINOR_VERSION, PY_MICRO_VERSION, PY_RELEASE_LEVEL, PY_RELEASE_SERIAL,
    PY_VERSION_HEX,
    // pybuffer
    PyBUF_MAX_NDIM, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBUF_WRITEABLE, PyBUF_FORMAT, PyBUF_ND,
    PyBUF_STRIDES, PyBUF_C_CONTIGUOUS, PyBUF_F_CONTIGUOUS, PyBUF_ANY_CONTIGUOUS, PyBUF_INDIRECT,
    PyBUF_CONTIG, PyBUF_CONTIG_RO, PyBUF_STRIDED, PyBUF_STRIDED_RO, PyBUF_RECORDS,
    PyBUF_RECORDS_RO, PyBUF_FULL, PyBUF_FULL_RO, PyBUF_READ, PyBUF_WRITE,
    // pyctype
    PY_CTF_LOWER, PY_CTF_UPPER, PY_CTF_ALPHA, PY_CTF_DIGIT, PY_CTF_ALNUM, PY_CTF_SPACE,
    PY_CTF_XDIGIT,
    // pyframe
    PyUnstable_EXECUTABLE_KIND_SKIP, PyUnstable_EXECUTABLE_KIND_PY_FUNCTION,
    PyUnstable_EXECUTABLE_KIND_BUILTIN_FUNCTION, PyUnstable_EXECUTABLE_KIND_METHOD_DESCRIPTOR,
    PyUnstable_EXECUTABLE_KINDS,
    // pyhash
    PyHASH_MULTIPLIER, PyHASH_BITS, PyHASH_MODULUS, PyHASH_INF, PyHASH_IMAG, _PyHASH_MULTIPLIER,
    _PyHASH_BITS, _PyHASH_MODULUS, _PyHASH_INF, _PyHASH_IMAG, Py_HASH_CUTOFF, Py_HASH_EXTERNAL,
    Py_HASH_SIPHASH24, Py_HASH_FNV, Py_HASH_SIPHASH13, Py_HASH_ALGORITHM,
    // pylifecycle
    PyInterpreterConfig_DEFAULT_GIL, PyInterpreterConfig_SHARED_GIL, PyInterpreterConfig_OWN_GIL,
    // pymem
    PYMEM_DOMAIN_RAW, PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ, PYMEM_ALLOCATOR_NOT_SET,
    PYMEM_ALLOCATOR_DEFAULT, PYMEM_ALLOCATOR_DEBUG, PYMEM_ALLOCATOR_MALLOC,
    PYMEM_ALLOCATOR_MALLOC_DEBUG, PYMEM_ALLOCATOR_PYMALLOC, PYMEM_ALLOCATOR_PYMALLOC_DEBUG,
    PYMEM_ALLOCATOR_MIMALLOC, PYMEM_ALLOCATOR_MIMALLOC_DEBUG,
    // pyport
    PY_SSIZE_T_MAX, PY_SSIZE_T_MIN,
    // pystate
    PyGILState_LOCKED, PyGILState_UNLOCKED, PyTrace_CALL, PyTrace_EXCEPTION, PyTrace_LINE,
    PyTrace_RETURN, PyTrace_C_CALL, PyTrace_C_EXCEPTION, PyTrace_C_RETURN, PyTrace_OPCODE,
    _Py_MAX_SCRIPT_PATH_SIZE, _PyThreadState_WHENCE_NOTSET, _PyThreadState_WHENCE_UNKNOWN,
    _PyThreadState_WHENCE_INIT, _PyThreadState_WHENCE_FINI, _PyThreadState_WHENCE_THREADING,
    _PyThreadState_WHENCE_GILSTATE, _PyThreadState_WHENCE_EXEC,
    // pystrtod
    Py_DTSF_SIGN, Py_DTSF_ADD_DOT_0, Py_DTSF_ALT, Py_DTSF_NO_NEG_0, Py_DTST_FINITE,
    Py_DTST_INFINITE, Py_DTST_NAN,
    // pythread
    PY_LOCK_FAILURE, PY_LOCK_ACQUIRED, PY_LOCK_INTR, WAIT_LOCK, NOWAIT_LOCK,
    PYTHREAD_INVALID_THREAD_ID,
    // pytime
    PyTime_MIN, PyTime_MAX,
    // refcount
    _Py_IMMORTAL_FLAGS, _Py_STATICALLY_ALLOCATED_FLAG, _Py_IMMORTAL_INITIAL_REFCNT,
    _Py_IMMORTAL_MINIMUM_REFCNT, _Py_STATIC_FLAG_BITS, _Py_STATIC_IMMORTAL_INITIAL_REFCNT,
    // setobject
    PySet_MINSIZE,
    // structmember
    T_SHORT, T_INT, T_LONG, T_FLOAT, T_DOUBLE, T_STRING, T_OBJECT, T_CHAR, T_BYTE, T_UBYTE,
    T_USHORT, T_UINT, T_ULONG, T_STRING_INPLACE, T_BOOL, T_OBJECT_EX, T_LONGLONG, T_ULONGLONG,
    T_PYSSIZET, T_NONE, READONLY, PY_AUDIT_READ, READ_RESTRICTED, PY_WRITE_RESTRICTED, RESTRICTED,
    // typeslots
    Py_bf_getbuffer, Py_bf_releasebuffer, Py_mp_ass_subscript, Py_mp_length, Py_mp_subscript,
    Py_nb_absolute, Py_nb_add, Py_nb_and, Py_nb_bool, Py_nb_divmod, Py_nb_float,
    Py_nb_floor_divide, Py_nb_index, Py_nb_inplace_add, Py_nb_inplace_and,
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
    Py_tp_token,
    // unicodeobject
    PyUnicode_1BYTE_KIND, PyUnicode_2BYTE_KIND, PyUnicode_4BYTE_KIND, SSTATE_NOT_INTERNED,
    SSTATE_INTERNED_MORTAL, SSTATE_INTERNED_IMMORTAL, SSTATE_INTERNED_IMMORTAL_STATIC,
    Py_UNICODE_SIZE, Py_UNICODE_REPLACEMENT_CHARACTER;
    pointers:
    Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED, Py_MOD_MULTIPLE_INTERPRETERS_SUPPORTED,
    Py_MOD_PER_INTERPRETER_GIL_SUPPORTED, Py_MOD_GIL_USED, Py_MOD_GIL_NOT_USED;
}
