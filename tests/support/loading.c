/* Asks for loadable copies of libraries: `loading fork ROOT PIPE LIBRARY`, `loading threads ROOT
   LIBRARY`; or for reasons, from two threads: `loading reasons`. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"
#include "message.h"

enum { THREADS = 8 };

static char **arguments;
static pthread_barrier_t ready;

static void *ask_for_the_pipe(void *nothing) {
    (void)nothing;
    loadable_path(arguments[2], arguments[3]); /* opens it, and waits for somebody who writes */
    return NULL;
}

/* A child is made while another thread is at work: the status is 0 when the child gets its copy. */
static int ask_in_a_child(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, ask_for_the_pipe, NULL);
    usleep(300000);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        const char *path = loadable_path(arguments[2], arguments[4]);
        _exit(!path || access(path, R_OK) < 0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

static void *ask_with_others(void *at) {
    pthread_barrier_wait(&ready);
    *(const char **)at = loadable_path(arguments[2], arguments[3]);
    return NULL;
}

/* Prints how many got the same path, and how many descriptors were taken for it. */
static int ask_from_threads(void) {
    pthread_t threads[THREADS];
    const char *paths[THREADS];
    int same = 0;
    pthread_barrier_init(&ready, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, ask_with_others, &paths[i]);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) same += paths[i] && paths[i] == paths[0];
    int taken = 0;
    for (int file = STDERR_FILENO + 1; file < 100; file++) taken += fcntl(file, F_GETFD) >= 0;
    printf("%d %d\n", same, taken);
    return 0;
}

static void *fail_elsewhere(void *nothing) {
    (void)nothing;
    because("another thread's");
    return NULL;
}

static int tell_reasons(void) {
    pthread_t thread;
    because("this thread's");
    pthread_create(&thread, NULL, fail_elsewhere, NULL);
    pthread_join(thread, NULL);
    puts(reason());
    return 0;
}

int main(int argc, char **argv) {
    arguments = argv;
    if (argc == 5 && strcmp(argv[1], "fork") == 0) return ask_in_a_child();
    if (argc == 4 && strcmp(argv[1], "threads") == 0) return ask_from_threads();
    return tell_reasons();
}
