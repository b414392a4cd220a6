/* Separable resampling with a triangle filter whose support grows with the reduction, as Pillow does it
 * (Pillow 9.4, src/libImaging/Resample.c): an output pixel x lies at c = (x + 1/2) s of the input, s =
 * in/out; its weights are w_i = max(0, 1 - |i + 1/2 - c| / max(s, 1)), normalised and rounded to 22
 * fractional bits. First along rows, rounded to samples, then along columns. Cost: O(2 s) multiply-adds an
 * output pixel and pass. */
#include "io/resample.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

#define FRACTION_BITS 22

/* Weights of count output pixels, each of the input pixels [first, first+taps). */
struct weights {
    int64_t count, most; /* most: of taps, and the stride of values */
    int64_t *first, *taps;
    int32_t *values; /* [count, most] */
};

static void weights_release(struct weights *w) {
    free(w->first);
    free(w->taps);
    free(w->values);
}

static void weights_of_pixel(struct weights *w, int64_t i, double centre, double stretch, int64_t in,
                             double *exact) {
    int64_t from = (int64_t)(centre - stretch + 0.5), to = (int64_t)(centre + stretch + 0.5);
    from = from < 0 ? 0 : from;
    to = to > in ? in : to;
    double sum = 0;
    for (int64_t k = 0; k < to - from; k++) {
        exact[k] = fmax(0, 1 - fabs(((double)(k + from) - centre + 0.5) * (1 / stretch)));
        sum += exact[k];
    }
    for (int64_t k = 0; k < to - from; k++)
        w->values[i * w->most + k] = (int32_t)(0.5 + exact[k] / sum * (1 << FRACTION_BITS));
    w->first[i] = from;
    w->taps[i] = to - from;
}

/* Weights of the output pixels [offset, offset+count) of out, from in input pixels. */
static convoy_status weights_create(struct weights *weights, int64_t in, int64_t out, int64_t offset,
                                    int64_t count, convoy_error *error) {
    double scale = (double)in / (double)out, stretch = fmax(scale, 1);
    struct weights w = {.count = count, .most = (int64_t)ceil(stretch) * 2 + 1};
    w.first = calloc((size_t)count, sizeof *w.first);
    w.taps = calloc((size_t)count, sizeof *w.taps);
    w.values = calloc((size_t)count, (size_t)w.most * sizeof *w.values);
    double *exact = calloc((size_t)w.most, sizeof *exact);
    if (!w.first || !w.taps || !w.values || !exact) {
        weights_release(&w);
        free(exact);
        return error_memory(error);
    }
    for (int64_t i = 0; i < count; i++)
        weights_of_pixel(&w, i, ((double)(offset + i) + 0.5) * scale, stretch, in, exact);
    free(exact);
    *weights = w;
    return CONVOY_OK;
}

/* One output sample of at most maximum from taps input samples that are step apart. */
static uint16_t weigh(const uint16_t *sample, int64_t step, const int32_t *values, int64_t taps,
                      unsigned maximum) {
    int64_t sum = 1 << (FRACTION_BITS - 1);
    for (int64_t k = 0; k < taps; k++)
        sum += (int64_t)sample[k * step] * values[k];
    sum >>= FRACTION_BITS;
    return (uint16_t)(sum > maximum ? maximum : sum);
}

/* in [rows,*,channels] along its rows to out [rows,count,channels]; in starts at the first row needed. */
static void pass_horizontal(uint16_t *out, const uint16_t *in, const struct image *shape, int64_t rows,
                            const struct weights *w) {
    int64_t channels = shape->channels, stride = shape->width * channels;
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < w->count; x++)
            for (int64_t c = 0; c < channels; c++)
                *out++ = weigh(in + y * stride + w->first[x] * channels + c, channels,
                               w->values + x * w->most, w->taps[x], shape->maximum);
}

/* in, of out's width, along its columns to out; in starts at input row origin. */
static void pass_vertical(struct image *out, const uint16_t *in, int64_t origin, const struct weights *w) {
    int64_t length = out->width * out->channels;
    uint16_t *to = out->pixels;
    for (int64_t y = 0; y < w->count; y++)
        for (int64_t i = 0; i < length; i++)
            *to++ = weigh(in + (w->first[y] - origin) * length + i, length, w->values + y * w->most,
                          w->taps[y], out->maximum);
}

convoy_status image_resample(struct image *out, const struct image *in, const struct window *window,
                             convoy_error *error) {
    struct weights columns = {0}, rows = {0};
    struct image narrow = {0}, made = {0};
    convoy_status status =
        weights_create(&columns, in->width, window->full_width, window->left, window->width, error);
    if (status == CONVOY_OK)
        status = weights_create(&rows, in->height, window->full_height, window->top, window->height, error);
    if (status != CONVOY_OK)
        goto out;
    int64_t last = window->height - 1, from = rows.first[0],
            count = rows.first[last] + rows.taps[last] - from;
    status = image_create(&narrow, count, window->width, in->channels, error);
    if (status == CONVOY_OK)
        status = image_create(&made, window->height, window->width, in->channels, error);
    if (status != CONVOY_OK)
        goto out;
    pass_horizontal(narrow.pixels, in->pixels + from * in->width * in->channels, in, count, &columns);
    made.maximum = in->maximum;
    pass_vertical(&made, narrow.pixels, from, &rows);
    *out = made;
    made = (struct image){0};
out:
    weights_release(&columns);
    weights_release(&rows);
    image_release(&narrow);
    image_release(&made);
    return status;
}
