#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "message.h"
#include "os.h"
#include "posix_kinds.h"
#include "posix_trust.h"

static const char *variable(const char *name) {
    const char *value = os_is_secure() ? NULL : getenv(name);
    return value && *value ? value : NULL;
}

static const char *home_folder(void) {
    const char *home = variable("HOME");
    if (home) return home;
    const struct passwd *user = getpwuid(geteuid());
    return user && user->pw_dir && *user->pw_dir ? joined("%s", user->pw_dir) : NULL;
}

int list_places(struct place places[MOST_PLACES]) {
    int count = 0;
    const char *named = variable("SEALIFT_CACHE_DIR"), *cache = variable("XDG_CACHE_HOME");
    const char *runtime = variable("XDG_RUNTIME_DIR");
    char *caches[MOST_CACHES];
    int cache_count = posix_user_caches(home_folder(), caches);
    if (named) places[count++] = (struct place){.wanted = named, .may_make = true, .is_named = true, .is_own = true};
    if (cache) places[count++] = (struct place){.wanted = cache, .may_make = true, .is_named = true};
    for (int i = 0; i < cache_count; i++)
        places[count++] = (struct place){.wanted = caches[i], .may_make = true};
    for (int i = 0; posix_shared_places[i]; i++)
        places[count++] = (struct place){.wanted = posix_shared_places[i], .shared = true};
    if (runtime) places[count++] = (struct place){.wanted = runtime};
    for (int i = 0; posix_memory_places[i]; i++)
        places[count++] = (struct place){.wanted = posix_memory_places[i], .shared = true};
    for (int i = 0; i < count; i++) places[i].folder = -1;
    return count;
}

int check_owner(const struct stat *found, uid_t owner, const char *name) {
    if (found->st_uid != 0 && found->st_uid != geteuid() && found->st_uid != owner)
        return because("%s belongs to user %lu", name, (unsigned long)found->st_uid);
    if (found->st_mode & 022) return because("others can write to %s", name);
    return 0;
}

/* Makes what is missing of a place that the user named; of others the last part alone. */
static void make_place(const char *path, bool named) {
    if (mkdir(path, 0700) == 0 || errno != ENOENT || !named) return;
    char *prefix = joined("%s", path);
    for (char *at = prefix + 1; (at = strchr(at, '/')); *at++ = '/') {
        *at = '\0';
        mkdir(prefix, 0700);
    }
    mkdir(path, 0700);
    free(prefix);
}

/* CPython cannot import native modules from a folder whose name is not UTF-8. */
static bool is_utf8(const char *text) {
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        int more = *at < 0x80 ? 0 : *at < 0xc2 ? -1 : *at < 0xe0 ? 1 : *at < 0xf0 ? 2 : *at < 0xf5 ? 3 : -1;
        bool is_long = (*at == 0xe0 && at[1] < 0xa0) || (*at == 0xf0 && at[1] < 0x90);
        bool is_outside = (*at == 0xed && at[1] >= 0xa0) || (*at == 0xf4 && at[1] >= 0x90);
        if (more < 0 || is_long || is_outside) return false;
        for (at++; more > 0; more--, at++)
            if ((*at & 0xc0) != 0x80) return false;
    }
    return true;
}

/* The place without links, or NULL with the reason. */
static char *resolve(const struct place *place, bool make) {
    if (place->wanted[0] != '/') {
        because("the path is not absolute");
        return NULL;
    }
    if (strlen(place->wanted) >= PATH_MAX) {
        because("the path is too long");
        return NULL;
    }
    char *path = realpath(place->wanted, NULL);
    if (!path && errno == ENOENT && make && place->may_make) {
        make_place(place->wanted, place->is_named);
        path = realpath(place->wanted, NULL);
    }
    if (!path) because("%s", strerror(errno));
    if (!path || is_utf8(path)) return path;
    because("its name is not UTF-8");
    free(path);
    return NULL;
}

/* Whoever owns "/" counts as root: in a user namespace root may have another number. */
static int check_above(int folder, uid_t owner, const char *name) {
    struct stat found, top;
    if (fstat(folder, &found) < 0 || stat("/", &top) < 0) return because_errno("look at", name);
    if (found.st_mode & S_ISVTX) found.st_mode &= ~(mode_t)022;
    if (found.st_uid == top.st_uid) found.st_uid = owner;
    if (check_owner(&found, owner, name) < 0) return -1;
    return posix_check_list(folder, ".", name);
}

/* Opens a path without links, from the root down, and checks each folder; closes `at`. */
static int open_checked(int at, uid_t owner, char *path) {
    int failed = at < 0 ? because_errno("open", "/") : check_above(at, owner, "/");
    char *part = path + 1;
    while (!failed && *part) {
        char *end = strchr(part, '/');
        if (end) *end = '\0';
        int next = posix_pass(at, part);
        failed = next < 0 ? because_errno("open", path) : check_above(next, owner, path);
        close(at);
        at = next;
        if (!end) break;
        *end = '/';
        part = end + 1;
    }
    if (!failed) return at;
    if (at >= 0) close(at);
    return -1;
}

static int open_from_root(uid_t owner, const char *path) {
    char *walked = joined("%s", path);
    int folder = open_checked(posix_pass(AT_FDCWD, "/"), owner, walked);
    free(walked);
    return folder;
}

int check_folders(const char *path, uid_t owner) {
    int folder = open_from_root(owner, path);
    if (folder < 0) return -1;
    close(folder);
    return 0;
}

/* Our own folder `name` in the folder `at`, which is closed. */
static int open_own(int at, const char *name, bool make) {
    int own = open_folder(at, name);
    if (own < 0 && errno == ENOENT && make && (mkdirat(at, name, 0700) == 0 || errno == EEXIST))
        own = open_folder(at, name);
    struct stat found;
    int failed = 0;
    if (own < 0 && (errno == ELOOP || errno == ENOTDIR)) failed = because("%s in it is a link or a file", name);
    else if (own < 0) failed = because_errno(make ? "make" : "open", name);
    else if (fstat(own, &found) < 0) failed = because_errno("look at", name);
    else if (found.st_uid != geteuid()) failed = because("%s in it belongs to somebody else", name);
    else if (found.st_mode & 077) failed = because("%s in it is open to others (mode %o)", name, found.st_mode & 0777U);
    else failed = posix_check_list(own, ".", name);
    close(at);
    if (failed && own >= 0) close(own);
    return failed ? -1 : own;
}

int keep_private(int folder, const char *name) {
    struct stat found;
    if (fstat(folder, &found) < 0) return because_errno("look at", name);
    if (found.st_uid != geteuid()) return because("%s belongs to somebody else", name);
    if ((found.st_mode & 07777) != 0700 && fchmod(folder, 0700) < 0) return because_errno("protect", name);
    return 0;
}

int open_place(struct place *place, bool make) {
    static const char own_name[] = "apps";
    struct stat found;
    char *path = resolve(place, make);
    if (!path) return -1;
    int folder = open_from_root(geteuid(), path);
    if (folder >= 0 && fstat(folder, &found) == 0) {
        bool shared = place->shared || found.st_uid != geteuid() || (found.st_mode & S_ISVTX);
        char *first = shared ? joined("sealift-%lu", (unsigned long)geteuid()) : joined("sealift");
        bool nested = shared || !place->is_own;
        if (nested) folder = open_own(folder, first, make);
        if (folder >= 0) folder = open_own(folder, own_name, make);
        const char *slash = path[1] ? "/" : "";
        place->path = joined("%s%s%s%s%s", path, slash, nested ? first : "", nested ? "/" : "", own_name);
        free(first);
    }
    free(path);
    place->folder = folder;
    place->noexec = folder >= 0 && os_forbids_exec(folder);
    return folder < 0 ? -1 : 0;
}
