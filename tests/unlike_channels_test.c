/* Layers whose output channels are of unlike size, as batch normalisation that is folded into convolutions
 * makes them: every channel is decoded to about its own size, with any two of ten workers gone. Prints the
 * errors without equilibration beside it (docs/scheme.md). */
#include "coding_tally.h"
#include "conv_oracle.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WORKERS = 10, STRAGGLERS = 2, LAYERS = 600 / CODING_REDUCTION };

#define DECADES 6 /* the sizes of all channels but the first are 10^-u, u uniform in [0,DECADES] */

/* What is allowed of max|error of channel c| / max(|K_c| * |x|), κ being at most 10.1. */
static const struct {
    convoy_dtype half;
    double most;
} frames[] = {{0, 1e-5}, {CONVOY_F16, 5e-3}};

static const char *const kinds[] = {"plain", "grouped", "product"};

static size_t kind_of(const struct conv_geometry *g) {
    return g->groups > 1 ? 1 : g->layout == CONV_CHANNELS_LAST && g->kernel[0] == 1 ? 2 : 0;
}

/* 1 or an even number beyond 2, up to `most`. */
static uint32_t random_parts(struct random *random, int64_t most) {
    uint32_t parts = 2 + 2 * (uint32_t)random_below(random, 8);
    return parts == 2 || parts > most ? 1 : parts;
}

/* A random layer, cut so that its threshold is at most n - γ and more than one. */
static void random_setup(struct random *random, struct pipeline_setup *setup) {
    uint32_t threshold;
    do {
        *setup = (struct pipeline_setup){.family = "rotation", .dtype = CONVOY_F32};
        oracle_random_geometry(random, &setup->layer);
        oracle_random_blocks(random, &setup->layer);
        setup->input_parts = random_parts(random, setup->layer.out[0]);
        setup->filter_parts = random_parts(random, setup->layer.out_channels / setup->layer.groups);
        threshold = (setup->input_parts > 1 ? setup->input_parts / 2 : 1) *
                    (setup->filter_parts > 1 ? setup->filter_parts / 2 : 1);
    } while (threshold < 2 || threshold > WORKERS - STRAGGLERS ||
             !oracle_cut_fits(&setup->layer, setup->filter_parts));
    setup->placement = coding_placement(true, WORKERS, STRAGGLERS);
}

static void scale_channels(struct pipeline *p, struct random *random) {
    size_t channels = (size_t)p->setup.layer.out_channels, each = p->filters / channels;
    for (size_t c = 0; c < channels; c++) {
        double size = c ? pow(10, -DECADES * random_unit(random)) : 1;
        for (size_t i = c * each; i < (c + 1) * each; i++)
            oracle_set(p->setup.dtype, p->k, i, oracle_get(p->setup.dtype, p->k, i) * size);
    }
}

/* sizes[c] = max(|K_c| * |x|) of every output channel. */
static void channel_sizes(const struct pipeline *p, double *sizes) {
    double *x = test_memory(p->inputs, sizeof *x), *k = test_memory(p->filters, sizeof *k),
           *y = test_memory(p->outputs, sizeof *y);
    for (size_t i = 0; i < p->inputs; i++)
        x[i] = fabs(oracle_get(p->setup.dtype, p->x, i));
    for (size_t i = 0; i < p->filters; i++)
        k[i] = fabs(oracle_get(p->setup.dtype, p->k, i));
    oracle_convolve(&p->setup.layer, CONVOY_F64, x, k, y);
    for (size_t i = 0; i < p->outputs; i++) {
        struct oracle_place place = oracle_place_of(&p->partition.output, i);
        size_t c = oracle_channel(&p->partition.output, &place);
        sizes[c] = fmax(sizes[c], y[i]);
    }
    free(x);
    free(k);
    free(y);
}

/* The largest error of a channel relative to its size, decoded from δ random workers. */
static double channel_error(struct pipeline *p, const double *sizes, bool unequal,
                            const uint32_t *survivors) {
    double worst = 0;
    float *out = test_memory(p->outputs, sizeof *out);
    p->setup.unequal = unequal;
    pipeline_compute(p);
    pipeline_decode(p, survivors, WORKERS - STRAGGLERS, NULL, NULL, out);
    for (size_t i = 0; i < p->outputs; i++) {
        struct oracle_place place = oracle_place_of(&p->partition.output, i);
        double size = sizes[oracle_channel(&p->partition.output, &place)];
        double error = fabs((double)out[i] - p->y[i]);
        if (error > 0 || !isfinite(error))
            worst = fmax(worst, size > 0 && isfinite(error) ? error / size : INFINITY);
    }
    free(out);
    return worst;
}

static void check_frames(convoy_dtype half, double most) {
    struct random random;
    double before[3] = {0}, after[3] = {0};
    int layers[3] = {0};
    random_seed(&random, CODING_SEED);
    for (int i = 0; i < LAYERS; i++) {
        struct pipeline_setup setup;
        struct pipeline p;
        uint32_t survivors[WORKERS];
        random_setup(&random, &setup);
        setup.half = half;
        pipeline_create(&p, &setup, &random);
        scale_channels(&p, &random);
        double *sizes = test_memory((size_t)setup.layer.out_channels, sizeof *sizes);
        channel_sizes(&p, sizes);
        random_survivors(&random, WORKERS, WORKERS - STRAGGLERS, survivors);
        size_t kind = kind_of(&setup.layer);
        double without = channel_error(&p, sizes, true, survivors);
        double with = channel_error(&p, sizes, false, survivors);
        before[kind] = fmax(before[kind], without);
        after[kind] = fmax(after[kind], with);
        layers[kind]++;
        char text[512];
        if (!(with <= most))
            fail_msg("error %.3g of a channel, seed %d, layer %d, %s", with, CODING_SEED, i,
                     pipeline_text(&p, text, sizeof text));
        free(sizes);
        pipeline_destroy(&p);
    }
    for (int kind = 0; kind < 3; kind++) {
        print_message("seed %d, frames of %s, %d %s layers: largest error of a channel %.2g without "
                      "equilibration, %.2g with it (allowed %.1g)%s\n",
                      CODING_SEED, convoy_dtype_text(half ? half : CONVOY_F32), layers[kind], kinds[kind],
                      before[kind], after[kind], most,
                      CODING_REDUCTION > 1 ? "; REDUCED, since a sanitizer is on" : "");
        assert_true(layers[kind] > 0 && before[kind] > most); /* else nothing was tested */
    }
}

static void test_float32(void **state) {
    (void)state;
    check_frames(frames[0].half, frames[0].most);
}

static void test_float16(void **state) {
    (void)state;
    check_frames(frames[1].half, frames[1].most);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_float32), cmocka_unit_test(test_float16)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
