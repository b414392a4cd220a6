#include "base/error.h"
#include "base/random.h"
#include "study/coded_error.h"
#include "study/double_conv.h"

#include <math.h>
#include <stdlib.h>

/* A product of M rows by a matrix is a convolution of kernel 1 over M positions. */
static convoy_status as_map(struct conv_geometry *g, convoy_error *error) {
    if (g->groups == 1 && g->batch == 1 && g->layout == CONV_CHANNELS_FIRST && g->spatial == 2 &&
        g->in_block == 0 && g->out_block == 0)
        return CONVOY_OK;
    if (g->layout != CONV_CHANNELS_LAST || g->spatial != 1 || g->in[0] != 1 || g->groups != 1 ||
        g->batch != 1)
        return error_set(error, CONVOY_E_UNSUPPORTED, "the studies code layers of two axes and one group");
    g->layout = CONV_CHANNELS_FIRST;
    g->spatial = 2;
    return conv_geometry_complete(g, error);
}

static void draw(struct study_operands *o, bool unlike, uint64_t seed) {
    const struct conv_geometry *g = &o->layer;
    const size_t each = o->filters / (size_t)g->out_channels;
    struct random random;
    random_seed(&random, seed);
    for (size_t i = 0; i < o->inputs; i++)
        o->x[i] = o->narrow_x[i] = (float)random_normal(&random);
    for (size_t c = 0; c < (size_t)g->out_channels; c++) {
        const double size = (unlike ? pow(10, -6 * random_unit(&random)) : 1) / sqrt((double)each);
        for (size_t i = c * each; i < (c + 1) * each; i++)
            o->k[i] = o->narrow_k[i] = (float)(size * random_normal(&random));
    }
}

convoy_status study_operands_create(struct study_operands *operands, const struct conv_geometry *layer,
                                    bool unlike, uint64_t seed, convoy_error *error) {
    struct study_operands o = {.layer = *layer};
    struct conv_geometry *g = &o.layer;
    convoy_status status = as_map(g, error);
    if (status != CONVOY_OK)
        return status;
    o.inputs = (size_t)(g->in_channels * g->in[0] * g->in[1]);
    o.filters = (size_t)(g->out_channels * g->in_channels * g->kernel[0] * g->kernel[1]);
    o.outputs = (size_t)(g->out_channels * g->out[0] * g->out[1]);
    o.narrow_x = malloc(o.inputs * sizeof *o.narrow_x);
    o.narrow_k = malloc(o.filters * sizeof *o.narrow_k);
    o.x = malloc(o.inputs * sizeof *o.x);
    o.k = malloc(o.filters * sizeof *o.k);
    o.y = malloc(o.outputs * sizeof *o.y);
    status = o.narrow_x && o.narrow_k && o.x && o.k && o.y ? CONVOY_OK : CONVOY_E_MEMORY;
    if (status == CONVOY_OK) {
        draw(&o, unlike, seed);
        status = double_conv(g, o.x, o.k, o.y);
    }
    if (status == CONVOY_OK) {
        *operands = o;
        return CONVOY_OK;
    }
    study_operands_destroy(&o);
    return error_memory(error);
}

void study_operands_destroy(struct study_operands *o) {
    free(o->narrow_x);
    free(o->narrow_k);
    free(o->x);
    free(o->k);
    free(o->y);
    *o = (struct study_operands){0};
}
