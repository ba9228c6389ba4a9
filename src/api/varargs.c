/* The C API's variadic functions.
 *
 * Stable Rust cannot define a function with `...`. Each of these turns its
 * arguments into a va_list and hands it to the function that does the work:
 * the va_list twin where the API has one, else a pyabi_* function of varargs.rs,
 * format.rs or modsupport.rs.
 */
#include <stdarg.h>
#include <stddef.h>

typedef struct _object PyObject;
typedef struct _PyUnicodeWriter_opaque PyUnicodeWriter;
typedef struct _Py_Identifier _Py_Identifier;
typedef ptrdiff_t Py_ssize_t;

/* Defines `result name(parameters, ...)`, whose last named parameter is `last`,
 * as a call of `worker` with `arguments` and the va_list. */
#define VARIADIC(result, name, parameters, last, worker, worker_parameters, ...)  \
    result worker worker_parameters;                                              \
    result name parameters                                                        \
    {                                                                             \
        va_list va;                                                               \
        va_start(va, last);                                                       \
        result value = worker(__VA_ARGS__, va);                                   \
        va_end(va);                                                               \
        return value;                                                             \
    }

#define VARIADIC_VOID(name, parameters, last, worker, worker_parameters, ...)     \
    void worker worker_parameters;                                                \
    void name parameters                                                          \
    {                                                                             \
        va_list va;                                                               \
        va_start(va, last);                                                       \
        worker(__VA_ARGS__, va);                                                  \
        va_end(va);                                                               \
    }

/* modsupport.h */

VARIADIC(int, PyArg_Parse, (PyObject *args, const char *format, ...), format,
         pyabi_PyArg_Parse, (PyObject *, const char *, va_list), args, format)
VARIADIC(int, _PyArg_Parse_SizeT, (PyObject *args, const char *format, ...), format,
         pyabi_PyArg_Parse, (PyObject *, const char *, va_list), args, format)
VARIADIC(int, PyArg_ParseTuple, (PyObject *args, const char *format, ...), format,
         PyArg_VaParse, (PyObject *, const char *, va_list), args, format)
VARIADIC(int, _PyArg_ParseTuple_SizeT, (PyObject *args, const char *format, ...), format,
         PyArg_VaParse, (PyObject *, const char *, va_list), args, format)
VARIADIC(int, PyArg_ParseTupleAndKeywords,
         (PyObject *args, PyObject *kwargs, const char *format, char *const *names, ...), names,
         PyArg_VaParseTupleAndKeywords,
         (PyObject *, PyObject *, const char *, char *const *, va_list), args, kwargs, format, names)
VARIADIC(int, _PyArg_ParseTupleAndKeywords_SizeT,
         (PyObject *args, PyObject *kwargs, const char *format, char *const *names, ...), names,
         PyArg_VaParseTupleAndKeywords,
         (PyObject *, PyObject *, const char *, char *const *, va_list), args, kwargs, format, names)
VARIADIC(int, PyArg_UnpackTuple,
         (PyObject *args, const char *name, Py_ssize_t min, Py_ssize_t max, ...), max,
         pyabi_PyArg_UnpackTuple, (PyObject *, const char *, Py_ssize_t, Py_ssize_t, va_list),
         args, name, min, max)
VARIADIC(int, _PyArg_ParseStack,
         (PyObject *const *args, Py_ssize_t nargs, const char *format, ...), format,
         pyabi_PyArg_ParseStack, (PyObject *const *, Py_ssize_t, const char *, va_list),
         args, nargs, format)
VARIADIC(PyObject *, Py_BuildValue, (const char *format, ...), format,
         Py_VaBuildValue, (const char *, va_list), format)
VARIADIC(PyObject *, _Py_BuildValue_SizeT, (const char *format, ...), format,
         Py_VaBuildValue, (const char *, va_list), format)

/* abstract.h, ceval.h, tupleobject.h */

VARIADIC(PyObject *, PyObject_CallFunction, (PyObject *callable, const char *format, ...), format,
         pyabi_PyObject_CallFunction, (PyObject *, const char *, va_list), callable, format)
VARIADIC(PyObject *, _PyObject_CallFunction_SizeT, (PyObject *callable, const char *format, ...),
         format, pyabi_PyObject_CallFunction, (PyObject *, const char *, va_list), callable, format)
VARIADIC(PyObject *, PyObject_CallMethod,
         (PyObject *object, const char *name, const char *format, ...), format,
         pyabi_PyObject_CallMethod, (PyObject *, const char *, const char *, va_list),
         object, name, format)
VARIADIC(PyObject *, _PyObject_CallMethod_SizeT,
         (PyObject *object, const char *name, const char *format, ...), format,
         pyabi_PyObject_CallMethod, (PyObject *, const char *, const char *, va_list),
         object, name, format)
VARIADIC(PyObject *, _PyObject_CallMethodId,
         (PyObject *object, _Py_Identifier *name, const char *format, ...), format,
         pyabi_PyObject_CallMethodId, (PyObject *, _Py_Identifier *, const char *, va_list),
         object, name, format)
VARIADIC(PyObject *, PyObject_CallFunctionObjArgs, (PyObject *callable, ...), callable,
         pyabi_PyObject_CallFunctionObjArgs, (PyObject *, va_list), callable)
VARIADIC(PyObject *, PyObject_CallMethodObjArgs, (PyObject *object, PyObject *name, ...), name,
         pyabi_PyObject_CallMethodObjArgs, (PyObject *, PyObject *, va_list), object, name)
VARIADIC(PyObject *, PyEval_CallFunction, (PyObject *callable, const char *format, ...), format,
         pyabi_PyObject_CallFunction, (PyObject *, const char *, va_list), callable, format)
VARIADIC(PyObject *, PyEval_CallMethod,
         (PyObject *object, const char *name, const char *format, ...), format,
         pyabi_PyObject_CallMethod, (PyObject *, const char *, const char *, va_list),
         object, name, format)
VARIADIC(PyObject *, PyTuple_Pack, (Py_ssize_t size, ...), size,
         pyabi_PyTuple_Pack, (Py_ssize_t, va_list), size)

/* unicodeobject.h, bytesobject.h */

VARIADIC(PyObject *, PyUnicode_FromFormat, (const char *format, ...), format,
         PyUnicode_FromFormatV, (const char *, va_list), format)
VARIADIC(int, PyUnicodeWriter_Format, (PyUnicodeWriter *writer, const char *format, ...), format,
         pyabi_PyUnicodeWriter_Format, (PyUnicodeWriter *, const char *, va_list), writer, format)
VARIADIC(PyObject *, PyBytes_FromFormat, (const char *format, ...), format,
         PyBytes_FromFormatV, (const char *, va_list), format)

/* pyerrors.h, warnings.h */

VARIADIC(PyObject *, PyErr_Format, (PyObject *exception, const char *format, ...), format,
         PyErr_FormatV, (PyObject *, const char *, va_list), exception, format)
VARIADIC_VOID(PyErr_FormatUnraisable, (const char *format, ...), format,
              pyabi_PyErr_FormatUnraisable, (const char *, va_list), format)
VARIADIC(int, PyErr_WarnFormat,
         (PyObject *category, Py_ssize_t stack_level, const char *format, ...), format,
         pyabi_PyErr_WarnFormat, (PyObject *, Py_ssize_t, const char *, va_list),
         category, stack_level, format)
VARIADIC(int, PyErr_ResourceWarning,
         (PyObject *source, Py_ssize_t stack_level, const char *format, ...), format,
         pyabi_PyErr_ResourceWarning, (PyObject *, Py_ssize_t, const char *, va_list),
         source, stack_level, format)
VARIADIC(int, PyErr_WarnExplicitFormat,
         (PyObject *category, const char *filename, int lineno, const char *module,
          PyObject *registry, const char *format, ...), format,
         pyabi_PyErr_WarnExplicitFormat,
         (PyObject *, const char *, int, const char *, PyObject *, const char *, va_list),
         category, filename, lineno, module, registry, format)
VARIADIC(int, PyOS_snprintf, (char *str, size_t size, const char *format, ...), format,
         PyOS_vsnprintf, (char *, size_t, const char *, va_list), str, size, format)

/* sysmodule.h, audit.h */

VARIADIC_VOID(PySys_WriteStdout, (const char *format, ...), format,
              pyabi_PySys_WriteStdout, (const char *, va_list), format)
VARIADIC_VOID(PySys_WriteStderr, (const char *format, ...), format,
              pyabi_PySys_WriteStderr, (const char *, va_list), format)
VARIADIC_VOID(PySys_FormatStdout, (const char *format, ...), format,
              pyabi_PySys_FormatStdout, (const char *, va_list), format)
VARIADIC_VOID(PySys_FormatStderr, (const char *format, ...), format,
              pyabi_PySys_FormatStderr, (const char *, va_list), format)
VARIADIC(int, PySys_Audit, (const char *event, const char *format, ...), format,
         pyabi_PySys_Audit, (const char *, const char *, va_list), event, format)
