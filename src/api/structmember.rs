//! `structmember.h`: reading and writing the fields of C structs.

use std::ffi::{c_char, c_int, c_long, c_short, c_uint, c_ulong, c_ushort};
use std::ptr;

use malachite_bigint::BigInt;
use rustpython_vm::builtins::PyInt;
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

use super::{border, object, python, text};
use crate::layout::*;
use crate::proxy::mirror::{floatobject, longobject, unicodeobject};
use crate::types::statics;
use crate::{proxy, refcount};

/// The value of the field `def` of the struct at `obj_addr`: new.
///
/// # Safety
/// The struct has that field.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMember_GetOne(
    obj_addr: *const c_char,
    def: *mut PyMemberDef,
) -> *mut PyObject {
    // SAFETY: by this function's contract.
    border(|vm| unsafe { get(vm, obj_addr, &*def) })
}

/// Sets the field `def` of the struct at `obj_addr`, or deletes it when `v`
/// is NULL. `v` stays the caller's.
///
/// # Safety
/// The struct has that field; `v` is NULL or a live object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyMember_SetOne(
    obj_addr: *mut c_char,
    def: *mut PyMemberDef,
    v: *mut PyObject,
) -> c_int {
    // SAFETY: by this function's contract.
    border(|vm| unsafe { set(vm, obj_addr, &*def, v) })
}

unsafe fn bad_type(
    vm: &VirtualMachine,
    def: &PyMemberDef,
) -> rustpython_vm::builtins::PyBaseExceptionRef {
    // SAFETY: the definition's own name.
    let name = unsafe { crate::types::function::text(def.name) };
    vm.new_system_error(format!("bad memberdescr type for {name}"))
}

unsafe fn get(
    vm: &VirtualMachine,
    obj_addr: *const c_char,
    def: &PyMemberDef,
) -> PyResult<*mut PyObject> {
    if def.flags & Py_RELATIVE_OFFSET != 0 {
        return Err(vm.new_system_error("PyMember_GetOne used with Py_RELATIVE_OFFSET"));
    }
    // SAFETY: the field is where the definition says, and of that type.
    unsafe {
        let addr = obj_addr.offset(def.offset);
        macro_rules! int {
            ($t:ty) => {
                longobject::from_i64(i64::from(addr.cast::<$t>().read_unaligned()))
            };
        }
        macro_rules! unsigned {
            ($t:ty) => {
                longobject::from_u64(u64::from(addr.cast::<$t>().read_unaligned()))
            };
        }
        Ok(match def.type_ {
            Py_T_BOOL => statics::bool(*addr != 0),
            Py_T_BYTE => int!(i8),
            Py_T_UBYTE => unsigned!(u8),
            Py_T_SHORT => int!(c_short),
            Py_T_USHORT => unsigned!(c_ushort),
            Py_T_INT => int!(c_int),
            Py_T_UINT => unsigned!(c_uint),
            Py_T_LONG | Py_T_LONGLONG => int!(c_long),
            Py_T_ULONG | Py_T_ULONGLONG => unsigned!(c_ulong),
            Py_T_PYSSIZET => longobject::from_i64(addr.cast::<isize>().read_unaligned() as i64),
            Py_T_FLOAT => floatobject::new(
                statics::float_type(),
                f64::from(addr.cast::<f32>().read_unaligned()),
            ),
            Py_T_DOUBLE => {
                floatobject::new(statics::float_type(), addr.cast::<f64>().read_unaligned())
            }
            Py_T_STRING => match addr.cast::<*const c_char>().read_unaligned() {
                s if s.is_null() => statics::none(),
                s => unicodeobject::from_str(text(vm, s)?),
            },
            Py_T_STRING_INPLACE => unicodeobject::from_str(text(vm, addr)?),
            Py_T_CHAR => {
                let bytes = [*addr, 0];
                match bytes[0] {
                    0 => unicodeobject::latin1(0),
                    _ => unicodeobject::from_str(text(vm, bytes.as_ptr())?),
                }
            }
            _Py_T_OBJECT => match addr.cast::<*mut PyObject>().read_unaligned() {
                p if p.is_null() => statics::none(),
                p => refcount::xnew_ref(p),
            },
            Py_T_OBJECT_EX => {
                let p = addr.cast::<*mut PyObject>().read_unaligned();
                if p.is_null() {
                    let ty = (*obj_addr.cast::<PyObject>()).ob_type;
                    return Err(vm.new_attribute_error(format!(
                        "'{}' object has no attribute '{}'",
                        crate::types::function::text((*ty).tp_name),
                        crate::types::function::text(def.name)
                    )));
                }
                refcount::xnew_ref(p)
            }
            _Py_T_NONE => statics::none(),
            _ => return Err(bad_type(vm, def)),
        })
    }
}

/// The value of the field `def` of the object `p`, for the VM: without a C object
/// in between, where there need not be one.
///
/// # Safety
/// The live `p` has that field; the lock is held.
#[inline]
pub unsafe fn value(vm: &VirtualMachine, p: *mut PyObject, def: &PyMemberDef) -> PyResult {
    if def.flags & Py_RELATIVE_OFFSET == 0 {
        // SAFETY: the field is where the definition says, and of that type.
        unsafe {
            let addr = p.cast::<u8>().offset(def.offset);
            match def.type_ {
                _Py_T_OBJECT | Py_T_OBJECT_EX => {
                    let item = addr.cast::<*mut PyObject>().read_unaligned();
                    if !item.is_null() {
                        return Ok(proxy::vm_of(vm, item));
                    }
                }
                Py_T_INT => {
                    let n = addr.cast::<c_int>().read_unaligned();
                    return Ok(vm.ctx.new_int(n).into());
                }
                Py_T_LONG | Py_T_LONGLONG | Py_T_PYSSIZET => {
                    let n = addr.cast::<c_long>().read_unaligned();
                    return Ok(vm.ctx.new_int(n).into());
                }
                Py_T_DOUBLE => {
                    let n = addr.cast::<f64>().read_unaligned();
                    return Ok(vm.ctx.new_float(n).into());
                }
                _ => {}
            }
        }
    }
    // SAFETY: by this function's contract.
    unsafe { get(vm, p.cast(), def).map(|p| proxy::vm_of_stolen(vm, p)) }
}

fn warn(vm: &VirtualMachine, message: &str) -> PyResult<()> {
    let category = vm.ctx.exceptions.runtime_warning.to_owned();
    let message = vm.ctx.new_str(message).into();
    python(|| rustpython_vm::warn::warn(message, Some(category), 1, None, vm))
}

/// `operator.index(v)`.
fn index(vm: &VirtualMachine, v: &PyObjectRef) -> PyResult<BigInt> {
    Ok(python(|| v.try_index(vm))?.as_bigint().clone())
}

/// A value for a signed field; `error` says that it does not fit.
fn signed(vm: &VirtualMachine, v: &PyObjectRef, error: &'static str) -> PyResult<i64> {
    i64::try_from(&index(vm, v)?).map_err(|_| vm.new_overflow_error(error))
}

const TOO_LARGE: &str = "Python int too large to convert to C long";
const TOO_LARGE_SIZE: &str = "Python int too large to convert to C ssize_t";
const TOO_BIG: &str = "int too big to convert";

/// A value for an unsigned field, which takes negative ones for
/// compatibility, with a warning. `wide` fields have an error of their own.
fn unsigned(vm: &VirtualMachine, v: &PyObjectRef, wide: bool) -> PyResult<(u64, bool)> {
    let value = index(vm, v)?;
    if let Ok(value) = u64::try_from(&value) {
        return Ok((value, false));
    }
    if let Ok(value) = i64::try_from(&value) {
        return Ok((value as u64, true));
    }
    Err(vm.new_overflow_error(match value.sign() {
        malachite_bigint::Sign::Minus => TOO_LARGE,
        _ if wide => TOO_BIG,
        _ => "Python int too large to convert to C unsigned long",
    }))
}

unsafe fn set(
    vm: &VirtualMachine,
    obj_addr: *mut c_char,
    def: &PyMemberDef,
    v: *mut PyObject,
) -> PyResult<()> {
    if def.flags & Py_RELATIVE_OFFSET != 0 {
        return Err(vm.new_system_error("PyMember_SetOne used with Py_RELATIVE_OFFSET"));
    }
    if def.flags & Py_READONLY != 0 {
        return Err(vm.new_attribute_error("readonly attribute"));
    }
    // SAFETY: the field is where the definition says, and of that type.
    unsafe {
        let addr = obj_addr.offset(def.offset);
        if matches!(def.type_, _Py_T_OBJECT | Py_T_OBJECT_EX) {
            let slot = addr.cast::<*mut PyObject>();
            if v.is_null() && def.type_ == Py_T_OBJECT_EX && slot.read_unaligned().is_null() {
                return Err(vm.new_attribute_error(crate::types::function::text(def.name)));
            }
            let old = ptr::replace(slot, refcount::xnew_ref(v));
            refcount::xdecref(old);
            return Ok(());
        }
        if v.is_null() {
            return Err(vm.new_type_error("can't delete numeric/char attribute"));
        }
        if def.type_ == Py_T_BOOL {
            if !statics::is_bool(v) {
                return Err(vm.new_type_error("attribute value type must be bool"));
            }
            *addr = c_char::from(v == statics::bool(true));
            return Ok(());
        }
        set_value(vm, addr, def, object(vm, v)?)
    }
}

unsafe fn set_value(
    vm: &VirtualMachine,
    addr: *mut c_char,
    def: &PyMemberDef,
    v: PyObjectRef,
) -> PyResult<()> {
    // As in CPython, what does not fit is stored before the warning.
    macro_rules! int {
        ($t:ty, $name:literal) => {{
            let value = signed(vm, &v, TOO_LARGE)?;
            addr.cast::<$t>().write_unaligned(value as $t);
            if <$t>::try_from(value).is_err() {
                warn(vm, concat!("Truncation of value to ", $name))?;
            }
        }};
    }
    // SAFETY: by the caller's contract.
    unsafe {
        match def.type_ {
            Py_T_BYTE => int!(i8, "char"),
            Py_T_UBYTE => int!(u8, "unsigned char"),
            Py_T_SHORT => int!(c_short, "short"),
            Py_T_USHORT => int!(c_ushort, "unsigned short"),
            Py_T_INT => int!(c_int, "int"),
            Py_T_UINT => {
                let (value, negative) = unsigned(vm, &v, false)?;
                addr.cast::<c_uint>().write_unaligned(value as c_uint);
                if negative {
                    warn(vm, "Writing negative value into unsigned field")?;
                } else if c_uint::try_from(value).is_err() {
                    warn(vm, "Truncation of value to unsigned int")?;
                }
            }
            Py_T_LONG => addr
                .cast::<c_long>()
                .write_unaligned(signed(vm, &v, TOO_LARGE)?),
            Py_T_LONGLONG => addr
                .cast::<c_long>()
                .write_unaligned(signed(vm, &v, TOO_BIG)?),
            Py_T_PYSSIZET => {
                if v.downcast_ref::<PyInt>().is_none() {
                    return Err(vm.new_type_error("an integer is required"));
                }
                addr.cast::<isize>()
                    .write_unaligned(signed(vm, &v, TOO_LARGE_SIZE)? as isize);
            }
            Py_T_ULONG | Py_T_ULONGLONG => {
                let (value, negative) = unsigned(vm, &v, def.type_ == Py_T_ULONGLONG)?;
                addr.cast::<c_ulong>().write_unaligned(value);
                if negative {
                    warn(vm, "Writing negative value into unsigned field")?;
                }
            }
            Py_T_FLOAT | Py_T_DOUBLE => {
                let value = python(|| v.try_float(vm))?.to_f64();
                if def.type_ == Py_T_FLOAT {
                    addr.cast::<f32>().write_unaligned(value as f32);
                } else {
                    addr.cast::<f64>().write_unaligned(value);
                }
            }
            Py_T_CHAR => {
                let s = v.downcast_ref::<rustpython_vm::builtins::PyStr>();
                match s.map(|s| s.as_bytes()) {
                    Some(&[c]) => *addr = c as c_char,
                    _ => {
                        return Err(vm.new_type_error("bad argument type for built-in operation"));
                    }
                }
            }
            Py_T_STRING | Py_T_STRING_INPLACE => {
                return Err(vm.new_type_error("readonly attribute"));
            }
            _ => return Err(bad_type(vm, def)),
        }
    }
    Ok(())
}
