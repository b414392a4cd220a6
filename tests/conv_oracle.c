#include "conv_oracle.h"

#include <stdio.h>
#include <string.h>

double oracle_get(convoy_dtype dtype, const void *data, size_t i) {
    return dtype == CONVOY_F32 ? ((const float *)data)[i] : ((const double *)data)[i];
}

void oracle_set(convoy_dtype dtype, void *data, size_t i, double value) {
    if (dtype == CONVOY_F32)
        ((float *)data)[i] = (float)value;
    else
        ((double *)data)[i] = value;
}

/* Index in [batch, channels, spatial...], [batch, spatial..., channels] or [batch, channels/block,
 * spatial..., block]. */
static size_t map_index(enum conv_layout layout, uint32_t block, int64_t channels, const int64_t *sizes,
                        int64_t n, int64_t c, const int64_t *at) {
    int64_t i = layout == CONV_CHANNELS_LAST ? n : n * channels + c;
    if (block)
        i = n * (channels / block) + c / block;
    for (int axis = 0; axis < CONV_MAX_SPATIAL; axis++)
        i = i * sizes[axis] + at[axis];
    if (block)
        return (size_t)(i * block + c % block);
    return (size_t)(layout == CONV_CHANNELS_LAST ? i * channels + c : i);
}

/* Steps a counter of three axes; false when it is back at zero. */
static bool next(int64_t *at, const int64_t *sizes) {
    for (int axis = CONV_MAX_SPATIAL - 1; axis >= 0; axis--) {
        if (++at[axis] < sizes[axis])
            return true;
        at[axis] = 0;
    }
    return false;
}

static double output_value(const struct conv_geometry *g, convoy_dtype dtype, const void *x, const void *k,
                           int64_t n, int64_t m, const int64_t *at) {
    int64_t group_in = g->in_channels / g->groups, group_out = g->out_channels / g->groups;
    int64_t tap[CONV_MAX_SPATIAL] = {0};
    size_t taps = (size_t)(g->kernel[0] * g->kernel[1] * g->kernel[2]), t = 0;
    double sum = 0;
    do {
        int64_t from[CONV_MAX_SPATIAL];
        bool inside = true;
        for (int axis = 0; axis < CONV_MAX_SPATIAL; axis++) {
            from[axis] = at[axis] * g->stride[axis] + tap[axis] * g->dilation[axis] - g->pad_begin[axis];
            inside = inside && from[axis] >= 0 && from[axis] < g->in[axis];
        }
        for (int64_t c = 0; inside && c < group_in; c++)
            sum += oracle_get(dtype, x,
                              map_index(g->layout, g->in_block, g->in_channels, g->in, n,
                                        m / group_out * group_in + c, from)) *
                   oracle_get(dtype, k, (size_t)(m * group_in + c) * taps + t);
        t++;
    } while (next(tap, g->kernel));
    return sum;
}

void oracle_convolve(const struct conv_geometry *g, convoy_dtype dtype, const void *x, const void *k,
                     void *y) {
    for (int64_t n = 0; n < g->batch; n++) {
        for (int64_t m = 0; m < g->out_channels; m++) {
            int64_t at[CONV_MAX_SPATIAL] = {0};
            do
                oracle_set(dtype, y, map_index(g->layout, g->out_block, g->out_channels, g->out, n, m, at),
                           output_value(g, dtype, x, k, n, m, at));
            while (next(at, g->out));
        }
    }
}

static int64_t between(struct random *random, int64_t low, int64_t high) {
    return low + (int64_t)random_below(random, (uint64_t)(high - low + 1));
}

static void random_axis(struct random *random, struct conv_geometry *g, uint32_t axis) {
    int64_t most = g->spatial == 1 ? 40 : g->spatial == 2 && axis == 0 ? 16 : 7;
    g->in[axis] = between(random, 1, most);
    g->kernel[axis] = between(random, 1, 4);
    g->stride[axis] = between(random, 1, 3);
    g->dilation[axis] = between(random, 1, 3);
    g->pad_begin[axis] = between(random, 0, 3);
    g->pad_end[axis] = between(random, 0, 3);
}

void oracle_random_geometry(struct random *random, struct conv_geometry *g) {
    bool found = false;
    while (!found) { /* until the kernel fits in the padded input */
        uint64_t kind = random_below(random, 10);
        *g = (struct conv_geometry){.layout =
                                        random_below(random, 3) ? CONV_CHANNELS_FIRST : CONV_CHANNELS_LAST,
                                    .spatial = (uint32_t)between(random, 1, 3),
                                    .batch = random_below(random, 3) ? 1 : between(random, 2, 3),
                                    .groups = kind < 6 ? 1 : between(random, 2, 4)};
        int64_t most_in = kind < 6 ? 5 : 2, most_out = kind < 6 ? 13 : 5;
        g->in_channels = g->groups * (kind < 8 ? between(random, 1, most_in) : 1); /* 8 and 9: depthwise */
        g->out_channels = g->groups * (kind < 8 ? between(random, 1, most_out) : between(random, 1, 2));
        if (kind == 0) { /* a product by a constant */
            g->layout = CONV_CHANNELS_LAST;
            g->spatial = 1;
            g->in[0] = between(random, 1, 30);
            g->kernel[0] = g->stride[0] = g->dilation[0] = 1;
        } else {
            for (uint32_t axis = 0; axis < g->spatial; axis++)
                random_axis(random, g, axis);
        }
        found = conv_geometry_complete(g, NULL) == CONVOY_OK;
    }
}

void oracle_random_blocks(struct random *random, struct conv_geometry *g) {
    if (g->layout == CONV_CHANNELS_LAST || random_below(random, 3))
        return;
    struct conv_geometry laid = *g;
    bool depthwise = g->in_channels == g->groups && g->out_channels == g->groups;
    uint32_t block = random_below(random, 2) ? 16 : 8;
    if (depthwise) {
        laid.groups = laid.in_channels = laid.out_channels = block * between(random, 1, 2);
    } else {
        laid.in_channels = laid.groups * block;
        laid.out_channels = laid.groups * block * between(random, 1, 4);
    }
    laid.in_block = random_below(random, 4) ? block : 0;
    laid.out_block = random_below(random, 4) ? block : 0;
    if (conv_geometry_complete(&laid, NULL) == CONVOY_OK)
        *g = laid;
}

bool oracle_cut_fits(const struct conv_geometry *g, uint32_t filter_parts) {
    int64_t channels = g->out_channels / g->groups;
    return !g->out_block || g->out_channels == g->groups ||
           (channels + filter_parts - 1) / filter_parts % g->out_block == 0;
}

const char *oracle_geometry_text(const struct conv_geometry *g, char *text, size_t size) {
    int used = snprintf(text, size, "%s, batch %d, groups %d, channels %d->%d",
                        g->layout                     ? "last"
                        : g->out_block || g->in_block ? "in blocks"
                                                      : "first",
                        (int)g->batch, (int)g->groups, (int)g->in_channels, (int)g->out_channels);
    for (uint32_t i = 0; i < g->spatial && used >= 0 && (size_t)used < size; i++)
        used +=
            snprintf(text + used, size - (size_t)used, "; in %d kernel %d stride %d dilation %d pads %d,%d",
                     (int)g->in[i], (int)g->kernel[i], (int)g->stride[i], (int)g->dilation[i],
                     (int)g->pad_begin[i], (int)g->pad_end[i]);
    return text;
}

struct oracle_place oracle_place_of(const struct output_grid *grid, size_t index) {
    struct oracle_place p;
    size_t channels = (size_t)grid->channels, rows = (size_t)grid->rows;
    size_t within = grid->block ? index % grid->block : 0; /* [batch][groups][channels/B][rows][inner][B] */
    if (grid->block) {
        index /= grid->block;
        channels /= grid->block;
    }
    if (grid->layout == CONV_CHANNELS_FIRST) { /* [batch][groups][channels][rows][inner] */
        p.inner = index % grid->inner;
        p.row = (int64_t)(index / grid->inner % rows);
        p.channel = (int64_t)(index / (grid->inner * rows) % channels);
        p.group = index / (grid->inner * rows * channels) % grid->groups;
    } else { /* [batch][rows][inner][groups][channels] */
        p.channel = (int64_t)(index % channels);
        p.group = index / channels % grid->groups;
        p.inner = index / (channels * grid->groups) % grid->inner;
        p.row = (int64_t)(index / (channels * grid->groups * grid->inner) % rows);
    }
    p.batch = index / (channels * grid->groups * grid->inner * rows);
    if (grid->block)
        p.channel = p.channel * grid->block + (int64_t)within;
    p.a = (uint32_t)(p.row / grid->part_rows);
    p.b = (uint32_t)(p.channel / grid->part_channels);
    return p;
}

size_t oracle_channel(const struct output_grid *grid, const struct oracle_place *place) {
    return place->group * (size_t)grid->channels + (size_t)place->channel;
}

size_t oracle_answer_index(const struct output_grid *grid, uint32_t filter_pieces, uint32_t r, uint32_t s,
                           const struct oracle_place *place) {
    size_t m = (size_t)grid->part_channels, h = (size_t)grid->part_rows;
    size_t row = (size_t)place->row % h, channel = (size_t)place->channel % m,
           image = r * grid->batch + place->batch;
    size_t column = (place->group * filter_pieces + s) * m + channel;
    size_t block = grid->block;
    if (block)
        return (((image * grid->groups * filter_pieces * m + column) / block * h + row) * grid->inner +
                place->inner) *
                   block +
               column % block;
    if (grid->layout == CONV_CHANNELS_FIRST)
        return ((image * grid->groups * filter_pieces * m + column) * h + row) * grid->inner + place->inner;
    return ((image * h + row) * grid->inner + place->inner) * grid->groups * filter_pieces * m + column;
}
