/* The geometry of a convolution, and the two ways in which a tensor is cut for coding. Notation of FCDCC
 * (arXiv 2411.01579): X [C,H,W] input, K [N,C,K_H,K_W] filters, Y [N,H',W'] output; here with a batch, groups
 * and 1 to 3 spatial axes. */
#ifndef BASE_CONV_H
#define BASE_CONV_H

#include <convoy/tensor.h>

#include <stdbool.h>

#define CONV_MAX_SPATIAL 3

/* Order of the axes of input and output. Filters always are [N, C/groups, kernel...]. */
enum conv_layout {
    CONV_CHANNELS_FIRST, /* [batch, channels, spatial...] (NCHW) */
    CONV_CHANNELS_LAST /* [batch, spatial..., channels] (NHWC); a product by a constant [K,N], [M,K]·[K,N], is
                          a 1-D convolution of this layout with kernel 1, M rows, K input and N output
                          channels */
};

/* How a convolution is computed, where the backend has a choice. */
enum conv_kernel {
    CONV_DIRECT,     /* as defined */
    CONV_WINOGRAD_2, /* where it applies, Winograd's algorithm F(2x2,3x3) (Lavin and Gray, arXiv 1509.09308):
                        4/9 of the multiply-adds, a little less exact */
    CONV_WINOGRAD_4, /* F(4x4,3x3): a quarter of them, about a digit less exact, four times the weights */
    CONV_KERNELS
};

struct conv_geometry {
    enum conv_layout layout;
    uint32_t spatial;             /* number of spatial axes, 1..3; the first one is the one that is cut */
    uint32_t in_block, out_block; /* 0; or B = 8 or 16, channels first only: input or output lie in blocks of
                                     B channels, [batch, channels/B, spatial..., B]. B divides the channels of
                                     a group, or there is one channel in each */
    int64_t batch, groups;
    int64_t in_channels, out_channels; /* C, N; both multiples of groups */
    int64_t in[CONV_MAX_SPATIAL];      /* H, W, ... */
    int64_t kernel[CONV_MAX_SPATIAL];
    int64_t stride[CONV_MAX_SPATIAL];
    int64_t dilation[CONV_MAX_SPATIAL]; /* 1: dense */
    int64_t pad_begin[CONV_MAX_SPATIAL], pad_end[CONV_MAX_SPATIAL];
    int64_t out[CONV_MAX_SPATIAL]; /* H', W', ...; set by conv_geometry_complete */
};

/* Computes out[] (H' = floor((H + p0 + p1 - d(K_H-1) - 1)/s) + 1) and checks everything: ranges, multiples,
 * overflow of any size that follows (input, filters, output in bytes of 8-byte elements). CONVOY_E_INPUT with
 * what is wrong. Unused axes [spatial..3) are set to 1 and pads to 0. */
convoy_status conv_geometry_complete(struct conv_geometry *geometry, convoy_error *error);

/* Lays input and output in blocks of so many channels (0: dense), each where its channels allow it. The
 * geometry is complete, and stays so. */
void conv_lay_in_blocks(struct conv_geometry *geometry, uint32_t in_block, uint32_t out_block);

/* Shapes of X, K and Y. */
convoy_shape conv_input_shape(const struct conv_geometry *geometry);
convoy_shape conv_filter_shape(const struct conv_geometry *geometry);
convoy_shape conv_output_shape(const struct conv_geometry *geometry);

/* Multiply-adds of the whole layer. */
uint64_t conv_macs(const struct conv_geometry *geometry);

/* parts equally large windows along one axis of a dense tensor seen as [outer][extent][inner]. Window a
 * covers the positions [first + a*step, first + a*step + length); those outside [0,extent) read as zero. */
struct axis_cut {
    size_t outer, inner;
    int64_t extent, first, step, length;
    uint32_t parts;
};

/* How the results of the parts lie in the answers and in the output. Dense answer of one worker:
 *   channels first: [input_pieces][batch][groups][filter_pieces][part_channels][part_rows][inner]
 *   channels last:  [input_pieces][batch][part_rows][inner][groups][filter_pieces][part_channels]
 * and the output Y:
 *   channels first: [batch][groups][channels][rows][inner]
 *   channels last:  [batch][rows][inner][groups][channels]
 * Channels first in blocks: the same with channels/block and part_channels/block, and behind inner [block].
 * Part (a,b) covers rows [a*part_rows, ...) and, in each group, channels [b*part_channels, ...); what lies
 * beyond rows or channels is surplus and dropped. */
struct output_grid {
    enum conv_layout layout;
    uint32_t block;                     /* 0: none; it divides channels and part_channels */
    size_t batch, groups, inner;        /* inner: product of the spatial axes after the first */
    int64_t channels;                   /* N / groups */
    int64_t rows;                       /* H' */
    int64_t part_channels, part_rows;   /* m, h */
    uint32_t input_parts, filter_parts; /* k_A, k_B */
};

#endif
