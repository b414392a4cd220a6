/* Convolutions in double, fast enough for whole networks. */
#ifndef STUDY_DOUBLE_CONV_H
#define STUDY_DOUBLE_CONV_H

#include "base/conv.h"

/* y = x * k. The geometry is complete: channels first, dense, of two axes and one group. CONVOY_E_MEMORY.
 * Thread-safe. Agrees with conv_element to the rounding of sums in another order. */
convoy_status double_conv(const struct conv_geometry *geometry, const double *x, const double *k, double *y);

#endif
