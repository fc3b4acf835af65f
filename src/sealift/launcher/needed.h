/* The libraries that an ELF library asks for. */
#ifndef SEALIFT_NEEDED_H
#define SEALIFT_NEEDED_H

#include <stddef.h>

struct needed {
    char **names; /* as written; name_count of them */
    size_t name_count;
    char *search; /* RUNPATH or RPATH, or NULL */
};

/* Reads the dynamic section of the file; one that cannot be read needs nothing. */
struct needed read_needed(const char *path);
void free_needed(struct needed *needed);

#endif
