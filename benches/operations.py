"""What the benchmarks measure, for any interpreter that can import `bench_fixture`.

`OPERATIONS` lists `Operation`s: statements of Python code, run in a loop that is compiled once, and
loops inside the fixture around one function of the C API. Many a statement that reaches C stands
beside one that reaches the interpreter's own code by the same kind of call.
"""

import gc
import math
import operator
import time
from collections import namedtuple
from itertools import repeat

import bench_fixture

# `run(n)` gives the nanoseconds of this thread's CPU time that `n` times take. `label` is "" or tells two of one name apart.
Operation = namedtuple("Operation", "group name label run")

OPERATIONS = []

# How often a statement stands in the body of its loop, so that the loop itself hardly counts.
UNROLLED = 10


def statement(group, name, code, own=None, **given):
    """A statement that reaches C, and the interpreter's own counterpart. `given` are local variables."""
    add(group, name, f"C {code}" if own else code, python_loop(code, given))
    if own:
        add(group, name, f"own {own}", python_loop(own, given))


def api(group, name, loop, *given, own=None, **names):
    """A loop in C, and what the interpreter's own code needs for the like."""

    def run(n):
        return bench_fixture.time_loop(loop, n, given)

    add(group, name, "C" if own else "", run)
    if own:
        add(group, name, f"own {own}", python_loop(own, names))


def add(group, name, label, run):
    OPERATIONS.append(Operation(group, name, label, run))


def python_loop(code, given):
    body = "\n        ".join([code] * UNROLLED)
    source = f"""\
def loop(rounds, {", ".join(given)}):
    start = clock()
    for _ in repeat(None, rounds):
        {body}
    return clock() - start
"""
    namespace = {"clock": time.thread_time_ns, "repeat": repeat, **COMMON}
    exec(source, namespace)
    loop = namespace["loop"]

    def run(n):
        rounds = -(-n // UNROLLED)
        return loop(rounds, **given) * n / (rounds * UNROLLED)

    return run


class Plain:
    def __init__(self):
        self.item = None

    def method(self):
        return None


class Empty:
    pass


Cell = bench_fixture.Cell


class Derived(Cell):
    pass


COMMON = {"Cell": Cell, "Derived": Derived, "Empty": Empty, "Plain": Plain}

INT = 1000  # not one of the small integers, which exist once
TEXT = "an argument"
FLOAT = 1.5


def nothing():
    return None


def argument(value):
    return value


def pair(a, b):
    return None


ARGUMENTS = {"int": INT, "str": TEXT, "C instance": Cell(), "Python instance": Plain()}

statement("call", "empty loop", "pass")
statement("call", "METH_NOARGS", "f()", "isenabled()", f=bench_fixture.noargs, isenabled=gc.isenabled)
for kind, x in ARGUMENTS.items():
    statement("call", f"METH_O, {kind}", "f(x)", "callable(x)", f=bench_fixture.one, callable=callable, x=x)
statement(
    "call", "METH_O, int returned", "f(x)", "index(x)", f=bench_fixture.same, index=operator.index, x=INT
)
statement("call", "METH_O, C instance returned", "f(x)", f=bench_fixture.same, x=ARGUMENTS["C instance"])
for kind, x in ARGUMENTS.items():
    statement("call", f"METH_FASTCALL, 2 {kind}", "f(x, x)", "is_(x, x)", f=bench_fixture.fast, is_=operator.is_, x=x)
keywords = bench_fixture.fast_keywords
statement("call", "METH_FASTCALL|METH_KEYWORDS, 2 int", "f(x, x)", "is_(x, x)", f=keywords, is_=operator.is_, x=INT)
statement(
    "call",
    "METH_FASTCALL|METH_KEYWORDS, 2 float, 1 by keyword",
    "f(x, x, abs_tol=x)",
    "isclose(x, x, abs_tol=x)",
    f=keywords,
    isclose=math.isclose,
    x=FLOAT,
)
for kind, x in ARGUMENTS.items():
    statement("call", f"METH_VARARGS, 2 {kind}", "f(x, x)", "is_(x, x)", f=bench_fixture.varargs, is_=operator.is_, x=x)
keywords = bench_fixture.varargs_keywords
statement("call", "METH_VARARGS|METH_KEYWORDS, 2 int", "f(x, x)", "is_(x, x)", f=keywords, is_=operator.is_, x=INT)
statement("call", "METH_VARARGS|METH_KEYWORDS, 2 int by keyword", "f(a=x, b=x)", f=keywords, x=INT)
statement("call", "method, METH_NOARGS", "x.nothing()", "text.isascii()", x=Cell(), text=TEXT)
statement("call", "method, METH_O, int", "x.take(y)", "s.discard(y)", x=Cell(), s=set(), y=INT)
statement("call", "method, METH_FASTCALL, 2 int", "x.pair(y, y)", "d.get(y, y)", x=Cell(), d={}, y=INT)
if hasattr(Cell, "with_class"):
    statement("call", "method, METH_METHOD, int", "x.with_class(y)", "s.discard(y)", x=Cell(), s=set(), y=INT)
statement(
    "call", "METH_CLASS, int", "t.of_class(x)", "o.__subclasshook__(x)", t=Cell, o=object, x=INT
)
statement("call", "METH_STATIC, int", "t.of_none(x)", "b.maketrans(y, y)", t=Cell, b=bytes, x=INT, y=b"")

statement("type", "make and free", "t()", "o()", t=Cell, o=object)
statement("type", "make and free, Python subclass", "t()", "e()", t=Derived, e=Empty)
statement("type", "len", "len(x)", "len(y)", x=Cell(), y=[1, 2, 3])
statement("type", "item", "x[i]", "y[i]", x=Cell(), y=(1, 2, 3), i=1)
statement("type", "add", "x + x", "y + y", x=Cell(), y=FLOAT)
statement("type", "==", "x == x", "y == y", x=Cell(), y=object())
statement("type", "hash", "hash(x)", "hash(y)", x=Cell(), y=object())
statement("type", "member, long", "x.value", "y.start", x=Cell(), y=slice(1, 2))
statement("type", "member, object", "x.item", "y.item", x=Cell(), y=Plain())
statement("type", "getset", "x.computed", "y.real", x=Cell(), y=FLOAT)
statement("type", "member, set", "x.item = None", "y.item = None", x=Cell(), y=Plain())
statement("type", "isinstance", "isinstance(x, Cell)", "isinstance(y, Plain)", x=Cell(), y=Plain())

plain = Plain()
api("callback", "PyObject_CallNoArgs, Python function", "call_no_args", nothing, own="f()", f=nothing)
api("callback", "PyObject_CallOneArg, Python function, int", "call_one_arg", argument, INT, own="f(x)", f=argument, x=INT)
api("callback", "PyObject_Call, Python function, 2 int", "call_tuple", pair, (INT, INT), own="f(x, x)", f=pair, x=INT)
api("callback", "PyObject_CallMethodObjArgs, Python method", "call_method", plain, "method", own="x.method()", x=plain)
api("callback", "PyObject_GetAttr, Python instance", "get_attr", plain, "item", own="x.item", x=plain)
api("callback", "PyObject_CallNoArgs, builtin", "call_no_args", gc.isenabled, own="f()", f=gc.isenabled)

api("api", "PyLong_FromLong(7)", "long_small")
api("api", "PyLong_FromLong(1 << 40)", "long_large")
api("api", "PyLong_AsLong", "long_read", INT)
api("api", "PyFloat_FromDouble", "float_make")
api("api", "PyFloat_AsDouble", "float_read", FLOAT)
api("api", "PyUnicode_FromStringAndSize, ASCII", "unicode_ascii")
api("api", "PyUnicode_FromStringAndSize, Latin-1", "unicode_latin")
api("api", "PyUnicode_AsUTF8AndSize, ASCII", "unicode_utf8", TEXT)
api("api", "PyUnicode_AsUTF8AndSize, Latin-1", "unicode_utf8", "zw\xf6lf")
api("api", "PyBytes_FromStringAndSize", "bytes_make")
api("api", "PyTuple_New, 2 PyTuple_SET_ITEM", "tuple_make", INT, TEXT)
api("api", "PyTuple_Pack, 2", "tuple_pack", INT, TEXT)
api("api", "PyList_New, 2 PyList_SET_ITEM", "list_make", INT, TEXT)
api("api", "PyList_Append", "list_append", INT)
api("api", 'Py_BuildValue "(is)"', "build_value")
api("api", 'PyArg_ParseTuple "OO"', "parse_objects", (INT, TEXT))
api("api", 'PyArg_ParseTuple "is"', "parse_values", (INT, TEXT))
api("api", "PyErr_Occurred", "error_asked")
api("api", "PyErr_SetString, PyErr_Clear", "error")
api("api", "PyDict_New", "dict_make")
api("api", "PyDict_SetItemString", "dict_set", {"key": 1}, INT)
api("api", "PyDict_GetItemString", "dict_get_string", {"key": INT})
api("api", "PyDict_GetItemWithError", "dict_get", {"key": INT}, "key")
api("api", "PyDict_Next", "dict_next", {str(i): i * 1000 for i in range(100)})
api("api", "PyObject_GetAttr, C member", "get_attr", Cell(), "item")
api("api", "PyObject_GetItem, list", "get_item", [INT, TEXT], 1)
api("api", "PyNumber_Add, int", "number_add", INT, INT)
api("api", "PyNumber_Add, float", "number_add", FLOAT, FLOAT)
api("api", "PyObject_RichCompare, int", "rich_compare", INT, INT + 1)
api("api", "PyObject_RichCompareBool, str", "rich_compare_bool", TEXT, TEXT[:-1] + "x")
api("api", "PyObject_IsTrue, list", "is_true", [1])
api("api", "PyObject_CallNoArgs, C function", "call_no_args", bench_fixture.noargs)
api("api", "PyObject_CallNoArgs, C type", "call_no_args", Cell)
api("api", "PyEval_SaveThread, PyEval_RestoreThread", "save_thread")
api("api", "PyGILState_Ensure, PyGILState_Release", "gil_state")
