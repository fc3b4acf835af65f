/* For systems that load and start files only: where a file system forbids executing, no tree serves. */
#include "memory.h"

#include <stddef.h>

#include "message.h"

bool memory_serves(void) { return false; }

bool may_execute(int folder) {
    (void)folder;
    return true;
}

const char *loadable_path(const char *root, const char *path) {
    because("%s cannot be executed where %s lies", path, root);
    return NULL;
}

char *executable_in_memory(const struct payload *payload, const char *root) {
    because("%s %s cannot be executed in %s", payload->product, payload->version, root);
    return NULL;
}

char *path_in_memory(int self) { fail(NULL, "it is a copy in memory (%d), which cannot be started here", self); }
