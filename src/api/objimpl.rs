//! `objimpl.h` and `cpython/objimpl.h`: memory of objects, and the collector.
//!
//! What these functions hand out comes from the arena and carries the hidden
//! prefix. Memory from elsewhere (an extension's own `malloc`) is welcome as
//! an object too; it goes back to where it came from.

use std::ffi::{c_int, c_void};
use std::ptr;

use super::pymem::{OBJ_DOMAIN, through};
use super::{Nothing, bad_internal_call, border, python};
use crate::layout::{
    Py_TPFLAGS_HAVE_GC, Py_TPFLAGS_HEAPTYPE, Py_TPFLAGS_MANAGED_WEAKREF, Py_ssize_t, PyObject,
    PyType_HasFeature, PyTypeObject, PyVarObject, gcvisitobjects_t,
};
use crate::proxy::prefix::{Prefix, flag, prefix_of, prefix_of_or_new};
use crate::proxy::{self, arena, foreign, instance};
use crate::refcount::{self, anchors};
use crate::thread;

/// Largest size that CPython's allocators serve.
pub(super) const MOST: usize = isize::MAX as usize;

/// Memory for an object, aligned to 16, or NULL. The content is undefined.
///
/// # Safety
/// The caller holds the lock. This goes for every function here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Malloc(size: usize) -> *mut c_void {
    // SAFETY: by this function's contract.
    unsafe { through!(OBJ_DOMAIN, default_malloc, malloc, size) }
}

/// [`PyObject_Malloc`], as long as nobody sets another allocator.
///
/// # Safety
/// As for [`PyObject_Malloc`].
pub unsafe extern "C" fn default_malloc(_: *mut c_void, size: usize) -> *mut c_void {
    if size > MOST {
        return ptr::null_mut();
    }
    arena::allocate(size.max(1)).cast()
}

/// Zeroed memory for an object of `nelem * elsize` bytes, or NULL.
///
/// # Safety
/// As for [`PyObject_Malloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Calloc(nelem: usize, elsize: usize) -> *mut c_void {
    // SAFETY: by this function's contract.
    unsafe { through!(OBJ_DOMAIN, default_calloc, calloc, nelem, elsize) }
}

/// [`PyObject_Calloc`], as long as nobody sets another allocator.
///
/// # Safety
/// As for [`PyObject_Malloc`].
pub unsafe extern "C" fn default_calloc(
    _: *mut c_void,
    nelem: usize,
    elsize: usize,
) -> *mut c_void {
    match nelem.checked_mul(elsize) {
        Some(size) if size <= MOST => arena::allocate_zeroed(size.max(1)).cast(),
        _ => ptr::null_mut(),
    }
}

/// Resizes a block, which may move. NULL leaves the old block as it is.
///
/// An object that the VM knows by address does not move: growing it is refused.
///
/// # Safety
/// `p` is NULL or a block of this family or of `malloc`, which the caller owns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Realloc(p: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: by this function's contract.
    unsafe { through!(OBJ_DOMAIN, default_realloc, realloc, p, size) }
}

/// [`PyObject_Realloc`], as long as nobody sets another allocator.
///
/// # Safety
/// As for [`PyObject_Malloc`].
pub unsafe extern "C" fn default_realloc(
    _: *mut c_void,
    p: *mut c_void,
    size: usize,
) -> *mut c_void {
    // SAFETY: by this function's contract; the block's prefix precedes it.
    unsafe {
        if p.is_null() {
            return default_malloc(ptr::null_mut(), size);
        }
        if size > MOST {
            return ptr::null_mut();
        }
        if !arena::contains(p as usize) {
            return reallocate_foreign(p, size);
        }
        let usable = arena::usable_size(p.cast());
        if size <= usable && size >= usable / 2 {
            return p;
        }
        let old = prefix_of(p.cast());
        if !(*old).link.is_null() {
            return if size <= usable { p } else { ptr::null_mut() };
        }
        let fresh = arena::allocate(size.max(1));
        if fresh.is_null() {
            return ptr::null_mut();
        }
        ptr::copy_nonoverlapping(p.cast::<u8>(), fresh, size.min(usable));
        let new = prefix_of(fresh.cast());
        (*new).flags = (*old).flags;
        (*new).aux = (*old).aux;
        arena::release(p.cast());
        fresh.cast()
    }
}

unsafe fn reallocate_foreign(p: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the block came from `malloc`, says the caller.
    unsafe {
        if is_known(p) {
            return ptr::null_mut();
        }
        let fresh = libc::realloc(p, size.max(1));
        if !fresh.is_null() {
            move_foreign(p, fresh);
        }
        fresh
    }
}

/// Whether the VM knows the object in a block that is not the arena's.
///
/// # Safety
/// The caller holds the lock.
pub unsafe fn is_known(p: *mut c_void) -> bool {
    let known = foreign::lookup(p as usize);
    // SAFETY: what the table has is live.
    unsafe { !known.is_null() && !(*known).link.is_null() }
}

/// What is known of a block that is not the arena's is known of `fresh` instead.
///
/// # Safety
/// The caller holds the lock; the VM does not know the object.
pub unsafe fn move_foreign(p: *mut c_void, fresh: *mut c_void) {
    let known = foreign::lookup(p as usize);
    if known.is_null() {
        return;
    }
    // SAFETY: what the table has is live.
    unsafe {
        let (flags, aux) = ((*known).flags, (*known).aux);
        foreign::remove(p as usize);
        let prefix = foreign::lookup_or_insert(fresh as usize);
        (*prefix).flags = flags;
        (*prefix).aux = aux;
    }
}

/// A block that is not the arena's is about to go: whoever knows it forgets it.
///
/// # Safety
/// The caller holds the lock; nobody uses the block any more.
pub unsafe fn forget(p: *mut c_void) {
    // SAFETY: by this function's contract.
    unsafe { part(p.cast()) };
    foreign::remove(p as usize);
}

/// Frees a block of this family, or one of `malloc`'s. NULL is allowed.
///
/// # Safety
/// Nobody uses the block any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Free(p: *mut c_void) {
    // SAFETY: by this function's contract.
    unsafe { through!(OBJ_DOMAIN, default_free, free, p) }
}

/// [`PyObject_Free`], as long as nobody sets another allocator.
///
/// # Safety
/// As for [`PyObject_Malloc`].
pub unsafe extern "C" fn default_free(_: *mut c_void, p: *mut c_void) {
    if p.is_null() {
        return;
    }
    // SAFETY: by this function's contract.
    unsafe {
        part(p.cast());
        if arena::contains(p as usize) {
            arena::release(p.cast());
        } else {
            foreign::remove(p as usize);
            libc::free(p);
        }
    }
}

/// The memory of `p` is about to go: whoever is linked to it forgets it.
unsafe fn part(p: *mut PyObject) {
    // SAFETY: `p` is a block that its owner is freeing.
    unsafe {
        let prefix = prefix_of(p);
        if prefix.is_null() {
            return;
        }
        if (*prefix).has(flag::ANCHORS) {
            anchors::drop_owner(p);
        }
        if !(*prefix).link.is_null() {
            unlink_dead(p, prefix);
        }
    }
}

#[cold]
unsafe fn unlink_dead(p: *mut PyObject, prefix: *mut Prefix) {
    // SAFETY: a link that is set names a live VM object.
    unsafe {
        instance::orphan(&*(*prefix).link);
        drop(proxy::unlink(p));
    }
}

/// Makes `p` an object of type `ty` with one reference, which is the caller's.
/// Returns `p`; NULL is a `MemoryError`.
///
/// # Safety
/// `p` is NULL or memory for an object; `ty` is a live type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_Init(p: *mut PyObject, ty: *mut PyTypeObject) -> *mut PyObject {
    if p.is_null() {
        return no_memory();
    }
    // SAFETY: by this function's contract.
    unsafe { init(p, ty) };
    p
}

/// Writes the head of a fresh object.
#[inline]
unsafe fn init(p: *mut PyObject, ty: *mut PyTypeObject) {
    // SAFETY: the callers have memory for an object.
    unsafe {
        (*p).ob_type = ty;
        if PyType_HasFeature(ty, Py_TPFLAGS_HEAPTYPE) {
            refcount::incref(ty.cast());
        }
        refcount::set_count(p, 1);
    }
}

#[cold]
fn no_memory<T>() -> *mut T {
    border(|vm| Err::<*mut T, _>(vm.no_memory_error()))
}

/// [`PyObject_Init`] for an object with `size` items.
///
/// # Safety
/// As for [`PyObject_Init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_InitVar(
    p: *mut PyVarObject,
    ty: *mut PyTypeObject,
    size: Py_ssize_t,
) -> *mut PyVarObject {
    if p.is_null() {
        return no_memory();
    }
    // SAFETY: by this function's contract.
    unsafe {
        (*p).ob_size = size;
        init(p.cast(), ty);
    }
    p
}

/// Bytes of an object of type `ty` with `items` items.
unsafe fn var_size(ty: *mut PyTypeObject, items: Py_ssize_t) -> Option<usize> {
    // SAFETY: the callers have a live type.
    let (basic, item) = unsafe { ((*ty).tp_basicsize, (*ty).tp_itemsize) };
    let size = item.checked_mul(items)?.checked_add(basic)?;
    usize::try_from(size).ok()?.checked_next_multiple_of(8)
}

unsafe fn new(ty: *mut PyTypeObject, size: usize) -> *mut PyObject {
    // SAFETY: the callers have a live type.
    unsafe {
        let p = PyObject_Malloc(size).cast::<PyObject>();
        if p.is_null() {
            return no_memory();
        }
        init(p, ty);
        p
    }
}

unsafe fn new_var(ty: *mut PyTypeObject, items: Py_ssize_t) -> *mut PyVarObject {
    // SAFETY: the callers have a live type.
    unsafe {
        let Some(size) = var_size(ty, items) else {
            return no_memory();
        };
        let p = new(ty, size).cast::<PyVarObject>();
        if !p.is_null() {
            (*p).ob_size = items;
        }
        p
    }
}

/// A new object of type `ty`; only its head is set.
///
/// # Safety
/// `ty` is a live type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyObject_New(ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { new(ty, (*ty).tp_basicsize as usize) }
}

/// A new object of type `ty` with `items` items; only its head is set.
///
/// # Safety
/// As for [`_PyObject_New`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyObject_NewVar(
    ty: *mut PyTypeObject,
    items: Py_ssize_t,
) -> *mut PyVarObject {
    // SAFETY: by this function's contract.
    unsafe { new_var(ty, items) }
}

/// A new collected object of type `ty`, not tracked yet; only its head is set.
///
/// # Safety
/// As for [`_PyObject_New`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyObject_GC_New(ty: *mut PyTypeObject) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe { new(ty, (*ty).tp_basicsize as usize) }
}

/// A new collected object with `items` items, not tracked yet; only its head
/// is set.
///
/// # Safety
/// As for [`_PyObject_New`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyObject_GC_NewVar(
    ty: *mut PyTypeObject,
    items: Py_ssize_t,
) -> *mut PyVarObject {
    if items < 0 {
        return border(|vm| Err::<*mut PyVarObject, _>(bad_internal_call(vm)));
    }
    // SAFETY: by this function's contract.
    unsafe { new_var(ty, items) }
}

/// A new collected object with `extra` zeroed bytes behind it, not tracked yet.
///
/// # Safety
/// As for [`_PyObject_New`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_Object_GC_NewWithExtraData(
    ty: *mut PyTypeObject,
    extra: usize,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    unsafe {
        let basic = (*ty).tp_basicsize as usize;
        let Some(size) = basic.checked_add(extra) else {
            return no_memory();
        };
        let p = new(ty, size);
        if !p.is_null() {
            let head = size_of::<PyObject>();
            ptr::write_bytes(p.cast::<u8>().add(head), 0, size - head);
        }
        p
    }
}

/// Changes the number of items of an untracked object, which may move: the
/// reference to `p` becomes one to the result. NULL with an exception leaves
/// `p` as it is.
///
/// # Safety
/// `p` is live and the caller has the only reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyObject_GC_Resize(
    p: *mut PyVarObject,
    items: Py_ssize_t,
) -> *mut PyVarObject {
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = prefix_of(p.cast());
        if !prefix.is_null() && (!(*prefix).link.is_null() || (*prefix).has(flag::TRACKED)) {
            return border(|vm| Err::<*mut PyVarObject, _>(bad_internal_call(vm)));
        }
        let Some(size) = var_size((*p).ob_base.ob_type, items) else {
            return no_memory();
        };
        let fresh = PyObject_Realloc(p.cast(), size).cast::<PyVarObject>();
        if fresh.is_null() {
            return no_memory();
        }
        (*fresh).ob_size = items;
        fresh
    }
}

/// Lets the collector call `tp_traverse` on the object.
///
/// # Safety
/// `p` is a live object whose fields that `tp_traverse` reads are set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GC_Track(p: *mut c_void) {
    // SAFETY: by this function's contract.
    unsafe { (*prefix_of_or_new(p.cast())).flags |= flag::TRACKED };
    refcount::census::tracked();
}

/// Hides the object from the collector. It need not be tracked.
///
/// # Safety
/// `p` is a live object, or one that is being taken apart.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GC_UnTrack(p: *mut c_void) {
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = prefix_of(p.cast());
        if !prefix.is_null() {
            (*prefix).flags &= !flag::TRACKED;
        }
    }
}

/// Frees the memory of a collected object.
///
/// # Safety
/// As for [`PyObject_Free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GC_Del(p: *mut c_void) {
    // SAFETY: by this function's contract.
    unsafe { PyObject_Free(p) };
}

/// Whether the collector looks at objects like `p`.
///
/// # Safety
/// `p` is a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_IS_GC(p: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        let ty = (*p).ob_type;
        let asks = PyType_HasFeature(ty, Py_TPFLAGS_HAVE_GC);
        (asks && (*ty).tp_is_gc.is_none_or(|is_gc| is_gc(p) != 0)).into()
    }
}

/// 1 if the collector looks at `p`. What the VM made always is, if its type is
/// collected.
///
/// # Safety
/// As for [`PyObject_IS_GC`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GC_IsTracked(p: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if PyObject_IS_GC(p) == 0 {
            return 0;
        }
        let prefix = prefix_of(p);
        let tracked = !prefix.is_null() && (*prefix).has(flag::TRACKED);
        (tracked || !instance::is_instance_type((*p).ob_type)).into()
    }
}

/// 1 if the finalizer of `p` has run.
///
/// # Safety
/// As for [`PyObject_IS_GC`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GC_IsFinalized(p: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = prefix_of(p);
        (!prefix.is_null() && (*prefix).has(flag::FINALIZED)).into()
    }
}

/// Collects, unless the collector is disabled. Returns the number of objects
/// found unreachable. Leaves the error indicator alone.
///
/// # Safety
/// The caller holds the lock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyGC_Collect() -> Py_ssize_t {
    border(|vm| {
        if !vm.state.gc.is_enabled() {
            return Ok(0);
        }
        let saved = thread::error::take_raw();
        // SAFETY: the lock is held.
        unsafe {
            anchors::sweep_all();
            proxy::linger::sweep_stored();
        }
        let found = python(|| {
            let collect = vm.import("gc", 0)?.get_attr("collect", vm)?;
            collect.call((), vm)?.try_to_value::<isize>(vm)
        });
        thread::error::replace(saved);
        match found {
            Ok(n) => Ok(n),
            Err(e) => {
                python(|| vm.run_unraisable(e, None, vm.ctx.none()));
                Ok(0)
            }
        }
    })
}

/// Enables the collector; returns whether it was.
///
/// # Safety
/// The caller holds the lock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyGC_Enable() -> c_int {
    border(|vm| {
        let was = vm.state.gc.is_enabled();
        vm.state.gc.enable();
        Ok(was)
    })
}

/// Disables the collector; returns whether it was enabled.
///
/// # Safety
/// The caller holds the lock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyGC_Disable() -> c_int {
    border(|vm| {
        let was = vm.state.gc.is_enabled();
        vm.state.gc.disable();
        Ok(was)
    })
}

/// Whether the collector is enabled.
///
/// # Safety
/// The caller holds the lock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyGC_IsEnabled() -> c_int {
    border(|vm| Ok(vm.state.gc.is_enabled()))
}

/// Calls `callback` with each object (borrowed) that the VM's collector
/// tracks, until it returns 0.
///
/// # Safety
/// `callback` is safe to call with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_GC_VisitObjects(callback: gcvisitobjects_t, arg: *mut c_void) {
    border(|vm| {
        for v in vm.state.gc.get_objects(None) {
            let p = proxy::c_of(vm, &v);
            // SAFETY: by this function's contract; `p` is a new reference.
            let go_on = unsafe {
                let go_on = callback(p, arg);
                refcount::decref(p);
                go_on
            };
            if go_on == 0 {
                break;
            }
        }
        Ok(Nothing)
    })
}

/// Whether instances of `ty` can be weakly referenced.
///
/// # Safety
/// `ty` is a live type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyType_SUPPORTS_WEAKREFS(ty: *mut PyTypeObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        ((*ty).tp_weaklistoffset != 0 || PyType_HasFeature(ty, Py_TPFLAGS_MANAGED_WEAKREF)).into()
    }
}

// skipped: PyObject_GetArenaAllocator: objects come from one reserved address range, not from arenas
// skipped: PyObject_SetArenaAllocator: likewise
// skipped: PyObject_GET_WEAKREFS_LISTPTR: the VM keeps the list, in a form of its own
