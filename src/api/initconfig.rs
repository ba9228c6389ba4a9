//! `cpython/initconfig.h`: the running interpreter's options. Configuring one before it runs is the embedding program's.

use std::ffi::{c_char, c_int};

use rustpython_vm::builtins::{PyDict, PyInt, PyList, PyStr};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, TryFromObject, VirtualMachine};

use super::{border, object, python, text};
use crate::layout::PyObject;

/// What kind of value an option has.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Bool,
    Int,
    Str,
    /// `str` or `None`
    OptionalStr,
    /// `list` of `str`
    Strings,
    /// `dict` from `str` to `str` or `bool`
    Options,
}

/// Where the value of an option is.
#[derive(Clone, Copy)]
enum Source {
    /// The attribute of `sys`, which can be set.
    Sys(&'static str),
    /// The attribute of `sys.flags`.
    Flag(&'static str),
    /// The opposite of the attribute of `sys.flags`.
    NotFlag(&'static str),
    /// Something that cannot change.
    Fixed(fn(&VirtualMachine) -> PyResult),
}

use Kind::*;
use Source::*;

fn no(vm: &VirtualMachine) -> PyResult {
    Ok(vm.ctx.false_value.clone().into())
}
fn yes(vm: &VirtualMachine) -> PyResult {
    Ok(vm.ctx.true_value.clone().into())
}
fn zero(vm: &VirtualMachine) -> PyResult {
    Ok(vm.ctx.new_int(0).into())
}
fn none(vm: &VirtualMachine) -> PyResult {
    Ok(vm.ctx.none())
}

fn sys(vm: &VirtualMachine, name: &'static str) -> PyResult {
    vm.sys_module.get_attr(name, vm)
}

/// The attribute of the standard output as the interpreter made it.
fn stdio(vm: &VirtualMachine, name: &'static str) -> PyResult {
    match sys(vm, "__stdout__")? {
        stream if vm.is_none(&stream) => Ok(vm.ctx.new_str("utf-8").into()),
        stream => stream.get_attr(name, vm),
    }
}

/// Sorted by name.
const OPTIONS: &[(&str, Kind, Source)] = &[
    ("allocator", Int, Fixed(zero)),
    ("argv", Strings, Sys("argv")),
    ("base_exec_prefix", OptionalStr, Sys("base_exec_prefix")),
    ("base_executable", OptionalStr, Sys("_base_executable")),
    ("base_prefix", OptionalStr, Sys("base_prefix")),
    (
        "buffered_stdio",
        Bool,
        Fixed(|vm| {
            Ok(vm
                .ctx
                .new_bool(vm.state.config.settings.buffered_stdio)
                .into())
        }),
    ),
    ("bytes_warning", Int, Flag("bytes_warning")),
    (
        "check_hash_pycs_mode",
        Str,
        Fixed(|vm| vm.import("_imp", 0)?.get_attr("check_hash_based_pycs", vm)),
    ),
    ("code_debug_ranges", Bool, Fixed(yes)),
    ("coerce_c_locale", Bool, Fixed(no)),
    ("coerce_c_locale_warn", Bool, Fixed(no)),
    ("configure_c_stdio", Bool, Fixed(yes)),
    ("configure_locale", Bool, Fixed(yes)),
    (
        "context_aware_warnings",
        Int,
        Flag("context_aware_warnings"),
    ),
    ("cpu_count", Int, Fixed(|vm| Ok(vm.ctx.new_int(-1).into()))),
    ("dev_mode", Bool, Flag("dev_mode")),
    ("dump_refs", Bool, Fixed(no)),
    ("dump_refs_file", OptionalStr, Fixed(none)),
    ("exec_prefix", OptionalStr, Sys("exec_prefix")),
    ("executable", OptionalStr, Sys("executable")),
    ("faulthandler", Bool, Fixed(no)),
    (
        "filesystem_encoding",
        Str,
        Fixed(|vm| python(|| sys(vm, "getfilesystemencoding")?.call((), vm))),
    ),
    (
        "filesystem_errors",
        Str,
        Fixed(|vm| python(|| sys(vm, "getfilesystemencodeerrors")?.call((), vm))),
    ),
    (
        "hash_seed",
        Int,
        Fixed(|vm| {
            Ok(vm
                .ctx
                .new_int(vm.state.config.settings.hash_seed.unwrap_or(0))
                .into())
        }),
    ),
    ("home", OptionalStr, Fixed(none)),
    ("import_time", Int, Fixed(zero)),
    ("inspect", Bool, Flag("inspect")),
    ("install_signal_handlers", Bool, Fixed(yes)),
    (
        "int_max_str_digits",
        Int,
        Fixed(|vm| python(|| sys(vm, "get_int_max_str_digits")?.call((), vm))),
    ),
    ("interactive", Bool, Flag("interactive")),
    ("isolated", Bool, Flag("isolated")),
    ("malloc_stats", Bool, Fixed(no)),
    ("module_search_paths", Strings, Sys("path")),
    ("optimization_level", Int, Flag("optimize")),
    ("orig_argv", Strings, Sys("orig_argv")),
    ("parse_argv", Bool, Fixed(yes)),
    ("parser_debug", Bool, Flag("debug")),
    ("pathconfig_warnings", Bool, Fixed(yes)),
    ("perf_profiling", Int, Fixed(zero)),
    ("platlibdir", Str, Sys("platlibdir")),
    ("prefix", OptionalStr, Sys("prefix")),
    ("program_name", Str, Fixed(|vm| sys(vm, "executable"))),
    ("pycache_prefix", OptionalStr, Sys("pycache_prefix")),
    ("quiet", Bool, Flag("quiet")),
    ("remote_debug", Int, Fixed(zero)),
    ("run_command", OptionalStr, Fixed(none)),
    ("run_filename", OptionalStr, Fixed(none)),
    ("run_module", OptionalStr, Fixed(none)),
    ("safe_path", Bool, Flag("safe_path")),
    ("show_ref_count", Bool, Fixed(no)),
    ("site_import", Bool, NotFlag("no_site")),
    ("skip_source_first_line", Bool, Fixed(no)),
    ("stdio_encoding", Str, Fixed(|vm| stdio(vm, "encoding"))),
    ("stdio_errors", Str, Fixed(|vm| stdio(vm, "errors"))),
    ("stdlib_dir", OptionalStr, Sys("_stdlib_dir")),
    (
        "thread_inherit_context",
        Int,
        Flag("thread_inherit_context"),
    ),
    ("tracemalloc", Int, Fixed(zero)),
    ("use_environment", Bool, NotFlag("ignore_environment")),
    ("use_frozen_modules", Bool, Fixed(yes)),
    (
        "use_hash_seed",
        Bool,
        Fixed(|vm| {
            Ok(vm
                .ctx
                .new_bool(vm.state.config.settings.hash_seed.is_some())
                .into())
        }),
    ),
    ("user_site_directory", Bool, NotFlag("no_user_site")),
    ("utf8_mode", Bool, Flag("utf8_mode")),
    ("verbose", Int, Flag("verbose")),
    ("warn_default_encoding", Bool, Flag("warn_default_encoding")),
    ("warnoptions", Strings, Sys("warnoptions")),
    ("write_bytecode", Bool, NotFlag("dont_write_bytecode")),
    ("xoptions", Options, Sys("_xoptions")),
];

/// The option called `name`.
///
/// # Safety
/// `name` is NULL or a string.
unsafe fn find(
    vm: &VirtualMachine,
    name: *const c_char,
) -> PyResult<&'static (&'static str, Kind, Source)> {
    // SAFETY: by this function's contract.
    let name = unsafe { text(vm, name)? };
    OPTIONS
        .binary_search_by_key(&name, |option| option.0)
        .map(|i| &OPTIONS[i])
        .map_err(|_| vm.new_value_error(format!("unknown config option name: {name}")))
}

fn truth(vm: &VirtualMachine, v: &PyObjectRef) -> PyResult<bool> {
    python(|| v.clone().try_to_bool(vm))
}

fn get(vm: &VirtualMachine, &(name, kind, source): &(&str, Kind, Source)) -> PyResult {
    if name == "write_bytecode" {
        let not = truth(vm, &sys(vm, "dont_write_bytecode")?)?;
        return Ok(vm.ctx.new_bool(!not).into());
    }
    let value = match source {
        Sys(attribute) => match vm.sys_module.dict().get_item_opt(attribute, vm)? {
            Some(value) => value,
            None if kind == OptionalStr => vm.ctx.none(),
            None => return Err(vm.new_runtime_error(format!("lost sys.{attribute}"))),
        },
        Fixed(value) => value(vm)?,
        Flag(attribute) => sys(vm, "flags")?.get_attr(attribute, vm)?,
        NotFlag(attribute) => {
            let set = truth(vm, &sys(vm, "flags")?.get_attr(attribute, vm)?)?;
            return Ok(vm.ctx.new_bool(!set).into());
        }
    };
    match kind {
        Bool => Ok(vm.ctx.new_bool(truth(vm, &value)?).into()),
        Int if value.class().is(vm.ctx.types.bool_type) => {
            Ok(vm.ctx.new_int(i32::from(truth(vm, &value)?)).into())
        }
        _ => Ok(value),
    }
}

/// The value of an option: new. `ValueError` if there is no such option.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyConfig_Get(name: *const c_char) -> *mut PyObject {
    // SAFETY: the caller passes a string.
    border(|vm| get(vm, unsafe { find(vm, name)? }))
}

/// Stores the value of an option that is a number. 0, or -1 with `ValueError` if there is no such option, `TypeError` if its
/// value is no number, `OverflowError` if it does not fit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyConfig_GetInt(name: *const c_char, value: *mut c_int) -> c_int {
    border(|vm| {
        // SAFETY: the caller passes a string.
        let option = unsafe { find(vm, name)? };
        let found = get(vm, option)?;
        if found.downcast_ref::<PyInt>().is_none() {
            return Err(vm.new_type_error(format!("config option {} is not an int", option.0)));
        }
        let number = c_int::try_from_object(vm, found).map_err(|_| {
            vm.new_overflow_error(format!(
                "config option {} value does not fit into a C int",
                option.0
            ))
        })?;
        // SAFETY: the caller passes a variable.
        unsafe { value.write(number) };
        Ok(())
    })
}

/// The names of all options, a `frozenset`: new.
#[unsafe(no_mangle)]
pub extern "C" fn PyConfig_Names() -> *mut PyObject {
    border(|vm| {
        let names = OPTIONS.iter().map(|option| vm.ctx.new_str(option.0).into());
        let names: PyObjectRef = vm.ctx.new_list(names.collect()).into();
        let class: PyObjectRef = vm.ctx.types.frozenset_type.to_owned().into();
        python(|| class.call((names,), vm))
    })
}

fn is_str(v: &PyObjectRef) -> bool {
    v.downcast_ref::<PyStr>().is_some()
}

/// Sets an option that `sys` has under another name, or `int_max_str_digits`. 0, or -1 with `TypeError` for a value of another
/// type, `ValueError` for an option that does not exist or cannot be set: the VM reads its flags once, when it starts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyConfig_Set(name: *const c_char, value: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: the caller passes a string and a live object.
        let (&(name, kind, source), value) = unsafe { (find(vm, name)?, object(vm, value)?) };
        let unfit = |expected: &str| {
            Err(vm.new_type_error(format!("expected {expected}, got {}", value.class().name())))
        };
        match kind {
            Bool | Int if value.downcast_ref::<PyInt>().is_none() => return unfit("int or bool"),
            Str if !is_str(&value) => return unfit("str"),
            OptionalStr if !is_str(&value) && !vm.is_none(&value) => return unfit("str or None"),
            Strings => match value.downcast_ref::<PyList>() {
                Some(list) if list.borrow_vec().iter().all(is_str) => {}
                Some(_) => return Err(vm.new_type_error("expected list of str")),
                None => return unfit("list[str]"),
            },
            Options => match value.downcast_ref::<PyDict>() {
                Some(dict) => {
                    let fits = dict.into_iter().all(|(key, value)| {
                        is_str(&key) && (is_str(&value) || value.class().is(vm.ctx.types.bool_type))
                    });
                    if !fits {
                        return Err(vm.new_type_error("expected dict[str, str | bool]"));
                    }
                }
                None => return unfit("dict"),
            },
            _ => {}
        }
        match source {
            Sys(attribute) => vm.sys_module.dict().set_item(attribute, value, vm),
            _ if name == "int_max_str_digits" => {
                python(|| sys(vm, "set_int_max_str_digits")?.call((value,), vm))?;
                Ok(())
            }
            _ => Err(vm.new_value_error(format!("cannot set read-only option {name}"))),
        }
    })
}

// skipped: PyConfig_*, PyInitConfig_* that configure an interpreter before it runs: the embedding program's builder does

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_sorted() {
        assert!(OPTIONS.is_sorted_by_key(|option| option.0));
    }
}
