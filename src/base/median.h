/* The middle of measured values. */
#ifndef BASE_MEDIAN_H
#define BASE_MEDIAN_H

#include <stddef.h>

/* The median of values[count >= 1], which are sorted. */
double median(double *values, size_t count);

#endif
