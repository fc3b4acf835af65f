/* The payload of ELF and PE files: on the page behind all that belongs to the program itself. */
#include "carrier.h"

#include "files.h"
#include "os.h"

enum { PAGE = 4096 };

bool find_carried(int self, struct carried *carried) {
    struct facts found;
    uint64_t end = os_program_end(self);
    if (end == 0 || end >= UINT32_MAX || !look_at_open(self, &found)) return false;
    uint64_t start = (end + PAGE - 1) / PAGE * PAGE;
    if (found.size <= start) return false;
    *carried = (struct carried){.start = start, .size = found.size - start};
    if (OS_PROGRAM_IN_FRONT) carried->program_size = start;
    return true;
}
