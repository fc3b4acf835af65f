/* Everything that is not POSIX: one implementation a system (os_linux.c). */
#ifndef SEALIFT_OS_H
#define SEALIFT_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BOOT_ID_SIZE = 40 };

/* The running program: a descriptor (works when the file was renamed or deleted), its absolute
   path (NULL when there is none any more), and the path it was started by. */
int os_open_self(void);
char *os_self_path(void);
const char *os_started_path(void);

/* Loads a shared library for the life of the process; false when there is none. */
bool os_load_library(const char *name_or_path);
#define OS_UNWINDER "libgcc_s.so.1"

/* Whether `path` is a native program, and so no script. */
bool os_is_program(const char *path);

/* Started with the rights of somebody else (set-user-ID and the like)? */
bool os_is_secure(void);

/* What changes with every boot; false when it is not known. */
bool os_boot_id(char id[BOOT_ID_SIZE]);

/* Programs and libraries of this folder's file system cannot be executed. */
bool os_forbids_exec(int folder);

/* Bytes that fit into the file system of a folder; UINT64_MAX when it does not tell. */
uint64_t os_free_space(int folder);

/* Whatever was written to the file system of `folder` survives losing power. */
int os_make_durable(int folder);

/* A file without a name that may be executed; its path while it is open: for this process, or for
   any process of the user. */
int os_memory_file(const char *name);
int os_reopen_to_read(int descriptor); /* a file somebody can still write to cannot be started */
char *os_descriptor_path(int descriptor, bool any_process);

/* Zeroed memory for an arena of Python's allocator, the first ones on huge pages; NULL when there is
   no more.  munmap() gives it back. */
void *os_map_memory(size_t size);

uint64_t os_random(void);
int os_processors(void);

/* Occupies the standard descriptors that are closed, so that no file of ours gets their numbers;
   the second call closes them again. */
unsigned os_occupy_stdio(void);
void os_release_stdio(unsigned occupied);

#endif
