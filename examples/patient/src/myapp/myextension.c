#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>

/* 32-bit FNV-1a of a bytes-like object. */
static PyObject *
checksum(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer data;
    uint32_t sum = 2166136261u;

    if (!PyArg_ParseTuple(arguments, "y*:checksum", &data)) {
        return NULL;
    }
    const unsigned char *bytes = data.buf;
    for (Py_ssize_t i = 0; i < data.len; i++) {
        sum = (sum ^ bytes[i]) * 16777619u;
    }
    PyBuffer_Release(&data);
    return PyLong_FromUnsignedLong(sum);
}

static PyMethodDef methods[] = {
    {"checksum", checksum, METH_VARARGS, "checksum(data) -> int\n\n32-bit FNV-1a of data."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "myextension",
    .m_doc = "A checksum in C.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_myextension(void)
{
    return PyModuleDef_Init(&definition);
}
