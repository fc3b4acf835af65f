/* Little-endian numbers at any address of a mapped file. */
#ifndef SEALIFT_BYTES_H
#define SEALIFT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { MAGIC_SIZE = 8 }; /* of every format of ours */

static inline uint16_t get16(const uint8_t *at) { return (uint16_t)(at[0] | at[1] << 8); }

static inline uint32_t get32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap32(value);
#endif
    return value;
}

static inline uint64_t get64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

static inline void put32(uint8_t *at, uint32_t value) {
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (8 * i));
}

static inline void put64(uint8_t *at, uint64_t value) {
    for (int i = 0; i < 8; i++) at[i] = (uint8_t)(value >> (8 * i));
}

/* Whether so many bytes can be mapped at once, which is no matter of course where pointers have 32 bits. */
static inline bool is_mappable(uint64_t size) { return (uint64_t)(size_t)size == size; }

/* Whether `count` items of `item` bytes at `offset` lie within `size` bytes. */
static inline bool lies_within(uint64_t offset, uint64_t count, uint64_t item, uint64_t size) {
    return offset <= size && count <= (size - offset) / item;
}

#endif
