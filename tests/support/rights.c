/* Whether the launcher for macOS trusts a file with a list of rights, on this machine: the calls of macOS
   answer as the arguments say.  The first is the path, the second what reading the list fails with, or 0;
   then come entries of three letters: a(llow), d(eny) or ?; r(ead), w(rite) or ?; whose right it is:
   s(elf), r(oot), o(ther) or ?.  What is ? cannot be told.  Prints why not, or nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/acl.h>
#include <unistd.h>

#include "message.h"
#include "os.h"
#include "posix_kinds.h"

enum { UUID_SIZE = 16 };

static int error, count, at;
static char **entries;
static int freed;

static unsigned char uuid_of(char who) { return who == 's' ? 1 : who == 'r' ? 2 : 3; }

int mbr_uid_to_uuid(uid_t user, unsigned char uuid[UUID_SIZE]) {
    memset(uuid, user == 0 ? uuid_of('r') : uuid_of('s'), UUID_SIZE);
    return 0;
}

uid_t geteuid(void) { return 501; }

acl_t acl_get_fd_np(int file, acl_type_t type) {
    if (fcntl(file, F_GETFD) < 0 || type != ACL_TYPE_EXTENDED) abort();
    errno = error;
    return error ? NULL : (acl_t)entries;
}

int acl_get_entry(acl_t list, int next, acl_entry_t *entry) {
    if (list != (acl_t)entries) abort();
    at = next == ACL_FIRST_ENTRY ? 0 : at + 1;
    if (at >= count) return errno = EINVAL, -1;
    *entry = (acl_entry_t)entries[at];
    return 0;
}

int acl_get_tag_type(acl_entry_t entry, acl_tag_t *tag) {
    char letter = ((char *)entry)[0];
    *tag = letter == 'd' ? ACL_EXTENDED_DENY : ACL_EXTENDED_ALLOW;
    return letter == '?' ? -1 : 0;
}

int acl_get_permset_mask_np(acl_entry_t entry, acl_permset_mask_t *rights) {
    char letter = ((char *)entry)[1];
    *rights = letter == 'w' ? ACL_APPEND_DATA : ACL_READ_DATA;
    return letter == '?' ? -1 : 0;
}

void *acl_get_qualifier(acl_entry_t entry) {
    char letter = ((char *)entry)[2];
    if (letter == '?') return NULL;
    unsigned char *uuid = malloc(UUID_SIZE);
    if (!uuid) abort();
    memset(uuid, uuid_of(letter), UUID_SIZE);
    freed--;
    return uuid;
}

int acl_free(void *object) {
    if (object != (void *)entries) {
        freed++;
        free(object);
    }
    return 0;
}

_Noreturn void os_end_with(const char *message, size_t size, int status) {
    fwrite(message, 1, size, stderr);
    exit(status);
}

int main(int given, char **arguments) {
    if (given < 3) return 2;
    error = atoi(arguments[2]);
    entries = arguments + 3;
    count = given - 3;
    if (posix_check_list(AT_FDCWD, arguments[1], "the file") < 0) printf("%s", reason());
    return freed ? 3 : 0;
}
