/* What the parts for Windows share: texts, and handles behind the numbers of files.h. */
#ifndef SEALIFT_WINDOWS_FILES_H
#define SEALIFT_WINDOWS_FILES_H

#include <stdbool.h>

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

/* UTF-8 to UTF-16 and back, to be freed; names that are no UTF-16 come back with U+FFFD. */
wchar_t *wide(const char *text);
char *narrow(const wchar_t *text);

/* A path below a folder with "\" between its parts, to be freed. */
wchar_t *wide_below(const char *path);

/* An absolute path as calls take it that know no limit to its length. */
wchar_t *extended_path(const char *path);

HANDLE handle_of(int file);

/* The number that stands for `handle` from now on. */
int number_of(HANDLE handle);

/* The present path of an open folder or file, without the prefix for long ones; NULL when it has none. */
char *path_of(int file);

/* `folder` is about to be closed, or to get another name. */
void forget_path(int folder);

/* errno for an error of Windows; always -1. */
int set_errno(DWORD error);

/* How to open something: rights besides looking at it, and what NtCreateFile is told; `locks`: nobody may
   delete it meanwhile. */
struct wish {
    DWORD access, disposition, options;
    void *descriptor;
    bool locks;
};

static inline struct wish to_open(DWORD access, DWORD disposition, DWORD options) {
    return (struct wish){access, disposition, options, NULL, false};
}

/* What `path` below an open folder is, a link itself; NULL with errno. */
HANDLE open_below(int folder, const char *path, struct wish wish);

/* What a new folder gets that belongs to the user alone: a SECURITY_DESCRIPTOR (windows_place.c). */
void *private_descriptor(void);

#endif
