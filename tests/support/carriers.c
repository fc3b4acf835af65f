/* Prints for each file named where the launcher for macOS finds what may be a payload: "start size", or "-". */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "carrier.h"

int main(int count, char **arguments) {
    for (int i = 1; i < count; i++) {
        struct carried carried;
        int file = open(arguments[i], O_RDONLY | O_CLOEXEC);
        if (find_carried(file, &carried))
            printf("%llu %llu\n", (unsigned long long)carried.start, (unsigned long long)carried.size);
        else printf("-\n");
        close(file);
    }
    return 0;
}
