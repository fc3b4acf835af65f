#include "windows_files.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

wchar_t *wide(const char *text) {
    int size = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
    wchar_t *made = allocate((size_t)(size + 1) * sizeof *made);
    made[0] = L'\0';
    MultiByteToWideChar(CP_UTF8, 0, text, -1, made, size);
    return made;
}

wchar_t *wide_below(const char *path) {
    wchar_t *made = wide(path);
    for (wchar_t *at = made; *at; at++)
        if (*at == L'/') *at = L'\\';
    return made;
}

char *narrow(const wchar_t *text) {
    int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *made = allocate((size_t)size + 1);
    made[0] = '\0';
    WideCharToMultiByte(CP_UTF8, 0, text, -1, made, size, NULL, NULL);
    return made;
}

wchar_t *extended_path(const char *path) {
    bool is_share = path[0] == '\\' && path[1] == '\\';
    bool is_drive = path[0] && path[1] == ':';
    if (is_share && (path[2] == '?' || path[2] == '.')) return wide(path);
    char *extended = is_share ? joined("\\\\?\\UNC\\%s", path + 2) : joined("%s%s", is_drive ? "\\\\?\\" : "", path);
    for (char *at = extended; *at; at++)
        if (*at == '/') *at = '\\'; /* nobody else does it for such paths */
    wchar_t *made = wide(extended);
    free(extended);
    return made;
}

HANDLE handle_of(int file) { return (HANDLE)_get_osfhandle(file); }

int number_of(HANDLE handle) {
    int number = _open_osfhandle((intptr_t)handle, _O_BINARY | _O_NOINHERIT);
    if (number < 0) CloseHandle(handle);
    return number;
}

char *path_of(int file) {
    DWORD size = GetFinalPathNameByHandleW(handle_of(file), NULL, 0, VOLUME_NAME_DOS);
    wchar_t *found = allocate(((size_t)size + 1) * sizeof *found);
    DWORD length = size ? GetFinalPathNameByHandleW(handle_of(file), found, size + 1, VOLUME_NAME_DOS) : 0;
    char *path = length && length <= size ? narrow(found) : NULL;
    free(found);
    if (!path) return NULL;
    char *plain = path;
    if (strncmp(path, "\\\\?\\UNC\\", 8) == 0) plain = joined("\\\\%s", path + 8);
    else if (strncmp(path, "\\\\?\\", 4) == 0) plain = joined("%s", path + 4);
    if (plain != path) free(path);
    return plain;
}

int set_errno(DWORD error) {
    static const struct {
        DWORD error;
        int number;
    } known[] = {
        {ERROR_FILE_NOT_FOUND, ENOENT},    {ERROR_PATH_NOT_FOUND, ENOENT},     {ERROR_DELETE_PENDING, EBUSY},
        {ERROR_FILE_EXISTS, EEXIST},       {ERROR_ALREADY_EXISTS, EEXIST},     {ERROR_DIR_NOT_EMPTY, ENOTEMPTY},
        {ERROR_ACCESS_DENIED, EACCES},     {ERROR_SHARING_VIOLATION, EBUSY},   {ERROR_LOCK_VIOLATION, EBUSY},
        {ERROR_DISK_FULL, ENOSPC},         {ERROR_HANDLE_DISK_FULL, ENOSPC},   {ERROR_DIRECTORY, ENOTDIR},
        {ERROR_WRITE_PROTECT, EROFS},      {ERROR_NOT_ENOUGH_MEMORY, ENOMEM},  {ERROR_INVALID_NAME, EINVAL},
        {ERROR_TOO_MANY_OPEN_FILES, EMFILE}, {ERROR_FILENAME_EXCED_RANGE, ENAMETOOLONG},
    };
    errno = EIO;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].error == error) errno = known[i].number;
    return -1;
}
