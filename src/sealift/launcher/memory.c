#include "memory.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "about.h"
#include "files.h"
#include "message.h"
#include "needed.h"
#include "os.h"

enum { LONGEST_ROW = 64 };

/* Copies stay open: the loader goes by the number in "/proc/self/fd/…", which must not be used for
   another file.  They stay listed, too, and no thread waits for another, so that the child of a fork
   finds the list in order whatever other threads were doing. */
struct copy {
    char *original, *path;
    int file;
    atomic_bool complete; /* what it needs is loaded */
    struct copy *next;
};

static _Atomic(struct copy *) copies;

/* In a list from its newest to (without) an older one. */
static struct copy *find_copy(struct copy *newest, const struct copy *end, const char *original) {
    for (struct copy *copy = newest; copy != end; copy = copy->next)
        if (strcmp(copy->original, original) == 0) return copy;
    return NULL;
}

static void free_copy(struct copy *copy) {
    close(copy->file);
    free(copy->original);
    free(copy->path);
    free(copy);
}

/* Lists a copy; when another thread was faster, that one's is taken. */
static struct copy *list_copy(struct copy *copy) {
    struct copy *seen = NULL, *newest = atomic_load(&copies);
    do {
        struct copy *other = find_copy(newest, seen, copy->original);
        if (other) {
            free_copy(copy);
            return other;
        }
        copy->next = seen = newest;
    } while (!atomic_compare_exchange_weak(&copies, &newest, copy));
    return copy;
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
        if (done == 0) errno = EIO; /* it became shorter */
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
    *copy = (struct copy){.original = joined("%s", original), .path = os_descriptor_path(to, false), .file = to};
    return list_copy(copy);
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

/* The libraries whose needs are being loaded, each for the one above. */
struct row {
    const struct copy *copy;
    const struct row *above;
};

static const struct copy *loadable(const char *root, const char *original, const struct row *above);

static int load_needed(const char *root, const struct row *row) {
    const char *original = row->copy->original;
    struct needed needed = read_needed(original);
    int failed = 0;
    for (size_t i = 0; !failed && i < needed.name_count; i++) {
        char *path = search(root, original, needed.search, needed.names[i]);
        if (!path) continue; /* the system's */
        const struct copy *copy = loadable(root, path, row);
        failed = copy ? 0 : -1;
        if (copy && !dlopen(copy->path, RTLD_LAZY | RTLD_LOCAL)) failed = because("%s: %s", path, dlerror());
        free(path);
    }
    free_needed(&needed);
    return failed;
}

static const struct copy *loadable(const char *root, const char *original, const struct row *above) {
    struct copy *copy = find_copy(atomic_load(&copies), NULL, original);
    if (!copy) copy = make_copy(original);
    if (!copy || atomic_load(&copy->complete)) return copy;
    int length = 0;
    for (const struct row *row = above; row; row = row->above, length++)
        if (row->copy == copy) return copy; /* a circle */
    if (length == LONGEST_ROW) {
        because("%s needs too long a row of libraries", original);
        return NULL;
    }
    /* Another thread may be at it, too, or may have been before a fork; the loader knows what is loaded. */
    const struct row row = {.copy = copy, .above = above};
    if (load_needed(root, &row) < 0) return NULL;
    atomic_store(&copy->complete, true);
    return copy;
}

const char *loadable_path(const char *root, const char *path) {
    char *real = realpath(path, NULL);
    const struct copy *copy = loadable(root, real ? real : path, NULL);
    free(real);
    return copy ? copy->path : NULL;
}

bool memory_serves(void) { return true; }

bool may_execute(int folder) {
    int file = open_to_read(folder, PYTHON_PROGRAM);
    if (file < 0) return true;
    void *mapped = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
    bool refused = mapped == MAP_FAILED && (errno == EPERM || errno == EACCES);
    if (mapped != MAP_FAILED) munmap(mapped, 1);
    close(file);
    return !refused;
}

char *path_in_memory(int self) { return os_descriptor_path(self, true); }

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
