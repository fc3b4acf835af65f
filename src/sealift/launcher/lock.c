#include "lock.h"

#include <errno.h>
#include <sys/file.h>
#include <time.h>

enum { LONGEST_PAUSE_MS = 40 };

enum lock_state lock_file(int file, bool exclusive) {
    int failed;
    do failed = flock(file, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB);
    while (failed && errno == EINTR);
    if (!failed) return LOCK_HELD;
    return errno == EWOULDBLOCK ? LOCK_BUSY : LOCK_ABSENT;
}

bool wait_again(struct patience *patience) {
    if (patience->left <= 0) return false;
    patience->pause = patience->pause ? patience->pause * 2 : 1;
    if (patience->pause > LONGEST_PAUSE_MS) patience->pause = LONGEST_PAUSE_MS;
    struct timespec time = {.tv_nsec = (long)patience->pause * 1000000};
    nanosleep(&time, NULL);
    patience->left -= patience->pause;
    return true;
}
