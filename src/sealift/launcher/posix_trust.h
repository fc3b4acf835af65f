/* Owners and modes of files that code is loaded from. */
#ifndef SEALIFT_POSIX_TRUST_H
#define SEALIFT_POSIX_TRUST_H

#include <sys/stat.h>

/* Whether all folders from "/" to `path`, which has no links, are root's, ours or `owner`'s and not
   writable by others unless sticky.  -1 with reason(). */
int check_folders(const char *path, uid_t owner);

/* Owned by root, us or `owner`, and not writable by others; `name` is for the reason. */
int check_owner(const struct stat *found, uid_t owner, const char *name);

#endif
