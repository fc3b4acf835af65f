/* Tidying the cache after a new tree was made. */
#ifndef SEALIFT_COLLECT_H
#define SEALIFT_COLLECT_H

/* Deletes trees of `product` other than `kept`, except the last used ones and those in use. */
void collect_old(int base, const char *product, const char *kept);

#endif
