/* What is being made, under a name of its own: ".<stem>.<process>.<16 hex>".

   Its maker holds an exclusive lock on it, so that others can tell what a dead process left.  Where
   locks do not work, what is older than a day is left over. */
#ifndef SEALIFT_SCRATCH_H
#define SEALIFT_SCRATCH_H

/* A new folder (0700) or file (0600) in `base`, locked as long as the descriptor is open; `*name` is to
   be freed.  A file is written through another descriptor: what somebody can still write to when it
   gets its name is a program that cannot be started.  -1 with errno. */
int open_scratch_folder(int base, const char *stem, char **name);
int open_scratch_file(int base, const char *stem, char **name);

/* A new name of that shape. */
char *scratch_name(const char *stem);

/* Deletes in the folder `base` what dead processes left of this stem, or of any (NULL). */
void remove_leftovers(int base, const char *stem);

#endif
