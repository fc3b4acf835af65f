#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lock.h"
#include "message.h"
#include "os.h"
#include "posix_files.h"

enum { ATTEMPTS = 100, DAY = 24 * 3600 };

char *scratch_name(const char *stem) {
    return joined(".%s.%ld.%016llx", stem, (long)getpid(), (unsigned long long)os_random());
}

static int make_folder(int base, const char *name) {
    if (mkdirat(base, name, 0700) < 0) return -1;
    int folder = open_folder(base, name);
    if (folder < 0) {
        int error = errno;
        unlinkat(base, name, AT_REMOVEDIR);
        errno = error;
    }
    return folder;
}

static int make_file(int base, const char *name) {
    int file = openat(base, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file >= 0) fchmod(file, 0600); /* whatever the umask */
    return file;
}

static int open_scratch(int base, const char *stem, char **name, int (*make)(int, const char *)) {
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        *name = scratch_name(stem);
        int made = make(base, *name);
        /* Between its making and its locking it may have been taken for a dead process's. */
        if (made >= 0 && lock_file(made, true) != LOCK_BUSY && is_named(base, *name, made)) return made;
        int error = errno;
        if (made >= 0) {
            remove_entry(base, *name);
            close(made);
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
    struct stat found;
    switch (lock_file(scratch, true)) {
    case LOCK_HELD: return true;
    case LOCK_BUSY: return false;
    case LOCK_ABSENT: break;
    }
    return fstat(scratch, &found) == 0 && time(NULL) - found.st_ctim.tv_sec > DAY;
}

void remove_leftovers(int base, const char *stem) {
    DIR *list = list_folder(base);
    if (!list) return;
    for (struct dirent *entry; (entry = readdir(list));) {
        if (!is_scratch_name(entry->d_name, stem)) continue;
        int scratch = openat(base, entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (scratch < 0) continue;
        /* No name comes twice: what was finished meanwhile has another one and stays. */
        if (is_left_over(scratch)) remove_entry(base, entry->d_name);
        close(scratch);
    }
    closedir(list);
}
