/* A tree in the cache: made once, checked at every start, mended when something changed it. */
#ifndef SEALIFT_TREE_H
#define SEALIFT_TREE_H

#include "payload.h"

enum tree_state {
    TREE_READY,   /* complete and unchanged; the descriptor holds a shared lock on it */
    TREE_ABSENT,  /* there is none */
    TREE_REFUSED, /* there is one, or one cannot be made, for reason() */
};

/* Checks the tree `name` in the folder `base` and mends it; `*tree` is then open and locked. */
enum tree_state use_tree(int base, const char *name, const struct payload *payload, int *tree);

/* Writes the tree under a temporary name and renames it; `*tree` is then open and locked.
   TREE_ABSENT when another process was faster, whose tree stays, or deleted this one.
   A damaged payload ends the process. */
enum tree_state make_tree(int base, const char *name, const struct payload *payload, int *tree);

/* Deletes what killed processes left in a tree that they were mending. */
void remove_half_files(int tree);

/* Checks the open folder `tree`, which the running program lies in, by its own stamp alone. */
int check_own_tree(int tree);

#endif
