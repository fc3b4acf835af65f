#include "tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "extract.h"
#include "files.h"
#include "hash.h"
#include "lock.h"
#include "message.h"
#include "os.h"
#include "place.h"
#include "scratch.h"
#include "stamp.h"

enum { DAY = 24 * 3600, NANOSECONDS = 1000000000, PATIENCE_MS = 2000 };

static bool content_fits(int tree, const struct payload *payload, uint32_t index) {
    const struct file *file = &payload->files[index];
    int in = open_to_read(tree, file->path);
    if (in < 0) return false;
    bool fits = true;
    if (file->size) {
        const void *data = map_file(in, file->size);
        fits = data && hash_bytes(data, (size_t)file->size) == file_hash(payload, index);
        if (data) unmap_file(data, file->size);
    }
    close_file(in);
    return fits;
}

static _Noreturn void payload_damaged(void) {
    fail("hint: get the file again; it was truncated or changed", "this file is damaged: %s", reason());
}

/* Compares a file that is in doubt with its hash, and writes it again when it is wrong. */
static int mend(int tree, const struct payload *payload, uint32_t index, struct times *times) {
    const struct file *file = &payload->files[index];
    if (file_fits(tree, file, times) && content_fits(tree, payload, index)) return 0;
    bool damaged;
    if (!payload->data) return because("%s is missing or changed", file->path);
    int failed = extract_one(payload, tree, index, &damaged);
    if (damaged) payload_damaged();
    if (failed) return -1;
    return file_fits(tree, file, times) ? 0 : because("%s was changed again at once", file->path);
}

/* Keeps the time of the last use to a day; the collector of old versions goes by it. */
static void note_use(int tree) {
    struct facts found;
    if (!look_at(tree, STAMP_NAME, &found)) return;
    if (time(NULL) - found.modified / NANOSECONDS > DAY) set_time(tree, STAMP_NAME);
}

void remove_half_files(int tree) {
    remove_leftovers(tree, MEND_STEM);
    remove_leftovers(tree, STAMP_STEM);
}

static int check_files(int tree, const struct payload *payload, struct stamp *stamp) {
    uint32_t count = payload->file_count, doubts = 0;
    struct times *now = allocate(count * sizeof *now);
    bool listed = stamp->trusted && stamp->list.file_count == payload->file_count &&
                  memcmp(stamp->list.key, payload->key, KEY_SIZE) == 0;
    int failed = 0;
    for (uint32_t i = 0; !failed && i < count; i++) {
        if (listed && file_fits(tree, &payload->files[i], &now[i]) &&
            memcmp(&now[i], &stamp->times[i], sizeof *now) == 0)
            continue;
        if (doubts++ == 0) remove_half_files(tree); /* perhaps left by who began to mend it */
        failed = mend(tree, payload, i, &now[i]);
    }
    if (!failed && doubts == 0) note_use(tree);
    /* A folder that cannot be written to serves as well as long as its files are right. */
    if (!failed && doubts) write_stamp(tree, payload, now, stamp->data && (stamp->durable || !stamp->trusted));
    free(now);
    return failed;
}

/* Others lock a tree exclusively for moments only: when it is about to be deleted, which begins with
   the loss of its name (NULL: not known), or may be left over from a dead process. */
static enum lock_state share_lock(int base, const char *name, int tree) {
    struct patience patience = {.left = PATIENCE_MS};
    enum lock_state state;
    while ((state = lock_file(tree, false)) == LOCK_BUSY)
        if ((name && !is_named(base, name, tree)) || !wait_again(&patience)) break;
    return state;
}

static enum tree_state use_open_tree(int base, const char *name, const struct payload *payload, int tree) {
    if (share_lock(base, name, tree) == LOCK_BUSY) return TREE_ABSENT;
    if (!is_named(base, name, tree)) return TREE_ABSENT;
    if (keep_private(tree, name) < 0) return TREE_REFUSED;
    struct stamp stamp;
    read_stamp(tree, &stamp);
    int failed = check_files(tree, payload, &stamp);
    free_stamp(&stamp);
    return failed ? TREE_REFUSED : TREE_READY;
}

enum tree_state use_tree(int base, const char *name, const struct payload *payload, int *tree) {
    *tree = open_folder(base, name);
    if (*tree < 0 && errno == ENOENT) return TREE_ABSENT;
    if (*tree < 0 && (errno == ENOTDIR || errno == ELOOP) && remove_file(base, name) == 0) return TREE_ABSENT;
    if (*tree < 0) {
        because_errno("open", name);
        return TREE_REFUSED;
    }
    enum tree_state state = use_open_tree(base, name, payload, *tree);
    if (state != TREE_READY) close_file(*tree);
    return state;
}

int check_own_tree(int tree) {
    struct stamp stamp;
    if (share_lock(-1, NULL, tree) == LOCK_BUSY) return because("it is being deleted");
    if (read_stamp(tree, &stamp) < 0) return 0; /* a folder that was shipped as such has none */
    int failed = check_files(tree, &stamp.list, &stamp);
    free_stamp(&stamp);
    return failed;
}

static int complete(int tree, const struct payload *payload) {
    char boot[BOOT_ID_SIZE];
    uint32_t count = payload->file_count;
    struct times *times = allocate(count * sizeof *times);
    int failed = 0;
    for (uint32_t i = 0; !failed && i < count; i++)
        if (!file_fits(tree, &payload->files[i], &times[i]))
            failed = because("%s was not written as it should be", payload->files[i].path);
    bool durable = !failed && !os_boot_id(boot) && os_make_durable(tree) == 0;
    if (!failed && write_stamp(tree, payload, times, durable) < 0) failed = because_errno("write", STAMP_NAME);
    free(times);
    return failed;
}

/* Gives a finished tree its name. */
static enum tree_state publish(int base, const char *scratch, const char *name, int tree) {
    if (rename_folder(base, scratch, name, tree, true) == 0) return TREE_READY;
    if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOENT) return TREE_ABSENT;
    because_errno("name", name);
    return TREE_REFUSED;
}

enum tree_state make_tree(int base, const char *name, const struct payload *payload, int *tree) {
    char *scratch;
    bool damaged = false;
    *tree = open_scratch_folder(base, name, &scratch);
    if (*tree < 0) {
        because_errno("make a folder for", name);
        return TREE_REFUSED;
    }
    enum tree_state state = TREE_REFUSED;
    if (extract_all(payload, *tree, &damaged) == 0 && complete(*tree, payload) == 0)
        state = publish(base, scratch, name, *tree);
    if (state != TREE_READY) {
        remove_entry(base, scratch, *tree);
        close_file(*tree);
    }
    free(scratch);
    if (damaged) payload_damaged();
    return state;
}
