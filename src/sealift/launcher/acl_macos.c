/* Lists of rights of macOS, which give some to others whatever a mode says. */
#include "posix_kinds.h"

#include <fcntl.h>
#include <string.h>
#include <sys/acl.h>
#include <unistd.h>

enum { UUID_SIZE = 16 };

/* Of <membership.h>, which is not in every SDK. */
int mbr_uid_to_uuid(uid_t user, unsigned char uuid[UUID_SIZE]);

static const acl_permset_mask_t writing = ACL_WRITE_DATA | ACL_APPEND_DATA | ACL_DELETE | ACL_DELETE_CHILD |
                                          ACL_WRITE_SECURITY | ACL_CHANGE_OWNER;

static bool is_user(const void *qualifier, uid_t user) {
    unsigned char own[UUID_SIZE];
    return mbr_uid_to_uuid(user, own) == 0 && memcmp(own, qualifier, sizeof own) == 0;
}

static bool lets_others_write(acl_entry_t entry) {
    acl_tag_t tag;
    acl_permset_mask_t rights;
    if (acl_get_tag_type(entry, &tag) < 0 || tag != ACL_EXTENDED_ALLOW) return false;
    if (acl_get_permset_mask_np(entry, &rights) < 0 || !(rights & writing)) return false;
    void *qualifier = acl_get_qualifier(entry);
    bool is_trusted = qualifier && (is_user(qualifier, geteuid()) || is_user(qualifier, 0));
    if (qualifier) acl_free(qualifier);
    return !is_trusted;
}

bool posix_lets_others_write(int folder, const char *name) {
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    acl_t list = file < 0 ? NULL : acl_get_fd_np(file, ACL_TYPE_EXTENDED);
    if (file >= 0) close(file);
    if (!list) return false; /* as most files have none */
    bool lets = false;
    acl_entry_t entry;
    for (int next = ACL_FIRST_ENTRY; !lets && acl_get_entry(list, next, &entry) == 0; next = ACL_NEXT_ENTRY)
        lets = lets_others_write(entry);
    acl_free(list);
    return lets;
}
