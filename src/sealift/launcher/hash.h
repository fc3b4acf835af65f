/* XXH64 with seed 0, out of the zstd sources. */
#ifndef SEALIFT_HASH_H
#define SEALIFT_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *data, size_t size);

#endif
