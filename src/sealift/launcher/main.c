/* The launcher in front of a single file, and the Python in its tree: the same program.

   With a payload behind it, it is the product: it writes the tree to a cache once and runs from
   there.  As <root>/bin/pythonX.Y it acts as Python over the tree around it.  Under another name
   beside image.sealift it is the product in the shape of a folder. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "about.h"
#include "cache.h"
#include "memory.h"
#include "message.h"
#include "os.h"
#include "place.h"
#include "posix_files.h"
#include "start.h"
#include "tree.h"

static const char others_hint[] = "hint: take away the right of others to write: chmod -R go-w";
static const char mend_hint[] = "hint: start the program once to mend it";

/* "<folder>/<name>" without the name. */
static void cut(char *path) {
    char *slash = strrchr(path, '/');
    if (!slash) fail(NULL, "its own path %s is not absolute", path);
    *slash = '\0';
}

static void open_own_root(struct launch *launch) {
    launch->folder = open(launch->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (launch->folder < 0) fail(mend_hint, "cannot open its folder %s", launch->root);
}

/* The owner of the program is as trustworthy as the program; nobody else may change it, or put anything
   where code is loaded from. */
static void check_shipped_root(int self, const struct launch *launch) {
    static const char *const parts[] = {".",           "bin", PYTHON_PROGRAM, IMAGE_NAME, "lib", PYTHON_LIBRARY,
                                        PYTHON_STDLIB, PYTHON_STDLIB "/lib-dynload", PYTHON_STDLIB "/site-packages"};
    struct stat own, part;
    if (fstat(self, &own) < 0) fail(NULL, "cannot look at its own file");
    if (check_owner(&own, own.st_uid, "its own file") < 0) fail(others_hint, "%s", reason());
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (fstatat(launch->folder, parts[i], &part, AT_SYMLINK_NOFOLLOW) < 0) continue;
        char *name = joined("%s/%s", launch->root, parts[i]);
        if (S_ISLNK(part.st_mode)) fail(NULL, "%s is a link", name);
        if (check_owner(&part, own.st_uid, name) < 0) fail(others_hint, "%s", reason());
        free(name);
    }
    if (!launch->is_app && (own.st_mode & (S_ISUID | S_ISGID)))
        fail(NULL, "as Python it does not run with the rights of its file");
    if (os_is_secure() && check_folders(launch->root, own.st_uid) < 0)
        fail("hint: it runs with the rights of its file only where nobody else can put another folder", "%s", reason());
}

static bool has_image(const char *folder) {
    struct stat found;
    char *path = joined("%s/" IMAGE_NAME, folder);
    bool has = lstat(path, &found) == 0;
    free(path);
    return has;
}

/* Python, or a product in the shape of a folder: where the image lies tells which, and the root. */
static void find_root(int self, struct launch *launch) {
    char *path = os_self_path();
    if (!path) fail("hint: it needs /proc", "it cannot find its own path");
    cut(path);
    launch->is_app = has_image(path);
    if (!launch->is_app) {
        char *own = joined("%s", path), *last = strrchr(path, '/');
        bool is_python = last && strcmp(last, "/bin") == 0;
        if (is_python) *last = '\0';
        if (!is_python || !has_image(path))
            fail("hint: get the file again if it was truncated",
                 "it has no content, neither in itself nor as %s/" IMAGE_NAME, own);
        free(own);
    }
    launch->root = *path ? path : joined("/");
    open_own_root(launch);
    check_shipped_root(self, launch);
    if (check_own_tree(launch->folder) < 0) fail(mend_hint, "%s", reason());
    launch->executable = joined("%s/" PYTHON_PROGRAM, launch->root);
}

/* Python as a copy in memory: its own bytes tell the root, and it passes itself on. */
static void take_root(int self, char *root, struct launch *launch) {
    launch->root = root;
    launch->noexec = true;
    open_own_root(launch);
    struct stat found;
    if (fstat(launch->folder, &found) < 0 || check_owner(&found, found.st_uid, root) < 0) fail(NULL, "%s", reason());
    if (check_own_tree(launch->folder) < 0) fail(mend_hint, "%s", reason());
    launch->executable = os_descriptor_path(self, true);
}

/* Some systems forbid it without telling so of the file system. */
static bool may_execute(int folder) {
    int file = openat(folder, PYTHON_PROGRAM, O_RDONLY | O_CLOEXEC);
    if (file < 0) return true;
    void *mapped = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
    bool refused = mapped == MAP_FAILED && (errno == EPERM || errno == EACCES);
    if (mapped != MAP_FAILED) munmap(mapped, 1);
    close(file);
    return !refused;
}

static void use_payload(const struct payload *payload, struct launch *launch) {
    struct root root = prepare_cache(payload);
    launch->is_app = true;
    launch->root = root.path;
    launch->folder = root.folder;
    launch->noexec = root.noexec || !may_execute(root.folder);
    launch->executable = joined("%s/%s", root.path, PYTHON_PROGRAM);
    if (!launch->noexec) return;
    launch->executable = executable_in_memory(payload, root.path);
    if (!launch->executable) fail(NULL, "%s", reason());
}

static void find_launch(struct launch *launch) {
    struct payload payload;
    char *root = NULL;
    int self = os_open_self();
    if (self < 0) fail("hint: whoever starts it has to have the right to read it", "its own file: %s", strerror(errno));
    enum payload_kind kind = find_payload(self, &payload, &root);
    trace("payload");
    switch (kind) {
    case PAYLOAD_TREE: use_payload(&payload, launch); break;
    case PAYLOAD_ROOT: take_root(self, root, launch); break;
    case PAYLOAD_NONE: find_root(self, launch); break;
    }
    trace("tree");
    if (kind != PAYLOAD_ROOT) close(self);
    if (open_image(launch->folder, &launch->image) < 0) fail(mend_hint, "%s", reason());
    if (kind == PAYLOAD_TREE && memcmp(launch->image.key, payload.key, KEY_SIZE) != 0)
        fail(NULL, IMAGE_NAME " belongs to another payload");
}

/* Found on PATH, a program is only told its name, a script its path; programs look for it. */
static char *path_of_program(char *name) {
    const char *started = os_started_path(), *slash = started ? strrchr(started, '/') : NULL;
    if (!slash || strchr(name, '/') || strcmp(slash + 1, name) != 0) return name;
    return joined("%s", started);
}

int main(int argc, char **argv) {
    static struct launch launch;
    static char nameless[] = "";
    static char *no_arguments[] = {nameless, NULL};
    trace("main");
    if (argc < 1) argc = 1, argv = no_arguments;
    name_program(argv[0]);
    signal(SIGXFSZ, SIG_IGN); /* a limit to the size of files is an error of write, as in Python */
    unsigned occupied = os_occupy_stdio();
    find_launch(&launch);
    os_release_stdio(occupied);
    if (launch.is_app) argv[0] = path_of_program(argv[0]);
    start_interpreter(&launch, argc, argv);
    install_importer();
    if (!launch.is_app) return run_python();
    return call_entry(import_entry());
}
