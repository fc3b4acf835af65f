#include "collect.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lock.h"
#include "message.h"
#include "posix_files.h"
#include "scratch.h"
#include "stamp.h"
#include "tree.h"

enum { KEPT = 2 };

struct old {
    char *name;
    time_t used;
};

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
    /* Before it was locked, others may have deleted it and made another, which is in use. */
    if (lock_file(tree, true) == LOCK_HELD && is_named(base, name, tree)) {
        char *dead = scratch_name(name);
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

static void tidy_tree(int base, const char *name) {
    int tree = open_folder(base, name);
    if (tree < 0) return;
    remove_half_files(tree);
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
        if (i < KEPT) tidy_tree(base, found[i].name);
        else remove_tree(base, found[i].name);
        free(found[i].name);
    }
    free(found);
}
