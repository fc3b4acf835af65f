/* Where a program carries its payload, by the headers of its own file: carrier_end.c, carrier_macho.c. */
#ifndef SEALIFT_CARRIER_H
#define SEALIFT_CARRIER_H

#include <stdbool.h>
#include <stdint.h>

/* The bytes of the file that may be a payload, and how many before them are the program alone: 0 where
   they are of no use without the payload. */
struct carried {
    uint64_t start, size;
    uint64_t program_size;
};

/* False when there are none, or the open file `self` is not as it should be. */
bool find_carried(int self, struct carried *carried);

#endif
