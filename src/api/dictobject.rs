//! `dictobject.h` and `cpython/dictobject.h`.
//!
//! A dict that C makes stays in C memory until it escapes, or is asked for what
//! it cannot do there; the VM is the authority for all others. The functions
//! here work on the dict itself, whatever a subclass overrides, as CPython's
//! do. `ma_used` is true after each of them.

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_int};
use std::ptr;

use rustpython_vm::builtins::{PyBaseExceptionRef, PyDict, PyType};
use rustpython_vm::{AsObject, Py, PyObjectRef, PyPayload, PyResult, VirtualMachine};

use super::check::{
    Held, allocated, call_builtin, held, interned, is_dict, is_paired, is_plain_key, not_null,
};
use super::{
    Nothing, bad_internal_call, border, border_to_read, listobject, object, python, text,
    tupleobject, watch,
};
use crate::layout::{Py_hash_t, Py_ssize_t, PyDict_WatchCallback, PyDictObject, PyObject};
use crate::proxy::mirror::tupleobject::items;
use crate::proxy::mirror::{self, Kind, c_dict, unicodeobject, walk};
use crate::proxy::{c_of, c_of_owned, linger, vm_of};
use crate::refcount::anchors::borrow_from;
use crate::refcount::{is_immortal, xdecref, xnew_ref};
use crate::thread::error;
use crate::types::statics::{is_exact_dict, is_exact_int, is_exact_str};

/// The VM's dict of an argument.
struct Dict<'a>(Held<'a>);

impl std::ops::Deref for Dict<'_> {
    type Target = Py<PyDict>;
    #[inline]
    fn deref(&self) -> &Py<PyDict> {
        // SAFETY: `dict` checked the payload.
        unsafe { self.0.downcast_unchecked_ref() }
    }
}

/// The VM's dict of an argument, which the caller keeps during the call.
#[inline]
unsafe fn dict<'a>(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<Dict<'a>> {
    // SAFETY: the callers' argument is NULL or live.
    unsafe {
        if is_dict(p) {
            let v = held(vm, p);
            if v.downcastable::<PyDict>() {
                return Ok(Dict(v));
            }
        }
    }
    Err(bad_internal_call(vm))
}

/// Makes `ma_used` true after a change.
unsafe fn changed(p: *mut PyObject, dict: &Py<PyDict>) {
    // SAFETY: the callers' `p` is the live C object of `dict`.
    unsafe { (*p.cast::<PyDictObject>()).ma_used = dict.__len__() as Py_ssize_t };
}

/// A key: either an object, or text that needs none.
enum Key<'a> {
    Object(Held<'a>),
    Text(&'a str),
}

impl Key<'_> {
    /// # Safety
    /// `p` is NULL or a live object, which the caller keeps during the call.
    #[inline]
    unsafe fn new(vm: &VirtualMachine, p: *mut PyObject) -> PyResult<Self> {
        // SAFETY: by this function's contract.
        Ok(Self::Object(unsafe { held(vm, not_null(vm, p)?) }))
    }

    /// The key whose text is the C string `s`.
    ///
    /// # Safety
    /// `s` is NULL or a NUL-terminated string that outlives the key.
    unsafe fn of_text(vm: &VirtualMachine, s: *const c_char) -> PyResult<Self> {
        if !s.is_null()
            // SAFETY: by this function's contract.
            && let Some(name) = interned(vm, unsafe { CStr::from_ptr(s) }.to_bytes())
        {
            return Ok(Self::Object(Held::Lent(name.as_object())));
        }
        // SAFETY: by this function's contract.
        Ok(Self::Text(unsafe { text(vm, s)? }))
    }

    /// Runs what may hash and compare the key, with the lock open when that
    /// may run Python code.
    fn run<R>(&self, vm: &VirtualMachine, f: impl FnOnce() -> R) -> R {
        match self {
            Self::Object(key) if !is_plain_key(vm, key) => python(f),
            _ => f(),
        }
    }

    /// Hashes the key: what cannot be hashed is an error.
    fn check(&self, vm: &VirtualMachine) -> PyResult<()> {
        self.run(vm, || match self {
            Self::Object(key) if !is_plain_key(vm, key) => key.hash(vm).map(drop),
            _ => Ok(()),
        })
    }

    fn get(&self, vm: &VirtualMachine, dict: &Py<PyDict>) -> PyResult<Option<PyObjectRef>> {
        self.run(vm, || match self {
            Self::Object(key) => dict.inner_getitem_opt(&**key, vm),
            Self::Text(key) => dict.inner_getitem_opt(*key, vm),
        })
    }

    fn set(&self, vm: &VirtualMachine, dict: &Py<PyDict>, value: PyObjectRef) -> PyResult<()> {
        self.run(vm, || match self {
            Self::Object(key) => dict.inner_setitem(&**key, value, vm),
            Self::Text(_) => dict.inner_setitem(&*self.to_object(vm), value, vm),
        })
    }

    /// Takes the item out; `None` when there is none.
    fn pop(&self, vm: &VirtualMachine, dict: &Py<PyDict>) -> PyResult<Option<PyObjectRef>> {
        if dict.class().is(vm.ctx.types.dict_type) {
            return self.run(vm, || match self {
                Self::Object(key) => dict.pop_item(&**key, vm),
                Self::Text(key) => dict.pop_item(*key, vm),
            });
        }
        let found = self.get(vm, dict)?;
        if found.is_some() {
            let args = (dict.to_owned(), self.to_object(vm));
            python(|| call_builtin(vm, vm.ctx.types.dict_type, "__delitem__", args))?;
        }
        Ok(found)
    }

    fn to_object(&self, vm: &VirtualMachine) -> PyObjectRef {
        match self {
            Self::Object(key) => (**key).to_owned(),
            Self::Text(key) => match vm.ctx.interned_str(*key) {
                Some(name) => name.to_object(),
                None => vm.ctx.new_str(*key).into(),
            },
        }
    }
}

/// Stores what was found as a new reference, NULL for nothing.
unsafe fn give(
    vm: &VirtualMachine,
    result: *mut *mut PyObject,
    found: Option<PyObjectRef>,
) -> bool {
    let is_found = found.is_some();
    if !result.is_null() {
        let p = found.map_or(ptr::null_mut(), |v| c_of_owned(vm, v));
        // SAFETY: the callers' `result` is NULL or a variable of C's.
        unsafe { *result = p };
    }
    is_found
}

/// Like [`give`], for an error: C finds NULL.
unsafe fn give_or_null(
    vm: &VirtualMachine,
    result: *mut *mut PyObject,
    found: PyResult<Option<PyObjectRef>>,
) -> PyResult<bool> {
    match found {
        // SAFETY: the callers' `result` is NULL or a variable of C's.
        Ok(found) => Ok(unsafe { give(vm, result, found) }),
        Err(e) => {
            // SAFETY: as above.
            unsafe { give(vm, result, None) };
            Err(e)
        }
    }
}

/// What a dict of the VM's had for a key.
#[derive(Clone, Copy)]
struct Lookup {
    /// When it had; see [`mirror::epoch`].
    epoch: u64,
    dict: *mut PyObject,
    key: *mut PyObject,
    /// Borrowed from the dict, or NULL.
    value: *mut PyObject,
}

const LOOKUPS: usize = 256;

struct Lookups(UnsafeCell<[Lookup; LOOKUPS]>);
// SAFETY: only the holder of the extension lock reaches them.
unsafe impl Sync for Lookups {}
/// C looks the same few names up in the same dicts again and again. While
/// nothing but C ran, they have what they had.
static KNOWN: Lookups = Lookups(UnsafeCell::new(
    [Lookup {
        epoch: 0,
        dict: ptr::null_mut(),
        key: ptr::null_mut(),
        value: ptr::null_mut(),
    }; LOOKUPS],
));

/// Where it is kept what `dict` has for `key`.
#[inline]
fn place(dict: *mut PyObject, key: *mut PyObject) -> *mut Lookup {
    // Objects are multiples of 16 apart.
    let place = (dict as usize >> 4).wrapping_mul(31) ^ (key as usize >> 4);
    // SAFETY: within the table; the callers hold the lock.
    unsafe { (&raw mut (*KNOWN.0.get())[place % LOOKUPS]).cast() }
}

/// What `mp` has for `key`, borrowed, or NULL, if that is known.
#[inline]
unsafe fn known(mp: *mut PyObject, key: *mut PyObject) -> Option<*mut PyObject> {
    // SAFETY: within the table.
    let lookup = unsafe { *place(mp, key) };
    (lookup.epoch == mirror::epoch() && lookup.dict == mp && lookup.key == key)
        .then_some(lookup.value)
}

/// Keeps in mind what `mp` has for `key`, if neither can go, or change how it
/// hashes, without the VM.
unsafe fn keep_in_mind(mp: *mut PyObject, key: *mut PyObject, value: *mut PyObject) {
    // SAFETY: the callers have live objects.
    unsafe {
        let ty = (*key).ob_type;
        let is_plain = is_exact_str(ty) || is_exact_int(ty);
        if is_plain && (is_immortal(key) || is_paired(key)) && is_paired(mp) {
            *place(mp, key) = Lookup {
                epoch: mirror::epoch(),
                dict: mp,
                key,
                value,
            };
        }
    }
}

/// `PyDict_GetItemWithError` of an exact dict and a key that runs no Python
/// code, in the VM.
unsafe fn look_up(mp: *mut PyObject, key: *mut PyObject) -> *mut PyObject {
    let mut found = false;
    // SAFETY: the callers' arguments are NULL or live.
    let p = unsafe {
        border_to_read(|vm| {
            let p = get(vm, mp, || Key::new(vm, key))?;
            found = true;
            Ok(p)
        })
    };
    if found {
        // SAFETY: both are live, or nothing would have been found.
        unsafe { keep_in_mind(mp, key, p) };
    }
    p
}

/// What was found, as a reference that `owner` keeps.
unsafe fn lend(
    vm: &VirtualMachine,
    owner: *mut PyObject,
    found: Option<PyObjectRef>,
) -> *mut PyObject {
    match found {
        // SAFETY: `owner` is live and its VM object holds the item.
        Some(v) => unsafe { borrow_from(owner, c_of_owned(vm, v)) },
        None => ptr::null_mut(),
    }
}

/// The value of an object key, borrowed, or NULL, where a dict in C memory
/// tells.
#[inline]
unsafe fn get_in_c(mp: *mut PyObject, key: *mut PyObject) -> Option<*mut PyObject> {
    // SAFETY: the callers' arguments are NULL or live.
    unsafe {
        if mp.is_null() || key.is_null() {
            return None;
        }
        c_dict::get(mp, c_dict::Key::new(key)?).ok()
    }
}

/// [`get_in_c`] for the text of an ASCII key.
#[inline]
unsafe fn get_text_in_c(mp: *mut PyObject, key: *const c_char) -> Option<*mut PyObject> {
    // SAFETY: the callers' dict is NULL or live, the key a C string.
    unsafe {
        if mp.is_null() || key.is_null() || !c_dict::is_c_dict(mp) {
            return None;
        }
        let text = CStr::from_ptr(key).to_bytes();
        if !text.is_ascii() {
            return None;
        }
        c_dict::get(mp, c_dict::Key::Ascii(text)).ok()
    }
}

/// Stores what was found as a new reference; says whether something was.
unsafe fn give_again(result: *mut *mut PyObject, found: *mut PyObject) -> c_int {
    // SAFETY: the callers' `result` is a variable of C's.
    unsafe { *result = xnew_ref(found) };
    (!found.is_null()).into()
}

/// Sets the value of an object key in a dict in C memory, if that can.
#[inline]
unsafe fn set_in_c(mp: *mut PyObject, key: *mut PyObject, item: *mut PyObject) -> bool {
    // SAFETY: the callers' arguments are NULL or live.
    unsafe {
        !mp.is_null() && !key.is_null() && !item.is_null() && c_dict::set(mp, key, item).is_ok()
    }
}

/// An empty dict: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_New() -> *mut PyObject {
    // SAFETY: the caller has the GIL.
    let p = unsafe { c_dict::new() };
    if p.is_null() {
        return border(|vm| allocated(vm, p));
    }
    p
}

/// An empty dict: new. The size is a hint.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyDict_NewPresized(_minused: Py_ssize_t) -> *mut PyObject {
    // SAFETY: the caller has the GIL.
    unsafe { PyDict_New() }
}

/// The number of items; `SystemError` and -1 for what is no dict.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_Size(mp: *mut PyObject) -> Py_ssize_t {
    // SAFETY: `mp` is NULL or live.
    unsafe {
        if !mp.is_null() && c_dict::is_c_dict(mp) {
            return (*mp.cast::<PyDictObject>()).ma_used;
        }
    }
    // SAFETY: `mp` is NULL or live.
    border(|vm| Ok(unsafe { dict(vm, mp)? }.__len__() as Py_ssize_t))
}

/// Errors that `PyDict_GetItem` and its like suppress.
#[cold]
fn ignored(vm: &VirtualMachine, who: &str, better: &str, exception: PyBaseExceptionRef) {
    let message = format!("Exception ignored in {who}(); consider using {better}");
    error::undisturbed(|| {
        python(|| vm.run_unraisable(exception, Some(message), vm.ctx.none()));
    });
}

/// The value of `key`: borrowed, or NULL, also for errors, which are ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_GetItem(mp: *mut PyObject, key: *mut PyObject) -> *mut PyObject {
    // SAFETY: the arguments are NULL or live.
    if let Some(found) = unsafe { get_in_c(mp, key) } {
        return found;
    }
    // SAFETY: the arguments are NULL or live.
    if let Some(found) = unsafe { known(mp, key) } {
        return found;
    }
    border(|vm| {
        // SAFETY: the arguments are NULL or live.
        unsafe {
            if !is_dict(mp) || key.is_null() {
                return Ok(ptr::null_mut());
            }
            match get(vm, mp, || Key::new(vm, key)) {
                Ok(p) => Ok(p),
                Err(e) => {
                    let better = "PyDict_GetItemRef() or PyDict_GetItemWithError()";
                    ignored(vm, "PyDict_GetItem", better, e);
                    Ok(ptr::null_mut())
                }
            }
        }
    })
}

unsafe fn get<'a>(
    vm: &VirtualMachine,
    mp: *mut PyObject,
    key: impl FnOnce() -> PyResult<Key<'a>>,
) -> PyResult<*mut PyObject> {
    // SAFETY: the callers' arguments are NULL or live.
    unsafe {
        let dict = dict(vm, mp)?;
        let found = key()?.get(vm, &dict)?;
        Ok(lend(vm, mp, found))
    }
}

/// The value of `key`: borrowed, or NULL, with an exception only for errors.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_GetItemWithError(
    mp: *mut PyObject,
    key: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the arguments are NULL or live.
    if let Some(found) = unsafe { get_in_c(mp, key) } {
        return found;
    }
    // SAFETY: as above.
    unsafe {
        if mp.is_null() || !is_exact_dict((*mp).ob_type) {
            return border(|vm| get(vm, mp, || Key::new(vm, key)));
        }
        match known(mp, key) {
            Some(found) => found,
            None => look_up(mp, key),
        }
    }
}

/// As `PyDict_GetItemWithError`: the VM hashes by its own rules.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyDict_GetItem_KnownHash(
    mp: *mut PyObject,
    key: *mut PyObject,
    _hash: Py_hash_t,
) -> *mut PyObject {
    // SAFETY: the arguments are NULL or live.
    unsafe { PyDict_GetItemWithError(mp, key) }
}

/// The value of the text `key`: borrowed, or NULL, also for errors, which are
/// ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_GetItemString(
    mp: *mut PyObject,
    key: *const c_char,
) -> *mut PyObject {
    // SAFETY: `mp` is NULL or live, `key` a C string.
    if let Some(found) = unsafe { get_text_in_c(mp, key) } {
        return found;
    }
    border(|vm| {
        // SAFETY: `mp` is NULL or live, `key` a C string.
        match unsafe { get(vm, mp, || Key::of_text(vm, key)) } {
            Ok(p) => Ok(p),
            Err(e) => {
                // SAFETY: as above.
                if unsafe { is_dict(mp) } {
                    let better = "PyDict_GetItemRefString()";
                    ignored(vm, "PyDict_GetItemString", better, e);
                }
                Ok(ptr::null_mut())
            }
        }
    })
}

/// The value of the text `key`: borrowed, or NULL, with an exception only for
/// errors.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyDict_GetItemStringWithError(
    mp: *mut PyObject,
    key: *const c_char,
) -> *mut PyObject {
    // SAFETY: `mp` is NULL or live, `key` a C string.
    if let Some(found) = unsafe { get_text_in_c(mp, key) } {
        return found;
    }
    // SAFETY: as above.
    border(|vm| unsafe { get(vm, mp, || Key::of_text(vm, key)) })
}

/// Stores the value of `key` in `*result`: new, or NULL. 1 when it was found.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_GetItemRef(
    mp: *mut PyObject,
    key: *mut PyObject,
    result: *mut *mut PyObject,
) -> c_int {
    // SAFETY: the objects are NULL or live, `result` is a variable of C's.
    if let Some(found) = unsafe { get_in_c(mp, key) } {
        // SAFETY: as above.
        return unsafe { give_again(result, found) };
    }
    // SAFETY: as above.
    border(|vm| unsafe {
        let found = dict(vm, mp).and_then(|d| Key::new(vm, key)?.get(vm, &d));
        give_or_null(vm, result, found)
    })
}

/// Stores the value of the text `key` in `*result`: new, or NULL. 1 when it
/// was found.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_GetItemStringRef(
    mp: *mut PyObject,
    key: *const c_char,
    result: *mut *mut PyObject,
) -> c_int {
    // SAFETY: `mp` is NULL or live, `key` a C string, `result` a variable of C's.
    if let Some(found) = unsafe { get_text_in_c(mp, key) } {
        // SAFETY: as above.
        return unsafe { give_again(result, found) };
    }
    // SAFETY: as above.
    border(|vm| unsafe {
        let found = dict(vm, mp).and_then(|d| Key::of_text(vm, key)?.get(vm, &d));
        give_or_null(vm, result, found)
    })
}

/// Whether `key` is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_Contains(mp: *mut PyObject, key: *mut PyObject) -> c_int {
    // SAFETY: the arguments are NULL or live.
    if let Some(found) = unsafe { get_in_c(mp, key) } {
        return (!found.is_null()).into();
    }
    // SAFETY: as above.
    border(|vm| unsafe { Ok(Key::new(vm, key)?.get(vm, &*dict(vm, mp)?)?.is_some()) })
}

/// Whether the text `key` is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_ContainsString(mp: *mut PyObject, key: *const c_char) -> c_int {
    // SAFETY: `mp` is NULL or live, `key` a C string.
    if let Some(found) = unsafe { get_text_in_c(mp, key) } {
        return (!found.is_null()).into();
    }
    // SAFETY: as above.
    border(|vm| unsafe { Ok(Key::of_text(vm, key)?.get(vm, &*dict(vm, mp)?)?.is_some()) })
}

unsafe fn set(
    vm: &VirtualMachine,
    mp: *mut PyObject,
    key: &Key<'_>,
    item: *mut PyObject,
) -> PyResult<()> {
    // SAFETY: the callers' arguments are NULL or live.
    unsafe {
        let dict = dict(vm, mp)?;
        key.set(vm, &dict, object(vm, item)?)?;
        linger::stored(mp, item);
        changed(mp, &dict);
    }
    Ok(())
}

/// Sets the value of `key`; both stay the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_SetItem(
    mp: *mut PyObject,
    key: *mut PyObject,
    item: *mut PyObject,
) -> c_int {
    // SAFETY: the arguments are NULL or live.
    if unsafe { set_in_c(mp, key, item) } {
        return 0;
    }
    // SAFETY: as above.
    border(|vm| unsafe { set(vm, mp, &Key::new(vm, key)?, item) })
}

/// As `PyDict_SetItem`: the VM hashes by its own rules.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyDict_SetItem_KnownHash(
    mp: *mut PyObject,
    key: *mut PyObject,
    item: *mut PyObject,
    _hash: Py_hash_t,
) -> c_int {
    // SAFETY: the arguments are NULL or live.
    unsafe { PyDict_SetItem(mp, key, item) }
}

/// As `PyDict_SetItem`: the VM hashes by its own rules.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyDict_SetItem_KnownHash_LockHeld(
    mp: *mut PyDictObject,
    key: *mut PyObject,
    item: *mut PyObject,
    _hash: Py_hash_t,
) -> c_int {
    // SAFETY: the arguments are NULL or live.
    unsafe { PyDict_SetItem(mp.cast(), key, item) }
}

/// Sets the value of the text `key`; `item` stays the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_SetItemString(
    mp: *mut PyObject,
    key: *const c_char,
    item: *mut PyObject,
) -> c_int {
    // SAFETY: the objects are NULL or live, `key` is a C string.
    unsafe {
        if !mp.is_null()
            && !key.is_null()
            && c_dict::is_c_dict(mp)
            && let Ok(key) = CStr::from_ptr(key).to_str()
        {
            let key = unicodeobject::from_str(key);
            let done = set_in_c(mp, key, item);
            xdecref(key);
            if done {
                return 0;
            }
        }
    }
    // SAFETY: as above.
    border(|vm| unsafe { set(vm, mp, &Key::of_text(vm, key)?, item) })
}

unsafe fn delete(vm: &VirtualMachine, mp: *mut PyObject, key: &Key<'_>) -> PyResult<()> {
    // SAFETY: the callers' `mp` is NULL or live.
    unsafe {
        let dict = dict(vm, mp)?;
        let found = key.pop(vm, &dict)?;
        changed(mp, &dict);
        if found.is_none() {
            return Err(vm.new_key_error(key.to_object(vm)));
        }
    }
    Ok(())
}

/// Removes `key`; `KeyError` when it is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_DelItem(mp: *mut PyObject, key: *mut PyObject) -> c_int {
    // SAFETY: the arguments are NULL or live.
    unsafe {
        if !mp.is_null()
            && !key.is_null()
            && let Some(key) = c_dict::Key::new(key)
            && let Ok(true) = c_dict::remove(mp, key)
        {
            return 0;
        }
    }
    // SAFETY: the arguments are NULL or live.
    border(|vm| unsafe {
        let key = Key::new(vm, key)?;
        // A key that cannot be one is found before what is no dict.
        key.check(vm)?;
        delete(vm, mp, &key)
    })
}

/// Removes the text `key`; `KeyError` when it is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_DelItemString(mp: *mut PyObject, key: *const c_char) -> c_int {
    // SAFETY: `mp` is NULL or live, `key` a C string.
    border(|vm| unsafe { delete(vm, mp, &Key::of_text(vm, key)?) })
}

unsafe fn pop<'a>(
    vm: &VirtualMachine,
    mp: *mut PyObject,
    key: impl FnOnce() -> PyResult<Key<'a>>,
) -> PyResult<Option<PyObjectRef>> {
    // SAFETY: the callers' `mp` is NULL or live.
    unsafe {
        let dict = dict(vm, mp)?;
        if dict.is_empty() {
            // Whatever the key is, it is not looked at.
            return Ok(None);
        }
        let found = key()?.pop(vm, &dict);
        changed(mp, &dict);
        found
    }
}

/// Removes `key` and stores its value in `*result` (may be NULL): new, or
/// NULL. 1 when it was there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_Pop(
    mp: *mut PyObject,
    key: *mut PyObject,
    result: *mut *mut PyObject,
) -> c_int {
    // SAFETY: the objects are NULL or live, `result` is NULL or a variable of C's.
    border(|vm| unsafe {
        let found = pop(vm, mp, || Key::new(vm, key));
        give_or_null(vm, result, found)
    })
}

/// Removes the text `key` and stores its value in `*result` (may be NULL):
/// new, or NULL. 1 when it was there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_PopString(
    mp: *mut PyObject,
    key: *const c_char,
    result: *mut *mut PyObject,
) -> c_int {
    // SAFETY: `mp` is NULL or live, `key` a C string, `result` NULL or a variable of C's.
    border(|vm| unsafe {
        let found = pop(vm, mp, || Key::of_text(vm, key));
        give_or_null(vm, result, found)
    })
}

/// Removes `key`: its value, or `default_value` when it is not there, new;
/// `KeyError` when that is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyDict_Pop(
    mp: *mut PyObject,
    key: *mut PyObject,
    default_value: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the arguments are NULL or live.
    border(|vm| unsafe {
        let found = pop(vm, mp, || Key::new(vm, key))?;
        match found.or_else(|| super::optional(vm, default_value)) {
            Some(found) => Ok(found),
            None => Err(vm.new_key_error(object(vm, key)?)),
        }
    })
}

/// The value of `key`, which is set to `default_value` when it is not there,
/// and whether it was.
unsafe fn set_default(
    vm: &VirtualMachine,
    mp: *mut PyObject,
    key: *mut PyObject,
    default_value: *mut PyObject,
) -> PyResult<(PyObjectRef, bool)> {
    // SAFETY: the callers' arguments are NULL or live.
    unsafe {
        let dict = dict(vm, mp)?;
        let (key, default) = (object(vm, key)?, object(vm, default_value)?);
        let mut present = true;
        let insert = || {
            dict.get_or_insert(vm, &key, || {
                present = false;
                default
            })
        };
        let value = if is_plain_key(vm, &key) {
            insert()
        } else {
            python(insert)
        };
        changed(mp, &dict);
        let value = value?;
        if !present {
            linger::stored(mp, default_value);
        }
        Ok((value, present))
    }
}

/// The value of `key`, which is set to `default_value` when it is not there:
/// borrowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_SetDefault(
    mp: *mut PyObject,
    key: *mut PyObject,
    default_value: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the arguments are NULL or live.
    border(|vm| unsafe {
        let (value, _) = set_default(vm, mp, key, default_value)?;
        Ok(lend(vm, mp, Some(value)))
    })
}

/// Stores the value of `key`, which is set to `default_value` when it is not
/// there, in `*result` (may be NULL): new. 1 when it was there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_SetDefaultRef(
    mp: *mut PyObject,
    key: *mut PyObject,
    default_value: *mut PyObject,
    result: *mut *mut PyObject,
) -> c_int {
    // SAFETY: the objects are NULL or live, `result` is NULL or a variable of C's.
    border(|vm| unsafe {
        match set_default(vm, mp, key, default_value) {
            Ok((value, present)) => {
                give(vm, result, Some(value));
                Ok(present)
            }
            Err(e) => {
                give(vm, result, None);
                Err(e)
            }
        }
    })
}

/// Walks the items: stores the key and value at `*pos` (both borrowed, either
/// may be left out) and moves on. 0 at the end, and for what is no dict.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_Next(
    mp: *mut PyObject,
    pos: *mut Py_ssize_t,
    key: *mut *mut PyObject,
    value: *mut *mut PyObject,
) -> c_int {
    // SAFETY: `mp` is NULL or live, the others are variables of C's.
    unsafe {
        if !is_dict(mp) || *pos < 0 {
            return 0;
        }
        let at = *pos as usize;
        if mirror::kind_of_type((*mp).ob_type) == Kind::Dict {
            if let Some(known) = walk::known(mp, at) {
                return step(known, pos, key, value);
            }
            if let Ok(found) = c_dict::item(mp, at) {
                let found = match found {
                    Some(item) => walk::Step::Item(item.key, item.value),
                    None => walk::Step::End,
                };
                return step(found, pos, key, value);
            }
        }
    }
    let epoch = mirror::epoch();
    border_to_read(|vm| {
        // SAFETY: `mp` is a live dict, the others are variables of C's.
        unsafe {
            let dict = dict(vm, mp)?;
            let at = *pos as usize;
            let Some((next, k, v)) = dict.next_entry(at) else {
                if mirror::kind_of_type((*mp).ob_type) == Kind::Dict {
                    walk::came_to_end(mp, at, epoch);
                }
                return Ok(0);
            };
            let [k, v] = if mirror::kind_of_type((*mp).ob_type) == Kind::Dict {
                match walk::come_by_again(vm, mp, at, next, [&k, &v], epoch) {
                    Some(item) => item,
                    None => {
                        let item = [c_of(vm, &k), c_of(vm, &v)];
                        walk::came_by(mp, at, next, item, epoch)
                    }
                }
            } else {
                [c_of(vm, &k), c_of(vm, &v)].map(|part| borrow_from(mp, part))
            };
            step(walk::Step::Item(k, v), pos, key, value);
            *pos = next as Py_ssize_t;
            Ok(1)
        }
    })
}

/// Makes a step of `PyDict_Next`: its result.
#[inline]
unsafe fn step(
    step: walk::Step,
    pos: *mut Py_ssize_t,
    key: *mut *mut PyObject,
    value: *mut *mut PyObject,
) -> c_int {
    let walk::Step::Item(k, v) = step else {
        return 0;
    };
    // SAFETY: the callers' variables of C's.
    unsafe {
        *pos += 1;
        if !key.is_null() {
            *key = k;
        }
        if !value.is_null() {
            *value = v;
        }
    }
    1
}

/// A copy as an exact dict: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_Copy(mp: *mut PyObject) -> *mut PyObject {
    // SAFETY: `mp` is NULL or live.
    border(|vm| {
        let dict = unsafe { dict(vm, mp)? };
        Ok(PyDict::copy(&dict).into_ref(&vm.ctx))
    })
}

/// The keys as a list: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_Keys(mp: *mut PyObject) -> *mut PyObject {
    // SAFETY: `mp` is NULL or live.
    border(|vm| listobject::from_vm(vm, unsafe { dict(vm, mp)? }.keys_vec()))
}

/// The values as a list: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_Values(mp: *mut PyObject) -> *mut PyObject {
    // SAFETY: `mp` is NULL or live.
    border(|vm| listobject::from_vm(vm, unsafe { dict(vm, mp)? }.values_vec()))
}

/// The items as a list of tuples: new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_Items(mp: *mut PyObject) -> *mut PyObject {
    border(|vm| {
        let mut pairs = super::check::Refs::default();
        // SAFETY: `mp` is NULL or live; the tuples are fresh.
        for (key, value) in unsafe { dict(vm, mp)? }.items_vec() {
            let pair = tupleobject::of_len(vm, 2)?;
            let places = unsafe { items(pair) };
            places[0] = c_of_owned(vm, key);
            places[1] = c_of_owned(vm, value);
            pairs.0.push(pair);
        }
        listobject::from_refs(vm, pairs)
    })
}

/// Removes everything. Nothing happens to what is no dict.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_Clear(mp: *mut PyObject) {
    // SAFETY: `mp` is NULL or live.
    unsafe {
        if !mp.is_null() && c_dict::is_c_dict(mp) {
            (*mp.cast::<PyDictObject>()).ma_used = 0;
            c_dict::clear(mp);
            return;
        }
    }
    border(|vm| {
        // SAFETY: `mp` is NULL or live.
        unsafe {
            if is_dict(mp) {
                let dict = dict(vm, mp)?;
                python(|| PyDict::clear(&dict));
                changed(mp, &dict);
            }
        }
        Ok(Nothing)
    })
}

/// What the VM merges as CPython does: a dict whose iteration is `dict`'s own
/// counts as what it holds, whatever else its class overrides.
fn mapping(vm: &VirtualMachine, other: PyObjectRef) -> PyResult {
    if let Some(dict) = other.downcast_ref::<PyDict>() {
        let iteration = |class: &Py<PyType>| class.slots.iter.load().map(|f| f as usize);
        if iteration(dict.class()) == iteration(vm.ctx.types.dict_type) {
            return Ok(PyDict::copy(dict).into_ref(&vm.ctx).into());
        }
    } else {
        // Sequences of pairs are not for these functions.
        other.get_attr("keys", vm)?;
    }
    Ok(other)
}

unsafe fn merge(
    vm: &VirtualMachine,
    mp: *mut PyObject,
    other: *mut PyObject,
    replace: bool,
) -> PyResult<()> {
    // SAFETY: the callers' arguments are NULL or live.
    unsafe {
        if other.is_null() {
            return Err(bad_internal_call(vm));
        }
        let dict = dict(vm, mp)?;
        let other = vm_of(vm, other);
        let result = python(|| {
            let other = mapping(vm, other)?;
            if replace {
                dict.merge_object(other, vm)
            } else {
                dict.merge_object_if_missing(other, vm)
            }
        });
        changed(mp, &dict);
        result
    }
}

/// Takes over the items of a mapping; those of keys that are there already
/// only when `override_` is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_Merge(
    mp: *mut PyObject,
    other: *mut PyObject,
    override_: c_int,
) -> c_int {
    // SAFETY: the arguments are NULL or live.
    border(|vm| unsafe { merge(vm, mp, other, override_ != 0) })
}

/// Takes over the items of a mapping.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_Update(mp: *mut PyObject, other: *mut PyObject) -> c_int {
    // SAFETY: the arguments are NULL or live.
    border(|vm| unsafe { merge(vm, mp, other, true) })
}

/// Takes over the pairs of an iterable; those of keys that are there already
/// only when `override_` is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_MergeFromSeq2(
    mp: *mut PyObject,
    seq2: *mut PyObject,
    override_: c_int,
) -> c_int {
    border(|vm| {
        // SAFETY: the arguments are NULL or live.
        unsafe {
            let dict = dict(vm, mp)?;
            let pairs = object(vm, seq2)?;
            let result = python(|| dict.merge_from_seq2(&pairs, override_ != 0, vm));
            changed(mp, &dict);
            result
        }
    })
}

/// Registers a watcher of dicts: -1 with `RuntimeError`, as when no number is left; see [`watch`].
#[unsafe(no_mangle)]
pub extern "C" fn PyDict_AddWatcher(_callback: PyDict_WatchCallback) -> c_int {
    border(|vm| watch::add(vm, "dict"))
}

/// Forgets a watcher: -1 with `ValueError`, as no number is in use.
#[unsafe(no_mangle)]
pub extern "C" fn PyDict_ClearWatcher(watcher_id: c_int) -> c_int {
    border(|vm| watch::with(vm, "dict", watcher_id))
}

unsafe fn watcher(vm: &VirtualMachine, watcher_id: c_int, dict: *mut PyObject) -> PyResult<()> {
    // SAFETY: the callers' contract is C's.
    if dict.is_null() || !unsafe { is_dict(dict) } {
        return Err(vm.new_value_error("Cannot watch non-dictionary"));
    }
    watch::with(vm, "dict", watcher_id)
}

/// Has a watcher called when `dict` changes: -1 with `ValueError`, as no number is in use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_Watch(watcher_id: c_int, dict: *mut PyObject) -> c_int {
    // SAFETY: C's contract.
    border(|vm| unsafe { watcher(vm, watcher_id, dict) })
}

/// The opposite of [`PyDict_Watch`]: -1 with `ValueError`, as no number is in use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyDict_Unwatch(watcher_id: c_int, dict: *mut PyObject) -> c_int {
    // SAFETY: C's contract.
    border(|vm| unsafe { watcher(vm, watcher_id, dict) })
}
