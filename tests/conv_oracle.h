/* What tests of coding compare with: a convolution written as its definition, random geometries, and the
 * order of a worker's answer. */
#ifndef CONV_ORACLE_H
#define CONV_ORACLE_H

#include "base/conv.h"
#include "base/random.h"

/* y = x * k by the definition, accumulated in double and rounded to dtype (F32 or F64) once. */
void oracle_convolve(const struct conv_geometry *g, convoy_dtype dtype, const void *x, const void *k,
                     void *y);

/* Element i of an F32 or F64 array. */
double oracle_get(convoy_dtype dtype, const void *data, size_t i);
void oracle_set(convoy_dtype dtype, void *data, size_t i, double value);

/* A complete geometry of few elements: 1 to 3 axes, both orders of axes, strides, dilations, unequal pads,
 * groups, depthwise, batches, and products by a constant (channels last, kernel 1). */
void oracle_random_geometry(struct random *random, struct conv_geometry *g);

/* Sometimes lays a geometry of channels first in blocks, which changes its channels; it stays complete. */
void oracle_random_blocks(struct random *random, struct conv_geometry *g);

/* Whether filter groups of a layer in blocks are whole blocks, when it is cut in so many. */
bool oracle_cut_fits(const struct conv_geometry *g, uint32_t filter_parts);

/* The geometry in one line, for messages; text is returned. */
const char *oracle_geometry_text(const struct conv_geometry *g, char *text, size_t size);

/* One element of the output, and in which part and where there it is computed. */
struct oracle_place {
    size_t batch, group, inner;
    int64_t row, channel; /* of the output */
    uint32_t a, b;        /* part */
};

/* The element of Y with this index. */
struct oracle_place oracle_place_of(const struct output_grid *grid, size_t index);

/* The output channel of that place, among those of all groups. */
size_t oracle_channel(const struct output_grid *grid, const struct oracle_place *place);

/* Index in a worker's dense answer of the element at that place of its part, for its pieces r of the input
 * and s of filter_pieces. */
size_t oracle_answer_index(const struct output_grid *grid, uint32_t filter_pieces, uint32_t r, uint32_t s,
                           const struct oracle_place *place);

#endif
