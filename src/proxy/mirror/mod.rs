//! Mirrors: for each built-in type, how its C struct is filled from a VM
//! object, how a VM object is made from it, and what keeps the two equal.

pub mod bytearrayobject;
pub mod bytesobject;
pub mod c_dict;
pub mod cellobject;
pub mod code;
pub mod complexobject;
pub mod datetime;
pub mod descrobject;
pub mod dictobject;
pub mod exceptions;
pub mod floatobject;
pub mod frame;
pub mod funcobject;
pub mod header;
pub mod listobject;
pub mod longobject;
pub mod memoryobject;
pub mod methodobject;
pub mod moduleobject;
pub mod null;
pub mod pending;
pub mod setobject;
pub mod sliceobject;
pub mod structseq;
pub mod thunk;
pub mod traceback;
pub mod tupleobject;
pub mod unicodeobject;
pub mod walk;
pub mod weakrefobject;

use std::mem::offset_of;
use std::sync::atomic::{AtomicU64, Ordering};

use rustpython_vm::{AsObject, PyObject as VmObject, PyObjectRef, VirtualMachine};

use super::{arena, instance};
use crate::layout::{
    Py_TPFLAGS_HEAPTYPE, Py_ssize_t, PyObject, PyType_HasFeature, PyTypeObject, PyVarObject,
};
use crate::{refcount, types};

/// Which mirror an object has; a property of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The header alone is true.
    Header,
    /// C holds the state.
    Instance,
    Type,
    Int,
    Float,
    Complex,
    Str,
    Bytes,
    ByteArray,
    Tuple,
    List,
    Dict,
    Set,
    Slice,
    Module,
    Exception,
    Function,
    Method,
    Builtin,
    Descriptor,
    Traceback,
    WeakRef,
    MemoryView,
    Cell,
    DateTime,
    Frame,
    Code,
    /// A tuple with named fields, some of them hidden.
    StructSeq,
}

impl Kind {
    const fn from_u8(n: u8) -> Self {
        assert!(n <= Self::StructSeq as u8);
        // SAFETY: all discriminants up to the last are used.
        unsafe { std::mem::transmute::<u8, Self>(n) }
    }
}

/// How one kind of object crosses. All functions require the extension lock.
pub struct Mirror {
    /// A fresh C object of type `ty` for the VM object, count 1, not linked;
    /// NULL when memory is out.
    pub make: unsafe fn(&VirtualMachine, &VmObject, *mut PyTypeObject) -> *mut PyObject,
    /// The VM object for a C object without one; the two are linked.
    pub realize: unsafe fn(&VirtualMachine, *mut PyObject) -> PyObjectRef,
    /// Drops what the C object holds, before its memory goes.
    pub clear: unsafe fn(*mut PyObject),
    /// Brings the C object up to date with the VM object.
    pub refresh: Option<unsafe fn(&VirtualMachine, &VmObject, *mut PyObject)>,
}

const fn mirror(kind: Kind) -> &'static Mirror {
    match kind {
        Kind::Header | Kind::Type => &header::MIRROR,
        Kind::Instance => &INSTANCE,
        Kind::Int => &longobject::MIRROR,
        Kind::Float => &floatobject::MIRROR,
        Kind::Complex => &complexobject::MIRROR,
        Kind::Str => &unicodeobject::MIRROR,
        Kind::Bytes => &bytesobject::MIRROR,
        Kind::ByteArray => &bytearrayobject::MIRROR,
        Kind::Tuple => &tupleobject::MIRROR,
        Kind::List => &listobject::MIRROR,
        Kind::Dict => &dictobject::MIRROR,
        Kind::Set => &setobject::MIRROR,
        Kind::Slice => &sliceobject::MIRROR,
        Kind::Module => &moduleobject::MIRROR,
        Kind::Exception => &exceptions::MIRROR,
        Kind::Method => &methodobject::METHOD,
        Kind::Builtin => &methodobject::BUILTIN,
        Kind::Descriptor => &descrobject::MIRROR,
        Kind::WeakRef => &weakrefobject::MIRROR,
        Kind::Frame => &frame::MIRROR,
        Kind::Code => &code::MIRROR,
        Kind::StructSeq => &structseq::MIRROR,
        Kind::Function => &funcobject::MIRROR,
        Kind::Traceback => &traceback::MIRROR,
        Kind::DateTime => &datetime::MIRROR,
        Kind::Cell => &cellobject::MIRROR,
        Kind::MemoryView => &memoryobject::MIRROR,
    }
}

static INSTANCE: Mirror = Mirror {
    make: make_instance,
    realize: crate::types::derived::realize,
    clear: |_| {},
    refresh: None,
};

unsafe fn make_instance(vm: &VirtualMachine, v: &VmObject, ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: the caller's contract is the same.
    unsafe { crate::types::derived::make(vm, v, ty) }
}

/// The kinds of a type, packed into its prefix: its own, and that of its
/// nearest built-in base.
fn pack(kind: Kind, base: Kind) -> u16 {
    // Never zero: that stands for a type not looked at yet.
    (base as u16 + 1) << 8 | (kind as u16 + 1)
}

/// Where a type's kinds are kept: in the padding at the end of its struct,
/// which C does not know, and which is zero in a type that nobody looked at.
/// A static type has no prefix that would be found as fast.
///
/// # Safety
/// `ty` is a live type object.
#[inline]
unsafe fn kinds_place(ty: *mut PyTypeObject) -> *mut u16 {
    const END: usize = offset_of!(PyTypeObject, tp_versions_used) + size_of::<u16>();
    const { assert!(END + size_of::<u16>() <= size_of::<PyTypeObject>()) };
    // SAFETY: within the struct.
    unsafe { ty.cast::<u8>().add(END).cast() }
}

/// Says how instances of `ty` cross.
///
/// # Safety
/// `ty` is a live type object; the lock is held.
pub unsafe fn set_kind(ty: *mut PyTypeObject, kind: Kind, base: Kind) {
    // SAFETY: by this function's contract.
    unsafe { kinds_place(ty).write(pack(kind, base)) };
}

#[inline]
unsafe fn kinds(ty: *mut PyTypeObject) -> (Kind, Kind) {
    // SAFETY: by the callers' contract.
    unsafe {
        let packed = kinds_place(ty).read();
        if packed == 0 {
            return find_kinds(ty);
        }
        (
            Kind::from_u8(packed as u8 - 1),
            Kind::from_u8((packed >> 8) as u8 - 1),
        )
    }
}

#[cold]
unsafe fn find_kinds(ty: *mut PyTypeObject) -> (Kind, Kind) {
    // SAFETY: by the callers' contract; `tp_base` is NULL or a live type.
    unsafe {
        let base = (*ty).tp_base;
        let (kind, base_kind) = if base.is_null() {
            (Kind::Header, Kind::Header)
        } else {
            kinds(base)
        };
        set_kind(ty, kind, base_kind);
        (kind, base_kind)
    }
}

/// How instances of `ty` cross.
///
/// # Safety
/// `ty` is a live type object; the lock is held.
#[inline]
pub unsafe fn kind_of_type(ty: *mut PyTypeObject) -> Kind {
    // SAFETY: by this function's contract.
    unsafe { kinds(ty).0 }
}

/// The kind of the nearest built-in base of `ty`.
///
/// # Safety
/// As for [`kind_of_type`].
#[inline]
pub unsafe fn base_kind_of_type(ty: *mut PyTypeObject) -> Kind {
    // SAFETY: by this function's contract.
    unsafe { kinds(ty).1 }
}

/// # Safety
/// As for [`kind_of_type`].
#[inline]
pub unsafe fn of_type(ty: *mut PyTypeObject) -> &'static Mirror {
    // SAFETY: by this function's contract.
    mirror(unsafe { kind_of_type(ty) })
}

/// # Safety
/// As for [`kind_of_type`].
#[inline]
pub unsafe fn base_of_type(ty: *mut PyTypeObject) -> &'static Mirror {
    // SAFETY: by this function's contract.
    mirror(unsafe { base_kind_of_type(ty) })
}

/// The immortal C object for `v`, if it has one.
#[inline]
pub fn immortal(vm: &VirtualMachine, v: &VmObject) -> Option<*mut PyObject> {
    let class = v.class();
    let types = &vm.ctx.types;
    if class.is(types.int_type) {
        return longobject::small(v);
    }
    if class.is(types.str_type) {
        return unicodeobject::immortal(v);
    }
    if class.is(types.none_type) {
        return Some(types::statics::none());
    }
    if class.is(types.bool_type) {
        return Some(types::statics::bool(v.is(&vm.ctx.true_value)));
    }
    if class.is(types.tuple_type) {
        return tupleobject::immortal(v);
    }
    if class.is(types.bytes_type) {
        return bytesobject::immortal(v);
    }
    if class.is(types.ellipsis_type) {
        return Some(types::statics::ellipsis());
    }
    if class.is(types.not_implemented_type) {
        return Some(types::statics::not_implemented());
    }
    None
}

/// The VM object of `None`, `True` or `False`: they have no prefix that would
/// be found as fast.
#[inline]
pub fn constant(vm: &VirtualMachine, p: *mut PyObject) -> Option<PyObjectRef> {
    if p == types::statics::none() {
        return Some(vm.ctx.none());
    }
    if p == types::statics::bool(true) {
        return Some(vm.ctx.true_value.clone().into());
    }
    if p == types::statics::bool(false) {
        return Some(vm.ctx.false_value.clone().into());
    }
    None
}

/// Whether a mirror of type `ty` for `v` may be there just for the time of a
/// call: it holds nothing that must be kept equal, and is not one of those
/// that stay for the next time.
///
/// # Safety
/// `ty` is a live type object; the lock is held.
#[inline]
pub unsafe fn can_be_lent(v: &VmObject, ty: *mut PyTypeObject) -> bool {
    // SAFETY: by this function's contract.
    match unsafe { kind_of_type(ty) } {
        Kind::Int | Kind::Float | Kind::Complex | Kind::Bytes | Kind::Tuple | Kind::Header => true,
        Kind::Str => !v.is_immortal(),
        _ => false,
    }
}

/// Makes the VM object for `p`, whose only reference the caller gives away,
/// without keeping the pair, where the identity of the two cannot be observed.
/// `None`: nothing happened.
///
/// # Safety
/// `p` is live, at count 1, without a link; the lock is held.
#[inline]
pub unsafe fn consume(vm: &VirtualMachine, p: *mut PyObject) -> Option<PyObjectRef> {
    // SAFETY: by this function's contract.
    unsafe {
        let ty = (*p).ob_type;
        let (kind, base) = kinds(ty);
        let v = match kind {
            Kind::Instance if base == Kind::Header => return Some(instance::consume(vm, p)),
            Kind::Int if types::statics::is_exact_int(ty) => longobject::value(vm, p),
            Kind::Float if types::statics::is_exact_float(ty) => floatobject::value(vm, p),
            Kind::Str if types::statics::is_exact_str(ty) => unicodeobject::value(vm, p),
            Kind::Bytes if types::statics::is_exact_bytes(ty) => bytesobject::value(vm, p),
            Kind::Tuple if types::statics::is_exact_tuple(ty) => tupleobject::consume(vm, p),
            Kind::List if types::statics::is_exact_list(ty) => listobject::consume(vm, p),
            Kind::Dict => c_dict::consume(vm, p)?,
            Kind::Exception if exceptions::is_simple(ty) => exceptions::value(vm, p),
            _ => return None,
        };
        refcount::decref(p);
        Some(v)
    }
}

/// The VM objects of elements, whose references are taken over; see [`null`]
/// for those that C did not fill.
///
/// # Safety
/// The elements are NULL or live; the lock is held.
pub unsafe fn consume_elements(
    vm: &VirtualMachine,
    items: &mut [*mut PyObject],
) -> Vec<PyObjectRef> {
    let take = |item: &mut *mut PyObject| {
        let item = std::mem::replace(item, std::ptr::null_mut());
        if item.is_null() {
            return null::stand_in(vm);
        }
        // SAFETY: by this function's contract.
        unsafe { super::vm_of_stolen(vm, item) }
    };
    items.iter_mut().map(take).collect()
}

/// Whether the mirror `p`, at count zero, is worth keeping for the next time.
///
/// # Safety
/// `p` is a mirror; the lock is held.
#[inline]
pub unsafe fn lingers(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract; the link of a mirror is live.
    unsafe {
        match kind_of_type((*p).ob_type) {
            Kind::Module | Kind::Code => true,
            Kind::Descriptor => descrobject::lingers(p),
            Kind::Builtin => methodobject::lingers(p),
            Kind::Str => (*(*super::prefix::prefix_of(p)).link).is_immortal(),
            _ => false,
        }
    }
}

/// Whether code can tell the mirror `p` from another one of an equal value.
///
/// # Safety
/// `p` is a mirror; the lock is held.
#[inline]
pub unsafe fn has_identity(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    let kind = unsafe { kind_of_type((*p).ob_type) };
    !matches!(kind, Kind::Int | Kind::Float | Kind::Complex)
}

/// Whether making the mirror of an instance of `ty` may lead to other objects,
/// and so back to the instance.
///
/// # Safety
/// As for [`kind_of_type`].
#[inline]
pub unsafe fn leads_on(ty: *mut PyTypeObject) -> bool {
    // SAFETY: by this function's contract.
    let kind = unsafe { kind_of_type(ty) };
    !matches!(
        kind,
        Kind::Int
            | Kind::Float
            | Kind::Complex
            | Kind::Str
            | Kind::Bytes
            | Kind::List
            | Kind::Dict
            | Kind::Set
            | Kind::Exception
    )
}

/// Whether `p` is a `dict`, `list`, `set` or `tuple`.
///
/// # Safety
/// `p` is live; the lock is held.
pub unsafe fn is_container(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    let kind = unsafe { kind_of_type((*p).ob_type) };
    matches!(kind, Kind::Dict | Kind::List | Kind::Set | Kind::Tuple)
}

/// Brings the mirror `p` of `v` up to date for C.
///
/// # Safety
/// The two are a pair; the lock is held.
#[inline]
pub unsafe fn refresh(vm: &VirtualMachine, v: &VmObject, p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        if let Some(refresh) = of_type((*p).ob_type).refresh {
            pending::run(vm, v, p, refresh);
        }
    }
}

/// Called when the fresh mirror `p` of `v` has its link: one that the VM may
/// change is filled now, and watched.
///
/// # Safety
/// `p` is a linked mirror; the lock is held.
pub unsafe fn after_link(vm: &VirtualMachine, v: &VmObject, p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        if kind_of_type((*p).ob_type) == Kind::Function {
            funcobject::fill(vm, v, p);
        }
        if let Some(refresh) = of_type((*p).ob_type).refresh {
            watch::add(p);
            pending::run(vm, v, p, refresh);
        }
    }
}

/// A number that grows whenever the VM may have run.
static EPOCH: AtomicU64 = AtomicU64::new(1);

/// While this number stays the same, nothing but C ran, so that what the VM has
/// is what it was.
#[inline]
pub fn epoch() -> u64 {
    EPOCH.load(Ordering::Relaxed)
}

/// The VM may have run, or may be about to. The caller holds the lock, so that
/// nobody else writes.
#[inline]
pub fn vm_ran() {
    EPOCH.store(epoch() + 1, Ordering::Relaxed);
}

/// Control goes back to C after the VM ran: brings the mutable mirrors that
/// C can reach up to date.
#[inline]
pub fn before_c(vm: &VirtualMachine) {
    vm_ran();
    if watch::any() {
        watch::refresh_all(vm);
    }
}

/// Control enters the VM: takes over what C wrote inline.
#[inline]
pub fn before_vm(vm: &VirtualMachine) {
    if watch::any() {
        watch::take_over_all(vm);
    }
}

/// The mutable mirrors alive: those whose fields the VM or C may change
/// behind the other's back.
pub mod watch {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{Kind, VirtualMachine, exceptions, kind_of_type, listobject, mirror, pending};
    use crate::layout::PyObject;
    use crate::proxy::prefix::prefix_of;
    use crate::proxy::table::LinkTable;

    struct Entry {
        p: *mut PyObject,
        /// That of its type: most entries are passed over by it.
        kind: Kind,
    }

    #[derive(Default)]
    struct Watched {
        mirrors: Vec<Entry>,
        /// Where each mirror stands: the prefix has no room for it.
        index: LinkTable,
    }

    struct Global(RefCell<Option<Watched>>);
    // SAFETY: only the holder of the extension lock reaches it.
    unsafe impl Sync for Global {}
    static WATCHED: Global = Global(RefCell::new(None));

    fn with<R>(f: impl FnOnce(&mut Watched) -> R) -> R {
        f(WATCHED.0.borrow_mut().get_or_insert_default())
    }

    /// # Safety
    /// `p` is a live mirror that calls [`remove`] before its memory goes; the
    /// lock is held.
    pub unsafe fn add(p: *mut PyObject) {
        with(|w| {
            // The table's values start at 2.
            w.index.insert(p as usize, w.mirrors.len() + 2);
            // SAFETY: by this function's contract.
            let kind = unsafe { kind_of_type((*p).ob_type) };
            w.mirrors.push(Entry { p, kind });
            COUNT.store(w.mirrors.len(), Ordering::Relaxed);
        });
    }

    /// The mirror `p` is about to go.
    ///
    /// # Safety
    /// The lock is held.
    pub unsafe fn remove(p: *mut PyObject) {
        with(|w| {
            let Some(index) = w.index.remove(p as usize) else {
                return;
            };
            w.mirrors.swap_remove(index - 2);
            COUNT.store(w.mirrors.len(), Ordering::Relaxed);
            if let Some(moved) = w.mirrors.get(index - 2) {
                w.index.remove(moved.p as usize);
                w.index.insert(moved.p as usize, index);
            }
        });
    }

    /// How many are watched, for [`any`].
    static COUNT: AtomicUsize = AtomicUsize::new(0);

    #[inline]
    pub fn any() -> bool {
        COUNT.load(Ordering::Relaxed) != 0
    }

    /// At most this many are looked at on every crossing. Beyond that, the
    /// mirrors watched last are: what a call works with crossed last.
    const MOST: usize = 128;

    /// Calls `f` with what was watched last, and its kind.
    pub fn each(f: impl Fn(*mut PyObject, Kind)) {
        let mut i = with(|w| w.mirrors.len());
        let first = i.saturating_sub(MOST);
        while i > first {
            i -= 1;
            if let Some((p, kind)) = with(|w| w.mirrors.get(i).map(|entry| (entry.p, entry.kind))) {
                f(p, kind);
            }
        }
    }

    pub fn refresh_all(vm: &VirtualMachine) {
        let refresh_each = || {
            // SAFETY: what is watched is alive; its VM object too, while linked.
            each(|p, kind| unsafe {
                let link = (*prefix_of(p)).link;
                if let Some(refresh) = mirror(kind).refresh
                    && !link.is_null()
                {
                    refresh(vm, &*link, p);
                }
            });
        };
        // SAFETY: the caller holds the lock.
        unsafe { pending::together(vm, refresh_each) };
    }

    pub fn take_over_all(vm: &VirtualMachine) {
        // SAFETY: the lock is held, by this function's contract.
        unsafe { listobject::take_over_finished(vm) };
        // SAFETY: what is watched is alive.
        each(|p, kind| unsafe {
            match kind {
                Kind::List => listobject::take_over(vm, p),
                Kind::Exception => exceptions::take_over(vm, p),
                _ => {}
            }
        });
    }
}

/// Memory for a C object of type `ty` and `size` bytes, zeroed, count 1.
/// NULL when memory is out.
///
/// # Safety
/// `ty` is a live type object; the lock is held.
#[inline]
pub unsafe fn allocate(ty: *mut PyTypeObject, size: usize) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        let size = size.max((*ty).tp_basicsize as usize);
        let p = arena::allocate_zeroed(size).cast::<PyObject>();
        if p.is_null() {
            return p;
        }
        refcount::set_count(p, 1);
        (*p).ob_type = ty;
        if PyType_HasFeature(ty, Py_TPFLAGS_HEAPTYPE) {
            refcount::incref(ty.cast());
        }
        p
    }
}

/// Memory for an object of the built-in type `ty` itself, count 1: the head
/// alone is written. NULL when memory is out.
///
/// # Safety
/// `ty` is a static type, an instance of which has `size` bytes; the lock is
/// held.
#[inline]
pub unsafe fn allocate_exact(ty: *mut PyTypeObject, size: usize) -> *mut PyObject {
    let p = arena::allocate(size).cast::<PyObject>();
    if !p.is_null() {
        // SAFETY: a block of that size.
        unsafe {
            refcount::set_count(p, 1);
            (*p).ob_type = ty;
        }
    }
    p
}

/// Like [`allocate`], for an object with an `ob_size`.
///
/// # Safety
/// As for [`allocate`].
#[inline]
pub unsafe fn allocate_var(
    ty: *mut PyTypeObject,
    size: usize,
    ob_size: Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        let p = allocate(ty, size);
        if !p.is_null() {
            (*p.cast::<PyVarObject>()).ob_size = ob_size;
        }
        p
    }
}
