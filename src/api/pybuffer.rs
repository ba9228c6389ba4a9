//! `pybuffer.h`: the buffer protocol, in both directions.
//!
//! A VM object's buffer goes to C without a copy: the view points into the
//! VM's memory, and the VM's export is held, in a table, until C releases the
//! view. A C exporter's buffer goes to the VM as one of the VM's buffers, whose
//! end releases C's view.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::{ptr, slice};

use rustpython_vm::buffer::FormatSpec;
use rustpython_vm::protocol::{BufferDescriptor, BufferFlags, BufferMethods, PyBuffer};
use rustpython_vm::{PyObject as VmObject, PyObjectRef, PyResult, VirtualMachine};
use slab::Slab;

use super::call::type_name;
use super::{Nothing, bad_internal_call, border, object, python};
use crate::layout::{
    Py_buffer, Py_ssize_t, PyBUF_C_CONTIGUOUS, PyBUF_F_CONTIGUOUS, PyBUF_FORMAT, PyBUF_FULL,
    PyBUF_FULL_RO, PyBUF_ND, PyBUF_READ, PyBUF_SIMPLE, PyBUF_STRIDES, PyBUF_WRITABLE, PyBUF_WRITE,
    PyBufferProcs, PyObject, getbufferproc,
};
use crate::proxy::mirror::bytesobject;
use crate::refcount::{self, deferred};
use crate::thread::{self, error};
use crate::types::call::in_c;
use crate::types::statics;

// --- A VM object's buffer, for C ------------------------------------------

/// A buffer of the VM's that C looks at.
struct Export {
    buffer: PyBuffer,
    shape: Box<[Py_ssize_t]>,
    strides: Box<[Py_ssize_t]>,
    format: CString,
}

struct Exports(RefCell<Slab<Export>>);
// SAFETY: only the holder of the extension lock reaches it.
unsafe impl Sync for Exports {}
/// What C has not released yet. A view's `internal` is its place here, plus one.
static EXPORTS: Exports = Exports(RefCell::new(Slab::new()));

/// Fills `view` with the buffer of the VM object of `exporter`: `bf_getbuffer`
/// of the VM's types.
///
/// # Safety
/// `exporter` is live, `view` is writable, and the caller holds the lock.
pub unsafe extern "C" fn vm_getbuffer(
    exporter: *mut PyObject,
    view: *mut Py_buffer,
    flags: c_int,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        (*view).obj = ptr::null_mut();
        if statics::is_exact_bytes((*exporter).ob_type) {
            let bytes = bytesobject::contents(exporter);
            let (data, len) = (bytes.as_mut_ptr().cast(), bytes.len() as Py_ssize_t);
            return PyBuffer_FillInfo(view, exporter, data, len, 1, flags);
        }
        border(|vm| {
            let v = object(vm, exporter)?;
            let request = BufferFlags::from_bits_retain(flags as u32);
            let (buffer, data) = python(|| {
                let buffer = PyBuffer::from_object(vm, &v, request)?;
                check_request(vm, &buffer.desc, flags)?;
                let data = data_of(&buffer);
                Ok((buffer, data))
            })?;
            export(buffer, data, flags, view);
            (*view).obj = refcount::xnew_ref(exporter);
            Ok(())
        })
    }
}

/// The first byte of the exporter's memory, which stays where it is while the
/// buffer is held.
fn data_of(buffer: &PyBuffer) -> *mut u8 {
    if buffer.desc.readonly {
        buffer.obj_bytes().as_ptr().cast_mut()
    } else {
        buffer.obj_bytes_mut().as_mut_ptr()
    }
}

/// Refuses a request that a buffer cannot serve, whatever its exporter thinks.
fn check_request(vm: &VirtualMachine, desc: &BufferDescriptor, flags: c_int) -> PyResult<()> {
    let asks = |what: c_int| flags & what == what;
    let refused = if flags & PyBUF_WRITABLE != 0 && desc.readonly {
        "Object is not writable."
    } else if desc.has_suboffsets() {
        "underlying buffer requires suboffsets"
    } else if asks(PyBUF_C_CONTIGUOUS) && !desc.is_contiguous() {
        "underlying buffer is not C-contiguous"
    } else if asks(PyBUF_F_CONTIGUOUS) && !desc.is_fortran_contiguous() {
        "underlying buffer is not Fortran contiguous"
    } else if !asks(PyBUF_STRIDES) && !desc.is_contiguous() {
        "underlying buffer is not C-contiguous"
    } else {
        return Ok(());
    };
    Err(vm.new_buffer_error(refused))
}

/// The format as C's exporter wrote it, if the buffer is one of C's.
pub fn format_for_c(desc: &BufferDescriptor) -> CString {
    let imports = imports();
    let import = imports.by_text.get(&desc.format.as_ptr().addr());
    if let Some(format) = import.and_then(|import| import.format.clone()) {
        return format;
    }
    CString::new(&*desc.format).unwrap_or_else(|_| c"B".to_owned())
}

/// Fills everything of `view` but the exporter.
unsafe fn export(buffer: PyBuffer, data: *mut u8, flags: c_int, view: *mut Py_buffer) {
    let export = Export {
        shape: buffer
            .desc
            .dim_desc
            .iter()
            .map(|d| d.0 as Py_ssize_t)
            .collect(),
        strides: buffer.desc.dim_desc.iter().map(|d| d.1).collect(),
        format: format_for_c(&buffer.desc),
        buffer,
    };
    let mut exports = EXPORTS.0.borrow_mut();
    let key = exports.insert(export);
    let export = &mut exports[key];
    let desc = &export.buffer.desc;
    let has_shape = flags & PyBUF_ND == PyBUF_ND;
    let has_strides = flags & PyBUF_STRIDES == PyBUF_STRIDES;
    // SAFETY: the callers have a writable view; the boxes stay where they are
    // while the export is in the table.
    unsafe {
        let obj = (*view).obj;
        view.write(Py_buffer {
            buf: data.wrapping_offset(desc.offset).cast(),
            obj,
            len: desc.len as Py_ssize_t,
            itemsize: desc.itemsize as Py_ssize_t,
            readonly: desc.readonly.into(),
            ndim: if has_shape { desc.ndim() as c_int } else { 1 },
            format: if flags & PyBUF_FORMAT != 0 {
                export.format.as_ptr().cast_mut()
            } else {
                ptr::null_mut()
            },
            shape: if has_shape {
                export.shape.as_mut_ptr()
            } else {
                ptr::null_mut()
            },
            strides: if has_strides {
                export.strides.as_mut_ptr()
            } else {
                ptr::null_mut()
            },
            suboffsets: ptr::null_mut(),
            internal: ptr::without_provenance_mut(key + 1),
        });
    }
}

/// Ends what [`vm_getbuffer`] began: `bf_releasebuffer` of the VM's types.
///
/// # Safety
/// `view` was filled by [`vm_getbuffer`]; the caller holds the lock.
pub unsafe extern "C" fn vm_releasebuffer(_exporter: *mut PyObject, view: *mut Py_buffer) {
    // SAFETY: by this function's contract.
    let internal = unsafe { std::mem::replace(&mut (*view).internal, ptr::null_mut()) };
    if internal.is_null() {
        return;
    }
    border(|_| {
        let export = EXPORTS.0.borrow_mut().try_remove(internal.addr() - 1);
        // The exporter's own release may be Python code.
        python(|| drop(export));
        Ok(Nothing)
    })
}

// --- A C exporter's buffer, for the VM ------------------------------------

/// Memory of C's that a buffer of the VM's looks at.
struct Import {
    /// To be released with the last share of the VM's buffer, if it has an
    /// exporter. Boxed: the exporter may have kept its address.
    view: Box<Py_buffer>,
    /// As the exporter wrote it.
    format: Option<CString>,
    /// The lowest byte, and how many there are from there on.
    start: *mut u8,
    span: usize,
    /// Stands in for memory that the VM's buffers cannot describe.
    _copy: Option<Box<[u8]>>,
}
// SAFETY: the pointers are followed by whoever holds the VM's buffer, on any
// thread, as `Py_buffer`s are; the table itself is locked.
unsafe impl Send for Import {}

/// A VM buffer has no room for a word of ours, but keeps its format's text,
/// whose address is unique among the buffers alive. So that names the import.
#[derive(Default)]
struct Imports {
    by_text: HashMap<usize, Import>,
    /// Texts that no buffer uses at the moment. They are never freed, as the
    /// VM may look at a format when the buffer is gone.
    free: HashMap<String, Vec<&'static str>>,
}

static IMPORTS: LazyLock<Mutex<Imports>> = LazyLock::new(Mutex::default);

fn imports() -> MutexGuard<'static, Imports> {
    IMPORTS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Imports {
    fn add(&mut self, format: &str, import: Import) -> &'static str {
        let known = self.free.get_mut(format).and_then(Vec::pop);
        let text = known.unwrap_or_else(|| {
            // One byte more than the text, so that an empty one has an address.
            let leaked: &'static str = Box::leak(format!("{format} ").into_boxed_str());
            &leaked[..format.len()]
        });
        self.by_text.insert(text.as_ptr().addr(), import);
        text
    }

    fn remove(&mut self, text: &'static str) -> Option<Import> {
        let import = self.by_text.remove(&text.as_ptr().addr())?;
        self.free.entry(text.to_owned()).or_default().push(text);
        Some(import)
    }
}

/// The text that names the import behind `buffer`.
fn text_of(buffer: &PyBuffer) -> &'static str {
    match buffer.desc.format {
        Cow::Borrowed(text) => text,
        Cow::Owned(_) => panic!("a buffer of C's lost its name"),
    }
}

fn memory_of(buffer: &PyBuffer) -> (*mut u8, usize) {
    let imports = imports();
    let import = &imports.by_text[&text_of(buffer).as_ptr().addr()];
    (import.start, import.span)
}

static METHODS: BufferMethods = BufferMethods {
    obj_bytes: |buffer| {
        let (start, span) = memory_of(buffer);
        // SAFETY: C keeps the memory until its view is released.
        unsafe { slice::from_raw_parts(start, span) }.into()
    },
    obj_bytes_mut: |buffer| {
        let (start, span) = memory_of(buffer);
        // SAFETY: as above; the VM asks for it only if the view is writable.
        unsafe { slice::from_raw_parts_mut(start, span) }.into()
    },
    release: |buffer| {
        let import = imports().remove(text_of(buffer));
        if let Some(import) = import {
            release_import(import.view);
        }
    },
    retain: |_| {},
};

/// Releases a view of C's, now or when the lock is next taken.
fn release_import(view: Box<Py_buffer>) {
    if view.obj.is_null() {
        return;
    }
    let view = Box::into_raw(view).cast();
    match thread::try_enter() {
        // SAFETY: the lock is held, and the box is ours.
        Some(_held) => unsafe { release_now(view) },
        None => deferred::push_call(release_now, view),
    }
}

unsafe fn release_now(view: *mut c_void) {
    // SAFETY: the callers hold the lock and give away the box.
    unsafe {
        let mut view = Box::from_raw(view.cast::<Py_buffer>());
        thread::state::call_c(|| error::undisturbed(|| PyBuffer_Release(&mut *view)));
    }
}

/// `bf_getbuffer` of the nearest type that C defined.
unsafe fn getbuffer_of(p: *mut PyObject) -> Option<getbufferproc> {
    // SAFETY: the callers have a live object.
    unsafe {
        let mut ty = (*p).ob_type;
        while !ty.is_null() {
            let procs = (*ty).tp_as_buffer.as_ref();
            if let Some(f) = procs.and_then(|procs: &PyBufferProcs| procs.bf_getbuffer)
                && !ptr::fn_addr_eq(f, vm_getbuffer as getbufferproc)
            {
                return Some(f);
            }
            ty = (*ty).tp_base;
        }
        None
    }
}

/// The buffer of an object whose C type has `bf_getbuffer`, for the VM.
///
/// It looks at C's memory; its end releases C's view.
pub fn buffer_of_c(v: &VmObject, flags: BufferFlags, vm: &VirtualMachine) -> PyResult<PyBuffer> {
    in_c(vm, || {
        let p = crate::proxy::c_of(vm, v);
        // SAFETY: the lock is held, and the reference is ours.
        unsafe {
            let result = import(vm, v, p, flags);
            refcount::decref(p);
            result
        }
    })
}

unsafe fn import(
    vm: &VirtualMachine,
    v: &VmObject,
    p: *mut PyObject,
    flags: BufferFlags,
) -> PyResult<PyBuffer> {
    let mut view = Box::new(Py_buffer::ZERO);
    // SAFETY: the caller has a live object.
    unsafe {
        let Some(getbuffer) = getbuffer_of(p) else {
            return Err(not_bytes_like(vm, p));
        };
        let status = getbuffer(p, &mut *view, flags.bits() as c_int);
        error::status_result(vm, status, || {
            format!("bf_getbuffer of {}", type_name((*p).ob_type))
        })?;
        let described = describe(vm, &view);
        match described {
            Ok((desc, start, span, copy)) => {
                Ok(buffer(vm, v.to_owned(), desc, view, start, span, copy))
            }
            Err(e) => {
                PyBuffer_Release(&mut *view);
                Err(e)
            }
        }
    }
}

/// A VM buffer on C's memory.
fn buffer(
    vm: &VirtualMachine,
    exporter: PyObjectRef,
    mut desc: BufferDescriptor,
    view: Box<Py_buffer>,
    start: *mut u8,
    span: usize,
    copy: Option<Box<[u8]>>,
) -> PyBuffer {
    let import = Import {
        format: CString::new(&*desc.format).ok(),
        view,
        start,
        span,
        _copy: copy,
    };
    if FormatSpec::parse(desc.format.as_bytes(), vm).is_err() {
        // The VM refuses formats that it cannot unpack; C still gets this one.
        desc.format = Cow::Owned(format!("{}s", desc.itemsize));
    }
    desc.format = Cow::Borrowed(imports().add(&desc.format, import));
    PyBuffer::new(exporter, desc, &METHODS)
}

/// What the VM needs to know of a view of C's: the descriptor, the memory, and
/// a copy of it where the VM cannot describe the original.
type Described = (BufferDescriptor, *mut u8, usize, Option<Box<[u8]>>);

unsafe fn describe(vm: &VirtualMachine, view: &Py_buffer) -> PyResult<Described> {
    // SAFETY: the callers have a view that its exporter filled.
    unsafe {
        let mut desc = descriptor(view);
        if !is_indirect(view) {
            let (low, span) = extent(&desc);
            desc.offset = -low;
            let start = view.buf.cast::<u8>().wrapping_offset(low);
            return Ok((desc, not_null(start), span, None));
        }
        if view.readonly == 0 {
            return Err(vm.new_buffer_error("writable buffers with suboffsets are not supported"));
        }
        let mut copy = vec![0u8; desc.len].into_boxed_slice();
        copy_out(view, &mut copy, b'C');
        let start = copy.as_mut_ptr();
        Ok((desc.contiguous(), start, copy.len(), Some(copy)))
    }
}

/// A slice must not start at NULL, even an empty one.
fn not_null(p: *mut u8) -> *mut u8 {
    if p.is_null() {
        ptr::NonNull::dangling().as_ptr()
    } else {
        p
    }
}

unsafe fn descriptor(view: &Py_buffer) -> BufferDescriptor {
    let itemsize = view.itemsize.max(0) as usize;
    let len = view.len.max(0) as usize;
    // SAFETY: the callers have a view that its exporter filled.
    let (shape, strides, format) = unsafe {
        let ndim = view.ndim.max(0) as usize;
        (
            dimensions(view.shape, ndim),
            dimensions(view.strides, ndim),
            (!view.format.is_null()).then(|| CStr::from_ptr(view.format).to_string_lossy()),
        )
    };
    let shape = match shape {
        Some(shape) => shape.to_vec(),
        None if is_scalar(view) => Vec::new(),
        None => vec![(len.checked_div(itemsize).unwrap_or(0)) as Py_ssize_t],
    };
    let strides = match strides {
        Some(strides) if strides.len() == shape.len() => strides.to_vec(),
        _ => contiguous_strides(&shape, view.itemsize, b'C'),
    };
    BufferDescriptor {
        len,
        offset: 0,
        readonly: view.readonly != 0,
        itemsize,
        format: Cow::Owned(format.map_or_else(|| String::from("B"), Cow::into_owned)),
        dim_desc: shape
            .iter()
            .zip(&strides)
            .map(|(&n, &stride)| (n.max(0) as usize, stride, 0))
            .collect(),
    }
}

/// Where the bytes of a buffer lie, from its first element: the lowest offset,
/// and how many bytes there are from there on.
fn extent(desc: &BufferDescriptor) -> (isize, usize) {
    if desc.len == 0 || desc.is_zero_in_shape() {
        return (0, 0);
    }
    let (mut low, mut high) = (0isize, desc.itemsize as isize);
    for &(n, stride, _) in &desc.dim_desc {
        let reach = (n as isize - 1) * stride;
        low += reach.min(0);
        high += reach.max(0);
    }
    (low, (high - low) as usize)
}

/// A VM buffer on memory that somebody else takes care of: its exporter is
/// `None`.
///
/// # Safety
/// The memory that `view` describes outlives the result.
pub(super) unsafe fn foreign_buffer(vm: &VirtualMachine, view: &Py_buffer) -> PyResult<PyBuffer> {
    // SAFETY: by this function's contract.
    let (desc, start, span, copy) = unsafe { describe(vm, view) }?;
    let ownerless = Box::new(Py_buffer::ZERO);
    Ok(buffer(
        vm,
        vm.ctx.none(),
        desc,
        ownerless,
        start,
        span,
        copy,
    ))
}

// --- The exported functions -----------------------------------------------

#[cold]
fn not_bytes_like(
    vm: &VirtualMachine,
    p: *mut PyObject,
) -> rustpython_vm::builtins::PyBaseExceptionRef {
    // SAFETY: the callers have a live object.
    let name = unsafe { type_name((*p).ob_type) };
    vm.new_type_error(format!("a bytes-like object is required, not '{name}'"))
}

/// The buffer functions of an object's type.
unsafe fn procs<'a>(p: *mut PyObject) -> Option<&'a PyBufferProcs> {
    // SAFETY: the callers have a live object.
    unsafe { (*(*p).ob_type).tp_as_buffer.as_ref() }
}

/// Whether `p` has a buffer.
///
/// # Safety
/// `p` is live, and the caller holds the lock. This goes for every object here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_CheckBuffer(p: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        procs(p)
            .is_some_and(|procs| procs.bf_getbuffer.is_some())
            .into()
    }
}

/// Fills `view` as `flags` ask, to be released with [`PyBuffer_Release`]. -1
/// with an exception if the exporter refuses.
///
/// # Safety
/// `view` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_GetBuffer(
    p: *mut PyObject,
    view: *mut Py_buffer,
    flags: c_int,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if flags == PyBUF_READ || flags == PyBUF_WRITE {
            return border(|vm| Err::<(), _>(bad_internal_call(vm)));
        }
        match procs(p).and_then(|procs| procs.bf_getbuffer) {
            Some(f) => f(p, view, flags),
            None => border(|vm| Err::<(), _>(not_bytes_like(vm, p))),
        }
    }
}

/// Releases a view and drops its reference to the exporter. Nothing happens
/// to one that was released before.
///
/// # Safety
/// `view` was filled by [`PyObject_GetBuffer`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBuffer_Release(view: *mut Py_buffer) {
    // SAFETY: by this function's contract.
    unsafe {
        let exporter = (*view).obj;
        if exporter.is_null() {
            return;
        }
        if let Some(f) = procs(exporter).and_then(|procs| procs.bf_releasebuffer) {
            f(exporter, view);
        }
        (*view).obj = ptr::null_mut();
        super::refcount::Py_DecRef(exporter);
    }
}

/// Fills `view` with plain bytes, for exporters of such. Takes a new reference
/// to `p`, which may be NULL.
///
/// # Safety
/// `view` is writable, `buf` has `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBuffer_FillInfo(
    view: *mut Py_buffer,
    p: *mut PyObject,
    buf: *mut c_void,
    len: Py_ssize_t,
    readonly: c_int,
    flags: c_int,
) -> c_int {
    if view.is_null() {
        return border(|vm| {
            let message = "PyBuffer_FillInfo: view==NULL argument is obsolete";
            Err::<(), _>(vm.new_buffer_error(message))
        });
    }
    if flags == PyBUF_READ || flags == PyBUF_WRITE {
        return border(|vm| Err::<(), _>(bad_internal_call(vm)));
    }
    if flags != PyBUF_SIMPLE && flags & PyBUF_WRITABLE != 0 && readonly == 1 {
        return border(|vm| Err::<(), _>(vm.new_buffer_error("Object is not writable.")));
    }
    // SAFETY: by this function's contract.
    unsafe {
        view.write(Py_buffer {
            buf,
            obj: refcount::xnew_ref(p),
            len,
            itemsize: 1,
            readonly,
            ndim: 1,
            format: if flags & PyBUF_FORMAT != 0 {
                c"B".as_ptr().cast_mut()
            } else {
                ptr::null_mut()
            },
            shape: if flags & PyBUF_ND == PyBUF_ND {
                &raw mut (*view).len
            } else {
                ptr::null_mut()
            },
            strides: if flags & PyBUF_STRIDES == PyBUF_STRIDES {
                &raw mut (*view).itemsize
            } else {
                ptr::null_mut()
            },
            suboffsets: ptr::null_mut(),
            internal: ptr::null_mut(),
        });
    }
    0
}

/// Whether the view is of one element. Exporters also say that there are no
/// dimensions when they were not asked for them.
fn is_scalar(view: &Py_buffer) -> bool {
    view.ndim == 0 && view.len == view.itemsize
}

/// An array of a view, NULL giving `None`.
unsafe fn dimensions<'a>(array: *const Py_ssize_t, ndim: usize) -> Option<&'a [Py_ssize_t]> {
    // SAFETY: the callers have a view that its exporter filled.
    (!array.is_null()).then(|| unsafe { slice::from_raw_parts(array, ndim) })
}

unsafe fn shape_of(view: &Py_buffer) -> Option<&[Py_ssize_t]> {
    // SAFETY: the callers have a view that its exporter filled.
    unsafe { dimensions(view.shape, view.ndim.max(0) as usize) }
}

unsafe fn strides_of(view: &Py_buffer) -> Option<&[Py_ssize_t]> {
    // SAFETY: the callers have a view that its exporter filled.
    unsafe { dimensions(view.strides, view.ndim.max(0) as usize) }
}

/// Whether a dimension of the view is reached through pointers.
unsafe fn is_indirect(view: &Py_buffer) -> bool {
    // SAFETY: the callers have a view that its exporter filled.
    let suboffsets = unsafe { dimensions(view.suboffsets, view.ndim.max(0) as usize) };
    suboffsets.is_some_and(|suboffsets| suboffsets.iter().any(|&offset| offset >= 0))
}

/// Whether strides are those of contiguous memory, looked at from the
/// dimension that varies fastest.
fn is_dense<'a>(
    dimensions: impl Iterator<Item = (&'a Py_ssize_t, &'a Py_ssize_t)>,
    itemsize: Py_ssize_t,
) -> bool {
    let mut expected = itemsize;
    for (&n, &stride) in dimensions {
        if n > 1 && stride != expected {
            return false;
        }
        expected *= n;
    }
    true
}

unsafe fn is_c_contiguous(view: &Py_buffer) -> bool {
    if view.len == 0 {
        return true;
    }
    // SAFETY: the callers have a view that its exporter filled.
    match unsafe { (shape_of(view), strides_of(view)) } {
        (Some(shape), Some(strides)) => is_dense(shape.iter().zip(strides).rev(), view.itemsize),
        _ => true,
    }
}

unsafe fn is_fortran_contiguous(view: &Py_buffer) -> bool {
    if view.len == 0 {
        return true;
    }
    // SAFETY: the callers have a view that its exporter filled.
    match unsafe { (shape_of(view), strides_of(view)) } {
        (Some(shape), Some(strides)) => is_dense(shape.iter().zip(strides), view.itemsize),
        // C-contiguous: both, if at most one dimension matters.
        (Some(shape), None) => shape.iter().filter(|&&n| n > 1).count() <= 1,
        _ => true,
    }
}

/// Whether the view's memory is contiguous in `order`: `C`, `F`, or `A` for
/// either.
///
/// # Safety
/// `view` was filled by an exporter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBuffer_IsContiguous(view: *const Py_buffer, order: c_char) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        let view = &*view;
        if !view.suboffsets.is_null() {
            return 0;
        }
        let contiguous = match order as u8 {
            b'C' => is_c_contiguous(view),
            b'F' => is_fortran_contiguous(view),
            b'A' => is_c_contiguous(view) || is_fortran_contiguous(view),
            _ => false,
        };
        contiguous.into()
    }
}

/// The address of an element.
unsafe fn element(view: &Py_buffer, indices: &[Py_ssize_t]) -> *mut u8 {
    let mut p = view.buf.cast::<u8>();
    // SAFETY: the callers have a view that its exporter filled, and indices
    // within its shape.
    unsafe {
        let strides = match strides_of(view) {
            Some(strides) => Cow::Borrowed(strides),
            None => Cow::Owned(contiguous_strides(
                shape_of(view).unwrap_or(&[]),
                view.itemsize,
                b'C',
            )),
        };
        let suboffsets = dimensions(view.suboffsets, view.ndim.max(0) as usize);
        for (dimension, (&index, &stride)) in indices.iter().zip(&*strides).enumerate() {
            p = p.offset(index * stride);
            if let Some(suboffsets) = suboffsets
                && suboffsets[dimension] >= 0
            {
                p = p
                    .cast::<*mut u8>()
                    .read_unaligned()
                    .offset(suboffsets[dimension]);
            }
        }
    }
    p
}

/// The address of the element at `indices`.
///
/// # Safety
/// `view` was filled with strides; there is an index within the shape for each
/// dimension.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBuffer_GetPointer(
    view: *const Py_buffer,
    indices: *const Py_ssize_t,
) -> *mut c_void {
    // SAFETY: by this function's contract.
    unsafe {
        let view = &*view;
        let indices = dimensions(indices, view.ndim.max(0) as usize).unwrap_or(&[]);
        element(view, indices).cast()
    }
}

/// The strides of contiguous memory of this shape.
fn contiguous_strides(shape: &[Py_ssize_t], itemsize: Py_ssize_t, order: u8) -> Vec<Py_ssize_t> {
    let mut strides = vec![0; shape.len()];
    let mut stride = itemsize;
    let mut fill = |i: usize| {
        strides[i] = stride;
        stride = stride.wrapping_mul(shape[i]);
    };
    if order == b'F' {
        (0..shape.len()).for_each(&mut fill);
    } else {
        (0..shape.len()).rev().for_each(&mut fill);
    }
    strides
}

/// Fills `strides` with those of contiguous memory, in Fortran's order for
/// `F`, otherwise in C's.
///
/// # Safety
/// Both arrays have `ndim` entries.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBuffer_FillContiguousStrides(
    ndim: c_int,
    shape: *mut Py_ssize_t,
    strides: *mut Py_ssize_t,
    itemsize: c_int,
    order: c_char,
) {
    let ndim = ndim.max(0) as usize;
    // SAFETY: by this function's contract.
    unsafe {
        let Some(shape) = dimensions(shape, ndim) else {
            return;
        };
        let filled = contiguous_strides(shape, itemsize as Py_ssize_t, order as u8);
        ptr::copy_nonoverlapping(filled.as_ptr(), strides, ndim);
    }
}

/// The next element's indices, in C's or Fortran's order. Wraps to the first.
fn advance(indices: &mut [Py_ssize_t], shape: &[Py_ssize_t], order: u8) {
    let mut step = |i: usize| {
        indices[i] += 1;
        let wrapped = indices[i] >= shape[i];
        if wrapped {
            indices[i] = 0;
        }
        !wrapped
    };
    if order == b'F' {
        (0..shape.len()).any(&mut step);
    } else {
        (0..shape.len()).rev().any(&mut step);
    }
}

/// Calls `f` with the address of each of the first `count` elements.
unsafe fn each_element(view: &Py_buffer, count: usize, order: u8, mut f: impl FnMut(*mut u8)) {
    // SAFETY: the callers have a view that its exporter filled.
    unsafe {
        let whole = [view.len.checked_div(view.itemsize).unwrap_or(0)];
        let shape = shape_of(view).unwrap_or(if is_scalar(view) { &[] } else { &whole });
        let mut indices = vec![0; shape.len()];
        for _ in 0..count {
            f(element(view, &indices));
            advance(&mut indices, shape, order);
        }
    }
}

/// Copies the elements of a view into contiguous memory.
unsafe fn copy_out(view: &Py_buffer, to: &mut [u8], order: u8) {
    let itemsize = view.itemsize.max(1) as usize;
    let mut chunks = to.chunks_exact_mut(itemsize);
    let count = chunks.len();
    // SAFETY: the callers have a view that its exporter filled.
    unsafe {
        each_element(view, count, order, |p| {
            if let Some(chunk) = chunks.next() {
                ptr::copy_nonoverlapping(p, chunk.as_mut_ptr(), itemsize);
            }
        });
    }
}

/// Copies `len` bytes in the given order into a view.
///
/// # Safety
/// `view` is writable, `buf` has `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBuffer_FromContiguous(
    view: *const Py_buffer,
    buf: *const c_void,
    len: Py_ssize_t,
    order: c_char,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        let len = len.min((*view).len).max(0) as usize;
        if PyBuffer_IsContiguous(view, order) != 0 {
            ptr::copy_nonoverlapping(buf.cast::<u8>(), (*view).buf.cast(), len);
            return 0;
        }
        let itemsize = (*view).itemsize.max(1) as usize;
        let mut from = buf.cast::<u8>();
        each_element(&*view, len / itemsize, order as u8, |p| {
            ptr::copy_nonoverlapping(from, p, itemsize);
            from = from.add(itemsize);
        });
    }
    0
}

/// Copies a view into `len` bytes of contiguous memory, in the given order.
/// `len` must be the view's: otherwise a `ValueError`.
///
/// # Safety
/// `buf` has `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBuffer_ToContiguous(
    buf: *mut c_void,
    view: *const Py_buffer,
    len: Py_ssize_t,
    order: c_char,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        let view = &*view;
        if len != view.len {
            return border(|vm| {
                let message = "PyBuffer_ToContiguous: len != view->len";
                Err::<(), _>(vm.new_value_error(message))
            });
        }
        if PyBuffer_IsContiguous(view, order) != 0 {
            ptr::copy_nonoverlapping(view.buf.cast::<u8>(), buf.cast(), len as usize);
        } else if len > 0 {
            copy_out(
                view,
                slice::from_raw_parts_mut(buf.cast(), len as usize),
                order as u8,
            );
        }
    }
    0
}

/// `struct.calcsize(format)`; -1 on error.
///
/// # Safety
/// `format` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyBuffer_SizeFromFormat(format: *const c_char) -> Py_ssize_t {
    border(|vm| {
        // SAFETY: by this function's contract.
        let format = vm.ctx.new_str(unsafe { super::text(vm, format) }?);
        python(|| {
            let calcsize = vm.import("struct", 0)?.get_attr("calcsize", vm)?;
            calcsize.call((format,), vm)?.try_to_value::<isize>(vm)
        })
    })
}

/// A view that is released when it goes.
struct View(Py_buffer);

impl View {
    /// The buffer of `p`; `None` with an exception.
    unsafe fn new(p: *mut PyObject, flags: c_int) -> Option<Box<Self>> {
        // In a box, as `PyBuffer_FillInfo` lets the view point into itself.
        let mut view = Box::new(Self(Py_buffer::ZERO));
        // SAFETY: the callers have a live object.
        (unsafe { PyObject_GetBuffer(p, &mut view.0, flags) } == 0).then_some(view)
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: the view is filled, or zero.
        unsafe { PyBuffer_Release(&mut self.0) };
    }
}

/// Copies the bytes of one buffer into another, element by element where they
/// are laid out differently.
///
/// # Safety
/// As for [`PyObject_CheckBuffer`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_CopyData(dest: *mut PyObject, src: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if PyObject_CheckBuffer(dest) == 0 || PyObject_CheckBuffer(src) == 0 {
            return border(|vm| {
                let message = "both destination and source must be bytes-like objects";
                Err::<(), _>(vm.new_type_error(message))
            });
        }
        let Some(to) = View::new(dest, PyBUF_FULL) else {
            return -1;
        };
        let Some(from) = View::new(src, PyBUF_FULL_RO) else {
            return -1;
        };
        if to.0.len < from.0.len {
            return border(|vm| {
                let message = "destination is too small to receive data from source";
                Err::<(), _>(vm.new_buffer_error(message))
            });
        }
        let len = from.0.len.max(0) as usize;
        let mut bytes = vec![0u8; len];
        copy_out(&from.0, &mut bytes, b'C');
        PyBuffer_FromContiguous(
            &to.0,
            bytes.as_ptr().cast(),
            len as Py_ssize_t,
            b'C' as c_char,
        )
    }
}

/// The address and length of a buffer that is given back at once, as the old
/// functions do.
unsafe fn peek(
    p: *mut PyObject,
    flags: c_int,
    buf: *mut *mut c_void,
    len: *mut Py_ssize_t,
) -> c_int {
    if p.is_null() || buf.is_null() || len.is_null() {
        return border(|vm| Err::<(), _>(super::null_argument(vm)));
    }
    // SAFETY: the exported functions pass on their contract.
    unsafe {
        let Some(view) = View::new(p, flags) else {
            return -1;
        };
        *buf = view.0.buf;
        *len = view.0.len;
    }
    0
}

/// The bytes of `p`, borrowed, in the way of Python 2.
///
/// # Safety
/// `buf` and `len` are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_AsCharBuffer(
    p: *mut PyObject,
    buf: *mut *const c_char,
    len: *mut Py_ssize_t,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { peek(p, PyBUF_SIMPLE, buf.cast(), len) }
}

/// The bytes of `p`, borrowed, in the way of Python 2.
///
/// # Safety
/// `buf` and `len` are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_AsReadBuffer(
    p: *mut PyObject,
    buf: *mut *const c_void,
    len: *mut Py_ssize_t,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { peek(p, PyBUF_SIMPLE, buf.cast(), len) }
}

/// The writable bytes of `p`, borrowed, in the way of Python 2.
///
/// # Safety
/// `buf` and `len` are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_AsWriteBuffer(
    p: *mut PyObject,
    buf: *mut *mut c_void,
    len: *mut Py_ssize_t,
) -> c_int {
    // SAFETY: by this function's contract.
    unsafe { peek(p, PyBUF_WRITABLE, buf, len) }
}

/// Whether `p` has a contiguous buffer, in the way of Python 2. No exception.
///
/// # Safety
/// As for [`PyObject_CheckBuffer`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyObject_CheckReadBuffer(p: *mut PyObject) -> c_int {
    // SAFETY: by this function's contract.
    unsafe {
        if PyObject_CheckBuffer(p) == 0 {
            return 0;
        }
        match View::new(p, PyBUF_SIMPLE) {
            Some(_) => 1,
            None => {
                error::replace(ptr::null_mut());
                0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desc(itemsize: usize, dimensions: &[(usize, isize)]) -> BufferDescriptor {
        BufferDescriptor {
            len: dimensions.iter().map(|d| d.0).product::<usize>() * itemsize,
            offset: 0,
            readonly: true,
            itemsize,
            format: Cow::Borrowed("B"),
            dim_desc: dimensions.iter().map(|d| (d.0, d.1, 0)).collect(),
        }
    }

    #[test]
    fn extents_reach_both_ways() {
        assert_eq!(extent(&desc(4, &[(3, 4)])), (0, 12));
        assert_eq!(extent(&desc(4, &[(3, -4)])), (-8, 12));
        assert_eq!(extent(&desc(2, &[(2, -8), (3, 2)])), (-8, 14));
        assert_eq!(extent(&desc(8, &[])), (0, 8));
        assert_eq!(extent(&desc(8, &[(0, 8)])), (0, 0));
    }

    #[test]
    fn strides_follow_the_order() {
        assert_eq!(contiguous_strides(&[2, 3, 4], 8, b'C'), [96, 32, 8]);
        assert_eq!(contiguous_strides(&[2, 3, 4], 8, b'F'), [8, 16, 48]);
        assert!(contiguous_strides(&[], 8, b'C').is_empty());
    }

    #[test]
    fn elements_are_copied_in_either_order() {
        let data: Vec<u8> = (0..6).collect();
        let (mut shape, mut strides) = ([2, 3], [3, 1]);
        let view = Py_buffer {
            buf: data.as_ptr().cast_mut().cast(),
            len: 6,
            itemsize: 1,
            ndim: 2,
            shape: shape.as_mut_ptr(),
            strides: strides.as_mut_ptr(),
            ..Py_buffer::ZERO
        };
        // SAFETY: the view describes `data`.
        unsafe {
            assert!(is_c_contiguous(&view) && !is_fortran_contiguous(&view));
            let mut copy = [0; 6];
            copy_out(&view, &mut copy, b'F');
            assert_eq!(copy, [0, 3, 1, 4, 2, 5]);
            copy_out(&view, &mut copy, b'C');
            assert_eq!(copy, *data);
        }
    }

    #[test]
    fn texts_are_used_again() {
        let import = || Import {
            view: Box::new(Py_buffer::ZERO),
            format: None,
            start: ptr::null_mut(),
            span: 0,
            _copy: None,
        };
        let mut imports = Imports::default();
        let (a, b) = (imports.add("", import()), imports.add("", import()));
        assert_ne!(a.as_ptr(), b.as_ptr());
        assert!(imports.remove(a).is_some() && imports.remove(a).is_none());
        assert_eq!(imports.add("", import()).as_ptr(), a.as_ptr());
        assert_eq!(imports.add("d", import()), "d");
    }
}
