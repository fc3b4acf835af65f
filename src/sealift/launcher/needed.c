#include "needed.h"

#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "message.h"

struct mapped {
    const uint8_t *data;
    uint64_t size;
    const ElfW(Phdr) *segments;
    uint32_t segment_count;
};

static bool map_elf(const char *path, struct mapped *elf) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat found;
    if (file < 0) return false;
    bool usable = fstat(file, &found) == 0 && found.st_size >= (off_t)sizeof(ElfW(Ehdr));
    void *data = usable ? mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_PRIVATE, file, 0) : MAP_FAILED;
    close(file);
    if (data == MAP_FAILED) return false;
    const ElfW(Ehdr) *header = data;
    elf->data = data;
    elf->size = (uint64_t)found.st_size;
    elf->segments = (const void *)(elf->data + header->e_phoff);
    elf->segment_count = header->e_phnum;
    return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && header->e_phentsize == sizeof(ElfW(Phdr)) &&
           header->e_phoff % sizeof(ElfW(Addr)) == 0 &&
           lies_within(header->e_phoff, header->e_phnum, sizeof(ElfW(Phdr)), elf->size);
}

/* The text at a virtual address, or NULL. */
static const char *text_at(const struct mapped *elf, uint64_t address) {
    for (uint32_t i = 0; i < elf->segment_count; i++) {
        const ElfW(Phdr) *segment = &elf->segments[i];
        if (segment->p_type != PT_LOAD || address < segment->p_vaddr) continue;
        uint64_t inside = address - segment->p_vaddr;
        if (inside >= segment->p_filesz || segment->p_offset > elf->size) continue;
        if (inside >= elf->size - segment->p_offset) continue;
        const char *text = (const char *)elf->data + segment->p_offset + inside;
        return memchr(text, '\0', (size_t)(elf->size - segment->p_offset - inside)) ? text : NULL;
    }
    return NULL;
}

static const ElfW(Dyn) *find_dynamic(const struct mapped *elf, size_t *count) {
    for (uint32_t i = 0; i < elf->segment_count; i++) {
        const ElfW(Phdr) *segment = &elf->segments[i];
        *count = segment->p_filesz / sizeof(ElfW(Dyn));
        if (segment->p_type == PT_DYNAMIC && segment->p_offset % sizeof(ElfW(Addr)) == 0 &&
            lies_within(segment->p_offset, *count, sizeof(ElfW(Dyn)), elf->size))
            return (const void *)(elf->data + segment->p_offset);
    }
    *count = 0;
    return NULL;
}

static void collect(const struct mapped *elf, struct needed *needed) {
    size_t count;
    uint64_t texts = 0;
    const ElfW(Dyn) *dynamic = find_dynamic(elf, &count);
    for (size_t i = 0; i < count; i++)
        if (dynamic[i].d_tag == DT_STRTAB) texts = dynamic[i].d_un.d_ptr;
    for (size_t i = 0; i < count && dynamic[i].d_tag != DT_NULL; i++) {
        bool is_search = dynamic[i].d_tag == DT_RUNPATH || dynamic[i].d_tag == DT_RPATH;
        if (!is_search && dynamic[i].d_tag != DT_NEEDED) continue;
        const char *text = text_at(elf, texts + dynamic[i].d_un.d_val);
        if (!text) continue;
        if (is_search) {
            free(needed->search);
            needed->search = joined("%s", text);
            continue;
        }
        char **grown = realloc(needed->names, (needed->name_count + 1) * sizeof *grown);
        if (!grown) return;
        needed->names = grown;
        needed->names[needed->name_count++] = joined("%s", text);
    }
}

struct needed read_needed(const char *path) {
    struct needed needed = {0};
    struct mapped elf = {0};
    if (map_elf(path, &elf)) collect(&elf, &needed);
    if (elf.data) munmap((void *)(uintptr_t)elf.data, (size_t)elf.size);
    return needed;
}

void free_needed(struct needed *needed) {
    for (size_t i = 0; i < needed->name_count; i++) free(needed->names[i]);
    free(needed->names);
    free(needed->search);
}
