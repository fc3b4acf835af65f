/* All that the launcher does, but for taking the command line from the system. */
#ifndef SEALIFT_LAUNCH_H
#define SEALIFT_LAUNCH_H

#include "os.h"

/* `arguments` has at least one, the name it was started by; the exit status of the process. */
int launch(int count, argument **arguments);

#endif
