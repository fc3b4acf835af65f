#include "payload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "about.h"
#include "bytes.h"
#include "carrier.h"
#include "files.h"
#include "hash.h"
#include "message.h"
#include "stamp.h"

enum {
    PAGE = 4096,
    HEADER_SIZE = 256,
    FILE_RECORD = 32,
    FRAME_RECORD = 24,
    LARGEST_NAMES = 4096,
    LONGEST_NAME = 96,
    LONGEST_PATH = 4000,
};

static const char payload_magic[] = "SEALIFT\1";
static const char root_magic[] = "SLROOT\0\1";

static _Noreturn void damaged(const char *what) {
    fail("hint: get the file again; it was truncated or changed", "this file is damaged: %s", what);
}

static void require(bool holds, const char *what) {
    if (!holds) damaged(what);
}

/* A name that becomes part of a folder's name. */
static bool is_plain_name(const char *name) {
    size_t length = strlen(name);
    if (length == 0 || length > LONGEST_NAME || name[0] == '.') return false;
    for (const char *at = name; *at; at++)
        if ((unsigned char)*at < ' ' || *at == '/' || *at == 0x7f) return false;
    return true;
}

/* Relative, without empty, "." and ".." parts and without NUL. */
static bool is_inner_path(const char *path, size_t size) {
    if (size == 0 || size > LONGEST_PATH || path[size] != '\0' || memchr(path, '\0', size)) return false;
    const char *part = path;
    for (const char *at = path;; at++) {
        if (*at != '/' && *at != '\0') continue;
        size_t length = (size_t)(at - part);
        if (length == 0 || (length == 1 && part[0] == '.')) return false;
        if (length == 2 && part[0] == '.' && part[1] == '.') return false;
        if (*at == '\0') return true;
        part = at + 1;
    }
}

static const char *next_name(const char **at, const char *end) {
    const char *name = *at;
    const char *stop = memchr(name, '\0', (size_t)(end - name));
    require(stop != NULL, "its names do not end");
    *at = stop + 1;
    return name;
}

static void read_names(struct payload *payload) {
    uint32_t size = get32(payload->data + 20);
    uint64_t offset = get64(payload->data + 32);
    require(size <= LARGEST_NAMES && lies_within(offset, size, 1, payload->size), "its names lie outside");
    const char *at = (const char *)payload->data + offset, *end = at + size;
    payload->product = next_name(&at, end);
    payload->version = next_name(&at, end);
    const char *feature = next_name(&at, end);
    const char *library = next_name(&at, end);
    require(is_plain_name(payload->product) && is_plain_name(payload->version), "it has no proper name");
    if (strcmp(feature, PYTHON_FEATURE) != 0 || strcmp(library, PYTHON_LIBRARY) != 0)
        fail(NULL, "this file's launcher is for Python %s (%s), its content for %s (%s)", PYTHON_FEATURE,
             PYTHON_LIBRARY, feature, library);
}

static void read_files(struct payload *payload) {
    uint64_t table = get64(payload->data + 56), strings = get64(payload->data + 40);
    uint64_t strings_size = get64(payload->data + 48);
    uint32_t count = payload->packed_count, programs = 0;
    require(lies_within(table, count, FILE_RECORD, payload->size), "its file table lies outside");
    require(lies_within(strings, strings_size, 1, payload->size), "its paths lie outside");
    payload->files = allocate(((size_t)count + 1) * sizeof *payload->files);
    uint64_t raw_end = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *record = payload->data + table + (uint64_t)i * FILE_RECORD;
        struct file *file = &payload->files[i];
        file->raw_offset = get64(record);
        file->size = get64(record + 8);
        file->hash = get64(record + 16);
        file->mode = get16(record + 30) & 0755U;
        uint32_t path_offset = get32(record + 24), path_size = get16(record + 28);
        require(lies_within(path_offset, path_size + 1U, 1, strings_size), "a path lies outside");
        file->path = (const char *)payload->data + strings + path_offset;
        require(is_inner_path(file->path, path_size), "a path leads outside");
        programs += strcmp(file->path, PYTHON_PROGRAM) == 0;
        require(strcmp(file->path, STAMP_NAME) != 0, "a path is taken");
        require(file->raw_offset == raw_end && file->size <= payload->tree_size - raw_end,
                "its files do not follow each other");
        raw_end += file->size;
    }
    require(raw_end == payload->tree_size, "its files do not add up");
    if (payload->launcher_size)
        payload->files[payload->file_count++] = (struct file){
            .path = PYTHON_PROGRAM, .size = payload->launcher_size, .mode = 0755, .raw_offset = raw_end};
    require(payload->file_count == count + 1 - programs, "a path is taken or missing: " PYTHON_PROGRAM);
}

static void check_frames(const struct payload *payload) {
    require(lies_within(payload->frames, payload->frame_count, FRAME_RECORD, payload->size),
            "its frame table lies outside");
    uint64_t raw_end = 0;
    for (uint32_t i = 0; i < payload->frame_count; i++) {
        const uint8_t *record = payload->data + payload->frames + (uint64_t)i * FRAME_RECORD;
        uint32_t size = get32(record + 16), raw_size = get32(record + 20);
        require(lies_within(get64(record), size, 1, payload->size), "a frame lies outside");
        require(get64(record + 8) == raw_end && raw_size > 0 && raw_size <= LARGEST_FRAME,
                "its frames do not follow each other");
        raw_end += raw_size;
    }
    require(raw_end == payload->tree_size, "its frames do not add up");
}

struct frame payload_frame(const struct payload *payload, uint32_t index) {
    const uint8_t *record = payload->data + payload->frames + (uint64_t)index * FRAME_RECORD;
    return (struct frame){.data = payload->data + get64(record),
                          .raw_offset = get64(record + 8),
                          .size = get32(record + 16),
                          .raw_size = get32(record + 20)};
}

uint64_t file_hash(const struct payload *payload, uint32_t index) {
    struct file *file = &payload->files[index];
    if (index >= payload->packed_count && file->hash == 0 && payload->launcher)
        file->hash = hash_bytes(payload->launcher, payload->launcher_size);
    return file->hash;
}

static void read_payload(struct payload *payload, uint64_t available) {
    payload->size = get64(payload->data + 24);
    require(payload->size >= HEADER_SIZE && payload->size <= available, "it ends too early");
    payload->file_count = payload->packed_count = get32(payload->data + 12);
    payload->frame_count = get32(payload->data + 16);
    payload->frames = get64(payload->data + 64);
    payload->tree_size = get64(payload->data + 72);
    require(payload->tree_size <= (uint64_t)1 << 40 && is_mappable(payload->tree_size), "its size is not believable");
    memcpy(payload->key, payload->data + 80, KEY_SIZE);
    read_names(payload);
    read_files(payload);
    check_frames(payload);
}

static char *read_root(const uint8_t *data, uint64_t available) {
    uint32_t size = get32(data + 8);
    const char *path = (const char *)data + 12;
    require(size > 0 && size <= available - 12 && path[0] == '/' && path[size - 1] == '\0', "its root");
    return joined("%s", path);
}

char *root_marker(const char *root, size_t *size) {
    size_t length = strlen(root) + 1;
    char *marker = allocate(PAGE + length);
    memset(marker, 0, PAGE + length);
    memcpy(marker, root_magic, MAGIC_SIZE);
    put32((uint8_t *)marker + 8, (uint32_t)length);
    memcpy(marker + 12, root, length);
    *size = PAGE + length;
    return marker;
}

enum payload_kind find_payload(int self, struct payload *payload, char **root) {
    struct carried carried;
    if (!find_carried(self, &carried) || carried.size < HEADER_SIZE) return PAYLOAD_NONE;
    uint8_t magic[MAGIC_SIZE];
    if (read_at(self, magic, sizeof magic, carried.start) != MAGIC_SIZE) return PAYLOAD_NONE;
    bool is_root = memcmp(magic, root_magic, MAGIC_SIZE) == 0;
    if (!is_root && memcmp(magic, payload_magic, MAGIC_SIZE) != 0) return PAYLOAD_NONE;
    uint64_t end = carried.start + carried.size;
    if (!is_mappable(end)) fail(NULL, "this file is too large for a program with 32 bits");
    const void *mapped = map_file(self, end);
    if (!mapped) fail(NULL, "cannot map its own file: %s", strerror(errno));
    *payload = (struct payload){.launcher = mapped, .launcher_size = carried.program_size};
    payload->data = payload->launcher + carried.start;
    if (is_root) {
        *root = read_root(payload->data, carried.size);
        return PAYLOAD_ROOT;
    }
    read_payload(payload, carried.size);
    return PAYLOAD_TREE;
}
