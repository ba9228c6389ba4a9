//! The debugging aid for authors of extensions, see
//! `docs/debugging-extensions.md`: who keeps references that nothing accounts
//! for, who drops references that it does not have, who uses what was freed.
//!
//! While it is off, it costs a test of a flag for each call of a C function,
//! and nothing for an object. While it is on, no block of memory is used again
//! soon after it was freed: it becomes an object of a type of its own, by which
//! those who still use it are found out.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ffi::CStr;
use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use rustpython_vm::{PyObject as VmObject, PyObjectRef};

use super::{census, count, is_immortal, set_count};
use crate::layout::*;
use crate::proxy::prefix::{flag, prefix_of};
use crate::proxy::table::AddressHash;
use crate::proxy::{self, arena, foreign, instance};

static ON: AtomicBool = AtomicBool::new(false);

/// Whether references are checked.
#[inline]
pub fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// Starts checking. C has not been entered yet.
pub fn start() {
    ON.store(true, Ordering::Relaxed);
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// References that nothing accounts for: C keeps them, or forgot them.
    Kept,
    /// A reference was dropped that did not exist.
    BelowZero,
    /// A freed object was used.
    Freed,
    /// A result came with an exception set.
    ResultWithError,
    /// An error came without an exception.
    ErrorWithoutException,
}

impl Problem {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::BelowZero => "below zero",
            Self::Freed => "freed",
            Self::ResultWithError => "result with exception",
            Self::ErrorWithoutException => "error without exception",
        }
    }
}

/// A line of a report. Equal ones are counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub problem: Problem,
    /// The type of the object, if there is one.
    pub ty: String,
    /// The function that did it, and the one that made or freed the object.
    pub function: String,
    pub origin: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            ty,
            function,
            origin,
            ..
        } = self;
        match self.problem {
            Problem::Kept if function == origin => write!(f, "{ty} kept by C, made in {origin}"),
            Problem::Kept => write!(f, "{ty} kept by {function}, made in {origin}"),
            Problem::BelowZero if origin.is_empty() => {
                write!(
                    f,
                    "{function} dropped a reference of a {ty} that is not its own"
                )
            }
            Problem::BelowZero => {
                write!(
                    f,
                    "{function} dropped a reference of a {ty} that was freed in {origin}"
                )
            }
            Problem::Freed => write!(f, "{function} used a {ty} that was freed in {origin}"),
            Problem::ResultWithError => {
                write!(f, "{function} returned a result with an exception set")
            }
            Problem::ErrorWithoutException => {
                write!(
                    f,
                    "{function} returned an error without setting an exception"
                )
            }
        }
    }
}

/// What is known of a block in use.
struct Block {
    size: usize,
    /// Who made it; `None` during imports, which make what stays.
    origin: Option<String>,
    /// Who was last seen to keep a reference.
    kept_by: Option<String>,
}

/// What is known of a freed block.
struct Freed {
    size: usize,
    ty: String,
    by: String,
}

#[derive(Default)]
struct State {
    blocks: BTreeMap<usize, Block>,
    freed: HashMap<usize, Freed, AddressHash>,
    /// Freed blocks, the oldest first, and their size.
    waiting: VecDeque<usize>,
    waiting_size: usize,
    findings: BTreeMap<Finding, usize>,
    /// Blocks that were there when the user said so.
    known: HashSet<usize, AddressHash>,
}

/// Freed memory of this size is not used again.
const MOST_WAITING: usize = 256 << 20;

struct Global(RefCell<Option<State>>);
// SAFETY: only the holder of the extension lock reaches it.
unsafe impl Sync for Global {}
static STATE: Global = Global(RefCell::new(None));

fn with<R>(f: impl FnOnce(&mut State) -> R) -> R {
    f(STATE.0.borrow_mut().get_or_insert_default())
}

thread_local! {
    /// The C functions under way on this thread, the innermost last; `None` is
    /// an import.
    static CALLS: RefCell<Vec<Option<String>>> = const { RefCell::new(Vec::new()) };
}

/// The C function under way. `None` during an import.
fn current() -> Option<String> {
    CALLS.with_borrow(|calls| match calls.last() {
        Some(name) => name.clone(),
        None => Some("Python code".to_owned()),
    })
}

fn current_name() -> String {
    current().unwrap_or_else(|| "an import".to_owned())
}

/// A call of a C function.
pub struct Call {
    /// The arguments, and how many references C had of each before.
    arguments: Vec<(PyObjectRef, u32)>,
}

impl Call {
    /// A call of the function `name` with `arguments`. The lock is held.
    #[cold]
    pub fn new<'a>(name: String, arguments: impl IntoIterator<Item = &'a VmObject>) -> Self {
        CALLS.with_borrow_mut(|calls| calls.push(Some(name)));
        let arguments = arguments.into_iter();
        Self {
            arguments: arguments
                .map(|v| (v.to_owned(), references_of(v).map_or(0, |(_, n)| n)))
                .collect(),
        }
    }

    /// An import, which makes what stays.
    #[cold]
    pub fn import() -> Self {
        CALLS.with_borrow_mut(|calls| calls.push(None));
        Self {
            arguments: Vec::new(),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        for (v, before) in &self.arguments {
            if let Some((p, now)) = references_of(v)
                && now > *before
            {
                let name = current();
                with(|state| {
                    if let Some(block) = state.blocks.get_mut(&(p as usize)) {
                        block.kept_by = name;
                    }
                });
            }
        }
        CALLS.with_borrow_mut(|calls| calls.pop());
    }
}

/// C's references of an object: those that are not its VM object's.
fn references_of(v: &VmObject) -> Option<(*mut PyObject, u32)> {
    let p = instance::of(v).or_else(|| proxy::linked(v))?;
    // SAFETY: a live VM object's C object is live, and the lock is held.
    unsafe { Some((p, references(p))) }
}

unsafe fn references(p: *mut PyObject) -> u32 {
    // SAFETY: the callers' `p` is live.
    unsafe {
        let prefix = prefix_of(p);
        let claim = !prefix.is_null() && !(*prefix).link.is_null() && !(*prefix).has(flag::OWNS_VM);
        count(p).saturating_sub(claim.into())
    }
}

fn found(problem: Problem, ty: String, function: String, origin: String) {
    let finding = Finding {
        problem,
        ty,
        function,
        origin,
    };
    with(|state| *state.findings.entry(finding).or_default() += 1);
}

/// A call that went wrong in a way that the caller tells of.
#[cold]
pub fn result(problem: Problem, who: &dyn Fn() -> String) {
    if is_on() {
        found(problem, String::new(), who(), String::new());
    }
}

/// A block of `size` bytes was handed out.
pub fn allocated(block: usize, size: usize) {
    let origin = current();
    with(|state| {
        state.freed.remove(&block);
        state.known.remove(&block);
        let fresh = Block {
            size,
            origin,
            kept_by: None,
        };
        state.blocks.insert(block, fresh);
    });
}

/// A freed block of `size` bytes that waited long enough to be used again.
pub fn reusable(size: usize) -> Option<usize> {
    with(|state| {
        if state.waiting_size <= MOST_WAITING {
            return None;
        }
        let fits = |address: &usize| state.freed.get(address).is_some_and(|f| f.size == size);
        let at = state.waiting.iter().take(1000).position(fits)?;
        let address = state.waiting.remove(at)?;
        state.waiting_size -= size;
        Some(address)
    })
}

/// The size of a block in use.
pub fn size_of_block(block: usize) -> usize {
    with(|state| state.blocks.get(&block).map_or(0, |block| block.size))
}

/// The blocks in use, none while this is off.
pub fn blocks_if_on() -> Vec<usize> {
    if is_on() { blocks() } else { Vec::new() }
}

/// The blocks in use.
fn blocks() -> Vec<usize> {
    with(|state| state.blocks.keys().copied().collect())
}

/// The block at `p` is freed: what uses it from now on is told from others by
/// its type.
///
/// # Safety
/// `p` is a block in use, which nobody may use any more; the lock is held.
pub unsafe fn released(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    unsafe {
        let Some(size) = with(|state| state.blocks.get(&(p as usize)).map(|b| b.size)) else {
            used(p);
            return;
        };
        let ty = if size >= size_of::<PyObject>() && is_object(p) {
            type_name((*p).ob_type)
        } else {
            "block of memory".to_owned()
        };
        let by = current_name();
        with(|state| state.blocks.remove(&(p as usize)));
        ptr::write_bytes(p.cast::<u8>(), 0xdd, size);
        (*prefix_of(p)).flags = 0;
        if size >= size_of::<PyObject>() {
            set_count(p, 1);
            (*p).ob_type = &raw mut FREED;
        }
        with(|state| {
            state.freed.insert(p as usize, Freed { size, ty, by });
            state.waiting.push_back(p as usize);
            state.waiting_size += size;
        });
    }
}

fn freed(p: *mut PyObject) -> (String, String) {
    with(|state| match state.freed.get(&(p as usize)) {
        Some(freed) => (freed.ty.clone(), freed.by.clone()),
        None => ("object".to_owned(), "an unknown function".to_owned()),
    })
}

/// The type of what was freed.
static mut FREED: PyTypeObject = PyTypeObject {
    tp_name: c"freed object".as_ptr(),
    tp_basicsize: size_of::<PyObject>() as Py_ssize_t,
    tp_flags: Py_TPFLAGS_DEFAULT | Py_TPFLAGS_READY,
    tp_dealloc: Some(dropped_again),
    // SAFETY: all other fields are numbers, pointers and options of functions,
    // for which zero is a value.
    ..unsafe { std::mem::zeroed() }
};

/// Whether `ty` is the type of what was freed.
pub fn is_freed_type(ty: *mut PyTypeObject) -> bool {
    ptr::eq(ty, &raw const FREED)
}

/// The freed object `p` was used.
#[cold]
pub fn used(p: *mut PyObject) -> String {
    let (ty, by) = freed(p);
    let text = format!("{} used a {ty} that was freed in {by}", current_name());
    found(Problem::Freed, ty, current_name(), by);
    text
}

unsafe extern "C" fn dropped_again(p: *mut PyObject) {
    let (ty, by) = freed(p);
    found(Problem::BelowZero, ty, current_name(), by);
    // SAFETY: the memory is still there.
    unsafe { set_count(p, 1) };
}

/// C dropped the reference that the VM object of `p` has.
///
/// # Safety
/// `p` is live; the lock is held.
#[cold]
pub unsafe fn dropped_borrowed(p: *mut PyObject) {
    // SAFETY: by this function's contract.
    let ty = unsafe { type_name((*p).ob_type) };
    found(Problem::BelowZero, ty, current_name(), String::new());
}

unsafe fn type_name(ty: *mut PyTypeObject) -> String {
    // SAFETY: the callers' type is live, and its name NUL-terminated.
    unsafe {
        let name = (*ty).tp_name;
        if name.is_null() {
            return "object".to_owned();
        }
        CStr::from_ptr(name).to_string_lossy().into_owned()
    }
}

/// Whether a block starts with a type, which tells that it is an object.
unsafe fn is_object(p: *mut PyObject) -> bool {
    // SAFETY: the callers' block is long enough; what is linked is live.
    unsafe {
        let ty = (*p).ob_type;
        let address = ty as usize;
        let known = if arena::contains(address) {
            with(|state| state.blocks.contains_key(&address))
        } else {
            address != 0 && !foreign::lookup(address).is_null()
        };
        known
            && !(*prefix_of(ty.cast())).link.is_null()
            && PyType_HasFeature((*ty.cast::<PyObject>()).ob_type, Py_TPFLAGS_TYPE_SUBCLASS)
    }
}

/// Forgets what was found so far, and takes what is kept now for granted.
/// The lock is held.
pub fn mark() {
    with(|state| {
        state.findings.clear();
        state.known = state.blocks.keys().copied().collect();
    });
}

/// What was found, with the number of times. The lock is held.
pub fn report() -> Vec<(Finding, usize)> {
    let mut findings = with(|state| state.findings.clone());
    let accounted = census::accounted();
    for address in blocks() {
        let p = address as *mut PyObject;
        if size_of_block(address) < size_of::<PyObject>() {
            continue;
        }
        // SAFETY: a block in use; what starts with a type is an object.
        let (ty, references) = unsafe {
            if !is_object(p) || is_immortal(p) {
                continue;
            }
            ((*p).ob_type, references(p))
        };
        let inside = accounted.get(&address).copied().unwrap_or(0);
        if references <= inside {
            continue;
        }
        let known = with(|state| {
            let block = state.blocks.get(&address)?;
            let origin = block.origin.clone()?;
            let function = block.kept_by.clone().unwrap_or_else(|| origin.clone());
            (!state.known.contains(&address)).then_some((function, origin))
        });
        let Some((function, origin)) = known else {
            continue;
        };
        let finding = Finding {
            problem: Problem::Kept,
            // SAFETY: a live object's type is live.
            ty: unsafe { type_name(ty) },
            function,
            origin,
        };
        *findings.entry(finding).or_default() += (references - inside) as usize;
    }
    findings.into_iter().collect()
}

/// The report as text, empty if nothing was found.
pub fn text(findings: &[(Finding, usize)]) -> String {
    let mut text = String::new();
    for (finding, times) in findings {
        text += &match times {
            1 => format!("refcheck: {finding}\n"),
            n => format!("refcheck: {n} times: {finding}\n"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_name_functions_and_types() {
        let finding = |problem, origin: &str| Finding {
            problem,
            ty: "spam.Egg".to_owned(),
            function: "spam.keep()".to_owned(),
            origin: origin.to_owned(),
        };
        let findings = [
            (finding(Problem::Kept, "spam.make()"), 3),
            (finding(Problem::BelowZero, ""), 1),
            (finding(Problem::Freed, "spam.free()"), 1),
        ];
        assert_eq!(
            text(&findings),
            "refcheck: 3 times: spam.Egg kept by spam.keep(), made in spam.make()\n\
             refcheck: spam.keep() dropped a reference of a spam.Egg that is not its own\n\
             refcheck: spam.keep() used a spam.Egg that was freed in spam.free()\n"
        );
    }
}
