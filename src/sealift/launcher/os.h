/* What each system does in its own way: os_linux.c, os_windows.c, and their kin for other parts. */
#ifndef SEALIFT_OS_H
#define SEALIFT_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An argument of a command line as the system gives it, what separates the parts of a path, whether what
   is in front of a payload is the launcher alone, even of a signed file, and how `struct stat` calls
   times. */
#ifdef _WIN32
typedef wchar_t argument;
#define OS_SEPARATOR '\\'
#define OS_PROGRAM_IN_FRONT 0
#else
typedef char argument;
#define OS_SEPARATOR '/'
#define OS_PROGRAM_IN_FRONT 1
#define OS_MODIFIED st_mtim
#define OS_CHANGED st_ctim
#endif

enum { BOOT_ID_SIZE = 40 };

/* Before anything else, in the launcher alone. */
void os_prepare_process(void);

/* The running program: a descriptor (works when the file was renamed or deleted), its absolute
   path (NULL when there is none any more), and the path it was started by. */
int os_open_self(void);
char *os_self_path(void);
const char *os_started_path(void);

/* Where the program that is open as `self` ends in its file, by its own headers; 0 when that cannot be
   told. */
uint64_t os_program_end(int self);

/* Loads a shared library for the life of the process, and finds what it offers; NULL with reason(). */
void *os_load_library(const char *path);
void *os_find_symbol(void *library, const char *name);

/* What to give Python's own loader for the native file at `path`; NULL with reason(). */
const char *os_to_load(const char *path);

/* Loads what has to be there before libpython is, from the tree at `root`; `noexec`: from memory. */
void os_load_helpers(const char *root, bool noexec);

/* Whether `path` is a native program, and so no script. */
bool os_is_program(const argument *path);

/* What a script would be told that was started by `name`, the first of the arguments: found on PATH, a
   program is only told its name, a script its path; programs look for it. */
argument *os_path_of_program(argument *name);

/* Runs a program in the place of this one; returns when it cannot be started. */
void os_replace(argument **arguments);

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
   no more. */
void *os_map_memory(size_t size);
void os_unmap_memory(void *memory, size_t size);

uint64_t os_random(void);
unsigned long os_process(void);
int os_processors(void);
void os_sleep(int milliseconds);
double os_milliseconds(void); /* since some moment */

/* The bits that new files do not get; the ones before. */
unsigned os_set_mask(unsigned mask);

/* Occupies the standard descriptors that are closed, so that no file of ours gets their numbers;
   the second call closes them again. */
unsigned os_occupy_stdio(void);
void os_release_stdio(unsigned occupied);

/* A message for people, and the end of the process. */
_Noreturn void os_end_with(const char *message, size_t size, int status);

/* Ends as programs do after Ctrl-C, where that takes more than a status; the status. */
int os_end_interrupted(void);

#endif
