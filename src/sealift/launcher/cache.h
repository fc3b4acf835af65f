/* The cache: where trees of single files are kept between starts. */
#ifndef SEALIFT_CACHE_H
#define SEALIFT_CACHE_H

#include <stdbool.h>

#include "payload.h"

/* The tree the program runs from. */
struct root {
    char *path; /* absolute, without a slash at its end */
    int folder; /* open as long as the process lives: it carries the lock */
    bool noexec;
};

/* The tree of `payload`, found, mended or made at the first place that will do; an error that names
   all of them when none does. */
struct root prepare_cache(const struct payload *payload);

#endif
