//! `ceval.h` and `cpython/ceval.h`, without what is about the GIL: that is in `pystate`.

use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};
use std::fs::File;
use std::io::Write;
use std::ptr;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustpython_vm::builtins::{PyCode, PyStr, PyTuple};
use rustpython_vm::exceptions::ExceptionCtor;
use rustpython_vm::frame::FrameObject;
use rustpython_vm::function::{FuncArgs, KwArgs};
use rustpython_vm::signal::{UserSignalReceiver, UserSignalSender, user_signal_channel};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, TryFromObject, VirtualMachine};

use super::{Nothing, border, lend, null_argument, object, optional, python};
use crate::layout::{
    Py_ssize_t, Py_tracefunc, PyCF_MASK, PyCompilerFlags, PyFrameObject, PyObject, PyTrace_C_CALL,
    PyTrace_C_EXCEPTION, PyTrace_C_RETURN, PyTrace_CALL, PyTrace_EXCEPTION, PyTrace_LINE,
    PyTrace_OPCODE, PyTrace_RETURN,
};
use crate::proxy::{c_of, mirror};
use crate::refcount;
use crate::thread::{self, error};

/// A call that `Py_AddPendingCall` asked for.
struct Pending {
    call: unsafe extern "C" fn(*mut c_void) -> c_int,
    arg: usize,
}

/// CPython's limit for the main thread.
const MOST_PENDING: usize = 300;

static PENDING: Mutex<VecDeque<Pending>> = Mutex::new(VecDeque::new());
static ASYNC_EXCEPTION: Mutex<Option<PyObjectRef>> = Mutex::new(None);
/// Has the main thread do something between two bytecodes.
static MAIN_THREAD: OnceLock<Mutex<UserSignalSender>> = OnceLock::new();

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The channel on which the main thread is told of pending calls: for
/// [`VirtualMachine::set_user_signal_channel`]. `None` when there is one already.
pub fn signal_channel() -> Option<UserSignalReceiver> {
    let (sender, receiver) = user_signal_channel();
    MAIN_THREAD.set(Mutex::new(sender)).ok()?;
    Some(receiver)
}

fn tell_main_thread(f: impl FnOnce(&VirtualMachine) -> PyResult<()> + Send + 'static) {
    if let Some(sender) = MAIN_THREAD.get() {
        // An embedder that has a channel of its own loses nothing but promptness:
        // pending calls then wait for `Py_MakePendingCalls`.
        let _ = lock(sender).send(Box::new(f));
    }
}

/// Runs the pending calls; the lock is held.
fn run_pending(vm: &VirtualMachine) -> PyResult<()> {
    loop {
        let Some(Pending { call, arg }) = lock(&PENDING).pop_front() else {
            return Ok(());
        };
        // SAFETY: who added the call vouches for it.
        let status = thread::state::call_c(|| unsafe { call(arg as *mut c_void) });
        if status != 0 {
            return Err(error::take(vm).unwrap_or_else(|| {
                vm.new_system_error("a pending call failed without raising an exception")
            }));
        }
    }
}

/// Has the main thread call `func(arg)` soon, with the GIL. 0, or -1 if too many calls wait. Needs no GIL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_AddPendingCall(
    func: unsafe extern "C" fn(*mut c_void) -> c_int,
    arg: *mut c_void,
) -> c_int {
    {
        let mut pending = lock(&PENDING);
        if pending.len() >= MOST_PENDING {
            return -1;
        }
        pending.push_back(Pending {
            call: func,
            arg: arg as usize,
        });
    }
    tell_main_thread(|vm| {
        let _held = thread::enter(vm);
        mirror::before_c(vm);
        let result = run_pending(vm);
        mirror::before_vm(vm);
        result
    });
    0
}

/// Runs the handlers of signals and the pending calls. 0, or -1 with an exception.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_MakePendingCalls() -> c_int {
    border(|vm| {
        python(|| vm.check_signals())?;
        run_pending(vm)
    })
}

/// Raises `exc` in the main thread if that is the thread `id`; `None` takes it back. How many threads were found.
pub fn raise_in_main_thread(id: c_ulong, exc: Option<PyObjectRef>) -> c_int {
    let vm = thread::current_vm();
    let main = python(|| {
        let module = vm.import("_thread", 0).ok()?;
        let ident = vm.call_method(&module, "_get_main_thread_ident", ()).ok()?;
        u64::try_from_object(vm, ident).ok()
    });
    if main != Some(id) {
        return 0;
    }
    let raises = exc.is_some();
    *lock(&ASYNC_EXCEPTION) = exc;
    if raises {
        tell_main_thread(|vm| match lock(&ASYNC_EXCEPTION).take() {
            None => Ok(()),
            Some(exc) => Err(ExceptionCtor::try_from_object(vm, exc)?.instantiate(vm)?),
        });
    }
    1
}

/// `sys.getrecursionlimit()`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_GetRecursionLimit() -> c_int {
    border(|vm| Ok(vm.recursion_limit.get() as c_int))
}

/// `sys.setrecursionlimit(limit)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Py_SetRecursionLimit(limit: c_int) {
    border(|vm| {
        vm.recursion_limit.set(limit.max(1) as usize);
        Ok(Nothing)
    });
}

/// The builtins of the frame that runs. Borrowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_GetBuiltins() -> *mut PyObject {
    border(|vm| Ok(lend(vm, &builtins(vm))))
}

fn builtins(vm: &VirtualMachine) -> PyObjectRef {
    rustpython_vm::frame::current_builtins().unwrap_or_else(|| vm.builtins.dict().into())
}

/// The globals of the frame that runs. Borrowed; NULL without an exception if no Python code runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_GetGlobals() -> *mut PyObject {
    border(|vm| {
        Ok(rustpython_vm::frame::current_globals()
            .map_or(ptr::null_mut(), |globals| lend(vm, globals.as_object())))
    })
}

fn locals(vm: &VirtualMachine) -> PyResult {
    let Some(frame) = vm.current_frame() else {
        return Err(vm.new_system_error("frame does not exist"));
    };
    python(|| frame.f_locals(vm))
}

/// The locals of the frame that runs. Borrowed; `SystemError` if no Python code runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_GetLocals() -> *mut PyObject {
    border(|vm| {
        let locals = locals(vm)?;
        Ok(lend(vm, &locals))
    })
}

/// As `PyEval_GetBuiltins`. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_GetFrameBuiltins() -> *mut PyObject {
    border(|vm| Ok(builtins(vm)))
}

/// As `PyEval_GetGlobals`. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_GetFrameGlobals() -> *mut PyObject {
    border(|_| Ok(rustpython_vm::frame::current_globals().map(PyObjectRef::from)))
}

/// As `PyEval_GetLocals`, a snapshot. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_GetFrameLocals() -> *mut PyObject {
    border(locals)
}

/// Runs a code object. New reference. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_EvalCode(
    code: *mut PyObject,
    globals: *mut PyObject,
    locals: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the caller passes live objects; the locals may be NULL.
    border(|vm| unsafe {
        if globals.is_null() {
            return Err(vm.new_system_error("PyEval_EvalCodeEx: NULL globals"));
        }
        let (code, globals) = (object(vm, code)?, object(vm, globals)?);
        let locals = optional(vm, locals).unwrap_or_else(|| globals.clone());
        evaluate(vm, code, globals, locals)
    })
}

/// Runs a code object, or source in eval mode.
pub fn evaluate(
    vm: &VirtualMachine,
    code: PyObjectRef,
    globals: PyObjectRef,
    locals: PyObjectRef,
) -> PyResult {
    if !globals.fast_isinstance(vm.ctx.types.dict_type) {
        return Err(super::bad_internal_call(vm));
    }
    python(|| {
        let eval = vm.builtins.get_attr("eval", vm)?;
        eval.call((code, globals, locals), vm)
    })
}

/// The VM objects of `n` arguments.
///
/// # Safety
/// `args` are `n` live objects; the lock is held.
unsafe fn objects(
    vm: &VirtualMachine,
    args: *const *mut PyObject,
    n: c_int,
) -> PyResult<Vec<PyObjectRef>> {
    let n = usize::try_from(n).unwrap_or(0);
    // SAFETY: by this function's contract.
    (0..n)
        .map(|i| unsafe { object(vm, *args.add(i)) })
        .collect()
}

/// Runs a code object as a function would be. New reference. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_EvalCodeEx(
    code: *mut PyObject,
    globals: *mut PyObject,
    locals: *mut PyObject,
    args: *const *mut PyObject,
    argc: c_int,
    kws: *const *mut PyObject,
    kwc: c_int,
    defs: *const *mut PyObject,
    defc: c_int,
    kwdefs: *mut PyObject,
    closure: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the caller passes live objects and as many of each as it says.
    border(|vm| unsafe {
        if globals.is_null() {
            return Err(vm.new_system_error("PyEval_EvalCodeEx: NULL globals"));
        }
        let (code, globals) = (object(vm, code)?, object(vm, globals)?);
        let is_dict = |v: &PyObjectRef| v.fast_isinstance(vm.ctx.types.dict_type);
        if !is_dict(&globals) || optional(vm, kwdefs).is_some_and(|kwdefs| !is_dict(&kwdefs)) {
            return Err(super::bad_internal_call(vm));
        }
        let is_function = code
            .downcast_ref::<PyCode>()
            .is_some_and(|code| code.flags.bits() & 1 != 0);
        if let Some(locals) = optional(vm, locals)
            && !is_function
        {
            return evaluate(vm, code, globals, locals);
        }
        let args = objects(vm, args, argc)?;
        let mut keywords = Vec::new();
        for pair in objects(vm, kws, kwc * 2)?.chunks(2) {
            let Some(name) = pair[0].downcast_ref::<PyStr>() else {
                return Err(vm.new_type_error("keywords must be strings"));
            };
            keywords.push((
                name.as_wtf8().to_string_lossy().into_owned(),
                pair[1].clone(),
            ));
        }
        let defaults = vm.ctx.new_tuple(objects(vm, defs, defc)?);
        let kwdefs = optional(vm, kwdefs);
        let closure = optional(vm, closure).unwrap_or_else(|| vm.ctx.none());
        python(|| {
            let class = vm.ctx.types.function_type.as_object();
            let name = code.get_attr("co_name", vm)?;
            let function = class.call((code, globals, name, defaults, closure), vm)?;
            if let Some(kwdefs) = kwdefs {
                function.set_attr("__kwdefaults__", kwdefs, vm)?;
            }
            let keywords: KwArgs = keywords.into_iter().collect();
            function.call(FuncArgs::new(args, keywords), vm)
        })
    })
}

/// Runs a frame that has not run. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_EvalFrame(frame: *mut PyFrameObject) -> *mut PyObject {
    // SAFETY: the same contract.
    unsafe { PyEval_EvalFrameEx(frame, 0) }
}

/// Runs a frame that has not run; with `exc`, the exception that is set is raised in it at once. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_EvalFrameEx(
    frame: *mut PyFrameObject,
    exc: c_int,
) -> *mut PyObject {
    border(|vm| {
        if exc != 0 {
            return Err(null_argument(vm));
        }
        // SAFETY: the caller passes a live frame.
        let frame = unsafe { object(vm, frame) }?
            .downcast::<FrameObject>()
            .map_err(|_| super::bad_internal_call(vm))?;
        python(|| vm.run_frame(frame))
    })
}

/// The name of a function, method or class of `func`, UTF-8; lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_GetFuncName(func: *mut PyObject) -> *const c_char {
    border(|vm| {
        // SAFETY: the caller passes a live object.
        let v = unsafe { object(vm, func) }?;
        if is_function(vm, &v) {
            let name = python(|| v.get_attr("__name__", vm)?.str_utf8(vm))?;
            return Ok(crate::proxy::arena::immortal_c_string(name.as_str()));
        }
        // SAFETY: as above; a type outlives its instances.
        Ok(unsafe { (*(*func).ob_type).tp_name })
    })
}

fn is_function(vm: &VirtualMachine, v: &PyObjectRef) -> bool {
    let types = &vm.ctx.types;
    [
        types.function_type,
        types.bound_method_type,
        types.builtin_function_or_method_type,
    ]
    .iter()
    .any(|class| v.fast_isinstance(class))
}

/// What follows the name in a message: "()" for functions, " object" for others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_GetFuncDesc(func: *mut PyObject) -> *const c_char {
    border(|vm| {
        // SAFETY: the caller passes a live object.
        let v = unsafe { object(vm, func) }?;
        Ok(match is_function(vm, &v) {
            true => c"()".as_ptr(),
            false => c" object".as_ptr(),
        })
    })
}

/// Calls `func`; `args` is a tuple or NULL, `kwargs` a dict or NULL. New reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_CallObjectWithKeywords(
    func: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the caller passes live objects or NULLs.
    border(|vm| unsafe {
        let func = object(vm, func)?;
        let mut call = FuncArgs::default();
        if let Some(args) = optional(vm, args) {
            let args = args
                .downcast::<PyTuple>()
                .map_err(|_| vm.new_type_error("argument list must be a tuple"))?;
            call.args = args.as_slice().to_vec();
        }
        if let Some(kwargs) = optional(vm, kwargs) {
            let kwargs = kwargs
                .downcast::<rustpython_vm::builtins::PyDict>()
                .map_err(|_| vm.new_type_error("keyword list must be a dictionary"))?;
            for (key, value) in &kwargs {
                let Some(name) = key.downcast_ref::<PyStr>() else {
                    return Err(vm.new_type_error("keywords must be strings"));
                };
                call.kwargs.insert(name.as_wtf8().to_owned(), value);
            }
        }
        python(|| func.call(call, vm))
    })
}

/// `*pi` is what the slice index `v` says, clamped; `None` leaves it. 1, or 0 with a `TypeError`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _PyEval_SliceIndex(v: *mut PyObject, pi: *mut Py_ssize_t) -> c_int {
    let status = border(|vm| {
        // SAFETY: the caller passes NULL or a live object, and its variable.
        let Some(v) = (unsafe { optional(vm, v) }).filter(|v| !vm.is_none(v)) else {
            return Ok(());
        };
        let Some(index) = python(|| v.try_index_opt(vm)) else {
            return Err(vm.new_type_error(
                "slice indices must be integers or None or have an __index__ method",
            ));
        };
        let index = index?;
        let value = index.as_bigint();
        let clamped = match (Py_ssize_t::try_from(value), value.sign()) {
            (Ok(value), _) => value,
            (Err(_), malachite_bigint::Sign::Minus) => Py_ssize_t::MIN,
            (Err(_), _) => Py_ssize_t::MAX,
        };
        // SAFETY: as above.
        unsafe { *pi = clamped };
        Ok(())
    });
    c_int::from(status == 0)
}

/// Adds the future features of the code that runs to `*cf`. Whether any flag is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_MergeCompilerFlags(cf: *mut PyCompilerFlags) -> c_int {
    border(|_| {
        // SAFETY: the caller's struct.
        unsafe {
            if let Some(code) = rustpython_vm::frame::current_code() {
                (*cf).cf_flags |= code.flags.bits() as c_int & PyCF_MASK;
            }
            Ok((*cf).cf_flags != 0)
        }
    })
}

/// The number of a trace event.
fn event_number(name: &str) -> Option<c_int> {
    Some(match name {
        "call" => PyTrace_CALL,
        "exception" => PyTrace_EXCEPTION,
        "line" => PyTrace_LINE,
        "return" => PyTrace_RETURN,
        "c_call" => PyTrace_C_CALL,
        "c_exception" => PyTrace_C_EXCEPTION,
        "c_return" => PyTrace_C_RETURN,
        "opcode" => PyTrace_OPCODE,
        _ => return None,
    })
}

/// Calls the C function `func` for a trace event.
fn trace(
    vm: &VirtualMachine,
    func: Py_tracefunc,
    obj: &Option<PyObjectRef>,
    frame: &PyObjectRef,
    event: &PyObjectRef,
    arg: &PyObjectRef,
) -> PyResult<()> {
    let event = event.str_utf8(vm)?;
    let Some(number) = event_number(event.as_str()) else {
        return Ok(());
    };
    let _held = thread::enter(vm);
    mirror::before_c(vm);
    let obj = obj.as_ref().map_or(ptr::null_mut(), |obj| c_of(vm, obj));
    let (frame, arg) = (c_of(vm, frame), c_of(vm, arg));
    // SAFETY: who set the function vouches for it; the references are ours.
    let result = unsafe {
        let status = thread::state::call_c(|| func(obj, frame.cast(), number, arg));
        refcount::xdecref(obj);
        refcount::decref(frame);
        refcount::decref(arg);
        match status {
            0 => Ok(()),
            _ => Err(error::failure(vm, &|| "a trace function".to_owned())),
        }
    };
    mirror::before_vm(vm);
    result
}

/// Has the VM call `func`, through the function of `sys` called `setter`.
unsafe fn set_trace(setter: &'static str, func: Option<Py_tracefunc>, obj: *mut PyObject) {
    border(|vm| {
        // SAFETY: by the callers' contract.
        let obj = unsafe { optional(vm, obj) };
        let hook: PyObjectRef = match func {
            None => vm.ctx.none(),
            Some(func) => {
                let keep_tracing = setter.contains("trace");
                vm.new_function(
                    "trace",
                    move |frame: PyObjectRef,
                          event: PyObjectRef,
                          arg: PyObjectRef,
                          vm: &VirtualMachine|
                          -> PyResult {
                        trace(vm, func, &obj, &frame, &event, &arg)?;
                        if !keep_tracing {
                            return Ok(vm.ctx.none());
                        }
                        // What a call event returns traces the lines of the call.
                        vm.call_method(vm.sys_module.as_object(), "gettrace", ())
                    },
                )
                .into()
            }
        };
        python(|| vm.call_method(vm.sys_module.as_object(), setter, (hook,)))?;
        Ok(Nothing)
    });
}

/// Has `func(obj, …)` called for the calls of this thread; NULL ends that. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_SetProfile(func: Option<Py_tracefunc>, obj: *mut PyObject) {
    // SAFETY: the same contract.
    unsafe { set_trace("setprofile", func, obj) };
}

/// As `PyEval_SetProfile`, for all threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_SetProfileAllThreads(
    func: Option<Py_tracefunc>,
    obj: *mut PyObject,
) {
    // SAFETY: the same contract.
    unsafe { set_trace("_setprofileallthreads", func, obj) };
}

/// Has `func(obj, …)` called for the lines of this thread; NULL ends that. Steals nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_SetTrace(func: Option<Py_tracefunc>, obj: *mut PyObject) {
    // SAFETY: the same contract.
    unsafe { set_trace("settrace", func, obj) };
}

/// As `PyEval_SetTrace`, for all threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyEval_SetTraceAllThreads(func: Option<Py_tracefunc>, obj: *mut PyObject) {
    // SAFETY: the same contract.
    unsafe { set_trace("_settraceallthreads", func, obj) };
}

static PERF_MAP: Mutex<Option<File>> = Mutex::new(None);

fn open_perf_map(slot: &mut Option<File>) -> std::io::Result<&mut File> {
    if slot.is_none() {
        let path = format!("/tmp/perf-{}.map", std::process::id());
        *slot = Some(File::options().append(true).create(true).open(path)?);
    }
    slot.as_mut()
        .ok_or_else(|| std::io::ErrorKind::NotFound.into())
}

/// Opens the file that tells `perf` of generated code. 0, or -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_PerfMapState_Init() -> c_int {
    match open_perf_map(&mut lock(&PERF_MAP)) {
        Ok(_) => 0,
        Err(_) => -1,
    }
}

/// Closes that file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_PerfMapState_Fini() {
    *lock(&PERF_MAP) = None;
}

/// Adds an entry to that file. 0, or -1 if it cannot be opened.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_WritePerfMapEntry(
    code_addr: *const c_void,
    code_size: c_uint,
    entry_name: *const c_char,
) -> c_int {
    // SAFETY: the caller passes a NUL-terminated string.
    let name = unsafe { CStr::from_ptr(entry_name) }.to_string_lossy();
    let mut slot = lock(&PERF_MAP);
    let Ok(file) = open_perf_map(&mut slot) else {
        return -1;
    };
    match writeln!(file, "{:x} {code_size:x} {name}", code_addr as usize) {
        Ok(()) => 0,
        Err(_) => -1,
    }
}

/// Adds the entries of another process's file. 0, or -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyUnstable_CopyPerfMapFile(parent_filename: *const c_char) -> c_int {
    use std::os::unix::ffi::OsStrExt;
    // SAFETY: the caller passes a NUL-terminated string.
    let name = unsafe { CStr::from_ptr(parent_filename) };
    let copy = || -> std::io::Result<()> {
        let mut from = File::open(std::ffi::OsStr::from_bytes(name.to_bytes()))?;
        std::io::copy(&mut from, open_perf_map(&mut lock(&PERF_MAP))?)?;
        Ok(())
    };
    match copy() {
        Ok(()) => 0,
        Err(_) => -1,
    }
}

// skipped: PyUnstable_PerfTrampoline_CompileCode, PyUnstable_PerfTrampoline_SetPersistAfterFork: there are no trampolines
