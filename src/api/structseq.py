# Makes the classes that `PyStructSequence_NewType` describes.

# Not an identifier: where an instance keeps the fields that are no elements.
HIDDEN = "<hidden>"


class Field:
    __slots__ = "__name__", "__doc__", "index", "visible"

    def __init__(self, name, doc, index, visible):
        self.__name__ = name
        self.__doc__ = doc
        self.index = index
        self.visible = visible

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        if self.index < self.visible:
            return tuple.__getitem__(instance, self.index)
        return instance.__dict__[HIDDEN][self.index - self.visible]

    def __set__(self, instance, value):
        raise AttributeError("readonly attribute")

    def __delete__(self, instance):
        raise AttributeError("readonly attribute")


def values_of(full_name, names, visible, sequence, extra):
    """The values of all fields, as the constructor takes them."""
    try:
        values = list(sequence)
    except TypeError:
        raise TypeError("constructor requires a sequence") from None
    if not isinstance(extra, dict):
        raise TypeError(f"{full_name}() takes a dict as second arg, if any")
    given, total = len(values), len(names)
    if given < visible or given > total:
        bound = visible if given < visible else total
        article = "a"
        if total != visible:
            article = "an at least" if given < visible else "an at most"
        raise TypeError(f"{full_name}() takes {article} {bound}-sequence ({given}-sequence given)")
    taken = 0
    for name in names[given:]:
        taken += name in extra
        values.append(extra.get(name))
    if taken != len(extra):
        raise TypeError(f"{full_name}() got duplicate or unexpected field name(s)")
    return values


def make(full_name, doc, fields, visible):
    module, _, short_name = full_name.rpartition(".")
    names = [name for name, _ in fields]
    shown = [name for name in names[:visible] if name is not None]
    unnamed = names.count(None)

    def __new__(cls, sequence, dict={}):
        values = values_of(full_name, names, visible, sequence, dict)
        self = tuple.__new__(cls, values[:visible])
        if len(names) > visible:
            self.__dict__[HIDDEN] = tuple(values[visible:])
        return self

    def hidden(self):
        return self.__dict__[HIDDEN] if len(names) > visible else ()

    def __repr__(self):
        shown_values = zip(names, tuple.__iter__(self))
        return f"{full_name}({', '.join(f'{name}={value!r}' for name, value in shown_values)})"

    def __reduce__(self):
        return type(self), (tuple(self), dict(zip(names[visible:], hidden(self))))

    def __replace__(self, /, **changes):
        if unnamed:
            raise TypeError(
                f"__replace__() is not supported for {full_name} because it has unnamed field(s)"
            )
        values = [*self, *hidden(self)]
        values = [changes.pop(name, value) for name, value in zip(names, values)]
        if changes:
            raise TypeError(f"Got unexpected field name(s): {list(changes)}")
        return __new__(type(self), values)

    def __setattr__(self, name, value):
        if isinstance(getattr(type(self), name, None), Field):
            raise AttributeError("readonly attribute")
        raise AttributeError(
            f"'{full_name}' object has no attribute '{name}' and no __dict__ for setting new attributes"
        )

    namespace = {
        "__new__": __new__,
        "__repr__": __repr__,
        "__reduce__": __reduce__,
        "__replace__": __replace__,
        "__setattr__": __setattr__,
        "__doc__": doc,
        "__module__": module or "builtins",
        "n_sequence_fields": visible,
        "n_fields": len(names),
        "n_unnamed_fields": unnamed,
        "__match_args__": tuple(shown),
    }
    if len(names) == visible:
        namespace["__slots__"] = ()
    for index, (name, field_doc) in enumerate(fields):
        if name is not None:
            namespace[name] = Field(name, field_doc, index, visible)
    return type(short_name, (tuple,), namespace)
