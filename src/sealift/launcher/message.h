/* What the launcher tells people, and why a step could not be done. */
#ifndef SEALIFT_MESSAGE_H
#define SEALIFT_MESSAGE_H

#include <stddef.h>

enum { LAUNCHER_FAILED = 71 }; /* exit status of every failure of the launcher (EX_OSERR) */

#define PRINTF_LIKE(text, first) __attribute__((__format__(__printf__, text, first)))

/* A text that grows; it starts as {0}. */
struct text {
    char *data; /* NUL-terminated once something was added */
    size_t size, room;
};

void text_add(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);

/* The name in front of every message: the last part of the path it was started by. */
void name_program(const char *path);

/* Ends the process with "<program>: cannot start: …" and, when not NULL, the lines of `hint`. */
_Noreturn void fail(const char *hint, const char *format, ...) PRINTF_LIKE(2, 3);

/* Keeps why the present step of this thread failed, for whoever decides what to do; always returns -1. */
int because(const char *format, ...) PRINTF_LIKE(1, 2);
int because_errno(const char *action, const char *name); /* "cannot <action> <name>: <strerror>" */
const char *reason(void);

/* Memory, or the end of the process. */
void *allocate(size_t size);
char *joined(const char *format, ...) PRINTF_LIKE(1, 2);
char *inner_path(const char *folder, const char *name); /* as the system writes paths */

#ifdef SEALIFT_TRACE
void trace(const char *step);
#else
#define trace(step) ((void)0)
#endif

#endif
