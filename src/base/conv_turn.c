#include "base/conv_turn.h"

#include <string.h>

/* [outer][rows][columns][run bytes] to [outer][columns][rows][run bytes]. */
struct exchange {
    size_t outer, rows, columns, run;
};

static void exchange(const struct exchange *e, const char *from, char *to) {
    for (size_t o = 0; o < e->outer; o++)
        for (size_t column = 0; column < e->columns; column++)
            for (size_t row = 0; row < e->rows; row++, to += e->run)
                memcpy(to, from + ((o * e->rows + row) * e->columns + column) * e->run, e->run);
}

bool conv_may_turn(const struct conv_geometry *geometry) {
    return geometry->spatial >= 2;
}

static void swap(int64_t *axes) {
    const int64_t first = axes[0];
    axes[0] = axes[1];
    axes[1] = first;
}

void conv_turn(struct conv_geometry *g) {
    swap(g->in);
    swap(g->kernel);
    swap(g->stride);
    swap(g->dilation);
    swap(g->pad_begin);
    swap(g->pad_end);
    swap(g->out);
}

/* What lies together at a place: the axes behind the first two, and the channels that lie behind them. */
static size_t run_of(const struct conv_geometry *g, const int64_t *sizes, int64_t channels, uint32_t block) {
    size_t run = g->layout == CONV_CHANNELS_LAST ? (size_t)channels : block ? block : 1;
    for (uint32_t axis = 2; axis < g->spatial; axis++)
        run *= (size_t)sizes[axis];
    return run;
}

static size_t outer_of(const struct conv_geometry *g, int64_t channels, uint32_t block) {
    const size_t together = g->layout == CONV_CHANNELS_LAST ? (size_t)channels : block ? block : 1;
    return (size_t)(g->batch * channels) / together;
}

void conv_turn_input(const struct conv_geometry *g, size_t element, const void *from, void *to) {
    exchange(&(struct exchange){.outer = outer_of(g, g->in_channels, g->in_block),
                                .rows = (size_t)g->in[1],
                                .columns = (size_t)g->in[0],
                                .run = element * run_of(g, g->in, g->in_channels, g->in_block)},
             from, to);
}

void conv_turn_filters(const struct conv_geometry *g, size_t element, const void *from, void *to) {
    size_t run = element;
    for (uint32_t axis = 2; axis < g->spatial; axis++)
        run *= (size_t)g->kernel[axis];
    exchange(&(struct exchange){.outer = (size_t)(g->out_channels * (g->in_channels / g->groups)),
                                .rows = (size_t)g->kernel[1],
                                .columns = (size_t)g->kernel[0],
                                .run = run},
             from, to);
}

void conv_turn_output(const struct conv_geometry *g, size_t element, const void *from, void *to) {
    exchange(&(struct exchange){.outer = outer_of(g, g->out_channels, g->out_block),
                                .rows = (size_t)g->out[0],
                                .columns = (size_t)g->out[1],
                                .run = element * run_of(g, g->out, g->out_channels, g->out_block)},
             from, to);
}
