/* Tidying the cache after a new tree was made. */
#ifndef SEALIFT_COLLECT_H
#define SEALIFT_COLLECT_H

/* Deletes what killed processes left half-made in the folder `base`. */
void remove_leftovers(int base);

/* Deletes trees of `product` other than `kept`, except the last used ones and those in use. */
void collect_old(int base, const char *product, const char *kept);

#endif
