//! What happens when a count reaches zero.

use rustpython_vm::PyObjectRef;

use super::{count, decref, incref, is_immortal, set_count, xdecref};
use crate::layout::{Py_TPFLAGS_HEAPTYPE, PyListObject, PyObject, PyType_HasFeature};
use crate::proxy::prefix::{flag, prefix_of};
use crate::proxy::{self, arena, instance, linger, mirror};
use crate::types::statics;

/// `_Py_Dealloc`: C's last reference to `p` is gone.
///
/// # Safety
/// `p` is at count zero and the caller holds the extension lock.
#[inline]
pub unsafe fn dealloc(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        if !free_plain(p) {
            dealloc_or_keep(p, true);
        }
    }
}

/// Frees an instance of a built-in type itself that refers to nothing but
/// others, and that the VM never saw: such an object is nothing but its memory.
/// Says whether it was one.
///
/// # Safety
/// As for [`dealloc`].
#[inline]
pub unsafe fn free_plain(p: *mut PyObject) -> bool {
    // SAFETY: by this function's contract; every block of the arena has a prefix.
    unsafe {
        if !arena::contains(p as usize) {
            return false;
        }
        let ty = (*p).ob_type;
        let prefix = &*prefix_of(p);
        if !prefix.is_plain() {
            // A number with a VM object that the table does not know: nobody
            // else knows the pair.
            if prefix.flags == flag::OWNS_VM
                && (statics::is_exact_float(ty) || statics::is_exact_int(ty))
            {
                drop(proxy::unlink(p));
                arena::release(p.cast());
                return true;
            }
            return false;
        }
        let one_block = statics::is_exact_str(ty) && mirror::unicodeobject::is_one_block(p)
            || statics::is_exact_int(ty)
            || statics::is_exact_float(ty)
            || statics::is_exact_bytes(ty);
        if one_block {
            arena::release(p.cast());
            return true;
        }
        if statics::is_exact_tuple(ty)
            || statics::is_exact_list(ty)
            || statics::is_exact_dict(ty)
            || mirror::exceptions::is_simple(ty)
        {
            return free_plain_container(p);
        }
        false
    }
}

/// [`free_plain`] of a tuple, a list, a dict or an exception, which drops what it
/// holds; not inside too many others.
unsafe fn free_plain_container(p: *mut PyObject) -> bool {
    let me = crate::thread::current();
    // SAFETY: this thread's state; by the caller's contract, nobody else knows
    // `p`, whose elements may be anything.
    unsafe {
        if (*me).deallocating >= DEEPEST {
            return false;
        }
        (*me).deallocating += 1;
        // A finalizer that finds it all the same, and lets go of it, comes too late.
        (*prefix_of(p)).flags = flag::DYING;
        if statics::is_exact_tuple((*p).ob_type) {
            for item in mirror::tupleobject::items(p) {
                xdecref(std::mem::replace(item, std::ptr::null_mut()));
            }
        } else if statics::is_exact_dict((*p).ob_type) {
            mirror::c_dict::clear(p);
        } else if mirror::exceptions::is_simple((*p).ob_type) {
            mirror::exceptions::drop_fields(p);
        } else {
            let list = p.cast::<PyListObject>();
            let (start, len) = ((*list).ob_item, (*list).ob_base.ob_size as usize);
            (*list).ob_base.ob_size = 0;
            (*list).ob_item = std::ptr::null_mut();
            (*list).allocated = 0;
            for i in 0..len {
                xdecref(*start.add(i));
            }
            arena::free_raw(start.cast());
        }
        arena::release(p.cast());
        if (*me).deallocating == 1 && !(*me).later.is_empty() {
            take_apart_later(me);
        }
        (*me).deallocating -= 1;
        true
    }
}

/// [`dealloc`] for a mirror that was kept for the call under way, which
/// cannot keep any more.
///
/// # Safety
/// As for [`dealloc`].
pub unsafe fn dealloc_evicted(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe { dealloc_or_keep(p, false) };
}

#[inline(never)]
unsafe fn dealloc_or_keep(p: *mut PyObject, in_call: bool) {
    // SAFETY: by the caller's contract; the type outlives its instance.
    unsafe {
        // Of objects without any of these there is nothing to decide.
        const PAUSE: u32 =
            flag::DYING | flag::IN_CALL | flag::LATER | flag::OWNS_VM | flag::STORED | flag::QUEUED;
        let prefix = prefix_of(p);
        if !prefix.is_null() && (*prefix).has(PAUSE) {
            // Dying, or freed when the call returns or others are gone.
            if (*prefix).has(flag::DYING | flag::IN_CALL | flag::LATER) {
                return;
            }
            if (*prefix).has(flag::INSTANCE) && (*prefix).has(flag::OWNS_VM) {
                instance::flip(p, prefix);
                mirror::vm_ran();
                return;
            }
            if linger::wants_stored(&*prefix) {
                linger::keep_stored(p);
                return;
            }
            if in_call && linger::wants_in_call(p, &*prefix) {
                linger::keep_in_call(p);
                return;
            }
            if linger::wants(p, &*prefix) {
                linger::keep(p);
                return;
            }
        }
        let me = crate::thread::current();
        if (*me).deallocating >= DEEPEST && !prefix.is_null() {
            (*prefix).flags |= flag::LATER;
            (*me).later.push(p);
            return;
        }
        (*me).deallocating += 1;
        take_apart(p);
        if (*me).deallocating == 1 {
            take_apart_later(me);
        }
        (*me).deallocating -= 1;
    }
}

/// Most deallocations one inside the other: a long chain of objects would use
/// up the stack.
const DEEPEST: usize = 50;

unsafe fn take_apart(p: *mut PyObject) {
    // SAFETY: the caller's `p` is at count zero, and its type outlives it.
    unsafe {
        let prefix = prefix_of(p);
        if super::check::is_on()
            && !prefix.is_null()
            && (*prefix).has(flag::INSTANCE)
            && !(*prefix).link.is_null()
        {
            // The count that the VM object has.
            super::check::dropped_borrowed(p);
            set_count(p, 1);
            return;
        }
        if !prefix.is_null() && (*prefix).has(flag::LEADS) {
            super::census::unpark_below(crate::thread::current_vm(), p);
        }
        match (*(*p).ob_type).tp_dealloc {
            Some(tp_dealloc) => crate::thread::error::undisturbed(|| tp_dealloc(p)),
            None => free_mirror(p),
        }
    }
}

/// Takes apart what was too deep. It is done inside one deallocation, so that
/// those it leads to do not do it, too.
unsafe fn take_apart_later(me: *mut crate::thread::state::ThreadState) {
    // SAFETY: this thread's own state; what waits is whole.
    unsafe {
        while let Some(p) = (*me).later.pop() {
            (*prefix_of(p)).flags &= !flag::LATER;
            if count(p) == 0 {
                dealloc(p);
            }
        }
    }
}

/// The VM object of the C-instance `p` died and gives its count back.
///
/// # Safety
/// That count is the caller's; the lock is held.
pub unsafe fn vm_object_died(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        let prefix = prefix_of(p);
        if !prefix.is_null() && !(*prefix).has(flag::OWNS_VM) {
            let owned = proxy::unlink(p);
            debug_assert!(owned.is_none());
            (*prefix).flags |= flag::OUTLIVED_VM;
        }
        decref(p);
    }
}

/// Takes a mirror apart: drops what it holds, parts the pair, frees the memory.
/// This is the `tp_dealloc` of all built-in types.
///
/// # Safety
/// `p` is at count zero and the caller holds the extension lock.
pub unsafe fn free_mirror(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        let ty = (*p).ob_type;
        let python_class = !instance::is_instance_type(ty);
        let prefix = prefix_of(p);
        if !prefix.is_null() {
            (*prefix).flags |= flag::DYING;
        }
        (mirror::base_of_type(ty).clear)(p);
        let v: Option<PyObjectRef> = proxy::unlink(p);
        let free = (*ty).tp_free.unwrap_or(crate::api::objimpl::PyObject_Free);
        free(p.cast());
        // As CPython: the `tp_dealloc` of a C type drops the type's count
        // itself, that of a Python class is this one.
        if python_class && PyType_HasFeature(ty, Py_TPFLAGS_HEAPTYPE) {
            decref(ty.cast());
        }
        // Last: it may run Python code.
        if v.is_some() {
            drop(v);
            mirror::vm_ran();
        }
    }
}

/// `PyObject_CallFinalizerFromDealloc`'s dance: runs `finalize` on an object
/// at count zero, which is alive while that lasts. Says whether it was
/// resurrected.
///
/// # Safety
/// `p` is at count zero, in its `tp_dealloc`; the lock is held.
pub unsafe fn finalize_at_zero(p: *mut PyObject, finalize: impl FnOnce()) -> bool {
    // SAFETY: by this function's contract.
    unsafe {
        set_count(p, 1);
        finalize();
        // Whatever VM object was made for it meanwhile holds no claim of C's.
        let prefix = prefix_of(p);
        if !prefix.is_null() && (*prefix).has(flag::OWNS_VM) {
            // Our own count keeps `p` alive while the VM object decides.
            incref(p);
            super::decref_no_dealloc(p);
            let v = proxy::unlink(p);
            if let Some(v) = v {
                if v.strong_count() > 1 {
                    // Python kept it: the VM object owns the pair again.
                    proxy::link_weak(p, &v, false);
                    drop(v);
                    return true;
                }
                instance::orphan(&v);
                drop(v);
            }
        }
        if count(p) > 1 && !is_immortal(p) {
            super::decref_no_dealloc(p);
            return true;
        }
        set_count(p, 0);
        false
    }
}
