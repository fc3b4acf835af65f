#include "root.h"

#include "windows_files.h"
#include <stdlib.h>
#include <string.h>

#include "about.h"
#include "message.h"

static bool has_image(const char *folder) {
    char *path = joined("%s\\" IMAGE_NAME, folder);
    wchar_t *name = extended_path(path);
    bool has = GetFileAttributesW(name) != INVALID_FILE_ATTRIBUTES;
    free(name);
    free(path);
    return has;
}

/* Both lie beside the image, so the name tells. */
bool take_own_root(char *folder, const char *name, struct launch *launch) {
    launch->root = folder;
    launch->is_app = _stricmp(name, PYTHON_PROGRAM) != 0;
    return has_image(folder);
}

/* Who can write to the folder of a program has put a library of his own into the process before the
   first of its instructions: Windows looks there first for whatever any library asks for.  So there is
   nothing left to protect here; those who may write are told by where the folder was put. */
void check_shipped_root(int self, const struct launch *launch) { (void)self, (void)launch; }
