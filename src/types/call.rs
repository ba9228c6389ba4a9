//! Calls of C from the VM: the way in and out, and what is lent to C meanwhile.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use rustpython_vm::builtins::PyDictRef;
use rustpython_vm::common::wtf8::Wtf8;
use rustpython_vm::function::{FuncArgs, KwArgs};
use rustpython_vm::{AsObject, PyObject as VmObject, PyObjectRef, PyResult, VirtualMachine};

use crate::layout::{PyObject, PyTypeObject};
use crate::proxy::mirror::{self, tupleobject};
use crate::proxy::prefix::prefix_of_ours;
use crate::proxy::{arena, c_argument, c_of, drop_argument};
use crate::refcount::{self, check};
use crate::thread;
pub use crate::thread::state::call_c;
use crate::types;

/// Runs `f`, which lends arguments to C, calls it by way of [`call_c`] and takes
/// them back, with the lock held and the mirrors current.
#[inline]
pub fn around_c<R>(vm: &VirtualMachine, f: impl FnOnce() -> R) -> R {
    let _held = thread::enter(vm);
    mirror::before_c(vm);
    let result = f();
    mirror::before_vm(vm);
    result
}

/// [`around_c`] for an `f` that is one call of C as a whole: what it lends stays
/// until it returns.
#[inline]
pub fn in_c<R>(vm: &VirtualMachine, f: impl FnOnce() -> R) -> R {
    around_c(vm, || {
        let _checked = check::is_on().then(|| check::Call::new("a slot of a type".to_owned(), []));
        call_c(f)
    })
}

/// An argument of a C call, for as long as that takes.
pub struct Arg<'a> {
    pub v: &'a VmObject,
    /// The C object, borrowed from this.
    pub p: *mut PyObject,
}

impl<'a> Arg<'a> {
    /// The caller holds the lock until this is dropped.
    #[inline]
    pub fn new(vm: &VirtualMachine, v: &'a VmObject) -> Self {
        Self {
            v,
            p: c_argument(vm, v),
        }
    }

    #[inline]
    pub fn ty(&self) -> *mut PyTypeObject {
        // SAFETY: a live object.
        unsafe { (*self.p).ob_type }
    }
}

impl Drop for Arg<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the reference is from `c_argument`, `v` is alive and the lock held, see `new`.
        unsafe { drop_argument(self.p) };
    }
}

/// The C object of a module as it was seen last.
#[derive(Debug, Default)]
pub struct Known(AtomicPtr<PyObject>);

impl Known {
    /// As for [`Arg::new`].
    #[inline]
    fn lend<'a>(&self, vm: &VirtualMachine, v: &'a VmObject) -> Arg<'a> {
        let p = self.0.load(Ordering::Relaxed);
        // SAFETY: a block of a slab stays a block of that size for ever, so its
        // prefix can be read whatever became of it; and what is linked to `v`
        // is its C object.
        if !p.is_null() && unsafe { (*prefix_of_ours(p)).link }.cast_const() == v.as_raw() {
            // SAFETY: so it is live.
            unsafe { refcount::incref(p) };
            return Arg { v, p };
        }
        self.look(vm, v)
    }

    #[cold]
    fn look<'a>(&self, vm: &VirtualMachine, v: &'a VmObject) -> Arg<'a> {
        let arg = Arg::new(vm, v);
        if v.class().is(vm.ctx.types.module_type) && arena::in_slab(arg.p.cast()) {
            self.0.store(arg.p, Ordering::Relaxed);
        }
        arg
    }
}

/// The receiver of a call.
pub enum Receiver<'a> {
    None,
    Some(&'a VmObject),
    /// It may be a module.
    Known(&'a VmObject, &'a Known),
}

impl<'a> Receiver<'a> {
    /// The object, if there is one.
    pub fn object(&self) -> Option<&'a VmObject> {
        match *self {
            Self::None => None,
            Self::Some(v) | Self::Known(v, _) => Some(v),
        }
    }

    /// As for [`Arg::new`].
    #[inline]
    pub fn lend(self, vm: &VirtualMachine) -> Option<Arg<'a>> {
        match self {
            Self::None => None,
            Self::Some(v) => Some(Arg::new(vm, v)),
            Self::Known(v, known) => Some(known.lend(vm, v)),
        }
    }
}

/// An argument that may be NULL.
#[inline]
pub fn optional_arg<'a>(vm: &VirtualMachine, v: Option<&'a VmObject>) -> Option<Arg<'a>> {
    v.map(|v| Arg::new(vm, v))
}

/// What C gets for an argument that may be NULL.
#[inline]
pub fn pointer(arg: &Option<Arg<'_>>) -> *mut PyObject {
    arg.as_ref().map_or(ptr::null_mut(), |arg| arg.p)
}

/// Most arguments that stay on the stack.
const INLINE: usize = 6;

/// The arguments of a vectorcall, usually on the stack.
pub struct Arguments<'a> {
    /// The callee may use the place before the first argument.
    inline: [MaybeUninit<*mut PyObject>; 1 + INLINE],
    spilled: Vec<*mut PyObject>,
    filled: usize,
    values: PhantomData<&'a [PyObjectRef]>,
}

impl<'a> Arguments<'a> {
    /// The caller holds the lock until this is dropped.
    #[inline]
    pub fn new(vm: &VirtualMachine, values: &'a [PyObjectRef]) -> Self {
        let mut it = Self {
            inline: [const { MaybeUninit::uninit() }; 1 + INLINE],
            spilled: Vec::new(),
            filled: 0,
            values: PhantomData,
        };
        if values.len() > INLINE {
            it.spilled = Vec::with_capacity(1 + values.len());
        }
        let first = it.as_mut_ptr();
        for (i, v) in values.iter().enumerate() {
            // SAFETY: there is room for all of them.
            unsafe {
                let p = if i > 0 && v.is(&values[i - 1]) {
                    let p = *first.add(i - 1);
                    refcount::incref(p);
                    p
                } else {
                    c_argument(vm, v)
                };
                first.add(i).write(p);
            }
            it.filled += 1;
        }
        it
    }

    /// The first one.
    #[inline]
    pub fn as_mut_ptr(&mut self) -> *mut *mut PyObject {
        let start = match self.spilled.capacity() {
            0 => self.inline.as_mut_ptr().cast(),
            _ => self.spilled.as_mut_ptr(),
        };
        // SAFETY: there is a place before the first argument.
        unsafe { start.add(1) }
    }
}

impl Drop for Arguments<'_> {
    #[inline]
    fn drop(&mut self) {
        let first = self.as_mut_ptr();
        for i in (0..self.filled).rev() {
            // SAFETY: filled from `c_argument`, or once more with the one before;
            // the values are alive and the lock held, see `new`.
            unsafe {
                let p = *first.add(i);
                if i > 0 && p == *first.add(i - 1) {
                    refcount::decref_no_dealloc(p);
                } else {
                    drop_argument(p);
                }
            }
        }
    }
}

/// Arguments in a tuple, which C may keep.
pub struct ArgTuple<'a> {
    /// The tuple, borrowed from this.
    pub p: *mut PyObject,
    values: PhantomData<&'a [PyObjectRef]>,
}

impl<'a> ArgTuple<'a> {
    /// The caller holds the lock until this is dropped.
    #[inline]
    pub fn new(vm: &VirtualMachine, values: &'a [PyObjectRef]) -> Self {
        let p = match values.len() {
            0 => tupleobject::empty(),
            // SAFETY: exactly `tuple`, and the lock is held.
            n => unsafe { tupleobject::new(types::statics::tuple_type(), n) },
        };
        assert!(!p.is_null(), "out of memory");
        let it = Self {
            p,
            values: PhantomData,
        };
        // SAFETY: nobody else has the tuple yet.
        let items = unsafe { tupleobject::items(p) };
        for (i, v) in values.iter().enumerate() {
            items[i] = if i > 0 && v.is(&values[i - 1]) {
                // SAFETY: lent just before.
                unsafe { refcount::incref(items[i - 1]) };
                items[i - 1]
            } else {
                c_argument(vm, v)
            };
        }
        it
    }
}

impl Drop for ArgTuple<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the reference is ours, the elements are from `c_argument` or
        // once more the one before, the values are alive and the lock held, see
        // `new`.
        unsafe {
            if refcount::is_immortal(self.p) {
                return;
            }
            let prefix = prefix_of_ours(self.p);
            let gone = refcount::count(self.p) == 1 && (*prefix).link.is_null();
            let items = tupleobject::items(self.p);
            for i in (0..items.len()).rev() {
                let item = items[i];
                if !gone {
                    // The tuple keeps its reference.
                    refcount::xnew_ref(item);
                } else if item.is_null() {
                    continue;
                } else {
                    items[i] = ptr::null_mut();
                    if i > 0 && item == items[i - 1] {
                        refcount::decref_no_dealloc(item);
                        continue;
                    }
                }
                if !item.is_null() {
                    drop_argument(item);
                }
            }
            if gone && (*prefix).flags == 0 && refcount::count(self.p) == 1 {
                arena::release(self.p.cast());
            } else {
                refcount::decref(self.p);
            }
        }
    }
}

/// The names of a vectorcall's keywords.
pub struct ArgNames<'a>(Option<ArgTuple<'a>>);

impl<'a> ArgNames<'a> {
    /// As for [`ArgTuple::new`].
    #[inline]
    pub fn new(vm: &VirtualMachine, names: Option<&'a [PyObjectRef]>) -> Self {
        let names = names.filter(|names| !names.is_empty());
        Self(names.map(|names| ArgTuple::new(vm, names)))
    }

    /// The tuple, borrowed from this; NULL without keywords.
    #[inline]
    pub fn as_ptr(&self) -> *mut PyObject {
        self.0.as_ref().map_or(ptr::null_mut(), |names| names.p)
    }
}

/// The keywords of a call in a dict, which C may keep.
pub struct KeywordDict(*mut PyObject);

impl KeywordDict {
    /// NULL when there are no names at all, which is not the case in a call
    /// with `**{}`. The caller holds the lock until this is dropped.
    #[inline]
    pub fn new(vm: &VirtualMachine, values: &[PyObjectRef], names: Option<&[PyObjectRef]>) -> Self {
        match names {
            None => Self(ptr::null_mut()),
            Some(names) => Self::fill(vm, |dict| {
                for (name, value) in names.iter().zip(values) {
                    dict.set_item(&**name, value.clone(), vm)?;
                }
                Ok(())
            }),
        }
    }

    /// NULL when there are none.
    fn of(vm: &VirtualMachine, kwargs: &KwArgs) -> Self {
        if kwargs.is_empty() {
            return Self(ptr::null_mut());
        }
        Self::fill(vm, |dict| {
            for (name, value) in kwargs.iter() {
                let name: &Wtf8 = name.as_ref();
                dict.set_item(vm.ctx.intern_str(name), value.clone(), vm)?;
            }
            Ok(())
        })
    }

    fn fill(vm: &VirtualMachine, fill: impl FnOnce(&PyDictRef) -> PyResult<()>) -> Self {
        let dict = vm.ctx.new_dict();
        fill(&dict).expect("names of arguments are strings");
        Self(c_of(vm, dict.as_object()))
    }

    /// The dict, borrowed from this, or NULL.
    #[inline]
    pub fn as_ptr(&self) -> *mut PyObject {
        self.0
    }
}

impl Drop for KeywordDict {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the reference is ours, and the lock is held, see `new`.
        unsafe { refcount::xdecref(self.0) };
    }
}

/// The tuple and the dict of a call.
pub struct CallArgs<'a> {
    tuple: ArgTuple<'a>,
    dict: KeywordDict,
}

impl<'a> CallArgs<'a> {
    /// The caller holds the lock until this is dropped.
    pub fn new(vm: &VirtualMachine, args: &'a FuncArgs) -> Self {
        Self {
            tuple: ArgTuple::new(vm, &args.args),
            dict: KeywordDict::of(vm, &args.kwargs),
        }
    }

    /// The tuple, borrowed from this.
    pub fn tuple(&self) -> *mut PyObject {
        self.tuple.p
    }

    /// The dict, borrowed from this; NULL without keywords.
    pub fn dict(&self) -> *mut PyObject {
        self.dict.as_ptr()
    }
}
