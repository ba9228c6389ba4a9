//! `wrapper_descriptor` and `method-wrapper`: the special methods that C slots
//! give their classes.
//!
//! The VM has classes of these names for its own slots, with its own payload;
//! ours pass for them through `__class__`.

use std::ffi::c_int;
use std::mem::transmute;

use rustpython_vm::builtins::{PyMemoryView, PyStrInterned, PyType, PyTypeRef};
use rustpython_vm::class::PyClassImpl;
use rustpython_vm::function::{FuncArgs, ItemDoc, PyComparisonValue, PyMethodDef, PyMethodFlags};
use rustpython_vm::object::{Traverse, TraverseFn};
use rustpython_vm::protocol::BufferFlags;
use rustpython_vm::types::{
    Callable, Comparable, GetDescriptor, Hashable, PyComparisonOp, Representable,
};
use rustpython_vm::{
    AsObject, Py, PyObject as VmObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine,
    pyclass,
};

use super::call::{Arg, CallArgs, in_c, pointer};
use super::slotdefs::{Function, SLOTDEFS, Shape, SlotDef, slot};
use super::slots_c::{
    call_new, checked_hash, checked_length, from_the_end, slot_wrapper_name, tp_name,
};
use super::{slots_vm, vm_type_of};
use crate::api::pybuffer;
use crate::layout::*;
use crate::thread::error;

/// A special method that calls a C function with the type of its slot.
#[pyclass(name = "wrapper_descriptor", module = false, traverse = "manual")]
#[derive(PyPayload)]
pub struct WrapperDescr {
    def: &'static SlotDef,
    function: Function,
    objclass: PyTypeRef,
}

// SAFETY: the function's address is the same on every thread, and the function is called with the
// extension lock only.
unsafe impl Send for WrapperDescr {}
// SAFETY: as above.
unsafe impl Sync for WrapperDescr {}

impl std::fmt::Debug for WrapperDescr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WrapperDescr({})", self.def.name)
    }
}

// SAFETY: the class is the only object that it owns.
unsafe impl Traverse for WrapperDescr {
    fn traverse(&self, tracer: &mut TraverseFn<'_>) {
        self.objclass.traverse(tracer);
    }
}

impl WrapperDescr {
    /// The special method.
    pub fn def(&self) -> &'static SlotDef {
        self.def
    }

    /// The C function.
    pub fn function(&self) -> Function {
        self.function
    }

    /// The class that has it.
    pub fn objclass(&self) -> &Py<PyType> {
        &self.objclass
    }

    fn qualname(&self, vm: &VirtualMachine) -> PyResult<String> {
        let class = self.objclass.__qualname__(vm);
        Ok(format!("{}.{}", class.str(vm)?.as_wtf8(), self.def.name))
    }

    /// The doc without its signature, and the signature.
    fn doc_parts(&self) -> (&'static str, &'static str) {
        let (signature, doc) = self
            .def
            .doc
            .split_once("\n--\n\n")
            .expect("all entries with a wrapper have both");
        (&signature[self.def.name.len()..], doc)
    }

    fn call_on(&self, vm: &VirtualMachine, v: &VmObject, args: FuncArgs) -> PyResult {
        // SAFETY: the function is of the slot's type, and the receiver an
        // instance of the class that has the slot.
        unsafe { call_slot(vm, self.def, self.function, v, args) }
    }
}

impl Callable for WrapperDescr {
    type Args = FuncArgs;

    fn call(zelf: &Py<Self>, mut args: FuncArgs, vm: &VirtualMachine) -> PyResult {
        let name = zelf.def.name;
        if args.args.is_empty() {
            return Err(vm.new_type_error(format!(
                "descriptor '{name}' of '{}' object needs an argument",
                tp_name(vm, &zelf.objclass)
            )));
        }
        let receiver = args.shift();
        if !receiver.class().fast_issubclass(&*zelf.objclass) {
            return Err(vm.new_type_error(format!(
                "descriptor '{name}' requires a '{}' object but received a '{}'",
                tp_name(vm, &zelf.objclass),
                tp_name(vm, receiver.class())
            )));
        }
        zelf.call_on(vm, &receiver, args)
    }
}

impl GetDescriptor for WrapperDescr {
    fn descr_get(
        zelf: &VmObject,
        instance: Option<&VmObject>,
        _owner: Option<&VmObject>,
        vm: &VirtualMachine,
    ) -> PyResult {
        let Some(instance) = instance else {
            return Ok(zelf.to_owned());
        };
        let descr = zelf
            .to_owned()
            .downcast::<Self>()
            .map_err(|_| vm.new_type_error("not a wrapper_descriptor"))?;
        if !instance.class().fast_issubclass(&*descr.objclass) {
            return Err(vm.new_type_error(format!(
                "descriptor '{}' for '{}' objects doesn't apply to a '{}' object",
                descr.def.name,
                tp_name(vm, &descr.objclass),
                tp_name(vm, instance.class())
            )));
        }
        Ok(bind(vm, descr, instance.to_owned()))
    }
}

impl Representable for WrapperDescr {
    fn repr_str(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<String> {
        Ok(format!(
            "<slot wrapper '{}' of '{}' objects>",
            zelf.def.name,
            tp_name(vm, &zelf.objclass)
        ))
    }
}

#[pyclass(
    with(Callable, GetDescriptor, Representable),
    flags(METHOD_DESCRIPTOR, DISALLOW_INSTANTIATION)
)]
impl WrapperDescr {
    #[pygetset]
    fn __class__(_zelf: &Py<Self>, vm: &VirtualMachine) -> PyTypeRef {
        vm.ctx.types.wrapper_descriptor_type.to_owned()
    }

    #[pygetset]
    fn __name__(zelf: &Py<Self>) -> &'static str {
        zelf.def.name
    }

    #[pygetset]
    fn __qualname__(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<String> {
        zelf.qualname(vm)
    }

    #[pygetset]
    fn __objclass__(zelf: &Py<Self>) -> PyTypeRef {
        zelf.objclass.clone()
    }

    #[pygetset]
    fn __doc__(zelf: &Py<Self>) -> &'static str {
        zelf.doc_parts().1
    }

    #[pygetset]
    fn __text_signature__(zelf: &Py<Self>) -> &'static str {
        zelf.doc_parts().0
    }

    #[pymethod]
    fn __reduce__(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        reduce(vm, zelf.objclass.clone().into(), zelf.def.name)
    }
}

/// How both kinds are pickled: as an attribute of what they were found on.
fn reduce(vm: &VirtualMachine, of: PyObjectRef, name: &str) -> PyResult {
    let getattr = vm.builtins.get_attr("getattr", vm)?;
    let args = vm.ctx.new_tuple(vec![of, vm.ctx.new_str(name).into()]);
    Ok(vm.ctx.new_tuple(vec![getattr, args.into()]).into())
}

/// A [`WrapperDescr`] with its receiver.
#[pyclass(name = "method-wrapper", module = false, traverse = "manual")]
#[derive(Debug, PyPayload)]
pub struct MethodWrapper {
    descr: PyRef<WrapperDescr>,
    receiver: PyObjectRef,
}

// SAFETY: both objects that it owns are visited.
unsafe impl Traverse for MethodWrapper {
    fn traverse(&self, tracer: &mut TraverseFn<'_>) {
        self.descr.traverse(tracer);
        self.receiver.traverse(tracer);
    }
}

fn bind(vm: &VirtualMachine, descr: PyRef<WrapperDescr>, receiver: PyObjectRef) -> PyObjectRef {
    let _ = MethodWrapper::make_static_type();
    MethodWrapper { descr, receiver }.into_ref(&vm.ctx).into()
}

impl Callable for MethodWrapper {
    type Args = FuncArgs;

    fn call(zelf: &Py<Self>, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
        zelf.descr.call_on(vm, &zelf.receiver, args)
    }
}

impl Representable for MethodWrapper {
    fn repr_str(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<String> {
        Ok(format!(
            "<method-wrapper '{}' of {} object at {:#x}>",
            zelf.descr.def.name,
            tp_name(vm, zelf.receiver.class()),
            zelf.receiver.get_id()
        ))
    }
}

impl Hashable for MethodWrapper {
    fn hash(zelf: &Py<Self>, _vm: &VirtualMachine) -> PyResult<i64> {
        let hash = (zelf.descr.as_object().get_id() ^ zelf.receiver.get_id()) as i64;
        Ok(if hash == -1 { -2 } else { hash })
    }
}

impl Comparable for MethodWrapper {
    fn cmp(
        zelf: &Py<Self>,
        other: &VmObject,
        op: PyComparisonOp,
        _vm: &VirtualMachine,
    ) -> PyResult<PyComparisonValue> {
        op.eq_only(|| {
            let Some(other) = other.downcast_ref::<Self>() else {
                return Ok(PyComparisonValue::NotImplemented);
            };
            let same = zelf.descr.is(&other.descr) && zelf.receiver.is(&other.receiver);
            Ok(PyComparisonValue::Implemented(same))
        })
    }
}

#[pyclass(
    with(Callable, Representable, Hashable, Comparable),
    flags(DISALLOW_INSTANTIATION)
)]
impl MethodWrapper {
    #[pygetset]
    fn __class__(_zelf: &Py<Self>, vm: &VirtualMachine) -> PyTypeRef {
        vm.ctx.types.method_wrapper_type.to_owned()
    }

    #[pygetset]
    fn __self__(zelf: &Py<Self>) -> PyObjectRef {
        zelf.receiver.clone()
    }

    #[pygetset]
    fn __name__(zelf: &Py<Self>) -> &'static str {
        zelf.descr.def.name
    }

    #[pygetset]
    fn __qualname__(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<String> {
        zelf.descr.qualname(vm)
    }

    #[pygetset]
    fn __objclass__(zelf: &Py<Self>) -> PyTypeRef {
        zelf.descr.objclass.clone()
    }

    #[pygetset]
    fn __doc__(zelf: &Py<Self>) -> &'static str {
        zelf.descr.doc_parts().1
    }

    #[pygetset]
    fn __text_signature__(zelf: &Py<Self>) -> &'static str {
        zelf.descr.doc_parts().0
    }

    #[pymethod]
    fn __reduce__(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult {
        reduce(vm, zelf.receiver.clone(), zelf.descr.def.name)
    }
}

/// CPython's `check_num_args`.
fn check_count(vm: &VirtualMachine, args: &[PyObjectRef], count: usize) -> PyResult<()> {
    if args.len() == count {
        return Ok(());
    }
    let s = if count == 1 { "" } else { "s" };
    Err(vm.new_type_error(format!("expected {count} argument{s}, got {}", args.len())))
}

/// `PyArg_UnpackTuple`.
fn check_range(
    vm: &VirtualMachine,
    name: &str,
    args: &[PyObjectRef],
    least: usize,
    most: usize,
) -> PyResult<()> {
    let (bound, which) = if args.len() < least {
        (least, if least == most { "" } else { "at least " })
    } else if args.len() > most {
        (most, if least == most { "" } else { "at most " })
    } else {
        return Ok(());
    };
    let s = if bound == 1 { "" } else { "s" };
    Err(vm.new_type_error(format!(
        "{name} expected {which}{bound} argument{s}, got {}",
        args.len()
    )))
}

/// An index argument, as CPython's `getindex` without its adjustment.
fn index(vm: &VirtualMachine, v: &VmObject) -> PyResult<Py_ssize_t> {
    let index = v.try_index(vm)?;
    isize::try_from(index.as_bigint())
        .map_err(|_| vm.new_overflow_error("cannot fit 'int' into an index-sized integer"))
}

/// Refuses `object.__setattr__(cls, …)` and the like: what a class's
/// metaclass overrides cannot be circumvented with a base's function.
unsafe fn hackcheck(
    vm: &VirtualMachine,
    def: &SlotDef,
    function: Function,
    v: &VmObject,
    arg: &Arg<'_>,
) -> PyResult<()> {
    if v.downcast_ref::<PyType>().is_none() {
        return Ok(());
    }
    let own = slots_vm::virtual_function(def.slot);
    // SAFETY: the argument is live, and so are its type's bases.
    unsafe {
        let mut t = (*arg.p).ob_type;
        while !t.is_null() {
            let found = def.slot.get(t);
            if found == function {
                return Ok(());
            }
            if found != own {
                break;
            }
            t = (*t).tp_base;
        }
    }
    Err(vm.new_type_error(format!(
        "can't apply this {} to {} object",
        def.name,
        tp_name(vm, v.class())
    )))
}

/// Calls the function of a slot for its special method: CPython's `wrap_*` functions.
///
/// # Safety
/// `function` is of the type of `def`'s slot and may be called with `v`.
unsafe fn call_slot(
    vm: &VirtualMachine,
    def: &'static SlotDef,
    function: Function,
    v: &VmObject,
    args: FuncArgs,
) -> PyResult {
    let takes_keywords = matches!(def.shape, Shape::Call | Shape::Init);
    if !takes_keywords && !args.kwargs.is_empty() {
        return Err(vm.new_type_error(format!("wrapper {}() takes no keyword arguments", def.name)));
    }
    let positional = &args.args[..];
    let who = || slot_wrapper_name(def.name, v);
    let none = || vm.ctx.none();
    let counted = |count| check_count(vm, positional, count);
    // Before the lock is taken: this may run Python code.
    let number = match def.shape {
        Shape::IndexArg | Shape::SqItem | Shape::SqDelItem => {
            counted(1)?;
            index(vm, &positional[0])?
        }
        Shape::SqSetItem => {
            check_range(vm, def.name, positional, 2, 2)?;
            index(vm, &positional[0])?
        }
        Shape::GetBuffer => {
            check_range(vm, def.name, positional, 1, 1)?;
            index(vm, &positional[0])?
        }
        _ => 0,
    };
    match def.shape {
        Shape::GetBuffer => {
            let flags = c_int::try_from(number)
                .map_err(|_| vm.new_overflow_error("buffer flags out of range"))?;
            let flags = BufferFlags::from_bits_retain(flags as u32);
            let buffer = pybuffer::buffer_of_c(v, flags, vm)?;
            return Ok(PyMemoryView::from_buffer(buffer, vm)?
                .into_ref(&vm.ctx)
                .into());
        }
        Shape::ReleaseBuffer => {
            check_range(vm, def.name, positional, 1, 1)?;
            return release_buffer(vm, v, &positional[0]).map(|()| none());
        }
        _ => {}
    }
    /// The function as its type; the shape says which one it is.
    macro_rules! function {
        ($type:ty) => {
            transmute::<Function, $type>(function)
        };
    }
    // SAFETY: by this function's contract; the arguments are live during the call.
    in_c(vm, || unsafe {
        let zelf = Arg::new(vm, v);
        let p = zelf.p;
        let argument = |i: usize| Arg::new(vm, &positional[i]);
        match def.shape {
            Shape::None | Shape::GetBuffer | Shape::ReleaseBuffer => {
                unreachable!("{} has no wrapper", def.name)
            }
            Shape::Unary => {
                counted(0)?;
                error::object_result(vm, function!(unaryfunc)(p), who)
            }
            Shape::Binary => {
                counted(1)?;
                let other = argument(0);
                error::object_result(vm, function!(binaryfunc)(p, other.p), who)
            }
            Shape::BinaryRight => {
                counted(1)?;
                let other = argument(0);
                error::object_result(vm, function!(binaryfunc)(other.p, p), who)
            }
            Shape::Ternary | Shape::TernaryRight => {
                if !(1..=2).contains(&positional.len()) {
                    return Err(vm.new_type_error(format!(
                        "expected 1 or 2 arguments, got {}",
                        positional.len()
                    )));
                }
                let nothing = none();
                let other = argument(0);
                let third = Arg::new(vm, positional.get(1).unwrap_or(&nothing));
                let f = function!(ternaryfunc);
                let result = if def.shape == Shape::Ternary {
                    f(p, other.p, third.p)
                } else {
                    f(other.p, p, third.p)
                };
                error::object_result(vm, result, who)
            }
            Shape::Len => {
                counted(0)?;
                let length = checked_length(vm, v, function!(lenfunc)(p))?;
                Ok(vm.ctx.new_int(length).into())
            }
            Shape::Inquiry => {
                counted(0)?;
                let truth = error::int_result(vm, function!(inquiry)(p), who)?;
                Ok(vm.ctx.new_bool(truth != 0).into())
            }
            Shape::Hash => {
                counted(0)?;
                let hash = checked_hash(vm, v, function!(hashfunc)(p))?;
                Ok(vm.ctx.new_int(hash).into())
            }
            Shape::Call => {
                let args = CallArgs::new(vm, &args);
                error::object_result(
                    vm,
                    function!(ternaryfunc)(p, args.tuple(), args.dict()),
                    who,
                )
            }
            Shape::Init => {
                let args = CallArgs::new(vm, &args);
                let status = function!(initproc)(p, args.tuple(), args.dict());
                error::status_result(vm, status, who).map(|()| none())
            }
            Shape::SetAttr => {
                check_range(vm, def.name, positional, 2, 2)?;
                hackcheck(vm, def, function, v, &zelf)?;
                let (name, value) = (argument(0), argument(1));
                let status = function!(setattrofunc)(p, name.p, value.p);
                error::status_result(vm, status, who).map(|()| none())
            }
            Shape::DelAttr => {
                counted(1)?;
                hackcheck(vm, def, function, v, &zelf)?;
                let name = argument(0);
                let status = function!(setattrofunc)(p, name.p, std::ptr::null_mut());
                error::status_result(vm, status, who).map(|()| none())
            }
            Shape::RichCompare(op) => {
                counted(1)?;
                let other = argument(0);
                error::object_result(vm, function!(richcmpfunc)(p, other.p, op), who)
            }
            Shape::Next => {
                counted(0)?;
                let item = function!(iternextfunc)(p);
                if item.is_null() && !error::occurred() {
                    return Err(vm.new_stop_iteration(None));
                }
                error::object_result(vm, item, who)
            }
            Shape::DescrGet => {
                check_range(vm, def.name, positional, 1, 2)?;
                let is_some = |v: &&PyObjectRef| !vm.is_none(v);
                let instance = positional.first().filter(is_some).map(|v| Arg::new(vm, v));
                let owner = positional.get(1).filter(is_some).map(|v| Arg::new(vm, v));
                if instance.is_none() && owner.is_none() {
                    return Err(vm.new_type_error("__get__(None, None) is invalid"));
                }
                let result = function!(descrgetfunc)(p, pointer(&instance), pointer(&owner));
                error::object_result(vm, result, who)
            }
            Shape::DescrSet => {
                check_range(vm, def.name, positional, 2, 2)?;
                let (instance, value) = (argument(0), argument(1));
                let status = function!(descrsetfunc)(p, instance.p, value.p);
                error::status_result(vm, status, who).map(|()| none())
            }
            Shape::DescrDelete => {
                counted(1)?;
                let instance = argument(0);
                let status = function!(descrsetfunc)(p, instance.p, std::ptr::null_mut());
                error::status_result(vm, status, who).map(|()| none())
            }
            Shape::Del => {
                counted(0)?;
                function!(destructor)(p);
                error::status_result(vm, 0, who).map(|()| none())
            }
            Shape::IndexArg => error::object_result(vm, function!(ssizeargfunc)(p, number), who),
            Shape::SqItem => {
                let number = from_the_end(vm, &zelf, number)?;
                error::object_result(vm, function!(ssizeargfunc)(p, number), who)
            }
            Shape::SqSetItem => {
                let number = from_the_end(vm, &zelf, number)?;
                let value = argument(1);
                let status = function!(ssizeobjargproc)(p, number, value.p);
                error::status_result(vm, status, who).map(|()| none())
            }
            Shape::SqDelItem => {
                let number = from_the_end(vm, &zelf, number)?;
                let status = function!(ssizeobjargproc)(p, number, std::ptr::null_mut());
                error::status_result(vm, status, who).map(|()| none())
            }
            Shape::Contains => {
                counted(1)?;
                let item = argument(0);
                let found = error::int_result(vm, function!(objobjproc)(p, item.p), who)?;
                Ok(vm.ctx.new_bool(found != 0).into())
            }
            Shape::SetItem => {
                check_range(vm, def.name, positional, 2, 2)?;
                let (key, value) = (argument(0), argument(1));
                let status = function!(objobjargproc)(p, key.p, value.p);
                error::status_result(vm, status, who).map(|()| none())
            }
            Shape::DelItem => {
                counted(1)?;
                let key = argument(0);
                let status = function!(objobjargproc)(p, key.p, std::ptr::null_mut());
                error::status_result(vm, status, who).map(|()| none())
            }
        }
    })
}

/// `__release_buffer__`: ends what `__buffer__` began.
fn release_buffer(vm: &VirtualMachine, _v: &VmObject, view: &VmObject) -> PyResult<()> {
    if view.downcast_ref::<PyMemoryView>().is_none() {
        return Err(vm.new_type_error("expected a memoryview object"));
    }
    // Releasing the view calls `bf_releasebuffer`.
    vm.call_method(view, "release", ()).map(drop)
}

/// CPython's `tp_new_wrapper`: `__new__` of classes whose `tp_new` is C's.
fn new_wrapper(class: PyTypeRef, mut args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let name = tp_name(vm, &class);
    if args.args.is_empty() {
        return Err(vm.new_type_error(format!("{name}.__new__(): not enough arguments")));
    }
    let first = args.shift();
    let subtype = first.downcast::<PyType>().map_err(|other| {
        vm.new_type_error(format!(
            "{name}.__new__(X): X is not a type object ({})",
            tp_name(vm, other.class())
        ))
    })?;
    if !subtype.fast_issubclass(&*class) {
        let sub = tp_name(vm, &subtype);
        return Err(vm.new_type_error(format!(
            "{name}.__new__({sub}): {sub} is not a subtype of {name}"
        )));
    }
    // SAFETY: the types are alive as their classes are; `tp_new` is called for
    // a subtype with the same layout.
    in_c(vm, || unsafe {
        let t = super::c_type_of(vm, &class);
        let subtype_t = super::c_type_of(vm, &subtype);
        let own = slots_vm::virtual_function(slot::tp_new);
        let mut staticbase = subtype_t;
        while !staticbase.is_null() && slot::tp_new.get(staticbase) == own {
            staticbase = (*staticbase).tp_base;
        }
        let f = (*t).tp_new;
        if !staticbase.is_null() && slot::tp_new.get(staticbase) != slot::tp_new.get(t) {
            return Err(vm.new_type_error(format!(
                "{name}.__new__({}) is not safe, use {}.__new__()",
                tp_name(vm, &subtype),
                tp_name(vm, &vm_type_of(vm, staticbase))
            )));
        }
        let f = f.ok_or_else(|| vm.new_type_error(format!("cannot create '{name}' instances")))?;
        call_new(vm, f, subtype_t, &subtype, &args)
    })
}

static NEW: PyMethodDef = PyMethodDef::new_const(
    "__new__",
    new_wrapper,
    PyMethodFlags::METHOD,
    ItemDoc {
        text: Some(
            "__new__($type, *args, **kwargs)\n--\n\nCreate and return a new object.  See help(type) for accurate signature.",
        ),
        offset: 0,
        len: 0,
    },
);

/// Gives `class` a `__new__` that calls its `tp_new`, unless it has one.
pub fn add_new(vm: &VirtualMachine, class: &Py<PyType>) {
    let name = vm.ctx.intern_str("__new__");
    if !class.attributes.contains(name) {
        let new = NEW.build_bound_function(&vm.ctx, class.to_owned().into());
        class.set_attr(name, new.into());
    }
}

/// Gives `class` the special methods of the slots that `t` itself has:
/// CPython's `add_operators`.
///
/// # Safety
/// `t` is the C type of `class`, with its `tp_base`, and its dict holds what C
/// defines explicitly; the lock is held.
pub unsafe fn add_operators(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    t: *mut PyTypeObject,
) -> PyResult<()> {
    let _ = WrapperDescr::make_static_type();
    for def in SLOTDEFS {
        // SAFETY: by this function's contract.
        let (function, inherited) = unsafe {
            let base = (*t).tp_base;
            let of_base = if base.is_null() {
                std::ptr::null()
            } else {
                def.slot.get(base)
            };
            (def.slot.get(t), of_base)
        };
        if function.is_null() || function == inherited {
            continue;
        }
        let name: &'static PyStrInterned = vm.ctx.intern_str(def.name);
        if class.attributes.contains(name) {
            continue;
        }
        if def.slot == slot::tp_new {
            add_new(vm, class);
        } else if def.slot == slot::tp_hash && function == slots_vm::hash_not_implemented() {
            class.set_attr(name, vm.ctx.none());
        } else if def.shape != Shape::None {
            let descr = WrapperDescr {
                def,
                function,
                objclass: class.to_owned(),
            };
            class.set_attr(name, descr.into_ref(&vm.ctx).into());
        }
    }
    Ok(())
}
