#include "place.h"

#include "windows_files.h"
#include <aclapi.h>
#include <sddl.h>
#include <shlobj.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "message.h"
#include "os.h"

/* What others could do harm with: in folders above ours, and in ours. */
static const DWORD to_exchange = DELETE | FILE_DELETE_CHILD | WRITE_DAC | WRITE_OWNER | GENERIC_ALL;
static const DWORD to_enter = 0xffffffff & ~(DWORD)SYNCHRONIZE;

static PSID known_sid(const wchar_t *text) {
    PSID sid;
    if (!ConvertStringSidToSidW(text, &sid)) fail(NULL, "Windows does not know %ls", text);
    return sid;
}

static PSID own_sid(void) {
    static PSID kept;
    HANDLE token;
    DWORD size = 0;
    if (kept) return kept;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) fail(NULL, "Windows does not tell who starts it");
    GetTokenInformation(token, TokenUser, NULL, 0, &size);
    TOKEN_USER *user = allocate(size);
    if (!GetTokenInformation(token, TokenUser, user, size, &size)) fail(NULL, "Windows does not tell who starts it");
    CloseHandle(token);
    return kept = user->User.Sid;
}

void *private_descriptor(void) {
    static PSECURITY_DESCRIPTOR kept;
    wchar_t *own = NULL;
    if (kept) return kept;
    if (!ConvertSidToStringSidW(own_sid(), &own)) fail(NULL, "Windows does not tell who starts it");
    char *name = narrow(own);
    char *text = joined("O:%sD:P(A;OICI;FA;;;%s)(A;OICI;FA;;;SY)", name, name);
    wchar_t *form = wide(text);
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(form, SDDL_REVISION_1, &kept, NULL))
        fail(NULL, "Windows does not take rights for its folder: error %lu", GetLastError());
    free(form);
    free(text);
    free(name);
    LocalFree(own);
    return kept;
}

/* The user, and who may do everything anyway. */
static bool is_trusted(PSID sid) {
    static PSID trusted[4];
    if (!trusted[0]) {
        trusted[1] = known_sid(L"S-1-5-18");     /* the system */
        trusted[2] = known_sid(L"S-1-5-32-544"); /* administrators */
        trusted[3] = known_sid(L"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"); /* its installer */
        trusted[0] = own_sid();
    }
    for (size_t i = 0; i < sizeof trusted / sizeof *trusted; i++)
        if (EqualSid(sid, trusted[i])) return true;
    return false;
}

/* Whether nobody else has any of the rights in `forbidden`. */
static int check_rights(HANDLE handle, DWORD forbidden, const char *name) {
    PSID owner = NULL;
    PACL list = NULL;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    DWORD error = GetSecurityInfo(handle, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                                  &owner, NULL, &list, NULL, &descriptor);
    if (error) return because("cannot look at the rights for %s: error %lu", name, error);
    int failed = 0;
    if (!owner || !is_trusted(owner)) failed = because("%s belongs to somebody else", name);
    else if (!list) failed = because("%s is open to everybody", name);
    for (DWORD i = 0; !failed && i < list->AceCount; i++) {
        void *entry;
        if (!GetAce(list, i, &entry)) continue;
        const ACE_HEADER *header = entry;
        bool allows = header->AceType == ACCESS_ALLOWED_ACE_TYPE || header->AceType == ACCESS_ALLOWED_CALLBACK_ACE_TYPE;
        ACCESS_ALLOWED_ACE *allowed = entry;
        if (!allows || (header->AceFlags & INHERIT_ONLY_ACE) || !(allowed->Mask & forbidden)) continue;
        if (!is_trusted(&allowed->SidStart)) failed = because("others have rights to change %s", name);
    }
    LocalFree(descriptor);
    return failed;
}

int keep_private(int folder, const char *name) { return check_rights(handle_of(folder), to_enter, name); }

static char *variable(const wchar_t *name) {
    DWORD size = GetEnvironmentVariableW(name, NULL, 0);
    if (size < 2) return NULL;
    wchar_t *value = allocate(size * sizeof *value);
    value[0] = L'\0';
    GetEnvironmentVariableW(name, value, size);
    char *text = narrow(value);
    free(value);
    return text;
}

/* As Windows keeps it for the user, whatever variables say. */
static char *local_data(void) {
    typedef HRESULT(WINAPI * get_folder)(REFKNOWNFOLDERID, DWORD, HANDLE, wchar_t **);
    static const GUID local = {0xF1B32785, 0x6FBA, 0x4FCF, {0x9D, 0x55, 0x7B, 0x8E, 0x7F, 0x15, 0x70, 0x91}};
    HMODULE shell = LoadLibraryExW(L"shell32.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    get_folder get = shell ? (get_folder)(void *)(uintptr_t)GetProcAddress(shell, "SHGetKnownFolderPath") : NULL;
    wchar_t *found = NULL;
    return get && get(&local, KF_FLAG_DONT_VERIFY, NULL, &found) == S_OK ? narrow(found) : NULL;
}

int list_places(struct place places[MOST_PLACES]) {
    int count = 0;
    char *named = variable(L"SEALIFT_CACHE_DIR"), *local = local_data(), *temporary = variable(L"TEMP");
    if (named) places[count++] = (struct place){.wanted = named, .may_make = true, .is_named = true, .is_own = true};
    if (local) places[count++] = (struct place){.wanted = local, .may_make = true, .is_named = true};
    if (temporary) places[count++] = (struct place){.wanted = temporary};
    for (int i = 0; i < count; i++) places[i].folder = -1;
    return count;
}

static bool is_absolute(const char *path) {
    bool is_drive = path[0] && path[1] == ':' && (path[2] == '\\' || path[2] == '/');
    return is_drive || (path[0] == '\\' && path[1] == '\\');
}

/* Each folder above the open one, from the drive or share down. */
static int check_above(const char *path) {
    char *prefix = joined("%s\\", path);
    int failed = 0;
    char *share = strncmp(prefix, "\\\\", 2) == 0 ? strchr(prefix + 2, '\\') : NULL;
    for (char *at = share ? share + 1 : prefix; !failed && (at = strchr(at, '\\')); *at++ = '\\') {
        *at = '\0';
        char *folder = joined("%s%s", prefix, at - prefix == 2 ? "\\" : "");
        int opened = open_root(folder);
        failed = opened < 0 ? because_errno("open", folder) : check_rights(handle_of(opened), to_exchange, folder);
        if (opened >= 0) close_file(opened);
        free(folder);
    }
    free(prefix);
    return failed;
}

static void make_place(const char *wanted) {
    char *path = joined("%s\\", wanted);
    for (char *at = path + 3; (at = strpbrk(at, "\\/")); *at++ = '\\') {
        *at = '\0';
        wchar_t *name = extended_path(path);
        CreateDirectoryW(name, NULL);
        free(name);
    }
    free(path);
}

/* Our own folder `name` in the folder `at`, which is closed. */
static int open_own(int at, const char *name, bool make) {
    int own = open_folder(at, name);
    if (own < 0 && errno == ENOENT && make) own = make_folder(at, name);
    if (own < 0 && errno == EEXIST) own = open_folder(at, name);
    int failed = own < 0 ? because_errno(make ? "make" : "open", name) : keep_private(own, name);
    close_file(at);
    if (failed && own >= 0) close_file(own);
    return failed ? -1 : own;
}

/* Without "..", doubled and forward slashes, of which calls without a limit to length know nothing. */
static char *plain_path(const char *path) {
    wchar_t *given = wide(path), *made = NULL;
    DWORD size = GetFullPathNameW(given, 0, NULL, NULL);
    if (size) made = allocate(size * sizeof *made);
    if (size && GetFullPathNameW(given, size, made, NULL) >= size) made[0] = L'\0';
    char *plain = made ? narrow(made) : joined("%s", path);
    free(made);
    free(given);
    return plain;
}

int open_place(struct place *place, bool make) {
    if (!is_absolute(place->wanted)) return because("the path is not absolute");
    place->wanted = plain_path(place->wanted);
    int folder = open_root(place->wanted);
    if (folder < 0 && errno == ENOENT && make && place->may_make) {
        make_place(place->wanted);
        folder = open_root(place->wanted);
    }
    char *path = folder < 0 ? NULL : path_of(folder);
    if (!path || check_above(path) < 0) {
        if (!path) because_errno("open", place->wanted);
        if (folder >= 0) close_file(folder);
        return -1;
    }
    size_t end = strlen(path);
    if (end && path[end - 1] == '\\') path[end - 1] = '\0';
    if (!place->is_own) folder = open_own(folder, "sealift", make);
    if (folder >= 0) folder = open_own(folder, "apps", make);
    place->path = joined("%s%s\\apps", path, place->is_own ? "" : "\\sealift");
    free(path);
    place->folder = folder;
    place->noexec = false;
    return folder < 0 ? -1 : 0;
}
