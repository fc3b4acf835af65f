#include "python.h"

#include <dlfcn.h>

#include "message.h"

#ifdef SEALIFT_STATIC

int open_python(const char *path) {
    (void)path;
    return 0;
}

#else

struct python_table python_table;

int open_python(const char *path) {
    static const struct {
        const char *name;
        void *at;
    } symbols[] = {
#define X(symbol) {#symbol, &python_table.symbol},
        PYTHON_FUNCTIONS(X) PYTHON_DATA(X)
#undef X
    };
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!library) return because("%s", dlerror());
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        void *found = dlsym(library, symbols[i].name);
        if (!found) return because("%s has no %s", path, symbols[i].name);
        memcpy(symbols[i].at, &found, sizeof found);
    }
    return 0;
}

#endif
