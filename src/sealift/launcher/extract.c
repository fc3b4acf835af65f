#include "extract.h"

#define ZSTD_STATIC_LINKING_ONLY
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "message.h"
#include "os.h"
#include "scratch.h"
#include "threads.h"
#include "zstd.h"

enum { NOT_ZSTD = -1 };

struct work {
    const struct payload *payload;
    int tree;
    atomic_uint next;  /* frame */
    atomic_int error;  /* the first: an errno, or NOT_ZSTD */
    atomic_uint where; /* the file it happened to */
};

static void report(struct work *work, int error, uint32_t file) {
    int none = 0;
    if (atomic_compare_exchange_strong(&work->error, &none, error ? error : EIO))
        atomic_store(&work->where, file);
}

static int unpack(ZSTD_DCtx *context, const struct frame *frame, uint8_t *out) {
    size_t size = ZSTD_decompressDCtx(context, out, frame->raw_size, frame->data, frame->size);
    return ZSTD_isError(size) || size != frame->raw_size ? -1 : 0;
}

/* The index of the file that holds the byte `raw_offset` of the stream. */
static uint32_t file_at(const struct payload *payload, uint64_t raw_offset) {
    uint32_t low = 0, high = payload->packed_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct file *file = &payload->files[middle];
        if (file->raw_offset + file->size <= raw_offset) low = middle + 1;
        else high = middle;
    }
    return low;
}

static int write_piece(int tree, const struct file *file, const uint8_t *data, size_t size, uint64_t at) {
    int out = open_or_make(tree, file->path, file->mode);
    if (out < 0) return -1;
    int failed = write_at(out, data, size, at);
    return close_file(out) < 0 || failed ? -1 : 0;
}

static void write_pieces(struct work *work, const struct frame *frame, const uint8_t *raw) {
    const struct payload *payload = work->payload;
    uint64_t at = frame->raw_offset, end = at + frame->raw_size;
    for (uint32_t i = file_at(payload, at); at < end; i++) {
        const struct file *file = &payload->files[i];
        uint64_t stop = file->raw_offset + file->size;
        if (stop > end) stop = end;
        size_t size = (size_t)(stop - at);
        if (size && write_piece(work->tree, file, raw, size, at - file->raw_offset) < 0)
            return report(work, errno, i);
        raw += size;
        at = stop;
    }
}

static void *extract_frames(void *argument) {
    struct work *work = argument;
    ZSTD_DCtx *context = ZSTD_createDCtx();
    uint8_t *raw = malloc(LARGEST_FRAME);
    if (!context || !raw) report(work, ENOMEM, 0);
    while (!atomic_load(&work->error)) {
        uint32_t index = atomic_fetch_add(&work->next, 1);
        if (index >= work->payload->frame_count) break;
        struct frame frame = payload_frame(work->payload, index);
        if (unpack(context, &frame, raw) == 0) write_pieces(work, &frame, raw);
        else report(work, NOT_ZSTD, file_at(work->payload, frame.raw_offset));
    }
    free(raw);
    ZSTD_freeDCtx(context);
    return NULL;
}

static int prepare_folders(const struct payload *payload, int tree) {
    const char *last = "";
    for (uint32_t i = 0; i < payload->file_count; i++) {
        const struct file *file = &payload->files[i];
        if (make_folders(tree, file->path, last) < 0) return because_errno("make the folder of", file->path);
        last = file->path;
        if (file->size == 0 && write_file(tree, file->path, "", 0, file->mode) < 0)
            return because_errno("write", file->path);
    }
    return 0;
}

int extract_all(const struct payload *payload, int tree, bool *damaged) {
    *damaged = false;
    if (prepare_folders(payload, tree) < 0) return -1;
    struct work work = {.payload = payload, .tree = tree};
    int wanted = os_processors() < MOST_THREADS ? os_processors() : MOST_THREADS;
    if ((uint32_t)wanted > payload->frame_count) wanted = (int)payload->frame_count;
    struct threads threads;
    start_threads(&threads, wanted - 1, extract_frames, &work);
    const struct file *own = &payload->files[payload->packed_count];
    if (payload->launcher_size &&
        write_file(tree, own->path, payload->launcher, payload->launcher_size, own->mode) < 0)
        report(&work, errno, payload->packed_count);
    extract_frames(&work);
    join_threads(&threads);
    int error = atomic_load(&work.error);
    if (error == 0) return 0;
    *damaged = error == NOT_ZSTD;
    errno = error > 0 ? error : EIO;
    return because_errno("write", payload->files[atomic_load(&work.where)].path);
}

/* The part of a file that lies in a frame. */
static int write_overlap(ZSTD_DCtx *context, const struct frame *frame, const struct file *file, int out,
                         bool *damaged) {
    uint64_t start = file->raw_offset, stop = start + file->size;
    if (start < frame->raw_offset) start = frame->raw_offset;
    if (stop > frame->raw_offset + frame->raw_size) stop = frame->raw_offset + frame->raw_size;
    if (start >= stop) return 0;
    uint8_t *raw = allocate(frame->raw_size);
    *damaged = unpack(context, frame, raw) < 0;
    int failed = *damaged || write_at(out, raw + (start - frame->raw_offset), (size_t)(stop - start),
                                      start - file->raw_offset) < 0;
    free(raw);
    return failed ? -1 : 0;
}

static int write_content(const struct payload *payload, uint32_t index, int out, bool *damaged) {
    if (index >= payload->packed_count) return write_at(out, payload->launcher, payload->launcher_size, 0);
    ZSTD_DCtx *context = ZSTD_createDCtx();
    int failed = context ? 0 : -1;
    for (uint32_t i = 0; !failed && i < payload->frame_count; i++) {
        struct frame frame = payload_frame(payload, i);
        failed = write_overlap(context, &frame, &payload->files[index], out, damaged);
    }
    ZSTD_freeDCtx(context);
    return failed;
}

/* The file `name` gets the name `path`, whatever has it now. */
static int take_place(int tree, const char *name, const char *path) {
    if (make_folders(tree, path, "") < 0) return -1;
    if (rename_file(tree, name, path) == 0) return 0;
    if (errno != EISDIR || remove_entry(tree, path, -1) < 0) return -1;
    return rename_file(tree, name, path);
}

int extract_one(const struct payload *payload, int tree, uint32_t index, bool *damaged) {
    const struct file *file = &payload->files[index];
    char *name;
    int lock = open_scratch_file(tree, MEND_STEM, &name), out = lock < 0 ? -1 : open_to_write(tree, name);
    *damaged = false;
    int failed = out < 0 || write_content(payload, index, out, damaged) < 0 ||
                 set_mode(out, file->mode) < 0 || sync_file(out) < 0;
    if (out >= 0 && close_file(out) < 0) failed = true;
    if (failed || take_place(tree, name, file->path) < 0) failed = because_errno("mend", file->path);
    if (failed && lock >= 0) remove_file(tree, name);
    if (lock >= 0) close_file(lock);
    free(name);
    return failed;
}
