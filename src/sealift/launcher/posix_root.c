#include "root.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "about.h"
#include "message.h"
#include "os.h"
#include "posix_kinds.h"
#include "posix_trust.h"

static const char others_hint[] = "hint: take away the right of others to write: chmod -R go-w";

static bool has_image(const char *folder) {
    struct stat found;
    char *path = joined("%s/" IMAGE_NAME, folder);
    bool has = lstat(path, &found) == 0;
    free(path);
    return has;
}

/* Of an application for macOS, whose code is in Contents/MacOS: the tree lies among its resources. */
static bool take_resources(const char *folder, struct launch *launch) {
    static const char code[] = "/Contents/MacOS";
    size_t length = strlen(folder), tail = strlen(code);
    if (length <= tail || strcmp(folder + length - tail, code) != 0) return false;
    char *root = joined("%.*s/Contents/Resources", (int)(length - tail), folder);
    launch->is_app = has_image(root);
    if (launch->is_app) launch->root = root;
    else free(root);
    return launch->is_app;
}

bool take_own_root(char *folder, const char *name, struct launch *launch) {
    (void)name;
    if (take_resources(folder, launch)) return true;
    launch->is_app = has_image(folder);
    if (!launch->is_app) {
        char *last = strrchr(folder, '/');
        if (!last || strcmp(last, "/bin") != 0) return false;
        *last = '\0';
        if (!has_image(folder)) return false;
    }
    launch->root = *folder ? folder : joined("/");
    return true;
}

/* The owner of the program is as trustworthy as the program; nobody else may change it, or put anything
   where code is loaded from. */
void check_shipped_root(int self, const struct launch *launch) {
    static const char *const parts[] = {".",           "bin", PYTHON_PROGRAM, IMAGE_NAME, "lib", PYTHON_LIBRARY,
                                        PYTHON_STDLIB, PYTHON_DYNLOAD, PYTHON_SITE};
    struct stat own, part;
    if (fstat(self, &own) < 0) fail(NULL, "cannot look at its own file");
    if (check_owner(&own, own.st_uid, "its own file") < 0) fail(others_hint, "%s", reason());
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (fstatat(launch->folder, parts[i], &part, AT_SYMLINK_NOFOLLOW) < 0) continue;
        char *name = joined("%s/%s", launch->root, parts[i]);
        if (S_ISLNK(part.st_mode)) fail(NULL, "%s is a link", name);
        if (check_owner(&part, own.st_uid, name) < 0) fail(others_hint, "%s", reason());
        if (posix_check_list(launch->folder, parts[i], name) < 0) fail(NULL, "%s", reason());
        free(name);
    }
    if (!launch->is_app && (own.st_mode & (S_ISUID | S_ISGID)))
        fail(NULL, "as Python it does not run with the rights of its file");
    if (os_is_secure() && check_folders(launch->root, own.st_uid) < 0)
        fail("hint: it runs with the rights of its file only where nobody else can put another folder", "%s", reason());
}
