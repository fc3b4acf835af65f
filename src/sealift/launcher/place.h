/* Places a cache may lie in, and whether they can be trusted. */
#ifndef SEALIFT_PLACE_H
#define SEALIFT_PLACE_H

#include <stdbool.h>
#include <sys/stat.h>

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

enum { MOST_PLACES = 8 };

/* All candidates, best first; their number. */
int list_places(struct place places[MOST_PLACES]);

/* Opens our folder, made when `make`; every folder above must be root's or ours and not writable by
   others unless sticky, our own must be ours alone.  -1 with reason(). */
int open_place(struct place *place, bool make);

/* Whether all folders from "/" to `path`, which has no links, are root's, ours or `owner`'s and not
   writable by others unless sticky.  -1 with reason(). */
int check_folders(const char *path, uid_t owner);

/* Owned by root, us or `owner`, and not writable by others; `name` is for the reason. */
int check_owner(const struct stat *found, uid_t owner, const char *name);

#endif
