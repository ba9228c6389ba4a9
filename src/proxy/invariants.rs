//! A check of the rules that pairs keep, at every crossing.
//!
//! Off unless `PYABI_INVARIANTS` is set in the environment: it looks at all
//! pairs, and costs that. A pair that breaks a rule ends the process, with a
//! line that says which. What is off costs the test of a flag.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::prefix::{flag, prefix_of};
use super::{arena, instance, linked, mirror};
use crate::layout::PyObject;
use crate::proxy::mirror::{Kind, listobject};
use crate::refcount::{self, census};
use crate::types;

static ON: AtomicBool = AtomicBool::new(false);

/// Starts checking, if the environment says so.
pub fn start() {
    let wanted = std::env::var_os("PYABI_INVARIANTS").is_some_and(|value| !value.is_empty());
    ON.store(wanted, Ordering::Relaxed);
}

/// Checks all pairs if that is wanted. Mirrors are what they should be for C.
/// The lock is held.
#[inline]
pub fn check() {
    if ON.load(Ordering::Relaxed) {
        check_all();
    }
}

/// How many pairs are looked at on every crossing. When there are more, not
/// all crossings are checked.
const MANY: usize = 2000;

#[cold]
fn check_all() {
    static CROSSINGS: AtomicUsize = AtomicUsize::new(0);
    let crossing = CROSSINGS.fetch_add(1, Ordering::Relaxed);
    let step = super::live_pairs() / MANY + 1;
    if !crossing.is_multiple_of(step) {
        return;
    }
    let mut broken = None;
    arena::each_live(|p| {
        // SAFETY: what the arena has is live; a block with a link is an object.
        let rule = unsafe { broken_rule(p) };
        if broken.is_none() {
            broken = rule.map(|rule| (p, rule));
        }
    });
    if let Some((p, rule)) = broken {
        // SAFETY: a live object.
        unsafe { fail(p, rule) };
    }
    if crossing.is_multiple_of(64 * step)
        && let Some(p) = census::overdrawn()
    {
        // SAFETY: as above.
        unsafe {
            fail(
                p,
                "C's containers have more references of it than there are",
            )
        };
    }
}

/// The rule that the pair of `p` breaks, if it is one of a pair.
unsafe fn broken_rule(p: *mut PyObject) -> Option<&'static str> {
    // SAFETY: the caller's `p` is a live block; a link names a live object.
    unsafe {
        let prefix = &*prefix_of(p);
        if prefix.link.is_null() || prefix.has(flag::DYING) {
            return None;
        }
        let v = &*prefix.link;
        let (count, owns) = (refcount::count(p), prefix.has(flag::OWNS_VM));
        let kind = mirror::kind_of_type((*p).ob_type);
        if owns && v.strong_count() == 0 {
            return Some("its VM object, which it owns, is dead");
        }
        if prefix.has(flag::IN_TABLE) && linked(v) != Some(p) {
            return Some("the table leads from its VM object to another one");
        }
        if prefix.has(flag::INSTANCE) && !owns && count == 0 {
            return Some("nobody owns it");
        }
        if kind == Kind::Instance && v.strong_count() != 0 {
            if let Some(other) = instance::of(v)
                && other != p
            {
                return Some("its VM object holds another one");
            }
            if types::bound(v.class()).is_some_and(|ty| ty != (*p).ob_type) {
                return Some("the two have different types");
            }
        }
        let kept = flag::LINGERS | flag::QUEUED | flag::IN_CALL | flag::KEPT | flag::LATER;
        if owns && count == 0 && !prefix.has(kept) && kind != Kind::Type {
            return Some("it is at count zero, and nothing keeps it");
        }
        let current = kind == Kind::List && !prefix.has(flag::PARKED);
        if current && count != 0 && !listobject::is_current(v, p) {
            return Some("C sees other elements than the VM");
        }
        None
    }
}

unsafe fn fail(p: *mut PyObject, rule: &str) -> ! {
    // SAFETY: the caller's `p` is a live object.
    unsafe {
        let ty = (*p).ob_type;
        let name = std::ffi::CStr::from_ptr((*ty).tp_name).to_string_lossy();
        let prefix = &*prefix_of(p);
        eprintln!(
            "pyabi: an invariant is broken: {rule}: {name} at {p:p}, count {}, {prefix:?}",
            refcount::count(p),
        );
    }
    std::process::abort();
}
