/* Starting the interpreter in the tree, and what happens in it. */
#ifndef SEALIFT_START_H
#define SEALIFT_START_H

#include "module.h"
#include "os.h"

/* Opens libpython, gives it the modules of the image and initialises it: for a program of its own,
   or to act on a Python command line.  Ends the process when that fails. */
void start_interpreter(const struct launch *launch, int argc, argument **argv);

/* The importer of the image is installed in the running interpreter. */
void install_importer(void);

/* The program's entry, imported and called; the exit status of the process. */
struct _object *import_entry(void);
int call_entry(struct _object *entry);

/* What the command line asks of Python; the exit status of the process. */
int run_python(void);

#endif
