/* What this launcher was compiled for: one interpreter, whose headers gave the version. */
#ifndef SEALIFT_ABOUT_H
#define SEALIFT_ABOUT_H

#include <patchlevel.h>

#define AS_TEXT(value) #value
#define AS_TEXT_OF(macro) AS_TEXT(macro)

#define PYTHON_FEATURE AS_TEXT_OF(PY_MAJOR_VERSION) "." AS_TEXT_OF(PY_MINOR_VERSION)

/* Given by the build, all below the root: the launcher as Python, the shared libpython ("" when it is
   linked statically), the standard library and its native modules. */
#define PYTHON_PROGRAM SEALIFT_PROGRAM
#define PYTHON_LIBRARY SEALIFT_LIBRARY
#define PYTHON_STDLIB SEALIFT_STDLIB
#define PYTHON_DYNLOAD SEALIFT_DYNLOAD
#define PYTHON_SITE PYTHON_STDLIB "/site-packages"

#define IMAGE_NAME "image.sealift"

#endif
