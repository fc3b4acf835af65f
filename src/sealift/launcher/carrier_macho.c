/* The payload of a Mach-O file: the segment __SEALIFT of one of its slices, which serves all. */
#include "carrier.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "files.h"
#include "message.h"

static const uint32_t fat_magic = 0xbebafeca; /* big-endian, read as little */
static const uint32_t thin_magic = 0xfeedfacf;

enum {
    FAT_HEADER = 8,
    FAT_ENTRY = 20,
    MOST_SLICES = 8,
    HEADER = 32,
    SEGMENT_COMMAND = 0x19, /* LC_SEGMENT_64 */
    SEGMENT_SIZE = 72,
    NAME_SIZE = 16,
    MOST_COMMAND_BYTES = 1 << 20,
};

static const char segment_name[] = "__SEALIFT";

static uint32_t get32_big(const uint8_t *at) { return __builtin_bswap32(get32(at)); }

static bool read_whole(int file, void *data, size_t size, uint64_t offset) {
    return read_at(file, data, size, offset) == (long)size;
}

/* Where the segment lies in a slice, by its load commands. */
static bool find_segment(const uint8_t *commands, uint32_t size, uint32_t count, struct carried *carried) {
    for (uint32_t at = 0; count-- && size - at >= 8;) {
        const uint8_t *command = commands + at;
        uint32_t length = get32(command + 4);
        if (length < 8 || length > size - at) return false;
        if (get32(command) == SEGMENT_COMMAND && length >= SEGMENT_SIZE &&
            strncmp((const char *)command + 8, segment_name, NAME_SIZE) == 0) {
            *carried = (struct carried){.start = get64(command + 40), .size = get64(command + 48)};
            return true;
        }
        at += length;
    }
    return false;
}

static bool find_in_slice(int self, uint64_t offset, uint64_t whole, struct carried *carried) {
    uint8_t header[HEADER];
    if (!read_whole(self, header, sizeof header, offset) || get32(header) != thin_magic) return false;
    uint32_t count = get32(header + 16), size = get32(header + 20);
    if (size > MOST_COMMAND_BYTES) return false;
    uint8_t *commands = allocate(size);
    bool found = read_whole(self, commands, size, offset + HEADER) && find_segment(commands, size, count, carried);
    free(commands);
    if (!found || offset > whole || !lies_within(carried->start, carried->size, 1, whole - offset)) return false;
    carried->start += offset;
    return true;
}

bool find_carried(int self, struct carried *carried) {
    uint8_t head[FAT_HEADER], entry[FAT_ENTRY];
    struct facts found;
    if (!look_at_open(self, &found) || !read_whole(self, head, sizeof head, 0)) return false;
    if (get32(head) != fat_magic) return find_in_slice(self, 0, found.size, carried);
    uint32_t count = get32_big(head + 4);
    for (uint32_t i = 0; i < count && i < MOST_SLICES; i++)
        if (read_whole(self, entry, sizeof entry, FAT_HEADER + (uint64_t)i * FAT_ENTRY) &&
            find_in_slice(self, get32_big(entry + 8), found.size, carried))
            return true;
    return false;
}
