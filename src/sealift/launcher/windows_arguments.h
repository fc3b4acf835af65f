/* The command line of this process. */
#ifndef SEALIFT_WINDOWS_ARGUMENTS_H
#define SEALIFT_WINDOWS_ARGUMENTS_H

#include "windows_files.h"

/* Each argument, and where it begins in the line as it was given. */
struct command_line {
    int count;
    wchar_t **arguments;
    const wchar_t **places;
};

extern struct command_line command_line;

#endif
