/* Locks, new names and deletions.

   A folder is locked by an open handle: whoever has one that shares no deletion keeps others from
   renaming and deleting it (a shared lock), and one that itself may delete excludes all such handles
   (an exclusive lock).  Files are locked by a range that lies behind all content. */
#include "files.h"

#include "windows_files.h"
#include <winternl.h>

#include <errno.h>
#include <io.h>
#include <stdlib.h>
#include <string.h>

#include "extract.h"
#include "lock.h"
#include "message.h"
#include "os.h"
#include "scratch.h"

enum { DEEPEST = 200, PATIENCE_MS = 5000 };

/* Locks of open folders; the launcher's first thread alone has any. */
struct held {
    int folder;
    HANDLE handle;
    struct held *next;
};

static struct held *all_held;

static struct held **find_held(int folder) {
    struct held **at = &all_held;
    while (*at && (*at)->folder != folder) at = &(*at)->next;
    return at;
}

static void let_go(int folder) {
    struct held **at = find_held(folder), *held = *at;
    if (!held) return;
    *at = held->next;
    CloseHandle(held->handle);
    free(held);
}

int close_file(int file) {
    let_go(file);
    forget_path(file);
    return _close(file);
}

static void hold(int folder, HANDLE handle) {
    struct held *held = allocate(sizeof *held);
    *held = (struct held){folder, handle, all_held};
    all_held = held;
}

static enum lock_state lock_folder(int folder, bool exclusive) {
    char *path = path_of(folder);
    if (!path) return LOCK_ABSENT;
    wchar_t *name = extended_path(path);
    free(path);
    let_go(folder);
    HANDLE handle = CreateFileW(name, FILE_LIST_DIRECTORY | (exclusive ? DELETE : 0), FILE_SHARE_READ | FILE_SHARE_WRITE,
                                NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    free(name);
    if (handle == INVALID_HANDLE_VALUE) return LOCK_BUSY; /* or it is gone, which its user finds out */
    hold(folder, handle);
    return LOCK_HELD;
}

static bool is_folder(int file) {
    struct facts found;
    return look_at_open(file, &found) && found.is_folder;
}

enum lock_state lock_file(int file, bool exclusive) {
    if (is_folder(file)) return lock_folder(file, exclusive);
    OVERLAPPED behind = {.OffsetHigh = 0x40000000};
    DWORD flags = LOCKFILE_FAIL_IMMEDIATELY | (exclusive ? LOCKFILE_EXCLUSIVE_LOCK : 0);
    if (LockFileEx(handle_of(file), flags, 0, 1, 0, &behind)) return LOCK_HELD;
    DWORD error = GetLastError();
    return error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING ? LOCK_BUSY : LOCK_ABSENT;
}

/* Opens to give another name or to delete: the entry itself, whatever it is. */
static int open_entry(int folder, const char *path) {
    HANDLE handle = open_below(folder, path, to_open(DELETE | FILE_LIST_DIRECTORY, FILE_OPEN, 0));
    return handle ? number_of(handle) : -1;
}

static int rename_handle(HANDLE handle, int folder, const char *path, bool replace) {
    wchar_t *name = wide_below(path);
    size_t size = wcslen(name) * sizeof *name;
    FILE_RENAME_INFORMATION *wish = allocate(sizeof *wish + size);
    memset(wish, 0, sizeof *wish);
    wish->ReplaceIfExists = replace;
    wish->RootDirectory = handle_of(folder);
    wish->FileNameLength = (ULONG)size;
    memcpy(wish->FileName, name, size);
    IO_STATUS_BLOCK block;
    NTSTATUS status = NtSetInformationFile(handle, &block, wish, (ULONG)(sizeof *wish + size), FileRenameInformation);
    free(wish);
    free(name);
    return status < 0 ? set_errno(RtlNtStatusToDosError(status)) : 0;
}

static int rename_entry(int folder, const char *name, const char *other, bool replace) {
    int entry = open_entry(folder, name);
    if (entry < 0) return -1;
    int failed = rename_handle(handle_of(entry), folder, other, replace), error = errno;
    close_file(entry);
    errno = error;
    return failed;
}

int rename_file(int folder, const char *name, const char *other) {
    struct facts found;
    if (rename_entry(folder, name, other, true) == 0) return 0;
    int error = errno;
    if (look_at(folder, other, &found) && found.is_folder) error = EISDIR;
    errno = error;
    if (error != EACCES && error != EBUSY) return -1;
    /* A file that runs or is mapped cannot be replaced, but it can be called something else. */
    char *away = scratch_name(MEND_STEM);
    int failed = rename_entry(folder, other, away, false) < 0 || rename_entry(folder, name, other, true) < 0;
    if (!failed) remove_file(folder, away);
    free(away);
    return failed ? -1 : 0;
}

/* By its name, as wine goes on to tell the old path of what got another.  Between the two locks it may have
   been taken for an old one. */
static int share_lock_of(int folder, const char *name, int opened) {
    let_go(opened);
    struct wish wish = to_open(FILE_LIST_DIRECTORY, FILE_OPEN, 0);
    wish.locks = true;
    HANDLE handle = open_below(folder, name, wish);
    if (handle) hold(opened, handle);
    if (handle && is_named(folder, name, opened)) return 0;
    errno = ENOENT;
    return -1;
}

/* Whoever looks at all new files, to protect from harm, has those below the folder open for moments. */
int rename_folder(int folder, const char *name, const char *other, int opened, bool share) {
    struct patience patience = {.left = PATIENCE_MS};
    struct held *held = *find_held(opened);
    int entry = held || !is_named(folder, name, opened) ? -1 : open_entry(folder, name);
    HANDLE handle = held ? held->handle : entry < 0 ? NULL : handle_of(entry);
    bool done = false;
    errno = ENOENT;
    while (handle && !(done = rename_handle(handle, folder, other, false) == 0))
        if ((errno != EACCES && errno != EBUSY) || !share || !wait_again(&patience)) break;
    int error = errno;
    forget_path(opened);
    if (entry >= 0) close_file(entry);
    errno = error;
    if (!done || !share) return done ? 0 : -1;
    return share_lock_of(folder, other, opened);
}

static int delete_open(int entry) {
    FILE_DISPOSITION_INFO wish = {.DeleteFile = TRUE};
    bool done = SetFileInformationByHandle(handle_of(entry), FileDispositionInfo, &wish, sizeof wish);
    int error = done ? 0 : set_errno(GetLastError()), kept = errno;
    close_file(entry);
    errno = kept;
    return error;
}

int remove_file(int folder, const char *name) {
    int entry = open_entry(folder, name);
    if (entry < 0) return -1;
    if (!is_folder(entry)) return delete_open(entry);
    close_file(entry);
    errno = EISDIR;
    return -1;
}

static int remove_at_depth(int folder, const char *name, int depth) {
    int entry = open_entry(folder, name);
    if (entry < 0) return errno == ENOENT ? 0 : -1;
    struct listing *listing = depth && is_folder(entry) ? list_folder(entry) : NULL;
    for (const char *inner; listing && (inner = next_entry(listing));) remove_at_depth(entry, inner, depth - 1);
    if (listing) close_listing(listing);
    return delete_open(entry);
}

int remove_entry(int folder, const char *name, int opened) {
    if (opened >= 0) let_go(opened);
    return remove_at_depth(folder, name, DEEPEST);
}
