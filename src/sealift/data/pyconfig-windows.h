/* CPython's configuration on 64-bit Windows, as code sees it that zig's or another MinGW compiler
   compiles for it.  CPython's own is PC/pyconfig.h, which installations on other systems lack; this
   states the same of the machine and of the C library, and what is true of the compiler.

   @LIBRARIES@ stands for the folder of the import libraries, @IMPORTS@ for the interpreter's. */

#ifndef Py_PYCONFIG_H
#define Py_PYCONFIG_H

#include <io.h>
#include <stddef.h>
#include <sys/types.h>

#define MS_WIN32 1
#define MS_WIN64 1
#define MS_WINDOWS 1
#define NT_THREADS 1
#define Py_WINVER 0x0601
#define Py_NTDDI NTDDI_WIN7

/* What is the interpreter's is imported from its DLL.  As with Microsoft's compiler, code that
   includes this asks the linker for the library it needs. */
#if !defined(Py_NO_ENABLE_SHARED)
#define Py_ENABLE_SHARED 1
#endif
#define HAVE_DECLSPEC_DLL 1
#if defined(Py_ENABLE_SHARED) && !defined(Py_BUILD_CORE_BUILTIN) && !defined(__ASSEMBLER__)
#if defined(Py_LIMITED_API)
__asm__(".section .drectve,\"yni\"\n\t.ascii \" -defaultlib:\\\"@LIBRARIES@/python3.lib\\\"\"\n\t.text\n");
#else
__asm__(".section .drectve,\"yni\"\n\t.ascii \" -defaultlib:\\\"@LIBRARIES@/@IMPORTS@\\\"\"\n\t.text\n");
#endif
#endif

/* #undef Py_DEBUG */
/* #undef Py_GIL_DISABLED */
/* #undef Py_REF_DEBUG */
/* #undef Py_TRACE_REFS */

/* The thread's own block on Arm is in a register, for which CPython's headers ask as only Microsoft's
   compiler answers. */
#if defined(Py_GIL_DISABLED) && defined(__aarch64__)
#define __getReg(number) \
    __extension__({ unsigned long long value; __asm__("mov %0, x" #number : "=r"(value)); value; })
#endif

#define SIZEOF_SHORT 2
#define SIZEOF_INT 4
#define SIZEOF_LONG 4
#define SIZEOF_LONG_LONG 8
#define SIZEOF_FLOAT 4
#define SIZEOF_DOUBLE 8
#define SIZEOF_LONG_DOUBLE 8
#define SIZEOF_VOID_P 8
#define SIZEOF_SIZE_T 8
#define SIZEOF_UINTPTR_T 8
#define SIZEOF_WCHAR_T 2
#define SIZEOF_FPOS_T 8
#define SIZEOF_OFF_T 4
#define SIZEOF_TIME_T 8
#define SIZEOF_HKEY 8
/* SIZEOF_PID_T is not told, so that _Py_PARSE_PID reads an int: what is known by it is a DWORD. */
#define SIZEOF__BOOL 1
#define ALIGNOF_LONG 4
#define ALIGNOF_SIZE_T 8
#define ALIGNOF_MAX_ALIGN_T 8
#define DOUBLE_IS_LITTLE_ENDIAN_IEEE754 1
#define PYLONG_BITS_IN_DIGIT 30

#define HAVE_DYNAMIC_LOADING 1
#define HAVE_LARGEFILE_SUPPORT 1
#define HAVE_LONG_LONG 1
#define HAVE_LONG_DOUBLE 1
#define HAVE_PROTOTYPES 1
#define HAVE_SSIZE_T 1
#define HAVE_STDARG_PROTOTYPES 1
#define HAVE_USABLE_WCHAR_T 1
#define STDC_HEADERS 1
#define PLATLIBDIR "lib"
#define RETSIGTYPE void
#define USE_SOCKET 1
#define WITH_DECIMAL_CONTEXTVAR 1
#define WITH_DOC_STRINGS 1
#define WITH_FREELISTS 1
#define WITH_MIMALLOC 1
#define WITH_PYMALLOC 1
#define WITH_THREAD 1

#define HAVE_CONIO_H 1
#define HAVE_DIRECT_H 1
#define HAVE_ERRNO_H 1
#define HAVE_FCNTL_H 1
#define HAVE_INTTYPES_H 1
#define HAVE_IO_H 1
#define HAVE_LOCALE_H 1
#define HAVE_PROCESS_H 1
#define HAVE_SIGNAL_H 1
#define HAVE_STDDEF_H 1
#define HAVE_STDINT_H 1
#define HAVE_STDLIB_H 1
#define HAVE_STRING_H 1
#define HAVE_SYS_STAT_H 1
#define HAVE_SYS_TYPES_H 1
#define HAVE_SYS_UTIME_H 1
#define HAVE_WCHAR_H 1

#define HAVE_ACOSH 1
#define HAVE_ASINH 1
#define HAVE_ATANH 1
#define HAVE_CLOCK 1
#define HAVE_COPYSIGN 1
#define HAVE_DUP 1
#define HAVE_DUP2 1
#define HAVE_ERF 1
#define HAVE_ERFC 1
#define HAVE_EXECV 1
#define HAVE_EXPM1 1
#define HAVE_FTIME 1
#define HAVE_GETPID 1
#define HAVE_GETPEERNAME 1
#define HAVE_GETSOCKNAME 1
#define HAVE_HYPOT 1
#define HAVE_LOG1P 1
#define HAVE_LOG2 1
#define HAVE_MKTIME 1
#define HAVE_PIPE 1
#define HAVE_ROUND 1
#define HAVE_SETLOCALE 1
#define HAVE_SETVBUF 1
#define HAVE_STRERROR 1
#define HAVE_STRFTIME 1
#define HAVE_SYSTEM 1
#define HAVE_TEMPNAM 1
#define HAVE_TGAMMA 1
#define HAVE_TMPFILE 1
#define HAVE_TMPNAM 1
#define HAVE_TZNAME 1
#define HAVE_UMASK 1
#define HAVE_WCSCOLL 1
#define HAVE_WCSFTIME 1
#define HAVE_WCSXFRM 1
#define HAVE_WMEMCMP 1

#endif
