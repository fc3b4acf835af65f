#include "scratch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "files.h"
#include "lock.h"
#include "message.h"
#include "os.h"

enum { ATTEMPTS = 100, DAY = 24 * 3600, NANOSECONDS = 1000000000 };

char *scratch_name(const char *stem) {
    return joined(".%s.%ld.%016llx", stem, os_process(), (unsigned long long)os_random());
}

static int open_scratch(int base, const char *stem, char **name, int (*make)(int, const char *)) {
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        *name = scratch_name(stem);
        int made = make(base, *name);
        /* Between its making and its locking it may have been taken for a dead process's. */
        if (made >= 0 && lock_file(made, true) != LOCK_BUSY && is_named(base, *name, made)) return made;
        int error = errno;
        if (made >= 0) {
            remove_entry(base, *name, made);
            close_file(made);
        }
        free(*name);
        errno = error;
        if (made < 0 && errno != EEXIST && errno != ENOENT) break;
    }
    *name = NULL;
    return -1;
}

int open_scratch_folder(int base, const char *stem, char **name) {
    return open_scratch(base, stem, name, make_folder);
}

int open_scratch_file(int base, const char *stem, char **name) {
    return open_scratch(base, stem, name, make_file);
}

static bool is_scratch_name(const char *name, const char *stem) {
    const char *last = strrchr(name, '.');
    size_t size = stem ? strlen(stem) : 0;
    if (name[0] != '.' || last == name || (stem && (strncmp(name + 1, stem, size) != 0 || name[size + 1] != '.')))
        return false;
    return strlen(last + 1) == 16 && strspn(last + 1, "0123456789abcdef") == 16;
}

static bool is_left_over(int scratch) {
    struct facts found;
    switch (lock_file(scratch, true)) {
    case LOCK_HELD: return true;
    case LOCK_BUSY: return false;
    case LOCK_ABSENT: break;
    }
    return look_at_open(scratch, &found) && time(NULL) - found.changed / NANOSECONDS > DAY;
}

void remove_leftovers(int base, const char *stem) {
    struct listing *list = list_folder(base);
    if (!list) return;
    for (const char *name; (name = next_entry(list));) {
        if (!is_scratch_name(name, stem)) continue;
        int scratch = open_to_read(base, name);
        if (scratch < 0) continue;
        /* No name comes twice: what was finished meanwhile has another one and stays. */
        if (is_left_over(scratch)) remove_entry(base, name, scratch);
        close_file(scratch);
    }
    close_listing(list);
}
