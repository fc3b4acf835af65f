/* Locks on open files and folders; they end with the descriptor, whatever ends it. */
#ifndef SEALIFT_LOCK_H
#define SEALIFT_LOCK_H

#include <stdbool.h>

enum lock_state {
    LOCK_HELD,  /* ours now, and no other one before it on this descriptor */
    LOCK_BUSY,  /* another process's */
    LOCK_ABSENT /* the file system has none */
};

/* Locks at once or not at all.  A change from exclusive to shared lets go of the lock in between. */
enum lock_state lock_file(int file, bool exclusive);

/* How long to wait for others; it starts as {.left = milliseconds}. */
struct patience {
    int left, pause;
};

/* Waits, longer each time; false when all patience is used up. */
bool wait_again(struct patience *patience);

#endif
