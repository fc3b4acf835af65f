/* Of macOS's <sys/acl.h> what the launcher calls, for a compiler of another system: see rights.c. */
#ifndef DARWIN_SYS_ACL_H
#define DARWIN_SYS_ACL_H

#include <stdint.h>
#include <sys/types.h>

typedef struct _acl *acl_t;
typedef struct _acl_entry *acl_entry_t;
typedef uint64_t acl_permset_mask_t;
typedef enum { ACL_EXTENDED_ALLOW = 1, ACL_EXTENDED_DENY = 2 } acl_tag_t;
typedef enum { ACL_TYPE_EXTENDED = 0x100 } acl_type_t;

enum { ACL_FIRST_ENTRY = 0, ACL_NEXT_ENTRY = -1 };
enum {
    ACL_READ_DATA = 1 << 1, ACL_WRITE_DATA = 1 << 2, ACL_DELETE = 1 << 4, ACL_APPEND_DATA = 1 << 5,
    ACL_DELETE_CHILD = 1 << 6, ACL_WRITE_SECURITY = 1 << 12, ACL_CHANGE_OWNER = 1 << 13,
};

acl_t acl_get_fd_np(int file, acl_type_t type);
int acl_get_entry(acl_t list, int next, acl_entry_t *entry);
int acl_get_tag_type(acl_entry_t entry, acl_tag_t *tag);
int acl_get_permset_mask_np(acl_entry_t entry, acl_permset_mask_t *rights);
void *acl_get_qualifier(acl_entry_t entry);
int acl_free(void *object);

#endif
