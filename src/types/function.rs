//! Functions written in C: calling them, and what they are in the VM.
//!
//! Such a function is an ordinary `builtin_function_or_method` of the VM with
//! a longer payload, so everything the VM knows about its own functions holds
//! for it. The type's call slots look whether a function is one of ours.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int};
use std::mem::{ManuallyDrop, transmute};
use std::ptr;
use std::sync::{LazyLock, Mutex, PoisonError};

use rustpython_vm::builtins::{PyBaseExceptionRef, PyStr, PyStrRef, PyType, PyTypeRef};
use rustpython_vm::common::hash::PyHash;
use rustpython_vm::function::{
    Callee, FuncArgs, ItemDoc, PyMethodDef as VmMethodDef, PyMethodFlags, PyNativeFn,
};
use rustpython_vm::object::{MaybeTraverse, Traverse, TraverseFn};
use rustpython_vm::{
    AsObject, Context, Py, PyObject as VmObject, PyObjectRef, PyPayload, PyRef, PyResult,
    VirtualMachine,
};

use super::call::{
    Arg, ArgNames, ArgTuple, Arguments, KeywordDict, Known, Receiver, around_c, call_c, pointer,
};
use super::descr::tp_name;
use super::doc;
use super::hook::{self, Hook, Originals};
use crate::api::check::held;
use crate::api::typeobject::PyType_IsSubtype;
use crate::layout::*;
use crate::proxy;
use crate::proxy::mirror::{self, tupleobject};
use crate::refcount::{self, check};
use crate::thread::{error, state};
use crate::types;

/// How C wants to be called: the bits of `ml_flags` that say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convention {
    NoArgs,
    O,
    VarArgs,
    VarArgsKeywords,
    Fast,
    FastKeywords,
    Method,
}

impl Convention {
    const FLAGS: c_int =
        METH_VARARGS | METH_FASTCALL | METH_NOARGS | METH_O | METH_KEYWORDS | METH_METHOD;

    /// `None` for a combination that CPython does not accept either.
    pub const fn of(flags: c_int) -> Option<Self> {
        const VARARGS_KEYWORDS: c_int = METH_VARARGS | METH_KEYWORDS;
        const FAST_KEYWORDS: c_int = METH_FASTCALL | METH_KEYWORDS;
        const METHOD: c_int = METH_METHOD | METH_FASTCALL | METH_KEYWORDS;
        Some(match flags & Self::FLAGS {
            METH_NOARGS => Self::NoArgs,
            METH_O => Self::O,
            METH_VARARGS => Self::VarArgs,
            VARARGS_KEYWORDS => Self::VarArgsKeywords,
            METH_FASTCALL => Self::Fast,
            FAST_KEYWORDS => Self::FastKeywords,
            METHOD => Self::Method,
            _ => return None,
        })
    }

    const fn takes_keywords(self) -> bool {
        matches!(
            self,
            Self::VarArgsKeywords | Self::FastKeywords | Self::Method
        )
    }
}

/// A decoded `PyMethodDef`.
#[derive(Clone, Copy, Debug)]
pub struct Def {
    /// C's own, alive as long as what is made from it.
    pub ml: *mut PyMethodDef,
    meth: PyCFunction,
    pub convention: Convention,
}

// SAFETY: constant data; C's definitions live as long as their functions.
unsafe impl Send for Def {}
// SAFETY: as above.
unsafe impl Sync for Def {}

/// The ways in which a call can miss the calling convention.
#[derive(Clone, Copy, Debug)]
enum Misuse {
    NoArguments,
    OneArgument,
    NoKeywords,
}

impl Def {
    /// Decodes `ml`. A bad combination of flags is a `SystemError`.
    ///
    /// # Safety
    /// `ml` is a live definition.
    pub unsafe fn new(vm: &VirtualMachine, ml: *mut PyMethodDef) -> PyResult<Self> {
        // SAFETY: by this function's contract.
        let (name, meth, flags) = unsafe { ((*ml).ml_name, (*ml).ml_meth, (*ml).ml_flags) };
        match (meth, Convention::of(flags)) {
            (Some(meth), Some(convention)) => Ok(Self {
                ml,
                meth,
                convention,
            }),
            _ => {
                // SAFETY: as above.
                let name = unsafe { text(name) };
                Err(vm.new_system_error(format!("{name}() method: bad call flags")))
            }
        }
    }

    /// `ml_name`.
    pub fn name(&self) -> String {
        // SAFETY: the definition is alive.
        unsafe { text((*self.ml).ml_name) }
    }

    /// `__text_signature__` and `__doc__`. C may change the doc at any time.
    pub fn docs(&self) -> (Option<String>, Option<String>) {
        // SAFETY: the definition is alive.
        let (internal, flags) = unsafe { (text((*self.ml).ml_doc), (*self.ml).ml_flags) };
        let (signature, body) = doc::split(&self.name(), &internal);
        let signature = signature.or_else(|| signature_of_flags(flags));
        (signature.map(str::to_owned), body.map(str::to_owned))
    }

    /// Whether so many arguments are in order.
    #[inline]
    fn check(self, given: usize, keywords: usize) -> Result<(), Misuse> {
        if keywords != 0 && !self.convention.takes_keywords() {
            return Err(Misuse::NoKeywords);
        }
        match self.convention {
            Convention::NoArgs if given != 0 => Err(Misuse::NoArguments),
            Convention::O if given != 1 => Err(Misuse::OneArgument),
            _ => Ok(()),
        }
    }

    /// Calls C. Returns what it returned; NULL, with an exception, also when
    /// memory is out.
    ///
    /// # Safety
    /// `zelf` is what the function expects, `args` are live objects: `given`
    /// positional ones and as many more as the tuple `kwnames` has names.
    /// [`Def::check`] agreed. The lock is held.
    #[inline]
    unsafe fn call(
        self,
        vm: &VirtualMachine,
        zelf: *mut PyObject,
        class: *mut PyTypeObject,
        args: *const *mut PyObject,
        given: usize,
        kwnames: *mut PyObject,
    ) -> *mut PyObject {
        let n = given as Py_ssize_t;
        // SAFETY: by this function's contract; the flags tell the function's type.
        unsafe {
            match self.convention {
                Convention::NoArgs => (self.meth)(zelf, ptr::null_mut()),
                Convention::O => (self.meth)(zelf, *args),
                Convention::Fast => {
                    transmute::<PyCFunction, PyCFunctionFast>(self.meth)(zelf, args, n)
                }
                Convention::FastKeywords => transmute::<PyCFunction, PyCFunctionFastWithKeywords>(
                    self.meth,
                )(zelf, args, n, kwnames),
                Convention::Method => {
                    transmute::<PyCFunction, PyCMethod>(self.meth)(zelf, class, args, n, kwnames)
                }
                Convention::VarArgs | Convention::VarArgsKeywords => {
                    self.call_with_tuple(vm, zelf, args, given, kwnames)
                }
            }
        }
    }

    unsafe fn call_with_tuple(
        self,
        vm: &VirtualMachine,
        zelf: *mut PyObject,
        args: *const *mut PyObject,
        given: usize,
        kwnames: *mut PyObject,
    ) -> *mut PyObject {
        // SAFETY: by the caller's contract.
        unsafe {
            let tuple = match given {
                0 => tupleobject::empty(),
                _ => tupleobject::new(types::statics::tuple_type(), given),
            };
            assert!(!tuple.is_null(), "out of memory");
            for (i, slot) in tupleobject::items(tuple).iter_mut().enumerate() {
                *slot = *args.add(i);
                refcount::incref(*slot);
            }
            let result = if self.convention == Convention::VarArgs {
                (self.meth)(zelf, tuple)
            } else {
                let (values, names) = match kwnames.is_null() {
                    true => (Vec::new(), None),
                    false => {
                        let names = tupleobject::elements(vm, kwnames);
                        let value = |i| proxy::vm_of(vm, *args.add(given + i));
                        ((0..names.len()).map(value).collect(), Some(names))
                    }
                };
                let kwargs = KeywordDict::new(vm, &values, names.as_deref());
                transmute::<PyCFunction, PyCFunctionWithKeywords>(self.meth)(
                    zelf,
                    tuple,
                    kwargs.as_ptr(),
                )
            };
            refcount::decref(tuple);
            result
        }
    }
}

/// `__text_signature__` of a function whose doc has none, where the calling
/// convention tells.
const fn signature_of_flags(flags: c_int) -> Option<&'static str> {
    const CLASS_NOARGS: c_int = METH_NOARGS | METH_CLASS;
    const STATIC_NOARGS: c_int = METH_NOARGS | METH_STATIC;
    const CLASS_O: c_int = METH_O | METH_CLASS;
    const STATIC_O: c_int = METH_O | METH_STATIC;
    Some(match flags & !METH_COEXIST {
        METH_NOARGS => "($self, /)",
        CLASS_NOARGS => "($type, /)",
        STATIC_NOARGS => "()",
        METH_O => "($self, object, /)",
        CLASS_O => "($type, object, /)",
        STATIC_O => "(object, /)",
        _ => return None,
    })
}

/// The text of a C string of C's own; what is no UTF-8 is replaced.
///
/// # Safety
/// `s` is NULL or a NUL-terminated string.
pub unsafe fn text(s: *const c_char) -> String {
    if s.is_null() {
        return String::new();
    }
    // SAFETY: by this function's contract.
    unsafe { CStr::from_ptr(s) }.to_string_lossy().into_owned()
}

/// What error messages call a function: `module.qualname()`.
pub fn function_str(vm: &VirtualMachine, callable: &VmObject) -> String {
    let attribute = |name| {
        let value = vm.get_attribute_opt(callable, name).ok()??;
        Some(
            value
                .downcast_ref::<PyStr>()?
                .to_string_lossy()
                .into_owned(),
        )
    };
    match (attribute("__qualname__"), attribute("__module__")) {
        (Some(qualname), Some(module)) if module != "builtins" => format!("{module}.{qualname}()"),
        (Some(qualname), _) => format!("{qualname}()"),
        (None, _) => repr(vm, callable),
    }
}

fn repr(vm: &VirtualMachine, callable: &VmObject) -> String {
    match callable.repr(vm) {
        Ok(repr) => repr.to_string_lossy().into_owned(),
        Err(_) => format!("<{} object>", callable.class().name()),
    }
}

#[cold]
fn misused(
    vm: &VirtualMachine,
    callable: &VmObject,
    def: Def,
    misuse: Misuse,
    given: usize,
) -> PyBaseExceptionRef {
    // CPython calls functions of the oldest convention by another way.
    let who = match def.convention {
        Convention::VarArgs if of(callable).is_some() => format!("{}()", def.name()),
        _ => function_str(vm, callable),
    };
    vm.new_type_error(match misuse {
        Misuse::NoArguments => format!("{who} takes no arguments ({given} given)"),
        Misuse::OneArgument => format!("{who} takes exactly one argument ({given} given)"),
        Misuse::NoKeywords => format!("{who} takes no keyword arguments"),
    })
}

/// Calls C from the VM: the one way that functions and method descriptors share.
///
/// `args` ends with the values of the keywords `kwnames`.
///
/// # Safety
/// `def` is alive, `zelf` is what it expects as its receiver, and `class` is
/// the class that defines the method, which one that wants to know has.
#[inline]
pub unsafe fn invoke(
    vm: &VirtualMachine,
    callable: &VmObject,
    def: Def,
    zelf: Receiver<'_>,
    class: Option<&Py<PyType>>,
    args: &[PyObjectRef],
    kwnames: Option<&[PyObjectRef]>,
) -> PyResult {
    let keywords = kwnames.map_or(0, <[_]>::len);
    let given = args.len() - keywords;
    if let Err(misuse) = def.check(given, keywords) {
        return Err(misused(vm, callable, def, misuse, given));
    }
    vm.with_recursion("while calling a Python object", || Ok(()))?;
    // While the arguments are lent: one of them may be the result.
    let finish = |result| error::object_result(vm, result, || repr(vm, callable));
    // SAFETY: by this function's contract; the arguments stay alive.
    around_c(vm, || unsafe {
        let _checked = check::is_on().then(|| {
            let arguments = zelf.object().into_iter().chain(args.iter().map(|v| &**v));
            check::Call::new(function_str(vm, callable), arguments)
        });
        let zelf = zelf.lend(vm);
        let p = pointer(&zelf);
        match def.convention {
            Convention::NoArgs => finish(call_c(|| (def.meth)(p, ptr::null_mut()))),
            Convention::O => {
                let arg = Arg::new(vm, &args[0]);
                finish(call_c(|| (def.meth)(p, arg.p)))
            }
            Convention::VarArgs => {
                let tuple = ArgTuple::new(vm, args);
                finish(call_c(|| (def.meth)(p, tuple.p)))
            }
            Convention::VarArgsKeywords => {
                let (args, values) = args.split_at(given);
                let tuple = ArgTuple::new(vm, args);
                let kwargs = KeywordDict::new(vm, values, kwnames);
                let f = transmute::<PyCFunction, PyCFunctionWithKeywords>(def.meth);
                finish(call_c(|| f(p, tuple.p, kwargs.as_ptr())))
            }
            Convention::Fast => {
                let mut arguments = Arguments::new(vm, args);
                let first = arguments.as_mut_ptr();
                let f = transmute::<PyCFunction, PyCFunctionFast>(def.meth);
                finish(call_c(|| f(p, first, given as Py_ssize_t)))
            }
            Convention::FastKeywords | Convention::Method => {
                let class = match class {
                    Some(class) if def.convention == Convention::Method => {
                        types::c_type_of(vm, class)
                    }
                    _ => ptr::null_mut(),
                };
                let mut arguments = Arguments::new(vm, args);
                let names = ArgNames::new(vm, kwnames);
                let (first, names) = (arguments.as_mut_ptr(), names.as_ptr());
                finish(call_c(|| def.call(vm, p, class, first, given, names)))
            }
        }
    })
}

/// Positional and keyword arguments as the vectorcall convention has them.
pub fn flatten(vm: &VirtualMachine, args: FuncArgs) -> (Vec<PyObjectRef>, Vec<PyObjectRef>) {
    let mut values = args.args;
    let mut names = Vec::new();
    for (name, value) in args.kwargs {
        names.push(vm.ctx.new_str(name).into());
        values.push(value);
    }
    (values, names)
}

/// A VM built-in's payload with what we know in addition. Its payload type is
/// `B`'s: the VM sees its own.
#[repr(C)]
#[derive(Debug)]
pub struct Extended<B, O> {
    pub base: B,
    pub ours: O,
}

impl<B: PyPayload, O: Traverse + Send + Sync + 'static> PyPayload for Extended<B, O> {
    const PAYLOAD_TYPE_ID: std::any::TypeId = B::PAYLOAD_TYPE_ID;

    fn class(ctx: &Context) -> &'static Py<PyType> {
        B::class(ctx)
    }
}

impl<B: PyPayload, O: Traverse> MaybeTraverse for Extended<B, O> {
    const HAS_TRAVERSE: bool = true;
    const HAS_CLEAR: bool = true;

    fn try_traverse(&self, visit: &mut TraverseFn<'_>) {
        self.base.try_traverse(visit);
        self.ours.traverse(visit);
    }

    fn try_clear(&mut self, out: &mut Vec<PyObjectRef>) {
        if B::HAS_CLEAR {
            self.base.try_clear(out);
        }
        self.ours.clear(out);
    }
}

impl<B, O> Extended<B, O> {
    /// What we know in addition of a payload that is one of ours.
    ///
    /// # Safety
    /// `base` is the payload of an object that was made with an [`Extended`].
    #[inline]
    pub unsafe fn of(base: &B) -> &O {
        const { assert!(align_of::<B>() == align_of::<Self>()) };
        // SAFETY: `base` is the first field.
        unsafe { &(*ptr::from_ref(base).cast::<Self>()).ours }
    }
}

/// What a function written in C has besides the VM's payload.
#[derive(Debug)]
pub struct Function {
    pub def: Def,
    /// `m_self`.
    pub zelf: Option<PyObjectRef>,
    /// The defining class of a `METH_METHOD` function.
    pub class: Option<PyTypeRef>,
    /// Where the C object of a module that `zelf` is was last.
    known: Known,
}

// SAFETY: visits every VM object that the fields own.
unsafe impl Traverse for Function {
    fn traverse(&self, visit: &mut TraverseFn<'_>) {
        self.zelf.traverse(visit);
        self.class.traverse(visit);
    }
}

impl Function {
    /// What C gets as its first argument: `PyCFunction_GET_SELF`.
    #[inline]
    pub fn receiver(&self) -> Option<&VmObject> {
        // SAFETY: the definition is alive.
        match unsafe { (*self.def.ml).ml_flags } & METH_STATIC {
            0 => self.zelf.as_deref(),
            _ => None,
        }
    }

    /// The defining class of a `METH_METHOD` function, or NULL. The lock is held.
    #[inline]
    pub fn c_class(&self, vm: &VirtualMachine) -> *mut PyTypeObject {
        self.class
            .as_ref()
            .map_or(ptr::null_mut(), |class| types::c_type_of(vm, class))
    }
}

/// The VM's function of our functions. The slots see to it that it is never
/// called; its address is how a function is known to be ours.
static FUNCTION: fn(&VirtualMachine, FuncArgs, Callee) -> PyResult = not_called;

pub(super) fn not_called(vm: &VirtualMachine, _: FuncArgs, _: Callee) -> PyResult {
    Err(vm.new_system_error("a function written in C was called past its slots"))
}

/// One VM definition for each name and C function: the VM compares functions
/// by their definitions, and wants them to live for ever.
type Definitions = HashMap<(String, usize), &'static VmMethodDef>;
static DEFINITIONS: LazyLock<Mutex<Definitions>> = LazyLock::new(Mutex::default);

/// A VM definition that lives for ever, one for each name and `key`.
pub(super) fn vm_def(
    name: String,
    key: usize,
    func: &'static dyn PyNativeFn,
) -> &'static VmMethodDef {
    let mut known = DEFINITIONS.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry((name, key)).or_insert_with_key(|(name, _)| {
        let name: &'static str = Box::leak(name.clone().into_boxed_str());
        let flags = PyMethodFlags::VARARGS | PyMethodFlags::KEYWORDS;
        let mut def = VmMethodDef::new_raw_const(name, not_called, flags, ItemDoc::NONE);
        def.func = func;
        Box::leak(Box::new(def))
    })
}

/// Whether the VM's function `func` is the one at `mark`.
#[inline]
pub(super) fn is_marked(
    func: &'static dyn PyNativeFn,
    mark: &'static fn(&VirtualMachine, FuncArgs, Callee) -> PyResult,
) -> bool {
    ptr::addr_eq(ptr::from_ref(func), ptr::from_ref(mark))
}

/// What `v` is, if it is a function written in C.
#[inline]
pub fn of(v: &VmObject) -> Option<&Function> {
    // The VM's payload type has no name outside of the VM.
    fn of<B: PyPayload>(
        _: fn(&'static VmMethodDef) -> B,
        func: fn(&B) -> &'static dyn PyNativeFn,
        v: &VmObject,
    ) -> Option<&Function> {
        let base: &B = v.downcast_ref::<B>()?;
        // SAFETY: only our functions have this mark.
        is_marked(func(base), &FUNCTION).then(|| unsafe { Extended::<B, Function>::of(base) })
    }
    of(VmMethodDef::to_function, |native| native.as_func(), v)
}

/// The VM's payload for a function of `def` bound to `zelf`.
fn native<B>(
    vm: &VirtualMachine,
    unbound: fn(&'static VmMethodDef) -> B,
    def: &'static VmMethodDef,
    zelf: Option<PyObjectRef>,
) -> B {
    let Some(zelf) = zelf else {
        return unbound(def);
    };
    let method = ManuallyDrop::new(def.to_bound_method(zelf, vm.ctx.types.object_type));
    // SAFETY: the VM declares its method's payload to have its function's at
    // the start, and the rest, a reference to a static type, needs no drop.
    unsafe { ptr::from_ref(&*method).cast::<B>().read() }
}

/// A function written in C, as the VM knows it.
///
/// # Safety
/// `ml` is a definition that outlives the function.
pub unsafe fn new(
    vm: &VirtualMachine,
    ml: *mut PyMethodDef,
    zelf: Option<PyObjectRef>,
    module: Option<PyObjectRef>,
    class: Option<PyTypeRef>,
) -> PyResult {
    // SAFETY: by this function's contract.
    let def = unsafe { Def::new(vm, ml)? };
    let ours = Function {
        def,
        zelf: zelf.clone(),
        class,
        known: Known::default(),
    };
    let definition = vm_def(def.name(), def.meth as usize, &FUNCTION);
    let base = native(vm, VmMethodDef::to_function, definition, zelf);
    let function: PyObjectRef = PyRef::new_ref(
        Extended { base, ours },
        vm.ctx.types.builtin_function_or_method_type.to_owned(),
        None,
    )
    .into();
    if let Some(module) = module {
        function.set_attr("__module__", module, vm)?;
    }
    Ok(function)
}

/// [`new`] for C's arguments, all of which stay the caller's; the result is
/// the VM's object.
///
/// # Safety
/// `ml` outlives the function, the others are live objects or NULL, and the
/// lock is held.
pub unsafe fn new_function(
    vm: &VirtualMachine,
    ml: *mut PyMethodDef,
    zelf: *mut PyObject,
    module: *mut PyObject,
    class: *mut PyTypeObject,
) -> PyResult {
    // SAFETY: by this function's contract.
    unsafe {
        let class = (!class.is_null()).then(|| types::vm_type_of(vm, class));
        new(
            vm,
            ml,
            proxy::vm_of_opt(vm, zelf),
            proxy::vm_of_opt(vm, module),
            class,
        )
    }
}

struct FunctionHook;

impl Hook for FunctionHook {
    type Ours = Function;

    fn originals() -> &'static Originals {
        static ORIGINALS: Originals = Originals::new();
        &ORIGINALS
    }

    #[inline]
    fn ours(v: &VmObject) -> Option<&Function> {
        of(v)
    }

    #[inline]
    fn call(
        vm: &VirtualMachine,
        v: &VmObject,
        function: &Function,
        args: &[PyObjectRef],
        kwnames: Option<&[PyObjectRef]>,
    ) -> PyResult {
        let class = function.class.as_deref();
        let zelf = match function.receiver() {
            Some(zelf) => Receiver::Known(zelf, &function.known),
            None => Receiver::None,
        };
        // SAFETY: the function's parts belong together, and are alive with it.
        unsafe { invoke(vm, v, function.def, zelf, class, args, kwnames) }
    }

    fn repr(vm: &VirtualMachine, function: &Function) -> PyResult<PyStrRef> {
        let name = function.def.name();
        let bound = function
            .zelf
            .as_ref()
            .filter(|zelf| !zelf.class().fast_issubclass(vm.ctx.types.module_type));
        Ok(vm.ctx.new_str(match bound {
            None => format!("<built-in function {name}>"),
            Some(zelf) => format!(
                "<built-in method {name} of {} object at {:#x}>",
                tp_name(vm, zelf.class()),
                zelf.get_id()
            ),
        }))
    }

    fn hash(function: &Function) -> PyHash {
        // Equal functions have the same receiver and C function.
        let zelf = function.zelf.as_ref().map_or(0, |zelf| zelf.get_id());
        let hash = (zelf.rotate_right(4) ^ (function.def.meth as usize).rotate_right(4)) as PyHash;
        if hash == -1 { -2 } else { hash }
    }
}

/// `vectorcall` of functions in C memory that C defines: no VM is involved.
///
/// # Safety
/// As C calls it: `args` has the arguments, `callable` is such a function.
pub unsafe extern "C" fn vectorcall(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    kwnames: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        let c = callable.cast::<PyCFunctionObject>();
        let def = (*c).m_ml;
        let zelf = match (*def).ml_flags & METH_STATIC {
            0 => (*c).m_self,
            _ => ptr::null_mut(),
        };
        let class = match (*def).ml_flags & METH_METHOD {
            0 => ptr::null_mut(),
            _ => (*callable.cast::<PyCMethodObject>()).mm_class,
        };
        let given = nargsf & !PY_VECTORCALL_ARGUMENTS_OFFSET;
        call_in_c(callable, def, zelf, class, args, given, kwnames)
    }
}

/// `vectorcall` of method descriptors that C defines.
///
/// # Safety
/// As C calls it: `args` has the arguments, `callable` is such a descriptor.
pub unsafe extern "C" fn method_vectorcall(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    kwnames: *mut PyObject,
) -> *mut PyObject {
    let given = nargsf & !PY_VECTORCALL_ARGUMENTS_OFFSET;
    // SAFETY: by this function's contract.
    unsafe {
        let d = callable.cast::<PyMethodDescrObject>();
        let class = (*d).d_common.d_type;
        // What is wrong with the receiver, the VM's way of calling says.
        if given == 0 || PyType_IsSubtype((**args).ob_type, class) == 0 {
            return vm_vectorcall(callable, args, nargsf, kwnames);
        }
        call_in_c(
            callable,
            (*d).d_method,
            *args,
            class,
            args.add(1),
            given - 1,
            kwnames,
        )
    }
}

unsafe fn call_in_c(
    callable: *mut PyObject,
    ml: *mut PyMethodDef,
    zelf: *mut PyObject,
    class: *mut PyTypeObject,
    args: *const *mut PyObject,
    given: usize,
    kwnames: *mut PyObject,
) -> *mut PyObject {
    crate::api::border(|vm| {
        // SAFETY: by the callers' contract.
        unsafe {
            let def = Def::new(vm, ml)?;
            let keywords = match kwnames.is_null() {
                true => 0,
                false => tupleobject::items(kwnames).len(),
            };
            let kwnames = if keywords == 0 {
                ptr::null_mut()
            } else {
                kwnames
            };
            if let Err(misuse) = def.check(given, keywords) {
                let callable = proxy::vm_of(vm, callable);
                return Err(misused(vm, &callable, def, misuse, given));
            }
            let result = state::call_c(|| def.call(vm, zelf, class, args, given, kwnames));
            checked(vm, result, callable)
        }
    })
}

/// `vectorcall` of what the VM calls: its own functions, methods and descriptors.
///
/// # Safety
/// As C calls it: `args` has the arguments, `callable` is a live object.
pub unsafe extern "C" fn vm_vectorcall(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    nargsf: usize,
    kwnames: *mut PyObject,
) -> *mut PyObject {
    crate::api::border(|vm| {
        let given = nargsf & !PY_VECTORCALL_ARGUMENTS_OFFSET;
        // SAFETY: by this function's contract: the caller keeps the callable, too.
        let (callable, values, names) = unsafe {
            let names = match kwnames.is_null() {
                true => Vec::new(),
                false => tupleobject::elements(vm, kwnames),
            };
            let count = given + names.len();
            let mut values = Vec::with_capacity(count);
            values.extend((0..count).map(|i| proxy::vm_of(vm, *args.add(i))));
            (held(vm, callable), values, names)
        };
        let names = (!names.is_empty()).then_some(names);
        crate::api::python(|| callable.vectorcall(values, given, names.as_deref(), vm))
    })
}

/// The result of a C function that stays in C: must agree with the error
/// indicator.
///
/// # Safety
/// `result` is NULL or a new reference, `callable` is live; the lock is held.
pub unsafe fn checked(
    vm: &VirtualMachine,
    result: *mut PyObject,
    callable: *mut PyObject,
) -> PyResult<*mut PyObject> {
    if result.is_null() == error::occurred() {
        return Ok(result);
    }
    // SAFETY: by this function's contract. This says what is wrong.
    unsafe {
        let callable = proxy::vm_of(vm, callable);
        error::object_result(vm, result, || repr(vm, &callable)).map(|_| ptr::null_mut())
    }
}

/// `meth_get__qualname__`.
fn qualname(vm: &VirtualMachine, function: &Function) -> PyResult {
    let name = function.def.name();
    let class = match &function.zelf {
        Some(zelf) if zelf.class().fast_issubclass(vm.ctx.types.module_type) => None,
        Some(zelf) => match zelf.downcast_ref::<PyType>() {
            Some(class) => Some(class.to_owned()),
            None => Some(zelf.class().to_owned()),
        },
        None => None,
    };
    let qualname = match class {
        None => name,
        Some(class) => {
            let outer = class.as_object().get_attr("__qualname__", vm)?.str(vm)?;
            format!("{outer}.{name}")
        }
    };
    Ok(vm.ctx.new_str(qualname).into())
}

/// `builtin_method`: what `METH_METHOD` functions are in C memory.
#[unsafe(no_mangle)]
pub static mut PyCMethod_Type: PyTypeObject = PyTypeObject::ZERO;

/// Teaches the VM's `builtin_function_or_method` to call ours, after the
/// static types are bound.
pub fn init(vm: &VirtualMachine) {
    let class = vm.ctx.types.builtin_function_or_method_type;
    hook::call::<FunctionHook>(vm, class);
    hook::repr::<FunctionHook>(vm, class);
    hook::hash::<FunctionHook>(vm, class);
    hook::getter(vm, class, "__qualname__", |vm, v| {
        Some(qualname(vm, of(v)?))
    });
    hook::getter(vm, class, "__doc__", |vm, v| {
        Some(hook::string(vm, of(v)?.def.docs().1))
    });
    hook::getter(vm, class, "__text_signature__", |vm, v| {
        Some(hook::string(vm, of(v)?.def.docs().0))
    });
    // SAFETY: our own statics, before C sees them; the lock is held.
    unsafe {
        let function = types::c_type_of(vm, class);
        (*function).tp_vectorcall_offset =
            std::mem::offset_of!(PyCFunctionObject, vectorcall) as Py_ssize_t;
        (*function).tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
        let method = &raw mut PyCMethod_Type;
        method.write(function.read());
        (*method).tp_name = c"builtin_method".as_ptr();
        (*method).tp_basicsize = size_of::<PyCMethodObject>() as Py_ssize_t;
        (*method).tp_base = function;
        proxy::link_strong(method.cast(), class.to_owned().into(), false);
        mirror::set_kind(method, mirror::Kind::Builtin, mirror::Kind::Builtin);
    }
}
