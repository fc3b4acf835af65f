/*
 * What zig's C++ library asks of the C library on POWER for a long double that is IEEE's binary128,
 * as zig compiles it, and what glibc has from 2.32 on.  The long double of wheels is IBM's, by which
 * C++ tells functions apart, so none with that of IEEE is called; but they are linked, and others
 * only print and read texts and integers by the same names.  So glibc's own functions do, and what
 * is read as a binary128 is right to the 53 bits of a double.
 */

typedef __builtin_va_list Arguments;
typedef struct FILE FILE;
typedef struct Locale *Locale;
typedef unsigned long Size;

int vfprintf(FILE *, const char *, Arguments);
int vsnprintf(char *, Size, const char *, Arguments);
int vasprintf(char **, const char *, Arguments);
int vswprintf(__WCHAR_TYPE__ *, Size, const __WCHAR_TYPE__ *, Arguments);
int __isoc99_vsscanf(const char *, const char *, Arguments);
double strtod(const char *, char **);
double strtod_l(const char *, char **, Locale);
double wcstod(const __WCHAR_TYPE__ *, __WCHAR_TYPE__ **);

int __vfprintfieee128(FILE *file, const char *format, Arguments arguments)
{
    return vfprintf(file, format, arguments);
}

int __vsnprintfieee128(char *text, Size size, const char *format, Arguments arguments)
{
    return vsnprintf(text, size, format, arguments);
}

int __vasprintfieee128(char **text, const char *format, Arguments arguments)
{
    return vasprintf(text, format, arguments);
}

/* What call, which takes its arguments in a list, says of those after the last that has a name. */
#define SAID_OF_ARGUMENTS(last, call) \
    Arguments arguments;              \
    __builtin_va_start(arguments, last); \
    int said = call;                  \
    __builtin_va_end(arguments);      \
    return said

int __fprintfieee128(FILE *file, const char *format, ...)
{
    SAID_OF_ARGUMENTS(format, vfprintf(file, format, arguments));
}

int __snprintfieee128(char *text, Size size, const char *format, ...)
{
    SAID_OF_ARGUMENTS(format, vsnprintf(text, size, format, arguments));
}

int __swprintfieee128(__WCHAR_TYPE__ *text, Size size, const __WCHAR_TYPE__ *format, ...)
{
    SAID_OF_ARGUMENTS(format, vswprintf(text, size, format, arguments));
}

int __isoc99_sscanfieee128(const char *text, const char *format, ...)
{
    SAID_OF_ARGUMENTS(format, __isoc99_vsscanf(text, format, arguments));
}

__float128 __strtoieee128(const char *text, char **end)
{
    return strtod(text, end);
}

__float128 __strtoieee128_l(const char *text, char **end, Locale locale)
{
    return strtod_l(text, end, locale);
}

__float128 __wcstoieee128(const __WCHAR_TYPE__ *text, __WCHAR_TYPE__ **end)
{
    return wcstod(text, end);
}
