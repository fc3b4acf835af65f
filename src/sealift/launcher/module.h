/* `_sealift`, the module through which the importer asks the image.

   root: str            the tree, absolute, no slash at its end
   settings: bytes      marshalled settings of the image
   mode: str            "app" or "python"
   executable: str      value for sys.executable
   find(key: str) -> tuple[int, int, str] | None       flags, index, file ("" when it has none)
   code(index: int) -> code             ImportError when the entry has none
   source(index: int) -> bytes | None
   children(index: int) -> list[str]    names directly below
   native(path: str) -> str             what to give the dynamic loader for this file */
#ifndef SEALIFT_MODULE_H
#define SEALIFT_MODULE_H

#include <stdbool.h>

#include "image.h"

struct launch {
    char *root;
    int folder; /* the root, open and locked */
    bool noexec;
    bool is_app;
    char *executable;
    struct image image;
};

/* Makes the module known to the interpreter, before it starts; `launch` has to stay. */
void provide_module(const struct launch *launch);

#endif
