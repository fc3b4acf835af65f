#include "collect.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "lock.h"
#include "message.h"
#include "scratch.h"
#include "stamp.h"
#include "tree.h"

enum { KEPT = 2 };

struct old {
    char *name;
    int64_t used;
};

/* When the tree `name` was last used, if it is one of `product`. */
static bool is_tree_of(int base, const char *name, const char *product, int64_t *used) {
    int tree = open_folder(base, name);
    if (tree < 0) return false;
    struct facts found;
    struct stamp stamp;
    bool belongs = look_at(tree, STAMP_NAME, &found) && read_stamp(tree, &stamp) == 0;
    if (belongs) {
        *used = found.modified;
        belongs = strcmp(stamp.list.product, product) == 0;
        free_stamp(&stamp);
    }
    close_file(tree);
    return belongs;
}

/* Deletes a tree that no running program holds; it loses its name first, so that no start finds it
   half deleted. */
static void remove_tree(int base, const char *name) {
    int tree = open_folder(base, name);
    if (tree < 0) return;
    /* Before it was locked, others may have deleted it and made another, which is in use. */
    if (lock_file(tree, true) == LOCK_HELD) {
        char *dead = scratch_name(name);
        char *lock = joined(".%s.lock", name);
        if (rename_folder(base, name, dead, tree, false) == 0) {
            remove_entry(base, dead, tree);
            remove_file(base, lock);
        }
        free(dead);
        free(lock);
    }
    close_file(tree);
}

static void tidy_tree(int base, const char *name) {
    int tree = open_folder(base, name);
    if (tree < 0) return;
    remove_half_files(tree);
    close_file(tree);
}

static int by_use(const void *left, const void *right) {
    const struct old *a = left, *b = right;
    return (a->used < b->used) - (a->used > b->used);
}

void collect_old(int base, const char *product, const char *kept) {
    struct listing *list = list_folder(base);
    struct old *found = NULL;
    size_t count = 0;
    for (const char *name; list && (name = next_entry(list));) {
        int64_t used;
        if (name[0] == '.' || strncmp(name, product, strlen(product)) != 0) continue;
        if (strcmp(name, kept) == 0 || !is_tree_of(base, name, product, &used)) continue;
        struct old *grown = realloc(found, (count + 1) * sizeof *found);
        if (!grown) break;
        found = grown;
        found[count++] = (struct old){joined("%s", name), used};
    }
    if (list) close_listing(list);
    if (count) qsort(found, count, sizeof *found, by_use);
    for (size_t i = 0; i < count; i++) {
        if (i < KEPT) tidy_tree(base, found[i].name);
        else remove_tree(base, found[i].name);
        free(found[i].name);
    }
    free(found);
}
