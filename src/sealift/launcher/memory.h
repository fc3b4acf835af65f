/* Native files where the cache's file system forbids executing: copies without a name, in memory, on
   systems that have such (memory.c; no_memory.c elsewhere). */
#ifndef SEALIFT_MEMORY_H
#define SEALIFT_MEMORY_H

#include <stdbool.h>

#include "payload.h"

/* Whether native files may be loaded, and programs started, that lie in memory alone. */
bool memory_serves(void);

/* A path that gives the dynamic loader a copy of the file `path`; the libraries below `root` that it
   needs are loaded first, so that the loader finds them by name.  The same file gives the same copy.
   NULL with reason(). */
const char *loadable_path(const char *root, const char *path);

/* Whether files in the open folder, which has the launcher, may be executed; some systems forbid it
   without telling so of the file system. */
bool may_execute(int folder);

/* The launcher itself, with `root` told in its own bytes: a path that any process of the user may
   execute while this one lives.  NULL with reason(). */
char *executable_in_memory(const struct payload *payload, const char *root);

/* The same of such a copy that is open and runs. */
char *path_in_memory(int self);

#endif
