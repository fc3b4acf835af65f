#include "os.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "message.h"
#include "posix_kinds.h"

#if __SIZEOF_POINTER__ == 8
typedef Elf64_Ehdr elf_header;
#else
typedef Elf32_Ehdr elf_header;
#endif

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif
#ifndef ST_NOEXEC
#define ST_NOEXEC 8
#endif

static const char own_link[] = "/proc/self/exe";
static const char unwinder[] = "libgcc_s.so.1";
const char *const posix_shared_places[] = {"/var/tmp", "/tmp", NULL};
const char *const posix_memory_places[] = {"/dev/shm", NULL};

void os_prepare_process(void) {
    signal(SIGXFSZ, SIG_IGN); /* a limit to the size of files is an error of write, as in Python */
}

const char *os_started_path(void) { return (const char *)getauxval(AT_EXECFN); }

/* Without /proc the path it was started by leads to the program, unless somebody who would gain
   rights by it put another file there. */
int os_open_self(void) {
    int self = open(own_link, O_RDONLY | O_CLOEXEC);
    const char *started = os_is_secure() ? NULL : os_started_path();
    if (self < 0 && errno == ENOENT && started) self = open(started, O_RDONLY | O_CLOEXEC);
    return self;
}

char *os_self_path(void) {
    char *path = allocate(PATH_MAX);
    ssize_t length = readlink(own_link, path, PATH_MAX - 1);
    if (length > 0) {
        path[length] = '\0';
        return path;
    }
    const char *started = errno == ENOENT && !os_is_secure() ? os_started_path() : NULL;
    if (started && realpath(started, path)) return path;
    free(path);
    return NULL;
}

uint64_t os_program_end(int self) {
    elf_header header;
    if (pread(self, &header, sizeof header, 0) != (ssize_t)sizeof header) return 0;
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return 0;
    return (uint64_t)header.e_shoff + (uint64_t)header.e_shentsize * header.e_shnum;
}

bool os_is_program(const argument *path) {
    char magic[4];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0) return false;
    bool is_elf = pread(file, magic, sizeof magic, 0) == (ssize_t)sizeof magic && memcmp(magic, ELFMAG, SELFMAG) == 0;
    close(file);
    return is_elf;
}

void *os_load_library(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!library) because("%s", dlerror());
    return library;
}

/* The C library ends threads through an unwinder, which the tree has for systems without one. */
void os_load_helpers(const char *root, bool noexec) {
    if (dlopen(unwinder, RTLD_LAZY)) return;
    char *fallback = joined("%s/lib/fallback/%s", root, unwinder);
    const char *path = noexec ? loadable_path(root, fallback) : fallback;
    if (path) dlopen(path, RTLD_LAZY); /* where the tree has none either, threads end as they can */
    free(fallback);
}

bool os_is_secure(void) { return getauxval(AT_SECURE) != 0; }

bool os_boot_id(char id[BOOT_ID_SIZE]) {
    memset(id, 0, BOOT_ID_SIZE);
    int file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    ssize_t length = read(file, id, BOOT_ID_SIZE - 1);
    close(file);
    return length > 0;
}

bool os_forbids_exec(int folder) {
    struct statvfs found;
    return fstatvfs(folder, &found) == 0 && (found.f_flag & ST_NOEXEC);
}

uint64_t os_free_space(int folder) {
    struct statvfs found;
    /* Without a size of its own (FUSE, ramfs, tmpfs without limit) a file system has no count of free blocks either. */
    if (fstatvfs(folder, &found) < 0 || found.f_blocks == 0) return UINT64_MAX;
    uint64_t space;
    return __builtin_mul_overflow((uint64_t)found.f_bavail, (uint64_t)found.f_frsize, &space) ? UINT64_MAX : space;
}

int os_make_durable(int folder) { return (int)syscall(SYS_syncfs, folder); }

int posix_sync(int file) { return fsync(file); }

int posix_pass(int folder, const char *name) {
    return openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The bits of the group in a mode bound the rights of a list. */
int posix_check_list(int folder, const char *name, const char *shown) {
    (void)folder, (void)name, (void)shown;
    return 0;
}

int posix_user_caches(const char *home, char *caches[MOST_CACHES]) {
    if (!home) return 0;
    caches[0] = joined("%s/.cache", home);
    return 1;
}

/* Never one of the numbers that Python would take for its standard streams. */
static int above_stdio(int file) {
    if (file < 0 || file > STDERR_FILENO) return file;
    int higher = fcntl(file, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(file);
    return higher;
}

int os_memory_file(const char *name) {
    /* MFD_EXEC is refused by kernels before 6.3, which need no such permission. */
    int file = (int)syscall(SYS_memfd_create, name, MFD_CLOEXEC | MFD_EXEC);
    if (file < 0 && errno == EINVAL) file = (int)syscall(SYS_memfd_create, name, MFD_CLOEXEC);
    return above_stdio(file);
}

int os_reopen_to_read(int descriptor) {
    char *path = os_descriptor_path(descriptor, false);
    int file = above_stdio(open(path, O_RDONLY | O_CLOEXEC));
    free(path);
    return file;
}

char *os_descriptor_path(int descriptor, bool any_process) {
    if (!any_process) return joined("/proc/self/fd/%d", descriptor);
    return joined("/proc/%ld/fd/%d", (long)getpid(), descriptor);
}

uint64_t os_random(void) {
    uint64_t value;
    const unsigned nonblocking = 1;
    if (syscall(SYS_getrandom, &value, sizeof value, nonblocking) == (long)sizeof value) return value;
    struct timespec now; /* names only have to differ; O_EXCL sees to the rest */
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_nsec * 1000003U ^ (uint64_t)getpid() << 32;
}

int os_processors(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) < 0) return 1;
    return CPU_COUNT(&set);
}

unsigned os_occupy_stdio(void) {
    unsigned occupied = 0;
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; number++) {
        if (fcntl(number, F_GETFD) >= 0) continue;
        if (open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) == number) occupied |= 1U << number;
    }
    return occupied;
}

void os_release_stdio(unsigned occupied) {
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; number++)
        if (occupied & 1U << number) close(number);
}

static void *map(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* Interpreters with a lock of their own call it at the same time. */
void *os_map_memory(size_t size) {
    enum { HUGE = 1 << 21, PAIRS = 16 };
    static _Atomic(char *) other_half;
    static atomic_int pairs;
    if (size != HUGE / 2) return map(size);
    char *half = atomic_exchange(&other_half, NULL);
    if (half) return half;
    if (atomic_load(&pairs) >= PAIRS || atomic_fetch_add(&pairs, 1) >= PAIRS) return map(size);
    char *memory = map(2 * HUGE);
    if (!memory) return map(size);
    size_t before = (HUGE - (uintptr_t)memory % HUGE) % HUGE;
    if (before) munmap(memory, before);
    munmap(memory + before + HUGE, HUGE - before);
    memory += before;
    madvise(memory, HUGE, MADV_HUGEPAGE); /* where it is refused, pages are small as ever */
    half = atomic_exchange(&other_half, memory + HUGE / 2);
    if (half) munmap(half, HUGE / 2); /* another's, made meanwhile */
    return memory;
}
