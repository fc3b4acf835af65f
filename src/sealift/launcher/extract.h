/* Writing files of the payload: all of them to a new tree, or one that has to be mended. */
#ifndef SEALIFT_EXTRACT_H
#define SEALIFT_EXTRACT_H

#include "payload.h"

#define MEND_STEM "mend" /* of scratch files in a tree */

/* Writes every file below the empty folder `tree`, with several threads.  Modes are as listed where
   there is no umask.
   -1 when the system refuses, with the reason; a damaged payload is told by `*damaged`. */
int extract_all(const struct payload *payload, int tree, bool *damaged);

/* Writes one file anew: a complete, durable copy takes its place at once. */
int extract_one(const struct payload *payload, int tree, uint32_t index, bool *damaged);

#endif
