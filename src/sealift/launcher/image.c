#include "image.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "about.h"
#include "bytes.h"
#include "files.h"
#include "message.h"

enum { HEADER = 192, ENTRY = 64, GROUP = 16, FROZEN = 16 };

static const char magic[] = "SLIMAGE\1";

static bool sections_fit(const struct image *image) {
    return lies_within(image->slots, image->slot_count, 4, image->size) &&
           lies_within(image->entries, image->entry_count, ENTRY, image->size) &&
           lies_within(image->children, image->child_count, 4, image->size) &&
           lies_within(image->groups, image->group_count, GROUP, image->size) &&
           lies_within(image->frozen, image->frozen_count, FROZEN, image->size) &&
           image->strings <= image->size && image->slot_count > image->entry_count &&
           (image->slot_count & (image->slot_count - 1)) == 0;
}

static int read_header(struct image *image) {
    const uint8_t *at = image->data;
    if (memcmp(at, magic, MAGIC_SIZE) != 0 || get64(at + 32) != image->size)
        return because(IMAGE_NAME " is damaged or of another version");
    image->slot_count = get32(at + 8);
    image->entry_count = get32(at + 12);
    image->child_count = get32(at + 16);
    image->group_count = get32(at + 20);
    image->frozen_count = get32(at + 24);
    image->slots = get64(at + 40);
    image->entries = get64(at + 48);
    image->children = get64(at + 56);
    image->strings = get64(at + 64);
    image->groups = get64(at + 72);
    image->frozen = get64(at + 80);
    image->key = at + 104;
    uint64_t settings = get64(at + 88), size = get64(at + 96);
    if (!sections_fit(image) || !lies_within(settings, size, 1, image->size))
        return because(IMAGE_NAME " is damaged: a part lies outside");
    image->settings = (struct bytes){at + settings, (size_t)size};
    return 0;
}

int open_image(int folder, struct image *image) {
    int file = open_to_read(folder, IMAGE_NAME);
    struct facts found;
    if (file < 0 || !look_at_open(file, &found)) return because_errno("open", IMAGE_NAME);
    image->size = found.size;
    image->data = image->size >= HEADER ? map_file(file, image->size) : NULL;
    close_file(file);
    if (!image->data) return because(IMAGE_NAME " cannot be mapped");
    return read_header(image);
}

static uint32_t fnv1a(const char *text, size_t size) {
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)text[i]) * 16777619U;
    return hash;
}

static struct bytes piece(const struct image *image, uint64_t offset, uint64_t size) {
    if (!lies_within(offset, size, 1, image->size)) return (struct bytes){NULL, 0};
    return (struct bytes){image->data + offset, (size_t)size};
}

static struct bytes string(const struct image *image, uint32_t offset, uint32_t size) {
    struct bytes text = piece(image, image->strings + offset, (uint64_t)size + 1);
    if (!text.data || text.data[size] != '\0') return (struct bytes){NULL, 0};
    return (struct bytes){text.data, size};
}

uint32_t find_entry(const struct image *image, const char *key, size_t size) {
    uint32_t mask = image->slot_count - 1, slot = fnv1a(key, size) & mask;
    for (uint32_t tries = 0; tries <= mask; tries++, slot = (slot + 1) & mask) {
        uint32_t number = get32(image->data + image->slots + (uint64_t)slot * 4);
        if (number == 0 || number > image->entry_count) return ENTRY_ABSENT;
        const uint8_t *at = image->data + image->entries + (uint64_t)(number - 1) * ENTRY;
        if (get32(at + 20) != size) continue;
        struct bytes found = string(image, get32(at + 16), (uint32_t)size);
        if (found.data && memcmp(found.data, key, size) == 0) return number - 1;
    }
    return ENTRY_ABSENT;
}

bool read_entry(const struct image *image, uint32_t index, struct entry *entry) {
    if (index >= image->entry_count) return false;
    const uint8_t *at = image->data + image->entries + (uint64_t)index * ENTRY;
    *entry = (struct entry){
        .flags = get32(at + 12),
        .code = piece(image, get64(at), get32(at + 8)),
        .key = string(image, get32(at + 16), get32(at + 20)),
        .file = string(image, get32(at + 24), get32(at + 28)),
        .group = get32(at + 32),
        .source_offset = get32(at + 36),
        .source_size = get32(at + 40),
        .first_child = get32(at + 44),
        .child_count = get32(at + 48),
    };
    return entry->code.data && entry->key.data && (entry->file.data || get32(at + 28) == 0);
}

uint32_t read_child(const struct image *image, uint32_t child) {
    if (child >= image->child_count) return ENTRY_ABSENT;
    return get32(image->data + image->children + (uint64_t)child * 4);
}

bool read_frozen(const struct image *image, uint32_t index, struct frozen_name *frozen) {
    const uint8_t *at = image->data + image->frozen + (uint64_t)index * FROZEN;
    struct entry entry;
    if (!read_entry(image, get32(at), &entry) || entry.code.size > INT_MAX) return false;
    uint64_t name = image->strings + get32(at + 4);
    if (name >= image->size || !memchr(image->data + name, '\0', (size_t)(image->size - name))) return false;
    *frozen = (struct frozen_name){(const char *)image->data + name, entry.code, get32(at + 8) != 0};
    return true;
}

struct bytes read_group(const struct image *image, uint32_t group, size_t *raw_size) {
    if (group >= image->group_count) return (struct bytes){NULL, 0};
    const uint8_t *at = image->data + image->groups + (uint64_t)group * GROUP;
    *raw_size = get32(at + 12);
    return piece(image, get64(at), get32(at + 8));
}
