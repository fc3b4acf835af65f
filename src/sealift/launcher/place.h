/* Places a cache may lie in, and whether they can be trusted. */
#ifndef SEALIFT_PLACE_H
#define SEALIFT_PLACE_H

#include <stdbool.h>

/* The launcher's own folder at one place. */
struct place {
    const char *wanted; /* the place as it was named */
    bool shared;        /* others have their folders there, too */
    bool may_make;      /* the place itself may be made, */
    bool is_named;      /* and the folders above it: the user asked for it by name */
    bool is_own;        /* the place is named for us alone: no folder "sealift" in it */
    bool noexec;
    char *path; /* of our folder, without links; NULL until it was opened */
    int folder; /* -1 until it was opened */
    char *refusal;
};

enum { MOST_PLACES = 10 };

/* Implemented for each kind of system: posix_place.c, windows_place.c.

   All candidates, best first; their number. */
int list_places(struct place places[MOST_PLACES]);

/* Opens our folder, made when `make`; every folder above must be the system's or ours, so that nobody
   else can put another in its place, and our own must be ours alone.  -1 with reason(). */
int open_place(struct place *place, bool make);

/* Whether the open folder `name` of a cache is ours, and open to nobody else from now on.  -1 with
   reason(). */
int keep_private(int folder, const char *name);

#endif
