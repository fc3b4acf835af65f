#include "threads.h"

#include "windows_files.h"
#include <process.h>

static unsigned __stdcall run(void *given) {
    struct threads *threads = given;
    threads->work(threads->argument);
    return 0;
}

void start_threads(struct threads *threads, int wanted, void *(*work)(void *), void *argument) {
    *threads = (struct threads){.work = work, .argument = argument};
    while (threads->count < wanted) {
        uintptr_t made = _beginthreadex(NULL, THREAD_STACK, run, threads, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
        if (!made) break;
        threads->made[threads->count++] = made;
    }
}

void join_threads(struct threads *threads) {
    for (int i = 0; i < threads->count; i++) {
        WaitForSingleObject((HANDLE)threads->made[i], INFINITE);
        CloseHandle((HANDLE)threads->made[i]);
    }
}
