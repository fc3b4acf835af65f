/* The C API of the interpreter, called through a table so that libpython can be opened at run time;
   with SEALIFT_STATIC the same calls go to the libpython that is linked in. */
#ifndef SEALIFT_PYTHON_H
#define SEALIFT_PYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <marshal.h>

/* What takes a command line as the system gives it. */
#ifdef MS_WINDOWS
#define SET_ARGUMENTS PyConfig_SetArgv
#define PREINITIALISE_FROM_ARGUMENTS Py_PreInitializeFromArgs
#else
#define SET_ARGUMENTS PyConfig_SetBytesArgv
#define PREINITIALISE_FROM_ARGUMENTS Py_PreInitializeFromBytesArgs
#endif

#define PYTHON_FUNCTIONS(X)                                                                            \
    X(PyBytes_AsString)                                                                                \
    X(PyBytes_FromStringAndSize)                                                                       \
    X(PyConfig_Clear)                                                                                  \
    X(PyConfig_InitIsolatedConfig)                                                                     \
    X(PyConfig_InitPythonConfig)                                                                       \
    X(PyConfig_Read)                                                                                   \
    X(SET_ARGUMENTS)                                                                                   \
    X(PyConfig_SetBytesString)                                                                         \
    X(PyErr_Clear)                                                                                     \
    X(PyErr_ExceptionMatches)                                                                          \
    X(PyErr_NoMemory)                                                                                  \
    X(PyErr_Occurred)                                                                                  \
    X(PyErr_Print)                                                                                     \
    X(PyErr_SetString)                                                                                 \
    X(PyGC_Disable)                                                                                    \
    X(PyImport_AppendInittab)                                                                          \
    X(PyImport_ImportModule)                                                                           \
    X(PyList_New)                                                                                      \
    X(PyList_SetItem)                                                                                  \
    X(PyLong_AsUnsignedLong)                                                                           \
    X(PyLong_FromUnsignedLong)                                                                         \
    X(PyMarshal_ReadObjectFromString)                                                                  \
    X(PyMem_RawFree)                                                                                   \
    X(PyModuleDef_Init)                                                                                \
    X(PyObject_CallNoArgs)                                                                             \
    X(PyObject_CallOneArg)                                                                             \
    X(PyObject_GetAttrString)                                                                          \
    X(PyObject_SetArenaAllocator)                                                                      \
    X(PyObject_SetAttrString)                                                                          \
    X(PyPreConfig_InitIsolatedConfig)                                                                  \
    X(PyPreConfig_InitPythonConfig)                                                                    \
    X(PyStatus_Exception)                                                                              \
    X(PyStatus_IsExit)                                                                                 \
    X(PyTuple_New)                                                                                     \
    X(PyTuple_SetItem)                                                                                 \
    X(PyUnicode_AsUTF8AndSize)                                                                         \
    X(PyUnicode_DecodeFSDefault)                                                                       \
    X(PyUnicode_DecodeFSDefaultAndSize)                                                                \
    X(PyUnicode_EncodeFSDefault)                                                                       \
    X(PyUnicode_FromStringAndSize)                                                                     \
    X(PyWideStringList_Append)                                                                         \
    X(Py_DecRef)                                                                                       \
    X(Py_DecodeLocale)                                                                                 \
    X(Py_FinalizeEx)                                                                                   \
    X(Py_IncRef)                                                                                       \
    X(Py_InitializeFromConfig)                                                                         \
    X(Py_PreInitialize)                                                                                \
    X(PREINITIALISE_FROM_ARGUMENTS)                                                                    \
    X(Py_RunMain)

#define PYTHON_DATA(X)                                                                                 \
    X(PyExc_ImportError)                                                                               \
    X(PyExc_IndexError)                                                                                \
    X(PyExc_KeyboardInterrupt)                                                                         \
    X(PyImport_FrozenModules)                                                                          \
    X(_Py_NoneStruct)

#ifdef SEALIFT_STATIC
#define py(name) name
#define py_data(name) (&name)
#else
struct python_table {
#define X(name) __typeof__(&name) name;
    PYTHON_FUNCTIONS(X)
    PYTHON_DATA(X)
#undef X
};
extern struct python_table python_table;
#define py(name) (python_table.name)
#define py_data(name) (python_table.name)
#endif

#define py_none ((PyObject *)py_data(_Py_NoneStruct))

/* Fills the table from the library at `path`; -1 with reason(). */
int open_python(const char *path);

#endif
