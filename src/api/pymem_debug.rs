//! The debug hooks of `cpython/pymem.h`: blocks with their size, their family and forbidden bytes around them.
//!
//! `PYTHONMALLOC=debug` (or `-X dev`) sets them when the first extension is loaded. A block is laid out as CPython's:
//!
//! ```text
//! p - 16      the size asked for, big-endian
//! p - 8       the family: 'r', 'm' or 'o'
//! p - 7       forbidden bytes
//! p           what was asked for
//! p + size    forbidden bytes
//! ```
//!
//! Objects that the API itself makes keep their place in the arena; what comes from there goes back there unchecked.

use std::ffi::{CStr, CString, c_void};
use std::fmt::Write as _;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use rustpython_vm::VirtualMachine;

use super::objimpl::{self, MOST};
use super::pyerrors::_Py_FatalErrorFunc;
use super::pymem::{MEM_DOMAIN, OBJ_DOMAIN, PyMem_GetAllocator, PyMem_SetAllocator, RAW};
use crate::layout::{
    PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ, PYMEM_DOMAIN_RAW, PyMemAllocatorDomain, PyMemAllocatorEx,
};
use crate::proxy::arena;
use crate::thread;

const WORD: usize = 8;
const HEAD: usize = 2 * WORD;
/// What a block has beyond what was asked for.
const EXTRA: usize = 3 * WORD;

const CLEAN: u8 = 0xcd;
const DEAD: u8 = 0xdd;
const FORBIDDEN: u8 = 0xfd;

/// What a hook finds behind its `ctx`.
struct Family {
    id: u8,
    inner: PyMemAllocatorEx,
}

/// Puts hooks around the allocators of all domains, once. Blocks that were allocated before must not be freed or resized after.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMem_SetupDebugHooks() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.swap(true, Ordering::Relaxed) {
        return;
    }
    let families: [(PyMemAllocatorDomain, u8); 3] = [
        (PYMEM_DOMAIN_RAW, b'r'),
        (PYMEM_DOMAIN_MEM, b'm'),
        (PYMEM_DOMAIN_OBJ, b'o'),
    ];
    for (domain, id) in families {
        let mut inner = RAW;
        // SAFETY: a variable.
        unsafe { PyMem_GetAllocator(domain, &raw mut inner) };
        let is_default = match id {
            b'm' => MEM_DOMAIN.replaced().is_none(),
            b'o' => OBJ_DOMAIN.replaced().is_none(),
            _ => false,
        };
        if is_default {
            // The arena has no room before a block for what the hooks put there.
            inner = RAW;
        }
        let family: &'static Family = Box::leak(Box::new(Family { id, inner }));
        let mut hooks = PyMemAllocatorEx {
            ctx: ptr::from_ref(family).cast_mut().cast(),
            malloc: Some(malloc),
            calloc: Some(calloc),
            realloc: Some(realloc),
            free: Some(free),
        };
        // SAFETY: an allocator that lives for ever.
        unsafe { PyMem_SetAllocator(domain, &raw mut hooks) };
    }
}

/// Sets the hooks if the command line or the environment asks for them.
pub fn init(vm: &VirtualMachine) {
    let settings = &vm.state.config.settings;
    let wanted = match std::env::var("PYTHONMALLOC") {
        Ok(name) if !settings.ignore_environment => matches!(
            name.as_str(),
            "debug" | "malloc_debug" | "pymalloc_debug" | "mimalloc_debug"
        ),
        _ => settings.dev_mode,
    };
    if wanted {
        // SAFETY: no extension is loaded yet.
        unsafe { PyMem_SetupDebugHooks() };
    }
}

fn fatal(function: &CStr, message: &str) -> ! {
    let message = CString::new(message).unwrap_or_default();
    // SAFETY: both are strings.
    unsafe { _Py_FatalErrorFunc(function.as_ptr(), message.as_ptr()) }
}

impl Family {
    /// # Safety
    /// `ctx` is that of a hook.
    unsafe fn of<'a>(ctx: *mut c_void) -> &'a Self {
        // SAFETY: by this function's contract.
        unsafe { &*ctx.cast::<Self>() }
    }

    fn check_lock(&self, function: &CStr) {
        if self.id != b'r' && !thread::lock::is_held() {
            fatal(
                function,
                "Python memory allocator called without holding the GIL",
            );
        }
    }

    fn allocate(&self, size: usize, zeroed: bool) -> *mut c_void {
        if size > MOST - EXTRA {
            return ptr::null_mut();
        }
        // SAFETY: the block has room for `size` and what is around it.
        unsafe {
            let block = match (zeroed, self.inner.malloc, self.inner.calloc) {
                (false, Some(malloc), _) => malloc(self.inner.ctx, size + EXTRA),
                (true, _, Some(calloc)) => calloc(self.inner.ctx, 1, size + EXTRA),
                _ => return ptr::null_mut(),
            };
            if block.is_null() {
                return block;
            }
            let block = block.cast::<u8>();
            block.cast::<[u8; WORD]>().write(size.to_be_bytes());
            block.add(WORD).write(self.id);
            block.add(WORD + 1).write_bytes(FORBIDDEN, WORD - 1);
            let data = block.add(HEAD);
            if !zeroed {
                data.write_bytes(CLEAN, size);
            }
            data.add(size).write_bytes(FORBIDDEN, WORD);
            data.cast()
        }
    }

    /// Checks what is around a block; a mistake ends the process.
    ///
    /// # Safety
    /// `p` is a block of a hook, of whatever family.
    unsafe fn check(&self, function: &CStr, p: *mut u8) {
        // SAFETY: by this function's contract.
        unsafe {
            let id = *p.sub(WORD);
            let complaint = if id != self.id {
                format!(
                    "bad ID: Allocated using API '{}', verified using API '{}'",
                    char::from(id),
                    char::from(self.id)
                )
            } else if leading(p).iter().any(|&byte| byte != FORBIDDEN) {
                "bad leading pad byte".to_owned()
            } else if trailing(p).iter().any(|&byte| byte != FORBIDDEN) {
                "bad trailing pad byte".to_owned()
            } else {
                return;
            };
            eprint!("{}", describe(p));
            fatal(function, &complaint);
        }
    }

    /// # Safety
    /// `p` is a checked block of this family, which nobody uses any more.
    unsafe fn release(&self, p: *mut u8) {
        // SAFETY: by this function's contract.
        unsafe {
            if self.id == b'o' {
                objimpl::forget(p.cast());
            }
            let block = p.sub(HEAD);
            block.write_bytes(DEAD, size_of(p) + EXTRA);
            if let Some(free) = self.inner.free {
                free(self.inner.ctx, block.cast());
            }
        }
    }
}

/// # Safety
/// `p` is a block of a hook; this goes for the following functions, too.
unsafe fn size_of(p: *mut u8) -> usize {
    // SAFETY: by this function's contract.
    usize::from_be_bytes(unsafe { p.sub(HEAD).cast::<[u8; WORD]>().read() })
}

unsafe fn leading<'a>(p: *mut u8) -> &'a [u8] {
    // SAFETY: by this function's contract.
    unsafe { std::slice::from_raw_parts(p.sub(WORD - 1), WORD - 1) }
}

unsafe fn trailing<'a>(p: *mut u8) -> &'a [u8] {
    // SAFETY: by this function's contract.
    unsafe { std::slice::from_raw_parts(p.add(size_of(p)), WORD) }
}

/// What CPython prints of a block.
unsafe fn describe(p: *mut u8) -> String {
    // SAFETY: by this function's contract.
    let (id, size, before, after) = unsafe { (*p.sub(WORD), size_of(p), leading(p), trailing(p)) };
    let mut text = format!(
        "Debug memory block at address p={p:p}: API '{}'\n    {size} bytes originally requested\n",
        char::from(id)
    );
    let pads = |text: &mut String, pad: &[u8], place: &str, at: &dyn Fn(usize) -> String| {
        let _ = write!(text, "    The {} pad bytes at {place} are ", pad.len());
        if pad.iter().all(|&byte| byte == FORBIDDEN) {
            text.push_str("FORBIDDENBYTE, as expected.\n");
            return;
        }
        let _ = writeln!(text, "not all FORBIDDENBYTE (0x{FORBIDDEN:02x}):");
        for (i, byte) in pad.iter().enumerate() {
            let ouch = if *byte == FORBIDDEN { "" } else { " *** OUCH" };
            let _ = writeln!(text, "        at {}: 0x{byte:02x}{ouch}", at(i));
        }
    };
    let first = before.len();
    pads(&mut text, before, &format!("p-{first}"), &|i| {
        format!("p-{}", first - i)
    });
    let tail = format!("tail={:p}", after.as_ptr());
    pads(&mut text, after, &tail, &|i| format!("tail+{i}"));
    // SAFETY: by this function's contract.
    let data = unsafe { std::slice::from_raw_parts(p, size) };
    if !data.is_empty() {
        text.push_str("    Data at p:");
        let show = |text: &mut String, bytes: &[u8]| {
            for byte in bytes {
                let _ = write!(text, " {byte:02x}");
            }
        };
        show(&mut text, &data[..size.min(8)]);
        if size > 16 {
            text.push_str(" ...");
        }
        if size > 8 {
            show(&mut text, &data[8.max(size - 8)..]);
        }
        text.push('\n');
    }
    text.push_str("\nEnable tracemalloc to get the memory block allocation traceback\n\n");
    text
}

unsafe extern "C" fn malloc(ctx: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the hook's own `ctx`.
    let family = unsafe { Family::of(ctx) };
    family.check_lock(c"_PyMem_DebugMalloc");
    family.allocate(size, false)
}

unsafe extern "C" fn calloc(ctx: *mut c_void, nelem: usize, elsize: usize) -> *mut c_void {
    // SAFETY: the hook's own `ctx`.
    let family = unsafe { Family::of(ctx) };
    family.check_lock(c"_PyMem_DebugCalloc");
    match nelem.checked_mul(elsize) {
        Some(size) => family.allocate(size, true),
        None => ptr::null_mut(),
    }
}

unsafe extern "C" fn realloc(ctx: *mut c_void, p: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the hook's own `ctx`; the block is the caller's.
    unsafe {
        let family = Family::of(ctx);
        family.check_lock(c"_PyMem_DebugRealloc");
        if p.is_null() {
            return family.allocate(size, false);
        }
        if arena::contains(p as usize) {
            return objimpl::default_realloc(ptr::null_mut(), p, size);
        }
        let old = p.cast::<u8>();
        family.check(c"_PyMem_DebugRawRealloc", old);
        if family.id == b'o' && objimpl::is_known(p) {
            return ptr::null_mut();
        }
        let fresh = family.allocate(size, false);
        if !fresh.is_null() {
            ptr::copy_nonoverlapping(old, fresh.cast::<u8>(), size.min(size_of(old)));
            if family.id == b'o' {
                objimpl::move_foreign(p, fresh);
            }
            family.release(old);
        }
        fresh
    }
}

unsafe extern "C" fn free(ctx: *mut c_void, p: *mut c_void) {
    // SAFETY: the hook's own `ctx`; the block is the caller's.
    unsafe {
        let family = Family::of(ctx);
        family.check_lock(c"_PyMem_DebugFree");
        if p.is_null() {
            return;
        }
        if arena::contains(p as usize) {
            return objimpl::default_free(ptr::null_mut(), p);
        }
        family.check(c"_PyMem_DebugRawFree", p.cast());
        family.release(p.cast());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_carry_their_size_and_forbidden_bytes() {
        let family = Family {
            id: b'r',
            inner: RAW,
        };
        let p = family.allocate(20, false).cast::<u8>();
        // SAFETY: the block is ours.
        unsafe {
            assert_eq!((size_of(p), *p, *p.add(19)), (20, CLEAN, CLEAN));
            family.check(c"test", p);
            let text = describe(p);
            assert!(
                text.contains("    20 bytes originally requested\n"),
                "{text}"
            );
            assert!(text.contains("The 7 pad bytes at p-7 are FORBIDDENBYTE, as expected."));
            assert!(text.contains("Data at p: cd cd cd cd cd cd cd cd ... cd cd"));
            *p.add(20) = 0x78;
            assert!(describe(p).contains("        at tail+0: 0x78 *** OUCH\n"));
            *p.add(20) = FORBIDDEN;
            family.release(p);
        }
    }
}
