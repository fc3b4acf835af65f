/* .stamp, written last into a tree: what its files were like when they were known to be right.

   It lists the files with their hashes too, so that the Python in the tree, which has no payload,
   can check the tree as well.  Little-endian:
   header, 256 bytes: 0 "SLSTAMP\1", 8 u32 files, 12 u32 flags (1: durable), 16 u64 bytes of paths,
     24 u64 XXH64 of all that follows this field, 32 key[32], 64 boot id[40], 104 product name
   file, 40 bytes: i64 modified, i64 changed (ns), u64 size, u64 XXH64, u32 path offset,
     u16 path size, u16 mode
   paths, each with its NUL */
#ifndef SEALIFT_STAMP_H
#define SEALIFT_STAMP_H

#include "payload.h"

struct times {
    int64_t modified, changed; /* nanoseconds */
};

struct stamp {
    void *data;
    struct payload list; /* key, product and files: no launcher's bytes, no frames */
    struct times *times; /* of list.files */
    bool durable;        /* the content is on the disk whatever happens to the power */
    bool trusted;        /* durable, or this is still the boot in which it was written */
};

#define STAMP_NAME ".stamp"
#define STAMP_STEM "stamp" /* of scratch files in a tree */

/* -1 when there is none, or it is damaged. */
int read_stamp(int tree, struct stamp *stamp);
void free_stamp(struct stamp *stamp);

/* Writes it in one step over an older one.  -1 with errno. */
int write_stamp(int tree, const struct payload *payload, const struct times *times, bool durable);

/* Size, kind and mode as listed?  Fills `times` whenever the file exists. */
bool file_fits(int tree, const struct file *file, struct times *times);

#endif
