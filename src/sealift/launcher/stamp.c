#include "stamp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "files.h"
#include "hash.h"
#include "message.h"
#include "os.h"
#include "scratch.h"

enum { HEADER = 256, RECORD = 40, HASHED_FROM = 32, BOOT_AT = 64, PRODUCT_AT = 104, DURABLE = 1 };

static const size_t largest = 256U << 20;
static const char magic[] = "SLSTAMP\1";

bool file_fits(int tree, const struct file *file, struct times *times) {
    struct facts found;
    if (!look_at(tree, file->path, &found)) return false;
    *times = (struct times){found.modified, found.changed};
    return found.is_file && (found.mode == file->mode || found.mode == NO_MODE) && found.size == file->size;
}

static bool is_whole(const uint8_t *data, size_t size) {
    if (size < HEADER || memcmp(data, magic, MAGIC_SIZE) != 0) return false;
    uint64_t count = get32(data + 8), paths = get64(data + 16);
    if (count == 0 || paths > size || (uint64_t)size != HEADER + count * RECORD + paths) return false;
    return get64(data + 24) == hash_bytes(data + HASHED_FROM, size - HASHED_FROM);
}

/* Every text of a stamp ends within it. */
static bool texts_end(const uint8_t *data, size_t size) {
    uint32_t count = get32(data + 8);
    uint64_t paths = get64(data + 16);
    if (!memchr(data + PRODUCT_AT, '\0', HEADER - PRODUCT_AT) || paths == 0 || data[size - 1] != '\0') return false;
    for (uint32_t i = 0; i < count; i++)
        if (get32(data + HEADER + (size_t)i * RECORD + 32) >= paths) return false;
    return true;
}

static void read_records(const uint8_t *data, struct stamp *stamp) {
    uint32_t count = get32(data + 8);
    const char *paths = (const char *)data + HEADER + (size_t)count * RECORD;
    stamp->list.file_count = count;
    stamp->list.files = allocate(count * sizeof *stamp->list.files);
    stamp->times = allocate(count * sizeof *stamp->times);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *record = data + HEADER + (size_t)i * RECORD;
        stamp->times[i] = (struct times){(int64_t)get64(record), (int64_t)get64(record + 8)};
        stamp->list.files[i] = (struct file){.size = get64(record + 16),
                                             .hash = get64(record + 24),
                                             .path = paths + get32(record + 32),
                                             .mode = get16(record + 38)};
    }
}

int read_stamp(int tree, struct stamp *stamp) {
    size_t size = 0;
    memset(stamp, 0, sizeof *stamp);
    uint8_t *data = read_file(tree, STAMP_NAME, largest, &size);
    if (!data || !is_whole(data, size) || !texts_end(data, size)) {
        free(data);
        return -1;
    }
    char boot[BOOT_ID_SIZE];
    stamp->data = data;
    stamp->durable = get32(data + 12) & DURABLE;
    stamp->trusted = stamp->durable || (os_boot_id(boot) && memcmp(boot, data + BOOT_AT, sizeof boot) == 0);
    memcpy(stamp->list.key, data + HASHED_FROM, KEY_SIZE);
    stamp->list.product = (const char *)data + PRODUCT_AT;
    read_records(data, stamp);
    return 0;
}

void free_stamp(struct stamp *stamp) {
    free(stamp->list.files);
    free(stamp->times);
    free(stamp->data);
}

static uint8_t *stamp_records(const struct payload *payload, const struct times *times, uint8_t *data) {
    uint32_t count = payload->file_count;
    uint8_t *paths = data + HEADER + (size_t)count * RECORD, *path = paths;
    for (uint32_t i = 0; i < count; i++) {
        const struct file *file = &payload->files[i];
        uint8_t *record = data + HEADER + (size_t)i * RECORD;
        size_t length = strlen(file->path);
        put64(record, (uint64_t)times[i].modified);
        put64(record + 8, (uint64_t)times[i].changed);
        put64(record + 16, file->size);
        put64(record + 24, file_hash(payload, i));
        put32(record + 32, (uint32_t)(path - paths));
        put32(record + 36, (uint32_t)length | file->mode << 16);
        memcpy(path, file->path, length + 1);
        path += length + 1;
    }
    return path;
}

static size_t stamp_size(const struct payload *payload) {
    size_t size = HEADER;
    for (uint32_t i = 0; i < payload->file_count; i++) size += RECORD + strlen(payload->files[i].path) + 1;
    return size;
}

int write_stamp(int tree, const struct payload *payload, const struct times *times, bool durable) {
    size_t size = stamp_size(payload);
    uint8_t *data = allocate(size);
    uint32_t count = payload->file_count;
    memset(data, 0, HEADER);
    memcpy(data, magic, MAGIC_SIZE);
    put32(data + 8, count);
    put32(data + 12, durable ? DURABLE : 0);
    memcpy(data + HASHED_FROM, payload->key, KEY_SIZE);
    os_boot_id((char *)data + BOOT_AT);
    memcpy(data + PRODUCT_AT, payload->product, strlen(payload->product));
    uint8_t *end = stamp_records(payload, times, data);
    put64(data + 16, (uint64_t)(end - data) - HEADER - (uint64_t)count * RECORD);
    put64(data + 24, hash_bytes(data + HASHED_FROM, size - HASHED_FROM));
    char *name;
    int lock = open_scratch_file(tree, STAMP_STEM, &name), out = lock < 0 ? -1 : open_to_write(tree, name);
    int failed = out < 0 || write_at(out, data, size, 0) < 0;
    if (out >= 0 && close_file(out) < 0) failed = true;
    failed = failed || rename_file(tree, name, STAMP_NAME) < 0 ? -1 : 0;
    int error = errno;
    if (failed && lock >= 0) remove_file(tree, name);
    if (lock >= 0) close_file(lock);
    free(name);
    free(data);
    errno = error;
    return failed;
}
