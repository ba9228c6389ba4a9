//! VM slots whose functions run C code: those of classes that C defined.
//!
//! Each is a plain function that finds the C function through the type of the
//! receiver's C object. In a Python class that overrides the special method,
//! the C slot leads back to the VM; then the nearest base's function is meant.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::mem::transmute;
use std::ptr;

use rustpython_vm::builtins::{PyBaseExceptionRef, PyStr, PyType, PyTypeRef};
use rustpython_vm::function::{Either, FuncArgs, PyComparisonValue, PySetterValue};
use rustpython_vm::protocol::{
    BufferFlags, PyBuffer, PyIterReturn, PyMapping, PyNumber, PyNumberBinaryFunc,
    PyNumberTernaryFunc, PySequence,
};
use rustpython_vm::types::PyComparisonOp;
use rustpython_vm::{
    AsObject, Py, PyObject as VmObject, PyObjectRef, PyRef, PyResult, VirtualMachine,
};

use super::call::{
    Arg, ArgNames, ArgTuple, Arguments, CallArgs, KeywordDict, around_c, call_c, optional_arg,
    pointer,
};
use super::slotdefs::{Function, SLOTDEFS, Shape, Slot, SlotDef, slot};
use super::wrapper::{self, WrapperDescr};
use super::{bound, builtin_base, c_type_of, is_c_class, slots_vm};
use crate::api::object as c_object;
use crate::api::pybuffer;
use crate::layout::*;
use crate::proxy::mirror::longobject;
use crate::proxy::prefix::{flag, prefix_of_or_new};
use crate::thread::{self, error};

/// How error messages call a class: C's full name, where C defined it.
pub fn tp_name(vm: &VirtualMachine, class: &Py<PyType>) -> String {
    let _held = thread::enter(vm);
    match bound(class) {
        // SAFETY: what is bound is live, and so is its name.
        Some(t) if is_c_class(class) => unsafe { CStr::from_ptr((*t).tp_name) }
            .to_string_lossy()
            .into_owned(),
        _ => class.slot_name().to_string(),
    }
}

/// How an error message calls the function of a slot.
pub fn slot_wrapper_name(name: &str, v: &VmObject) -> String {
    let vm = thread::current_vm();
    format!(
        "<slot wrapper '{name}' of '{}' objects>",
        tp_name(vm, v.class())
    )
}

/// The C function for the receiver: that of the nearest type in which the
/// slot does not lead back to the VM.
///
/// # Safety
/// `t` is a live type; the lock is held.
unsafe fn function_from(mut t: *mut PyTypeObject, slot: Slot, own: Function) -> Function {
    // SAFETY: by this function's contract; bases are alive as their subtypes are.
    unsafe {
        while !t.is_null() {
            let function = slot.get(t);
            if function != own || function.is_null() {
                return function;
            }
            t = (*t).tp_base;
        }
    }
    ptr::null()
}

/// [`function_from`] as the slot's type, `None` for NULL.
macro_rules! find {
    ($slot:ident: $type:ty, $arg:expr) => {{
        let arg: &Arg<'_> = &$arg;
        let function = function_from(
            arg.ty(),
            slot::$slot,
            slots_vm::$slot::<true> as *const () as Function,
        );
        // SAFETY: a slot's function is of the slot's type.
        transmute::<Function, Option<$type>>(function)
    }};
}

#[cold]
fn unsupported(vm: &VirtualMachine, v: &VmObject, name: &str) -> PyBaseExceptionRef {
    vm.new_attribute_error(format!(
        "'{}' object has no attribute '{name}'",
        tp_name(vm, v.class())
    ))
}

macro_rules! unary {
    ($($c:ident $name:literal;)*) => {$(
        fn $c(number: PyNumber<'_>, vm: &VirtualMachine) -> PyResult {
            let v = number.obj;
            // SAFETY: the arguments are live during the call.
            around_c(vm, || unsafe {
                let arg = Arg::new(vm, v);
                let f = find!($c: unaryfunc, arg).ok_or_else(|| unsupported(vm, v, $name))?;
                error::object_result(vm, call_c(|| f(arg.p)), || slot_wrapper_name($name, v))
            })
        }
    )*};
}

unary! {
    nb_negative "__neg__";
    nb_positive "__pos__";
    nb_absolute "__abs__";
    nb_invert "__invert__";
    nb_int "__int__";
    nb_float "__float__";
    nb_index "__index__";
}

fn nb_bool(number: PyNumber<'_>, vm: &VirtualMachine) -> PyResult<bool> {
    let v = number.obj;
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let arg = Arg::new(vm, v);
        let f = find!(nb_bool: inquiry, arg).ok_or_else(|| unsupported(vm, v, "__bool__"))?;
        let truth = call_c(|| f(arg.p));
        error::int_result(vm, truth, || slot_wrapper_name("__bool__", v)).map(|n| n != 0)
    })
}

/// The C functions to try for an operation of `a` and `b`, as `binary_op1`
/// finds them. The VM calls our function for either operand's sake, and once
/// when both have it.
///
/// # Safety
/// The lock is held.
unsafe fn candidates(
    a: (&Arg<'_>, bool),
    b: (&Arg<'_>, bool),
    slot: Slot,
    own: Function,
) -> [Function; 2] {
    // SAFETY: the arguments are live.
    unsafe {
        let (ta, tb) = (a.0.ty(), b.0.ty());
        let left = if a.1 {
            function_from(ta, slot, own)
        } else {
            ptr::null()
        };
        let right = if b.1 && ta != tb {
            function_from(tb, slot, own)
        } else {
            ptr::null()
        };
        if right == left {
            return [left, ptr::null()];
        }
        let right_first =
            a.0.v.class().is(b.0.v.class()) || b.0.v.class().fast_issubclass(a.0.v.class());
        if !right.is_null() && right_first {
            [right, left]
        } else {
            [left, right]
        }
    }
}

macro_rules! binary {
    ($($c:ident $left:ident $right:ident $name:literal;)*) => {$(
        fn $c(a: &VmObject, b: &VmObject, vm: &VirtualMachine) -> PyResult {
            // Where a Python class overrides the operation, the VM calls the
            // override by itself.
            let ours = |f: Option<PyNumberBinaryFunc>| {
                f.is_some_and(|f| ptr::fn_addr_eq(f, $c as PyNumberBinaryFunc))
            };
            let left = ours(a.class().slots.as_number.$left.load());
            let right = ours(b.class().slots.as_number.$right.load());
            // SAFETY: the arguments are live during the call.
            around_c(vm, || unsafe {
                let (x, y) = (Arg::new(vm, a), Arg::new(vm, b));
                let own = slots_vm::$c::<true> as *const () as Function;
                for f in candidates((&x, left), (&y, right), slot::$c, own) {
                    if let Some(f) = transmute::<Function, Option<binaryfunc>>(f) {
                        let who = || slot_wrapper_name($name, if left { a } else { b });
                        let result = error::object_result(vm, call_c(|| f(x.p, y.p)), who)?;
                        if !result.is(&vm.ctx.not_implemented) {
                            return Ok(result);
                        }
                    }
                }
                Ok(vm.ctx.not_implemented())
            })
        }
    )*};
}

binary! {
    nb_add add right_add "__add__";
    nb_subtract subtract right_subtract "__sub__";
    nb_multiply multiply right_multiply "__mul__";
    nb_remainder remainder right_remainder "__mod__";
    nb_divmod divmod right_divmod "__divmod__";
    nb_lshift lshift right_lshift "__lshift__";
    nb_rshift rshift right_rshift "__rshift__";
    nb_and and right_and "__and__";
    nb_xor xor right_xor "__xor__";
    nb_or or right_or "__or__";
    nb_floor_divide floor_divide right_floor_divide "__floordiv__";
    nb_true_divide true_divide right_true_divide "__truediv__";
    nb_matrix_multiply matrix_multiply right_matrix_multiply "__matmul__";
}

fn nb_power(a: &VmObject, b: &VmObject, c: &VmObject, vm: &VirtualMachine) -> PyResult {
    let ours = |f: Option<PyNumberTernaryFunc>| {
        f.is_some_and(|f| ptr::fn_addr_eq(f, nb_power as PyNumberTernaryFunc))
    };
    let left = ours(a.class().slots.as_number.power.load());
    let right = ours(b.class().slots.as_number.right_power.load());
    let third = ours(c.class().slots.as_number.power.load());
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let (x, y, z) = (Arg::new(vm, a), Arg::new(vm, b), Arg::new(vm, c));
        let own = slots_vm::nb_power::<true> as *const () as Function;
        let [first, second] = candidates((&x, left), (&y, right), slot::nb_power, own);
        let last = if third {
            function_from(z.ty(), slot::nb_power, own)
        } else {
            ptr::null()
        };
        let last = if last == first || last == second {
            ptr::null()
        } else {
            last
        };
        for f in [first, second, last] {
            if let Some(f) = transmute::<Function, Option<ternaryfunc>>(f) {
                let who = || slot_wrapper_name("__pow__", if left { a } else { b });
                let result = error::object_result(vm, call_c(|| f(x.p, y.p, z.p)), who)?;
                if !result.is(&vm.ctx.not_implemented) {
                    return Ok(result);
                }
            }
        }
        Ok(vm.ctx.not_implemented())
    })
}

macro_rules! inplace {
    ($($c:ident $name:literal;)*) => {$(
        fn $c(a: &VmObject, b: &VmObject, vm: &VirtualMachine) -> PyResult {
            // SAFETY: the arguments are live during the call.
            around_c(vm, || unsafe {
                let x = Arg::new(vm, a);
                let Some(f) = find!($c: binaryfunc, x) else {
                    return Ok(vm.ctx.not_implemented());
                };
                let y = Arg::new(vm, b);
                error::object_result(vm, call_c(|| f(x.p, y.p)), || slot_wrapper_name($name, a))
            })
        }
    )*};
}

inplace! {
    nb_inplace_add "__iadd__";
    nb_inplace_subtract "__isub__";
    nb_inplace_multiply "__imul__";
    nb_inplace_remainder "__imod__";
    nb_inplace_lshift "__ilshift__";
    nb_inplace_rshift "__irshift__";
    nb_inplace_and "__iand__";
    nb_inplace_xor "__ixor__";
    nb_inplace_or "__ior__";
    nb_inplace_floor_divide "__ifloordiv__";
    nb_inplace_true_divide "__itruediv__";
    nb_inplace_matrix_multiply "__imatmul__";
}

fn nb_inplace_power(a: &VmObject, b: &VmObject, c: &VmObject, vm: &VirtualMachine) -> PyResult {
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let x = Arg::new(vm, a);
        let Some(f) = find!(nb_inplace_power: ternaryfunc, x) else {
            return Ok(vm.ctx.not_implemented());
        };
        let (y, z) = (Arg::new(vm, b), Arg::new(vm, c));
        error::object_result(vm, call_c(|| f(x.p, y.p, z.p)), || {
            slot_wrapper_name("__ipow__", a)
        })
    })
}

/// Calls a `lenfunc`.
unsafe fn length(
    vm: &VirtualMachine,
    v: &VmObject,
    find: impl FnOnce(&Arg<'_>) -> Option<lenfunc>,
) -> PyResult<usize> {
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let arg = Arg::new(vm, v);
        let f = find(&arg).ok_or_else(|| unsupported(vm, v, "__len__"))?;
        checked_length(vm, v, call_c(|| f(arg.p)))
    })
}

/// The length that a C function returned.
pub fn checked_length(vm: &VirtualMachine, v: &VmObject, n: Py_ssize_t) -> PyResult<usize> {
    let n = error::int_result(vm, n as i64, || slot_wrapper_name("__len__", v))?;
    usize::try_from(n).map_err(|_| vm.new_value_error("__len__() should return >= 0"))
}

fn sq_length(sequence: PySequence<'_>, vm: &VirtualMachine) -> PyResult<usize> {
    // SAFETY: the function is of the slot's type.
    unsafe { length(vm, sequence.obj, |arg| find!(sq_length: lenfunc, *arg)) }
}

fn mp_length(mapping: PyMapping<'_>, vm: &VirtualMachine) -> PyResult<usize> {
    // SAFETY: the function is of the slot's type.
    unsafe { length(vm, mapping.obj, |arg| find!(mp_length: lenfunc, *arg)) }
}

/// The C function of a sequence slot that Python classes leave empty.
macro_rules! find_plain {
    ($slot:ident: $type:ty, $arg:expr) => {
        // SAFETY: a slot's function is of the slot's type.
        transmute::<Function, Option<$type>>(slot::$slot.get($arg.ty()))
    };
}

macro_rules! concat {
    ($($c:ident $name:literal;)*) => {$(
        fn $c(sequence: PySequence<'_>, other: &VmObject, vm: &VirtualMachine) -> PyResult {
            let v = sequence.obj;
            // SAFETY: the arguments are live during the call.
            around_c(vm, || unsafe {
                let x = Arg::new(vm, v);
                let f = find_plain!($c: binaryfunc, x).ok_or_else(|| unsupported(vm, v, $name))?;
                let y = Arg::new(vm, other);
                error::object_result(vm, call_c(|| f(x.p, y.p)), || slot_wrapper_name($name, v))
            })
        }
    )*};
}

concat! {
    sq_concat "__add__";
    sq_inplace_concat "__iadd__";
}

macro_rules! repeat {
    ($($c:ident $name:literal;)*) => {$(
        fn $c(sequence: PySequence<'_>, n: isize, vm: &VirtualMachine) -> PyResult {
            let v = sequence.obj;
            // SAFETY: the arguments are live during the call.
            around_c(vm, || unsafe {
                let arg = Arg::new(vm, v);
                let f = find_plain!($c: ssizeargfunc, arg)
                    .ok_or_else(|| unsupported(vm, v, $name))?;
                error::object_result(vm, call_c(|| f(arg.p, n)), || slot_wrapper_name($name, v))
            })
        }
    )*};
}

repeat! {
    sq_repeat "__mul__";
    sq_inplace_repeat "__imul__";
}

/// An index as `sq_item` takes it: a negative one counts from the end, as in
/// `PySequence_GetItem`.
///
/// # Safety
/// The argument is live; the lock is held.
pub unsafe fn from_the_end(vm: &VirtualMachine, arg: &Arg<'_>, n: isize) -> PyResult<isize> {
    // SAFETY: by this function's contract; a slot's function is of the slot's type.
    unsafe {
        if n < 0
            && let Some(f) = transmute::<Function, Option<lenfunc>>(slot::sq_length.get(arg.ty()))
        {
            let length = checked_length(vm, arg.v, call_c(|| f(arg.p)))?;
            return Ok(n + length as isize);
        }
    }
    Ok(n)
}

fn sq_item(sequence: PySequence<'_>, n: isize, vm: &VirtualMachine) -> PyResult {
    let v = sequence.obj;
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let arg = Arg::new(vm, v);
        let f =
            find!(sq_item: ssizeargfunc, arg).ok_or_else(|| unsupported(vm, v, "__getitem__"))?;
        let n = from_the_end(vm, &arg, n)?;
        error::object_result(vm, call_c(|| f(arg.p, n)), || {
            slot_wrapper_name("__getitem__", v)
        })
    })
}

fn sq_ass_item(
    sequence: PySequence<'_>,
    n: isize,
    value: Option<PyObjectRef>,
    vm: &VirtualMachine,
) -> PyResult<()> {
    let v = sequence.obj;
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let arg = Arg::new(vm, v);
        let f = find!(sq_ass_item: ssizeobjargproc, arg)
            .ok_or_else(|| unsupported(vm, v, "__setitem__"))?;
        let n = from_the_end(vm, &arg, n)?;
        let value = optional_arg(vm, value.as_deref());
        let status = call_c(|| f(arg.p, n, pointer(&value)));
        error::status_result(vm, status, || slot_wrapper_name("__setitem__", v))
    })
}

/// The index of an item of a type that is a sequence and no mapping, as in
/// `PyObject_GetItem` and its like.
fn sequence_index(vm: &VirtualMachine, key: &VmObject) -> PyResult<isize> {
    if key.class().is(vm.ctx.types.int_type)
        && let Some(index) = longobject::word(key)
    {
        return Ok(index as isize);
    }
    let Some(index) = key.try_index_opt(vm) else {
        return Err(vm.new_type_error(format!(
            "sequence index must be integer, not '{}'",
            tp_name(vm, key.class())
        )));
    };
    isize::try_from(index?.as_bigint())
        .map_err(|_| vm.new_index_error("cannot fit 'int' into an index-sized integer"))
}

/// The VM's `subscript` of such a type: without it, the VM finds out each
/// time, by way of an error, that there is none.
fn sequence_subscript(mapping: PyMapping<'_>, key: &VmObject, vm: &VirtualMachine) -> PyResult {
    let index = sequence_index(vm, key)?;
    sq_item(mapping.obj.sequence_unchecked(), index, vm)
}

/// As [`sequence_subscript`].
fn sequence_ass_subscript(
    mapping: PyMapping<'_>,
    key: &VmObject,
    value: Option<PyObjectRef>,
    vm: &VirtualMachine,
) -> PyResult<()> {
    let index = sequence_index(vm, key)?;
    sq_ass_item(mapping.obj.sequence_unchecked(), index, value, vm)
}

fn sq_contains(sequence: PySequence<'_>, item: &VmObject, vm: &VirtualMachine) -> PyResult<bool> {
    let v = sequence.obj;
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let arg = Arg::new(vm, v);
        let f = find!(sq_contains: objobjproc, arg)
            .ok_or_else(|| unsupported(vm, v, "__contains__"))?;
        let item = Arg::new(vm, item);
        let found = call_c(|| f(arg.p, item.p));
        error::int_result(vm, found, || slot_wrapper_name("__contains__", v)).map(|n| n != 0)
    })
}

fn mp_subscript(mapping: PyMapping<'_>, key: &VmObject, vm: &VirtualMachine) -> PyResult {
    let v = mapping.obj;
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let arg = Arg::new(vm, v);
        let f = find!(mp_subscript: binaryfunc, arg)
            .ok_or_else(|| unsupported(vm, v, "__getitem__"))?;
        let key = Arg::new(vm, key);
        error::object_result(vm, call_c(|| f(arg.p, key.p)), || {
            slot_wrapper_name("__getitem__", v)
        })
    })
}

fn mp_ass_subscript(
    mapping: PyMapping<'_>,
    key: &VmObject,
    value: Option<PyObjectRef>,
    vm: &VirtualMachine,
) -> PyResult<()> {
    let v = mapping.obj;
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let arg = Arg::new(vm, v);
        let f = find!(mp_ass_subscript: objobjargproc, arg)
            .ok_or_else(|| unsupported(vm, v, "__setitem__"))?;
        let (key, value) = (Arg::new(vm, key), optional_arg(vm, value.as_deref()));
        let status = call_c(|| f(arg.p, key.p, pointer(&value)));
        error::status_result(vm, status, || slot_wrapper_name("__setitem__", v))
    })
}

/// The result of `tp_repr` or `tp_str`, which must be a string.
fn string_result(vm: &VirtualMachine, result: PyObjectRef, name: &str) -> PyResult<PyRef<PyStr>> {
    result.downcast::<PyStr>().map_err(|other| {
        vm.new_type_error(format!(
            "{name} returned non-string (type {})",
            tp_name(vm, other.class())
        ))
    })
}

macro_rules! stringify_slot {
    ($($c:ident $name:literal;)*) => {$(
        fn $c(v: &VmObject, vm: &VirtualMachine) -> PyResult<PyRef<PyStr>> {
            // SAFETY: the arguments are live during the call.
            around_c(vm, || unsafe {
                let arg = Arg::new(vm, v);
                let f = find!($c: reprfunc, arg).ok_or_else(|| unsupported(vm, v, $name))?;
                let result = error::object_result(vm, call_c(|| f(arg.p)), || slot_wrapper_name($name, v))?;
                string_result(vm, result, $name)
            })
        }
    )*};
}

stringify_slot! {
    tp_repr "__repr__";
    tp_str "__str__";
}

fn tp_hash(v: &VmObject, vm: &VirtualMachine) -> PyResult<i64> {
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let arg = Arg::new(vm, v);
        let f = find!(tp_hash: hashfunc, arg).ok_or_else(|| unsupported(vm, v, "__hash__"))?;
        checked_hash(vm, v, call_c(|| f(arg.p)))
    })
}

/// The hash that a C function returned: only -1 is an error.
pub fn checked_hash(vm: &VirtualMachine, v: &VmObject, hash: Py_hash_t) -> PyResult<i64> {
    if hash == -1 {
        return Err(error::failure(vm, &|| slot_wrapper_name("__hash__", v)));
    }
    Ok(hash as i64)
}

/// How an error message calls a callable.
fn callable_name(v: &VmObject, vm: &VirtualMachine) -> String {
    match v.repr(vm) {
        Ok(text) => text.as_wtf8().to_string(),
        Err(_) => slot_wrapper_name("__call__", v),
    }
}

fn tp_call(v: &VmObject, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let arg = Arg::new(vm, v);
        let f = find!(tp_call: ternaryfunc, arg).ok_or_else(|| unsupported(vm, v, "__call__"))?;
        let args = CallArgs::new(vm, &args);
        let result = call_c(|| f(arg.p, args.tuple(), args.dict()));
        error::object_result(vm, result, || callable_name(v, vm))
    })
}

/// `PyVectorcall_Function`: the function that the instance holds.
unsafe fn vectorcall_function(p: *mut PyObject) -> Option<vectorcallfunc> {
    // SAFETY: the caller has a live object; its type says where the pointer is.
    unsafe {
        let t = (*p).ob_type;
        if !PyType_HasFeature(t, Py_TPFLAGS_HAVE_VECTORCALL) || (*t).tp_vectorcall_offset <= 0 {
            return None;
        }
        p.cast::<u8>()
            .offset((*t).tp_vectorcall_offset)
            .cast::<Option<vectorcallfunc>>()
            .read()
    }
}

/// Calls a `vectorcallfunc` with arguments as the VM passes them.
///
/// # Safety
/// `f` belongs to `callable`, a live object; the lock is held.
pub unsafe fn call_vectorcall(
    vm: &VirtualMachine,
    f: vectorcallfunc,
    callable: *mut PyObject,
    args: &[PyObjectRef],
    nargs: usize,
    kwnames: Option<&[PyObjectRef]>,
    who: impl Fn() -> String,
) -> PyResult {
    let mut arguments = Arguments::new(vm, args);
    let names = ArgNames::new(vm, kwnames);
    // SAFETY: by this function's contract; the arguments live until the end of this function.
    unsafe {
        let (first, names) = (arguments.as_mut_ptr(), names.as_ptr());
        let nargsf = nargs | PY_VECTORCALL_ARGUMENTS_OFFSET;
        let result = call_c(|| f(callable, first, nargsf, names));
        error::object_result(vm, result, who)
    }
}

/// The VM's `vectorcall` of classes whose instances have a vectorcall function.
fn vectorcall(
    v: &VmObject,
    args: Vec<PyObjectRef>,
    nargs: usize,
    kwnames: Option<&[PyObjectRef]>,
    vm: &VirtualMachine,
) -> PyResult {
    // SAFETY: the arguments are live during the call.
    let done = around_c(vm, || unsafe {
        let callable = Arg::new(vm, v);
        let f = vectorcall_function(callable.p)?;
        Some(call_vectorcall(
            vm,
            f,
            callable.p,
            &args,
            nargs,
            kwnames,
            || callable_name(v, vm),
        ))
    });
    match done {
        Some(result) => result,
        None => tp_call(v, FuncArgs::from_vectorcall_owned(args, nargs, kwnames), vm),
    }
}

fn tp_getattro(v: &VmObject, name: &Py<PyStr>, vm: &VirtualMachine) -> PyResult {
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let arg = Arg::new(vm, v);
        let who = || slot_wrapper_name("__getattribute__", v);
        if let Some(f) = find!(tp_getattro: getattrofunc, arg) {
            let name = Arg::new(vm, name.as_object());
            return error::object_result(vm, call_c(|| f(arg.p, name.p)), who);
        }
        let f = (*arg.ty())
            .tp_getattr
            .ok_or_else(|| unsupported(vm, v, name.to_str().unwrap_or("?")))?;
        let name = c_name(vm, name)?;
        error::object_result(vm, call_c(|| f(arg.p, name.as_ptr().cast_mut())), who)
    })
}

/// A name for the legacy `tp_getattr` and `tp_setattr`.
fn c_name(vm: &VirtualMachine, name: &Py<PyStr>) -> PyResult<CString> {
    let text = name.try_as_utf8(vm)?.as_str();
    CString::new(text).map_err(|_| vm.new_value_error("embedded null character"))
}

fn tp_setattro(
    v: &VmObject,
    name: &Py<PyStr>,
    value: PySetterValue,
    vm: &VirtualMachine,
) -> PyResult<()> {
    let value = match value {
        PySetterValue::Assign(value) => Some(value),
        PySetterValue::Delete => None,
    };
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let arg = Arg::new(vm, v);
        let who = || slot_wrapper_name("__setattr__", v);
        let value = optional_arg(vm, value.as_deref());
        if let Some(f) = find!(tp_setattro: setattrofunc, arg) {
            let name = Arg::new(vm, name.as_object());
            return error::status_result(vm, call_c(|| f(arg.p, name.p, pointer(&value))), who);
        }
        let f = (*arg.ty()).tp_setattr.ok_or_else(|| {
            vm.new_type_error(format!(
                "'{}' object has only read-only attributes",
                tp_name(vm, v.class())
            ))
        })?;
        let name = c_name(vm, name)?;
        error::status_result(
            vm,
            call_c(|| f(arg.p, name.as_ptr().cast_mut(), pointer(&value))),
            who,
        )
    })
}

/// The VM's comparison operator as C has it.
fn c_comparison(op: PyComparisonOp) -> std::ffi::c_int {
    match op {
        PyComparisonOp::Lt => Py_LT,
        PyComparisonOp::Le => Py_LE,
        PyComparisonOp::Eq => Py_EQ,
        PyComparisonOp::Ne => Py_NE,
        PyComparisonOp::Gt => Py_GT,
        _ => Py_GE,
    }
}

fn tp_richcompare(
    a: &VmObject,
    b: &VmObject,
    op: PyComparisonOp,
    vm: &VirtualMachine,
) -> PyResult<Either<PyObjectRef, PyComparisonValue>> {
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let x = Arg::new(vm, a);
        let Some(f) = find!(tp_richcompare: richcmpfunc, x) else {
            return Ok(Either::B(PyComparisonValue::NotImplemented));
        };
        let y = Arg::new(vm, b);
        let result = call_c(|| f(x.p, y.p, c_comparison(op)));
        let who = || slot_wrapper_name(op.method_name(&vm.ctx).as_str(), a);
        error::object_result(vm, result, who).map(Either::A)
    })
}

fn tp_iter(v: PyObjectRef, vm: &VirtualMachine) -> PyResult {
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let arg = Arg::new(vm, &v);
        let f = find!(tp_iter: getiterfunc, arg).ok_or_else(|| unsupported(vm, &v, "__iter__"))?;
        error::object_result(vm, call_c(|| f(arg.p)), || {
            slot_wrapper_name("__iter__", &v)
        })
    })
}

/// The VM's `iter` for `PyObject_SelfIter`.
fn self_iter(v: PyObjectRef, _vm: &VirtualMachine) -> PyResult {
    Ok(v)
}

fn tp_iternext(v: &VmObject, vm: &VirtualMachine) -> PyResult<PyIterReturn> {
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let arg = Arg::new(vm, v);
        let f =
            find!(tp_iternext: iternextfunc, arg).ok_or_else(|| unsupported(vm, v, "__next__"))?;
        let item = call_c(|| f(arg.p));
        if !item.is_null() {
            let who = || slot_wrapper_name("__next__", v);
            return error::object_result(vm, item, who).map(PyIterReturn::Return);
        }
        match error::take(vm) {
            None => Ok(PyIterReturn::StopIteration(None)),
            Some(e) => PyIterReturn::from_pyresult(Err(e), vm),
        }
    })
}

fn tp_descr_get(
    v: &VmObject,
    instance: Option<&VmObject>,
    owner: Option<&VmObject>,
    vm: &VirtualMachine,
) -> PyResult {
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let arg = Arg::new(vm, v);
        let Some(f) = find!(tp_descr_get: descrgetfunc, arg) else {
            return Ok(v.to_owned());
        };
        let (instance, owner) = (optional_arg(vm, instance), optional_arg(vm, owner));
        let result = call_c(|| f(arg.p, pointer(&instance), pointer(&owner)));
        error::object_result(vm, result, || slot_wrapper_name("__get__", v))
    })
}

fn tp_descr_set(
    v: &VmObject,
    instance: PyObjectRef,
    value: PySetterValue,
    vm: &VirtualMachine,
) -> PyResult<()> {
    let (value, name) = match value {
        PySetterValue::Assign(value) => (Some(value), "__set__"),
        PySetterValue::Delete => (None, "__delete__"),
    };
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let arg = Arg::new(vm, v);
        let f = find!(tp_descr_set: descrsetfunc, arg).ok_or_else(|| unsupported(vm, v, name))?;
        let (instance, value) = (Arg::new(vm, &instance), optional_arg(vm, value.as_deref()));
        let status = call_c(|| f(arg.p, instance.p, pointer(&value)));
        error::status_result(vm, status, || slot_wrapper_name(name, v))
    })
}

fn tp_init(v: &VmObject, args: FuncArgs, vm: &VirtualMachine) -> PyResult<()> {
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let args = CallArgs::new(vm, &args);
        init_in_c(vm, v, args.tuple(), args.dict())
    })
}

/// # Safety
/// `v` is a C-instance, the others are a tuple and a dict or NULL; the lock is
/// held.
unsafe fn init_in_c(
    vm: &VirtualMachine,
    v: &VmObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> PyResult<()> {
    let arg = Arg::new(vm, v);
    // SAFETY: by this function's contract; a slot's function is of the slot's type.
    unsafe {
        let own = slots_vm::tp_init as *const () as Function;
        let function = function_from(arg.ty(), slot::tp_init, own);
        let Some(f) = transmute::<Function, Option<initproc>>(function) else {
            return Ok(());
        };
        let status = call_c(|| f(arg.p, args, kwargs));
        error::status_result(vm, status, || slot_wrapper_name("__init__", v))
    }
}

fn tp_new(class: PyTypeRef, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let t = c_type_of(vm, &class);
        let f = new_function(vm, &class, t)?;
        call_new(vm, f, t, &class, &args)
    })
}

/// # Safety
/// `t` is the live C type of `class`; the lock is held.
unsafe fn new_function(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    t: *mut PyTypeObject,
) -> PyResult<newfunc> {
    // SAFETY: by this function's contract; a slot's function is of the slot's type.
    unsafe {
        let own = slots_vm::tp_new as *const () as Function;
        let function = function_from(t, slot::tp_new, own);
        transmute::<Function, Option<newfunc>>(function)
            .ok_or_else(|| vm.new_type_error(format!("cannot create '{}' instances", class.name())))
    }
}

type New = fn(PyTypeRef, FuncArgs, &VirtualMachine) -> PyResult;
type Init = fn(&VmObject, FuncArgs, &VirtualMachine) -> PyResult<()>;

/// `type.__call__` as the VM's `vectorcall` of classes with C's `tp_new` whose
/// instances cannot be called: one tuple does for both functions. Or the type's
/// own `tp_vectorcall`.
fn construct(
    callable: &VmObject,
    args: Vec<PyObjectRef>,
    nargs: usize,
    kwnames: Option<&[PyObjectRef]>,
    vm: &VirtualMachine,
) -> PyResult {
    let kwnames = kwnames.filter(|names| !names.is_empty());
    let is_new = |f: New| ptr::fn_addr_eq(f, tp_new as New);
    let class = callable.downcast_ref::<PyType>();
    let Some(class) = class.filter(|class| class.slots.new.load().is_some_and(is_new)) else {
        let args = FuncArgs::from_vectorcall_owned(args, nargs, kwnames);
        return match vm.ctx.types.type_type.slots.call.load() {
            Some(call) => call(callable, args, vm),
            None => Err(vm.new_type_error("'type' object is not callable")),
        };
    };
    let (positional, values) = args.split_at(nargs);
    // SAFETY: the arguments are live during the call.
    let (v, init) = around_c(vm, || unsafe {
        let t = c_type_of(vm, class);
        if let Some(f) = (*t).tp_vectorcall {
            // The type's own, which does the work of both.
            let who = || class.name().to_string();
            let result = call_vectorcall(vm, f, t.cast(), &args, nargs, kwnames, who);
            return result.map(|v| (v, None));
        }
        let f = new_function(vm, class, t)?;
        let tuple = ArgTuple::new(vm, positional);
        let dict = KeywordDict::new(vm, values, kwnames);
        let result = call_c(|| f(t, tuple.p, dict.as_ptr()));
        let v = error::object_result(vm, result, || format!("{}.__new__", class.name()))?;
        if !v.class().is(class) && !v.class().fast_issubclass(class) {
            return Ok((v, None));
        }
        let init = v.class().slots.init.load();
        if init.is_some_and(|f: Init| ptr::fn_addr_eq(f, tp_init as Init)) {
            init_in_c(vm, &v, tuple.p, dict.as_ptr())?;
            return Ok((v, None));
        }
        Ok((v, init))
    })?;
    let of_object = vm.ctx.types.object_type.slots.init.load();
    let same = |(f, g): (Init, Init)| ptr::fn_addr_eq(f, g);
    // `object.__init__` only looks whether there are arguments.
    let nothing_to_do = args.is_empty() && init.zip(of_object).is_some_and(same);
    if let (Some(init), false) = (init, nothing_to_do) {
        init(
            &v,
            FuncArgs::from_vectorcall_owned(args, nargs, kwnames),
            vm,
        )?;
    }
    Ok(v)
}

/// Calls a `tp_new` for `t`, the C type of `class`.
///
/// # Safety
/// The lock is held.
pub unsafe fn call_new(
    vm: &VirtualMachine,
    f: newfunc,
    t: *mut PyTypeObject,
    class: &Py<PyType>,
    args: &FuncArgs,
) -> PyResult {
    let args = CallArgs::new(vm, args);
    // SAFETY: by this function's contract.
    let result = call_c(|| unsafe { f(t, args.tuple(), args.dict()) });
    error::object_result(vm, result, || format!("{}.__new__", class.name()))
}

/// The VM's `del` of classes with a `tp_finalize`, which runs once in an
/// object's life.
fn tp_finalize(v: &VmObject, vm: &VirtualMachine) -> PyResult<()> {
    // SAFETY: the arguments are live during the call.
    around_c(vm, || unsafe {
        let arg = Arg::new(vm, v);
        let function = function_from(
            arg.ty(),
            slot::tp_finalize,
            slots_vm::tp_finalize as *const () as Function,
        );
        let prefix = prefix_of_or_new(arg.p);
        if let Some(f) = transmute::<Function, Option<destructor>>(function)
            && !(*prefix).has(flag::FINALIZED)
        {
            (*prefix).flags |= flag::FINALIZED;
            call_c(|| error::undisturbed(|| f(arg.p)));
        }
    });
    Ok(())
}

fn as_buffer(v: &VmObject, flags: BufferFlags, vm: &VirtualMachine) -> PyResult<PyBuffer> {
    pybuffer::buffer_of_c(v, flags, vm)
}

/// Stores the VM's function for one special method, whose C slot `class` has.
fn store(class: &Py<PyType>, def: &SlotDef) {
    let slots = &class.slots;
    macro_rules! operators {
        ($($c:ident $left:ident $right:ident;)*) => {
            match (def.slot, def.shape) {
                $(
                    (slot::$c, Shape::BinaryRight | Shape::TernaryRight) => {
                        return slots.as_number.$right.store(Some($c));
                    }
                    (slot::$c, _) => return slots.as_number.$left.store(Some($c)),
                )*
                _ => {}
            }
        };
    }
    macro_rules! others {
        ($($c:ident $function:ident $($field:ident).+;)*) => {
            match def.slot {
                $(slot::$c => slots.$($field).+.store(Some($function)),)*
                // The VM reaches the rest through the special method.
                _ => {}
            }
        };
    }
    operators! {
        nb_add add right_add;
        nb_subtract subtract right_subtract;
        nb_multiply multiply right_multiply;
        nb_remainder remainder right_remainder;
        nb_divmod divmod right_divmod;
        nb_power power right_power;
        nb_lshift lshift right_lshift;
        nb_rshift rshift right_rshift;
        nb_and and right_and;
        nb_xor xor right_xor;
        nb_or or right_or;
        nb_floor_divide floor_divide right_floor_divide;
        nb_true_divide true_divide right_true_divide;
        nb_matrix_multiply matrix_multiply right_matrix_multiply;
    }
    others! {
        nb_negative nb_negative as_number.negative;
        nb_positive nb_positive as_number.positive;
        nb_absolute nb_absolute as_number.absolute;
        nb_bool nb_bool as_number.boolean;
        nb_invert nb_invert as_number.invert;
        nb_int nb_int as_number.int;
        nb_float nb_float as_number.float;
        nb_index nb_index as_number.index;
        nb_inplace_add nb_inplace_add as_number.inplace_add;
        nb_inplace_subtract nb_inplace_subtract as_number.inplace_subtract;
        nb_inplace_multiply nb_inplace_multiply as_number.inplace_multiply;
        nb_inplace_remainder nb_inplace_remainder as_number.inplace_remainder;
        nb_inplace_power nb_inplace_power as_number.inplace_power;
        nb_inplace_lshift nb_inplace_lshift as_number.inplace_lshift;
        nb_inplace_rshift nb_inplace_rshift as_number.inplace_rshift;
        nb_inplace_and nb_inplace_and as_number.inplace_and;
        nb_inplace_xor nb_inplace_xor as_number.inplace_xor;
        nb_inplace_or nb_inplace_or as_number.inplace_or;
        nb_inplace_floor_divide nb_inplace_floor_divide as_number.inplace_floor_divide;
        nb_inplace_true_divide nb_inplace_true_divide as_number.inplace_true_divide;
        nb_inplace_matrix_multiply nb_inplace_matrix_multiply as_number.inplace_matrix_multiply;
        mp_length mp_length as_mapping.length;
        mp_subscript mp_subscript as_mapping.subscript;
        mp_ass_subscript mp_ass_subscript as_mapping.ass_subscript;
        sq_length sq_length as_sequence.length;
        sq_concat sq_concat as_sequence.concat;
        sq_repeat sq_repeat as_sequence.repeat;
        sq_item sq_item as_sequence.item;
        sq_ass_item sq_ass_item as_sequence.ass_item;
        sq_contains sq_contains as_sequence.contains;
        sq_inplace_concat sq_inplace_concat as_sequence.inplace_concat;
        sq_inplace_repeat sq_inplace_repeat as_sequence.inplace_repeat;
        tp_repr tp_repr repr;
        tp_str tp_str str;
        tp_hash tp_hash hash;
        tp_call tp_call call;
        tp_getattro tp_getattro getattro;
        tp_setattro tp_setattro setattro;
        tp_richcompare tp_richcompare richcompare;
        tp_iter tp_iter iter;
        tp_iternext tp_iternext iternext;
        tp_descr_get tp_descr_get descr_get;
        tp_descr_set tp_descr_set descr_set;
        tp_init tp_init init;
        tp_finalize tp_finalize del;
        bf_getbuffer as_buffer as_buffer;
        tp_getattr tp_getattro getattro;
        tp_setattr tp_setattro setattro;
    }
}

/// Stores VM slots for the C slots of `t`, wherever C's function is not the
/// VM's own.
///
/// # Safety
/// `t` is the C type of `class`, defined by C, and complete; the lock is held.
pub unsafe fn install(vm: &VirtualMachine, class: &Py<PyType>, t: *mut PyTypeObject) {
    // SAFETY: by this function's contract.
    unsafe {
        if (*t).tp_hash.is_none() {
            slot::tp_hash.set(t, slots_vm::hash_not_implemented());
            let name = vm.ctx.intern_str("__hash__");
            if !class.attributes.contains(name) {
                class.set_attr(name, vm.ctx.none());
            }
        }
        for def in SLOTDEFS {
            let function = def.slot.get(t);
            // Others' is called by their `tp_dealloc`, and no flag says that it was.
            let skip = def.slot == slot::tp_finalize && !PyType_HasFeature(t, Py_TPFLAGS_HAVE_GC);
            if function.is_null() || skip {
                continue;
            }
            if !slots_vm::is_trampoline(def.slot, function) {
                install_one(vm, class, def, function);
            } else if function != slots_vm::virtual_function(def.slot) {
                take_from_builtin(class, def.slot);
            }
        }
        install_sequence(class, t);
        class.slots.new.store((*t).tp_new.map(|_| tp_new as _));
        if slots_vm::is_trampoline(slot::tp_new, slot::tp_new.get(t)) {
            // The VM tells by its own slot whether `object.__new__` would be safe.
            wrapper::add_new(vm, class);
        }
        if PyType_HasFeature(t, Py_TPFLAGS_HAVE_VECTORCALL) && (*t).tp_vectorcall_offset > 0 {
            class.slots.vectorcall.store(Some(vectorcall));
        } else if class.slots.call.load().is_none() {
            // The VM takes it for that of the class itself.
            class.slots.vectorcall.store(Some(construct));
        }
    }
}

/// A C type has a built-in's own function, which need not be the one that the
/// MRO leads to: these slots are inherited together with others.
fn take_from_builtin(class: &Py<PyType>, slot: Slot) {
    let slots = &builtin_base(class).slots;
    match slot {
        slot::tp_hash => class.slots.hash.store(slots.hash.load()),
        slot::tp_richcompare => class.slots.richcompare.store(slots.richcompare.load()),
        _ => {}
    }
}

/// Looks at the slots of all C types anew: extensions also write to those of
/// types that are ready, without a word, while their modules are initialised.
/// The caller holds the lock.
pub fn notice_writes(vm: &VirtualMachine) {
    let mut seen = HashSet::new();
    let mut classes = vec![vm.ctx.types.object_type.to_owned()];
    while let Some(class) = classes.pop() {
        if let Some(t) = bound(&class).filter(|_| is_c_class(&class)) {
            // SAFETY: what is bound is live.
            unsafe {
                if PyType_HasFeature(t, Py_TPFLAGS_READY) {
                    install(vm, &class, t);
                }
            }
        }
        let subclasses = class.subclasses.read();
        let subclasses = subclasses.iter().filter_map(|weak| weak.upgrade());
        classes.extend(
            subclasses
                .filter_map(|class| class.downcast::<PyType>().ok())
                .filter(|class| seen.insert(class.get_id())),
        );
    }
}

/// Lets the VM index a sequence that is no mapping in one step.
///
/// # Safety
/// `t` is the live C type of `class`; the lock is held.
unsafe fn install_sequence(class: &Py<PyType>, t: *mut PyTypeObject) {
    let mapping = &class.slots.as_mapping;
    // SAFETY: by this function's contract.
    unsafe {
        let only =
            |sequence: Slot, mapping: Slot| !sequence.get(t).is_null() && mapping.get(t).is_null();
        if only(slot::sq_item, slot::mp_subscript) {
            mapping.subscript.store(Some(sequence_subscript));
        }
        if only(slot::sq_ass_item, slot::mp_ass_subscript) {
            mapping.ass_subscript.store(Some(sequence_ass_subscript));
        }
    }
}

/// Stores the VM slot for a C function. What CPython's API has its own
/// function for, the VM does faster by itself.
fn install_one(vm: &VirtualMachine, class: &Py<PyType>, def: &SlotDef, function: Function) {
    let is = |api: Function| function == api;
    let object = &vm.ctx.types.object_type.slots;
    match def.slot {
        slot::tp_getattro if is(c_object::PyObject_GenericGetAttr as *const () as Function) => {
            class.slots.getattro.store(object.getattro.load());
        }
        slot::tp_setattro if is(c_object::PyObject_GenericSetAttr as *const () as Function) => {
            class.slots.setattro.store(object.setattro.load());
        }
        slot::tp_iter if is(c_object::PyObject_SelfIter as *const () as Function) => {
            class.slots.iter.store(Some(self_iter));
        }
        slot::tp_hash if is(slots_vm::hash_not_implemented()) => {
            class
                .slots
                .hash
                .store(Some(rustpython_vm::types::hash_not_implemented));
        }
        slot::tp_iternext if is(c_object::_PyObject_NextNotImplemented as *const () as Function) => {
            class.slots.iternext.store(None);
        }
        _ => store(class, def),
    }
}

/// Lets a fresh Python class that derives from a C type call C directly: the
/// VM has given it functions that look the special method up.
pub fn fix_python_subclass(vm: &VirtualMachine, class: &Py<PyType>) {
    if !class.mro.read().iter().any(|base| is_c_class(base)) {
        return;
    }
    for def in SLOTDEFS {
        // A slot that several methods share is C's only when all of them are.
        let shared = matches!(
            def.slot,
            slot::tp_getattro
                | slot::tp_setattro
                | slot::tp_richcompare
                | slot::tp_descr_set
                | slot::mp_ass_subscript
                | slot::sq_ass_item
        );
        let c_owns = if shared {
            super::slotdefs::of_slot(def.slot).all(|other| {
                is_wrapper_of(vm, class, other)
                    || (other.shape == Shape::None && !has(vm, class, other.name))
            })
        } else {
            is_wrapper_of(vm, class, def)
        };
        if c_owns && let Some(function) = wrapper_function(vm, class, def) {
            install_one(vm, class, def, function);
            let mapping = &class.slots.as_mapping;
            match def.slot {
                slot::sq_item => mapping.subscript.store(Some(sequence_subscript)),
                slot::sq_ass_item => mapping.ass_subscript.store(Some(sequence_ass_subscript)),
                _ => {}
            }
            if def.slot == slot::tp_call
                && let Some(base) = class.base.deref()
            {
                class.slots.vectorcall.store(base.slots.vectorcall.load());
            }
        }
    }
}

fn has(vm: &VirtualMachine, class: &Py<PyType>, name: &'static str) -> bool {
    class.has_attr(vm.ctx.intern_str(name))
}

fn is_wrapper_of(vm: &VirtualMachine, class: &Py<PyType>, def: &'static SlotDef) -> bool {
    wrapper_function(vm, class, def).is_some()
}

/// The C function of the wrapper that the special method is.
fn wrapper_function(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    def: &'static SlotDef,
) -> Option<Function> {
    let descr = class.get_attr(vm.ctx.intern_str(def.name))?;
    let wrapper = descr.downcast_ref::<WrapperDescr>()?;
    (ptr::eq(wrapper.def(), def) && class.fast_issubclass(wrapper.objclass()))
        .then(|| wrapper.function())
}
