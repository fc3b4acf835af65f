#include "python.h"

#include "module.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "message.h"
#include "os.h"
#include "zstd.h"

enum { LARGEST_GROUP = 256 << 20 };

static const struct launch *launched;

static PyObject *none(void) {
    py(Py_IncRef)(py_none);
    return py_none;
}

static PyObject *damaged_image(void) {
    py(PyErr_SetString)(*py_data(PyExc_ImportError), "image.sealift is damaged");
    return NULL;
}

/* Owns `item` in any case. */
static bool put(PyObject *tuple, Py_ssize_t index, PyObject *item) {
    return item && py(PyTuple_SetItem)(tuple, index, item) == 0;
}

static PyObject *below_root(struct bytes file) {
    if (file.size == 0) return py(PyUnicode_FromStringAndSize)("", 0);
    size_t root = strlen(launched->root);
    char *path = malloc(root + file.size + 2);
    if (!path) return py(PyErr_NoMemory)();
    memcpy(path, launched->root, root);
    path[root] = OS_SEPARATOR;
    for (size_t i = 0; i < file.size; i++) path[root + 1 + i] = file.data[i] == '/' ? OS_SEPARATOR : (char)file.data[i];
    path[root + 1 + file.size] = '\0'; /* asked for before the file system's codec is there */
    PyObject *text = py(PyUnicode_DecodeFSDefaultAndSize)(path, (Py_ssize_t)(root + 1 + file.size));
    free(path);
    return text;
}

static PyObject *find(PyObject *module, PyObject *key) {
    (void)module;
    Py_ssize_t size;
    const char *text = py(PyUnicode_AsUTF8AndSize)(key, &size);
    if (!text) { /* lone surrogates: no key has any */
        py(PyErr_Clear)();
        return none();
    }
    uint32_t index = find_entry(&launched->image, text, (size_t)size);
    struct entry entry;
    if (index == ENTRY_ABSENT) return none();
    if (!read_entry(&launched->image, index, &entry)) return damaged_image();
    PyObject *found = py(PyTuple_New)(3);
    if (found && put(found, 0, py(PyLong_FromUnsignedLong)(entry.flags)) &&
        put(found, 1, py(PyLong_FromUnsignedLong)(index)) && put(found, 2, below_root(entry.file)))
        return found;
    py(Py_DecRef)(found);
    return NULL;
}

static bool entry_of(PyObject *number, struct entry *entry) {
    unsigned long index = py(PyLong_AsUnsignedLong)(number);
    if (index == (unsigned long)-1 && py(PyErr_Occurred)()) return false;
    if (index < ENTRY_ABSENT && read_entry(&launched->image, (uint32_t)index, entry)) return true;
    py(PyErr_SetString)(*py_data(PyExc_IndexError), "the image has no such entry");
    return false;
}

static PyObject *code(PyObject *module, PyObject *index) {
    (void)module;
    struct entry entry;
    if (!entry_of(index, &entry)) return NULL;
    if (!(entry.flags & ENTRY_MODULE)) {
        py(PyErr_SetString)(*py_data(PyExc_ImportError), "the entry has no code");
        return NULL;
    }
    return py(PyMarshal_ReadObjectFromString)((const char *)entry.code.data, (Py_ssize_t)entry.code.size);
}

/* The last group that was unpacked stays: tracebacks ask for one module after the other.  A thread
   takes it while it reads and puts it back, so that none waits for another, not even for one that a
   fork left behind. */
struct group {
    uint32_t number;
    size_t size;
    uint8_t raw[];
};

static _Atomic(struct group *) last_group;

static struct group *unpack_group(uint32_t number) {
    size_t size = 0;
    struct bytes packed = read_group(&launched->image, number, &size);
    if (!packed.data || size > LARGEST_GROUP) return NULL;
    struct group *group = malloc(sizeof *group + size);
    if (!group) return NULL;
    *group = (struct group){.number = number, .size = size};
    if (ZSTD_decompress(group->raw, size, packed.data, packed.size) == size) return group;
    free(group);
    return NULL;
}

static struct group *take_group(uint32_t number) {
    struct group *group = atomic_exchange(&last_group, NULL);
    if (group && group->number == number) return group;
    free(group);
    return unpack_group(number);
}

static PyObject *source(PyObject *module, PyObject *index) {
    (void)module;
    enum { HAS_SOURCE = 16 };
    struct entry entry;
    if (!entry_of(index, &entry)) return NULL;
    if (!(entry.flags & HAS_SOURCE)) return none();
    struct group *group = take_group(entry.group);
    if (!group) return damaged_image();
    PyObject *bytes;
    if (entry.source_offset > group->size || entry.source_size > group->size - entry.source_offset)
        bytes = damaged_image();
    else
        bytes = py(PyBytes_FromStringAndSize)((const char *)group->raw + entry.source_offset,
                                              (Py_ssize_t)entry.source_size);
    free(atomic_exchange(&last_group, group));
    return bytes;
}

static PyObject *child_name(uint32_t child) {
    struct entry entry;
    uint32_t index = read_child(&launched->image, child);
    if (!read_entry(&launched->image, index, &entry)) return damaged_image();
    const char *key = (const char *)entry.key.data, *slash = strrchr(key, '/');
    const char *name = slash ? slash + 1 : key;
    return py(PyUnicode_FromStringAndSize)(name, (Py_ssize_t)strlen(name));
}

static PyObject *children(PyObject *module, PyObject *index) {
    (void)module;
    struct entry entry;
    if (!entry_of(index, &entry)) return NULL;
    if (entry.child_count > launched->image.child_count) return damaged_image();
    PyObject *list = py(PyList_New)((Py_ssize_t)entry.child_count);
    for (uint32_t i = 0; list && i < entry.child_count; i++) {
        PyObject *name = child_name(entry.first_child + i);
        if (name && py(PyList_SetItem)(list, (Py_ssize_t)i, name) == 0) continue;
        py(Py_DecRef)(list);
        return NULL;
    }
    return list;
}

static PyObject *native(PyObject *module, PyObject *path) {
    (void)module;
    PyObject *bytes = py(PyUnicode_EncodeFSDefault)(path);
    if (!bytes) return NULL;
    const char *given = py(PyBytes_AsString)(bytes);
    const char *loadable = launched->noexec ? loadable_path(launched->root, given) : os_to_load(given);
    if (!loadable) py(PyErr_SetString)(*py_data(PyExc_ImportError), reason());
    PyObject *text = loadable ? py(PyUnicode_DecodeFSDefault)(loadable) : NULL;
    py(Py_DecRef)(bytes);
    return text;
}

static int set(PyObject *module, const char *name, PyObject *value) {
    int failed = value ? py(PyObject_SetAttrString)(module, name, value) : -1;
    py(Py_DecRef)(value);
    return failed;
}

static int fill(PyObject *module) {
    struct bytes settings = launched->image.settings;
    const char *mode = launched->is_app ? "app" : "python";
    if (set(module, "root", py(PyUnicode_DecodeFSDefault)(launched->root)) < 0 ||
        set(module, "mode", py(PyUnicode_DecodeFSDefault)(mode)) < 0 ||
        set(module, "executable", py(PyUnicode_DecodeFSDefault)(launched->executable)) < 0)
        return -1;
    return set(module, "settings",
               py(PyBytes_FromStringAndSize)((const char *)settings.data, (Py_ssize_t)settings.size));
}

static PyMethodDef methods[] = {
    {"find", find, METH_O, NULL},         {"code", code, METH_O, NULL},
    {"source", source, METH_O, NULL},     {"children", children, METH_O, NULL},
    {"native", native, METH_O, NULL},     {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, fill},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_sealift", .m_methods = methods, .m_slots = slots};

static PyObject *start_module(void) { return py(PyModuleDef_Init)(&definition); }

void provide_module(const struct launch *launch) {
    launched = launch;
    if (py(PyImport_AppendInittab)("_sealift", start_module) < 0) fail(NULL, "there is not enough memory");
}
