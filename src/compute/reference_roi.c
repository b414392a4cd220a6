/* Regions of maps, each cut into h x w bins: the maximum of a bin's elements (Fast R-CNN, arXiv 1504.08083),
 * or the average or maximum of interpolated samples in it (Mask R-CNN, arXiv 1703.06870). Regions are data:
 * the work for one of any size and place is bounded by its samples within the map. */
#include "compute/reference.h"

#include "base/error.h"
#include "base/maximum.h"
#include "base/memory.h"
#include "base/tensor.h"

#include <math.h>
#include <stdlib.h>

#define MOST_SAMPLES 1024 /* of a bin along an axis, if their number is given */

convoy_status check_roi(const struct layer_desc *desc, const struct layer_params *params,
                        convoy_error *error) {
    (void)params;
    const convoy_shape *maps = &desc->inputs[0].shape, *regions = &desc->inputs[1].shape,
                       *images = &desc->inputs[2].shape, *y = &desc->outputs[0].shape;
    if (maps->rank != 4 || regions->rank != 2 || regions->dims[1] != 4 || images->rank != 1 ||
        images->dims[0] != regions->dims[0])
        return kind_refuse(desc, error, "maps [N,C,H,W], regions [R,4] and images [R] are expected");
    if (y->rank != 4 || y->dims[0] != regions->dims[0] || y->dims[1] != maps->dims[1])
        return kind_refuse(desc, error, "the output is not [R,C,h,w]");
    for (int i = 2; i < 4; i++)
        if (maps->dims[i] < 1 || maps->dims[i] > KIND_LIMIT || y->dims[i] < 1 || y->dims[i] > KIND_LIMIT)
            return kind_refuse(desc, error, "sizes of maps and bins must be 1 to 2^30");
    if ((unsigned)desc->roi.op > ROI_ALIGN_MAX || desc->roi.samples < 0 || desc->roi.samples > MOST_SAMPLES ||
        !isfinite(desc->roi.scale))
        return kind_refuse(desc, error, "the scale must be finite, and samples 0 to 1024");
    return CONVOY_OK;
}

/* Region number r, scaled: [0] y, [1] x. */
struct region {
    size_t image;
    double begin[2], end[2];
};

static convoy_status region_read(const struct reference_layer *layer, const convoy_tensor *in, size_t r,
                                 struct region *region, convoy_error *error) {
    const struct layer_desc *desc = &layer->desc;
    double shift = desc->roi.op != ROI_MAX && desc->roi.half_pixel ? 0.5 : 0;
    int64_t image = integer_at(&in[2], r);
    if (image < 0 || image >= in[0].shape.dims[0])
        return error_set(error, CONVOY_E_INPUT, "%s %s: region %zu is of image %lld in a batch of %lld",
                         desc->op, desc->name, r, (long long)image, (long long)in[0].shape.dims[0]);
    region->image = (size_t)image;
    for (int i = 0; i < 2; i++) {
        region->begin[i] = value_at(&in[1], 4 * r + (i ? 0 : 1)) * desc->roi.scale - shift;
        region->end[i] = value_at(&in[1], 4 * r + (i ? 2 : 3)) * desc->roi.scale - shift;
        if (!isfinite(region->end[i] - region->begin[i]))
            return error_set(error, CONVOY_E_INPUT, "%s %s: the coordinates of region %zu are not finite",
                             desc->op, desc->name, r);
    }
    return CONVOY_OK;
}

/* --- Maxima of whole positions -------------------------------------------------------------------------- */

static int64_t whole(double coordinate) {
    double rounded = round(coordinate);
    return (int64_t)(rounded < -KIND_LIMIT  ? -(double)KIND_LIMIT
                     : rounded > KIND_LIMIT ? (double)KIND_LIMIT
                                            : rounded);
}

/* Bin number `bin` of `bins` holds the positions [*from, *to) of an axis. */
static void bin_cut(const struct region *region, int axis, int64_t bin, int64_t bins, int64_t extent,
                    int64_t *from, int64_t *to) {
    int64_t begin = whole(region->begin[axis]), size = whole(region->end[axis]) - begin + 1;
    size = size < 1 ? 1 : size;
    *from = begin + bin * size / bins;
    *to = begin + ((bin + 1) * size + bins - 1) / bins;
    *from = *from < 0 ? 0 : *from > extent ? extent : *from;
    *to = *to < 0 ? 0 : *to > extent ? extent : *to;
}

/* All bins of one map, whose first element is number base. */
static void bins_of_maxima(const struct region *region, const convoy_tensor *maps, size_t base,
                           convoy_tensor *out, size_t place) {
    int64_t height = maps->shape.dims[2], width = maps->shape.dims[3];
    int64_t rows = out->shape.dims[2], columns = out->shape.dims[3], from[2], to[2];
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            bin_cut(region, 0, i, rows, height, &from[0], &to[0]);
            bin_cut(region, 1, j, columns, width, &from[1], &to[1]);
            bool empty = from[0] >= to[0] || from[1] >= to[1];
            double largest = empty ? 0 : -INFINITY;
            for (int64_t y = from[0]; y < to[0]; y++)
                for (int64_t x = from[1]; x < to[1]; x++)
                    largest = max_or_nan(largest, value_at(maps, base + (size_t)(y * width + x)));
            value_store(out, place++, largest);
        }
}

/* --- Samples -------------------------------------------------------------------------------------------- */

/* Where a sample lies on an axis: between two positions, each with its weight. */
struct sample {
    size_t low, high;
    double low_weight, high_weight;
};

/* The samples of one bin along an axis: those within the map, and how many there are altogether. */
struct samples {
    struct sample *list; /* [capacity] */
    size_t count, capacity;
    double all;
};

/* Samples further out than one position beyond the map count as zero. */
static void sample_add(struct samples *samples, double at, int64_t extent) {
    if (!(at >= -1 && at <= (double)extent) || samples->count == samples->capacity)
        return;
    at = at < 0 ? 0 : at;
    size_t low = (size_t)at, last = (size_t)(extent - 1);
    struct sample *sample = &samples->list[samples->count++];
    *sample = low >= last ? (struct sample){last, last, 1, 0}
                          : (struct sample){low, low + 1, 1 - (at - (double)low), at - (double)low};
}

/* Bin number `bin` of a region that spans `size` from `begin`. Of a great many samples only those that may
 * lie within the map are looked at. */
static void samples_place(struct samples *samples, double begin, double size, int64_t bin, int64_t bins,
                          int64_t given, int64_t extent) {
    double width = size / (double)bins, first = begin + (double)bin * width;
    samples->all = given > 0 ? (double)given : ceil(width);
    samples->count = 0;
    if (!(samples->all >= 1))
        return;
    double step = width / samples->all, from = 0, to = samples->all;
    if (given == 0) {
        double before = floor((-1 - first) / step) - 1, behind = before + (double)(extent + 1) / step + 4;
        from = before > 0 ? before : 0;
        to = behind < to ? behind : to;
    }
    for (double i = 0; i < to - from; i++)
        sample_add(samples, first + (from + i + 0.5) * step, extent);
}

static double sum_of(const struct samples axes[2], const convoy_tensor *maps, size_t base) {
    size_t width = (size_t)maps->shape.dims[3];
    double sum = 0;
    for (size_t i = 0; i < axes[0].count; i++)
        for (size_t j = 0; j < axes[1].count; j++) {
            const struct sample *y = &axes[0].list[i], *x = &axes[1].list[j];
            const size_t low = base + y->low * width, high = base + y->high * width;
            sum += y->low_weight * (x->low_weight * value_at(maps, low + x->low) +
                                    x->high_weight * value_at(maps, low + x->high)) +
                   y->high_weight * (x->low_weight * value_at(maps, high + x->low) +
                                     x->high_weight * value_at(maps, high + x->high));
        }
    return sum;
}

/* Of each sample the largest neighbour times its weight, not their sum: what the implementations of the
 * standard compute. */
static double largest_of(const struct samples axes[2], const convoy_tensor *maps, size_t base) {
    size_t width = (size_t)maps->shape.dims[3];
    bool outside = (double)axes[0].count < axes[0].all || (double)axes[1].count < axes[1].all;
    double largest = outside || axes[0].count == 0 || axes[1].count == 0 ? 0 : -INFINITY;
    for (size_t i = 0; i < axes[0].count; i++)
        for (size_t j = 0; j < axes[1].count; j++) {
            const struct sample *y = &axes[0].list[i], *x = &axes[1].list[j];
            const size_t low = base + y->low * width, high = base + y->high * width;
            const double neighbours[4] = {y->low_weight * x->low_weight * value_at(maps, low + x->low),
                                          y->low_weight * x->high_weight * value_at(maps, low + x->high),
                                          y->high_weight * x->low_weight * value_at(maps, high + x->low),
                                          y->high_weight * x->high_weight * value_at(maps, high + x->high)};
            for (int k = 0; k < 4; k++)
                largest = max_or_nan(largest, neighbours[k]);
        }
    return largest;
}

/* One bin of all channels; place: of the first channel's. */
static void bin_of_samples(const struct reference_layer *layer, const struct samples axes[2],
                           const convoy_tensor *maps, size_t image, convoy_tensor *out, size_t place) {
    size_t channels = (size_t)maps->shape.dims[1], map = shape_product(&maps->shape, 2, 4),
           bins = shape_product(&out->shape, 2, 4);
    double all = axes[0].all * axes[1].all;
    for (size_t c = 0; c < channels; c++) {
        size_t base = (image * channels + c) * map;
        value_store(out, place + c * bins,
                    layer->desc.roi.op == ROI_AVERAGE ? sum_of(axes, maps, base) / (all > 1 ? all : 1)
                                                      : largest_of(axes, maps, base));
    }
}

static void region_of_samples(const struct reference_layer *layer, const struct region *region,
                              struct samples axes[2], const convoy_tensor *maps, convoy_tensor *out,
                              size_t place) {
    double size[2];
    for (int i = 0; i < 2; i++) {
        size[i] = region->end[i] - region->begin[i];
        if (!layer->desc.roi.half_pixel && size[i] < 1)
            size[i] = 1;
    }
    for (int64_t i = 0; i < out->shape.dims[2]; i++) {
        samples_place(&axes[0], region->begin[0], size[0], i, out->shape.dims[2], layer->desc.roi.samples,
                      maps->shape.dims[2]);
        for (int64_t j = 0; j < out->shape.dims[3]; j++) {
            samples_place(&axes[1], region->begin[1], size[1], j, out->shape.dims[3], layer->desc.roi.samples,
                          maps->shape.dims[3]);
            bin_of_samples(layer, axes, maps, region->image, out, place++);
        }
    }
}

/* --- Both ----------------------------------------------------------------------------------------------- */

/* Room for the samples of one bin. If their number is not given, they are more than half a position apart. */
static convoy_status samples_create(struct samples *samples, int64_t extent, convoy_error *error) {
    size_t least = MOST_SAMPLES;
    samples->capacity = 2 * (size_t)extent + 8 > least ? 2 * (size_t)extent + 8 : least;
    samples->list = calloc(samples->capacity, sizeof *samples->list);
    return samples->list ? CONVOY_OK : error_memory(error);
}

convoy_status reference_roi(const struct reference_layer *layer, const convoy_tensor *in, convoy_tensor *out,
                            convoy_error *error) {
    const convoy_tensor *maps = &in[0];
    size_t channels = (size_t)maps->shape.dims[1], map = shape_product(&maps->shape, 2, 4),
           bins = shape_product(&out->shape, 2, 4), regions = (size_t)out->shape.dims[0];
    struct samples axes[2] = {{0}, {0}};
    convoy_status status = samples_create(&axes[0], maps->shape.dims[2], error);
    if (status == CONVOY_OK)
        status = samples_create(&axes[1], maps->shape.dims[3], error);
    for (size_t r = 0; r < regions && status == CONVOY_OK; r++) {
        struct region region = {0};
        status = region_read(layer, in, r, &region, error);
        if (status == CONVOY_OK && layer->desc.roi.op != ROI_MAX)
            region_of_samples(layer, &region, axes, maps, out, r * channels * bins);
        for (size_t c = 0; c < channels && status == CONVOY_OK && layer->desc.roi.op == ROI_MAX; c++)
            bins_of_maxima(&region, maps, (region.image * channels + c) * map, out,
                           (r * channels + c) * bins);
    }
    free(axes[0].list);
    free(axes[1].list);
    return status;
}
