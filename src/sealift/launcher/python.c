#include "python.h"

#include "about.h"
#include "message.h"
#include "os.h"

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
#define NAMED(text, symbol) {text, &python_table.symbol},
#define X(symbol) NAMED(AS_TEXT_OF(symbol), symbol)
        PYTHON_FUNCTIONS(X) PYTHON_DATA(X)
#undef X
#undef NAMED
    };
    void *library = os_load_library(path);
    if (!library) return -1;
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        void *found = os_find_symbol(library, symbols[i].name);
        if (!found) return because("%s has no %s", path, symbols[i].name);
        memcpy(symbols[i].at, &found, sizeof found);
    }
    return 0;
}

#endif
