//! `PyArg_Parse*`: from the arguments of a call to the pointers of the caller.

use std::borrow::Cow;
use std::ffi::{CStr, c_char};
use std::marker::PhantomData;

use rustpython_vm::builtins::{PyDict, PyDictRef, PyStr};
use rustpython_vm::common::wtf8::Wtf8Buf;
use rustpython_vm::{AsObject, PyObject as VmObject, PyObjectRef, VirtualMachine};

use super::super::varargs::*;
use super::getargs::{Converter, set_error, skip};
use crate::layout::*;
use crate::proxy::mirror::tupleobject;
use crate::proxy::{c_of, vm_of};
use crate::refcount::anchors;

/// A function's name as a message starts with it, cut after `max` bytes.
fn call_name(function: Option<&[u8]>, max: usize, anonymous: &str) -> String {
    match function {
        Some(name) => format!("{}()", clip(name, max)),
        None => anonymous.to_owned(),
    }
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

/// What a format for positional arguments says of the whole.
struct Shape<'a> {
    function: Option<&'a [u8]>,
    message: Option<&'a [u8]>,
    min: usize,
    max: usize,
}

/// Deeper nesting in a format than anybody writes.
const MAX_NESTING: usize = 30;

impl<'a> Shape<'a> {
    fn of(format: Format<'a>) -> Result<Self, &'static str> {
        let mut shape = Shape {
            function: None,
            message: None,
            min: usize::MAX,
            max: 0,
        };
        let mut at = format;
        let mut level = 0;
        loop {
            match at.advance() {
                0 => break,
                b'(' => {
                    shape.max += usize::from(level == 0);
                    level += 1;
                    if level >= MAX_NESTING {
                        return Err("too many tuple nesting levels in argument format string");
                    }
                }
                b')' if level == 0 => return Err("excess ')' in getargs format"),
                b')' => level -= 1,
                b':' => {
                    shape.function = Some(at.rest());
                    break;
                }
                b';' => {
                    shape.message = Some(at.rest());
                    break;
                }
                b'|' if level == 0 => shape.min = shape.max,
                // The unit of `es` and `et` is counted by its second letter.
                c => shape.max += usize::from(level == 0 && c.is_ascii_alphabetic() && c != b'e'),
            }
        }
        if level != 0 {
            return Err("missing ')' in getargs format");
        }
        shape.min = shape.min.min(shape.max);
        Ok(shape)
    }
}

/// `PyArg_Parse`: one object against a format of one unit.
///
/// # Safety
/// `arg` is NULL or a live object, and the list has what the format asks for.
pub unsafe fn parse_one(arg: *mut PyObject, mut format: Format, va: VaList) -> Raising<()> {
    let shape = Shape::of(format).map_err(system_error)?;
    let function = || call_name(shape.function, 200, "function");
    match (shape.min, shape.max) {
        (_, 0) if arg.is_null() => Ok(()),
        (_, 0) => Err(type_error(format!("{} takes no arguments", function()))),
        (1, 1) if arg.is_null() => Err(type_error(format!(
            "{} takes at least one argument",
            function()
        ))),
        (1, 1) => {
            let mut converter = Converter::new(va);
            // SAFETY: by this function's contract.
            unsafe {
                let result = converter.item(arg, &mut format).map_err(|mut mismatch| {
                    let number = mismatch.outermost();
                    set_error(number, mismatch, shape.function, shape.message)
                });
                converter.finish(result)
            }
        }
        _ => Err(system_error("old style getargs format uses new features")),
    }
}

/// `PyArg_ParseTuple`, with the items of the tuple.
///
/// # Safety
/// The arguments are live, and the list has what the format asks for.
pub unsafe fn parse_positional(args: &[*mut PyObject], format: Format, va: VaList) -> Raising<()> {
    let shape = Shape::of(format).map_err(system_error)?;
    if args.len() < shape.min || shape.max < args.len() {
        return Err(wrong_count(&shape, args.len()));
    }
    let mut converter = Converter::new(va);
    // SAFETY: by this function's contract.
    unsafe {
        let result = convert_positional(&mut converter, args, format, &shape);
        converter.finish(result)
    }
}

#[cold]
fn wrong_count(shape: &Shape, given: usize) -> Raised {
    if let Some(message) = shape.message {
        return type_error(String::from_utf8_lossy(message));
    }
    let few = given < shape.min;
    let limit = if few { shape.min } else { shape.max };
    let function = call_name(shape.function, 150, "function");
    let how = match few {
        _ if shape.min == shape.max => "exactly",
        true => "at least",
        false => "at most",
    };
    type_error(format!(
        "{function} takes {how} {limit} argument{} ({given} given)",
        plural(limit)
    ))
}

unsafe fn convert_positional(
    converter: &mut Converter,
    args: &[*mut PyObject],
    mut format: Format,
    shape: &Shape,
) -> Raising<()> {
    let whole = format;
    for (i, &arg) in args.iter().enumerate() {
        format.take(b'|');
        // SAFETY: by the caller's contract.
        unsafe { converter.item(arg, &mut format) }
            .map_err(|mismatch| set_error(i + 1, mismatch, shape.function, shape.message))?;
    }
    match format.peek() {
        0 | b'(' | b'|' | b':' | b';' => Ok(()),
        c if c.is_ascii_alphabetic() => Ok(()),
        _ => Err(system_error(format!(
            "bad format string: {}",
            clip(whole.rest(), 200)
        ))),
    }
}

/// The names of a function's parameters; those that are positional only have none.
pub struct Names<'a> {
    names: *const *const c_char,
    len: usize,
    positional_only: usize,
    lives: PhantomData<&'a CStr>,
}

impl<'a> Names<'a> {
    /// # Safety
    /// `names` is an array of strings that ends with NULL; all outlive the result.
    pub unsafe fn of(names: *const *const c_char) -> Raising<Self> {
        let (mut len, mut positional_only) = (0, 0);
        // SAFETY: by this function's contract.
        unsafe {
            while !(*names.add(len)).is_null() {
                if **names.add(len) == 0 {
                    if positional_only < len {
                        return Err(system_error("Empty keyword parameter name"));
                    }
                    positional_only += 1;
                }
                len += 1;
            }
        }
        Ok(Self {
            names,
            len,
            positional_only,
            lives: PhantomData,
        })
    }

    /// The name of parameter `i`.
    fn get(&self, i: usize) -> &'a CStr {
        assert!(i < self.len);
        // SAFETY: by the contract of `of`.
        unsafe { CStr::from_ptr(*self.names.add(i)) }
    }

    /// The name of parameter `i`, for messages.
    fn text(&self, i: usize) -> Cow<'a, str> {
        self.get(i).to_string_lossy()
    }

    /// The names that can be used as keywords.
    fn keywords(&self) -> impl Iterator<Item = &'a CStr> {
        (self.positional_only..self.len).map(|i| self.get(i))
    }
}

/// The keyword arguments of a call.
struct Keywords<'a> {
    vm: &'a VirtualMachine,
    c: *mut PyObject,
    dict: PyDictRef,
}

impl Keywords<'_> {
    /// # Safety
    /// `c` is a live `dict`.
    unsafe fn of(vm: &VirtualMachine, c: *mut PyObject) -> Option<Keywords<'_>> {
        // SAFETY: by this function's contract.
        let dict = unsafe { vm_of(vm, c) }.downcast::<PyDict>().ok()?;
        (!dict.is_empty()).then_some(Keywords { vm, c, dict })
    }

    /// The argument of this name, borrowed from the dictionary.
    fn get(&self, name: &CStr) -> Raising<Option<*mut PyObject>> {
        let name = super::super::decode_utf8(self.vm, name.to_bytes()).map_err(raise)?;
        match self.dict.get_item_opt(name, self.vm) {
            Ok(None) => Ok(None),
            // SAFETY: the dictionary holds the item, and `c_of` gave a new reference.
            Ok(Some(v)) => Ok(Some(unsafe {
                anchors::borrow_from(self.c, c_of(self.vm, &v))
            })),
            Err(exception) => Err(raise(exception)),
        }
    }
}

/// One call of [`parse_keywords`].
struct Call<'a> {
    args: &'a [*mut PyObject],
    keywords: Option<Keywords<'a>>,
    names: &'a Names<'a>,
    function: Option<&'a [u8]>,
    message: Option<&'a [u8]>,
}

/// `PyArg_ParseTupleAndKeywords`.
///
/// # Safety
/// `args` is a live tuple, `kwargs` NULL or a live `dict`, and the list has
/// what the format asks for.
pub unsafe fn parse_keywords(
    vm: &VirtualMachine,
    args: *mut PyObject,
    kwargs: *mut PyObject,
    format: Format,
    names: &Names,
    va: VaList,
) -> Raising<()> {
    let function = format.after(b':');
    // SAFETY: by this function's contract.
    unsafe {
        let call = Call {
            args: tupleobject::items(args),
            keywords: if kwargs.is_null() {
                None
            } else {
                Keywords::of(vm, kwargs)
            },
            names,
            function,
            message: match function {
                Some(_) => None,
                None => format.after(b';'),
            },
        };
        let mut converter = Converter::new(va);
        let result = call.convert(&mut converter, format);
        converter.finish(result)
    }
}

/// The numbers of positional arguments that `|` and `$` in a format set.
#[derive(Clone, Copy)]
struct Limits {
    min: usize,
    max: usize,
}

impl Limits {
    /// Takes `|` and `$` before the unit for parameter `i`. Whether there was a `$`.
    fn update(&mut self, format: &mut Format, i: usize, positional_only: usize) -> Raising<bool> {
        if format.take(b'|') {
            if self.min != usize::MAX {
                return Err(system_error("Invalid format string (| specified twice)"));
            }
            if self.max != usize::MAX {
                return Err(system_error("Invalid format string ($ before |)"));
            }
            self.min = i;
        }
        if !format.take(b'$') {
            return Ok(false);
        }
        if self.max != usize::MAX {
            return Err(system_error("Invalid format string ($ specified twice)"));
        }
        self.max = i;
        if i < positional_only {
            return Err(system_error("Empty parameter name after $"));
        }
        Ok(true)
    }
}

fn ends(format: &Format) -> bool {
    matches!(format.peek(), 0 | b':' | b';')
}

impl Call<'_> {
    fn who(&self) -> String {
        call_name(self.function, 200, "function")
    }

    unsafe fn convert(&self, converter: &mut Converter, mut format: Format) -> Raising<()> {
        let len = self.names.len;
        let positional_only = self.names.positional_only;
        let mut unmatched = self.keywords.as_ref().map_or(0, |k| k.dict.__len__());
        let given = self.args.len() + unmatched;
        if given > len {
            return Err(self.too_many(len, given));
        }
        let mut limits = Limits {
            min: usize::MAX,
            max: usize::MAX,
        };
        // A positional-only argument is missing: how to say so depends on the
        // rest of the format.
        let mut missing = false;
        let mut i = 0;
        while i < len {
            if limits.update(&mut format, i, positional_only)? {
                if missing {
                    break;
                }
                if limits.max < self.args.len() {
                    return Err(self.too_many_positional(limits));
                }
            }
            if ends(&format) {
                return Err(system_error(format!(
                    "More keyword list entries ({len}) than format specifiers ({i})"
                )));
            }
            if !missing {
                if let Some(arg) = self.argument(i, &mut unmatched)? {
                    // SAFETY: the argument is live, the list by the caller's contract.
                    unsafe { converter.item(arg, &mut format) }.map_err(|mismatch| {
                        set_error(i + 1, mismatch, self.function, self.message)
                    })?;
                    i += 1;
                    continue;
                }
                if i < limits.min {
                    if i >= positional_only {
                        return Err(self.missing_required(i));
                    }
                    missing = true;
                }
                if unmatched == 0 && !missing {
                    return Ok(());
                }
            }
            // SAFETY: by the caller's contract.
            unsafe { skip(&mut format, &mut Some(&mut converter.va)) }
                .map_err(|what| bad_unit(what, &format))?;
            i += 1;
        }
        if missing {
            return Err(self.too_few_positional(limits, i));
        }
        if !ends(&format) && !matches!(format.peek(), b'|' | b'$') {
            return Err(system_error(format!(
                "more argument specifiers than keyword list entries (remaining format:'{}')",
                String::from_utf8_lossy(format.rest())
            )));
        }
        match &self.keywords {
            Some(keywords) if unmatched > 0 => Err(self.unexpected(keywords)?),
            _ => Ok(()),
        }
    }

    /// The argument for parameter `i`, by position or by name.
    fn argument(&self, i: usize, unmatched: &mut usize) -> Raising<Option<*mut PyObject>> {
        if let Some(&arg) = self.args.get(i) {
            return Ok(Some(arg));
        }
        match &self.keywords {
            Some(keywords) if *unmatched > 0 && i >= self.names.positional_only => {
                let found = keywords.get(self.names.get(i))?;
                *unmatched -= usize::from(found.is_some());
                Ok(found)
            }
            _ => Ok(None),
        }
    }

    #[cold]
    fn too_many(&self, len: usize, given: usize) -> Raised {
        let keyword = if self.args.is_empty() { "keyword " } else { "" };
        type_error(format!(
            "{} takes at most {len} {keyword}argument{} ({given} given)",
            self.who(),
            plural(len)
        ))
    }

    #[cold]
    fn too_many_positional(&self, limits: Limits) -> Raised {
        let Limits { min, max } = limits;
        if max == 0 {
            return type_error(format!("{} takes no positional arguments", self.who()));
        }
        let how = if min == usize::MAX {
            "exactly"
        } else {
            "at most"
        };
        type_error(format!(
            "{} takes {how} {max} positional argument{} ({} given)",
            self.who(),
            plural(max),
            self.args.len()
        ))
    }

    /// `seen`: at which parameter the format's positional part ended.
    #[cold]
    fn too_few_positional(&self, limits: Limits, seen: usize) -> Raised {
        let min = limits.min.min(self.names.positional_only);
        let how = if min < seen { "at least" } else { "exactly" };
        type_error(format!(
            "{} takes {how} {min} positional argument{} ({} given)",
            self.who(),
            plural(min),
            self.args.len()
        ))
    }

    #[cold]
    fn missing_required(&self, i: usize) -> Raised {
        type_error(format!(
            "{} missing required argument '{}' (pos {})",
            self.who(),
            self.names.text(i),
            i + 1
        ))
    }

    /// The error for keyword arguments that match no parameter.
    #[cold]
    fn unexpected(&self, keywords: &Keywords) -> Raising<Raised> {
        let first = self.names.positional_only;
        for i in first..self.args.len() {
            if keywords.get(self.names.get(i))?.is_some() {
                return Ok(type_error(format!(
                    "argument for {} given by name ('{}') and position ({})",
                    self.who(),
                    self.names.text(i),
                    i + 1
                )));
            }
        }
        let who = call_name(self.function, 200, "this function");
        for key in keywords.dict.keys_vec() {
            let Some(text) = key.downcast_ref::<PyStr>() else {
                return Ok(type_error("keywords must be strings"));
            };
            let known = self
                .names
                .keywords()
                .any(|name| name.to_bytes() == text.as_bytes());
            if !known {
                let hint = self.suggestion(keywords.vm, &key);
                return Ok(unexpected_keyword(keywords.vm, &who, text, &hint));
            }
        }
        Ok(type_error(format!("invalid keyword argument for {who}")))
    }

    fn suggestion(&self, vm: &VirtualMachine, key: &VmObject) -> String {
        let names: Vec<PyObjectRef> = self
            .names
            .keywords()
            .map(|name| vm.ctx.new_str(&*name.to_string_lossy()).into())
            .collect();
        let candidates = names.iter().map(|name| name.as_object());
        match rustpython_vm::suggestion::calculate_suggestions(candidates, key) {
            Some(name) => format!(". Did you mean '{name}'?"),
            None => String::new(),
        }
    }
}

/// The error for a keyword that no parameter has, which may be no proper text.
#[cold]
fn unexpected_keyword(vm: &VirtualMachine, who: &str, keyword: &PyStr, hint: &str) -> Raised {
    let mut text = Wtf8Buf::from_string(format!("{who} got an unexpected keyword argument '"));
    text.push_wtf8(keyword.as_wtf8());
    text.push_str(&format!("'{hint}"));
    let class = vm.ctx.exceptions.type_error.to_owned();
    raise(vm.new_exception(class, vec![vm.ctx.new_str(text).into()]))
}

#[cold]
fn bad_unit(what: &str, format: &Format) -> Raised {
    system_error(format!(
        "{what}: '{}'",
        String::from_utf8_lossy(format.rest())
    ))
}

/// The keyword arguments of a call of [`unpack_keywords`], and what it permits.
#[derive(Clone, Copy)]
pub struct Unpack {
    /// NULL or a `dict`.
    pub kwargs: *mut PyObject,
    /// NULL or a tuple of the names of arguments that follow the positional ones.
    pub kwnames: *mut PyObject,
    /// Positional arguments that must be there.
    pub minpos: usize,
    /// Positional arguments that there may be.
    pub maxpos: usize,
    /// Keyword-only arguments that must be there.
    pub minkw: usize,
    /// Whether the function takes more positional arguments than `maxpos`, which it finds itself.
    pub varpos: bool,
}

/// `_PyArg_UnpackKeywords`: the arguments of a call by the parameters of a parser.
///
/// # Safety
/// `args` has `nargs` items and the values of `kwnames`; `parser` has keywords, `buf` room for them.
pub unsafe fn unpack_keywords(
    vm: &VirtualMachine,
    args: *const *mut PyObject,
    nargs: usize,
    parser: *mut _PyArg_Parser,
    limits: Unpack,
    buf: *mut *mut PyObject,
) -> Raising<*mut *mut PyObject> {
    let Unpack {
        kwargs, kwnames, ..
    } = limits;
    // SAFETY: by this function's contract.
    unsafe {
        let parser = &*parser;
        let names = Names::of(parser.keywords)?;
        let fname = (!parser.fname.is_null()).then(|| CStr::from_ptr(parser.fname).to_bytes());
        let keywords = if kwargs.is_null() {
            None
        } else {
            Keywords::of(vm, kwargs)
        };
        let stacked: &[*mut PyObject] = if kwnames.is_null() {
            &[]
        } else {
            tupleobject::items(kwnames)
        };
        let positional: &[*mut PyObject] = match nargs {
            0 => &[],
            n => std::slice::from_raw_parts(args, n),
        };
        let mut unmatched = keywords
            .as_ref()
            .map_or(stacked.len(), |k| k.dict.__len__());
        // More than `maxpos` belong to `*args`, which the caller takes from `args` itself.
        let taken = if limits.varpos {
            nargs.min(limits.maxpos)
        } else {
            nargs
        };
        let call = Call {
            args: &positional[..taken],
            keywords,
            names: &names,
            function: fname,
            message: None,
        };
        let (min, max, len) = (limits.minpos, limits.maxpos, names.len);
        if unmatched == 0
            && limits.minkw == 0
            && min <= taken
            && taken <= max
            && !args.is_null()
            && !limits.varpos
        {
            // No parameter behind the given ones is looked at by who calls without `buf`.
            if taken == len {
                return Ok(args.cast_mut());
            }
        }
        if taken + unmatched > len {
            return Err(call.too_many(len, taken + unmatched));
        }
        if taken > max {
            let min = if min == max { usize::MAX } else { min };
            return Err(call.too_many_positional(Limits { min, max }));
        }
        if taken < min.min(names.positional_only) {
            let min = min.min(names.positional_only);
            let how = if min < names.positional_only || limits.minpos < max {
                "at least"
            } else {
                "exactly"
            };
            return Err(type_error(format!(
                "{} takes {how} {min} positional argument{} ({taken} given)",
                call.who(),
                plural(min)
            )));
        }
        let by_name = |name: &CStr| -> Raising<Option<*mut PyObject>> {
            match &call.keywords {
                Some(keywords) => keywords.get(name),
                None => Ok(stacked
                    .iter()
                    .position(|&key| {
                        vm_of(vm, key)
                            .downcast_ref::<PyStr>()
                            .is_some_and(|key| key.as_bytes() == name.to_bytes())
                    })
                    .map(|i| *args.add(nargs + i))),
            }
        };
        let required = if limits.minkw > 0 {
            max + limits.minkw
        } else {
            min
        };
        for i in 0..len {
            let found = match call.args.get(i) {
                Some(&arg) => Some(arg),
                None if unmatched > 0 && i >= names.positional_only => by_name(names.get(i))?,
                None => None,
            };
            if found.is_some() && i >= taken {
                unmatched -= 1;
            }
            let must = i < min || (max..required).contains(&i);
            if found.is_none() && must && i >= names.positional_only {
                return Err(call.missing_required(i));
            }
            *buf.add(i) = found.unwrap_or(std::ptr::null_mut());
        }
        if unmatched > 0 {
            for i in names.positional_only..taken {
                if by_name(names.get(i))?.is_some() {
                    return Err(type_error(format!(
                        "argument for {} given by name ('{}') and position ({})",
                        call.who(),
                        names.text(i),
                        i + 1
                    )));
                }
            }
            if let Some(keywords) = &call.keywords {
                return Err(call.unexpected(keywords)?);
            }
            let who = call_name(call.function, 200, "this function");
            for &key in stacked {
                let key = vm_of(vm, key);
                let Some(text) = key.downcast_ref::<PyStr>() else {
                    return Err(type_error("keywords must be strings"));
                };
                if !names
                    .keywords()
                    .any(|name| name.to_bytes() == text.as_bytes())
                {
                    let hint = call.suggestion(vm, &key);
                    return Err(unexpected_keyword(vm, &who, text, &hint));
                }
            }
            return Err(type_error(format!("invalid keyword argument for {who}")));
        }
        Ok(buf)
    }
}

/// Whether `nargs` arguments are as many as a function takes; `name` is its
/// own, or NULL for a tuple that is taken apart.
///
/// # Safety
/// `name` is NULL or a string.
pub unsafe fn check_count(
    name: *const c_char,
    nargs: usize,
    min: Py_ssize_t,
    max: Py_ssize_t,
) -> Raising<()> {
    let given = nargs as Py_ssize_t;
    let (limit, bound) = if given < min {
        (min, "at least ")
    } else if given > max && given != 0 {
        (max, "at most ")
    } else {
        return Ok(());
    };
    let bound = if min == max { "" } else { bound };
    let s = plural(limit as usize);
    Err(type_error(if name.is_null() {
        format!("unpacked tuple should have {bound}{limit} element{s}, but has {given}")
    } else {
        // SAFETY: by this function's contract.
        let name = unsafe { CStr::from_ptr(name) };
        let name = clip(name.to_bytes(), 200);
        format!("{name} expected {bound}{limit} argument{s}, got {given}")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Result<(usize, usize), &'static str> {
        Shape::of(Format::new(text.as_bytes())).map(|shape| (shape.min, shape.max))
    }

    #[test]
    fn formats_are_counted() {
        assert_eq!(shape(""), Ok((0, 0)));
        assert_eq!(shape("OO|i"), Ok((2, 3)));
        assert_eq!(shape("O(ii)|s#es#:name"), Ok((2, 4)));
        assert_eq!(shape("O!O&y*"), Ok((3, 3)));
        assert_eq!(shape("(i"), Err("missing ')' in getargs format"));
        assert_eq!(shape("i)"), Err("excess ')' in getargs format"));
    }

    #[test]
    fn name_and_message() {
        let shape = Shape::of(Format::new(b"i:name")).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((shape.function, shape.message), (Some(&b"name"[..]), None));
        let shape = Shape::of(Format::new(b"i;why")).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((shape.function, shape.message), (None, Some(&b"why"[..])));
    }
}
