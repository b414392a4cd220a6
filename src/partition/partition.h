/* APCP and KCCP (FCDCC, arXiv 2411.01579, §IV): one convolution cut into k_A row slices of its output and k_B
 * groups of its output channels. Only geometry: the coefficients are code/'s, the choice of (k_A,k_B) is
 * plan/'s. */
#ifndef PARTITION_PARTITION_H
#define PARTITION_PARTITION_H

#include "base/conv.h"

/* A layer cut in k_A x k_B parts. All slices have one height and all groups one width, since they are going
 * to be added. */
struct partition {
    struct conv_geometry layer;
    uint32_t input_parts, filter_parts; /* k_A, k_B */
    int64_t part_rows;                  /* h = ceil(H'/k_A): output rows of a slice */
    int64_t slice_rows;                 /* Ĥ = (h-1)s + (K_H-1)d + 1: input rows of a slice */
    int64_t part_channels;  /* m = ceil(N/groups/k_B): output channels of a filter group, in each convolution
                               group */
    struct axis_cut input;  /* the input's slices: step h*s, first -p0, length Ĥ */
    struct axis_cut filter; /* the filters' groups: step m, length m */
    struct output_grid output;
};

/* Whether a layer can be cut so, for a code whose operands are whole or split in a multiple of `step` (1 or
 * 2). NULL if it can, else the reason in a few words (static storage): parts more than rows or channels; more
 * slices that are no smaller (k_A > step with ceil(H'/k_A) = ceil(H'/(k_A - step))); grouped layers with k_B
 * > N/groups; filter groups that cut through blocks of channels. */
const char *partition_refusal(const struct conv_geometry *layer, uint32_t input_parts, uint32_t filter_parts,
                              uint32_t step);

/* Cuts. CONVOY_E_USAGE where parts are 0 or more than rows or channels, or cut through blocks of channels.
 * The layer is complete (conv_geometry_complete). */
convoy_status partition_create(struct partition *partition, const struct conv_geometry *layer,
                               uint32_t input_parts, uint32_t filter_parts, convoy_error *error);

/* The convolution that one worker runs on input_pieces coded slices and filter_pieces coded filter groups:
 * batch input_pieces*batch (piece-major), groups*filter_pieces*m output channels ([group][piece][m]), no pads
 * on the cut axis (the slices hold its zeros), the others' as in the layer. The result is always complete
 * (conv_geometry_complete). */
convoy_status partition_task(const struct partition *partition, uint32_t input_pieces, uint32_t filter_pieces,
                             struct conv_geometry *task, convoy_error *error);

/* Costs of one worker's share in elements and multiply-adds (MATH: FCDCC §V). */
struct partition_cost {
    double up, down, stored, macs;
};
struct partition_cost partition_cost(const struct partition *partition, uint32_t input_pieces,
                                     uint32_t filter_pieces);

#endif
