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

use rustpython_vm::builtins::{PyBytes, PyStr};
use rustpython_vm::{AsObject, PyObject as VmObject, PyObjectRef, VirtualMachine};

use super::prefix::flag::PARKED;
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
        Kind::Int | Kind::Float | Kind::Complex | Kind::Tuple | Kind::Header => true,
        // Large ones linger.
        Kind::Bytes => v
            .downcast_ref::<PyBytes>()
            .is_none_or(|bytes| bytes.as_bytes().len() < LARGE),
        Kind::Str => {
            !v.is_immortal()
                && v.downcast_ref::<PyStr>()
                    .is_none_or(|text| text.as_bytes().len() < LARGE)
        }
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
            Kind::Str | Kind::Bytes if is_large(p) => {
                (*(*super::prefix::prefix_of(p)).link).strong_count() > 1
            }
            Kind::Str => (*(*super::prefix::prefix_of(p)).link).is_immortal(),
            _ => false,
        }
    }
}

/// Strings and `bytes` of this size are large: making a mirror takes long.
const LARGE: usize = 64 << 10;

/// Whether `p` is a large mirror of a string or of `bytes`, in one block of the
/// arena.
///
/// # Safety
/// `p` is a mirror; the lock is held.
#[inline]
pub unsafe fn is_large(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract.
    unsafe {
        let ty = (*p).ob_type;
        let is_one = types::statics::is_exact_bytes(ty)
            || types::statics::is_exact_str(ty) && unicodeobject::is_one_block(p);
        is_one && arena::contains(p as usize) && arena::usable_size(p.cast()) >= LARGE
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
            if (*super::prefix::prefix_of(p)).has(PARKED) {
                return watch::unpark(vm, v, p);
            }
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
    super::invariants::check();
}

/// Control enters the VM: takes over what C wrote inline.
#[inline]
pub fn before_vm(vm: &VirtualMachine) {
    if watch::any_two_way() {
        watch::take_over_all(vm);
    }
}

/// The mutable mirrors: those whose fields the VM or C may change behind the
/// other's back.
///
/// Every one that both sides can reach is compared at every crossing: what C
/// reads inline is true, and costs what is shared. A mirror that only one side
/// can reach is *parked*, which means left alone:
///
/// - C has no reference, or only in objects that nothing in its variables leads
///   to: to get one it must fetch the object, or one that leads to it, which
///   refreshes it;
/// - the VM has no reference but the mirror's own: to get one, the object must
///   be handed to the VM, which [`unpark`]s it.
pub mod watch {
    use std::cell::UnsafeCell;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{Kind, VirtualMachine, base_kind_of_type, exceptions, kind_of_type, listobject};
    use super::{VmObject, arena, mirror, pending};
    use crate::layout::PyObject;
    use crate::proxy::prefix::{flag, prefix_of};
    use crate::proxy::table::LinkTable;
    use crate::refcount;

    #[derive(Clone, Copy)]
    struct Entry {
        p: *mut PyObject,
        /// That of its type, or of the built-in that its type derives from.
        kind: Kind,
    }

    /// The ways in which a mirror may have to be brought up to date.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Way {
        /// The VM changes it.
        One,
        /// C, too, writes into its fields.
        Two,
    }

    impl Way {
        const fn of(kind: Kind) -> Self {
            match kind {
                Kind::List | Kind::Exception => Self::Two,
                _ => Self::One,
            }
        }
    }

    #[derive(Default)]
    struct Watched {
        one: Vec<Entry>,
        two: Vec<Entry>,
        /// Where each mirror stands: the prefix has no room for it.
        index: LinkTable,
    }

    impl Watched {
        fn entries(&mut self, way: Way) -> &mut Vec<Entry> {
            match way {
                Way::One => &mut self.one,
                Way::Two => &mut self.two,
            }
        }
    }

    struct Global(UnsafeCell<Option<Watched>>);
    // SAFETY: only the holder of the extension lock reaches it.
    unsafe impl Sync for Global {}
    static WATCHED: Global = Global(UnsafeCell::new(None));

    #[inline]
    fn with<R>(f: impl FnOnce(&mut Watched) -> R) -> R {
        // SAFETY: the holder of the lock is alone here, and no function that
        // is passed here calls out.
        f(unsafe { &mut *WATCHED.0.get() }.get_or_insert_default())
    }

    #[inline]
    fn number(f: impl FnOnce(&Watched) -> usize) -> usize {
        // SAFETY: as in `with`.
        unsafe { &*WATCHED.0.get() }.as_ref().map_or(0, f)
    }

    /// Number of mirrors that are compared at every crossing.
    pub fn len() -> usize {
        number(|w| w.one.len() + w.two.len())
    }

    #[inline]
    pub fn any() -> bool {
        len() != 0
    }

    #[inline]
    pub fn any_two_way() -> bool {
        number(|w| w.two.len()) != 0
    }

    unsafe fn kind_of(p: *mut PyObject) -> Kind {
        // SAFETY: the callers' `p` is live.
        unsafe {
            let ty = (*p).ob_type;
            match kind_of_type(ty) {
                Kind::Instance => base_kind_of_type(ty),
                kind => kind,
            }
        }
    }

    /// Watches `p`. Nothing happens when it is watched already.
    ///
    /// # Safety
    /// `p` is a live mirror that calls [`remove`] before its memory goes; the
    /// lock is held.
    pub unsafe fn add(p: *mut PyObject) {
        // SAFETY: by this function's contract.
        unsafe {
            let kind = kind_of(p);
            (*prefix_of(p)).flags &= !flag::PARKED;
            with(|w| {
                if w.index.get(p as usize).is_some() {
                    return;
                }
                let entries = w.entries(Way::of(kind));
                entries.push(Entry { p, kind });
                // The table's values start at 2.
                let place = entries.len() + 1;
                w.index.insert(p as usize, place);
            });
        }
    }

    /// The mirror `p` is about to go, or need not be watched.
    ///
    /// # Safety
    /// `p` is live; the lock is held.
    pub unsafe fn remove(p: *mut PyObject) {
        // SAFETY: by this function's contract.
        let way = Way::of(unsafe { kind_of(p) });
        with(|w| {
            let Some(place) = w.index.remove(p as usize) else {
                return;
            };
            let entries = w.entries(way);
            entries.swap_remove(place - 2);
            if let Some(moved) = entries.get(place - 2).copied() {
                w.index.remove(moved.p as usize);
                w.index.insert(moved.p as usize, place);
            }
        });
    }

    /// The parked mirror `p` can be reached by both sides again.
    ///
    /// # Safety
    /// `p` is a live parked mirror of `v`; the lock is held.
    #[cold]
    pub unsafe fn unpark(vm: &VirtualMachine, v: &VmObject, p: *mut PyObject) {
        // SAFETY: by this function's contract.
        unsafe {
            add(p);
            let kind = kind_of(p);
            take_over(vm, p, kind);
            refresh(vm, v, p, kind);
        }
    }

    /// Unparks all mirrors: somebody looks for objects where there is no border.
    /// The lock is held.
    pub fn unpark_all(vm: &VirtualMachine) {
        unpark_if(vm, |_| true);
    }

    /// Unparks the mirrors of what the VM's collector cleared. The lock is held.
    pub fn unpark_cleared(vm: &VirtualMachine) {
        unpark_if(vm, |v| !v.is_gc_tracked());
    }

    fn unpark_if(vm: &VirtualMachine, wanted: impl Fn(&VmObject) -> bool) {
        let mut parked = Vec::new();
        arena::each_live(|p| {
            // SAFETY: what the arena has is live, and a parked mirror linked
            // to a live object.
            unsafe {
                let prefix = &*prefix_of(p);
                if prefix.has(flag::PARKED) && wanted(&*prefix.link) {
                    refcount::incref(p);
                    parked.push(p);
                }
            }
        });
        for &p in &parked {
            // SAFETY: as above; the references are ours.
            unsafe {
                let prefix = prefix_of(p);
                if (*prefix).has(flag::PARKED) {
                    unpark(vm, &*(*prefix).link, p);
                }
            }
        }
        for p in parked {
            // SAFETY: our own reference.
            unsafe { refcount::decref(p) };
        }
    }

    /// Whether one of the two sides cannot reach the object.
    unsafe fn is_one_sided(p: *mut PyObject, kind: Kind) -> bool {
        // SAFETY: the callers' `p` is a live linked mirror.
        unsafe {
            let prefix = &*prefix_of(p);
            if !prefix.has(flag::OWNS_VM) {
                return false;
            }
            // Code may go on using the pointer of what it stored elsewhere.
            let known = prefix.has(flag::STORED) || refcount::count(p) != 0;
            let link = &*prefix.link;
            // A weak reference dies when others let its referent go.
            let private = kind != Kind::WeakRef
                && link.strong_count() == 1
                && link.weak_count().unwrap_or(0) == 0;
            !known || private
        }
    }

    unsafe fn refresh(vm: &VirtualMachine, v: &VmObject, p: *mut PyObject, kind: Kind) {
        if let Some(refresh) = mirror(kind).refresh {
            // SAFETY: the callers' pair is live.
            unsafe { pending::run(vm, v, p, refresh) };
        }
    }

    unsafe fn take_over(vm: &VirtualMachine, p: *mut PyObject, kind: Kind) {
        // SAFETY: the callers' `p` is a live linked mirror of that kind.
        unsafe {
            match kind {
                Kind::List => listobject::take_over(vm, p),
                Kind::Exception => exceptions::take_over(vm, p),
                _ => {}
            }
        }
    }

    /// Calls `f` with what is watched, the newest first, and its kind. `f` may
    /// add, and remove what it is called with.
    fn each(way: Way, mut f: impl FnMut(*mut PyObject, Kind)) {
        let mut i = with(|w| w.entries(way).len());
        while i > 0 {
            i -= 1;
            if let Some(entry) = with(|w| w.entries(way).get(i).copied()) {
                f(entry.p, entry.kind);
            }
        }
    }

    /// Parks `p` if it is watched. Says whether it was.
    ///
    /// # Safety
    /// `p` is a live mirror whose VM object it owns; the lock is held.
    pub unsafe fn park(p: *mut PyObject) -> bool {
        // SAFETY: by this function's contract.
        unsafe {
            let watched = with(|w| w.index.get(p as usize).is_some());
            if watched {
                remove(p);
                (*prefix_of(p)).flags |= flag::PARKED;
            }
            watched
        }
    }

    /// How many may be watched before it is asked which of them C can reach.
    static MANY: AtomicUsize = AtomicUsize::new(FEW);
    const FEW: usize = 64;

    #[cold]
    pub fn refresh_all(vm: &VirtualMachine) {
        // SAFETY: the caller holds the lock.
        unsafe { pending::together(vm, || refresh_watched(vm)) };
        if len() > MANY.load(Ordering::Relaxed) {
            refcount::census::park_unreachable();
            MANY.store(FEW.max(2 * len()), Ordering::Relaxed);
        }
    }

    fn refresh_watched(vm: &VirtualMachine) {
        for way in [Way::One, Way::Two] {
            // SAFETY: what is watched is alive; its VM object too, while linked.
            each(way, |p, kind| unsafe {
                let link = (*prefix_of(p)).link;
                let prefix = &*prefix_of(p);
                // One that the VM owns may be dying, if C does not have it.
                let is_held = prefix.has(flag::OWNS_VM) || refcount::count(p) > 1;
                if link.is_null() || !is_held {
                    return;
                }
                // Once more even if it is to be parked: the VM may have
                // changed it just before it lost it.
                refresh(vm, &*link, p, kind);
                if is_one_sided(p, kind) {
                    remove(p);
                    (*prefix_of(p)).flags |= flag::PARKED;
                }
            });
        }
    }

    #[cold]
    pub fn take_over_all(vm: &VirtualMachine) {
        // SAFETY: the lock is held, by this function's contract.
        unsafe { listobject::take_over_finished(vm) };
        // SAFETY: what is watched is alive.
        each(Way::Two, |p, kind| unsafe { take_over(vm, p, kind) });
    }

    /// The C object `referent` is about to go: no weak reference names it any
    /// more. The caller holds the lock.
    pub fn each_weak_reference(f: impl Fn(*mut PyObject)) {
        each(Way::One, |p, kind| {
            if kind == Kind::WeakRef {
                f(p);
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
