/* The payload: what a single file carries beside the launcher. */
#ifndef SEALIFT_PAYLOAD_H
#define SEALIFT_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KEY_SIZE = 32,
    LARGEST_FRAME = 1 << 20, /* raw bytes */
};

/* A file of the tree, in the order of the payload's table. */
struct file {
    const char *path; /* NUL-terminated, relative, checked */
    uint64_t size;
    uint64_t hash; /* XXH64, seed 0 */
    uint64_t raw_offset;
    uint32_t mode;
};

struct payload {
    const uint8_t *launcher; /* the launcher's own bytes, mapped, */
    uint64_t launcher_size;  /* or 0 where it is a file of the payload */
    const uint8_t *data;
    uint64_t size;
    uint64_t tree_size;
    uint8_t key[KEY_SIZE];
    const char *product, *version;
    uint32_t file_count, frame_count;
    uint32_t packed_count; /* files in frames; one more where the launcher's own bytes are the last */
    struct file *files;
    uint64_t frames;    /* offset of the frame table */
};

/* One compressed piece of the stream of all files. */
struct frame {
    const uint8_t *data;
    uint32_t size, raw_size;
    uint64_t raw_offset;
};

enum payload_kind { PAYLOAD_NONE, PAYLOAD_TREE, PAYLOAD_ROOT };

/* What the program that is open as `self` carries: nothing, a payload, or (`*root`) the path of the
   tree that a copy in memory belongs to.  A damaged payload ends the process. */
enum payload_kind find_payload(int self, struct payload *payload, char **root);

/* The bytes to write after `launcher_size` bytes of launcher to make a copy that knows its root. */
char *root_marker(const char *root, size_t *size);

struct frame payload_frame(const struct payload *payload, uint32_t index);

/* The hash of the launcher's own bytes is computed when it is first asked for. */
uint64_t file_hash(const struct payload *payload, uint32_t index);

#endif
