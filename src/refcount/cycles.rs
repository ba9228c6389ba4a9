//! Reference cycles through C objects.
//!
//! The VM's collector asks a VM object for the edges it has; for a
//! C-instance that means its type's `tp_traverse`. An edge to a child is
//! reported only where this container is provably the child's only owner in
//! C, by count arithmetic; when in doubt it is not: a leak is better than a
//! dangling pointer.

use std::ffi::{c_int, c_void};

use rustpython_vm::PyObject as VmObject;
use rustpython_vm::object::TraverseFn;

use crate::layout::{PyBaseExceptionObject, PyMethodObject, PyObject};
use crate::proxy::mirror::moduleobject::{self, PyModuleObject};
use crate::proxy::mirror::{self, Kind, c_dict, listobject, tupleobject};
use crate::proxy::prefix::{flag, prefix_of};
use crate::refcount;

/// The children a container visits, with how often it does.
#[derive(Default)]
struct Edges {
    seen: Vec<(*mut PyObject, u32)>,
}

impl Edges {
    fn add(&mut self, child: *mut PyObject) {
        match self.seen.iter_mut().find(|(p, _)| *p == child) {
            Some((_, n)) => *n += 1,
            None => self.seen.push((child, 1)),
        }
    }
}

unsafe extern "C" fn collect(child: *mut PyObject, edges: *mut c_void) -> c_int {
    if !child.is_null() {
        // SAFETY: `edges` is what `edges_of` passed to `tp_traverse`.
        unsafe { (*edges.cast::<Edges>()).add(child) };
    }
    0
}

/// What `p` visits. C's objects may be untracked and under construction, so
/// only tracked ones are asked; a mirror has the references in its fields.
unsafe fn edges_of(p: *mut PyObject) -> Edges {
    let mut edges = Edges::default();
    // SAFETY: `p` is live; C said that it may be traversed.
    unsafe {
        let prefix = prefix_of(p);
        if prefix.is_null() || (*prefix).has(flag::DYING) {
            return edges;
        }
        let ty = (*p).ob_type;
        match mirror::kind_of_type(ty) {
            Kind::Instance => {
                if (*prefix).has(flag::TRACKED)
                    && let Some(traverse) = (*ty).tp_traverse
                {
                    traverse(p, collect, (&raw mut edges).cast());
                }
            }
            Kind::List => fields(&mut edges, listobject::items(p)),
            Kind::Tuple => fields(&mut edges, tupleobject::items(p)),
            Kind::Dict => fields(&mut edges, &c_dict::children(p)),
            Kind::Method => {
                let c = p.cast::<PyMethodObject>();
                fields(&mut edges, &[(*c).im_func, (*c).im_self]);
            }
            Kind::Module => {
                let c = p.cast::<PyModuleObject>();
                fields(&mut edges, &[(*c).md_dict]);
                if moduleobject::has_state(c)
                    && let Some(traverse) = (*(*c).md_def).m_traverse
                {
                    traverse(p, collect, (&raw mut edges).cast());
                }
            }
            Kind::Exception => {
                let c = p.cast::<PyBaseExceptionObject>();
                fields(
                    &mut edges,
                    &[(*c).args, (*c).traceback, (*c).context, (*c).cause],
                );
            }
            _ => {}
        }
    }
    edges
}

fn fields(edges: &mut Edges, children: &[*mut PyObject]) {
    for &child in children.iter().filter(|child| !child.is_null()) {
        edges.add(child);
    }
}

/// Reports to the VM's collector the VM objects that only `p` keeps alive.
pub fn traverse(p: *mut PyObject, visit: &mut TraverseFn<'_>) {
    if p.is_null() {
        return;
    }
    // SAFETY: the VM object that is being traversed keeps `p` alive, and the
    // world is stopped or the caller is alone.
    unsafe {
        // References of C's own make `p` a root; its children are then
        // reachable anyhow, and counting them would be wrong.
        let own = if crate::proxy::instance::c_owns(p) {
            0
        } else {
            1
        };
        if own == 1 && refcount::count(p) != 1 {
            return;
        }
        report(p, visit, 0);
    }
}

unsafe fn report(p: *mut PyObject, visit: &mut TraverseFn<'_>, depth: usize) {
    const DEEPEST: usize = 200;
    if depth > DEEPEST {
        return;
    }
    // SAFETY: by the callers' contract `p` is live, and children are kept
    // alive by the container that visits them.
    unsafe {
        for (child, edges) in edges_of(p).seen {
            if refcount::is_immortal(child) || refcount::count(child) != edges {
                continue;
            }
            let prefix = prefix_of(child);
            if prefix.is_null() {
                continue;
            }
            if (*prefix).has(flag::OWNS_VM) {
                let v: &VmObject = &*(*prefix).link;
                visit(v);
                if !(*prefix).has(flag::INSTANCE) {
                    // The mirror's own references, beside those that its VM
                    // object reports.
                    report(child, visit, depth + 1);
                }
            } else if (*prefix).link.is_null() {
                // Never escaped: only this container knows it, so what it
                // alone keeps alive is ours to report.
                report(child, visit, depth + 1);
            }
        }
    }
}

/// Runs `tp_clear` on a C-instance that the VM's collector found to be
/// garbage.
pub fn clear(p: *mut PyObject) {
    if p.is_null() {
        return;
    }
    let Some(_held) = crate::thread::try_enter() else {
        return;
    };
    // SAFETY: the VM object that is being cleared keeps `p` alive.
    unsafe {
        let prefix = prefix_of(p);
        if prefix.is_null() || !(*prefix).has(flag::TRACKED) {
            return;
        }
        if let Some(clear) = (*(*p).ob_type).tp_clear {
            refcount::incref(p);
            crate::thread::error::undisturbed(|| {
                clear(p);
            });
            // It may have been the cycle's own reference that was left: then
            // the VM object owns the pair again.
            refcount::decref(p);
        }
    }
}
