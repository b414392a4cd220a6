#include "code/projection.h"

#include <stdlib.h>
#include <string.h>

/* A product by the taps takes fewer multiply-adds of the kernels' vectors than a convolution with few output
 * channels, which they compute a block of at a time, and adds no multiply-adds if strides are 1. */
static bool goes_by_taps(const struct conv_geometry *g) {
    return g->kernel[0] * g->kernel[1] * g->kernel[2] > 1 && g->stride[0] == 1 && g->stride[1] == 1 &&
           g->stride[2] == 1;
}

/* The convolution: the layer's, with one output channel for each filter part, one group and enough rows; or
 * by taps, at every input position. */
static convoy_status describe_conv(struct projection *projection, convoy_error *error) {
    const struct output_grid *grid = projection->grid;
    struct conv_geometry g = *projection->layer;
    const int64_t rows = grid->part_rows * grid->input_parts, reach = (g.kernel[0] - 1) * g.dilation[0] + 1;
    const int64_t block = g.in_block ? g.in_block : 1;
    if (goes_by_taps(&g)) {
        projection->taps = (uint32_t)(g.kernel[0] * g.kernel[1] * g.kernel[2]);
        for (int i = 0; i < CONV_MAX_SPATIAL; i++) {
            g.kernel[i] = g.dilation[i] = 1;
            g.pad_begin[i] = g.pad_end[i] = 0;
        }
    } else if (rows >
               g.out[0]) { /* rows of the last slices that are no rows of the layer: they are coded too */
        g.pad_end[0] = (rows - 1) * g.stride[0] + reach - g.in[0] - g.pad_begin[0];
    }
    g.groups = 1;
    g.out_channels = ((int64_t)projection->taps * grid->filter_parts + block - 1) / block * block;
    g.out_block = g.in_block;
    convoy_status status = conv_geometry_complete(&g, error);
    projection->conv = g;
    return status;
}

convoy_status projection_create(struct projection *out, const struct conv_geometry *layer,
                                const struct output_grid *grid, const struct code *code,
                                struct random *random, convoy_error *error) {
    struct projection projection = {.layer = layer, .grid = grid, .code = code, .taps = 1};
    const size_t count = grid->groups * (size_t)grid->part_channels;
    convoy_status status = describe_conv(&projection, error);
    if (status == CONVOY_OK && !(projection.r = malloc(count * sizeof *projection.r)))
        status = CONVOY_E_MEMORY;
    for (size_t i = 0; status == CONVOY_OK && i < count; i++) {
        const float size = 1 + (float)random_below(random, 1 << 20) * 0x1p-20F;
        projection.r[i] = random_below(random, 2) ? size : -size;
    }
    if (status == CONVOY_OK)
        *out = projection;
    return status;
}

void projection_clear(struct projection *projection) {
    free(projection->r);
    projection->r = NULL;
}

/* Adds a filter [depth][layer's taps] times r to the combined one [depth][taps] of output channel `channel`;
 * by taps these are `taps` channels, `parts` apart. */
static void add_filter(const struct projection *projection, const char *from, float r, size_t depth,
                       size_t channel, float *out) {
    const struct conv_geometry *g = projection->layer;
    const size_t taps = (size_t)(g->kernel[0] * g->kernel[1] * g->kernel[2]);
    const size_t all = (size_t)g->in_channels; /* of a combined filter */
    const bool by_taps = projection->taps > 1;
    for (size_t c = 0; c < depth; c++)
        for (size_t t = 0; t < taps; t++) {
            float element;
            memcpy(&element, from + (c * taps + t) * sizeof element, sizeof element);
            if (by_taps)
                out[(t * projection->grid->filter_parts + channel) * all + c] += r * element;
            else
                out[channel * all * taps + c * taps + t] += r * element;
        }
}

void projection_filters(const struct projection *projection, const void *filters, const float *factors,
                        float *out) {
    const struct conv_geometry *g = projection->layer;
    const struct output_grid *grid = projection->grid;
    const size_t taps = (size_t)(g->kernel[0] * g->kernel[1] * g->kernel[2]);
    const size_t depth = (size_t)(g->in_channels / g->groups); /* of one filter */
    const int64_t in_group = g->out_channels / g->groups;
    const convoy_shape shape = conv_filter_shape(&projection->conv);
    size_t elements = 1;
    for (uint32_t i = 0; i < shape.rank; i++)
        elements *= (size_t)shape.dims[i];
    memset(out, 0, elements * sizeof *out);
    for (size_t group = 0; group < grid->groups; group++)
        for (int64_t c = 0; c < grid->channels; c++) {
            const int64_t part = c / grid->part_channels, channel = (int64_t)group * grid->channels + c;
            const float r = projection->r[(int64_t)group * grid->part_channels + c % grid->part_channels] /
                            factors[channel];
            const size_t first = (size_t)(channel / in_group) * depth; /* of its input channels */
            add_filter(projection, (const char *)filters + (size_t)channel * depth * taps * sizeof(float), r,
                       depth, (size_t)part, out + first * (projection->taps > 1 ? 1 : taps));
        }
}
