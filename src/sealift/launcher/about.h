/* What this launcher was compiled for: one interpreter, whose headers gave the version. */
#ifndef SEALIFT_ABOUT_H
#define SEALIFT_ABOUT_H

#include <patchlevel.h>

#define AS_TEXT(value) #value
#define AS_TEXT_OF(macro) AS_TEXT(macro)

#define PYTHON_FEATURE AS_TEXT_OF(PY_MAJOR_VERSION) "." AS_TEXT_OF(PY_MINOR_VERSION)
#define PYTHON_PROGRAM "bin/python" PYTHON_FEATURE

/* Given by the build, both below the root: the shared libpython ("" when it is linked statically)
   and the standard library. */
#define PYTHON_LIBRARY SEALIFT_LIBRARY
#define PYTHON_STDLIB SEALIFT_STDLIB

#define IMAGE_NAME "image.sealift"

#endif
