//! What Python has as methods and operators of `str`: the VM does it.

use std::ffi::{c_char, c_int};

use rustpython_vm::builtins::{PyInt, PyStr, PyStrRef, PyTuple};
use rustpython_vm::common::wtf8::{CodePoint, Wtf8Buf};
use rustpython_vm::{AsObject, PyObject as VmObject, PyObjectRef, PyRef, PyResult, VirtualMachine};

use super::chars::Chars;
use super::{ensure, pystr};
use crate::api::check::{call_builtin, is_str};
use crate::api::{bad_internal_call, border, codecs, object, optional, python};
use crate::layout::{
    Py_EQ, Py_GE, Py_GT, Py_LE, Py_LT, Py_NE, Py_TPFLAGS_TUPLE_SUBCLASS, Py_ssize_t, PyObject,
    PyType_HasFeature,
};
use crate::types::statics;

unsafe fn text(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<PyStrRef> {
    // SAFETY: `p` is NULL or live, by the callers' contract.
    unsafe { pystr(vm, ensure(vm, p)?) }
}

/// A separator argument: `None` for NULL.
unsafe fn separator(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<PyObjectRef> {
    if p.is_null() {
        return Ok(vm.ctx.none());
    }
    // SAFETY: `p` is live, by the callers' contract.
    unsafe { text(vm, p) }.map(Into::into)
}

/// Whether the separator is longer than the `str`, or of a wider kind: then the only part is the object itself, also one
/// of a subclass.
unsafe fn cannot_contain(s: *mut PyObject, sep: *mut PyObject) -> bool {
    if sep.is_null() {
        return false;
    }
    // SAFETY: both are live `str`s, by the callers' contract.
    unsafe {
        let (s, sep) = (Chars::of(s), Chars::of(sep));
        sep.len() > s.len() || sep.width() > s.width()
    }
}

/// `str.split`, at white space for NULL: a new list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Split(
    s: *mut PyObject,
    sep: *mut PyObject,
    maxsplit: Py_ssize_t,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the arguments are NULL or live.
        unsafe {
            let args = (text(vm, s)?, separator(vm, sep)?, maxsplit.max(-1));
            if cannot_contain(s, sep) {
                return Ok(vm.ctx.new_list(vec![args.0.into()]).into());
            }
            call_builtin(vm, vm.ctx.types.str_type, "split", args)
        }
    })
}

/// `str.rsplit`, at white space for NULL: a new list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_RSplit(
    s: *mut PyObject,
    sep: *mut PyObject,
    maxsplit: Py_ssize_t,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the arguments are NULL or live.
        unsafe {
            let args = (text(vm, s)?, separator(vm, sep)?, maxsplit.max(-1));
            if cannot_contain(s, sep) {
                return Ok(vm.ctx.new_list(vec![args.0.into()]).into());
            }
            call_builtin(vm, vm.ctx.types.str_type, "rsplit", args)
        }
    })
}

/// `str.splitlines`: a new list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Splitlines(s: *mut PyObject, keepends: c_int) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the argument is NULL or live.
        let args = unsafe { (text(vm, s)?, keepends != 0) };
        call_builtin(vm, vm.ctx.types.str_type, "splitlines", args)
    })
}

/// The parts; where there is no separator, `s` itself, also one of a subclass, at `whole`.
fn parted(
    vm: &VirtualMachine,
    method: &'static str,
    (s, sep): (PyStrRef, PyStrRef),
    whole: usize,
) -> PyResult {
    let parts = call_builtin(vm, vm.ctx.types.str_type, method, (s.clone(), sep))?;
    let mut elements = match parts.downcast_ref::<PyTuple>() {
        Some(tuple) => tuple.as_slice().to_vec(),
        None => return Ok(parts),
    };
    let found = elements[1]
        .downcast_ref::<PyStr>()
        .is_some_and(|sep| !sep.is_empty());
    if found {
        return Ok(parts);
    }
    elements[whole] = s.into();
    Ok(vm.ctx.new_tuple(elements).into())
}

/// `str.partition`: a new tuple.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Partition(
    s: *mut PyObject,
    sep: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the arguments are NULL or live.
        let args = unsafe { (text(vm, s)?, text(vm, sep)?) };
        parted(vm, "partition", args, 0)
    })
}

/// `str.rpartition`: a new tuple.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_RPartition(
    s: *mut PyObject,
    sep: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the arguments are NULL or live.
        let args = unsafe { (text(vm, s)?, text(vm, sep)?) };
        parted(vm, "rpartition", args, 2)
    })
}

/// `str.replace`, everywhere when `maxcount` is negative: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Replace(
    str: *mut PyObject,
    substr: *mut PyObject,
    replstr: *mut PyObject,
    maxcount: Py_ssize_t,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the arguments are NULL or live.
        let args = unsafe {
            (
                text(vm, str)?,
                text(vm, substr)?,
                text(vm, replstr)?,
                maxcount,
            )
        };
        call_builtin(vm, vm.ctx.types.str_type, "replace", args)
    })
}

/// `format % args`: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Format(
    format: *mut PyObject,
    args: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        if format.is_null() || args.is_null() {
            return Err(bad_internal_call(vm));
        }
        // SAFETY: the arguments are live.
        let (text, mut values, is_mapping, is_tuple) = unsafe {
            let ty = (*args).ob_type;
            let mapping = (*ty).tp_as_mapping;
            let subscript = !mapping.is_null() && (*mapping).mp_subscript.is_some();
            let is_tuple = PyType_HasFeature(ty, Py_TPFLAGS_TUPLE_SUBCLASS);
            let is_mapping = subscript && !is_tuple && !is_str(args);
            (text(vm, format)?, object(vm, args)?, is_mapping, is_tuple)
        };
        if is_mapping && !text.as_bytes().contains(&b'%') {
            // Nothing to replace, and a mapping need not be used up.
            return Ok(text.into());
        }
        if !is_mapping && !is_tuple {
            // What the VM, too, may take for a mapping.
            values = vm.ctx.new_tuple(vec![values]).into();
        }
        python(|| call_builtin(vm, vm.ctx.types.str_type, "__mod__", (text, values)))
    })
}

/// 1 or 0: whether the string is an identifier.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_IsIdentifier(s: *mut PyObject) -> c_int {
    // SAFETY: the argument is NULL or live.
    border(|vm| Ok(unsafe { text(vm, s)? }.isidentifier()))
}

/// The comparison of two strings as a Python operator gives it: new;
/// `NotImplemented` for what is no `str`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_RichCompare(
    left: *mut PyObject,
    right: *mut PyObject,
    op: c_int,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the arguments are NULL or live.
        unsafe {
            if !is_str(left) || !is_str(right) {
                return Ok(statics::not_implemented());
            }
            let order = Chars::of(left).compare(Chars::of(right));
            let result = match op {
                Py_LT => order.is_lt(),
                Py_LE => order.is_le(),
                Py_EQ => order.is_eq(),
                Py_NE => order.is_ne(),
                Py_GT => order.is_gt(),
                Py_GE => order.is_ge(),
                _ => return Err(crate::api::check::bad_argument(vm)),
            };
            Ok(statics::bool(result))
        }
    })
}

/// The string with each character replaced by what the table has for it: new.
/// Characters that it maps to `None` go to the error handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnicode_Translate(
    str: *mut PyObject,
    table: *mut PyObject,
    errors: *const c_char,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: the objects are NULL or live, `errors` is NULL or a C string.
        let (text, table, errors) = unsafe {
            (
                text(vm, str)?,
                optional(vm, table).ok_or_else(|| crate::api::check::bad_argument(vm))?,
                codecs::errors(vm, errors)?,
            )
        };
        let errors = errors.as_ref().map_or("strict", |e| e.as_str());
        python(|| translate(vm, &text, &table, errors)).map(|s| vm.ctx.new_str(s))
    })
}

fn translate(
    vm: &VirtualMachine,
    text: &PyStrRef,
    table: &VmObject,
    errors: &str,
) -> PyResult<Wtf8Buf> {
    let points: Vec<CodePoint> = text.as_wtf8().code_points().collect();
    let mut result = Wtf8Buf::with_capacity(text.byte_len());
    let mut i = 0;
    while let Some(&c) = points.get(i) {
        if lookup(vm, table, c, &mut result)? {
            i += 1;
            continue;
        }
        let start = i;
        i += 1;
        let mut unused = Wtf8Buf::new();
        while let Some(&c) = points.get(i)
            && !lookup(vm, table, c, &mut unused)?
        {
            i += 1;
        }
        i = untranslatable(vm, text, start, i, errors, &mut result)?;
    }
    Ok(result)
}

/// Appends what the table has for a character; `false` when that is `None`.
fn lookup(
    vm: &VirtualMachine,
    table: &VmObject,
    c: CodePoint,
    result: &mut Wtf8Buf,
) -> PyResult<bool> {
    let key = vm.ctx.new_int(c.to_u32());
    let found = match table.get_item(key.as_object(), vm) {
        Ok(found) => found,
        Err(e) if e.fast_isinstance(vm.ctx.exceptions.lookup_error) => {
            result.push(c);
            return Ok(true);
        }
        Err(e) => return Err(e),
    };
    if vm.is_none(&found) {
        return Ok(false);
    }
    if let Some(n) = found.downcast_ref::<PyInt>() {
        let c = u32::try_from(n.as_bigint())
            .ok()
            .and_then(CodePoint::from_u32);
        let c =
            c.ok_or_else(|| vm.new_value_error("character mapping must be in range(0x110000)"))?;
        result.push(c);
    } else if let Some(s) = found.downcast_ref::<PyStr>() {
        result.push_wtf8(s.as_wtf8());
    } else {
        return Err(vm.new_type_error("character mapping must return integer, None or str"));
    }
    Ok(true)
}

/// Asks the error handler about `start..end`; where to go on.
fn untranslatable(
    vm: &VirtualMachine,
    text: &PyStrRef,
    start: usize,
    end: usize,
    errors: &str,
    result: &mut Wtf8Buf,
) -> PyResult<usize> {
    if errors == "ignore" {
        return Ok(end);
    }
    let class = vm.ctx.exceptions.unicode_translate_error;
    let args = vec![
        text.clone().into(),
        vm.ctx.new_int(start).into(),
        vm.ctx.new_int(end).into(),
        vm.ctx.new_str("character maps to <undefined>").into(),
    ];
    let error = vm.invoke_exception(class, args)?;
    let handler = vm.state.codec_registry.lookup_error(errors, vm)?;
    let answer = handler.call((error,), vm)?;
    let wrong = || vm.new_type_error("translating error handler must return (str, int) tuple");
    let answer: PyRef<PyTuple> = answer.downcast().map_err(|_| wrong())?;
    let [replacement, position] = answer.as_slice() else {
        return Err(wrong());
    };
    let replacement = replacement.downcast_ref::<PyStr>().ok_or_else(wrong)?;
    let position: isize = position.try_to_value(vm)?;
    let len = text.char_len() as isize;
    let next = if position < 0 {
        position + len
    } else {
        position
    };
    if !(0..=len).contains(&next) {
        return Err(vm.new_index_error(format!(
            "position {position} from error handler out of bounds"
        )));
    }
    result.push_wtf8(replacement.as_wtf8());
    Ok(next as usize)
}
