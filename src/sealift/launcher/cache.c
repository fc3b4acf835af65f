#include "cache.h"

#include <stdlib.h>
#include <string.h>

#include "collect.h"
#include "files.h"
#include "lock.h"
#include "memory.h"
#include "message.h"
#include "os.h"
#include "place.h"
#include "scratch.h"
#include "tree.h"

enum { PATIENCE_MS = 30000, ATTEMPTS = 3 };

static const uint64_t spare_space = 1 << 20;

static char *tree_name(const struct payload *payload) {
    char hex[17];
    for (int i = 0; i < 16; i++) {
        unsigned nibble = payload->key[i / 2] >> (i % 2 ? 0 : 4) & 15U;
        hex[i] = "0123456789abcdef"[nibble];
    }
    hex[16] = '\0';
    return joined("%s-%s-%s", payload->product, payload->version, hex);
}

/* The lock under which a tree is made: held, or -1 when there is a tree by now, when locks do not work
   here or when its holder takes too long (it may be stopped).  Then each start makes its own and the
   rename decides. */
static int lock_making(int base, const char *name) {
    char *lock_name = joined(".%s.lock", name);
    int lock = open_or_make(base, lock_name, 0600);
    struct patience patience = {.left = PATIENCE_MS};
    free(lock_name);
    if (lock < 0) return -1;
    struct facts found;
    enum lock_state state;
    while ((state = lock_file(lock, true)) == LOCK_BUSY)
        if (look_at(base, name, &found) || !wait_again(&patience)) break;
    if (state == LOCK_HELD) return lock;
    close_file(lock);
    return -1;
}

static enum tree_state make_here(const struct place *place, const char *name, const struct payload *payload,
                                 int *tree) {
    uint64_t needed = payload->tree_size + payload->launcher_size + spare_space;
    remove_leftovers(place->folder, NULL);
    if (os_free_space(place->folder) < needed) {
        because("there is not enough space: %llu MiB are needed", (unsigned long long)(needed >> 20) + 1);
        return TREE_REFUSED;
    }
    enum tree_state state = make_tree(place->folder, name, payload, tree);
    if (state == TREE_READY) collect_old(place->folder, payload->product, name);
    return state;
}

static enum tree_state use_or_make(const struct place *place, const char *name, const struct payload *payload,
                                   int *tree) {
    int lock = lock_making(place->folder, name);
    enum tree_state state = use_tree(place->folder, name, payload, tree);
    /* Another start may be faster, or delete it at this moment. */
    for (int attempt = 0; state == TREE_ABSENT && attempt < ATTEMPTS; attempt++) {
        state = make_here(place, name, payload, tree);
        if (state == TREE_ABSENT) state = use_tree(place->folder, name, payload, tree);
    }
    if (lock >= 0) close_file(lock);
    if (state != TREE_ABSENT) return state;
    because("another process keeps %s locked", name);
    return TREE_REFUSED;
}

static void refuse(struct place *place) {
    free(place->refusal);
    place->refusal = joined("%s", reason());
}

enum pass { FIND, MAKE, MAKE_NOEXEC, PASSES };

static bool try_place(struct place *place, enum pass pass, const struct payload *payload, struct root *root) {
    if (place->folder < 0 && open_place(place, pass != FIND) < 0) {
        refuse(place);
        return false;
    }
    if (place->noexec && !memory_serves()) {
        because("programs and libraries in it may not be executed");
        refuse(place);
        return false;
    }
    if (place->noexec != (pass == MAKE_NOEXEC)) return false;
    char *name = tree_name(payload);
    int tree = -1;
    enum tree_state state = pass == FIND ? use_tree(place->folder, name, payload, &tree)
                                         : use_or_make(place, name, payload, &tree);
    if (state == TREE_READY)
        *root = (struct root){.path = inner_path(place->path, name), .folder = tree, .noexec = place->noexec};
    if (state == TREE_REFUSED) refuse(place);
    free(name);
    return state == TREE_READY;
}

static _Noreturn void nowhere(const struct place *places, int count) {
    struct text list = {0};
    for (int i = 0; i < count; i++)
        text_add(&list, "  %s: %s\n", places[i].wanted, places[i].refusal ? places[i].refusal : "cannot be used");
    text_add(&list, "hint: set SEALIFT_CACHE_DIR to a folder of your own on a disk with space");
    fail(list.data, "it found no place for its files");
}

struct root prepare_cache(const struct payload *payload) {
    struct place places[MOST_PLACES];
    struct root root;
    int count = list_places(places);
    unsigned mask = os_set_mask(0); /* each file and folder has a mode of its own */
    for (enum pass pass = FIND; pass < PASSES; pass++)
        for (int i = 0; i < count; i++) {
            bool ready = try_place(&places[i], pass, payload, &root);
            /* Who names a folder wants the tree there, even if another place has it already. */
            if (!ready && pass == FIND && places[i].is_own) ready = try_place(&places[i], MAKE, payload, &root);
            if (!ready) continue;
            for (int j = 0; j < count; j++)
                if (places[j].folder >= 0) close_file(places[j].folder);
            os_set_mask(mask);
            return root;
        }
    nowhere(places, count);
}
