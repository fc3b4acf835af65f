/* Files below an open folder, by numbers that close_file() gives back: posix_files.c and
   windows_files.c.  Names are UTF-8 (or any bytes where the system has any) with "/" between their
   parts; a link is never followed.  Each call returns -1 with errno set when it fails. */
#ifndef SEALIFT_FILES_H
#define SEALIFT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NO_MODE = 0xffff }; /* of files on systems that have no such thing */

struct facts {
    bool is_file, is_folder;
    unsigned mode; /* permission bits */
    uint64_t size;
    int64_t modified, changed; /* nanoseconds since 1970 */
};

int open_root(const char *path); /* a folder by its absolute path */
int open_folder(int folder, const char *name);
int open_to_read(int folder, const char *name);
int open_to_write(int folder, const char *name);
int open_or_make(int folder, const char *name, unsigned mode); /* to write */
int close_file(int file);

bool look_at(int folder, const char *name, struct facts *facts);
bool look_at_open(int file, struct facts *facts);

/* Whether `name` in `folder` is what is open as `file`. */
bool is_named(int folder, const char *name, int file);

/* Makes a folder that nobody else may look into, or a file; one that is there is EEXIST.  The file
   cannot be written to by what is returned. */
int make_folder(int folder, const char *name);
int make_file(int folder, const char *name);

int write_at(int file, const void *data, size_t size, uint64_t offset);
int set_mode(int file, unsigned mode);
int sync_file(int file);
int set_time(int folder, const char *name); /* of its last change, to now */

/* A new file with exactly this content and mode; an existing one is an error. */
int write_file(int folder, const char *name, const void *data, size_t size, unsigned mode);

/* The whole file; NULL with errno set.  Larger than `limit` is EFBIG. */
void *read_file(int folder, const char *name, size_t limit, size_t *size);

/* Up to `size` bytes from `offset`; how many, or -1. */
long read_at(int file, void *data, size_t size, uint64_t offset);

/* The bytes of an open file, to be read; NULL with errno. */
const void *map_file(int file, uint64_t size);
void unmap_file(const void *data, uint64_t size);

/* Gives a file another name in `folder`, which is taken from any other file. */
int rename_file(int folder, const char *name, const char *other);

/* Gives a folder that is open and locked as `opened` a name that is free, ENOENT when `name` is not it
   any more.  `share`: its lock is a shared one then. */
int rename_folder(int folder, const char *name, const char *other, int opened, bool share);

/* Makes a folder where there is none; a file in the way goes. */
int ensure_folder(int folder, const char *path);

/* Makes the folders in front of the last part of `path`, as ensure_folder does.  Those of `known`,
   another path, are there already. */
int make_folders(int folder, const char *path, const char *known);

int remove_file(int folder, const char *name);

/* Deletes a file or a whole folder, which may be open as `opened` (else -1): no path is followed
   twice, no link at all, and nothing on another file system is touched. */
int remove_entry(int folder, const char *name, int opened);

/* The entries of an open folder, from its beginning; NULL with errno. */
struct listing;
struct listing *list_folder(int folder);
const char *next_entry(struct listing *listing); /* without "." and ".." */
void close_listing(struct listing *listing);

#endif
