//! The references among C objects, counted before a full collection.
//!
//! The VM's collector knows VM objects only: it takes the references inside
//! its heap off the counts, and what is left over comes from outside. So C
//! objects have to say which of the references that they hold are inside. A
//! single container cannot know that: an object may be held by several, and
//! objects that never escaped to the VM have no VM object that could be asked
//! (Cython's closures and generators tie such knots). The census looks at all
//! of them:
//!
//! - Each C object whose references can be enumerated is a *node*. One whose
//!   count is not made up of references from nodes is a *root*: C keeps it in
//!   a variable, or somewhere else that nobody can see.
//! - What no VM object leads to, and no root, is garbage that the VM need not
//!   know about: it is cleared here.
//! - What never escaped, but is held by several nodes that the VM knows, is
//!   given a VM object. What only one holds is looked through.
//! - A VM object that its C object owns has one reference from it, however
//!   many there are to the C object. While the collection lasts it has as many
//!   as there are holders, so that each of those can report an edge.
//! - Mirrors refer to other mirrors, as their VM objects do. Nobody reports
//!   those edges, so the [`Auditor`] does, an object that is garbage itself:
//!   it keeps nothing reachable.
//!
//! Reports are checked against the census when they are made: a count that
//! changed since then means that somebody took a reference, and nothing is
//! reported. A leak is better than a dangling pointer.

use std::collections::{HashMap, HashSet};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use rustpython_vm::builtins::PyType;
use rustpython_vm::object::{MaybeTraverse, TraverseFn};
use rustpython_vm::{
    Context, Py, PyObject as VmObject, PyObjectRef, PyPayload, PyRef, VirtualMachine,
};

use super::{count, edges, is_immortal};
use crate::layout::PyObject;
use crate::proxy::mirror::{self, Kind};
use crate::proxy::prefix::{flag, prefix_of};
use crate::proxy::table::AddressHash;
use crate::proxy::{self, arena, instance};
use crate::thread::state::ThreadState;
use crate::{refcount, thread};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Has no VM object.
    Hidden,
    /// Its VM object reports what it holds.
    Instance,
    /// Its VM object has the references that it has.
    Mirror,
}

#[derive(Debug)]
struct Node {
    p: *mut PyObject,
    role: Role,
    /// The count, without the one that its VM object has: what other C objects
    /// account for, or do not.
    count: u32,
    /// One if its VM object has a count.
    claim: u32,
    /// References from nodes.
    inside: u32,
    /// Those of them that an instance, or a hidden object, has.
    reported: u32,
    /// Somebody else than nodes has a reference, or a root leads here that the
    /// VM does not know.
    root: bool,
    /// An instance leads here.
    reached: bool,
    edges: (u32, u32),
}

impl Node {
    const fn new(p: *mut PyObject, role: Role, count: u32, claim: u32) -> Self {
        Self {
            p,
            role,
            count: count.wrapping_sub(claim),
            claim,
            inside: 0,
            reported: 0,
            root: false,
            reached: false,
            edges: (0, 0),
        }
    }
}

/// See the module's docs.
#[derive(Default)]
struct Census {
    nodes: Vec<Node>,
    edges: Vec<u32>,
}

impl Census {
    /// Counts. The lock is held.
    fn take() -> Self {
        let mut census = Self::default();
        let mut index: HashMap<usize, u32, AddressHash> = HashMap::default();
        arena::each_live(|p| {
            // SAFETY: what the arena has is live, and an object if it says so.
            if let Some(node) = unsafe { node_of(p) } {
                index.insert(p as usize, census.nodes.len() as u32);
                census.nodes.push(node);
            }
        });
        let mut children = Vec::new();
        let mut i = 0;
        while i < census.nodes.len() {
            let start = census.edges.len() as u32;
            // SAFETY: the node is live, and the lock is held.
            unsafe { edges::of(census.nodes[i].p, &mut children) };
            let role = census.nodes[i].role;
            for child in children.drain(..) {
                let known = index.get(&(child as usize)).copied();
                // SAFETY: a container refers to the child.
                let Some(child) = known.or_else(|| unsafe {
                    let new = census.nodes.len() as u32;
                    census.nodes.push(hidden_container(child)?);
                    index.insert(child as usize, new);
                    Some(new)
                }) else {
                    continue;
                };
                census.edges.push(child);
                let node = &mut census.nodes[child as usize];
                node.inside += 1;
                node.reported += u32::from(role != Role::Mirror);
            }
            census.nodes[i].edges = (start, census.edges.len() as u32);
            i += 1;
        }
        census.find_roots();
        census.find_reached();
        census
    }

    fn children(&self, node: usize) -> std::ops::Range<usize> {
        let (start, end) = self.nodes[node].edges;
        start as usize..end as usize
    }

    /// Marks what somebody outside refers to, and what that leads to where the
    /// VM cannot see it.
    fn find_roots(&mut self) {
        let mut pending = Vec::new();
        for (i, node) in self.nodes.iter_mut().enumerate() {
            // A mirror that nobody refers to is kept for the next time.
            let kept = node.role == Role::Mirror && node.inside == 0;
            node.root = node.inside != node.count || kept;
            if node.root && node.role != Role::Instance {
                pending.push(i);
            }
        }
        for i in 0..self.nodes.len() {
            if self.nodes[i].role != Role::Mirror {
                continue;
            }
            // What a mirror refers to has a VM object, or is left alone.
            for e in self.children(i) {
                let child = self.edges[e] as usize;
                if self.nodes[child].role == Role::Hidden && !self.nodes[child].root {
                    self.nodes[child].root = true;
                    pending.push(child);
                }
            }
        }
        while let Some(i) = pending.pop() {
            for e in self.children(i) {
                let child = self.edges[e] as usize;
                let node = &mut self.nodes[child];
                if !node.root {
                    node.root = true;
                    if node.role != Role::Instance {
                        pending.push(child);
                    }
                }
            }
        }
    }

    /// Marks the hidden objects that the VM's objects lead to.
    fn find_reached(&mut self) {
        let mut pending: Vec<usize> = (0..self.nodes.len())
            .filter(|&i| self.nodes[i].role == Role::Instance)
            .collect();
        while let Some(i) = pending.pop() {
            for e in self.children(i) {
                let child = self.edges[e] as usize;
                let node = &mut self.nodes[child];
                if node.role == Role::Hidden && !node.root && !node.reached {
                    node.reached = true;
                    pending.push(child);
                }
            }
        }
    }

    fn hidden(&self, f: impl Fn(&Node) -> bool) -> Vec<*mut PyObject> {
        self.nodes
            .iter()
            .filter(|node| node.role == Role::Hidden && !node.root && f(node))
            .map(|node| node.p)
            .collect()
    }

    /// Garbage that the VM does not know.
    fn garbage(&self) -> Vec<*mut PyObject> {
        self.hidden(|node| !node.reached)
    }

    /// Hidden objects with several holders.
    fn shared(&self) -> Vec<*mut PyObject> {
        self.hidden(|node| node.reached && node.inside > 1)
    }
}

/// What `p`, a live block of ours, is to a census.
unsafe fn node_of(p: *mut PyObject) -> Option<Node> {
    // SAFETY: a block with a link or one of these flags is an object.
    unsafe {
        let prefix = &mut *prefix_of(p);
        let tethered = prefix.has(flag::TETHERED);
        if prefix.has(flag::DYING | flag::LATER) || prefix.has(flag::C_TYPE) && !tethered {
            return None;
        }
        let linked = !prefix.link.is_null();
        // What is at count zero without a VM object is being taken apart.
        let alive = linked || prefix.has(flag::TRACKED) && count(p) != 0;
        if !alive || is_immortal(p) {
            return None;
        }
        let kind = mirror::kind_of_type((*p).ob_type);
        let role = match (linked, kind) {
            (false, _) => Role::Hidden,
            (true, Kind::Instance) => Role::Instance,
            (true, _) if tethered => Role::Instance,
            (true, Kind::Module) if prefix.has(flag::INSTANCE) => Role::Instance,
            (true, _) => Role::Mirror,
        };
        // The one that its VM object has does not count.
        let claim = u32::from(linked && (!prefix.has(flag::OWNS_VM) || tethered));
        Some(Node::new(p, role, count(p), claim))
    }
}

/// A container of a built-in type that never escaped: nothing marks its
/// memory, so it is found by those that refer to it.
unsafe fn hidden_container(p: *mut PyObject) -> Option<Node> {
    // SAFETY: the caller's `p` is live.
    unsafe {
        let kind = mirror::kind_of_type((*p).ob_type);
        let prefix = prefix_of(p);
        let hidden = matches!(kind, Kind::List | Kind::Tuple | Kind::Dict)
            && !prefix.is_null()
            && (*prefix).link.is_null()
            && !(*prefix).has(flag::DYING | flag::LATER)
            && !is_immortal(p);
        hidden.then(|| Node::new(p, Role::Hidden, count(p), 0))
    }
}

/// What to report of a reference to an object.
#[derive(Clone, Copy)]
struct Verdict {
    /// The object's count when it was taken.
    count: u32,
    /// Never escaped: what it holds is to be reported.
    through: bool,
}

/// What the collection that is under way may rely on.
#[derive(Default)]
struct Active {
    verdicts: HashMap<usize, Verdict, AddressHash>,
}

/// Set and taken away by the thread that collects, with the lock, and read by
/// that one only.
static ACTIVE: AtomicPtr<Active> = AtomicPtr::new(ptr::null_mut());

/// The thread that took the census.
static ACTIVE_FOR: AtomicPtr<ThreadState> = AtomicPtr::new(ptr::null_mut());

/// Whether this thread's collection relies on a census. Another thread may
/// collect while this one still has to give its own up.
pub fn is_active_here() -> bool {
    is_active() && ACTIVE_FOR.load(Ordering::Acquire) == thread::state::here()
}

/// Whether there is a census that somebody relies on.
pub fn is_active() -> bool {
    !ACTIVE.load(Ordering::Acquire).is_null()
}

/// What a reference to `child` is in the collection under way, which relies on
/// a census.
pub fn verdict(child: *mut PyObject) -> Report {
    // SAFETY: the thread that collects, and calls this, takes it away later.
    let active = unsafe { ACTIVE.load(Ordering::Acquire).as_ref() };
    let verdict = active.and_then(|active| active.verdicts.get(&(child as usize)));
    match verdict {
        // SAFETY: a container refers to the child.
        Some(verdict) if unsafe { count(child) } == verdict.count => match verdict.through {
            true => Report::Through,
            false => Report::Edge,
        },
        _ => Report::Nothing,
    }
}

/// How many of each object's references others of C's objects account for.
/// The lock is held.
pub fn accounted() -> HashMap<usize, u32, AddressHash> {
    settle();
    let nodes = Census::take().nodes.into_iter();
    nodes.map(|node| (node.p as usize, node.inside)).collect()
}

/// Objects tracked since the last time, and how many there may be.
static TRACKED: AtomicUsize = AtomicUsize::new(0);
static MOST_TRACKED: AtomicUsize = AtomicUsize::new(FEWEST_TRACKED);
const FEWEST_TRACKED: usize = 20_000;

/// C tracks one more object: now and then, what the VM does not know is
/// collected without being asked. The lock is held.
#[inline]
pub fn tracked() {
    let now = TRACKED.load(Ordering::Relaxed) + 1;
    TRACKED.store(now, Ordering::Relaxed);
    if now == MOST_TRACKED.load(Ordering::Relaxed) {
        // At the next entry from the VM, when no object is half made.
        super::deferred::push_call(|_| collect_hidden(), ptr::null_mut());
    }
}

/// Parks the mirrors that C can reach only by way of objects that have to
/// cross first: nothing that C has in its variables leads to them. When one of
/// the objects that do crosses, [`unpark_below`] undoes that. The lock is held.
pub fn park_unreachable() {
    let census = Census::take();
    let mut reached = vec![false; census.nodes.len()];
    let mut pending = Vec::new();
    for (i, node) in census.nodes.iter().enumerate() {
        // SAFETY: a node is live.
        let (kind, prefix) = unsafe {
            let kind = mirror::kind_of_type((*node.p).ob_type);
            (kind, &*prefix_of(node.p))
        };
        // C gets from an object to its type, and from there to the module.
        let always = matches!(kind, Kind::Module | Kind::Type)
            || prefix.has(flag::STORED | flag::IN_CALL | flag::LENT);
        if always || node.count != node.inside {
            reached[i] = true;
            pending.push(i);
        }
    }
    while let Some(i) = pending.pop() {
        for e in census.children(i) {
            let child = census.edges[e] as usize;
            if !std::mem::replace(&mut reached[child], true) {
                pending.push(child);
            }
        }
    }
    let unreached = || {
        let nodes = census.nodes.iter().zip(&reached);
        nodes
            .filter(|(_, reached)| !**reached)
            .map(|(node, _)| node)
    };
    let mut parked = false;
    for node in unreached().filter(|node| node.role == Role::Mirror) {
        // SAFETY: a node is live, and the lock is held.
        parked |= unsafe { mirror::watch::park(node.p) };
    }
    if parked {
        for node in unreached().filter(|node| node.role != Role::Hidden) {
            // SAFETY: as above.
            unsafe { (*prefix_of(node.p)).flags |= flag::LEADS };
        }
    }
}

/// C gets `p`: what it leads to is watched again.
///
/// # Safety
/// `p` is live; the lock is held.
#[cold]
pub unsafe fn unpark_below(vm: &VirtualMachine, p: *mut PyObject) {
    let mut seen: HashSet<usize, AddressHash> = HashSet::default();
    let mut pending = vec![p];
    let mut children = Vec::new();
    let mut parked = Vec::new();
    while let Some(p) = pending.pop() {
        // SAFETY: `p` is live, and children are by the container that has them.
        unsafe {
            let prefix = prefix_of(p);
            if prefix.is_null() || is_immortal(p) || !seen.insert(p as usize) {
                continue;
            }
            let linked = !(*prefix).link.is_null();
            // C has what it can reach from others, or it is new.
            if linked && !(*prefix).has(flag::LEADS | flag::PARKED) {
                continue;
            }
            (*prefix).flags &= !flag::LEADS;
            if (*prefix).has(flag::PARKED) {
                // Making one current may let go of another.
                refcount::incref(p);
                parked.push(p);
            }
            edges::of(p, &mut children);
            pending.append(&mut children);
        }
    }
    for &p in &parked {
        // SAFETY: a parked mirror is linked to a live object; the reference is ours.
        unsafe {
            let prefix = prefix_of(p);
            if (*prefix).has(flag::PARKED) {
                mirror::watch::unpark(vm, &*(*prefix).link, p);
            }
        }
    }
    for p in parked {
        // SAFETY: our own reference.
        unsafe { refcount::decref(p) };
    }
}

/// An object of which others of C's objects have more references than there
/// are. The lock is held.
pub fn overdrawn() -> Option<*mut PyObject> {
    let nodes = Census::take().nodes.into_iter();
    let mut overdrawn = nodes.filter(|node| node.inside > node.count + node.claim);
    overdrawn.next().map(|node| node.p)
}

/// Collects what the VM does not know, without the VM. The lock is held.
fn collect_hidden() {
    TRACKED.store(0, Ordering::Relaxed);
    if is_active() || !thread::current_vm().state.gc.is_enabled() {
        return;
    }
    let mut alive = 0;
    for _ in 0..2 {
        let census = Census::take();
        alive = census.nodes.len();
        let garbage = census.garbage();
        if garbage.is_empty() {
            break;
        }
        collect(garbage);
    }
    // In proportion to what has to be looked through.
    MOST_TRACKED.store(FEWEST_TRACKED.max(alive / 2), Ordering::Relaxed);
}

/// What becomes of a reference in the collector's eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    Nothing,
    /// One reference to the VM object.
    Edge,
    /// What it holds itself.
    Through,
}

/// Reports the references among mirrors. It refers to itself, so it is found
/// to be garbage, and what it refers to does not become reachable by it.
#[derive(Debug)]
struct Auditor {
    mirrors: Vec<(*mut PyObject, u32)>,
    /// Whether the collector has seen it.
    asked: AtomicBool,
}

// SAFETY: C objects are looked at by the thread that collects only.
unsafe impl Send for Auditor {}
// SAFETY: as above.
unsafe impl Sync for Auditor {}

impl PyPayload for Auditor {
    fn class(ctx: &Context) -> &'static Py<PyType> {
        ctx.types.object_type
    }
}

impl MaybeTraverse for Auditor {
    const HAS_TRAVERSE: bool = true;
    const HAS_CLEAR: bool = false;

    fn try_traverse(&self, visit: &mut TraverseFn<'_>) {
        if !is_active_here() {
            return;
        }
        self.asked.store(true, Ordering::Relaxed);
        super::cycles::world_stopped();
        visit(crate::vm::object_of_payload(self));
        for &(p, known) in &self.mirrors {
            // SAFETY: garbage is not freed before the collection clears it,
            // after it has asked for all edges.
            unsafe {
                let prefix = prefix_of(p);
                if count(p) == known && (*prefix).has(flag::OWNS_VM) {
                    visit(&*(*prefix).link);
                }
            }
        }
    }
}

/// A census, for as long as the collection that relies on it.
pub struct Taken {
    /// References that stand for holders of C objects.
    lent: Vec<PyObjectRef>,
    auditor: Option<PyRef<Auditor>>,
    /// Objects that were collected without the VM.
    pub collected: usize,
}

impl Taken {
    /// How many objects of our own the collector has found to be garbage.
    pub fn own(&self) -> usize {
        let asked = |auditor: &PyRef<Auditor>| auditor.asked.load(Ordering::Relaxed);
        usize::from(self.auditor.as_ref().is_some_and(asked))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let active = ACTIVE.swap(ptr::null_mut(), Ordering::AcqRel);
        if !active.is_null() {
            // SAFETY: it was a box, and nobody else has it.
            drop(unsafe { Box::from_raw(active) });
        }
        // Last: they may be the only ones, and run code.
        self.auditor.take();
        self.lent.clear();
    }
}

/// Takes a census for a full collection, and collects what the VM does not
/// know. `None` when another thread's collection relies on one.
///
/// `exact` says that no C code will run before the collection has stopped the
/// world. The caller holds the lock.
pub fn take(vm: &VirtualMachine, exact: bool) -> Option<Taken> {
    if is_active() {
        return None;
    }
    // What either side changed is to count, not what the mirrors were.
    mirror::before_vm(vm);
    mirror::before_c(vm);
    settle();
    let mut collected = 0;
    let mut census = Census::take();
    for _ in 0..ROUNDS {
        let garbage = census.garbage();
        let shared = census.shared();
        if garbage.is_empty() && shared.is_empty() {
            break;
        }
        collected += collect(garbage);
        for p in shared {
            // SAFETY: nodes hold it, and what was collected did not.
            drop(unsafe { proxy::vm_of(vm, p) });
        }
        settle();
        census = Census::take();
    }
    let mut taken = Taken {
        lent: Vec::new(),
        auditor: None,
        collected,
    };
    let mut active = Active::default();
    let mut mirrors = Vec::new();
    // What has a VM object that is owned from both sides needs no holder.
    let counts = |node: &&Node| !node.root && (node.inside != 0 || node.claim != 0);
    for node in census.nodes.iter().filter(counts) {
        // SAFETY: a node is live, and what is linked has a VM object.
        let (p, prefix) = unsafe { (node.p, &*prefix_of(node.p)) };
        let through = node.role == Role::Hidden;
        if !through {
            if !prefix.has(flag::OWNS_VM) {
                continue;
            }
            if node.reported == 0 {
                mirrors.push((p, node.count + node.claim));
                continue;
            }
            // SAFETY: an owning link is a reference.
            let v: &VmObject = unsafe { &*prefix.link };
            let more = node.reported - 1;
            taken.lent.extend((0..more).map(|_| v.to_owned()));
        } else if node.inside != 1 {
            continue;
        }
        let verdict = Verdict {
            count: node.count + node.claim,
            through,
        };
        active.verdicts.insert(p as usize, verdict);
    }
    if !exact {
        mirrors.clear();
    }
    let auditor = Auditor {
        mirrors,
        asked: AtomicBool::new(false),
    };
    let class = vm.ctx.types.object_type.to_owned();
    taken.auditor = Some(PyRef::new_ref(auditor, class, None));
    ACTIVE_FOR.store(thread::current(), Ordering::Release);
    ACTIVE.store(Box::into_raw(Box::new(active)), Ordering::Release);
    Some(taken)
}

/// Garbage may lead to what was hidden before, and what is given a VM object
/// to more of that kind.
const ROUNDS: usize = 4;

/// Brings what is in between two states to one of them, and frees what is kept
/// for the next time. The lock is held.
fn settle() {
    // SAFETY: the lock is held; C code below us has references of its own.
    unsafe {
        super::anchors::sweep_all();
        proxy::linger::sweep_stored();
    }
    proxy::linger::flush();
    let mut kept = Vec::new();
    arena::each_live(|p| {
        // SAFETY: a block with a link is an object, and so is what it names.
        unsafe {
            let prefix = &*prefix_of(p);
            if prefix.has(flag::INSTANCE)
                && !prefix.link.is_null()
                && !prefix.has(flag::OWNS_VM)
                && count(p) > 1
                && let Some(v) = (*prefix.link).try_to_owned()
            {
                instance::after_call(&v, p);
                kept.push(v);
            }
        }
    });
    drop(kept);
}

/// Clears C objects that only refer to each other. Returns how many there were.
fn collect(garbage: Vec<*mut PyObject>) -> usize {
    // SAFETY: the objects are live, and ours while we hold references.
    unsafe {
        for &p in &garbage {
            refcount::incref(p);
        }
        let mut finalized = false;
        for &p in &garbage {
            let prefix = prefix_of(p);
            if (*prefix).has(flag::FINALIZED) {
                continue;
            }
            if let Some(finalize) = (*(*p).ob_type).tp_finalize {
                (*prefix).flags |= flag::FINALIZED;
                finalized = true;
                thread::error::undisturbed(|| finalize(p));
            }
        }
        // What a finalizer brought back is found alive by the next census.
        let number = if finalized { 0 } else { garbage.len() };
        for &p in garbage.iter().filter(|_| !finalized) {
            clear(p);
        }
        for p in garbage {
            refcount::decref(p);
        }
        number
    }
}

unsafe fn clear(p: *mut PyObject) {
    // SAFETY: the caller holds a reference of `p`, which never escaped.
    unsafe {
        if !(*prefix_of(p)).link.is_null() {
            return;
        }
        let ty = (*p).ob_type;
        match mirror::kind_of_type(ty) {
            Kind::List => mirror::listobject::clear_items(p),
            Kind::Dict => mirror::c_dict::clear(p),
            Kind::Tuple => {}
            _ => {
                if let Some(clear) = (*ty).tp_clear {
                    thread::error::undisturbed(|| {
                        clear(p);
                    });
                }
            }
        }
    }
}
