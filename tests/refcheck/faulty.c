/* An extension with the mistakes that the debugging aid is there to find. */
#include "pyabi_fixture.h"

typedef struct {
    PyObject_HEAD
} Thing;

static void thing_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    type->tp_free(op);
    Py_DECREF(type);
}
static PyType_Slot thing_slots[] = { { Py_tp_dealloc, thing_dealloc }, { 0, NULL } };
static PyType_Spec thing_spec = { "faulty.Thing", sizeof(Thing), 0, Py_TPFLAGS_DEFAULT, thing_slots };

/* Forgets a reference of its argument. */
static PyObject *forget(PyObject *Py_UNUSED(self), PyObject *op)
{
    Py_INCREF(op);
    Py_RETURN_NONE;
}
/* Makes an object and forgets it. */
static PyObject *lose(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(nothing))
{
    PyObject *text = PyUnicode_FromFormat("lost %d", 5);
    return PyLong_FromSsize_t(PyUnicode_GetLength(text));
}
/* Drops a reference that is the caller's. */
static PyObject *drop(PyObject *Py_UNUSED(self), PyObject *op)
{
    Py_DECREF(op);
    Py_RETURN_NONE;
}
/* Drops its own object twice. */
static PyObject *drop_twice(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(nothing))
{
    PyObject *list = PyList_New(3);
    Py_DECREF(list);
    Py_DECREF(list);
    Py_RETURN_NONE;
}
/* Uses what it has freed. */
static PyObject *use_freed(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(nothing))
{
    PyObject *tuple = PyTuple_New(2);
    Py_DECREF(tuple);
    return PyObject_Repr(tuple);
}
static PyObject *both(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(nothing))
{
    PyErr_SetString(PyExc_ValueError, "unnoticed");
    Py_RETURN_NONE;
}
static PyObject *neither(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(nothing)) { return NULL; }

/* All in order. */
static PyObject *kept;
static PyObject *keep(PyObject *Py_UNUSED(self), PyObject *op)
{
    PyObject *old = kept;
    kept = Py_NewRef(op);
    return old ? old : Py_NewRef(Py_None);
}
static PyObject *balanced(PyObject *Py_UNUSED(self), PyObject *op)
{
    PyObject *list = PyList_New(0), *text = PyUnicode_FromString("balanced");
    PyObject *tuple = PyTuple_Pack(2, op, text);
    int failed = PyList_Append(list, tuple);
    Py_DECREF(tuple);
    Py_DECREF(text);
    if (failed < 0) {
        Py_DECREF(list);
        return NULL;
    }
    return list;
}

#define ONE(name) { #name, name, METH_O, NULL }
#define NONE(name) { #name, name, METH_NOARGS, NULL }
static PyMethodDef methods[] = {
    ONE(forget), NONE(lose), ONE(drop), NONE(drop_twice), NONE(use_freed), NONE(both), NONE(neither), ONE(keep),
    ONE(balanced), { NULL, NULL, 0, NULL },
};

FIXTURE_MODULE(faulty, methods)
{
    PyObject *module = PyModule_Create(&faulty_def);
    PyObject *type = PyType_FromSpec(&thing_spec);
    if (module == NULL || type == NULL || PyModule_AddType(module, (PyTypeObject *)type) < 0)
        return NULL;
    Py_DECREF(type);
    return module;
}
