/* What convolutions and pooling have in common: windows that slide over the spatial axes. */
#ifndef MODEL_WINDOWS_H
#define MODEL_WINDOWS_H

#include "model/attributes.h"

struct windows {
    uint32_t spatial;
    int64_t in[CONV_MAX_SPATIAL], kernel[CONV_MAX_SPATIAL], stride[CONV_MAX_SPATIAL],
        dilation[CONV_MAX_SPATIAL];
    int64_t pad_begin[CONV_MAX_SPATIAL], pad_end[CONV_MAX_SPATIAL];
};

/* Reads kernel_shape, strides, dilations, pads and auto_pad for an input [batch, channels, spatial...].
 * kernel: what the weights say, or NULL where kernel_shape is required. Fails the node where anything does
 * not fit. */
convoy_status windows_read(struct lowering *lowering, const convoy_shape *input, const int64_t *kernel,
                           struct windows *windows);

/* An attribute with `count` values of 0 to 2^30, one per spatial axis or two; all of them fallback if it
 * is left out. Fails the node if anything does not fit. */
void per_axis(struct lowering *lowering, const char *name, uint32_t count, int64_t fallback, int64_t *values);

#endif
