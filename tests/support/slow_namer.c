/* Who gives a tree its name goes on a second later, so that others see it at this moment; who mends a
   file takes a while before and after it gets its name. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int renameat(int from, const char *old, int to, const char *new) {
    int (*real)(int, const char *, int, const char *) =
        (int (*)(int, const char *, int, const char *))dlsym(RTLD_NEXT, "renameat");
    if (strncmp(old, ".mend.", 6) == 0) usleep(200000);
    int failed = real(from, old, to, new);
    if (!failed && strncmp(old, ".mend.", 6) == 0) usleep(500000);
    if (!failed && strncmp(old, ".app-", 5) == 0) usleep(1000000);
    return failed;
}
