/* image.sealift: the index of a tree with its compiled code and compressed sources, mapped. */
#ifndef SEALIFT_IMAGE_H
#define SEALIFT_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const uint8_t *data; /* NULL: damaged or absent */
    size_t size;
};

struct image {
    const uint8_t *data;
    uint64_t size;
    uint32_t slot_count, entry_count, child_count, group_count, frozen_count;
    uint64_t slots, entries, children, strings, groups, frozen;
    const uint8_t *key;
    struct bytes settings;
};

enum { ENTRY_MODULE = 1, ENTRY_ABSENT = 0xffffffff };

struct entry {
    uint32_t flags, group, source_offset, source_size, first_child, child_count;
    struct bytes code, key, file; /* texts end with a NUL, too */
};

struct frozen_name {
    const char *name;
    struct bytes code;
    bool is_package;
};

/* Maps the file in the open folder; -1 with reason(). */
int open_image(int folder, struct image *image);

/* The index of the entry `key`, or ENTRY_ABSENT. */
uint32_t find_entry(const struct image *image, const char *key, size_t size);

/* False when `index` is no entry or the entry points outside the file. */
bool read_entry(const struct image *image, uint32_t index, struct entry *entry);

/* The entry number `child` of the children table, or ENTRY_ABSENT. */
uint32_t read_child(const struct image *image, uint32_t child);

bool read_frozen(const struct image *image, uint32_t index, struct frozen_name *frozen);

/* A group of sources: compressed bytes, and the size they have unpacked. */
struct bytes read_group(const struct image *image, uint32_t group, size_t *raw_size);

#endif
