/* Files by the calls of NT, which open names below an open folder as POSIX' openat does. */
#include "files.h"

#include "windows_files.h"
#include <winternl.h>

#include <errno.h>
#include <io.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

NTSYSAPI NTSTATUS NTAPI NtQueryFullAttributesFile(const OBJECT_ATTRIBUTES *, FILE_NETWORK_OPEN_INFORMATION *);

enum { EVERY_SHARE = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, LONGEST = 32767 };

static const ULONG links_themselves = FILE_OPEN_REPARSE_POINT | FILE_SYNCHRONOUS_IO_NONALERT;
static const int64_t hundreds_until_1970 = 116444736000000000;

/* A name below a folder, in the words of NT. */
struct name {
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING text;
    wchar_t *wide;
};

static bool name_below(int folder, const char *path, struct name *name) {
    name->wide = wide_below(path);
    size_t length = wcslen(name->wide);
    if (length > LONGEST) {
        free(name->wide);
        errno = ENAMETOOLONG;
        return false;
    }
    name->text = (UNICODE_STRING){(USHORT)(length * 2), (USHORT)(length * 2), name->wide};
    InitializeObjectAttributes(&name->attributes, &name->text, OBJ_CASE_INSENSITIVE, handle_of(folder), NULL);
    return true;
}

static int set_status(NTSTATUS status) {
    const NTSTATUS is_a_directory = (NTSTATUS)0xC00000BA;
    set_errno(RtlNtStatusToDosError(status));
    if (status == is_a_directory) errno = EISDIR;
    return -1;
}

HANDLE open_below(int folder, const char *path, struct wish wish) {
    struct name name;
    IO_STATUS_BLOCK block;
    HANDLE handle = NULL;
    if (!name_below(folder, path, &name)) return NULL;
    name.attributes.SecurityDescriptor = wish.descriptor;
    NTSTATUS status = NtCreateFile(&handle, wish.access | SYNCHRONIZE | FILE_READ_ATTRIBUTES, &name.attributes, &block,
                                   NULL, FILE_ATTRIBUTE_NORMAL, EVERY_SHARE & ~(wish.locks ? FILE_SHARE_DELETE : 0),
                                   wish.disposition, wish.options | links_themselves, NULL, 0);
    free(name.wide);
    if (status >= 0) return handle;
    set_status(status);
    return NULL;
}

static int open_number(int folder, const char *path, struct wish wish) {
    HANDLE handle = open_below(folder, path, wish);
    return handle ? number_of(handle) : -1;
}

static bool is_link(HANDLE handle) {
    FILE_ATTRIBUTE_TAG_INFO found;
    return GetFileInformationByHandleEx(handle, FileAttributeTagInfo, &found, sizeof found) &&
           (found.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) && IsReparseTagNameSurrogate(found.ReparseTag);
}

static int open_no_link(int folder, const char *path, struct wish wish) {
    HANDLE handle = open_below(folder, path, wish);
    if (!handle) return -1;
    if (!is_link(handle)) return number_of(handle);
    CloseHandle(handle);
    errno = ELOOP;
    return -1;
}

static const ACCESS_MASK look_into = FILE_LIST_DIRECTORY | FILE_TRAVERSE | READ_CONTROL;

int open_root(const char *path) {
    wchar_t *name = extended_path(path);
    HANDLE handle = CreateFileW(name, look_into | SYNCHRONIZE | FILE_READ_ATTRIBUTES, EVERY_SHARE, NULL, OPEN_EXISTING,
                                FILE_FLAG_BACKUP_SEMANTICS, NULL);
    free(name);
    return handle == INVALID_HANDLE_VALUE ? set_errno(GetLastError()) : number_of(handle);
}

int open_folder(int folder, const char *name) {
    return open_no_link(folder, name, to_open(look_into, FILE_OPEN, FILE_DIRECTORY_FILE));
}

int open_to_read(int folder, const char *name) {
    return open_no_link(folder, name, to_open(FILE_GENERIC_READ, FILE_OPEN, 0));
}

int open_to_write(int folder, const char *name) {
    return open_number(folder, name, to_open(FILE_GENERIC_WRITE, FILE_OPEN, FILE_NON_DIRECTORY_FILE));
}

int open_or_make(int folder, const char *name, unsigned mode) {
    (void)mode;
    return open_number(folder, name, to_open(FILE_GENERIC_WRITE, FILE_OPEN_IF, FILE_NON_DIRECTORY_FILE));
}

int make_folder(int folder, const char *name) {
    struct wish wish = to_open(look_into, FILE_CREATE, FILE_DIRECTORY_FILE);
    wish.descriptor = private_descriptor();
    return open_number(folder, name, wish);
}

int make_file(int folder, const char *name) {
    return open_number(folder, name, to_open(FILE_GENERIC_READ, FILE_CREATE, FILE_NON_DIRECTORY_FILE));
}

static int64_t nanoseconds(LARGE_INTEGER time) { return (time.QuadPart - hundreds_until_1970) * 100; }

static void take_facts(DWORD attributes, LARGE_INTEGER modified, LARGE_INTEGER changed, uint64_t size,
                       struct facts *facts) {
    bool is_plain = !(attributes & FILE_ATTRIBUTE_REPARSE_POINT);
    *facts = (struct facts){.is_file = is_plain && !(attributes & FILE_ATTRIBUTE_DIRECTORY),
                            .is_folder = is_plain && (attributes & FILE_ATTRIBUTE_DIRECTORY),
                            .mode = NO_MODE,
                            .size = size,
                            .modified = nanoseconds(modified),
                            .changed = nanoseconds(changed)};
}

/* The folder whose files were looked at last, and its path in the words of NT. */
static struct {
    int folder;
    char *path;
} last = {.folder = -1};

void forget_path(int folder) {
    if (last.folder != folder) return;
    free(last.path);
    last.folder = -1;
    last.path = NULL;
}

static const char *path_in_nt(int folder) {
    if (last.folder == folder) return last.path;
    char *path = path_of(folder);
    if (!path) return NULL;
    forget_path(last.folder);
    bool is_share = path[0] == '\\';
    last.path = joined("\\??\\%s%s", is_share ? "UNC" : "", is_share ? path + 1 : path);
    last.folder = folder;
    free(path);
    return last.path;
}

static bool look_at_handle(HANDLE handle, struct facts *facts) {
    FILE_BASIC_INFO basic;
    FILE_STANDARD_INFO standard;
    if (!GetFileInformationByHandleEx(handle, FileBasicInfo, &basic, sizeof basic) ||
        !GetFileInformationByHandleEx(handle, FileStandardInfo, &standard, sizeof standard))
        return set_errno(GetLastError()) == 0;
    take_facts(basic.FileAttributes, basic.LastWriteTime, basic.ChangeTime, (uint64_t)standard.EndOfFile.QuadPart,
               facts);
    return true;
}

static bool look_by_opening(int folder, const char *path, struct facts *facts) {
    HANDLE handle = open_below(folder, path, to_open(0, FILE_OPEN, 0));
    bool known = handle && look_at_handle(handle, facts);
    if (handle) CloseHandle(handle);
    return known;
}

/* By its whole path, as wine tells nothing of names below a folder without opening them; a start asks for
   every file of its tree, whose folder cannot be replaced meanwhile. */
bool look_at(int folder, const char *path, struct facts *facts) {
    OBJECT_ATTRIBUTES attributes;
    FILE_NETWORK_OPEN_INFORMATION found;
    const char *above = path_in_nt(folder);
    if (!above) return look_by_opening(folder, path, facts);
    char *whole = joined("%s\\%s", above, path);
    wchar_t *name = wide_below(whole);
    size_t size = wcslen(name) * sizeof *name;
    UNICODE_STRING text = {(USHORT)size, (USHORT)size, name};
    InitializeObjectAttributes(&attributes, &text, OBJ_CASE_INSENSITIVE, NULL, NULL);
    NTSTATUS status = size < UINT16_MAX ? NtQueryFullAttributesFile(&attributes, &found) : -1;
    free(name);
    free(whole);
    if (status < 0) return set_status(status) == 0;
    take_facts(found.FileAttributes, found.LastWriteTime, found.ChangeTime, (uint64_t)found.EndOfFile.QuadPart, facts);
    return true;
}

bool look_at_open(int file, struct facts *facts) { return look_at_handle(handle_of(file), facts); }

bool is_named(int folder, const char *name, int file) {
    BY_HANDLE_FILE_INFORMATION named, opened;
    HANDLE handle = open_below(folder, name, to_open(0, FILE_OPEN, 0));
    if (!handle) return false;
    bool known = GetFileInformationByHandle(handle, &named) && GetFileInformationByHandle(handle_of(file), &opened);
    CloseHandle(handle);
    /* Wine knows no volume of what got another name since it was opened. */
    bool same_volume = !opened.dwVolumeSerialNumber || named.dwVolumeSerialNumber == opened.dwVolumeSerialNumber;
    return known && same_volume && named.nFileIndexLow == opened.nFileIndexLow &&
           named.nFileIndexHigh == opened.nFileIndexHigh;
}

/* The file tables have modes; here a file's rights are those of its folder. */
int set_mode(int file, unsigned mode) {
    (void)file, (void)mode;
    return 0;
}

int sync_file(int file) { return FlushFileBuffers(handle_of(file)) ? 0 : set_errno(GetLastError()); }

int set_time(int folder, const char *name) {
    FILETIME now;
    HANDLE handle = open_below(folder, name, to_open(FILE_WRITE_ATTRIBUTES, FILE_OPEN, 0));
    if (!handle) return -1;
    GetSystemTimeAsFileTime(&now);
    bool done = SetFileTime(handle, NULL, NULL, &now);
    CloseHandle(handle);
    return done ? 0 : -1;
}

static OVERLAPPED at_offset(uint64_t offset) {
    return (OVERLAPPED){.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
}

int write_at(int file, const void *data, size_t size, uint64_t offset) {
    const size_t most = 1 << 30;
    for (const char *at = data; size;) {
        OVERLAPPED place = at_offset(offset);
        DWORD done = 0;
        if (!WriteFile(handle_of(file), at, (DWORD)(size < most ? size : most), &done, &place))
            return set_errno(GetLastError());
        if (done == 0) return set_errno(ERROR_DISK_FULL);
        at += done;
        offset += done;
        size -= done;
    }
    return 0;
}

long read_at(int file, void *data, size_t size, uint64_t offset) {
    OVERLAPPED place = at_offset(offset);
    DWORD done = 0;
    if (ReadFile(handle_of(file), data, (DWORD)size, &done, &place)) return (long)done;
    return GetLastError() == ERROR_HANDLE_EOF ? 0 : set_errno(GetLastError());
}

int write_file(int folder, const char *name, const void *data, size_t size, unsigned mode) {
    (void)mode;
    int file = open_number(folder, name, to_open(FILE_GENERIC_WRITE, FILE_CREATE, FILE_NON_DIRECTORY_FILE));
    if (file < 0) return -1;
    int failed = write_at(file, data, size, 0);
    return close_file(file) < 0 || failed ? -1 : 0;
}

void *read_file(int folder, const char *name, size_t limit, size_t *size) {
    struct facts found;
    int file = open_to_read(folder, name);
    if (file < 0) return NULL;
    char *data = NULL;
    if (look_at_open(file, &found) && found.is_file) {
        errno = EFBIG;
        if (found.size <= limit) data = allocate((size_t)found.size);
    }
    for (*size = 0; data && *size < found.size;) {
        long got = read_at(file, data + *size, (size_t)(found.size - *size), *size);
        if (got <= 0) break;
        *size += (size_t)got;
    }
    close_file(file);
    return data;
}

const void *map_file(int file, uint64_t size) {
    HANDLE mapping = CreateFileMappingW(handle_of(file), NULL, PAGE_READONLY, 0, 0, NULL);
    const void *mapped = mapping ? MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, (size_t)size) : NULL;
    if (!mapped) set_errno(GetLastError());
    if (mapping) CloseHandle(mapping);
    return mapped;
}

void unmap_file(const void *data, uint64_t size) {
    (void)size;
    UnmapViewOfFile(data);
}

int ensure_folder(int folder, const char *path) {
    struct wish wish = to_open(look_into, FILE_OPEN_IF, FILE_DIRECTORY_FILE);
    int made = open_no_link(folder, path, wish);
    if (made < 0 && (errno == ENOTDIR || errno == ELOOP || errno == EEXIST) && remove_entry(folder, path, -1) == 0)
        made = open_no_link(folder, path, wish);
    return made < 0 ? -1 : close_file(made);
}

struct listing {
    HANDLE folder;
    bool started;
    FILE_ID_BOTH_DIR_INFO *next; /* in `entries`, or NULL when that is used up */
    char *name;
    _Alignas(8) char entries[16 << 10];
};

struct listing *list_folder(int folder) {
    struct listing *listing = allocate(sizeof *listing);
    *listing = (struct listing){.folder = handle_of(folder)};
    return listing;
}

static bool read_more(struct listing *listing) {
    FILE_INFO_BY_HANDLE_CLASS asked = listing->started ? FileIdBothDirectoryInfo : FileIdBothDirectoryRestartInfo;
    listing->started = true;
    listing->next = (void *)listing->entries;
    return GetFileInformationByHandleEx(listing->folder, asked, listing->entries, sizeof listing->entries);
}

const char *next_entry(struct listing *listing) {
    while (listing->next || read_more(listing)) {
        FILE_ID_BOTH_DIR_INFO *entry = listing->next;
        listing->next = entry->NextEntryOffset ? (void *)((char *)entry + entry->NextEntryOffset) : NULL;
        size_t length = entry->FileNameLength / sizeof(wchar_t);
        wchar_t *name = allocate((length + 1) * sizeof *name);
        memcpy(name, entry->FileName, length * sizeof *name);
        name[length] = L'\0';
        free(listing->name);
        listing->name = narrow(name);
        free(name);
        if (strcmp(listing->name, ".") != 0 && strcmp(listing->name, "..") != 0) return listing->name;
    }
    return NULL;
}

void close_listing(struct listing *listing) {
    free(listing->name);
    free(listing);
}
