#include "collect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "os.h"
#include "posix_files.h"
#include "stamp.h"

enum { KEPT = 2, DAY = 24 * 3600 };

struct old {
    char *name;
    time_t used;
};

static DIR *list_folder(int folder) {
    int again = open_folder(folder, ".");
    DIR *list = again < 0 ? NULL : fdopendir(again);
    if (!list && again >= 0) close(again);
    return list;
}

/* ".<tree>.<process>.<16 hex>", as trees are called while they are made or deleted. */
static bool is_scratch_name(const char *name) {
    const char *last = strrchr(name, '.');
    return name[0] == '.' && last && last > name && strlen(last + 1) == 16 &&
           strspn(last + 1, "0123456789abcdef") == 16;
}

static void remove_if_dead(int base, const char *name) {
    int folder = open_folder(base, name);
    if (folder < 0) return;
    struct stat found;
    bool dead = flock(folder, LOCK_EX | LOCK_NB) == 0;
    /* Where locks do not work, nothing takes a day to be made. */
    if (!dead && errno != EWOULDBLOCK && fstat(folder, &found) == 0)
        dead = time(NULL) - found.st_ctim.tv_sec > DAY;
    if (dead) remove_entry(base, name);
    close(folder);
}

void remove_leftovers(int base) {
    DIR *list = list_folder(base);
    if (!list) return;
    for (struct dirent *entry; (entry = readdir(list));)
        if (is_scratch_name(entry->d_name)) remove_if_dead(base, entry->d_name);
    closedir(list);
}

/* When the tree `name` was last used, if it is one of `product`. */
static bool is_tree_of(int base, const char *name, const char *product, time_t *used) {
    int tree = open_folder(base, name);
    if (tree < 0) return false;
    struct stat found;
    struct stamp stamp;
    bool belongs = fstatat(tree, STAMP_NAME, &found, AT_SYMLINK_NOFOLLOW) == 0 && read_stamp(tree, &stamp) == 0;
    if (belongs) {
        *used = found.st_mtim.tv_sec;
        belongs = strcmp(stamp.list.product, product) == 0;
        free_stamp(&stamp);
    }
    close(tree);
    return belongs;
}

/* Deletes a tree that no running program holds; it loses its name first, so that no start finds it
   half deleted. */
static void remove_tree(int base, const char *name) {
    int tree = open_folder(base, name);
    if (tree < 0) return;
    if (flock(tree, LOCK_EX | LOCK_NB) == 0) {
        char *dead = joined(".%s.%ld.%016llx", name, (long)getpid(), (unsigned long long)os_random());
        char *lock = joined(".%s.lock", name);
        if (renameat(base, name, base, dead) == 0) {
            remove_entry(base, dead);
            unlinkat(base, lock, 0);
        }
        free(dead);
        free(lock);
    }
    close(tree);
}

static int by_use(const void *left, const void *right) {
    const struct old *a = left, *b = right;
    return (a->used < b->used) - (a->used > b->used);
}

void collect_old(int base, const char *product, const char *kept) {
    DIR *list = list_folder(base);
    struct old *found = NULL;
    size_t count = 0;
    for (struct dirent *entry; list && (entry = readdir(list));) {
        time_t used;
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, product, strlen(product)) != 0) continue;
        if (strcmp(entry->d_name, kept) == 0 || !is_tree_of(base, entry->d_name, product, &used)) continue;
        struct old *grown = realloc(found, (count + 1) * sizeof *found);
        if (!grown) break;
        found = grown;
        found[count++] = (struct old){joined("%s", entry->d_name), used};
    }
    if (list) closedir(list);
    if (count) qsort(found, count, sizeof *found, by_use);
    for (size_t i = 0; i < count; i++) {
        if (i >= KEPT) remove_tree(base, found[i].name);
        free(found[i].name);
    }
    free(found);
}
