#include "lock.h"

#include "os.h"

enum { LONGEST_PAUSE_MS = 40 };

bool wait_again(struct patience *patience) {
    if (patience->left <= 0) return false;
    patience->pause = patience->pause ? patience->pause * 2 : 1;
    if (patience->pause > LONGEST_PAUSE_MS) patience->pause = LONGEST_PAUSE_MS;
    os_sleep(patience->pause);
    patience->left -= patience->pause;
    return true;
}
