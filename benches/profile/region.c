/* Tells callgrind, which starts with `--collect-atstart=no`, what to count. */
#include "../../tests/fixtures/include/pyabi_fixture.h"

#include <valgrind/callgrind.h>

static PyObject *toggle(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(nothing))
{
    CALLGRIND_TOGGLE_COLLECT;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    { "toggle", toggle, METH_NOARGS, NULL },
    { NULL, NULL, 0, NULL },
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "profile_region", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_profile_region(void) { return PyModule_Create(&module); }
