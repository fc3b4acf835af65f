/* The command line, taken apart as CPython's own program does ("Parsing C command-line arguments" in
   Microsoft's documentation of its C library). */
#include "windows_arguments.h"

#include <stdlib.h>
#include <string.h>

#include "launch.h"
#include "message.h"

int _dowildcard; /* nor does the C library look for files called as the arguments */

struct command_line command_line;

/* The program's name: up to a space or, in quotes, the next quote. */
static const wchar_t *take_name(const wchar_t *at, wchar_t **out) {
    bool quoted = false;
    for (; *at && (quoted || (*at != L' ' && *at != L'\t')); at++) {
        if (*at == L'"') quoted = !quoted;
        else *(*out)++ = *at;
    }
    return at;
}

/* Backslashes stand for themselves but in front of a quote, and two quotes within quotes for one. */
static const wchar_t *take_argument(const wchar_t *at, wchar_t **out) {
    bool quoted = false;
    for (;;) {
        size_t slashes = 0;
        while (*at == L'\\') at++, slashes++;
        bool escaped = *at == L'"' && slashes % 2;
        if (*at == L'"') slashes /= 2;
        while (slashes--) *(*out)++ = L'\\';
        if (*at == L'\0' || (!quoted && !escaped && (*at == L' ' || *at == L'\t'))) return at;
        if (escaped || *at != L'"') {
            *(*out)++ = *at++;
        } else if (quoted && at[1] == L'"') {
            *(*out)++ = L'"';
            at += 2;
        } else {
            quoted = !quoted;
            at++;
        }
    }
}

static void take_apart(const wchar_t *line) {
    size_t length = wcslen(line), most = length / 2 + 2;
    wchar_t *out = allocate((length + most) * sizeof *out);
    command_line.arguments = allocate((most + 1) * sizeof *command_line.arguments);
    command_line.places = allocate((most + 1) * sizeof *command_line.places);
    const wchar_t *at = line;
    for (int count = 0;; count++) {
        if (count) at += wcsspn(at, L" \t");
        command_line.count = count;
        command_line.places[count] = at;
        command_line.arguments[count] = out;
        if (count && !*at) break;
        at = count ? take_argument(at, &out) : take_name(at, &out);
        *out++ = L'\0';
    }
    command_line.arguments[command_line.count] = NULL;
}

int main(void) {
    take_apart(GetCommandLineW());
    name_program(narrow(command_line.arguments[0]));
    return launch(command_line.count, command_line.arguments);
}
