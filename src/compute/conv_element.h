/* One element of a convolution, by its definition and in double: the reference is made of such, and a
 * kernel's rounding is measured by some. */
#ifndef COMPUTE_CONV_ELEMENT_H
#define COMPUTE_CONV_ELEMENT_H

#include "base/conv.h"

/* Where an output element is: image of the batch, output channel, and position along the spatial axes. */
struct conv_place {
    int64_t image, channel, axis[CONV_MAX_SPATIAL];
};

/* The element's index in the output as it lies. The geometry is complete, the place within its output. */
size_t conv_output_index(const struct conv_geometry *geometry, const struct conv_place *place);

/* Σ X·K at that place: no bias, no activation. in and filters are float32 or float64, of the geometry's
 * shapes, at any address. Cost: C/groups times the kernel's taps. */
double conv_element(const struct conv_geometry *geometry, const convoy_tensor *in,
                    const convoy_tensor *filters, const struct conv_place *place);

#endif
