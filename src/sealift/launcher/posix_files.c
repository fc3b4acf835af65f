#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lock.h"
#include "message.h"
#include "os.h"
#include "posix_kinds.h"

enum { DEEPEST = 200 };

int open_root(const char *path) { return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); }

int open_folder(int folder, const char *name) {
    return openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int open_to_read(int folder, const char *name) {
    return openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

int open_or_make(int folder, const char *name, unsigned mode) {
    return openat(folder, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, (mode_t)mode);
}

int close_file(int file) { return close(file); }

static int64_t nanoseconds(const struct timespec *time) {
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static void take_facts(const struct stat *found, struct facts *facts) {
    *facts = (struct facts){.is_file = S_ISREG(found->st_mode),
                            .is_folder = S_ISDIR(found->st_mode),
                            .mode = found->st_mode & 07777,
                            .size = (uint64_t)found->st_size,
                            .modified = nanoseconds(&found->OS_MODIFIED),
                            .changed = nanoseconds(&found->OS_CHANGED)};
}

bool look_at(int folder, const char *name, struct facts *facts) {
    struct stat found;
    if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) < 0) return false;
    take_facts(&found, facts);
    return true;
}

bool look_at_open(int file, struct facts *facts) {
    struct stat found;
    if (fstat(file, &found) < 0) return false;
    take_facts(&found, facts);
    return true;
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

int set_mode(int file, unsigned mode) { return fchmod(file, (mode_t)mode); }

int sync_file(int file) { return posix_sync(file); }

int set_time(int folder, const char *name) { return utimensat(folder, name, NULL, AT_SYMLINK_NOFOLLOW); }

long read_at(int file, void *data, size_t size, uint64_t offset) {
    ssize_t got;
    do got = pread(file, data, size, (off_t)offset);
    while (got < 0 && errno == EINTR);
    return got;
}

const void *map_file(int file, uint64_t size) {
    const void *mapped = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, file, 0);
    return mapped == MAP_FAILED ? NULL : mapped;
}

void unmap_file(const void *data, uint64_t size) { munmap((void *)(uintptr_t)data, (size_t)size); }

int write_file(int folder, const char *name, const void *data, size_t size, unsigned mode) {
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) return -1;
    int failed = write_at(file, data, size, 0) < 0 || fchmod(file, mode) < 0;
    return close(file) < 0 || failed ? -1 : 0;
}

void *read_file(int folder, const char *name, size_t limit, size_t *size) {
    int file = open_to_read(folder, name);
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

int make_folder(int folder, const char *name) {
    if (mkdirat(folder, name, 0700) < 0) return -1;
    int made = open_folder(folder, name);
    if (made >= 0) {
        fchmod(made, 0700); /* without what it inherits */
        return made;
    }
    int error = errno;
    unlinkat(folder, name, AT_REMOVEDIR);
    errno = error;
    return -1;
}

int make_file(int folder, const char *name) {
    int file = openat(folder, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file >= 0) fchmod(file, 0600); /* whatever the umask */
    return file;
}

enum lock_state lock_file(int file, bool exclusive) {
    int failed;
    do failed = flock(file, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB);
    while (failed && errno == EINTR);
    if (!failed) return LOCK_HELD;
    return errno == EWOULDBLOCK ? LOCK_BUSY : LOCK_ABSENT;
}

int rename_file(int folder, const char *name, const char *other) { return renameat(folder, name, folder, other); }

int rename_folder(int folder, const char *name, const char *other, int opened, bool share) {
    /* From its new name on it is anybody's, so its lock is a shared one before.  Between the two locks
       it may have been taken for a dead process's. */
    bool lost = (share && lock_file(opened, false) == LOCK_BUSY) || !is_named(folder, name, opened);
    if (lost) errno = ENOENT;
    return lost ? -1 : renameat(folder, name, folder, other);
}

int ensure_folder(int folder, const char *path) {
    if (mkdirat(folder, path, 0700) == 0) return 0;
    if (errno != EEXIST) return -1;
    struct stat found;
    if (fstatat(folder, path, &found, AT_SYMLINK_NOFOLLOW) < 0) return -1;
    if (S_ISDIR(found.st_mode)) return 0;
    if (unlinkat(folder, path, 0) < 0) return -1;
    return mkdirat(folder, path, 0700);
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
    struct listing *listing = list_folder(folder);
    if (!listing) return -1;
    int failed = 0;
    for (const char *name; (name = next_entry(listing));) failed |= remove_at_depth(folder, name, depth);
    close_listing(listing);
    return failed;
}

int remove_entry(int folder, const char *name, int opened) {
    (void)opened;
    return remove_at_depth(folder, name, DEEPEST);
}

int remove_file(int folder, const char *name) { return unlinkat(folder, name, 0); }

struct listing {
    DIR *entries;
};

struct listing *list_folder(int folder) {
    int again = open_folder(folder, ".");
    DIR *entries = again < 0 ? NULL : fdopendir(again);
    if (!entries && again >= 0) close(again);
    if (!entries) return NULL;
    struct listing *listing = allocate(sizeof *listing);
    listing->entries = entries;
    return listing;
}

const char *next_entry(struct listing *listing) {
    for (struct dirent *entry; (entry = readdir(listing->entries));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) return entry->d_name;
    return NULL;
}

void close_listing(struct listing *listing) {
    closedir(listing->entries);
    free(listing);
}
