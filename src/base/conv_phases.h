/* A transposed convolution as an ordinary one, which codes cut and merge like any other.
 *
 * A phase is the set of output positions y whose y + pad_begin leave the same remainders when they are
 * divided by the strides. Within a phase, neighbours see neighbouring inputs through the same taps: those
 * that lie strides apart, in reverse order. So a phase is a convolution of stride 1, and all phases together
 * are one with S·N output channels, S being the product of the strides, whose maps are interleaved afterwards
 * (Shi et al., "Is the deconvolution layer the same as a convolutional layer?", arXiv 1609.07009). No output
 * is a sum of two parts then, as it would be if the windows themselves were cut.
 *
 * Its multiply-adds are those of the transposed convolution if strides divide kernels, and more if they do
 * not: a phase that has fewer taps than others has zeros for them. If both stride and dilation are more than
 * 1, the positions between taps are zeros, too. */
#ifndef BASE_CONV_PHASES_H
#define BASE_CONV_PHASES_H

#include "base/conv_transpose.h"

/* The convolution of all phases: channels first, dense, input as that of the layer, output channels
 * [groups][S][N/groups]. The layer is complete; *phases is, too. CONVOY_E_INPUT if it is too large. */
convoy_status conv_phases(const struct conv_transpose_geometry *layer, struct conv_geometry *phases,
                          convoy_error *error);

/* Its filters [groups][S][N/groups][C/groups][taps...], from the layer's [C][N/groups][kernel...], and its
 * biases [groups][S][N/groups] from the layer's [N]. Elements of so many bytes (4 or 8); `to` is all
 * written. */
void conv_phases_filters(const struct conv_transpose_geometry *layer, const struct conv_geometry *phases,
                         size_t element, const void *from, void *to);
void conv_phases_biases(const struct conv_transpose_geometry *layer, size_t element, const void *from,
                        void *to);

/* The layer's output from that of its phases, which lies as phases->out_block says. The output lies in blocks
 * of out_block channels, which divide N, or dense (0). */
void conv_phases_merge(const struct conv_transpose_geometry *layer, const struct conv_geometry *phases,
                       size_t element, const void *from, uint32_t out_block, void *to);

#endif
