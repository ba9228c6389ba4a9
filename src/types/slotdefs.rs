//! CPython's `slotdefs`: which special method is which slot of a type object.
//!
//! One table serves everything: the wrappers that C slots get in a class's
//! dict, the C slots that Python classes get from their methods, and the VM's
//! slots that lead to C. The order is CPython's; where a name has several
//! slots, the first that is filled gives the class its wrapper.

use std::ffi::{c_int, c_void};
use std::mem::offset_of;
use std::ptr;

use crate::layout::*;
use crate::proxy::arena;

/// The table of a type object that a slot is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    Type,
    Async,
    Number,
    Mapping,
    Sequence,
    Buffer,
}

/// Where a slot's function pointer is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    pub suite: Suite,
    offset: u16,
}

/// A C function of any slot's type, or NULL.
pub type Function = *const c_void;

impl Slot {
    /// The function, NULL when there is none.
    ///
    /// # Safety
    /// `t` is a live type object.
    #[inline]
    pub unsafe fn get(self, t: *mut PyTypeObject) -> Function {
        // SAFETY: by this function's contract; the offset is within the table.
        unsafe {
            let table = self.suite.of(t);
            if table.is_null() {
                return ptr::null();
            }
            table.add(self.offset as usize).cast::<Function>().read()
        }
    }

    /// Stores a function; a suite that is missing is made, unless the function is NULL.
    ///
    /// # Safety
    /// `t` is a live type object and `function` is NULL or of the slot's type; the lock is held.
    pub unsafe fn set(self, t: *mut PyTypeObject, function: Function) {
        // SAFETY: by this function's contract; the offset is within the table.
        unsafe {
            let mut table = self.suite.of(t);
            if table.is_null() {
                if function.is_null() {
                    return;
                }
                table = self.suite.make(t);
            }
            table
                .add(self.offset as usize)
                .cast::<Function>()
                .write(function);
        }
    }
}

impl Suite {
    /// The table itself; NULL when the type has none.
    ///
    /// # Safety
    /// `t` is a live type object.
    #[inline]
    pub unsafe fn of(self, t: *mut PyTypeObject) -> *mut u8 {
        // SAFETY: by this function's contract.
        unsafe {
            match self {
                Self::Type => t.cast(),
                Self::Async => (*t).tp_as_async.cast(),
                Self::Number => (*t).tp_as_number.cast(),
                Self::Mapping => (*t).tp_as_mapping.cast(),
                Self::Sequence => (*t).tp_as_sequence.cast(),
                Self::Buffer => (*t).tp_as_buffer.cast(),
            }
        }
    }

    /// Gives a type the table that it lacks.
    unsafe fn make(self, t: *mut PyTypeObject) -> *mut u8 {
        fn table<T>() -> *mut T {
            arena::immortal(std::alloc::Layout::new::<T>())
                .as_ptr()
                .cast()
        }
        // SAFETY: the caller has a live type, and zeroed tables are valid.
        unsafe {
            match self {
                Self::Type => {}
                Self::Async => (*t).tp_as_async = table(),
                Self::Number => (*t).tp_as_number = table(),
                Self::Mapping => (*t).tp_as_mapping = table(),
                Self::Sequence => (*t).tp_as_sequence = table(),
                Self::Buffer => (*t).tp_as_buffer = table(),
            }
            self.of(t)
        }
    }
}

macro_rules! slots {
    ($($suite:ident $table:ident { $($field:ident)* })*) => {
        /// The slots by their CPython names.
        #[allow(non_upper_case_globals)]
        pub mod slot {
            use super::*;
            $($(
                pub const $field: Slot = Slot {
                    suite: Suite::$suite,
                    offset: offset_of!($table, $field) as u16,
                };
            )*)*
        }
    };
}

slots! {
    Type PyTypeObject {
        tp_getattr tp_setattr tp_repr tp_hash tp_call tp_str tp_getattro tp_setattro
        tp_richcompare tp_iter tp_iternext tp_descr_get tp_descr_set tp_init tp_new tp_finalize
    }
    Async PyAsyncMethods { am_await am_aiter am_anext am_send }
    Number PyNumberMethods {
        nb_add nb_subtract nb_multiply nb_remainder nb_divmod nb_power nb_negative nb_positive
        nb_absolute nb_bool nb_invert nb_lshift nb_rshift nb_and nb_xor nb_or nb_int nb_float
        nb_inplace_add nb_inplace_subtract nb_inplace_multiply nb_inplace_remainder
        nb_inplace_power nb_inplace_lshift nb_inplace_rshift nb_inplace_and nb_inplace_xor
        nb_inplace_or nb_floor_divide nb_true_divide nb_inplace_floor_divide
        nb_inplace_true_divide nb_index nb_matrix_multiply nb_inplace_matrix_multiply
    }
    Mapping PyMappingMethods { mp_length mp_subscript mp_ass_subscript }
    Sequence PySequenceMethods {
        sq_length sq_concat sq_repeat sq_item sq_ass_item sq_contains sq_inplace_concat
        sq_inplace_repeat
    }
    Buffer PyBufferProcs { bf_getbuffer bf_releasebuffer }
}

/// How a special method calls its slot: CPython's `wrap_*` functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// No wrapper: the name only makes a Python class fill the slot.
    None,
    Unary,
    Binary,
    /// The slot is called with the operands swapped.
    BinaryRight,
    Ternary,
    TernaryRight,
    Len,
    /// The result is 0, 1 or -1.
    Inquiry,
    Hash,
    Call,
    SetAttr,
    DelAttr,
    /// With the comparison operator.
    RichCompare(c_int),
    Next,
    DescrGet,
    DescrSet,
    DescrDelete,
    Init,
    Del,
    GetBuffer,
    ReleaseBuffer,
    /// The argument is an index.
    IndexArg,
    /// As `IndexArg`; a negative index counts from the end.
    SqItem,
    SqSetItem,
    SqDelItem,
    Contains,
    SetItem,
    DelItem,
}

/// One special method of one slot.
#[derive(Debug)]
pub struct SlotDef {
    pub name: &'static str,
    pub slot: Slot,
    pub shape: Shape,
    /// With the signature, as in CPython's `tp_doc`.
    pub doc: &'static str,
}

macro_rules! slotdefs {
    ($($name:literal $slot:ident $shape:expr, $signature:literal, $doc:literal;)*) => {
        /// CPython's `slotdefs`, in its order.
        pub static SLOTDEFS: &[SlotDef] = {
            use Shape::*;
            &[$(SlotDef {
                name: $name,
                slot: slot::$slot,
                shape: $shape,
                doc: concat!($name, $signature, "\n--\n\n", $doc),
            },)*]
        };
    };
}

slotdefs! {
    "__getattribute__" tp_getattr None, "", "";
    "__getattr__" tp_getattr None, "", "";
    "__setattr__" tp_setattr None, "", "";
    "__delattr__" tp_setattr None, "", "";
    "__repr__" tp_repr Unary, "($self, /)", "Return repr(self).";
    "__hash__" tp_hash Hash, "($self, /)", "Return hash(self).";
    "__call__" tp_call Call, "($self, /, *args, **kwargs)", "Call self as a function.";
    "__str__" tp_str Unary, "($self, /)", "Return str(self).";
    "__getattribute__" tp_getattro Binary, "($self, name, /)", "Return getattr(self, name).";
    "__getattr__" tp_getattro None, "($self, name, /)", "Implement getattr(self, name).";
    "__setattr__" tp_setattro SetAttr, "($self, name, value, /)", "Implement setattr(self, name, value).";
    "__delattr__" tp_setattro DelAttr, "($self, name, /)", "Implement delattr(self, name).";
    "__lt__" tp_richcompare RichCompare(Py_LT), "($self, value, /)", "Return self<value.";
    "__le__" tp_richcompare RichCompare(Py_LE), "($self, value, /)", "Return self<=value.";
    "__eq__" tp_richcompare RichCompare(Py_EQ), "($self, value, /)", "Return self==value.";
    "__ne__" tp_richcompare RichCompare(Py_NE), "($self, value, /)", "Return self!=value.";
    "__gt__" tp_richcompare RichCompare(Py_GT), "($self, value, /)", "Return self>value.";
    "__ge__" tp_richcompare RichCompare(Py_GE), "($self, value, /)", "Return self>=value.";
    "__iter__" tp_iter Unary, "($self, /)", "Implement iter(self).";
    "__next__" tp_iternext Next, "($self, /)", "Implement next(self).";
    "__get__" tp_descr_get DescrGet, "($self, instance, owner=None, /)", "Return an attribute of instance, which is of type owner.";
    "__set__" tp_descr_set DescrSet, "($self, instance, value, /)", "Set an attribute of instance to value.";
    "__delete__" tp_descr_set DescrDelete, "($self, instance, /)", "Delete an attribute of instance.";
    "__init__" tp_init Init, "($self, /, *args, **kwargs)", "Initialize self.  See help(type(self)) for accurate signature.";
    "__new__" tp_new None, "(type, /, *args, **kwargs)", "Create and return new object.  See help(type) for accurate signature.";
    "__del__" tp_finalize Del, "($self, /)", "Called when the instance is about to be destroyed.";
    "__buffer__" bf_getbuffer GetBuffer, "($self, flags, /)", "Return a buffer object that exposes the underlying memory of the object.";
    "__release_buffer__" bf_releasebuffer ReleaseBuffer, "($self, buffer, /)", "Release the buffer object that exposes the underlying memory of the object.";
    "__await__" am_await Unary, "($self, /)", "Return an iterator to be used in await expression.";
    "__aiter__" am_aiter Unary, "($self, /)", "Return an awaitable, that resolves in asynchronous iterator.";
    "__anext__" am_anext Unary, "($self, /)", "Return a value or raise StopAsyncIteration.";
    "__add__" nb_add Binary, "($self, value, /)", "Return self+value.";
    "__radd__" nb_add BinaryRight, "($self, value, /)", "Return value+self.";
    "__sub__" nb_subtract Binary, "($self, value, /)", "Return self-value.";
    "__rsub__" nb_subtract BinaryRight, "($self, value, /)", "Return value-self.";
    "__mul__" nb_multiply Binary, "($self, value, /)", "Return self*value.";
    "__rmul__" nb_multiply BinaryRight, "($self, value, /)", "Return value*self.";
    "__mod__" nb_remainder Binary, "($self, value, /)", "Return self%value.";
    "__rmod__" nb_remainder BinaryRight, "($self, value, /)", "Return value%self.";
    "__divmod__" nb_divmod Binary, "($self, value, /)", "Return divmod(self, value).";
    "__rdivmod__" nb_divmod BinaryRight, "($self, value, /)", "Return divmod(value, self).";
    "__pow__" nb_power Ternary, "($self, value, mod=None, /)", "Return pow(self, value, mod).";
    "__rpow__" nb_power TernaryRight, "($self, value, mod=None, /)", "Return pow(value, self, mod).";
    "__neg__" nb_negative Unary, "($self, /)", "-self";
    "__pos__" nb_positive Unary, "($self, /)", "+self";
    "__abs__" nb_absolute Unary, "($self, /)", "abs(self)";
    "__bool__" nb_bool Inquiry, "($self, /)", "True if self else False";
    "__invert__" nb_invert Unary, "($self, /)", "~self";
    "__lshift__" nb_lshift Binary, "($self, value, /)", "Return self<<value.";
    "__rlshift__" nb_lshift BinaryRight, "($self, value, /)", "Return value<<self.";
    "__rshift__" nb_rshift Binary, "($self, value, /)", "Return self>>value.";
    "__rrshift__" nb_rshift BinaryRight, "($self, value, /)", "Return value>>self.";
    "__and__" nb_and Binary, "($self, value, /)", "Return self&value.";
    "__rand__" nb_and BinaryRight, "($self, value, /)", "Return value&self.";
    "__xor__" nb_xor Binary, "($self, value, /)", "Return self^value.";
    "__rxor__" nb_xor BinaryRight, "($self, value, /)", "Return value^self.";
    "__or__" nb_or Binary, "($self, value, /)", "Return self|value.";
    "__ror__" nb_or BinaryRight, "($self, value, /)", "Return value|self.";
    "__int__" nb_int Unary, "($self, /)", "int(self)";
    "__float__" nb_float Unary, "($self, /)", "float(self)";
    "__iadd__" nb_inplace_add Binary, "($self, value, /)", "Return self+=value.";
    "__isub__" nb_inplace_subtract Binary, "($self, value, /)", "Return self-=value.";
    "__imul__" nb_inplace_multiply Binary, "($self, value, /)", "Return self*=value.";
    "__imod__" nb_inplace_remainder Binary, "($self, value, /)", "Return self%=value.";
    "__ipow__" nb_inplace_power Ternary, "($self, value, /)", "Return self**=value.";
    "__ilshift__" nb_inplace_lshift Binary, "($self, value, /)", "Return self<<=value.";
    "__irshift__" nb_inplace_rshift Binary, "($self, value, /)", "Return self>>=value.";
    "__iand__" nb_inplace_and Binary, "($self, value, /)", "Return self&=value.";
    "__ixor__" nb_inplace_xor Binary, "($self, value, /)", "Return self^=value.";
    "__ior__" nb_inplace_or Binary, "($self, value, /)", "Return self|=value.";
    "__floordiv__" nb_floor_divide Binary, "($self, value, /)", "Return self//value.";
    "__rfloordiv__" nb_floor_divide BinaryRight, "($self, value, /)", "Return value//self.";
    "__truediv__" nb_true_divide Binary, "($self, value, /)", "Return self/value.";
    "__rtruediv__" nb_true_divide BinaryRight, "($self, value, /)", "Return value/self.";
    "__ifloordiv__" nb_inplace_floor_divide Binary, "($self, value, /)", "Return self//=value.";
    "__itruediv__" nb_inplace_true_divide Binary, "($self, value, /)", "Return self/=value.";
    "__index__" nb_index Unary, "($self, /)", "Return self converted to an integer, if self is suitable for use as an index into a list.";
    "__matmul__" nb_matrix_multiply Binary, "($self, value, /)", "Return self@value.";
    "__rmatmul__" nb_matrix_multiply BinaryRight, "($self, value, /)", "Return value@self.";
    "__imatmul__" nb_inplace_matrix_multiply Binary, "($self, value, /)", "Return self@=value.";
    "__len__" mp_length Len, "($self, /)", "Return len(self).";
    "__getitem__" mp_subscript Binary, "($self, key, /)", "Return self[key].";
    "__setitem__" mp_ass_subscript SetItem, "($self, key, value, /)", "Set self[key] to value.";
    "__delitem__" mp_ass_subscript DelItem, "($self, key, /)", "Delete self[key].";
    "__len__" sq_length Len, "($self, /)", "Return len(self).";
    "__add__" sq_concat Binary, "($self, value, /)", "Return self+value.";
    "__mul__" sq_repeat IndexArg, "($self, value, /)", "Return self*value.";
    "__rmul__" sq_repeat IndexArg, "($self, value, /)", "Return value*self.";
    "__getitem__" sq_item SqItem, "($self, key, /)", "Return self[key].";
    "__setitem__" sq_ass_item SqSetItem, "($self, key, value, /)", "Set self[key] to value.";
    "__delitem__" sq_ass_item SqDelItem, "($self, key, /)", "Delete self[key].";
    "__contains__" sq_contains Contains, "($self, key, /)", "Return bool(key in self).";
    "__iadd__" sq_inplace_concat Binary, "($self, value, /)", "Implement self+=value.";
    "__imul__" sq_inplace_repeat IndexArg, "($self, value, /)", "Implement self*=value.";
}

/// The entries of one slot.
pub fn of_slot(slot: Slot) -> impl Iterator<Item = &'static SlotDef> {
    SLOTDEFS.iter().filter(move |def| def.slot == slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_found_in_their_suites() {
        let mut t = PyHeapTypeObject::ZERO;
        let t = &raw mut t;
        let function: Function = ptr::without_provenance(16);
        // SAFETY: a type object of our own.
        unsafe {
            let ty: *mut PyTypeObject = t.cast();
            assert!(slot::nb_index.get(ty).is_null());
            slot::nb_index.set(ty, ptr::null());
            assert!((*ty).tp_as_number.is_null());
            (*ty).tp_as_number = &raw mut (*t).as_number;
            slot::nb_index.set(ty, function);
            assert_eq!(slot::nb_index.get(ty), function);
            assert!((*t).as_number.nb_index.is_some());
            slot::tp_repr.set(ty, function);
            assert!((*ty).tp_repr.is_some());
        }
    }

    #[test]
    fn names_stand_in_order_and_once_per_slot() {
        for (i, def) in SLOTDEFS.iter().enumerate() {
            let again = |other: &SlotDef| other.slot == def.slot && other.name == def.name;
            assert!(!SLOTDEFS[i + 1..].iter().any(again), "{}", def.name);
        }
        let position = |slot| SLOTDEFS.iter().position(|def| def.slot == slot);
        assert!(position(slot::mp_subscript) < position(slot::sq_item));
        assert!(position(slot::nb_add) < position(slot::sq_concat));
        assert_eq!(of_slot(slot::tp_richcompare).count(), 6);
    }
}
