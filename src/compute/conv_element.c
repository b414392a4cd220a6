#include "compute/conv_element.h"

#include "compute/reference.h"

/* Distances between neighbours along each axis of a map, in elements. */
struct map_strides {
    int64_t batch, block, channel, axis[CONV_MAX_SPATIAL]; /* block: between blocks of `together` channels */
    int64_t together;
};

static struct map_strides map_strides(enum conv_layout layout, uint32_t block, int64_t channels,
                                      const int64_t *extent) {
    struct map_strides s = {.together = block ? block : channels};
    bool last = layout == CONV_CHANNELS_LAST;
    int64_t step = last || block ? s.together : 1;
    for (int i = CONV_MAX_SPATIAL - 1; i >= 0; i--) {
        s.axis[i] = step;
        step *= extent[i];
    }
    s.channel = last || block ? 1 : step;
    s.block = step;
    s.batch = last ? step : block ? step * channels / block : step * channels;
    return s;
}

static int64_t channel_offset(const struct map_strides *s, int64_t channel) {
    return channel / s->together * s->block + channel % s->together * s->channel;
}

/* One channel of one window: x_base and w_base are the elements where the channel begins in map and filters.
 */
static double channel_sum(const struct conv_geometry *g, const struct map_strides *s, const convoy_tensor *x,
                          int64_t x_base, const convoy_tensor *filters, int64_t w_base,
                          const int64_t *origin) {
    double sum = 0;
    for (int64_t i = 0; i < g->kernel[0]; i++) {
        int64_t z0 = origin[0] + i * g->dilation[0];
        if (z0 < 0 || z0 >= g->in[0])
            continue;
        for (int64_t j = 0; j < g->kernel[1]; j++) {
            int64_t z1 = origin[1] + j * g->dilation[1];
            if (z1 < 0 || z1 >= g->in[1])
                continue;
            int64_t x_row = x_base + z0 * s->axis[0] + z1 * s->axis[1];
            int64_t w_row = w_base + (i * g->kernel[1] + j) * g->kernel[2];
            for (int64_t k = 0; k < g->kernel[2]; k++) {
                int64_t z2 = origin[2] + k * g->dilation[2];
                if (z2 >= 0 && z2 < g->in[2])
                    sum += value_at(x, (size_t)(x_row + z2 * s->axis[2])) *
                           value_at(filters, (size_t)(w_row + k));
            }
        }
    }
    return sum;
}

static struct map_strides output_strides(const struct conv_geometry *g) {
    return map_strides(g->layout, g->out_block, g->out_channels, g->out);
}

size_t conv_output_index(const struct conv_geometry *g, const struct conv_place *place) {
    struct map_strides to = output_strides(g);
    int64_t index = place->image * to.batch + channel_offset(&to, place->channel);
    for (int i = 0; i < CONV_MAX_SPATIAL; i++)
        index += place->axis[i] * to.axis[i];
    return (size_t)index;
}

double conv_element(const struct conv_geometry *g, const convoy_tensor *in, const convoy_tensor *filters,
                    const struct conv_place *place) {
    struct map_strides from = map_strides(g->layout, g->in_block, g->in_channels, g->in);
    int64_t depth = g->in_channels / g->groups, taps = g->kernel[0] * g->kernel[1] * g->kernel[2];
    int64_t group = place->channel / (g->out_channels / g->groups), origin[CONV_MAX_SPATIAL];
    double sum = 0;
    for (int i = 0; i < CONV_MAX_SPATIAL; i++)
        origin[i] = place->axis[i] * g->stride[i] - g->pad_begin[i];
    for (int64_t c = 0; c < depth; c++)
        sum += channel_sum(g, &from, in, place->image * from.batch + channel_offset(&from, group * depth + c),
                           filters, (place->channel * depth + c) * taps, origin);
    return sum;
}
