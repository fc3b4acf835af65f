/* Files below an open folder.  Each call returns -1 with errno set when it fails. */
#ifndef SEALIFT_POSIX_FILES_H
#define SEALIFT_POSIX_FILES_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int open_folder(int folder, const char *name);

/* The entries of an open folder, from its beginning; NULL with errno. */
DIR *list_folder(int folder);

/* Whether `name` in `folder` is what is open as `file`. */
bool is_named(int folder, const char *name, int file);

int write_at(int file, const void *data, size_t size, uint64_t offset);

/* A new file with exactly this content and mode; an existing one is an error. */
int write_file(int folder, const char *name, const void *data, size_t size, unsigned mode);

/* An existing file, to write to. */
int open_to_write(int folder, const char *name);

/* The whole file; NULL with errno set.  Larger than `limit` is EFBIG. */
void *read_file(int folder, const char *name, size_t limit, size_t *size);

/* Makes the folders in front of the last part of `path`, mode 0700; a file in the way goes.  Those
   of `known`, another path, are there already. */
int make_folders(int folder, const char *path, const char *known);

/* Deletes a file or a whole folder, from descriptor to descriptor: no path is followed twice, no
   link at all, and nothing on another file system is touched. */
int remove_entry(int folder, const char *name);

#endif
