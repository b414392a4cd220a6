/* The geometry of a transposed convolution, in the notation of conv.h and with its fields: X [C,in...] input,
 * K [C,N/groups,kernel...] filters, Y [N,out...] output. Element x of the input adds its multiples of a
 * filter to a window of the output, Y[b,n,y] = sum over c, x, k where x*stride + k*dilation - pad_begin = y
 * of X[b,c,x] K[c,n,k], so stride, dilation and pads place windows in the output, as those of a convolution
 * do in its input. It is the transpose of the matrix of the convolution from N channels to C that has the
 * same filters, groups, kernel, stride, dilation and pads. */
#ifndef BASE_CONV_TRANSPOSE_H
#define BASE_CONV_TRANSPOSE_H

#include "base/conv.h"

/* Channels first, dense. */
struct conv_transpose_geometry {
    uint32_t spatial; /* number of spatial axes, 1..3 */
    int64_t batch, groups;
    int64_t in_channels, out_channels; /* C, N; both multiples of groups */
    int64_t in[CONV_MAX_SPATIAL], kernel[CONV_MAX_SPATIAL], stride[CONV_MAX_SPATIAL],
        dilation[CONV_MAX_SPATIAL];
    int64_t pad_begin[CONV_MAX_SPATIAL]; /* positions before the first one of the output, which are dropped */
    int64_t out[CONV_MAX_SPATIAL]; /* given: windows reach over conv_transpose_reach positions; those behind
                                      pad_begin + out are dropped, and what no window reaches is zero */
};

/* Checks everything: ranges, multiples, overflow of any size that follows. CONVOY_E_INPUT with what is wrong.
 * Unused axes [spatial..3) are set to 1 and pads to 0. */
convoy_status conv_transpose_complete(struct conv_transpose_geometry *geometry, convoy_error *error);

/* Positions from the beginning of the first window to the end of the last one, pads not taken off. */
int64_t conv_transpose_reach(const struct conv_transpose_geometry *geometry, uint32_t axis);

/* Shapes of X, K and Y. */
convoy_shape conv_transpose_input_shape(const struct conv_transpose_geometry *geometry);
convoy_shape conv_transpose_filter_shape(const struct conv_transpose_geometry *geometry);
convoy_shape conv_transpose_output_shape(const struct conv_transpose_geometry *geometry);

/* Multiply-adds of the whole layer, those that are dropped included; UINT64_MAX if there are more. */
uint64_t conv_transpose_macs(const struct conv_transpose_geometry *geometry);

#endif
