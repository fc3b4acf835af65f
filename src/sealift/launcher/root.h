/* The root around a program that has no payload: posix_root.c, windows_root.c. */
#ifndef SEALIFT_ROOT_H
#define SEALIFT_ROOT_H

#include "module.h"

/* Tells by where image.sealift lies what the program `name` in `folder` is, the product in the shape
   of a folder or Python, and the root, for which it may change and keep `folder`.  False when there is
   no image. */
bool take_own_root(char *folder, const char *name, struct launch *launch);

/* Ends the process unless nobody but the program's owner can change what it loads from its root. */
void check_shipped_root(int self, const struct launch *launch);

#endif
