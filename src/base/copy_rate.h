/* How fast one thread copies memory that lies in no cache. */
#ifndef BASE_COPY_RATE_H
#define BASE_COPY_RATE_H

#include <stdint.h>

/* Bytes per ns of memcpy, read plus written: the median of so many runs (at least 1; no more than 64 are
 * done). 0 without memory, of which it takes 128 MiB. */
double copy_rate_measure(uint32_t runs);

#endif
