//! The hidden words before every C object of ours.

use rustpython_vm::PyObject as VmObject;

use crate::layout::PyObject;

/// Bytes that [`Prefix`] takes before an object.
pub const PREFIX_SIZE: usize = 16;

/// What a C object is linked to.
///
/// `link` and [`OWNS_VM`](flag::OWNS_VM) together are the ownership protocol:
/// when the flag is set, `link` is one strong reference to the VM object;
/// when it is clear and `link` is not NULL, the VM object owns one count of
/// the C object and clears `link` before it dies, or the object is
/// [`LENT`](flag::LENT) for the time of a call.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct Prefix {
    pub link: *mut VmObject,
    pub flags: u32,
    /// Free for the mirror of the object's type.
    pub aux: u16,
    class: u8,
    _pad: u8,
}

/// Bits of [`Prefix::flags`].
pub mod flag {
    /// `link` is a strong reference.
    pub const OWNS_VM: u32 = 1;
    /// The object's state lives in C memory (its type is C's): dropping the
    /// last C reference must not free it while a VM object is linked.
    pub const INSTANCE: u32 = 1 << 1;
    /// `PyObject_GC_Track` was called: `tp_traverse` may run.
    pub const TRACKED: u32 = 1 << 2;
    /// The finalizer has run.
    pub const FINALIZED: u32 = 1 << 3;
    /// The link table knows the way from the VM object to this one.
    pub const IN_TABLE: u32 = 1 << 4;
    /// Has an entry in the anchor table of borrowed references.
    pub const ANCHORS: u32 = 1 << 5;
    /// Being deallocated.
    pub const DYING: u32 = 1 << 6;
    /// A type object that C defined.
    pub const C_TYPE: u32 = 1 << 7;
    /// Kept at count zero in the bounded cache of lingering proxies.
    pub const LINGERS: u32 = 1 << 8;
    /// Kept at count zero until the outermost C call returns.
    pub const IN_CALL: u32 = 1 << 10;
    /// Known to the queue of lingering proxies.
    pub const QUEUED: u32 = 1 << 9;
    /// It had a VM object, which died: a `__del__` written in Python has run.
    pub const OUTLIVED_VM: u32 = 1 << 11;
    /// C put it into a container of the VM's, and may go on using the pointer
    /// for as long as that holds the object.
    pub const STORED: u32 = 1 << 12;
    /// Kept at count zero because it is stored.
    pub const KEPT: u32 = 1 << 13;
    /// A dict that is a module's or a type's namespace.
    pub const NAMESPACE: u32 = 1 << 14;
    /// At count zero, to be taken apart when the deallocations under way are
    /// over.
    pub const LATER: u32 = 1 << 15;
    /// The mirror's own meaning.
    pub const MIRROR: u32 = 1 << 16;
    /// An argument of a call under way: `link` is not owned, the caller keeps
    /// it alive until the call returns.
    pub const LENT: u32 = 1 << 17;
    /// A type that C made and that its class keeps alive, as long as that lives.
    pub const TETHERED: u32 = 1 << 25;
    /// It may lead C to parked mirrors: they have to be made current when C
    /// gets it.
    pub const LEADS: u32 = 1 << 26;
    /// A mutable mirror that only one of the two sides can reach.
    pub const PARKED: u32 = 1 << 24;
}

const _: () = assert!(size_of::<Prefix>() == PREFIX_SIZE);

impl Prefix {
    pub(super) const fn new(class: u8) -> Self {
        Self {
            link: std::ptr::null_mut(),
            flags: 0,
            aux: 0,
            class,
            _pad: 0,
        }
    }

    pub(super) const fn class(&self) -> u8 {
        self.class
    }

    pub(super) fn set_class(&mut self, class: u8) {
        self.class = class;
    }

    #[inline]
    pub fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Whether nothing is known of the object but what its type says: the VM
    /// never saw it.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.flags == 0 && self.link.is_null()
    }
}

/// The prefix of `p`, in the arena or in the table of foreign objects.
///
/// NULL for a foreign object that is not linked to anything.
///
/// # Safety
/// `p` is a live C object and the caller holds the extension lock.
#[inline]
pub unsafe fn prefix_of(p: *mut PyObject) -> *mut Prefix {
    if super::arena::contains(p as usize) {
        // SAFETY: every block of the arena has a prefix before it.
        unsafe { p.cast::<u8>().sub(PREFIX_SIZE).cast() }
    } else {
        super::foreign::lookup(p as usize)
    }
}

/// The prefix of `p`, which is in the arena.
///
/// # Safety
/// `p` came from [`arena::allocate`](super::arena::allocate).
#[inline]
pub unsafe fn prefix_of_ours(p: *mut PyObject) -> *mut Prefix {
    // SAFETY: every block of the arena has a prefix before it.
    unsafe { p.cast::<u8>().sub(PREFIX_SIZE).cast() }
}

/// Like [`prefix_of`], making an entry for a foreign object that has none.
///
/// # Safety
/// As for [`prefix_of`].
#[inline]
pub unsafe fn prefix_of_or_new(p: *mut PyObject) -> *mut Prefix {
    if super::arena::contains(p as usize) {
        // SAFETY: every block of the arena has a prefix before it.
        unsafe { p.cast::<u8>().sub(PREFIX_SIZE).cast() }
    } else {
        super::foreign::lookup_or_insert(p as usize)
    }
}
