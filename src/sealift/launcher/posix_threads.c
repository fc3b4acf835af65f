#include "threads.h"

#include <pthread.h>

_Static_assert(sizeof(pthread_t) <= sizeof(uintptr_t), "a thread's name fits");

void start_threads(struct threads *threads, int wanted, void *(*work)(void *), void *argument) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK);
    *threads = (struct threads){.work = work, .argument = argument};
    for (pthread_t made; threads->count < wanted && pthread_create(&made, &attributes, work, argument) == 0;)
        threads->made[threads->count++] = (uintptr_t)made;
    pthread_attr_destroy(&attributes);
}

void join_threads(struct threads *threads) {
    for (int i = 0; i < threads->count; i++) pthread_join((pthread_t)threads->made[i], NULL);
}
