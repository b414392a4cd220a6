/* The larger of two numbers, for reductions. */
#ifndef BASE_MAXIMUM_H
#define BASE_MAXIMUM_H

#include <math.h>

/* NaN if one of them is: fmax would drop it, and with it an error that a test looks for. A comparison also
 * because GCC 12 fails on reductions by fmax under a condition, on arm64 at -O3 (an internal error in
 * vect_transform_reduction). */
static inline double max_or_nan(double a, double b) {
    return a > b || isnan(a) ? a : b;
}

#endif
