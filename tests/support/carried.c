/* What the launcher for macOS does with a single file, up to starting Python, on this machine: finds the
   payload in a Mach-O file and makes its tree in the cache.  Prints where. */
#include <fcntl.h>
#include <stdio.h>

#include "cache.h"
#include "message.h"
#include "payload.h"

int main(int count, char **arguments) {
    struct payload payload;
    char *root = NULL;
    int file = count == 2 ? open(arguments[1], O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) fail(NULL, "which file?");
    if (find_payload(file, &payload, &root) != PAYLOAD_TREE) fail(NULL, "it has no payload");
    printf("%s", prepare_cache(&payload).path);
    return 0;
}
