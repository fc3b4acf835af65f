/* Lists of rights of macOS, which give some to others whatever a mode says. */
#include "posix_kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/acl.h>
#include <unistd.h>

#include "message.h"

enum { UUID_SIZE = 16 };

/* Of <membership.h>, which is not in every SDK. */
int mbr_uid_to_uuid(uid_t user, unsigned char uuid[UUID_SIZE]);

static const acl_permset_mask_t writing = ACL_WRITE_DATA | ACL_APPEND_DATA | ACL_DELETE | ACL_DELETE_CHILD |
                                          ACL_WRITE_SECURITY | ACL_CHANGE_OWNER;

static bool is_user(const void *qualifier, uid_t user) {
    unsigned char own[UUID_SIZE];
    return mbr_uid_to_uuid(user, own) == 0 && memcmp(own, qualifier, sizeof own) == 0;
}

/* What cannot be told of an entry counts as what does harm. */
static bool lets_others_write(acl_entry_t entry) {
    acl_tag_t tag;
    acl_permset_mask_t rights;
    if (acl_get_tag_type(entry, &tag) == 0 && tag == ACL_EXTENDED_DENY) return false;
    if (acl_get_permset_mask_np(entry, &rights) == 0 && !(rights & writing)) return false;
    void *qualifier = acl_get_qualifier(entry);
    bool is_trusted = qualifier && (is_user(qualifier, geteuid()) || is_user(qualifier, 0));
    if (qualifier) acl_free(qualifier);
    return !is_trusted;
}

/* Most files have no list, and some file systems have none at all. */
static bool has_none(int error) { return error == ENOENT || error == ENOTSUP || error == EOPNOTSUPP; }

int posix_check_list(int folder, const char *name, const char *shown) {
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return because_errno("open", shown);
    errno = 0;
    acl_t list = acl_get_fd_np(file, ACL_TYPE_EXTENDED);
    int error = errno;
    close(file);
    if (!list && has_none(error)) return 0;
    if (!list) return because("cannot read the list of rights of %s: %s", shown, strerror(error));
    bool lets = false;
    acl_entry_t entry;
    for (int next = ACL_FIRST_ENTRY; !lets && acl_get_entry(list, next, &entry) == 0; next = ACL_NEXT_ENTRY)
        lets = lets_others_write(entry);
    acl_free(list);
    return lets ? because("its list of rights lets others write to %s", shown) : 0;
}
