//! C slots whose functions run in the VM: those of the VM's built-in types
//! and of Python classes.
//!
//! Each function exists twice. With `VIRTUAL` it re-resolves the operation on
//! the receiver's own class; it stands in the mirror of a Python class that
//! has a method for the slot, like CPython's `slot_*` functions. Without, it
//! is a built-in type's own function: it uses the nearest built-in class of
//! the receiver, so that a C subclass that calls `base->tp_repr(self)`
//! reaches the base.

use std::ffi::{c_int, c_long};
use std::ptr;

use rustpython_vm::builtins::{PyBaseExceptionRef, PyStr, PyType, PyTypeRef};
use rustpython_vm::convert::ToPyObject;
use rustpython_vm::function::{Either, PySetterValue};
use rustpython_vm::protocol::{
    PyIterReturn, PyNumberBinaryFunc, PyNumberTernaryFunc, PyNumberUnaryFunc,
};
use rustpython_vm::types::{PyComparisonOp, PyTypeSlots};
use rustpython_vm::{AsObject, Py, PyObject as VmObject, PyObjectRef, PyResult, VirtualMachine};

use super::derived::{self, func_args};
use super::slotdefs::{Function, SLOTDEFS, Slot, SlotDef, Suite, of_slot, slot};
use super::wrapper::WrapperDescr;
use super::{builtin_base, c_type_of, is_c_class};
use crate::api::object as c_object;
use crate::api::{self, border, object, optional, pybuffer, python};
use crate::layout::*;
use crate::proxy::instance;
use crate::proxy::mirror::{self, Kind};
use crate::proxy::prefix::{flag, prefix_of_or_new};
use crate::refcount;
use crate::thread::error;

/// The class whose slots a trampoline uses.
#[inline]
fn receiver<const VIRTUAL: bool>(v: &VmObject) -> PyTypeRef {
    if VIRTUAL || v.class().heaptype_ext.is_none() {
        v.class().to_owned()
    } else {
        builtin_base(v.class())
    }
}

/// The VM's function for the operation, or the error that looking up the
/// special method would give.
#[inline]
fn load<const VIRTUAL: bool, F>(
    vm: &VirtualMachine,
    v: &VmObject,
    name: &'static str,
    field: impl Fn(&PyTypeSlots) -> Option<F>,
) -> PyResult<F> {
    field(&receiver::<VIRTUAL>(v).slots).ok_or_else(|| missing(vm, v, name))
}

#[cold]
fn missing(vm: &VirtualMachine, v: &VmObject, name: &'static str) -> PyBaseExceptionRef {
    vm.new_attribute_error(format!(
        "'{}' object has no attribute '{name}'",
        v.class().name()
    ))
}

macro_rules! unary {
    ($($c:ident $name:literal $field:ident;)*) => {$(
        #[inline(never)]
        pub(super) unsafe extern "C" fn $c<const VIRTUAL: bool>(p: *mut PyObject) -> *mut PyObject {
            border(|vm| {
                // SAFETY: C passes a live object.
                let v = unsafe { object(vm, p)? };
                let f: PyNumberUnaryFunc =
                    load::<VIRTUAL, _>(vm, &v, $name, |s| s.as_number.$field.load())?;
                python(|| f(v.number(), vm))
            })
        }
    )*};
}

unary! {
    nb_negative "__neg__" negative;
    nb_positive "__pos__" positive;
    nb_absolute "__abs__" absolute;
    nb_invert "__invert__" invert;
    nb_int "__int__" int;
    nb_float "__float__" float;
    nb_index "__index__" index;
}

#[inline(never)]
pub(super) unsafe extern "C" fn nb_bool<const VIRTUAL: bool>(p: *mut PyObject) -> c_int {
    border(|vm| {
        // SAFETY: C passes a live object.
        let v = unsafe { object(vm, p)? };
        let f = load::<VIRTUAL, _>(vm, &v, "__bool__", |s| s.as_number.boolean.load())?;
        python(|| f(v.number(), vm))
    })
}

/// What a binary slot of the VM consists of: the function for the left
/// operand and the one for the right.
struct Operators<F> {
    slot: Slot,
    own: Function,
    left: fn(&PyTypeSlots) -> Option<F>,
    right: fn(&PyTypeSlots) -> Option<F>,
    right_name: &'static str,
}

/// The functions to try, in order, for operands `a` and `b` of a slot that
/// either may have: CPython's `SLOT1BINFULL`, and for built-ins `binary_op1`.
///
/// # Safety
/// `a` and `b` are the live C objects of `va` and `vb`; the lock is held.
unsafe fn candidates<const VIRTUAL: bool, F: Copy>(
    vm: &VirtualMachine,
    operators: &Operators<F>,
    (a, va): (*mut PyObject, &VmObject),
    (b, vb): (*mut PyObject, &VmObject),
) -> [Option<F>; 2] {
    let (class_a, class_b) = (receiver::<VIRTUAL>(va), receiver::<VIRTUAL>(vb));
    let (mine_a, mine_b) = if VIRTUAL {
        // SAFETY: by this function's contract.
        unsafe {
            (
                operators.slot.get((*a).ob_type) == operators.own,
                operators.slot.get((*b).ob_type) == operators.own,
            )
        }
    } else {
        (true, true)
    };
    let left = mine_a.then(|| (operators.left)(&class_a.slots)).flatten();
    let right = (mine_b && !class_a.is(&class_b))
        .then(|| (operators.right)(&class_b.slots))
        .flatten();
    let right_first = left.is_some()
        && right.is_some()
        && class_b.fast_issubclass(&*class_a)
        && is_overloaded(vm, &class_a, &class_b, operators.right_name);
    if right_first {
        [right, left]
    } else {
        [left, right]
    }
}

/// Whether `b` has a method of that name that `a` does not have.
fn is_overloaded(vm: &VirtualMachine, a: &Py<PyType>, b: &Py<PyType>, name: &'static str) -> bool {
    let name = vm.ctx.intern_str(name);
    match (a.get_attr(name), b.get_attr(name)) {
        (Some(of_a), Some(of_b)) => !of_a.is(&of_b),
        (None, Some(_)) => true,
        (_, None) => false,
    }
}

/// Tries the candidates until one knows the operation.
fn first_implemented<F: Copy>(
    vm: &VirtualMachine,
    candidates: [Option<F>; 2],
    call: impl Fn(F) -> PyResult,
) -> PyResult {
    for f in candidates.into_iter().flatten() {
        let result = call(f)?;
        if !result.is(&vm.ctx.not_implemented) {
            return Ok(result);
        }
    }
    Ok(vm.ctx.not_implemented())
}

macro_rules! binary {
    ($($c:ident $left:ident $right:ident $right_name:literal;)*) => {$(
        #[inline(never)]
        pub(super) unsafe extern "C" fn $c<const VIRTUAL: bool>(
            a: *mut PyObject,
            b: *mut PyObject,
        ) -> *mut PyObject {
            border(|vm| {
                let operators = Operators::<PyNumberBinaryFunc> {
                    slot: slot::$c,
                    own: $c::<VIRTUAL> as *const () as Function,
                    left: |s| s.as_number.$left.load(),
                    right: |s| s.as_number.$right.load(),
                    right_name: $right_name,
                };
                // SAFETY: C passes live objects.
                let (va, vb, candidates) = unsafe {
                    let (va, vb) = (object(vm, a)?, object(vm, b)?);
                    let found = candidates::<VIRTUAL, _>(vm, &operators, (a, &va), (b, &vb));
                    (va, vb, found)
                };
                python(|| first_implemented(vm, candidates, |f| f(&va, &vb, vm)))
            })
        }
    )*};
}

binary! {
    nb_add add right_add "__radd__";
    nb_subtract subtract right_subtract "__rsub__";
    nb_multiply multiply right_multiply "__rmul__";
    nb_remainder remainder right_remainder "__rmod__";
    nb_divmod divmod right_divmod "__rdivmod__";
    nb_lshift lshift right_lshift "__rlshift__";
    nb_rshift rshift right_rshift "__rrshift__";
    nb_and and right_and "__rand__";
    nb_xor xor right_xor "__rxor__";
    nb_or or right_or "__ror__";
    nb_floor_divide floor_divide right_floor_divide "__rfloordiv__";
    nb_true_divide true_divide right_true_divide "__rtruediv__";
    nb_matrix_multiply matrix_multiply right_matrix_multiply "__rmatmul__";
}

/// `nb_power`; `c` is `None` for the binary operation.
#[inline(never)]
pub(super) unsafe extern "C" fn nb_power<const VIRTUAL: bool>(
    a: *mut PyObject,
    b: *mut PyObject,
    c: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        let operators = Operators::<PyNumberTernaryFunc> {
            slot: slot::nb_power,
            own: nb_power::<VIRTUAL> as *const () as Function,
            left: |s| s.as_number.power.load(),
            right: |s| s.as_number.right_power.load(),
            right_name: "__rpow__",
        };
        // SAFETY: C passes live objects.
        let (va, vb, vc, candidates) = unsafe {
            let (va, vb, vc) = (object(vm, a)?, object(vm, b)?, object(vm, c)?);
            let found = candidates::<VIRTUAL, _>(vm, &operators, (a, &va), (b, &vb));
            (va, vb, vc, found)
        };
        python(|| first_implemented(vm, candidates, |f| f(&va, &vb, &vc, vm)))
    })
}

macro_rules! inplace {
    ($($c:ident $name:literal $field:ident;)*) => {$(
        #[inline(never)]
        pub(super) unsafe extern "C" fn $c<const VIRTUAL: bool>(
            a: *mut PyObject,
            b: *mut PyObject,
        ) -> *mut PyObject {
            border(|vm| {
                // SAFETY: C passes live objects.
                let (a, b) = unsafe { (object(vm, a)?, object(vm, b)?) };
                let f: PyNumberBinaryFunc =
                    load::<VIRTUAL, _>(vm, &a, $name, |s| s.as_number.$field.load())?;
                python(|| f(&a, &b, vm))
            })
        }
    )*};
}

inplace! {
    nb_inplace_add "__iadd__" inplace_add;
    nb_inplace_subtract "__isub__" inplace_subtract;
    nb_inplace_multiply "__imul__" inplace_multiply;
    nb_inplace_remainder "__imod__" inplace_remainder;
    nb_inplace_lshift "__ilshift__" inplace_lshift;
    nb_inplace_rshift "__irshift__" inplace_rshift;
    nb_inplace_and "__iand__" inplace_and;
    nb_inplace_xor "__ixor__" inplace_xor;
    nb_inplace_or "__ior__" inplace_or;
    nb_inplace_floor_divide "__ifloordiv__" inplace_floor_divide;
    nb_inplace_true_divide "__itruediv__" inplace_true_divide;
    nb_inplace_matrix_multiply "__imatmul__" inplace_matrix_multiply;
}

#[inline(never)]
pub(super) unsafe extern "C" fn nb_inplace_power<const VIRTUAL: bool>(
    a: *mut PyObject,
    b: *mut PyObject,
    c: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C passes live objects.
        let (a, b, c) = unsafe { (object(vm, a)?, object(vm, b)?, object(vm, c)?) };
        let f = load::<VIRTUAL, _>(vm, &a, "__ipow__", |s| s.as_number.inplace_power.load())?;
        python(|| f(&a, &b, &c, vm))
    })
}

#[inline(never)]
pub(super) unsafe extern "C" fn sq_length<const VIRTUAL: bool>(p: *mut PyObject) -> Py_ssize_t {
    border(|vm| {
        // SAFETY: C passes a live object.
        let v = unsafe { object(vm, p)? };
        let f = load::<VIRTUAL, _>(vm, &v, "__len__", |s| s.as_sequence.length.load())?;
        python(|| f(v.sequence_unchecked(), vm)).map(|n| n as Py_ssize_t)
    })
}

#[inline(never)]
pub(super) unsafe extern "C" fn mp_length<const VIRTUAL: bool>(p: *mut PyObject) -> Py_ssize_t {
    border(|vm| {
        // SAFETY: C passes a live object.
        let v = unsafe { object(vm, p)? };
        let f = load::<VIRTUAL, _>(vm, &v, "__len__", |s| s.as_mapping.length.load())?;
        python(|| f(v.mapping_unchecked(), vm)).map(|n| n as Py_ssize_t)
    })
}

macro_rules! concat {
    ($($c:ident $name:literal $field:ident;)*) => {$(
        #[inline(never)]
        unsafe extern "C" fn $c(a: *mut PyObject, b: *mut PyObject) -> *mut PyObject {
            border(|vm| {
                // SAFETY: C passes live objects.
                let (a, b) = unsafe { (object(vm, a)?, object(vm, b)?) };
                let f = load::<false, _>(vm, &a, $name, |s| s.as_sequence.$field.load())?;
                python(|| f(a.sequence_unchecked(), &b, vm))
            })
        }
    )*};
}

concat! {
    sq_concat "__add__" concat;
    sq_inplace_concat "__iadd__" inplace_concat;
}

macro_rules! with_index {
    ($($c:ident $name:literal $field:ident;)*) => {$(
        #[inline(never)]
        pub(super) unsafe extern "C" fn $c<const VIRTUAL: bool>(
            p: *mut PyObject,
            n: Py_ssize_t,
        ) -> *mut PyObject {
            border(|vm| {
                // SAFETY: C passes a live object.
                let v = unsafe { object(vm, p)? };
                let f = load::<VIRTUAL, _>(vm, &v, $name, |s| s.as_sequence.$field.load())?;
                python(|| f(v.sequence_unchecked(), n, vm))
            })
        }
    )*};
}

with_index! {
    sq_repeat "__mul__" repeat;
    sq_inplace_repeat "__imul__" inplace_repeat;
}

/// Built-in sequences do not count from the end here: `PySequence_GetItem`
/// has done that already.
fn check_index<const VIRTUAL: bool>(
    vm: &VirtualMachine,
    v: &VmObject,
    n: Py_ssize_t,
    what: &str,
) -> PyResult<()> {
    if VIRTUAL || n >= 0 {
        return Ok(());
    }
    let class = receiver::<VIRTUAL>(v);
    let name = class.slot_name();
    let name = if &*name == "str" { "string" } else { &name };
    Err(vm.new_index_error(format!("{name} {what} out of range")))
}

#[inline(never)]
pub(super) unsafe extern "C" fn sq_item<const VIRTUAL: bool>(
    p: *mut PyObject,
    n: Py_ssize_t,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C passes a live object.
        let v = unsafe { object(vm, p)? };
        check_index::<VIRTUAL>(vm, &v, n, "index")?;
        // The VM's built-in sequences know better how to say that an index is out of range.
        let subscript = receiver::<VIRTUAL>(&v).slots.as_mapping.subscript.load();
        if let Some(f) = subscript.filter(|_| !VIRTUAL) {
            let n = vm.ctx.new_int(n);
            return python(|| f(v.mapping_unchecked(), n.as_object(), vm));
        }
        let f = load::<VIRTUAL, _>(vm, &v, "__getitem__", |s| s.as_sequence.item.load())?;
        python(|| f(v.sequence_unchecked(), n, vm))
    })
}

/// `sq_ass_item`; a NULL value deletes.
#[inline(never)]
pub(super) unsafe extern "C" fn sq_ass_item<const VIRTUAL: bool>(
    p: *mut PyObject,
    n: Py_ssize_t,
    value: *mut PyObject,
) -> c_int {
    border(|vm| {
        // SAFETY: C passes live objects, or NULL.
        let (v, value) = unsafe { (object(vm, p)?, optional(vm, value)) };
        check_index::<VIRTUAL>(vm, &v, n, "assignment index")?;
        let f = load::<VIRTUAL, _>(vm, &v, "__setitem__", |s| s.as_sequence.ass_item.load())?;
        python(|| f(v.sequence_unchecked(), n, value, vm))
    })
}

#[inline(never)]
pub(super) unsafe extern "C" fn sq_contains<const VIRTUAL: bool>(
    p: *mut PyObject,
    item: *mut PyObject,
) -> c_int {
    border(|vm| {
        // SAFETY: C passes live objects.
        let (v, item) = unsafe { (object(vm, p)?, object(vm, item)?) };
        let f = load::<VIRTUAL, _>(vm, &v, "__contains__", |s| s.as_sequence.contains.load())?;
        python(|| f(v.sequence_unchecked(), &item, vm))
    })
}

#[inline(never)]
pub(super) unsafe extern "C" fn mp_subscript<const VIRTUAL: bool>(
    p: *mut PyObject,
    key: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C passes live objects.
        let (v, key) = unsafe { (object(vm, p)?, object(vm, key)?) };
        let f = load::<VIRTUAL, _>(vm, &v, "__getitem__", |s| s.as_mapping.subscript.load())?;
        python(|| f(v.mapping_unchecked(), &key, vm))
    })
}

/// `mp_ass_subscript`; a NULL value deletes.
#[inline(never)]
pub(super) unsafe extern "C" fn mp_ass_subscript<const VIRTUAL: bool>(
    p: *mut PyObject,
    key: *mut PyObject,
    value: *mut PyObject,
) -> c_int {
    border(|vm| {
        // SAFETY: C passes live objects, or NULL.
        let (v, key, value) = unsafe { (object(vm, p)?, object(vm, key)?, optional(vm, value)) };
        let f = load::<VIRTUAL, _>(vm, &v, "__setitem__", |s| s.as_mapping.ass_subscript.load())?;
        python(|| f(v.mapping_unchecked(), &key, value, vm))
    })
}

#[inline(never)]
pub(super) unsafe extern "C" fn tp_repr<const VIRTUAL: bool>(p: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C passes a live object.
        let v = unsafe { object(vm, p)? };
        let f = load::<VIRTUAL, _>(vm, &v, "__repr__", |s| s.repr.load())?;
        python(|| f(&v, vm))
    })
}

#[inline(never)]
pub(super) unsafe extern "C" fn tp_str<const VIRTUAL: bool>(p: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C passes a live object.
        let v = unsafe { object(vm, p)? };
        // Some built-in classes have a method and no slot.
        let name = vm.ctx.intern_str("__str__");
        let own = receiver::<VIRTUAL>(&v).get_attr(name);
        let general = vm.ctx.types.object_type.get_attr(name);
        if let (false, Some(own), Some(general)) = (VIRTUAL, own, general)
            && !own.is(&general)
        {
            let text = python(|| own.call((v,), vm))?;
            return text.try_into_value(vm);
        }
        let f = load::<VIRTUAL, _>(vm, &v, "__str__", |s| s.str.load())?;
        python(|| f(&v, vm))
    })
}

#[inline(never)]
pub(super) unsafe extern "C" fn tp_hash<const VIRTUAL: bool>(p: *mut PyObject) -> Py_hash_t {
    border(|vm| {
        // SAFETY: C passes a live object.
        let v = unsafe { object(vm, p)? };
        let f = load::<VIRTUAL, _>(vm, &v, "__hash__", |s| s.hash.load())?;
        let hash: c_long = python(|| f(&v, vm))?;
        if !VIRTUAL {
            // SAFETY: as above.
            unsafe { remember_hash(p, hash as Py_hash_t) };
        }
        Ok(hash)
    }) as Py_hash_t
}

/// Keeps the hash of a string where CPython does, and C reads it inline.
///
/// # Safety
/// `p` is live and `hash` is that of a built-in type.
pub unsafe fn remember_hash(p: *mut PyObject, hash: Py_hash_t) {
    // SAFETY: by this function's contract; the flag tells the struct.
    unsafe {
        if PyType_HasFeature((*p).ob_type, Py_TPFLAGS_UNICODE_SUBCLASS) {
            (*p.cast::<PyASCIIObject>()).hash = hash;
        }
    }
}

#[inline(never)]
pub(super) unsafe extern "C" fn tp_call<const VIRTUAL: bool>(
    p: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C passes a live object, a tuple, and a dict or NULL.
        let (v, args) = unsafe { (object(vm, p)?, func_args(vm, args, kwargs)?) };
        let f = load::<VIRTUAL, _>(vm, &v, "__call__", |s| s.call.load())?;
        python(|| f(&v, args, vm))
    })
}

/// An attribute's name, which must be a string.
fn attribute_name<'a>(vm: &VirtualMachine, name: &'a PyObjectRef) -> PyResult<&'a Py<PyStr>> {
    name.downcast_ref::<PyStr>().ok_or_else(|| {
        vm.new_type_error(format!(
            "attribute name must be string, not '{}'",
            name.class().name()
        ))
    })
}

#[inline(never)]
pub(super) unsafe extern "C" fn tp_getattro<const VIRTUAL: bool>(
    p: *mut PyObject,
    name: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C passes live objects.
        let (v, name) = unsafe { (object(vm, p)?, object(vm, name)?) };
        let name = attribute_name(vm, &name)?;
        let f = load::<VIRTUAL, _>(vm, &v, "__getattribute__", |s| s.getattro.load())?;
        python(|| f(&v, name, vm))
    })
}

/// `tp_setattro`; a NULL value deletes.
#[inline(never)]
pub(super) unsafe extern "C" fn tp_setattro<const VIRTUAL: bool>(
    p: *mut PyObject,
    name: *mut PyObject,
    value: *mut PyObject,
) -> c_int {
    border(|vm| {
        // SAFETY: C passes live objects, or NULL.
        let (v, name, value) = unsafe { (object(vm, p)?, object(vm, name)?, optional(vm, value)) };
        let name = attribute_name(vm, &name)?;
        let f = load::<VIRTUAL, _>(vm, &v, "__setattr__", |s| s.setattro.load())?;
        python(|| f(&v, name, setter_value(value), vm))
    })
}

fn setter_value(value: Option<PyObjectRef>) -> PySetterValue {
    value.map_or(PySetterValue::Delete, PySetterValue::Assign)
}

/// C's comparison operator; `None` for a number that is none.
pub fn comparison(op: c_int) -> Option<PyComparisonOp> {
    Some(match op {
        Py_LT => PyComparisonOp::Lt,
        Py_LE => PyComparisonOp::Le,
        Py_EQ => PyComparisonOp::Eq,
        Py_NE => PyComparisonOp::Ne,
        Py_GT => PyComparisonOp::Gt,
        Py_GE => PyComparisonOp::Ge,
        _ => return None,
    })
}

#[inline(never)]
pub(super) unsafe extern "C" fn tp_richcompare<const VIRTUAL: bool>(
    a: *mut PyObject,
    b: *mut PyObject,
    op: c_int,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C passes live objects.
        let (a, b) = unsafe { (object(vm, a)?, object(vm, b)?) };
        let op = comparison(op).ok_or_else(|| api::bad_internal_call(vm))?;
        let Some(f) = receiver::<VIRTUAL>(&a).slots.richcompare.load() else {
            return Ok(vm.ctx.not_implemented());
        };
        Ok(match python(|| f(&a, &b, op, vm))? {
            Either::A(result) => result,
            Either::B(value) => value.to_pyobject(vm),
        })
    })
}

#[inline(never)]
pub(super) unsafe extern "C" fn tp_iter<const VIRTUAL: bool>(p: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C passes a live object.
        let v = unsafe { object(vm, p)? };
        let f = load::<VIRTUAL, _>(vm, &v, "__iter__", |s| s.iter.load())?;
        python(|| f(v, vm))
    })
}

/// Whether an iterator's next step runs no Python code, waits for nothing and
/// changes no container: C loops over such ones without a crossing each time.
pub fn is_quiet_iterator(vm: &VirtualMachine, v: &VmObject) -> bool {
    let types = &vm.ctx.types;
    let class = v.class();
    [
        types.list_iterator_type,
        types.tuple_iterator_type,
        types.range_iterator_type,
        types.dict_keyiterator_type,
        types.dict_valueiterator_type,
        types.dict_itemiterator_type,
        types.set_iterator_type,
        types.str_iterator_type,
        types.bytes_iterator_type,
        types.list_reverseiterator_type,
        types.dict_reversekeyiterator_type,
        types.dict_reversevalueiterator_type,
        types.dict_reverseitemiterator_type,
    ]
    .into_iter()
    .any(|quiet| class.is(quiet))
}

/// `tp_iternext`: NULL without an error at the end, unless the end has a value.
#[inline(never)]
pub(super) unsafe extern "C" fn tp_iternext<const VIRTUAL: bool>(
    p: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C passes a live object.
        let v = unsafe { object(vm, p)? };
        let f = load::<VIRTUAL, _>(vm, &v, "__next__", |s| s.iternext.load())?;
        let quiet = is_quiet_iterator(vm, &v);
        let next = if quiet {
            f(&v, vm)
        } else {
            python(|| f(&v, vm))
        };
        match next? {
            PyIterReturn::Return(item) => Ok(Some(item)),
            PyIterReturn::StopIteration(None) => {
                if quiet {
                    // It let go of what it iterated over, which may have died.
                    mirror::before_c(vm);
                }
                Ok(None)
            }
            PyIterReturn::StopIteration(value) => Err(vm.new_stop_iteration(value)),
        }
    })
}

/// `tp_descr_get`; `instance` and `owner` may be NULL.
#[inline(never)]
pub(super) unsafe extern "C" fn tp_descr_get<const VIRTUAL: bool>(
    p: *mut PyObject,
    instance: *mut PyObject,
    owner: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C passes live objects, or NULL.
        let (v, instance, owner) =
            unsafe { (object(vm, p)?, optional(vm, instance), optional(vm, owner)) };
        let Some(f) = receiver::<VIRTUAL>(&v).slots.descr_get.load() else {
            // As CPython: the `__get__` may be gone from the class meanwhile.
            return Ok(v);
        };
        python(|| f(&v, instance.as_deref(), owner.as_deref(), vm))
    })
}

/// `tp_descr_set`; a NULL value deletes.
#[inline(never)]
pub(super) unsafe extern "C" fn tp_descr_set<const VIRTUAL: bool>(
    p: *mut PyObject,
    instance: *mut PyObject,
    value: *mut PyObject,
) -> c_int {
    border(|vm| {
        // SAFETY: C passes live objects, or NULL.
        let (v, instance, value) =
            unsafe { (object(vm, p)?, object(vm, instance)?, optional(vm, value)) };
        let f = load::<VIRTUAL, _>(vm, &v, "__set__", |s| s.descr_set.load())?;
        python(|| f(&v, instance, setter_value(value), vm))
    })
}

/// `tp_init` of a Python class that defines `__init__`.
#[inline(never)]
pub(super) unsafe extern "C" fn tp_init(
    p: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> c_int {
    border(|vm| {
        // SAFETY: C passes a live object, a tuple, and a dict or NULL.
        let (v, args) = unsafe { (object(vm, p)?, func_args(vm, args, kwargs)?) };
        let f = load::<true, _>(vm, &v, "__init__", |s| s.init.load())?;
        python(|| f(&v, args, vm))
    })
}

/// `tp_new` of a Python class that defines `__new__`.
#[inline(never)]
pub(super) unsafe extern "C" fn tp_new(
    t: *mut PyTypeObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    border(|vm| {
        // SAFETY: C passes a live type, a tuple, and a dict or NULL.
        let (class, mut args) = unsafe { (object(vm, t)?, func_args(vm, args, kwargs)?) };
        python(|| {
            let new = class.get_attr("__new__", vm)?;
            args.prepend_arg(class);
            new.call(args, vm)
        })
    })
}

/// `tp_finalize` of a Python class that defines `__del__`, which the VM runs
/// once, before an object of its dies. That has happened if there was one;
/// else it happens to one that is made for it.
#[inline(never)]
pub(super) unsafe extern "C" fn tp_finalize(p: *mut PyObject) {
    border(|vm| {
        // SAFETY: C passes a live object.
        unsafe {
            let prefix = prefix_of_or_new(p);
            let plain = mirror::base_kind_of_type((*p).ob_type) == Kind::Header;
            if !(*prefix).link.is_null() || (*prefix).has(flag::OUTLIVED_VM) || !plain {
                return Ok(api::Nothing);
            }
            refcount::incref(p);
            let v = instance::consume(vm, p);
            error::undisturbed(|| python(|| drop(v)));
        }
        Ok(api::Nothing)
    })
}

macro_rules! special_method {
    ($($c:ident $name:literal;)*) => {$(
        /// The VM has no slot for it: calls the special method.
        #[inline(never)]
        pub(super) unsafe extern "C" fn $c<const VIRTUAL: bool>(p: *mut PyObject) -> *mut PyObject {
            border(|vm| {
                // SAFETY: C passes a live object.
                let v = unsafe { object(vm, p)? };
                let name = vm.ctx.intern_str($name);
                let method = receiver::<VIRTUAL>(&v)
                    .get_attr(name)
                    .ok_or_else(|| missing(vm, &v, $name))?;
                python(|| {
                    let class: PyObjectRef = v.class().to_owned().into();
                    vm.call_get_descriptor_specific(&method, Some(&v), Some(&class))
                        .unwrap_or(Ok(method))?
                        .call((), vm)
                })
            })
        }
    )*};
}

special_method! {
    am_await "__await__";
    am_aiter "__aiter__";
    am_anext "__anext__";
}

/// `am_send` of generators and coroutines.
#[inline(never)]
unsafe extern "C" fn am_send(
    p: *mut PyObject,
    value: *mut PyObject,
    result: *mut *mut PyObject,
) -> PySendResult {
    let mut outcome = PYGEN_ERROR;
    let sent = border(|vm| {
        // SAFETY: C passes live objects.
        let (v, value) = unsafe { (object(vm, p)?, object(vm, value)?) };
        match python(|| vm.call_method(&v, "send", (value,))) {
            Ok(item) => {
                outcome = PYGEN_NEXT;
                Ok(item)
            }
            Err(e) if e.fast_isinstance(vm.ctx.exceptions.stop_iteration) => {
                outcome = PYGEN_RETURN;
                e.as_object().get_attr("value", vm)
            }
            Err(e) => Err(e),
        }
    });
    // SAFETY: C passes a place for the result.
    unsafe { *result = sent };
    if sent.is_null() { PYGEN_ERROR } else { outcome }
}

/// The C functions of one slot.
struct Trampolines {
    slot: Slot,
    /// Of built-in types; NULL where those have none.
    bound: Function,
    /// Of Python classes; NULL for slots that these leave empty.
    virtual_: Function,
    /// Whether a built-in class has the operation.
    present: fn(&VirtualMachine, &Py<PyType>) -> bool,
}

// SAFETY: the pointers are addresses of functions.
unsafe impl Sync for Trampolines {}

macro_rules! trampolines {
    ($($c:ident $($field:ident).+;)*) => {
        [$(Trampolines {
            slot: slot::$c,
            bound: $c::<false> as *const () as Function,
            virtual_: $c::<true> as *const () as Function,
            present: |_, class| class.slots.$($field).+.load().is_some(),
        }),*]
    };
}

static TRAMPOLINES: [Trampolines; 53] = trampolines! {
    nb_add as_number.add;
    nb_subtract as_number.subtract;
    nb_multiply as_number.multiply;
    nb_remainder as_number.remainder;
    nb_divmod as_number.divmod;
    nb_power as_number.power;
    nb_negative as_number.negative;
    nb_positive as_number.positive;
    nb_absolute as_number.absolute;
    nb_bool as_number.boolean;
    nb_invert as_number.invert;
    nb_lshift as_number.lshift;
    nb_rshift as_number.rshift;
    nb_and as_number.and;
    nb_xor as_number.xor;
    nb_or as_number.or;
    nb_int as_number.int;
    nb_float as_number.float;
    nb_inplace_add as_number.inplace_add;
    nb_inplace_subtract as_number.inplace_subtract;
    nb_inplace_multiply as_number.inplace_multiply;
    nb_inplace_remainder as_number.inplace_remainder;
    nb_inplace_power as_number.inplace_power;
    nb_inplace_lshift as_number.inplace_lshift;
    nb_inplace_rshift as_number.inplace_rshift;
    nb_inplace_and as_number.inplace_and;
    nb_inplace_xor as_number.inplace_xor;
    nb_inplace_or as_number.inplace_or;
    nb_floor_divide as_number.floor_divide;
    nb_true_divide as_number.true_divide;
    nb_inplace_floor_divide as_number.inplace_floor_divide;
    nb_inplace_true_divide as_number.inplace_true_divide;
    nb_index as_number.index;
    nb_matrix_multiply as_number.matrix_multiply;
    nb_inplace_matrix_multiply as_number.inplace_matrix_multiply;
    mp_length as_mapping.length;
    mp_subscript as_mapping.subscript;
    mp_ass_subscript as_mapping.ass_subscript;
    sq_length as_sequence.length;
    sq_item as_sequence.item;
    sq_ass_item as_sequence.ass_item;
    sq_contains as_sequence.contains;
    tp_repr repr;
    tp_str str;
    tp_hash hash;
    tp_call call;
    tp_getattro getattro;
    tp_setattro setattro;
    tp_richcompare richcompare;
    tp_iter iter;
    tp_iternext iternext;
    tp_descr_get descr_get;
    tp_descr_set descr_set;
};

/// Slots that exist once, and those that only one kind of class has.
static OTHERS: [Trampolines; 13] = {
    const NULL: Function = ptr::null();
    const NEVER: fn(&VirtualMachine, &Py<PyType>) -> bool = |_, _| false;
    const fn sequence(
        slot: Slot,
        bound: Function,
        present: fn(&VirtualMachine, &Py<PyType>) -> bool,
    ) -> Trampolines {
        // A Python class with `__add__` fills `nb_add`, not `sq_concat`.
        Trampolines {
            slot,
            bound,
            virtual_: NULL,
            present,
        }
    }
    [
        sequence(
            slot::sq_concat,
            sq_concat as *const () as Function,
            |_, class| class.slots.as_sequence.concat.load().is_some(),
        ),
        sequence(
            slot::sq_repeat,
            sq_repeat::<false> as *const () as Function,
            |_, class| class.slots.as_sequence.repeat.load().is_some(),
        ),
        sequence(
            slot::sq_inplace_concat,
            sq_inplace_concat as *const () as Function,
            |_, class| class.slots.as_sequence.inplace_concat.load().is_some(),
        ),
        sequence(
            slot::sq_inplace_repeat,
            sq_inplace_repeat::<false> as *const () as Function,
            |_, class| class.slots.as_sequence.inplace_repeat.load().is_some(),
        ),
        Trampolines {
            slot: slot::bf_getbuffer,
            bound: pybuffer::vm_getbuffer as *const () as Function,
            virtual_: pybuffer::vm_getbuffer as *const () as Function,
            present: |_, class| class.slots.as_buffer.load().is_some(),
        },
        Trampolines {
            slot: slot::bf_releasebuffer,
            bound: pybuffer::vm_releasebuffer as *const () as Function,
            virtual_: pybuffer::vm_releasebuffer as *const () as Function,
            present: |_, class| class.slots.as_buffer.load().is_some(),
        },
        Trampolines {
            slot: slot::am_await,
            bound: am_await::<false> as *const () as Function,
            virtual_: am_await::<true> as *const () as Function,
            present: |vm, class| has(vm, class, "__await__"),
        },
        Trampolines {
            slot: slot::am_aiter,
            bound: am_aiter::<false> as *const () as Function,
            virtual_: am_aiter::<true> as *const () as Function,
            present: |vm, class| has(vm, class, "__aiter__"),
        },
        Trampolines {
            slot: slot::am_anext,
            bound: am_anext::<false> as *const () as Function,
            virtual_: am_anext::<true> as *const () as Function,
            present: |vm, class| has(vm, class, "__anext__"),
        },
        Trampolines {
            slot: slot::am_send,
            bound: am_send as *const () as Function,
            virtual_: NULL,
            present: |vm, class| {
                class.is(vm.ctx.types.generator_type) || class.is(vm.ctx.types.coroutine_type)
            },
        },
        Trampolines {
            slot: slot::tp_init,
            bound: derived::builtin_init as *const () as Function,
            virtual_: tp_init as *const () as Function,
            present: NEVER,
        },
        Trampolines {
            slot: slot::tp_new,
            bound: derived::builtin_new as *const () as Function,
            virtual_: tp_new as *const () as Function,
            present: NEVER,
        },
        Trampolines {
            slot: slot::tp_finalize,
            bound: NULL,
            virtual_: tp_finalize as *const () as Function,
            present: NEVER,
        },
    ]
};

fn all() -> impl Iterator<Item = &'static Trampolines> {
    TRAMPOLINES.iter().chain(&OTHERS)
}

fn has(vm: &VirtualMachine, class: &Py<PyType>, name: &'static str) -> bool {
    class.has_attr(vm.ctx.intern_str(name))
}

/// The function that Python classes have for `slot`, NULL if none.
pub fn virtual_function(slot: Slot) -> Function {
    all()
        .find(|entry| entry.slot == slot)
        .map_or(ptr::null(), |entry| entry.virtual_)
}

/// Whether `function` is the VM's own for `slot`: its class already has the
/// operation without C's help.
pub fn is_trampoline(slot: Slot, function: Function) -> bool {
    all().any(|entry| entry.slot == slot && (function == entry.bound || function == entry.virtual_))
}

/// Fills the slots of `t`, the mirror of `class`.
///
/// # Safety
/// `t` is the mirror of `class`, a class of the VM's or a Python class, whose
/// bases are filled; the lock is held.
pub unsafe fn fill(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    t: *mut PyTypeObject,
    python_class: bool,
) {
    // SAFETY: by this function's contract.
    unsafe {
        if python_class && class.heaptype_ext.is_some() {
            for entry in all() {
                resolve(vm, class, t, entry);
            }
            return;
        }
        // The truth of a sequence is its length, in C.
        let sequence = class.slots.as_sequence.concat.load().is_some();
        for entry in all().filter(|entry| (entry.present)(vm, class)) {
            if entry.slot == slot::nb_bool && sequence {
                continue;
            }
            entry.slot.set(t, builtin_function(vm, class, entry));
        }
    }
}

/// The function of a built-in class that has the operation. Where CPython's
/// API has a function for it, C code compares with its address.
fn builtin_function(vm: &VirtualMachine, class: &Py<PyType>, entry: &Trampolines) -> Function {
    let object = &vm.ctx.types.object_type.slots;
    let same = match entry.slot {
        slot::tp_getattro => {
            let (own, generic) = (class.slots.getattro.load(), object.getattro.load());
            own.zip(generic).is_some_and(|(a, b)| ptr::fn_addr_eq(a, b))
        }
        slot::tp_setattro => {
            let (own, generic) = (class.slots.setattro.load(), object.setattro.load());
            own.zip(generic).is_some_and(|(a, b)| ptr::fn_addr_eq(a, b))
        }
        slot::tp_hash => class
            .get_attr(vm.ctx.intern_str("__hash__"))
            .is_some_and(|hash| vm.is_none(&hash)),
        _ => false,
    };
    match entry.slot {
        slot::tp_getattro if same => c_object::PyObject_GenericGetAttr as *const () as Function,
        slot::tp_setattro if same => c_object::PyObject_GenericSetAttr as *const () as Function,
        slot::tp_hash if same => hash_not_implemented(),
        _ => entry.bound,
    }
}

/// `PyObject_HashNotImplemented`.
pub fn hash_not_implemented() -> Function {
    c_object::PyObject_HashNotImplemented as *const () as Function
}

/// The class in the MRO that has the name, and what it has there.
fn lookup(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    name: &'static str,
) -> Option<(PyTypeRef, PyObjectRef)> {
    let name = vm.ctx.intern_str(name);
    class
        .mro
        .read()
        .iter()
        .find_map(|c| Some((c.clone(), c.attributes.get(name)?)))
}

/// What one special method asks for in its slot.
enum Wanted {
    /// Nothing: there is no such method, or it belongs to another slot.
    Nothing,
    /// Exactly this function.
    Function(Function),
    /// The function that re-resolves on each call.
    Virtual,
}

/// Computes one slot of `t` from the methods of `class`: CPython's `update_one_slot`.
unsafe fn resolve(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    t: *mut PyTypeObject,
    entry: &Trampolines,
) {
    let mut specific: Function = ptr::null();
    let mut generic = false;
    for def in of_slot(entry.slot) {
        // SAFETY: by the callers' contract.
        match unsafe { wanted(vm, class, entry, def) } {
            Wanted::Nothing => {}
            Wanted::Function(f) if specific.is_null() || specific == f => specific = f,
            Wanted::Function(_) | Wanted::Virtual => generic = true,
        }
    }
    // SAFETY: as above; the functions are of the slot's type.
    unsafe {
        if entry.slot == slot::tp_new && !generic {
            // Like the layout, it comes from the base.
            let base = (*t).tp_base;
            if !is_c_class(class) && !base.is_null() {
                (*t).tp_new = (*base).tp_new;
            }
            return;
        }
        let none = if entry.slot == slot::tp_iternext {
            c_object::_PyObject_NextNotImplemented as *const () as Function
        } else {
            ptr::null()
        };
        let function = match (generic, specific.is_null()) {
            (true, _) => entry.virtual_,
            (false, false) => specific,
            (false, true) => none,
        };
        entry.slot.set(t, function);
        if entry.slot == slot::tp_call {
            inherit_vectorcall(t);
        }
    }
}

/// The vectorcall functions of instances are for the `tp_call` of the type
/// that made them.
unsafe fn inherit_vectorcall(t: *mut PyTypeObject) {
    // SAFETY: the callers have a live type.
    unsafe {
        let base = (*t).tp_base;
        if base.is_null() {
            return;
        }
        let same = slot::tp_call.get(t) == slot::tp_call.get(base);
        if same && PyType_HasFeature(base, Py_TPFLAGS_HAVE_VECTORCALL) {
            (*t).tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
        } else if !same {
            (*t).tp_flags &= !Py_TPFLAGS_HAVE_VECTORCALL;
        }
    }
}

unsafe fn wanted(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    entry: &Trampolines,
    def: &'static SlotDef,
) -> Wanted {
    let Some((owner, descr)) = lookup(vm, class, def.name) else {
        return Wanted::Nothing;
    };
    if vm.is_none(&descr) && def.slot == slot::tp_hash {
        return Wanted::Function(hash_not_implemented());
    }
    if let Some(wrapper) = descr.downcast_ref::<WrapperDescr>() {
        return if !std::ptr::eq(wrapper.def(), def) {
            Wanted::Nothing
        } else if class.fast_issubclass(wrapper.objclass()) {
            Wanted::Function(wrapper.function())
        } else {
            Wanted::Virtual
        };
    }
    if owner.heaptype_ext.is_none() {
        // SAFETY: a live type, by the callers' contract.
        let (function, elsewhere) = unsafe {
            let t = c_type_of(vm, &owner);
            let mut others = SLOTDEFS.iter().filter(|other| other.name == def.name);
            (
                def.slot.get(t),
                others.any(|other| !other.slot.get(t).is_null()),
            )
        };
        return if !function.is_null() {
            Wanted::Function(function)
        } else if !elsewhere && (entry.present)(vm, class) {
            Wanted::Virtual
        } else {
            Wanted::Nothing
        };
    }
    if def.slot == slot::tp_new && is_c_class(&owner) {
        return Wanted::Nothing;
    }
    Wanted::Virtual
}

/// Recomputes the slots of `t` after the attribute `name` of `class` or of one of its bases changed.
///
/// # Safety
/// `t` is the C type of `class`; the lock is held.
pub unsafe fn update(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    t: *mut PyTypeObject,
    name: &Py<PyStr>,
) {
    for def in SLOTDEFS
        .iter()
        .filter(|def| def.name.as_bytes() == name.as_bytes())
    {
        if let Some(entry) = all().find(|entry| entry.slot == def.slot) {
            // SAFETY: by this function's contract.
            unsafe { resolve(vm, class, t, entry) };
        }
    }
}

/// Slots that a type takes from an ancestor one by one.
fn inherited_one_by_one() -> impl Iterator<Item = Slot> {
    all().map(|entry| entry.slot).filter(|&slot| {
        !matches!(
            slot,
            slot::tp_getattro
                | slot::tp_setattro
                | slot::tp_richcompare
                | slot::tp_hash
                | slot::tp_init
                | slot::tp_new
                | slot::tp_finalize
        )
    })
}

/// Fills the NULL slots of `t` from `ancestor`, a class of its MRO: CPython's
/// `inherit_slots`.
///
/// # Safety
/// Both are live types, `t` with its `tp_base`, and `ancestor` is ready; the
/// lock is held.
pub unsafe fn inherit(t: *mut PyTypeObject, ancestor: *mut PyTypeObject) {
    // SAFETY: by this function's contract.
    unsafe {
        let base = (*t).tp_base;
        for slot in inherited_one_by_one() {
            let suite = slot.suite;
            if suite != Suite::Type && (suite.of(t).is_null() || suite.of(t) == suite.of(base)) {
                continue;
            }
            if slot.get(t).is_null() && defines(ancestor, slot) {
                slot.set(t, slot.get(ancestor));
            }
        }
        if (*t).tp_getattr.is_none() && (*t).tp_getattro.is_none() {
            (*t).tp_getattr = (*ancestor).tp_getattr;
            (*t).tp_getattro = (*ancestor).tp_getattro;
        }
        if (*t).tp_setattr.is_none() && (*t).tp_setattro.is_none() {
            (*t).tp_setattr = (*ancestor).tp_setattr;
            (*t).tp_setattro = (*ancestor).tp_setattro;
        }
        if (*t).tp_richcompare.is_none() && (*t).tp_hash.is_none() && !overrides_hash(t) {
            (*t).tp_richcompare = (*ancestor).tp_richcompare;
            (*t).tp_hash = (*ancestor).tp_hash;
        }
        if ancestor == base {
            share_suites(t, base);
        }
    }
}

/// Whether a type has the slot other than from its own base.
unsafe fn defines(t: *mut PyTypeObject, slot: Slot) -> bool {
    // SAFETY: by the caller's contract.
    unsafe {
        let base = (*t).tp_base;
        !slot.get(t).is_null() && (base.is_null() || slot.get(t) != slot.get(base))
    }
}

/// Whether the class has an equality of its own, which a base's hash would not fit.
unsafe fn overrides_hash(t: *mut PyTypeObject) -> bool {
    let vm = crate::thread::current_vm();
    // SAFETY: by the caller's contract.
    let class = unsafe { super::vm_type_of(vm, t) };
    ["__eq__", "__hash__"]
        .iter()
        .any(|name| class.attributes.contains(vm.ctx.intern_str(*name)))
}

/// A type without a suite uses its base's.
unsafe fn share_suites(t: *mut PyTypeObject, base: *mut PyTypeObject) {
    macro_rules! share {
        ($($suite:ident),*) => {$(
            if (*t).$suite.is_null() {
                (*t).$suite = (*base).$suite;
            }
        )*};
    }
    // SAFETY: by the caller's contract.
    unsafe {
        share!(
            tp_as_async,
            tp_as_number,
            tp_as_sequence,
            tp_as_mapping,
            tp_as_buffer
        );
    }
}
