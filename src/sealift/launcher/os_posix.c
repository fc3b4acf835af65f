#include "os.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "message.h"

void *os_find_symbol(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (!found) because("%s", dlerror());
    return found;
}

const char *os_to_load(const char *path) { return path; }

argument *os_path_of_program(argument *name) {
    const char *started = os_started_path(), *slash = started ? strrchr(started, '/') : NULL;
    if (!slash || strchr(name, '/') || strcmp(slash + 1, name) != 0) return name;
    return joined("%s", started);
}

void os_replace(argument **arguments) { execv(arguments[0], arguments); }

void os_unmap_memory(void *memory, size_t size) { munmap(memory, size); }

unsigned long os_process(void) { return (unsigned long)getpid(); }

void os_sleep(int milliseconds) {
    struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = (long)(milliseconds % 1000) * 1000000};
    nanosleep(&time, NULL);
}

double os_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

unsigned os_set_mask(unsigned mask) { return umask((mode_t)mask); }

void os_end_with(const char *message, size_t size, int status) {
    while (size) {
        ssize_t done = write(STDERR_FILENO, message, size);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) break;
        message += done;
        size -= (size_t)done;
    }
    _exit(status);
}

int os_end_interrupted(void) {
    signal(SIGINT, SIG_DFL); /* so that a shell sees why it ended */
    kill(getpid(), SIGINT);
    return 128 + SIGINT;
}
