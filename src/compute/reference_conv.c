/* Y[b,n,y] = activation(sum over c,k of X[b,c,y*s + k*d - p] K[n,c,k] + bias[n] + Z[b,n,y]), Z being the
 * second input if there is one, straight from the definition. */
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
static double channel_sum(const struct reference_layer *layer, const struct map_strides *s,
                          const convoy_tensor *x, int64_t x_base, int64_t w_base, const int64_t *origin) {
    const struct conv_geometry *g = &layer->desc.conv;
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
                           value_at(&layer->weights, (size_t)(w_row + k));
            }
        }
    }
    return sum;
}

static void one_output(const struct reference_layer *layer, const convoy_tensor *in, convoy_tensor *y,
                       int64_t b, int64_t n) {
    const convoy_tensor *x = &in[0], *added = layer->desc.input_count == 2 ? &in[1] : NULL;
    const struct conv_geometry *g = &layer->desc.conv;
    struct map_strides from = map_strides(g->layout, g->in_block, g->in_channels, g->in);
    struct map_strides to = map_strides(g->layout, g->out_block, g->out_channels, g->out);
    int64_t depth = g->in_channels / g->groups, group = n / (g->out_channels / g->groups);
    int64_t taps = g->kernel[0] * g->kernel[1] * g->kernel[2];
    double bias = layer->bias.data ? value_at(&layer->bias, (size_t)n) : 0;
    int64_t at[CONV_MAX_SPATIAL], origin[CONV_MAX_SPATIAL];
    for (at[0] = 0; at[0] < g->out[0]; at[0]++)
        for (at[1] = 0; at[1] < g->out[1]; at[1]++)
            for (at[2] = 0; at[2] < g->out[2]; at[2]++) {
                int64_t place = b * to.batch + channel_offset(&to, n);
                for (int i = 0; i < CONV_MAX_SPATIAL; i++) {
                    origin[i] = at[i] * g->stride[i] - g->pad_begin[i];
                    place += at[i] * to.axis[i];
                }
                double sum = bias + (added ? value_at(added, (size_t)place) : 0);
                for (int64_t c = 0; c < depth; c++)
                    sum += channel_sum(layer, &from, x,
                                       b * from.batch + channel_offset(&from, group * depth + c),
                                       (n * depth + c) * taps, origin);
                value_store(y, (size_t)place, reference_activate(&layer->desc.activation, y->dtype, sum));
            }
}

convoy_status reference_conv(const struct reference_layer *layer, const convoy_tensor *in, convoy_tensor *out,
                             convoy_error *error) {
    (void)error;
    for (int64_t b = 0; b < layer->desc.conv.batch; b++)
        for (int64_t n = 0; n < layer->desc.conv.out_channels; n++)
            one_output(layer, in, out, b, n);
    return CONVOY_OK;
}
