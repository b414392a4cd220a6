/* An output row is a combination of input rows, one for each channel and tap of the kernel, shifted by the
 * tap: linalg's combine, which encodes, computes it at the rate of the processor's vectors. The input is
 * copied into a map with its padding, in which the columns that leave the same remainder when they are
 * divided by the stride lie together, so that the columns of a tap are contiguous. Cost: the multiply-adds of
 * the layer and that copy. */
#include "study/double_conv.h"

#include "linalg/combine.h"

#include <stdlib.h>

/* The padded map [channels][rows][stride][width]. */
struct padded {
    int64_t rows, stride, width;
    int64_t row, channel; /* elements from one to the next */
};

static struct padded describe(const struct conv_geometry *g) {
    const int64_t s = g->stride[1];
    const int64_t columns = (g->out[1] - 1) * s + (g->kernel[1] - 1) * g->dilation[1] + 1;
    struct padded p = {.rows = (g->out[0] - 1) * g->stride[0] + (g->kernel[0] - 1) * g->dilation[0] + 1,
                       .stride = s,
                       .width = (columns + s - 1) / s};
    p.row = p.stride * p.width;
    p.channel = p.row * p.rows;
    return p;
}

/* One image. What is beyond the image is zero already, and stays so. */
static void fill(const struct conv_geometry *g, const struct padded *p, const double *x, double *map) {
    const int64_t top = g->pad_begin[0], left = g->pad_begin[1];
    for (int64_t c = 0; c < g->in_channels; c++)
        for (int64_t h = 0; h < g->in[0] && h + top < p->rows; h++) {
            const double *from = x + (c * g->in[0] + h) * g->in[1];
            double *to = map + c * p->channel + (h + top) * p->row;
            for (int64_t w = 0; w < g->in[1] && (w + left) / p->stride < p->width; w++)
                to[(w + left) % p->stride * p->width + (w + left) / p->stride] = from[w];
        }
}

/* Where the taps' columns begin, in the order of a filter's elements. */
static void list_taps(const struct conv_geometry *g, const struct padded *p, const double *map,
                      const void **taps) {
    for (int64_t c = 0; c < g->in_channels; c++)
        for (int64_t i = 0; i < g->kernel[0]; i++)
            for (int64_t j = 0; j < g->kernel[1]; j++) {
                const int64_t column = j * g->dilation[1];
                *taps++ = map + c * p->channel + i * g->dilation[0] * p->row + column % p->stride * p->width +
                          column / p->stride;
            }
}

convoy_status double_conv(const struct conv_geometry *g, const double *x, const double *k, double *y) {
    const struct padded p = describe(g);
    const size_t inputs = (size_t)(g->in_channels * g->kernel[0] * g->kernel[1]);
    const size_t plane = (size_t)(g->out[0] * g->out[1]), channels = (size_t)g->out_channels;
    double *map = calloc((size_t)(g->in_channels * p.channel), sizeof *map);
    const void **taps = calloc(inputs, sizeof *taps);
    void **out = calloc(channels, sizeof *out);
    const convoy_status status = map && taps && out ? CONVOY_OK : CONVOY_E_MEMORY;
    for (int64_t b = 0; status == CONVOY_OK && b < g->batch; b++) {
        fill(g, &p, x + b * g->in_channels * g->in[0] * g->in[1], map);
        list_taps(g, &p, map, taps);
        for (size_t n = 0; n < channels; n++)
            out[n] = y + ((size_t)b * channels + n) * plane;
        combine_repeated(&(struct combine_job){.dtype = CONVOY_F64,
                                               .out_dtype = CONVOY_F64,
                                               .outputs = channels,
                                               .inputs = inputs,
                                               .g = k,
                                               .g_stride = inputs,
                                               .in = taps,
                                               .out = out,
                                               .length = (size_t)g->out[1],
                                               .repeats = (size_t)g->out[0],
                                               .in_stride = (size_t)(p.row * g->stride[0]),
                                               .out_stride = (size_t)g->out[1]});
    }
    free(map);
    free(taps);
    free(out);
    return status;
}
