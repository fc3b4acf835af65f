#include "memory.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "needed.h"
#include "os.h"
#include "posix_files.h"

/* Copies stay open: the loader goes by the number in "/proc/self/fd/…", which must not be used for
   another file. */
struct copy {
    char *original, *path;
    struct copy *next;
};

static struct copy *copies;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const struct copy *find_copy(const char *original) {
    for (const struct copy *copy = copies; copy; copy = copy->next)
        if (strcmp(copy->original, original) == 0) return copy;
    return NULL;
}

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int fill_copy(int from, int to) {
    struct stat found;
    if (fstat(from, &found) < 0) return -1;
    for (off_t left = found.st_size; left > 0;) {
        ssize_t done = sendfile(to, from, NULL, (size_t)left);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return -1;
        left -= done;
    }
    return 0;
}

static struct copy *make_copy(const char *original) {
    int from = open(original, O_RDONLY | O_CLOEXEC);
    int to = from < 0 ? -1 : os_memory_file(last_part(original));
    int failed = to < 0 || fill_copy(from, to) < 0;
    if (failed) because_errno("copy to memory", original);
    if (from >= 0) close(from);
    if (failed && to >= 0) close(to);
    if (failed) return NULL;
    struct copy *copy = allocate(sizeof *copy);
    *copy = (struct copy){.original = joined("%s", original), .path = os_descriptor_path(to, false), .next = copies};
    return copies = copy;
}

/* `name` in a folder of the search path, when it lies below the root; else NULL. */
static char *search(const char *root, const char *original, const char *folders, const char *name) {
    size_t root_size = strlen(root), own_size = (size_t)(last_part(original) - original);
    while (folders && *folders) {
        size_t size = strcspn(folders, ":");
        const char *rest = NULL;
        if (strncmp(folders, "$ORIGIN", 7) == 0) rest = folders + 7;
        if (strncmp(folders, "${ORIGIN}", 9) == 0) rest = folders + 9;
        if (rest) {
            char *path = joined("%.*s%.*s/%s", (int)own_size, original, (int)(folders + size - rest), rest, name);
            char *real = realpath(path, NULL);
            free(path);
            if (real && strncmp(real, root, root_size) == 0 && real[root_size] == '/') return real;
            free(real);
        }
        folders += size + (folders[size] == ':');
    }
    return NULL;
}

static const struct copy *loadable(const char *root, const char *original, int depth);

static int load_needed(const char *root, const char *original, int depth) {
    struct needed needed = read_needed(original);
    int failed = 0;
    for (size_t i = 0; !failed && i < needed.name_count; i++) {
        char *path = search(root, original, needed.search, needed.names[i]);
        if (!path) continue; /* the system's */
        const struct copy *copy = loadable(root, path, depth - 1);
        failed = !copy;
        if (copy && !dlopen(copy->path, RTLD_LAZY | RTLD_LOCAL)) failed = because("%s: %s", path, dlerror());
        free(path);
    }
    free_needed(&needed);
    return failed;
}

static const struct copy *loadable(const char *root, const char *original, int depth) {
    const struct copy *known = find_copy(original);
    if (known) return known;
    if (depth == 0) {
        because("%s needs too long a row of libraries", original);
        return NULL;
    }
    const struct copy *copy = make_copy(original); /* known from now on, so that circles end */
    return copy && load_needed(root, original, depth) == 0 ? copy : NULL;
}

const char *loadable_path(const char *root, const char *path) {
    enum { LONGEST_ROW = 64 };
    pthread_mutex_lock(&lock);
    char *real = realpath(path, NULL);
    const struct copy *copy = loadable(root, real ? real : path, LONGEST_ROW);
    free(real);
    pthread_mutex_unlock(&lock);
    return copy ? copy->path : NULL;
}

char *executable_in_memory(const struct payload *payload, const char *root) {
    size_t size;
    char *marker = root_marker(root, &size);
    int file = os_memory_file(last_part(root));
    int failed = file < 0 || write_at(file, payload->launcher, payload->launcher_size, 0) < 0 ||
                 write_at(file, marker, size, payload->launcher_size) < 0;
    free(marker);
    int program = failed ? -1 : os_reopen_to_read(file);
    if (program < 0) because_errno("make a program in memory for", root);
    if (file >= 0) close(file);
    return program < 0 ? NULL : os_descriptor_path(program, true);
}
