/* The launcher in front of a single file, and the Python in its tree: the same program.

   With a payload behind it, it is the product: it writes the tree to a cache once and runs from
   there.  As <root>/bin/pythonX.Y it acts as Python over the tree around it.  Under another name
   beside image.sealift it is the product in the shape of a folder. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "about.h"
#include "cache.h"
#include "files.h"
#include "memory.h"
#include "message.h"
#include "os.h"
#include "place.h"
#include "root.h"
#include "start.h"
#include "tree.h"

static const char mend_hint[] = "hint: start the program once to mend it";

static void open_own_root(struct launch *launch) {
    launch->folder = open_root(launch->root);
    if (launch->folder < 0) fail(mend_hint, "cannot open its folder %s", launch->root);
}

/* Python, or a product in the shape of a folder. */
static void find_root(int self, struct launch *launch) {
    char *path = os_self_path();
    if (!path) fail("hint: it needs /proc", "it cannot find its own path");
    char *name = strrchr(path, OS_SEPARATOR);
    if (!name) fail(NULL, "its own path %s is not absolute", path);
    *name++ = '\0';
    char *folder = joined("%s", path);
    if (!take_own_root(path, name, launch))
        fail("hint: get the file again if it was truncated",
             "it has no content, neither in itself nor as %s%c" IMAGE_NAME, folder, OS_SEPARATOR);
    free(folder);
    open_own_root(launch);
    check_shipped_root(self, launch);
    if (check_own_tree(launch->folder) < 0) fail(mend_hint, "%s", reason());
    launch->executable = inner_path(launch->root, PYTHON_PROGRAM);
}

/* Python as a copy in memory: its own bytes tell the root, and it passes itself on. */
static void take_root(int self, char *root, struct launch *launch) {
    launch->root = root;
    launch->noexec = true;
    open_own_root(launch);
    if (keep_private(launch->folder, root) < 0) fail(NULL, "%s", reason());
    if (check_own_tree(launch->folder) < 0) fail(mend_hint, "%s", reason());
    launch->executable = path_in_memory(self);
}

static void use_payload(const struct payload *payload, struct launch *launch) {
    struct root root = prepare_cache(payload);
    launch->is_app = true;
    launch->root = root.path;
    launch->folder = root.folder;
    launch->noexec = root.noexec || !may_execute(root.folder);
    launch->executable = inner_path(root.path, PYTHON_PROGRAM);
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
    if (kind != PAYLOAD_ROOT) close_file(self);
    if (open_image(launch->folder, &launch->image) < 0) fail(mend_hint, "%s", reason());
    if (kind == PAYLOAD_TREE && memcmp(launch->image.key, payload.key, KEY_SIZE) != 0)
        fail(NULL, IMAGE_NAME " belongs to another payload");
}

int launch(int count, argument **arguments) {
    static struct launch launch;
    trace("launch");
    os_prepare_process();
    unsigned occupied = os_occupy_stdio();
    find_launch(&launch);
    os_release_stdio(occupied);
    if (launch.is_app) arguments[0] = os_path_of_program(arguments[0]);
    start_interpreter(&launch, count, arguments);
    install_importer();
    if (!launch.is_app) return run_python();
    return call_entry(import_entry());
}
