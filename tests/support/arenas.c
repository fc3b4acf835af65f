/* Takes arenas from several threads at once; fails when two threads get the same memory. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

#include "os.h"

enum { THREADS = 4, ARENAS = 8, SIZE = 1 << 20 };

static pthread_barrier_t ready;
static uint64_t *taken[THREADS][ARENAS];

static void *take(void *argument) {
    uint64_t **own = argument;
    pthread_barrier_wait(&ready);
    for (int i = 0; i < ARENAS; i++) own[i] = os_map_memory(SIZE);
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    pthread_barrier_init(&ready, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, take, taken[i]);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    int shared = 0;
    for (int i = 0; i < THREADS * ARENAS; i++) taken[i / ARENAS][i % ARENAS][0]++;
    for (int i = 0; i < THREADS * ARENAS; i++) shared += taken[i / ARENAS][i % ARENAS][0] != 1;
    printf("%d\n", shared);
    return shared != 0;
}
