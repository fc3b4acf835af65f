/* What systems with POSIX do each in its own way: os_linux.c, os_macos.c. */
#ifndef SEALIFT_POSIX_KINDS_H
#define SEALIFT_POSIX_KINDS_H

#include <stdbool.h>

/* What was written to `file` survives losing power. */
int posix_sync(int file);

/* The folder `name` in `folder`, opened only to pass through it; no link. */
int posix_pass(int folder, const char *name);

/* That no list of rights beside its mode lets anybody else write to `name` in `folder`, which is called
   `shown`.  -1 with reason(), also where that cannot be told. */
int posix_check_list(int folder, const char *name, const char *shown);

/* Where caches of a user belong whose home is `home` (or NULL), best first; their number. */
enum { MOST_CACHES = 3 };
int posix_user_caches(const char *home, char *caches[MOST_CACHES]);

/* Folders that all users share, on disks and in memory; each list ends with NULL. */
extern const char *const posix_shared_places[];
extern const char *const posix_memory_places[];

#endif
