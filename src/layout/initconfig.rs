//! `cpython/initconfig.h`: configuration of an embedded interpreter.

use super::Py_ssize_t;
use core::ffi::{c_char, c_int, c_uint, c_ulong};
use libc::wchar_t;

/// Outcome of an initialization function, passed by value.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PyStatus {
    pub _type: c_uint,
    pub func: *const c_char,
    pub err_msg: *const c_char,
    pub exitcode: c_int,
}
assert_layout!(PyStatus, 32, { _type: 0, func: 8, err_msg: 16, exitcode: 24 });

// `PyStatus._type`.
pub const _PyStatus_TYPE_OK: c_uint = 0;
pub const _PyStatus_TYPE_ERROR: c_uint = 1;
pub const _PyStatus_TYPE_EXIT: c_uint = 2;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PyWideStringList {
    pub length: Py_ssize_t,
    pub items: *mut *mut wchar_t,
}
assert_layout!(PyWideStringList, 16, { length: 0, items: 8 });

#[repr(C)]
pub struct PyPreConfig {
    pub _config_init: c_int,
    pub parse_argv: c_int,
    pub isolated: c_int,
    pub use_environment: c_int,
    pub configure_locale: c_int,
    pub coerce_c_locale: c_int,
    pub coerce_c_locale_warn: c_int,
    pub utf8_mode: c_int,
    pub dev_mode: c_int,
    pub allocator: c_int,
}
assert_layout!(PyPreConfig, 40, {
    _config_init: 0, parse_argv: 4, isolated: 8, use_environment: 12, configure_locale: 16,
    coerce_c_locale: 20, coerce_c_locale_warn: 24, utf8_mode: 28, dev_mode: 32, allocator: 36,
});

#[repr(C)]
pub struct PyConfig {
    pub _config_init: c_int,
    pub isolated: c_int,
    pub use_environment: c_int,
    pub dev_mode: c_int,
    pub install_signal_handlers: c_int,
    pub use_hash_seed: c_int,
    pub hash_seed: c_ulong,
    pub faulthandler: c_int,
    pub tracemalloc: c_int,
    pub perf_profiling: c_int,
    pub remote_debug: c_int,
    pub import_time: c_int,
    pub code_debug_ranges: c_int,
    pub show_ref_count: c_int,
    pub dump_refs: c_int,
    pub dump_refs_file: *mut wchar_t,
    pub malloc_stats: c_int,
    pub filesystem_encoding: *mut wchar_t,
    pub filesystem_errors: *mut wchar_t,
    pub pycache_prefix: *mut wchar_t,
    pub parse_argv: c_int,
    pub orig_argv: PyWideStringList,
    pub argv: PyWideStringList,
    pub xoptions: PyWideStringList,
    pub warnoptions: PyWideStringList,
    pub site_import: c_int,
    pub bytes_warning: c_int,
    pub warn_default_encoding: c_int,
    pub inspect: c_int,
    pub interactive: c_int,
    pub optimization_level: c_int,
    pub parser_debug: c_int,
    pub write_bytecode: c_int,
    pub verbose: c_int,
    pub quiet: c_int,
    pub user_site_directory: c_int,
    pub configure_c_stdio: c_int,
    pub buffered_stdio: c_int,
    pub stdio_encoding: *mut wchar_t,
    pub stdio_errors: *mut wchar_t,
    pub check_hash_pycs_mode: *mut wchar_t,
    pub use_frozen_modules: c_int,
    pub safe_path: c_int,
    pub int_max_str_digits: c_int,
    pub thread_inherit_context: c_int,
    pub context_aware_warnings: c_int,
    pub cpu_count: c_int,
    pub pathconfig_warnings: c_int,
    pub program_name: *mut wchar_t,
    pub pythonpath_env: *mut wchar_t,
    pub home: *mut wchar_t,
    pub platlibdir: *mut wchar_t,
    pub module_search_paths_set: c_int,
    pub module_search_paths: PyWideStringList,
    pub stdlib_dir: *mut wchar_t,
    pub executable: *mut wchar_t,
    pub base_executable: *mut wchar_t,
    pub prefix: *mut wchar_t,
    pub base_prefix: *mut wchar_t,
    pub exec_prefix: *mut wchar_t,
    pub base_exec_prefix: *mut wchar_t,
    pub skip_source_first_line: c_int,
    pub run_command: *mut wchar_t,
    pub run_module: *mut wchar_t,
    pub run_filename: *mut wchar_t,
    pub sys_path_0: *mut wchar_t,
    pub _install_importlib: c_int,
    pub _init_main: c_int,
    pub _is_python_build: c_int,
}
assert_layout!(PyConfig, 456, {
    _config_init: 0, isolated: 4, use_environment: 8, dev_mode: 12, install_signal_handlers: 16,
    use_hash_seed: 20, hash_seed: 24, faulthandler: 32, tracemalloc: 36, perf_profiling: 40,
    remote_debug: 44, import_time: 48, code_debug_ranges: 52, show_ref_count: 56, dump_refs: 60,
    dump_refs_file: 64, malloc_stats: 72, filesystem_encoding: 80, filesystem_errors: 88,
    pycache_prefix: 96, parse_argv: 104, orig_argv: 112, argv: 128, xoptions: 144, warnoptions: 160,
    site_import: 176, bytes_warning: 180, warn_default_encoding: 184, inspect: 188,
    interactive: 192, optimization_level: 196, parser_debug: 200, write_bytecode: 204, verbose: 208,
    quiet: 212, user_site_directory: 216, configure_c_stdio: 220, buffered_stdio: 224,
    stdio_encoding: 232, stdio_errors: 240, check_hash_pycs_mode: 248, use_frozen_modules: 256,
    safe_path: 260, int_max_str_digits: 264, thread_inherit_context: 268,
    context_aware_warnings: 272, cpu_count: 276, pathconfig_warnings: 280, program_name: 288,
    pythonpath_env: 296, home: 304, platlibdir: 312, module_search_paths_set: 320,
    module_search_paths: 328, stdlib_dir: 344, executable: 352, base_executable: 360, prefix: 368,
    base_prefix: 376, exec_prefix: 384, base_exec_prefix: 392, skip_source_first_line: 400,
    run_command: 408, run_module: 416, run_filename: 424, sys_path_0: 432, _install_importlib: 440,
    _init_main: 444, _is_python_build: 448,
});

opaque!(
    /// The abstract configuration of 3.14; only its functions know its inside.
    PyInitConfig
);
