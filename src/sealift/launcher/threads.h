/* A few threads that do the same work. */
#ifndef SEALIFT_THREADS_H
#define SEALIFT_THREADS_H

#include <stdint.h>

enum { MOST_THREADS = 4, THREAD_STACK = 256 << 10 };

struct threads {
    uintptr_t made[MOST_THREADS];
    int count;
    void *(*work)(void *);
    void *argument;
};

/* Starts up to `wanted` threads, fewer where the system has no more; `threads` has to stay. */
void start_threads(struct threads *threads, int wanted, void *(*work)(void *), void *argument);
void join_threads(struct threads *threads);

#endif
