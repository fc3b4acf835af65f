#include "python.h"

#include "start.h"

#include <stdlib.h>
#include <string.h>

#include "about.h"
#include "memory.h"
#include "message.h"
#include "os.h"

#define IMPORTER "_sealift_importer"

static const char *const search_path[] = {PYTHON_STDLIB, PYTHON_DYNLOAD, PYTHON_SITE};

static PyObject *importer;

static void check(PyStatus status) {
    if (!py(PyStatus_Exception)(status)) return;
    if (py(PyStatus_IsExit)(status)) exit(status.exitcode);
    fail(NULL, "the interpreter does not start: %s", status.err_msg ? status.err_msg : "unknown reason");
}

/* Modules that are needed before the importer works lie in the image as frozen ones. */
static void provide_frozen(const struct image *image) {
    struct _frozen *table = allocate((image->frozen_count + 1) * sizeof *table);
    memset(table, 0, (image->frozen_count + 1) * sizeof *table);
    for (uint32_t i = 0; i < image->frozen_count; i++) {
        struct frozen_name frozen;
        if (!read_frozen(image, i, &frozen)) fail(NULL, IMAGE_NAME " is damaged: a module lies outside");
        table[i].name = frozen.name;
        table[i].code = frozen.code.data;
        table[i].size = (int)frozen.code.size;
        table[i].is_package = frozen.is_package;
    }
    *py_data(PyImport_FrozenModules) = table;
}

static void open_library(const struct launch *launch) {
    char *library = inner_path(launch->root, PYTHON_LIBRARY);
    const char *path = library;
    if (launch->noexec && PYTHON_LIBRARY[0]) path = loadable_path(launch->root, library);
    if (!path || open_python(path) < 0) fail(NULL, "%s", reason());
    free(library);
}

static void preinitialise(const struct launch *launch, int argc, argument **argv) {
    PyPreConfig config;
    if (launch->is_app) {
        py(PyPreConfig_InitIsolatedConfig)(&config);
    } else {
        py(PyPreConfig_InitPythonConfig)(&config);
        config.use_environment = 0;
    }
    config.utf8_mode = 1;
    config.configure_locale = 1;
    config.coerce_c_locale = 1; /* the C locale becomes C.UTF-8, for C libraries and children, too (PEP 538) */
    if (launch->is_app) check(py(Py_PreInitialize)(&config));
    else check(py(PREINITIALISE_FROM_ARGUMENTS)(&config, argc, argv));
}

static void set_text(PyConfig *config, wchar_t **field, const char *text) {
    check(py(PyConfig_SetBytesString)(config, field, text));
}

static void add_search_path(PyConfig *config, const char *root) {
    config->module_search_paths_set = 1;
    for (size_t i = 0; i < sizeof search_path / sizeof *search_path; i++) {
        char *path = inner_path(root, search_path[i]);
        wchar_t *wide = py(Py_DecodeLocale)(path, NULL);
        if (!wide) fail(NULL, "its path %s cannot be decoded", path);
        check(py(PyWideStringList_Append)(&config->module_search_paths, wide));
        py(PyMem_RawFree)(wide);
        free(path);
    }
}

static void set_places(PyConfig *config, const struct launch *launch) {
    wchar_t **roots[] = {&config->home,        &config->prefix,      &config->base_prefix,
                         &config->exec_prefix, &config->base_exec_prefix};
    wchar_t **programs[] = {&config->program_name, &config->executable, &config->base_executable};
    char *stdlib = inner_path(launch->root, PYTHON_STDLIB);
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) set_text(config, roots[i], launch->root);
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        set_text(config, programs[i], launch->executable);
    set_text(config, &config->stdlib_dir, stdlib);
    set_text(config, &config->platlibdir, SEALIFT_PLATLIBDIR);
    add_search_path(config, launch->root);
    free(stdlib);
}

static void configure_app(PyConfig *config) {
    py(PyConfig_InitIsolatedConfig)(config);
    config->parse_argv = 0;
}

static void configure_python(PyConfig *config) {
    py(PyConfig_InitPythonConfig)(config);
    config->parse_argv = 1;
    config->use_environment = 0;
    config->user_site_directory = 0;
}

/* [sys.executable, *sys.argv] starts a program anew everywhere; here its first argument is no script
   but the product, which is started in Python's place. */
static void restart_product(argument **script) {
    if (os_is_program(script[0])) os_replace(script);
}

static void *allocate_arena(void *context, size_t size) {
    (void)context;
    return os_map_memory(size);
}

static void free_arena(void *context, void *arena, size_t size) {
    (void)context;
    os_unmap_memory(arena, size);
}

static void provide_arenas(void) {
    PyObjectArenaAllocator allocator = {NULL, allocate_arena, free_arena};
    py(PyObject_SetArenaAllocator)(&allocator);
}

void start_interpreter(const struct launch *launch, int argc, argument **argv) {
    os_load_helpers(launch->root, launch->noexec);
    open_library(launch);
    trace("libpython");
    provide_frozen(&launch->image);
    provide_module(launch);
    provide_arenas();
    preinitialise(launch, argc, argv);
    PyConfig config;
    if (launch->is_app) configure_app(&config);
    else configure_python(&config);
    config.site_import = 0;
    config.write_bytecode = 0;
    config.install_signal_handlers = 1;
    config.pathconfig_warnings = 0;
    check(py(SET_ARGUMENTS)(&config, argc, argv));
    set_places(&config, launch);
    if (!launch->is_app) {
        check(py(PyConfig_Read)(&config));
        /* A script may import what lies beside it; -c, -m and standard input may not look into the
           working directory. */
        if (config.run_filename && config.argv.length <= argc) restart_product(argv + argc - config.argv.length);
        if (!config.run_filename) config.safe_path = 1;
        config.site_import = 0;
    }
    trace("configuration");
    check(py(Py_InitializeFromConfig)(&config));
    py(PyConfig_Clear)(&config);
    if (launch->is_app) py(PyGC_Disable)();
    trace("interpreter");
}

/* Ends like `python -c` after an exception that nobody caught. */
static int end(int status) {
    bool interrupted = false;
    if (py(PyErr_Occurred)()) {
        interrupted = py(PyErr_ExceptionMatches)(*py_data(PyExc_KeyboardInterrupt));
        status = 1;
        py(PyErr_Print)(); /* SystemExit finalises and ends the process */
    }
    if (py(Py_FinalizeEx)() < 0) status = 120;
    return interrupted ? os_end_interrupted() : status;
}

static PyObject *method(const char *name) {
    PyObject *found = py(PyObject_GetAttrString)(importer, name);
    if (!found) exit(end(1));
    return found;
}

static PyObject *result_of(PyObject *function, PyObject *result) {
    py(Py_DecRef)(function);
    if (!result) exit(end(1));
    return result;
}

void install_importer(void) {
    importer = py(PyImport_ImportModule)(IMPORTER);
    if (!importer) exit(end(1));
    PyObject *install = method("install");
    py(Py_DecRef)(result_of(install, py(PyObject_CallNoArgs)(install)));
    trace("importer");
}

PyObject *import_entry(void) {
    PyObject *import = method("import_entry");
    PyObject *entry = result_of(import, py(PyObject_CallNoArgs)(import));
    trace("entry imported");
    return entry;
}

int call_entry(PyObject *entry) {
    PyObject *call = method("call_entry");
    PyObject *result = py(PyObject_CallOneArg)(call, entry);
    py(Py_DecRef)(call);
    py(Py_DecRef)(entry);
    trace("entry returned");
    py(Py_DecRef)(result);
    int status = end(0);
    trace("end");
    return status;
}

int run_python(void) { return py(Py_RunMain)(); }
