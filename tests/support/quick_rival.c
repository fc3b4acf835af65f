/* Before a tree is locked to be deleted, another process deletes it and makes it anew: here the tree
   goes to "gone" and an empty folder gets its name. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int flock(int file, int operation) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size > 0) path[size] = '\0';
    if (size > 0 && operation == (LOCK_EX | LOCK_NB) && strstr(path, "/apps/app-1.0-") && rename(path, "gone") == 0)
        mkdir(path, 0700);
    int (*real)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");
    return real(file, operation);
}
