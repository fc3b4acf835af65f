#include "message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os.h"

static const char *program = "sealift";
static _Thread_local char kept_reason[1024] = "unknown";

void name_program(const char *path) {
    const char *last = path ? strrchr(path, OS_SEPARATOR) : NULL;
    if (path && *path) program = last && last[1] ? last + 1 : path;
}

static void text_add_list(struct text *text, const char *format, va_list list) {
    va_list again;
    va_copy(again, list);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0) return;
    size_t needed = text->size + (size_t)length + 1;
    if (needed > text->room) {
        char *grown = realloc(text->data, needed * 2);
        if (!grown) return;
        text->data = grown;
        text->room = needed * 2;
    }
    vsnprintf(text->data + text->size, text->room - text->size, format, list);
    text->size += (size_t)length;
}

void text_add(struct text *text, const char *format, ...) {
    va_list list;
    va_start(list, format);
    text_add_list(text, format, list);
    va_end(list);
}

void fail(const char *hint, const char *format, ...) {
    struct text text = {0};
    text_add(&text, "%s: cannot start: ", program);
    va_list list;
    va_start(list, format);
    text_add_list(&text, format, list);
    va_end(list);
    text_add(&text, "\n");
    if (hint) text_add(&text, "%s\n", hint);
    os_end_with(text.data, text.size, LAUNCHER_FAILED);
}

int because(const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(kept_reason, sizeof kept_reason, format, list);
    va_end(list);
    return -1;
}

int because_errno(const char *action, const char *name) {
    return because("cannot %s %s: %s", action, name, strerror(errno));
}

const char *reason(void) { return kept_reason; }

void *allocate(size_t size) {
    void *memory = malloc(size ? size : 1);
    if (!memory) fail(NULL, "there is not enough memory");
    return memory;
}

char *joined(const char *format, ...) {
    struct text text = {0};
    va_list list;
    va_start(list, format);
    text_add_list(&text, format, list);
    va_end(list);
    if (!text.data) fail(NULL, "there is not enough memory");
    return text.data;
}

char *inner_path(const char *folder, const char *name) {
    char *path = joined("%s%c%s", folder, OS_SEPARATOR, name);
    for (char *at = path + strlen(folder); *at; at++)
        if (*at == '/') *at = OS_SEPARATOR;
    return path;
}

#ifdef SEALIFT_TRACE
void trace(const char *step) {
    static double last;
    double now = os_milliseconds();
    fprintf(stderr, "%9.3f ms  %s\n", last > 0 ? now - last : 0.0, step);
    last = os_milliseconds();
}
#endif
