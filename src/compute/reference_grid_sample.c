/* Y[n,c,o...] = X[n,c] at the place that the grid gives for o: nearest element, or linear or cubic (Keys
 * 1981) interpolation along each axis. Places are relative to the map, -1 to 1 from one end to the other, and
 * their last coordinate belongs to the first axis. Places outside of it are brought to its border, or
 * mirrored into it, before they are interpolated, and so is every neighbour; or neighbours outside are zero.
 */
#include "compute/reference.h"

#include "base/tensor.h"

#include <math.h>

#define CUBIC_A   (-0.75)
#define MOST_TAPS 4 /* along an axis */

convoy_status check_grid_sample(const struct layer_desc *desc, const struct layer_params *params,
                                convoy_error *error) {
    (void)params;
    const convoy_shape *x = &desc->inputs[0].shape, *grid = &desc->inputs[1].shape,
                       *y = &desc->outputs[0].shape;
    if (x->rank < 3 || x->rank > 2 + CONV_MAX_SPATIAL || grid->rank != x->rank || y->rank != x->rank)
        return kind_refuse(desc, error, "maps of 1 to 3 spatial axes, and a grid of as many axes, are taken");
    if (grid->dims[0] != x->dims[0] || y->dims[0] != x->dims[0] || y->dims[1] != x->dims[1] ||
        grid->dims[x->rank - 1] != (int64_t)x->rank - 2)
        return kind_refuse(desc, error,
                           "the grid is not [N,out...,spatial axes], or the output not [N,C,out...]");
    for (uint32_t i = 2; i < x->rank; i++) {
        if (grid->dims[i - 1] != y->dims[i])
            return kind_refuse(desc, error, "grid and output have different sizes");
        if (x->dims[i] < 1 || x->dims[i] > KIND_LIMIT)
            return kind_refuse(desc, error, "sizes of maps must be 1 to 2^30");
    }
    if ((unsigned)desc->grid_sample.mode > GRID_CUBIC ||
        (unsigned)desc->grid_sample.padding > GRID_REFLECTION)
        return kind_refuse(desc, error, "no such mode or padding");
    return CONVOY_OK;
}

/* --- One axis ------------------------------------------------------------------------------------------- */

struct axis {
    int64_t extent;
    double low, high; /* what lies outside of [low,high] is padded */
};

/* Mirrors at both ends, as often as it takes. */
static double reflect(const struct axis *axis, double at) {
    double span = axis->high - axis->low, folded = fmod(fabs(at - axis->low), 2 * span);
    if (isnan(at))
        return at;
    if (!(span > 0) || isnan(folded)) /* infinitely far away */
        return axis->low;
    return axis->low + (folded > span ? 2 * span - folded : folded);
}

static double pad(enum grid_padding padding, const struct axis *axis, double at) {
    if (at >= axis->low && at <= axis->high)
        return at;
    switch (padding) {
    case GRID_BORDER:
        return at < 0 ? 0 : at > (double)(axis->extent - 1) ? (double)(axis->extent - 1) : at;
    case GRID_REFLECTION:
        return reflect(axis, at);
    case GRID_ZEROS:
        break;
    }
    return at;
}

/* The element that stands for a position, which is whole; -1: zero. */
static int64_t element_at(enum grid_padding padding, const struct axis *axis, double position) {
    double last = (double)(axis->extent - 1), at = pad(padding, axis, position);
    if (padding == GRID_ZEROS)
        return at >= 0 && at <= last ? (int64_t)at : -1;
    return at > last ? axis->extent - 1 : at > 0 ? (int64_t)at : 0; /* a NaN is at the beginning */
}

/* The neighbours of a place along an axis, and their weights. */
struct taps {
    int count;
    int64_t element[MOST_TAPS]; /* -1: zero */
    double weight[MOST_TAPS];
};

static double cubic(double distance) {
    const double a = CUBIC_A, d = fabs(distance);
    return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

static struct taps taps_find(enum grid_mode mode, enum grid_padding padding, const struct axis *axis,
                             double at) {
    struct taps taps = {.count = mode == GRID_NEAREST ? 1 : mode == GRID_LINEAR ? 2 : 4};
    at = pad(padding, axis, mode == GRID_NEAREST ? rint(at) : at);
    double first = mode == GRID_NEAREST ? at : mode == GRID_LINEAR ? floor(at) : floor(at) - 1;
    for (int i = 0; i < taps.count; i++) {
        double distance = at - (first + i);
        taps.element[i] = element_at(padding, axis, first + i);
        taps.weight[i] = mode == GRID_NEAREST  ? 1
                         : mode == GRID_LINEAR ? 1 - fabs(distance)
                                               : cubic(distance);
    }
    return taps;
}

/* --- One place ------------------------------------------------------------------------------------------ */

/* Taps along all axes of the map; axes that it lacks have one of weight 1. */
static void place_read(const struct layer_desc *desc, const convoy_tensor *x, const convoy_tensor *grid,
                       size_t at, struct taps taps[CONV_MAX_SPATIAL]) {
    uint32_t spatial = x->shape.rank - 2;
    bool corners = desc->grid_sample.align_corners;
    for (uint32_t i = 0; i < CONV_MAX_SPATIAL; i++)
        taps[i] = (struct taps){.count = 1, .weight = {1}};
    for (uint32_t i = 0; i < spatial; i++) {
        double extent = (double)x->shape.dims[2 + i], v = value_at(grid, at * spatial + spatial - 1 - i);
        struct axis axis = {x->shape.dims[2 + i], corners ? 0 : -0.5, corners ? extent - 1 : extent - 0.5};
        double position = corners ? (v + 1) / 2 * (extent - 1) : ((v + 1) * extent - 1) / 2;
        taps[CONV_MAX_SPATIAL - spatial + i] =
            taps_find(desc->grid_sample.mode, desc->grid_sample.padding, &axis, position);
    }
}

/* The value of one channel, whose map begins at element base. */
static double interpolate(const struct taps taps[CONV_MAX_SPATIAL], const convoy_tensor *x, size_t base,
                          const int64_t extent[CONV_MAX_SPATIAL]) {
    double sum = 0;
    for (int i = 0; i < taps[0].count; i++)
        for (int j = 0; j < taps[1].count; j++)
            for (int k = 0; k < taps[2].count; k++) {
                int64_t a = taps[0].element[i], b = taps[1].element[j], c = taps[2].element[k];
                double weight = taps[0].weight[i] * taps[1].weight[j] * taps[2].weight[k];
                bool zero = a < 0 || b < 0 || c < 0;
                sum +=
                    weight * (zero ? 0 : value_at(x, base + (size_t)((a * extent[1] + b) * extent[2] + c)));
            }
    return sum;
}

/* The nearest element itself, of any type. */
static void copy_nearest(const struct taps taps[CONV_MAX_SPATIAL], const convoy_tensor *x, size_t base,
                         const int64_t extent[CONV_MAX_SPATIAL], convoy_tensor *out, size_t place) {
    size_t element = convoy_dtype_bytes(out->dtype);
    int64_t a = taps[0].element[0], b = taps[1].element[0], c = taps[2].element[0];
    char *to = (char *)out->data + place * element;
    if (a < 0 || b < 0 || c < 0)
        memset(to, 0, element);
    else
        memcpy(to, (const char *)x->data + (base + (size_t)((a * extent[1] + b) * extent[2] + c)) * element,
               element);
}

convoy_status reference_grid_sample(const struct reference_layer *layer, const convoy_tensor *in,
                                    convoy_tensor *out, convoy_error *error) {
    (void)error;
    const convoy_shape *shape = &in[0].shape;
    size_t channels = (size_t)shape->dims[1], map = shape_product(shape, 2, shape->rank),
           places = shape_product(&out->shape, 2, out->shape.rank);
    int64_t extent[CONV_MAX_SPATIAL] = {1, 1, 1};
    for (uint32_t i = 2; i < shape->rank; i++)
        extent[CONV_MAX_SPATIAL - shape->rank + i] = shape->dims[i];
    for (size_t n = 0; n < (size_t)shape->dims[0]; n++)
        for (size_t p = 0; p < places; p++) {
            struct taps taps[CONV_MAX_SPATIAL];
            place_read(&layer->desc, &in[0], &in[1], n * places + p, taps);
            for (size_t c = 0; c < channels; c++) {
                size_t base = (n * channels + c) * map, place = (n * channels + c) * places + p;
                if (layer->desc.grid_sample.mode == GRID_NEAREST)
                    copy_nearest(taps, &in[0], base, extent, out, place);
                else
                    value_store(out, place, interpolate(taps, &in[0], base, extent));
            }
        }
    return CONVOY_OK;
}
