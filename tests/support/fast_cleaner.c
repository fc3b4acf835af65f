/* Before a new folder is locked for the first time, deletes it, as a quick start of another product
   would that takes it for a dead process's. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

int flock(int file, int operation) {
    static int deleted;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size > 0) path[size] = '\0';
    if (size > 0 && !deleted && operation == (LOCK_EX | LOCK_NB) && strstr(path, "/apps/.") && rmdir(path) == 0)
        deleted = 1;
    int (*real)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");
    return real(file, operation);
}
