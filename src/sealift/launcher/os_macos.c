/* macOS, from 10.13 on.  Apple's documentation is the source: nothing of this was tried on a Mac. */
#include "os.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mach-o/dyld.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"
#include "message.h"
#include "posix_kinds.h"

const char *const posix_shared_places[] = {"/private/var/tmp", "/private/tmp", NULL};
const char *const posix_memory_places[] = {NULL};

/* A limit to the size of files is an error of write, as in Python; and getpath heeds this variable although
   it is to heed none. */
void os_prepare_process(void) {
    signal(SIGXFSZ, SIG_IGN);
    unsetenv("__PYVENV_LAUNCHER__");
}

/* Absolute, with the links by which it was started. */
const char *os_started_path(void) {
    static char *path;
    uint32_t size = 0;
    if (path) return path;
    _NSGetExecutablePath(NULL, &size);
    char *buffer = allocate((size_t)size + 1);
    if (_NSGetExecutablePath(buffer, &size) == 0) path = buffer;
    else free(buffer);
    return path;
}

char *os_self_path(void) {
    const char *started = os_started_path();
    char *path = started ? realpath(started, NULL) : NULL;
    if (!path) fail(NULL, "it cannot find its own file %s: %s", started ? started : "", strerror(errno));
    return path;
}

/* There is no name for the running file itself, only the path it was started by: whoever would gain
   rights by another file there must not choose it. */
int os_open_self(void) {
    char *path = os_is_secure() ? NULL : os_self_path();
    int self = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (os_is_secure()) errno = EPERM;
    free(path);
    return self;
}

void os_load_helpers(const char *root, bool noexec) {
    (void)root, (void)noexec; /* libSystem has all there has to be */
}

/* Variables of the dynamic loader (DYLD_LIBRARY_PATH, …) put other files in the place of one that is
   opened by its path; whether they did shows in its list. */
static bool is_loaded(const char *path) {
    char *own = realpath(path, NULL);
    bool found = false;
    for (uint32_t i = _dyld_image_count(); own && !found && i-- > 0;) {
        const char *name = _dyld_get_image_name(i);
        char *real = name ? realpath(name, NULL) : NULL;
        found = real && strcmp(real, own) == 0;
        free(real);
    }
    free(own);
    return found;
}

void *os_load_library(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!library) because("%s", dlerror());
    else if (!is_loaded(path)) because("another file was loaded in the place of %s: unset DYLD_LIBRARY_PATH", path);
    else return library;
    return NULL;
}

/* Thin files of 64 bits in our byte order, and fat ones, whose numbers are big-endian. */
bool os_is_program(const argument *path) {
    uint8_t magic[4];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0) return false;
    bool is_read = pread(file, magic, sizeof magic, 0) == (ssize_t)sizeof magic;
    close(file);
    return is_read && (get32(magic) == 0xfeedfacf || get32(magic) == 0xbebafeca);
}

bool os_is_secure(void) { return issetugid() != 0; }

/* A number of the boot; where there is none, its time, which clocks that are set change, too: then a
   tree is looked at once more. */
bool os_boot_id(char id[BOOT_ID_SIZE]) {
    memset(id, 0, BOOT_ID_SIZE);
    size_t size = BOOT_ID_SIZE - 1;
    if (sysctlbyname("kern.bootsessionuuid", id, &size, NULL, 0) == 0 && id[0]) return true;
    struct timeval boot;
    size = sizeof boot;
    memset(id, 0, BOOT_ID_SIZE);
    if (sysctlbyname("kern.boottime", &boot, &size, NULL, 0) < 0 || size != sizeof boot) return false;
    put64((uint8_t *)id, (uint64_t)boot.tv_sec);
    return boot.tv_sec != 0;
}

bool os_forbids_exec(int folder) {
    struct statfs found;
    return fstatfs(folder, &found) == 0 && (found.f_flags & MNT_NOEXEC);
}

uint64_t os_free_space(int folder) {
    struct statfs found;
    if (fstatfs(folder, &found) < 0 || found.f_blocks == 0) return UINT64_MAX;
    uint64_t space;
    return __builtin_mul_overflow(found.f_bavail, (uint64_t)found.f_bsize, &space) ? UINT64_MAX : space;
}

int os_make_durable(int folder) { return fsync_volume_np(folder, SYNC_VOLUME_FULLSYNC | SYNC_VOLUME_WAIT); }

/* fsync() leaves data in the cache of the disk; not every file system has the order to empty that. */
int posix_sync(int file) {
    if (fcntl(file, F_FULLFSYNC) == 0 || fcntl(file, F_BARRIERFSYNC) == 0) return 0;
    return fsync(file);
}

int posix_pass(int folder, const char *name) {
    return openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static char *darwin_cache(void) {
    size_t size = confstr(_CS_DARWIN_USER_CACHE_DIR, NULL, 0);
    if (size < 2) return NULL;
    char *path = allocate(size);
    if (confstr(_CS_DARWIN_USER_CACHE_DIR, path, size) == size) return path;
    free(path);
    return NULL;
}

/* HOME may be a sandbox's or another user's (sudo); the last is a folder that macOS makes for each user. */
int posix_user_caches(const char *home, char *caches[MOST_CACHES]) {
    int count = 0;
    const struct passwd *user = getpwuid(geteuid());
    const char *own = user ? user->pw_dir : NULL;
    if (home) caches[count++] = joined("%s/Library/Caches", home);
    if (own && *own && (!home || strcmp(home, own) != 0)) caches[count++] = joined("%s/Library/Caches", own);
    char *darwin = darwin_cache();
    if (darwin) caches[count++] = darwin;
    return count;
}

void *os_map_memory(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

uint64_t os_random(void) {
    uint64_t value;
    if (getentropy(&value, sizeof value) == 0) return value;
    struct timespec now; /* names only have to differ; O_EXCL sees to the rest */
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_nsec * 1000003U ^ (uint64_t)getpid() << 32;
}

int os_processors(void) {
    int count = 0;
    size_t size = sizeof count;
    if (sysctlbyname("hw.activecpu", &count, &size, NULL, 0) < 0 || count < 1) return 1;
    return count;
}

unsigned os_occupy_stdio(void) {
    unsigned occupied = 0;
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; number++) {
        if (fcntl(number, F_GETFD) >= 0) continue;
        if (open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) == number) occupied |= 1U << number;
    }
    return occupied;
}

void os_release_stdio(unsigned occupied) {
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; number++)
        if (occupied & 1U << number) close(number);
}
