#include "files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

int make_folders(int folder, const char *path, const char *known) {
    char *prefix = joined("%s", path);
    int failed = 0;
    size_t common = 0;
    for (size_t i = 0; path[i] && path[i] == known[i]; i++)
        if (path[i] == '/') common = i + 1;
    for (char *at = prefix + common; !failed && (at = strchr(at, '/')); *at++ = '/') {
        *at = '\0';
        failed = ensure_folder(folder, prefix);
    }
    int error = errno;
    free(prefix);
    errno = error;
    return failed;
}
