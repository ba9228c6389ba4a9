/* What the benchmarks call: functions of every calling convention, a type, and
 * loops that time one API function each from the inside.
 *
 * One source for pyabi and CPython 3.14 (the same binary) and, compiled with
 * -DPYABI_REAL_HEADERS against its headers, PyPy.
 */
#include "../tests/fixtures/include/pyabi_fixture.h"

#include <time.h>

#ifndef Py_T_LONG
#ifdef PYABI_REAL_HEADERS
#define Py_T_LONG T_LONG
#define Py_T_OBJECT_EX T_OBJECT_EX
#endif
#endif

/* Functions, one per calling convention. None does anything but take its arguments. */

static PyObject *noargs(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(nothing)) { Py_RETURN_NONE; }

static PyObject *one(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(arg)) { Py_RETURN_NONE; }

static PyObject *same(PyObject *Py_UNUSED(self), PyObject *arg) { return Py_NewRef(arg); }

static PyObject *fast(PyObject *Py_UNUSED(self), PyObject *const *Py_UNUSED(args),
                      Py_ssize_t Py_UNUSED(count))
{
    Py_RETURN_NONE;
}

static PyObject *fast_keywords(PyObject *Py_UNUSED(self), PyObject *const *Py_UNUSED(args),
                               Py_ssize_t Py_UNUSED(count), PyObject *Py_UNUSED(names))
{
    Py_RETURN_NONE;
}

static PyObject *varargs(PyObject *Py_UNUSED(self), PyObject *args)
{
    PyObject *a, *b;
    if (!PyArg_ParseTuple(args, "OO", &a, &b))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *varargs_keywords(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    static char *names[] = { "a", "b", NULL };
    PyObject *a, *b;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO", names, &a, &b))
        return NULL;
    Py_RETURN_NONE;
}

/* A type with a number, an object, and the slots that Python code reaches most. */

typedef struct {
    PyObject_HEAD
    long value;
    PyObject *item;
} Cell;

static PyObject *Cell_Type;

static PyObject *cell_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    PyObject *self = type->tp_alloc(type, 0);
    if (self != NULL)
        ((Cell *)self)->item = Py_NewRef(Py_None);
    return self;
}

static void cell_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_CLEAR(((Cell *)self)->item);
    type->tp_free(self);
    Py_DECREF(type);
}

static Py_ssize_t cell_length(PyObject *Py_UNUSED(self)) { return 3; }

static PyObject *cell_subscript(PyObject *self, PyObject *Py_UNUSED(key))
{
    return Py_NewRef(((Cell *)self)->item);
}

static PyObject *cell_add(PyObject *a, PyObject *b)
{
    if (Py_TYPE(a) != (PyTypeObject *)Cell_Type || Py_TYPE(b) != (PyTypeObject *)Cell_Type)
        Py_RETURN_NOTIMPLEMENTED;
    return cell_new((PyTypeObject *)Cell_Type, NULL, NULL);
}

static PyObject *cell_richcompare(PyObject *a, PyObject *b, int op)
{
    if (op != Py_EQ && op != Py_NE)
        Py_RETURN_NOTIMPLEMENTED;
    if ((a == b) == (op == Py_EQ))
        Py_RETURN_TRUE;
    Py_RETURN_FALSE;
}

static Py_hash_t cell_hash(PyObject *self) { return ((Cell *)self)->value + 17; }

static PyObject *cell_get(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(((Cell *)self)->item);
}

static PyMemberDef cell_members[] = {
    { "value", Py_T_LONG, offsetof(Cell, value), 0, NULL },
    { "item", Py_T_OBJECT_EX, offsetof(Cell, item), 0, NULL },
    { NULL, 0, 0, 0, NULL },
};

static PyGetSetDef cell_getset[] = {
    { "computed", cell_get, NULL, NULL, NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

#ifndef PYPY_VERSION
static PyObject *with_class(PyObject *Py_UNUSED(self), PyTypeObject *Py_UNUSED(defining),
                            PyObject *const *Py_UNUSED(args), size_t Py_UNUSED(count),
                            PyObject *Py_UNUSED(names))
{
    Py_RETURN_NONE;
}
#endif

static PyMethodDef cell_methods[] = {
    { "nothing", noargs, METH_NOARGS, NULL },
    { "take", one, METH_O, NULL },
    { "pair", METHOD(fast), METH_FASTCALL, NULL },
    { "of_class", one, METH_O | METH_CLASS, NULL },
    { "of_none", one, METH_O | METH_STATIC, NULL },
#ifndef PYPY_VERSION
    { "with_class", METHOD(with_class), METH_METHOD | METH_FASTCALL | METH_KEYWORDS, NULL },
#endif
    { NULL, NULL, 0, NULL },
};

static PyType_Slot cell_slots[] = {
    { Py_tp_new, cell_new },
    { Py_tp_dealloc, cell_dealloc },
    { Py_tp_hash, cell_hash },
    { Py_tp_richcompare, cell_richcompare },
    { Py_tp_members, cell_members },
    { Py_tp_getset, cell_getset },
    { Py_tp_methods, cell_methods },
    { Py_mp_length, cell_length },
    { Py_mp_subscript, cell_subscript },
    { Py_nb_add, cell_add },
    { 0, NULL },
};

static PyType_Spec cell_spec = {
    "bench_fixture.Cell", sizeof(Cell), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, cell_slots,
};

/* Loops. Each runs its body `n` times; what it needs of Python objects, it is given. */

typedef int (*loop)(Py_ssize_t n, PyObject *const *given);

#define LOOP(function, body) \
    static int function(Py_ssize_t n, PyObject *const *given) \
    { \
        (void)given; \
        for (Py_ssize_t i = 0; i < n; i++) \
            body \
        return 0; \
    }

/* A loop that makes a new reference and drops it. */
#define MAKE(function, expression) \
    LOOP(function, { \
        PyObject *made = (expression); \
        if (made == NULL) \
            return -1; \
        Py_DECREF(made); \
    })

/* Keeps the compiler from hoisting a read out of its loop. */
#define KEEP(value) __asm__ volatile("" : : "r"(value) : "memory")

static const char ASCII[] = "twelve bytes", LATIN[] = "zw\xc3\xb6lf Bytes", BYTES[] = "twelve bytes";

MAKE(long_small, PyLong_FromLong(7))
MAKE(long_large, PyLong_FromLong(1L << 40))
LOOP(long_read, {
    long value = PyLong_AsLong(given[0]);
    KEEP(value);
})
MAKE(float_make, PyFloat_FromDouble(1.5))
LOOP(float_read, {
    double value = PyFloat_AsDouble(given[0]);
    KEEP(&value);
})
MAKE(unicode_ascii, PyUnicode_FromStringAndSize(ASCII, sizeof(ASCII) - 1))
MAKE(unicode_latin, PyUnicode_FromStringAndSize(LATIN, sizeof(LATIN) - 1))
LOOP(unicode_utf8, {
    Py_ssize_t size;
    const char *utf8 = PyUnicode_AsUTF8AndSize(given[0], &size);
    if (utf8 == NULL)
        return -1;
    KEEP(utf8);
})
MAKE(bytes_make, PyBytes_FromStringAndSize(BYTES, sizeof(BYTES) - 1))

static PyObject *tuple_of_two(PyObject *const *given)
{
    PyObject *tuple = PyTuple_New(2);
    if (tuple == NULL)
        return NULL;
    PyTuple_SET_ITEM(tuple, 0, Py_NewRef(given[0]));
    PyTuple_SET_ITEM(tuple, 1, Py_NewRef(given[1]));
    return tuple;
}

static PyObject *list_of_two(PyObject *const *given)
{
    PyObject *list = PyList_New(2);
    if (list == NULL)
        return NULL;
    PyList_SET_ITEM(list, 0, Py_NewRef(given[0]));
    PyList_SET_ITEM(list, 1, Py_NewRef(given[1]));
    return list;
}

MAKE(tuple_make, tuple_of_two(given))
MAKE(tuple_pack, PyTuple_Pack(2, given[0], given[1]))
MAKE(list_make, list_of_two(given))

/* Sixteen items to a list, its making and freeing included. */
static int list_append(Py_ssize_t n, PyObject *const *given)
{
    PyObject *list = NULL;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (i % 16 == 0) {
            Py_XDECREF(list);
            list = PyList_New(0);
            if (list == NULL)
                return -1;
        }
        if (PyList_Append(list, given[0]) < 0) {
            Py_DECREF(list);
            return -1;
        }
    }
    Py_XDECREF(list);
    return 0;
}

MAKE(build_value, Py_BuildValue("(is)", 1000, ASCII))
LOOP(parse_objects, {
    PyObject *a;
    PyObject *b;
    if (!PyArg_ParseTuple(given[0], "OO", &a, &b))
        return -1;
})
LOOP(parse_values, {
    int number;
    const char *text;
    if (!PyArg_ParseTuple(given[0], "is", &number, &text))
        return -1;
})
LOOP(error, {
    PyErr_SetString(PyExc_ValueError, "a message");
    PyErr_Clear();
})
LOOP(error_asked, {
    if (PyErr_Occurred())
        return -1;
})
MAKE(dict_make, PyDict_New())
LOOP(dict_set, {
    if (PyDict_SetItemString(given[0], "key", given[1]) < 0)
        return -1;
})
LOOP(dict_get_string, {
    PyObject *item = PyDict_GetItemString(given[0], "key");
    if (item == NULL)
        return -1;
})
LOOP(dict_get, {
    PyObject *item = PyDict_GetItemWithError(given[0], given[1]);
    if (item == NULL)
        return -1;
})

/* Per item, of a dict that has some. */
static int dict_next(Py_ssize_t n, PyObject *const *given)
{
    Py_ssize_t position = 0;
    PyObject *key, *value;
    for (Py_ssize_t i = 0; i < n; i++)
        if (!PyDict_Next(given[0], &position, &key, &value))
            position = 0;
    return 0;
}

MAKE(get_attr, PyObject_GetAttr(given[0], given[1]))
MAKE(get_item, PyObject_GetItem(given[0], given[1]))
MAKE(number_add, PyNumber_Add(given[0], given[1]))
MAKE(rich_compare, PyObject_RichCompare(given[0], given[1], Py_LT))
LOOP(rich_compare_bool, {
    if (PyObject_RichCompareBool(given[0], given[1], Py_EQ) < 0)
        return -1;
})
LOOP(is_true, {
    if (PyObject_IsTrue(given[0]) < 0)
        return -1;
})
MAKE(call_no_args, PyObject_CallNoArgs(given[0]))
MAKE(call_one_arg, PyObject_CallOneArg(given[0], given[1]))
MAKE(call_tuple, PyObject_Call(given[0], given[1], NULL))
MAKE(call_method, PyObject_CallMethodObjArgs(given[0], given[1], NULL))
LOOP(save_thread, {
    PyThreadState *state = PyEval_SaveThread();
    PyEval_RestoreThread(state);
})
LOOP(gil_state, {
    PyGILState_STATE state = PyGILState_Ensure();
    PyGILState_Release(state);
})


/* Pairs: objects that the interpreter has and this module holds. */

static PyObject **held;
static size_t held_count;

/* hold(list): one more reference to each item. */
static PyObject *hold(PyObject *Py_UNUSED(self), PyObject *items)
{
    PyObject *iterator = PyObject_GetIter(items);
    if (iterator == NULL)
        return NULL;
    size_t room = held_count + (size_t)PyObject_Size(items);
    held = realloc(held, room * sizeof(PyObject *));
    PyObject *item;
    while (held_count < room && (item = PyIter_Next(iterator)) != NULL)
        held[held_count++] = item;
    Py_DECREF(iterator);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyObject *release(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(nothing))
{
    while (held_count > 0)
        Py_DECREF(held[--held_count]);
    free(held);
    held = NULL;
    Py_RETURN_NONE;
}

/* From the interpreter to C: an iterator's items. */
MAKE(iterate, PyIter_Next(given[0]))

/* From C to the interpreter: the hash of what has no hash in C. */
static int hash_held(Py_ssize_t n, PyObject *const *Py_UNUSED(given))
{
    uint64_t state = 0x9e3779b97f4a7c15;
    for (Py_ssize_t i = 0; i < n; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        size_t index = (size_t)(((unsigned __int128)state * held_count) >> 64);
        if (PyObject_Hash(held[index]) == -1)
            return -1;
    }
    return 0;
}

static const struct {
    const char *name;
    loop run;
} LOOPS[] = {
    { "long_small", long_small },
    { "long_large", long_large },
    { "long_read", long_read },
    { "float_make", float_make },
    { "float_read", float_read },
    { "unicode_ascii", unicode_ascii },
    { "unicode_latin", unicode_latin },
    { "unicode_utf8", unicode_utf8 },
    { "bytes_make", bytes_make },
    { "tuple_make", tuple_make },
    { "tuple_pack", tuple_pack },
    { "list_make", list_make },
    { "list_append", list_append },
    { "build_value", build_value },
    { "parse_objects", parse_objects },
    { "parse_values", parse_values },
    { "error", error },
    { "error_asked", error_asked },
    { "dict_make", dict_make },
    { "dict_set", dict_set },
    { "dict_get_string", dict_get_string },
    { "dict_get", dict_get },
    { "dict_next", dict_next },
    { "get_attr", get_attr },
    { "get_item", get_item },
    { "number_add", number_add },
    { "rich_compare", rich_compare },
    { "rich_compare_bool", rich_compare_bool },
    { "is_true", is_true },
    { "call_no_args", call_no_args },
    { "call_one_arg", call_one_arg },
    { "call_tuple", call_tuple },
    { "call_method", call_method },
    { "save_thread", save_thread },
    { "gil_state", gil_state },
    { "iterate", iterate },
    { "hash_held", hash_held },
};

/* time_loop(name, n, given): nanoseconds of this thread's time that `n` rounds of the loop take. */
static PyObject *time_loop(PyObject *Py_UNUSED(self), PyObject *args)
{
    const char *name;
    Py_ssize_t n;
    PyObject *given;
    if (!PyArg_ParseTuple(args, "snO!", &name, &n, &PyTuple_Type, &given))
        return NULL;
    for (Py_ssize_t i = 0; i < COUNT(LOOPS); i++) {
        if (strcmp(LOOPS[i].name, name) != 0)
            continue;
        PyObject *objects[4] = { NULL };
        for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(given) && k < COUNT(objects); k++)
            objects[k] = PyTuple_GET_ITEM(given, k);
        struct timespec start, end;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
        int status = LOOPS[i].run(n, objects);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
        if (status < 0)
            return NULL;
        return PyLong_FromLongLong((end.tv_sec - start.tv_sec) * 1000000000LL
                                   + (end.tv_nsec - start.tv_nsec));
    }
    return PyErr_Format(PyExc_KeyError, "no loop is called %s", name);
}

static PyMethodDef methods[] = {
    { "noargs", noargs, METH_NOARGS, NULL },
    { "one", one, METH_O, NULL },
    { "same", same, METH_O, NULL },
    { "fast", METHOD(fast), METH_FASTCALL, NULL },
    { "fast_keywords", METHOD(fast_keywords), METH_FASTCALL | METH_KEYWORDS, NULL },
    { "varargs", varargs, METH_VARARGS, NULL },
    { "varargs_keywords", METHOD(varargs_keywords), METH_VARARGS | METH_KEYWORDS, NULL },
    { "hold", hold, METH_O, NULL },
    { "release", release, METH_NOARGS, NULL },
    { "time_loop", time_loop, METH_VARARGS, NULL },
    { NULL, NULL, 0, NULL },
};

FIXTURE_MODULE(bench_fixture, methods)
{
    PyObject *module = PyModule_Create(&bench_fixture_def);
    if (module == NULL)
        return NULL;
    Cell_Type = PyType_FromSpec(&cell_spec);
    if (Cell_Type == NULL || PyModule_AddObjectRef(module, "Cell", Cell_Type) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
