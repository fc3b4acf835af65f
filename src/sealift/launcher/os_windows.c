#include "os.h"

#include "windows_files.h"
#include <winternl.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "files.h"
#include "message.h"
#include "windows_arguments.h"

typedef BOOLEAN(NTAPI *randomizer)(void *, ULONG);

/* No library comes from the working directory, the program's folder or PATH: anybody may have put files
   into a folder of downloads. */
void os_prepare_process(void) {
    SetDllDirectoryW(L"");
    SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32 | LOAD_LIBRARY_SEARCH_USER_DIRS);
}

static wchar_t *own_path(void) {
    for (DWORD room = MAX_PATH;; room *= 2) {
        wchar_t *path = allocate(room * sizeof *path);
        DWORD length = GetModuleFileNameW(NULL, path, room);
        if (length && length < room) return path;
        free(path);
        if (!length || room > 1 << 16) return NULL;
    }
}

int os_open_self(void) {
    char *path = os_self_path();
    wchar_t *name = path ? extended_path(path) : NULL;
    HANDLE handle = INVALID_HANDLE_VALUE;
    if (name)
        handle = CreateFileW(name, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, 0, NULL);
    free(name);
    free(path);
    return handle == INVALID_HANDLE_VALUE ? set_errno(GetLastError()) : number_of(handle);
}

char *os_self_path(void) {
    wchar_t *path = own_path();
    if (!path) return NULL;
    bool is_extended = wcsncmp(path, L"\\\\?\\", 4) == 0 && path[5] == L':';
    char *plain = narrow(path + (is_extended ? 4 : 0));
    free(path);
    return plain;
}

const char *os_started_path(void) { return NULL; }

/* Programs that pip and uv write for entry points take the suffix away, and messages show the rest. */
argument *os_path_of_program(argument *name) {
    wchar_t *own = wcspbrk(name, L"\\/:") ? NULL : own_path();
    wchar_t *path = _wcsdup(own ? own : name);
    free(own);
    if (!path) return name;
    size_t length = wcslen(path);
    if (length > 4 && _wcsicmp(path + length - 4, L".exe") == 0) path[length - 4] = L'\0';
    return path;
}

uint64_t os_program_end(int self) {
    enum { MOST = 4096, SECTION = 40 };
    static uint8_t head[MOST];
    long size = read_at(self, head, sizeof head, 0);
    if (size < 64 || head[0] != 'M' || head[1] != 'Z') return 0;
    uint64_t pe = get32(head + 60);
    if (!lies_within(pe, 1, 24, (uint64_t)size) || memcmp(head + pe, "PE\0\0", 4) != 0) return 0;
    uint64_t sections = pe + 24 + get16(head + pe + 20), count = get16(head + pe + 6), end = 0;
    if (!lies_within(sections, count, SECTION, (uint64_t)size)) return 0;
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *section = head + sections + i * SECTION;
        uint64_t section_end = (uint64_t)get32(section + 16) + get32(section + 20);
        if (section_end > end) end = section_end;
    }
    return end;
}

/* Without the window that Windows may show where something is missing. */
static void *load(const char *path) {
    const DWORD places = LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_SYSTEM32 | LOAD_LIBRARY_SEARCH_USER_DIRS;
    wchar_t *name = strlen(path) < MAX_PATH ? wide(path) : extended_path(path);
    DWORD mode = 0;
    SetThreadErrorMode(SEM_FAILCRITICALERRORS, &mode);
    HMODULE library = LoadLibraryExW(name, NULL, places);
    DWORD error = GetLastError();
    SetThreadErrorMode(mode, NULL);
    SetLastError(error);
    free(name);
    return (void *)library;
}

void *os_load_library(const char *path) {
    void *library = load(path);
    if (!library) because("cannot load %s: error %lu of Windows", path, GetLastError());
    return library;
}

/* Python would look for what the library needs beside the program, too; once it is loaded, Python finds
   it by its path.  The reason is worded as Python's. */
const char *os_to_load(const char *path) {
    wchar_t *text = NULL;
    if (load(path)) return path;
    DWORD error = GetLastError();
    FormatMessageW(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL,
                   error, 0, (wchar_t *)(void *)&text, 0, NULL);
    if (text) text[wcscspn(text, L"\r\n")] = L'\0';
    char *told = narrow(text ? text : L"");
    because("DLL load failed: %s: error %lu of Windows: %s", path, error, told);
    free(told);
    LocalFree(text);
    return NULL;
}

void *os_find_symbol(void *library, const char *name) {
    void *found = (void *)(uintptr_t)GetProcAddress((HMODULE)library, name);
    if (!found) because("libpython has no %s", name);
    return found;
}

/* Extension modules ask by name for what lies beside Python's program.  The program may be another one
   here, in a folder where anybody could put such files. */
void os_load_helpers(const char *root, bool noexec) {
    static const char *const helpers[] = {"vcruntime140.dll", "vcruntime140_1.dll", "python3.dll"};
    (void)noexec;
    for (size_t i = 0; i < sizeof helpers / sizeof *helpers; i++) {
        char *path = inner_path(root, helpers[i]);
        load(path);
        free(path);
    }
    wchar_t *folder = wide(root);
    AddDllDirectory(folder);
    free(folder);
}

bool os_is_program(const argument *path) {
    char magic[2] = "";
    DWORD size = 0;
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE) return false;
    bool is_program = ReadFile(file, magic, sizeof magic, &size, NULL) && size == 2 && memcmp(magic, "MZ", 2) == 0;
    CloseHandle(file);
    return is_program;
}

/* Who waits for another program leaves Ctrl-C to it. */
static BOOL WINAPI ignore(DWORD event) { return event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT; }

void os_replace(argument **arguments) {
    wchar_t *line = _wcsdup(command_line.places[arguments - command_line.arguments]);
    STARTUPINFOW start;
    PROCESS_INFORMATION process;
    DWORD status = LAUNCHER_FAILED;
    GetStartupInfoW(&start);
    SetConsoleCtrlHandler(ignore, TRUE);
    if (line && CreateProcessW(arguments[0], line, NULL, NULL, TRUE, 0, NULL, NULL, &start, &process)) {
        WaitForSingleObject(process.hProcess, INFINITE);
        GetExitCodeProcess(process.hProcess, &status);
        ExitProcess(status);
    }
    free(line);
}

bool os_is_secure(void) { return false; /* no program has other rights than who starts it */ }

/* When the system was started, less by how much its clock was set since. */
bool os_boot_id(char id[BOOT_ID_SIZE]) {
    struct {
        LARGE_INTEGER boot, now, zone;
        ULONG zone_id, reserved;
        ULONGLONG boot_bias, sleep_bias;
    } times;
    memset(id, 0, BOOT_ID_SIZE);
    if (NtQuerySystemInformation(SystemTimeOfDayInformation, &times, sizeof times, NULL) < 0) return false;
    int64_t started = times.boot.QuadPart - (int64_t)times.boot_bias;
    memcpy(id, &started, sizeof started);
    return true;
}

bool os_forbids_exec(int folder) {
    (void)folder;
    return false;
}

uint64_t os_free_space(int folder) {
    ULARGE_INTEGER available;
    char *path = path_of(folder);
    wchar_t *name = path ? extended_path(path) : NULL;
    bool known = name && GetDiskFreeSpaceExW(name, &available, NULL, NULL);
    free(name);
    free(path);
    return known ? available.QuadPart : UINT64_MAX;
}

/* Takes an administrator; there is an identity of every boot instead. */
int os_make_durable(int folder) {
    (void)folder;
    return -1;
}

void *os_map_memory(size_t size) { return VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE); }

void os_unmap_memory(void *memory, size_t size) {
    (void)size;
    VirtualFree(memory, 0, MEM_RELEASE);
}

uint64_t os_random(void) {
    /* RtlGenRandom.  advapi32 has it from cryptbase.dll, which a link to it would look for beside the
       program, before anything here could say where to look. */
    HMODULE library = LoadLibraryExW(L"advapi32.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    randomizer fill = library ? (randomizer)(void *)(uintptr_t)GetProcAddress(library, "SystemFunction036") : NULL;
    uint64_t value = 0;
    if (fill && fill(&value, sizeof value)) return value;
    LARGE_INTEGER now; /* names only have to differ */
    QueryPerformanceCounter(&now);
    return (uint64_t)now.QuadPart * 1000003U ^ (uint64_t)GetCurrentProcessId() << 32;
}

unsigned long os_process(void) { return GetCurrentProcessId(); }

int os_processors(void) {
    DWORD_PTR own, all;
    return GetProcessAffinityMask(GetCurrentProcess(), &own, &all) ? __builtin_popcountll(own) : 1;
}

void os_sleep(int milliseconds) { Sleep((DWORD)milliseconds); }

double os_milliseconds(void) {
    LARGE_INTEGER now, each;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&each);
    return (double)now.QuadPart * 1e3 / (double)each.QuadPart;
}

unsigned os_set_mask(unsigned mask) { return mask; }

unsigned os_occupy_stdio(void) { return 0; /* files of ours have no numbers that Python knows */ }

void os_release_stdio(unsigned occupied) { (void)occupied; }

int os_end_interrupted(void) { return (int)STATUS_CONTROL_C_EXIT; }
