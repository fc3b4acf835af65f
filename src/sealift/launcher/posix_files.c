#include "posix_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"

enum { DEEPEST = 200 };

int open_folder(int folder, const char *name) {
    return openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

DIR *list_folder(int folder) {
    int again = open_folder(folder, ".");
    DIR *list = again < 0 ? NULL : fdopendir(again);
    if (!list && again >= 0) close(again);
    return list;
}

bool is_named(int folder, const char *name, int file) {
    struct stat named, opened;
    if (fstat(file, &opened) < 0 || fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) < 0) return false;
    return opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

int open_to_write(int folder, const char *name) {
    return openat(folder, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
}

int write_at(int file, const void *data, size_t size, uint64_t offset) {
    const char *at = data;
    while (size) {
        ssize_t done = pwrite(file, at, size, (off_t)offset);
        if (done < 0 && errno == EINTR) continue;
        if (done == 0) errno = ENOSPC;
        if (done <= 0) return -1;
        at += done;
        offset += (uint64_t)done;
        size -= (size_t)done;
    }
    return 0;
}

int write_file(int folder, const char *name, const void *data, size_t size, unsigned mode) {
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) return -1;
    int failed = write_at(file, data, size, 0) < 0 || fchmod(file, mode) < 0;
    return close(file) < 0 || failed ? -1 : 0;
}

void *read_file(int folder, const char *name, size_t limit, size_t *size) {
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return NULL;
    struct stat found;
    char *data = NULL;
    if (fstat(file, &found) < 0 || !S_ISREG(found.st_mode)) goto done;
    errno = EFBIG;
    if ((uint64_t)found.st_size > limit) goto done;
    data = allocate((size_t)found.st_size);
    for (*size = 0; *size < (size_t)found.st_size;) {
        ssize_t got = read(file, data + *size, (size_t)found.st_size - *size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        *size += (size_t)got;
    }
done:
    close(file);
    return data;
}

static int make_folder(int folder, const char *path) {
    if (mkdirat(folder, path, 0700) == 0) return 0;
    if (errno != EEXIST) return -1;
    struct stat found;
    if (fstatat(folder, path, &found, AT_SYMLINK_NOFOLLOW) < 0) return -1;
    if (S_ISDIR(found.st_mode)) return 0;
    if (unlinkat(folder, path, 0) < 0) return -1;
    return mkdirat(folder, path, 0700);
}

int make_folders(int folder, const char *path, const char *known) {
    char *prefix = joined("%s", path);
    int failed = 0;
    size_t common = 0;
    for (size_t i = 0; path[i] && path[i] == known[i]; i++)
        if (path[i] == '/') common = i + 1;
    for (char *at = prefix + common; !failed && (at = strchr(at, '/')); *at++ = '/') {
        *at = '\0';
        failed = make_folder(folder, prefix);
    }
    int error = errno;
    free(prefix);
    errno = error;
    return failed;
}

static int empty_folder(int folder, int depth);

static int remove_at_depth(int folder, const char *name, int depth) {
    if (unlinkat(folder, name, 0) == 0 || errno == ENOENT) return 0;
    if (errno != EISDIR && errno != EPERM) return -1;
    int inner = open_folder(folder, name);
    if (inner < 0 || depth == 0) return -1;
    struct stat outside, inside;
    int failed = fstat(folder, &outside) < 0 || fstat(inner, &inside) < 0;
    if (!failed && outside.st_dev == inside.st_dev) {
        fchmod(inner, 0700);
        empty_folder(inner, depth - 1);
    }
    close(inner);
    return unlinkat(folder, name, AT_REMOVEDIR);
}

static int empty_folder(int folder, int depth) {
    DIR *list = list_folder(folder);
    if (!list) return -1;
    int failed = 0;
    for (struct dirent *entry; (entry = readdir(list));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        failed |= remove_at_depth(folder, entry->d_name, depth);
    }
    closedir(list);
    return failed;
}

int remove_entry(int folder, const char *name) { return remove_at_depth(folder, name, DEEPEST); }
