#include "os.h"

#include "windows_files.h"

#include <string.h>

#include "message.h"

typedef int(WINAPI *message_box)(HWND, const wchar_t *, const wchar_t *, UINT);
typedef HANDLE(WINAPI *window_station)(void);
typedef BOOL(WINAPI *object_information)(HANDLE, int, void *, DWORD, DWORD *);

static void *find(HMODULE library, const char *name) { return (void *)(uintptr_t)GetProcAddress(library, name); }

/* Somebody has to be there to close a window; services have none. */
static bool is_seen(HMODULE user) {
    enum { FLAGS = 1, VISIBLE = 1 };
    struct {
        BOOL inherit, reserved;
        DWORD flags;
    } found = {0};
    window_station station = (window_station)find(user, "GetProcessWindowStation");
    object_information ask = (object_information)find(user, "GetUserObjectInformationW");
    return station && ask && ask(station(), FLAGS, &found, sizeof found, NULL) && (found.flags & VISIBLE);
}

static void show(const wchar_t *text) {
    enum { ERROR_ICON = 0x10 };
    HMODULE user = LoadLibraryExW(L"user32.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    if (!user || !is_seen(user)) return;
    message_box box = (message_box)find(user, "MessageBoxW");
    if (box) box(NULL, text, NULL, ERROR_ICON);
}

void os_end_with(const char *message, size_t size, int status) {
    HANDLE out = GetStdHandle(STD_ERROR_HANDLE);
    DWORD done, mode;
    wchar_t *text = wide(message ? message : "");
    if (!out || out == INVALID_HANDLE_VALUE) show(text);
    else if (GetConsoleMode(out, &mode)) WriteConsoleW(out, text, (DWORD)wcslen(text), &done, NULL);
    else WriteFile(out, message, (DWORD)size, &done, NULL);
    ExitProcess((UINT)status);
}
