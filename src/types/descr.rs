//! Descriptors of the methods and attributes that C defines for its types.
//!
//! Each is an instance of the VM's own descriptor type with a longer payload,
//! see [`hook`](super::hook).

use std::ffi::c_char;
use std::ptr;

use rustpython_vm::builtins::descriptor::{PyClassMethodDescriptor, PyMethodDescriptor};
use rustpython_vm::builtins::{
    DescriptorMemberDef, MemberAccess, MemberKind, PyBaseExceptionRef, PyDescriptorOwned, PyGetSet,
    PyMemberDescriptor, PyMemberFlags, PyStaticMethod, PyStrRef, PyType, PyTypeRef,
};
use rustpython_vm::function::{Callee, FuncArgs, ItemDoc, PyMethodFlags};
use rustpython_vm::object::{MaybeTraverse, Traverse, TraverseFn};
use rustpython_vm::{
    AsObject, Context, Py, PyObject as VmObject, PyObjectRef, PyPayload, PyRef, PyResult,
    VirtualMachine,
};

use super::call::{Arg, Receiver, around_c, call_c, optional_arg, pointer};
use super::function::{self, Def, Extended, is_marked, not_called, text, vm_def};
use super::hook::{self, Hook, Originals};
use crate::api::structmember::{self, PyMember_SetOne};
use crate::layout::*;
use crate::proxy::{instance, vm_of_stolen};
use crate::thread::{self, error};
use crate::types;

/// `PyType_IsSubtype`, the exact class first.
#[inline]
fn is_instance(v: &VmObject, class: &Py<PyType>) -> bool {
    v.class().is(class) || v.class().fast_issubclass(class)
}

/// `tp_name`, which has the module for what C defined.
pub(super) fn tp_name(vm: &VirtualMachine, class: &Py<PyType>) -> String {
    let _held = thread::enter(vm);
    // SAFETY: a live type.
    unsafe { text((*types::c_type_of(vm, class)).tp_name) }
}

/// `descr_check`.
#[inline]
fn check(
    vm: &VirtualMachine,
    name: &dyn Fn() -> String,
    class: &Py<PyType>,
    v: &VmObject,
) -> PyResult<()> {
    if is_instance(v, class) {
        return Ok(());
    }
    Err(vm.new_type_error(format!(
        "descriptor '{}' for '{}' objects doesn't apply to a '{}' object",
        name(),
        tp_name(vm, class),
        tp_name(vm, v.class()),
    )))
}

/// The result of a C function that gets an attribute. As in CPython, nobody
/// minds an exception next to a result: it comes up later.
fn attribute_result(vm: &VirtualMachine, p: *mut PyObject) -> PyResult {
    if p.is_null() {
        return Err(failed(vm));
    }
    // SAFETY: C handed us the reference.
    Ok(unsafe { vm_of_stolen(vm, p) })
}

/// The result of a C function that sets an attribute.
fn attribute_status(vm: &VirtualMachine, status: std::ffi::c_int) -> PyResult<()> {
    match status {
        0.. => Ok(()),
        _ => Err(failed(vm)),
    }
}

#[cold]
fn failed(vm: &VirtualMachine) -> PyBaseExceptionRef {
    error::take(vm).unwrap_or_else(|| vm.new_system_error("error return without exception set"))
}

/// A method, class method or static method that C defines.
#[derive(Debug)]
pub struct Method {
    pub def: Def,
    /// `d_type`.
    pub class: PyTypeRef,
}

// SAFETY: visits the class, the only VM object that the fields own.
unsafe impl Traverse for Method {
    fn traverse(&self, visit: &mut TraverseFn<'_>) {
        self.class.traverse(visit);
    }
}

/// How a method descriptor of ours is known; see [`function::of`].
static METHOD: fn(&VirtualMachine, FuncArgs, Callee) -> PyResult = not_called;

/// What `v` is, if it is a `method_descriptor` of ours.
#[inline]
pub fn method(v: &VmObject) -> Option<&Method> {
    let base: &PyMethodDescriptor = v.downcast_ref::<PyMethodDescriptor>()?;
    // SAFETY: only ours have this mark.
    is_marked(base.method.func, &METHOD)
        .then(|| unsafe { Extended::<PyMethodDescriptor, Method>::of(base) })
}

/// What `v` is, if it is a `classmethod_descriptor` of ours.
#[inline]
pub fn class_method(v: &VmObject) -> Option<&Method> {
    let base: &PyClassMethodDescriptor = v.downcast_ref::<PyClassMethodDescriptor>()?;
    // SAFETY: only ours have this mark.
    is_marked(base.method.func, &METHOD)
        .then(|| unsafe { Extended::<PyClassMethodDescriptor, Method>::of(base) })
}

impl Method {
    fn bind(&self, vm: &VirtualMachine, zelf: PyObjectRef) -> PyResult {
        let class =
            (self.def.convention == function::Convention::Method).then(|| self.class.clone());
        // SAFETY: the definition lives as long as its type, which the bound
        // object or the class keeps alive.
        unsafe { function::new(vm, self.def.ml, Some(zelf), None, class) }
    }
}

struct MethodHook;

impl Hook for MethodHook {
    type Ours = Method;

    fn originals() -> &'static Originals {
        static ORIGINALS: Originals = Originals::new();
        &ORIGINALS
    }

    #[inline]
    fn ours(v: &VmObject) -> Option<&Method> {
        method(v)
    }

    #[inline]
    fn call(
        vm: &VirtualMachine,
        v: &VmObject,
        m: &Method,
        args: &[PyObjectRef],
        kwnames: Option<&[PyObjectRef]>,
    ) -> PyResult {
        let (Some((zelf, rest)), true) = (
            args.split_first(),
            args.len() > kwnames.map_or(0, <[_]>::len),
        ) else {
            return Err(vm.new_type_error(format!(
                "unbound method {} needs an argument",
                function::function_str(vm, v)
            )));
        };
        check(vm, &|| m.def.name(), &m.class, zelf)?;
        // SAFETY: the receiver is an instance of the defining class.
        unsafe {
            function::invoke(
                vm,
                v,
                m.def,
                Receiver::Some(zelf),
                Some(&m.class),
                rest,
                kwnames,
            )
        }
    }

    fn get(
        vm: &VirtualMachine,
        v: &VmObject,
        m: &Method,
        instance: Option<&VmObject>,
        owner: Option<&VmObject>,
    ) -> PyResult {
        let Some(instance) = instance else {
            return Ok(v.to_owned());
        };
        check(vm, &|| m.def.name(), &m.class, instance)?;
        if m.def.convention == function::Convention::Method
            && let Some(owner) = owner
            && !owner.fast_isinstance(vm.ctx.types.type_type)
        {
            return Err(vm.new_type_error(format!(
                "descriptor '{}' needs a type, not '{}', as arg 2",
                m.def.name(),
                owner.class().name()
            )));
        }
        m.bind(vm, instance.to_owned())
    }

    fn repr(vm: &VirtualMachine, m: &Method) -> PyResult<PyStrRef> {
        Ok(described(vm, "method", &m.def.name(), &m.class))
    }
}

/// `<what 'name' of 'class' objects>`.
fn described(vm: &VirtualMachine, what: &str, name: &str, class: &Py<PyType>) -> PyStrRef {
    let class = tp_name(vm, class);
    vm.ctx
        .new_str(format!("<{what} '{name}' of '{class}' objects>"))
}

struct ClassMethodHook;

impl Hook for ClassMethodHook {
    type Ours = Method;

    fn originals() -> &'static Originals {
        static ORIGINALS: Originals = Originals::new();
        &ORIGINALS
    }

    #[inline]
    fn ours(v: &VmObject) -> Option<&Method> {
        class_method(v)
    }

    fn call(
        vm: &VirtualMachine,
        v: &VmObject,
        m: &Method,
        args: &[PyObjectRef],
        kwnames: Option<&[PyObjectRef]>,
    ) -> PyResult {
        let (Some((owner, rest)), true) = (
            args.split_first(),
            args.len() > kwnames.map_or(0, <[_]>::len),
        ) else {
            return Err(vm.new_type_error(format!(
                "descriptor '{}' of '{}' object needs an argument",
                m.def.name(),
                tp_name(vm, &m.class)
            )));
        };
        let bound = Self::get(vm, v, m, None, Some(owner))?;
        bound.vectorcall(
            rest.to_vec(),
            rest.len() - kwnames.map_or(0, <[_]>::len),
            kwnames,
            vm,
        )
    }

    fn get(
        vm: &VirtualMachine,
        _v: &VmObject,
        m: &Method,
        instance: Option<&VmObject>,
        owner: Option<&VmObject>,
    ) -> PyResult {
        let owner: PyObjectRef = match (owner, instance) {
            (Some(owner), _) => owner.to_owned(),
            (None, Some(instance)) => instance.class().to_owned().into(),
            (None, None) => {
                return Err(vm.new_type_error(format!(
                    "descriptor '{}' for type '{}' needs either an object or a type",
                    m.def.name(),
                    tp_name(vm, &m.class)
                )));
            }
        };
        let Some(class) = owner.downcast_ref::<PyType>() else {
            return Err(vm.new_type_error(format!(
                "descriptor '{}' for type '{}' needs a type, not a '{}' as arg 2",
                m.def.name(),
                tp_name(vm, &m.class),
                tp_name(vm, owner.class())
            )));
        };
        if !class.fast_issubclass(&m.class) {
            return Err(vm.new_type_error(format!(
                "descriptor '{}' requires a subtype of '{}' but received '{}'",
                m.def.name(),
                tp_name(vm, &m.class),
                tp_name(vm, class)
            )));
        }
        m.bind(vm, owner.clone())
    }

    fn repr(vm: &VirtualMachine, m: &Method) -> PyResult<PyStrRef> {
        Ok(described(vm, "method", &m.def.name(), &m.class))
    }
}

/// `&'static`, as the VM's payloads want their class, which `ours` keeps alive.
///
/// # Safety
/// The result is not used longer than something keeps the class alive.
unsafe fn outlive(class: &Py<PyType>) -> &'static Py<PyType> {
    // SAFETY: by this function's contract.
    unsafe { &*ptr::from_ref(class) }
}

fn new_method_like<B: PyPayload + std::fmt::Debug>(
    base: B,
    def: Def,
    class: &Py<PyType>,
    of: &Py<PyType>,
) -> PyObjectRef {
    let ours = Method {
        def,
        class: class.to_owned(),
    };
    PyRef::new_ref(Extended { base, ours }, of.to_owned(), None).into()
}

/// `PyDescr_NewMethod`.
///
/// # Safety
/// `ml` lives as long as `class`.
pub unsafe fn new_method(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    ml: *mut PyMethodDef,
) -> PyResult {
    // SAFETY: by this function's contract; `Method` keeps the class alive.
    let (def, class) = unsafe { (Def::new(vm, ml)?, outlive(class)) };
    let base = PyMethodDescriptor::new(
        vm_def(def.name(), (&raw const METHOD).addr(), &METHOD),
        class,
        &vm.ctx,
    );
    Ok(new_method_like(
        base,
        def,
        class,
        vm.ctx.types.method_descriptor_type,
    ))
}

/// `PyDescr_NewClassMethod`.
///
/// # Safety
/// As for [`new_method`].
pub unsafe fn new_class_method(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    ml: *mut PyMethodDef,
) -> PyResult {
    // SAFETY: as in `new_method`.
    let (def, class) = unsafe { (Def::new(vm, ml)?, outlive(class)) };
    let base = PyClassMethodDescriptor::new(
        vm_def(def.name(), (&raw const METHOD).addr(), &METHOD),
        class,
        &vm.ctx,
    );
    Ok(new_method_like(
        base,
        def,
        class,
        vm.ctx.types.classmethod_descriptor_type,
    ))
}

/// An attribute that is a field of the C struct.
#[derive(Debug)]
pub struct Member {
    /// C's own, alive as long as the class.
    pub def: *mut PyMemberDef,
    pub class: PyTypeRef,
}

// SAFETY: the definition is constant; the extension lock guards its use.
unsafe impl Send for Member {}
// SAFETY: as above.
unsafe impl Sync for Member {}

// SAFETY: visits the class, the only VM object that the fields own.
unsafe impl Traverse for Member {
    fn traverse(&self, visit: &mut TraverseFn<'_>) {
        self.class.traverse(visit);
    }
}

/// The VM's doc of our members: how they are known.
static MEMBER: &str = "a member of a C struct";

/// What `v` is, if it is a `member_descriptor` of ours.
#[inline]
pub fn member(v: &VmObject) -> Option<&Member> {
    let base: &PyMemberDescriptor = v.downcast_ref::<PyMemberDescriptor>()?;
    let doc = base.member.doc.text?;
    // SAFETY: only ours have this doc, at this address.
    ptr::eq(doc.as_ptr(), MEMBER.as_ptr())
        .then(|| unsafe { Extended::<PyMemberDescriptor, Member>::of(base) })
}

impl Member {
    fn name(&self) -> String {
        // SAFETY: the definition is alive.
        unsafe { text((*self.def).name) }
    }

    fn check(&self, vm: &VirtualMachine, v: &VmObject) -> PyResult<()> {
        check(vm, &|| self.name(), &self.class, v)
    }
}

struct MemberHook;

impl Hook for MemberHook {
    type Ours = Member;

    fn originals() -> &'static Originals {
        static ORIGINALS: Originals = Originals::new();
        &ORIGINALS
    }

    #[inline]
    fn ours(v: &VmObject) -> Option<&Member> {
        member(v)
    }

    fn get(
        vm: &VirtualMachine,
        v: &VmObject,
        m: &Member,
        instance: Option<&VmObject>,
        _owner: Option<&VmObject>,
    ) -> PyResult {
        let Some(instance) = instance else {
            return Ok(v.to_owned());
        };
        m.check(vm, instance)?;
        // SAFETY: the definition is alive.
        if unsafe { (*m.def).flags } & Py_AUDIT_READ != 0 {
            vm.audit("object.__getattr__", || (instance.to_owned(), m.name()))?;
        }
        // No C code runs: the lock is all that this needs.
        if let Some(p) = instance::of(instance)
            && let Some(_held) = thread::try_enter()
        {
            // SAFETY: the instance has the struct that the member is in, and
            // the definition is alive.
            return unsafe {
                // The member may be the pointer to the dict.
                if (*(*p).ob_type).tp_dictoffset != 0 {
                    super::dict::publish_argument(vm, instance, p);
                }
                structmember::value(vm, p, &*m.def)
            };
        }
        around_c(vm, || {
            let instance = Arg::new(vm, instance);
            // SAFETY: as above.
            unsafe { structmember::value(vm, instance.p, &*m.def) }
        })
    }

    fn set(
        vm: &VirtualMachine,
        m: &Member,
        instance: PyObjectRef,
        value: Option<PyObjectRef>,
    ) -> PyResult<()> {
        m.check(vm, &instance)?;
        around_c(vm, || {
            let instance = Arg::new(vm, &instance);
            let value = optional_arg(vm, value.as_deref());
            // SAFETY: the instance has the struct that the member is in.
            let status =
                unsafe { PyMember_SetOne(instance.p.cast::<c_char>(), m.def, pointer(&value)) };
            attribute_status(vm, status)
        })
    }

    fn repr(vm: &VirtualMachine, m: &Member) -> PyResult<PyStrRef> {
        Ok(described(vm, "member", &m.name(), &m.class))
    }
}

/// `PyDescr_NewMember`.
///
/// # Safety
/// `def` lives as long as `class`.
pub unsafe fn new_member(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    def: *mut PyMemberDef,
) -> PyResult {
    // SAFETY: by this function's contract.
    let (name, flags) = unsafe { (text((*def).name), (*def).flags) };
    if flags & Py_RELATIVE_OFFSET != 0 {
        return Err(vm.new_system_error("PyDescr_NewMember used with Py_RELATIVE_OFFSET"));
    }
    let base = PyMemberDescriptor {
        common: PyDescriptorOwned {
            typ: class.to_owned(),
            name: vm.ctx.intern_str(name.as_str()),
            qualname: None.into(),
        },
        // Never used: the hook comes first.
        member: DescriptorMemberDef {
            name,
            kind: MemberKind::Bool,
            offset: 0,
            flags: PyMemberFlags::READONLY,
            doc: ItemDoc::static_text(MEMBER),
        },
        access: MemberAccess::TupleItem,
    };
    let ours = Member {
        def,
        class: class.to_owned(),
    };
    let of = vm.ctx.types.member_descriptor_type.to_owned();
    Ok(PyRef::new_ref(Extended { base, ours }, of, None).into())
}

/// An attribute that C functions compute. The VM's own payload is its start,
/// but the VM takes it for another type: nothing in its payload could tell.
#[repr(C)]
#[derive(Debug)]
pub struct GetSet {
    base: PyGetSet,
    /// C's own, alive as long as the class.
    pub def: *mut PyGetSetDef,
    pub class: PyTypeRef,
}

// SAFETY: the definition is constant; the extension lock guards its use.
unsafe impl Send for GetSet {}
// SAFETY: as above.
unsafe impl Sync for GetSet {}

impl PyPayload for GetSet {
    fn class(ctx: &Context) -> &'static Py<PyType> {
        ctx.types.getset_type
    }
}

impl MaybeTraverse for GetSet {
    const HAS_TRAVERSE: bool = true;

    fn try_traverse(&self, visit: &mut TraverseFn<'_>) {
        self.base.traverse(visit);
        self.class.traverse(visit);
    }
}

/// What `v` is, if it is a `getset_descriptor` of ours.
#[inline]
pub fn getset(v: &VmObject) -> Option<&GetSet> {
    Some(v.downcast_ref::<GetSet>()?)
}

impl GetSet {
    fn name(&self) -> String {
        // SAFETY: the definition is alive.
        unsafe { text((*self.def).name) }
    }

    fn is_not(&self, vm: &VirtualMachine, what: &str) -> PyBaseExceptionRef {
        vm.new_attribute_error(format!(
            "attribute '{}' of '{}' objects is not {what}",
            self.name(),
            tp_name(vm, &self.class)
        ))
    }
}

struct GetSetHook;

impl Hook for GetSetHook {
    type Ours = GetSet;

    fn originals() -> &'static Originals {
        static ORIGINALS: Originals = Originals::new();
        &ORIGINALS
    }

    #[inline]
    fn ours(v: &VmObject) -> Option<&GetSet> {
        getset(v)
    }

    #[inline]
    fn get(
        vm: &VirtualMachine,
        v: &VmObject,
        g: &GetSet,
        instance: Option<&VmObject>,
        _owner: Option<&VmObject>,
    ) -> PyResult {
        let Some(instance) = instance else {
            return Ok(v.to_owned());
        };
        check(vm, &|| g.name(), &g.class, instance)?;
        // SAFETY: the definition is alive.
        let (getter, closure) = unsafe { ((*g.def).get, (*g.def).closure) };
        let Some(getter) = getter else {
            return Err(g.is_not(vm, "readable"));
        };
        around_c(vm, || {
            let instance = Arg::new(vm, instance);
            // SAFETY: the instance is of the class whose getter this is.
            let result = call_c(|| unsafe { getter(instance.p, closure) });
            attribute_result(vm, result)
        })
    }

    fn set(
        vm: &VirtualMachine,
        g: &GetSet,
        instance: PyObjectRef,
        value: Option<PyObjectRef>,
    ) -> PyResult<()> {
        check(vm, &|| g.name(), &g.class, &instance)?;
        // SAFETY: the definition is alive.
        let (setter, closure) = unsafe { ((*g.def).set, (*g.def).closure) };
        let Some(setter) = setter else {
            return Err(g.is_not(vm, "writable"));
        };
        around_c(vm, || {
            let instance = Arg::new(vm, &instance);
            let value = optional_arg(vm, value.as_deref());
            // SAFETY: the instance is of the class whose setter this is.
            let status = call_c(|| unsafe { setter(instance.p, pointer(&value), closure) });
            attribute_status(vm, status)
        })
    }

    fn repr(vm: &VirtualMachine, g: &GetSet) -> PyResult<PyStrRef> {
        Ok(described(vm, "attribute", &g.name(), &g.class))
    }
}

/// `PyDescr_NewGetSet`.
///
/// # Safety
/// `def` lives as long as `class`.
pub unsafe fn new_getset(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    def: *mut PyGetSetDef,
) -> PyResult {
    // SAFETY: by this function's contract.
    let name = unsafe { text((*def).name) };
    let getset = GetSet {
        base: PyGetSet::new(&name, class, &vm.ctx),
        def,
        class: class.to_owned(),
    };
    Ok(PyRef::new_ref(getset, vm.ctx.types.getset_type.to_owned(), None).into())
}

/// Puts `value` into the dict of `class`, where no attribute of that name is
/// unless it may replace one.
fn put(vm: &VirtualMachine, class: &Py<PyType>, name: &str, value: PyObjectRef, replace: bool) {
    let name = vm.ctx.intern_str(name);
    if replace || class.get_direct_attr(name).is_none() {
        class.set_attr(name, value);
    }
}

/// Adds methods to a class, as `type_add_methods` does.
///
/// # Safety
/// `defs` ends with a NULL name and lives as long as the class; `t` is the
/// class's type object; the lock is held.
pub unsafe fn add_methods(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    t: *mut PyTypeObject,
    mut defs: *mut PyMethodDef,
) -> PyResult<()> {
    let _ = t;
    // SAFETY: by this function's contract.
    unsafe {
        while !(*defs).ml_name.is_null() {
            let name = text((*defs).ml_name);
            let flags = (*defs).ml_flags;
            let value = match flags & (METH_CLASS | METH_STATIC) {
                0 => new_method(vm, class, defs)?,
                METH_CLASS => new_class_method(vm, class, defs)?,
                METH_STATIC => {
                    let zelf = class.to_owned().into();
                    let function = function::new(vm, defs, Some(zelf), None, None)?;
                    PyStaticMethod::new(function).into_ref(&vm.ctx).into()
                }
                _ => return Err(vm.new_value_error("method cannot be both class and static")),
            };
            put(vm, class, &name, value, flags & METH_COEXIST != 0);
            defs = defs.add(1);
        }
    }
    Ok(())
}

/// Adds members to a class, as `type_add_members` does.
///
/// # Safety
/// As for [`add_methods`].
pub unsafe fn add_members(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    t: *mut PyTypeObject,
    mut defs: *mut PyMemberDef,
) -> PyResult<()> {
    let _ = t;
    // SAFETY: by this function's contract.
    unsafe {
        while !(*defs).name.is_null() {
            let value = new_member(vm, class, defs)?;
            put(vm, class, &text((*defs).name), value, false);
            defs = defs.add(1);
        }
    }
    Ok(())
}

/// Adds computed attributes to a class, as `type_add_getset` does.
///
/// # Safety
/// As for [`add_methods`].
pub unsafe fn add_getset(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    t: *mut PyTypeObject,
    mut defs: *mut PyGetSetDef,
) -> PyResult<()> {
    let _ = t;
    // SAFETY: by this function's contract.
    unsafe {
        while !(*defs).name.is_null() {
            let value = new_getset(vm, class, defs)?;
            put(vm, class, &text((*defs).name), value, false);
            defs = defs.add(1);
        }
    }
    Ok(())
}

/// `descr_reduce`.
fn reduce(v: PyObjectRef, vm: &VirtualMachine) -> PyResult {
    let getattr = vm.builtins.get_attr("getattr", vm)?;
    let arguments = (v.get_attr("__objclass__", vm)?, v.get_attr("__name__", vm)?);
    Ok(vm.new_tuple((getattr, vm.new_tuple(arguments))).into())
}

/// `descr_get_qualname`.
fn qualname(vm: &VirtualMachine, class: &Py<PyType>, name: &str) -> PyResult {
    let outer = class.as_object().get_attr("__qualname__", vm)?.str(vm)?;
    Ok(vm.ctx.new_str(format!("{outer}.{name}")).into())
}

/// `__doc__` of a member or computed attribute.
unsafe fn plain_doc(vm: &VirtualMachine, doc: *const c_char) -> PyResult {
    // SAFETY: NULL or C's own string.
    let doc = (!doc.is_null()).then(|| unsafe { text(doc) });
    hook::string(vm, doc)
}

/// C finds the function to call inside of a method descriptor.
fn set_vectorcall_offset(vm: &VirtualMachine, class: &Py<PyType>) {
    let t = types::c_type_of(vm, class);
    // SAFETY: our own static, before C sees it; the lock is held.
    unsafe {
        (*t).tp_vectorcall_offset =
            std::mem::offset_of!(PyMethodDescrObject, vectorcall) as Py_ssize_t;
        (*t).tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    }
}

/// Teaches the VM's descriptor types about ours, after the static types are bound.
pub fn init(vm: &VirtualMachine) {
    let types = &vm.ctx.types;
    for class in [types.method_descriptor_type, types.member_descriptor_type] {
        let def = vm.ctx.new_method_def(
            "__reduce__",
            reduce,
            PyMethodFlags::METHOD,
            ItemDoc::default(),
        );
        class.set_str_attr("__reduce__", def.build_method(class, vm), &vm.ctx);
    }
    let class = types.method_descriptor_type;
    hook::call::<MethodHook>(vm, class);
    hook::get::<MethodHook>(vm, class);
    hook::repr::<MethodHook>(vm, class);
    hook::getter(vm, class, "__doc__", |vm, v| {
        Some(hook::string(vm, method(v)?.def.docs().1))
    });
    hook::getter(vm, class, "__text_signature__", |vm, v| {
        Some(hook::string(vm, method(v)?.def.docs().0))
    });
    hook::getter(vm, class, "__qualname__", |vm, v| {
        let m = method(v)?;
        Some(qualname(vm, &m.class, &m.def.name()))
    });
    set_vectorcall_offset(vm, class);
    let class = types.classmethod_descriptor_type;
    hook::call::<ClassMethodHook>(vm, class);
    hook::get::<ClassMethodHook>(vm, class);
    hook::repr::<ClassMethodHook>(vm, class);
    hook::getter(vm, class, "__doc__", |vm, v| {
        Some(hook::string(vm, class_method(v)?.def.docs().1))
    });
    hook::getter(vm, class, "__text_signature__", |vm, v| {
        Some(hook::string(vm, class_method(v)?.def.docs().0))
    });
    hook::getter(vm, class, "__qualname__", |vm, v| {
        let m = class_method(v)?;
        Some(qualname(vm, &m.class, &m.def.name()))
    });
    let class = types.member_descriptor_type;
    hook::get::<MemberHook>(vm, class);
    hook::repr::<MemberHook>(vm, class);
    hook::set::<MemberHook>(vm, class);
    hook::getter(vm, class, "__doc__", |vm, v| {
        // SAFETY: the definition is alive.
        Some(unsafe { plain_doc(vm, (*member(v)?.def).doc) })
    });
    let class = types.getset_type;
    hook::get::<GetSetHook>(vm, class);
    hook::set::<GetSetHook>(vm, class);
    hook::getter(vm, class, "__doc__", |vm, v| {
        // SAFETY: the definition is alive.
        Some(unsafe { plain_doc(vm, (*getset(v)?.def).doc) })
    });
    hook::getter(vm, class, "__qualname__", |vm, v| {
        let g = getset(v)?;
        Some(qualname(vm, &g.class, &g.name()))
    });
    hook::repr::<GetSetHook>(vm, class);
    hook::getter(vm, types.type_type, "__text_signature__", |vm, v| {
        let class = v.downcast_ref::<PyType>()?;
        let _held = thread::enter(vm);
        if !super::is_c_class(class) {
            return None;
        }
        // SAFETY: the type object of a live class.
        let (name, doc) = unsafe {
            let t = types::c_type_of(vm, class);
            (text((*t).tp_name), text((*t).tp_doc))
        };
        let signature = super::doc::split(&name, &doc).0.map(str::to_owned);
        Some(hook::string(vm, signature))
    });
}
