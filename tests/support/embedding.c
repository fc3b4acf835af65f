/* A program that is Python over the tree it lies in: <root>/bin/<any name>.  It asks the loader for
   nothing but libpython's own search path, as the launcher does. */
#include <Python.h>
#include <libgen.h>
#include <limits.h>
#include <unistd.h>

static void put(PyConfig *config, wchar_t **field, const char *text) {
    PyStatus status = PyConfig_SetBytesString(config, field, text);
    if (PyStatus_Exception(status)) Py_ExitStatusException(status);
}

int main(int argc, char **argv) {
    char program[PATH_MAX] = {0}, root[PATH_MAX], stdlib[PATH_MAX], dynload[PATH_MAX];
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0)
        if (!realpath(argv[0], program)) return 2;
    strcpy(root, program);
    strcpy(root, dirname(root));
    strcpy(root, dirname(root));
    snprintf(stdlib, sizeof stdlib, "%s/lib/" STDLIB, root);
    snprintf(dynload, sizeof dynload, "%s/lib-dynload", stdlib);
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config.site_import = 0;
    config.parse_argv = 1;
    config.module_search_paths_set = 1;
    put(&config, &config.program_name, program);
    put(&config, &config.home, root);
    PyWideStringList_Append(&config.module_search_paths, Py_DecodeLocale(stdlib, NULL));
    PyWideStringList_Append(&config.module_search_paths, Py_DecodeLocale(dynload, NULL));
    PyStatus status = PyConfig_SetBytesArgv(&config, argc, argv);
    if (PyStatus_Exception(status)) Py_ExitStatusException(status);
    status = Py_InitializeFromConfig(&config);
    if (PyStatus_Exception(status)) Py_ExitStatusException(status);
    PyConfig_Clear(&config);
    return Py_RunMain();
}
