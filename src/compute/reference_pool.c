/* Reductions over a neighbourhood: pooling windows, and LRN's window of channels. */
#include "compute/reference.h"

#include "base/memory.h"
#include "base/tensor.h"

#include <math.h>

convoy_status check_pool(const struct layer_desc *desc, const struct layer_params *params,
                         convoy_error *error) {
    (void)params;
    const struct pool_geometry *g = &desc->pool;
    if (g->spatial < 1 || g->spatial > CONV_MAX_SPATIAL || g->batch < 0 || g->channels < 0)
        return kind_refuse(desc, error, "pooling takes 1 to 3 spatial axes");
    size_t maps, in = 1, out = 1;
    if (!size_mul((size_t)g->batch, (size_t)g->channels, &maps))
        return kind_refuse(desc, error, "too large");
    for (uint32_t i = 0; i < g->spatial; i++) {
        const int64_t positive[] = {g->in[i], g->kernel[i], g->stride[i], g->dilation[i], g->out[i]};
        for (int k = 0; k < 5; k++)
            if (positive[k] < 1 || positive[k] > KIND_LIMIT)
                return kind_refuse(desc, error,
                                   "sizes, kernels, strides and dilations of pooling must be 1 to 2^30");
        if (g->pad_begin[i] < 0 || g->pad_begin[i] > KIND_LIMIT || g->pad_end[i] < 0 ||
            g->pad_end[i] > KIND_LIMIT)
            return kind_refuse(desc, error, "pads of pooling must be 0 to 2^30");
        if (!size_mul(in, (size_t)g->in[i], &in) || !size_mul(out, (size_t)g->out[i], &out))
            return kind_refuse(desc, error, "too large");
    }
    if (!shape_has(&desc->inputs[0].shape, maps, in, 1) || !shape_has(&desc->outputs[0].shape, maps, out, 1))
        return kind_refuse(desc, error, "the shapes of input and output are not those of its geometry");
    if ((unsigned)g->op > POOL_LP || (g->op == POOL_LP && !(g->p > 0 && g->p < INFINITY)) ||
        (g->op != POOL_MAX && !dtype_is(desc->inputs[0].dtype, DTYPE_FLOAT)))
        return kind_refuse(desc, error,
                           "pooling takes the maximum, or of floats the average or a norm, p > 0");
    if (desc->output_count > 1 &&
        (g->op != POOL_MAX || !shape_equal(&desc->outputs[0].shape, &desc->outputs[1].shape)))
        return kind_refuse(desc, error, "only maxima have places, one each");
    return CONVOY_OK;
}

/* Taps [first, end) of a window along one axis, of which the position is within bounds. */
struct span {
    int64_t first, end;
};

/* Those of `kernel` taps from origin on that are at [low, high). */
static struct span span_within(int64_t origin, int64_t kernel, int64_t dilation, int64_t low, int64_t high) {
    int64_t first = origin < low ? (low - origin + dilation - 1) / dilation : 0;
    int64_t end = origin < high ? (high - origin + dilation - 1) / dilation : 0;
    end = end < kernel ? end : kernel;
    return (struct span){first < end ? first : end, end};
}

/* What a window holds: the largest value and its place in the map, of which the first counts. */
struct window {
    double largest, sum, counted;
    int64_t place; /* -1 where no tap lies in the input */
};

static void take(struct window *window, const struct pool_geometry *g, double value,
                 const int64_t *position) {
    bool first = window->place < 0;
    if (first || value > window->largest || (isnan(value) && !isnan(window->largest))) {
        window->largest = value;
        window->place = g->column_major ? position[0] + g->in[0] * (position[1] + g->in[1] * position[2])
                                        : (position[0] * g->in[1] + position[1]) * g->in[2] + position[2];
    }
    window->sum += g->op == POOL_LP ? pow(fabs(value), g->p) : value;
}

/* Only what lies in the input is looked at, however large the window. */
static struct window window_read(const struct pool_geometry *g, const convoy_tensor *x, size_t base,
                                 const int64_t *at) {
    struct window window = {.largest = -INFINITY, .counted = 1, .place = -1};
    struct span taps[CONV_MAX_SPATIAL];
    int64_t origin[CONV_MAX_SPATIAL], tap[CONV_MAX_SPATIAL], position[CONV_MAX_SPATIAL];
    for (uint32_t i = 0; i < CONV_MAX_SPATIAL; i++) {
        origin[i] = at[i] * g->stride[i] - g->pad_begin[i];
        taps[i] = span_within(origin[i], g->kernel[i], g->dilation[i], 0, g->in[i]);
        struct span counted = taps[i];
        if (g->count_include_pad)
            counted = span_within(origin[i], g->kernel[i], g->dilation[i], -g->pad_begin[i],
                                  g->in[i] + g->pad_end[i]);
        window.counted *= (double)(counted.end - counted.first);
    }
    for (tap[0] = taps[0].first; tap[0] < taps[0].end; tap[0]++)
        for (tap[1] = taps[1].first; tap[1] < taps[1].end; tap[1]++)
            for (tap[2] = taps[2].first; tap[2] < taps[2].end; tap[2]++) {
                for (uint32_t i = 0; i < CONV_MAX_SPATIAL; i++)
                    position[i] = origin[i] + tap[i] * g->dilation[i];
                int64_t from = (position[0] * g->in[1] + position[1]) * g->in[2] + position[2];
                take(&window, g, value_at(x, base + (size_t)from), position);
            }
    return window;
}

static double window_value(const struct pool_geometry *g, const struct window *window) {
    switch (g->op) {
    case POOL_AVERAGE:
        return window->counted > 0 ? window->sum / window->counted : 0;
    case POOL_LP:
        return pow(window->sum, 1 / g->p);
    case POOL_MAX:
        break;
    }
    return window->largest;
}

convoy_status reference_pool(const struct reference_layer *layer, const convoy_tensor *in, convoy_tensor *out,
                             convoy_error *error) {
    (void)error;
    struct pool_geometry g = layer->desc.pool;
    for (uint32_t i = g.spatial; i < CONV_MAX_SPATIAL; i++) {
        g.in[i] = g.kernel[i] = g.stride[i] = g.dilation[i] = g.out[i] = 1;
        g.pad_begin[i] = g.pad_end[i] = 0;
    }
    size_t map = (size_t)(g.in[0] * g.in[1] * g.in[2]), place = 0;
    int64_t at[CONV_MAX_SPATIAL];
    for (int64_t m = 0; m < g.batch * g.channels; m++)
        for (at[0] = 0; at[0] < g.out[0]; at[0]++)
            for (at[1] = 0; at[1] < g.out[1]; at[1]++)
                for (at[2] = 0; at[2] < g.out[2]; at[2]++, place++) {
                    struct window window = window_read(&g, in, (size_t)m * map, at);
                    value_store(out, place, window_value(&g, &window));
                    if (layer->desc.output_count > 1)
                        integer_store(&out[1], place,
                                      window.place < 0 ? -1 : m * (int64_t)map + window.place);
                }
    return CONVOY_OK;
}

convoy_status check_lrn(const struct layer_desc *desc, const struct layer_params *params,
                        convoy_error *error) {
    (void)params;
    if (!both_have(desc, desc->lrn.batch, desc->lrn.channels, desc->lrn.inner) || desc->lrn.size < 1 ||
        desc->lrn.size > KIND_LIMIT)
        return kind_refuse(desc, error, "the shapes of input and output are not [batch,channels,inner]");
    return CONVOY_OK;
}

/* v / (bias + alpha/size * sum of squares)^beta over channels [c - floor((size-1)/2), c + ceil((size-1)/2)].
 */
convoy_status reference_lrn(const struct reference_layer *layer, const convoy_tensor *in, convoy_tensor *out,
                            convoy_error *error) {
    (void)error;
    size_t channels = layer->desc.lrn.channels, inner = layer->desc.lrn.inner;
    size_t below = (size_t)(layer->desc.lrn.size - 1) / 2, above = (size_t)layer->desc.lrn.size / 2;
    double scale = (double)layer->desc.lrn.alpha / (double)layer->desc.lrn.size;
    for (size_t b = 0; b < layer->desc.lrn.batch; b++)
        for (size_t c = 0; c < channels; c++) {
            size_t first = c > below ? c - below : 0;
            size_t last = above < channels - 1 - c ? c + above : channels - 1;
            for (size_t i = 0; i < inner; i++) {
                double sum = 0;
                for (size_t k = first; k <= last; k++) {
                    double value = value_at(in, (b * channels + k) * inner + i);
                    sum += value * value;
                }
                size_t place = (b * channels + c) * inner + i;
                value_store(out, place,
                            value_at(in, place) *
                                pow(layer->desc.lrn.bias + scale * sum, -layer->desc.lrn.beta));
            }
        }
    return CONVOY_OK;
}
