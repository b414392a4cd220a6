/* Projections over random layers, in every layout, code and type: right answers project to what they must,
 * and an element that is wrong shows. */
#include "code/projection.h"

#include "base/half.h"
#include "coding_tally.h"
#include "conv_oracle.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LAYERS = 400 / CODING_REDUCTION, WORKERS = 6 };

/* The combination of a few channels may happen to cancel at all positions, so that it is small beside what it
 * is made of, and its rounding large beside it: of two channels that are alike, say. */
enum { FEW_CHANNELS = 8, FEW_FACTOR = 1000 };

/* How far right answers may be off: some tens of roundings of their type. */
static const struct {
    convoy_dtype frames;
    double most;
} types[] = {{CONVOY_F32, 0x1p-24 * 40}, {CONVOY_F16, 0x1p-12 * 40}, {CONVOY_BF16, 0x1p-9 * 40}};

/* A random layer and code; false if it cannot be cut so. */
static bool pipeline_of(struct pipeline *p, uint32_t i, convoy_dtype frames, struct random *random) {
    static const struct {
        const char *family;
        uint32_t input_parts, filter_parts;
    } codes[] = {{"rotation", 4, 4},  {"rotation", 8, 1},  {"rotation", 1, 8},  {"rotation", 2, 4},
                 {"replicate", 3, 2}, {"replicate", 1, 5}, {"replicate", 4, 1}, {"replicate", 1, 1}};
    const size_t c = i % (sizeof codes / sizeof *codes);
    struct pipeline_setup setup = {.family = codes[c].family,
                                   .placement = coding_placement(i % 2, WORKERS, 2),
                                   .input_parts = codes[c].input_parts,
                                   .filter_parts = codes[c].filter_parts,
                                   .dtype = CONVOY_F32,
                                   .half = frames == CONVOY_F32 ? 0 : frames};
    oracle_random_geometry(random, &setup.layer);
    oracle_random_blocks(random, &setup.layer);
    const struct conv_geometry *g = &setup.layer;
    if (setup.input_parts > g->out[0] || setup.filter_parts > g->out_channels / g->groups ||
        !oracle_cut_fits(g, setup.filter_parts))
        return false;
    pipeline_create(p, &setup, random);
    return true;
}

/* The convolution of the projection, by the oracle. */
static void fill(struct projected *projected, const struct projection *projection, const struct pipeline *p) {
    const struct conv_geometry *conv = &projection->conv;
    convoy_shape shape = conv_filter_shape(conv);
    size_t count = 1;
    for (uint32_t i = 0; i < shape.rank; i++)
        count *= (size_t)shape.dims[i];
    float *filters = test_memory(count, sizeof *filters);
    projection_filters(projection, p->k, p->factors, filters);
    assert_int_equal(projected_reserve(projected, projection), CONVOY_OK);
    oracle_convolve(conv, CONVOY_F32, p->x, filters, projected->output);
    assert_true(projected_take(projected, projection));
    free(filters);
}

/* Adds to one element of an answer; returns the root mean square of all. */
static double change(const struct pipeline *p, uint32_t worker, convoy_dtype frames, double size,
                     struct random *random) {
    convoy_tensor answer = {.dtype = frames, .data = p->answers[worker]};
    double squares = 0;
    for (size_t i = 0; i < p->answer_elements; i++)
        squares += convoy_tensor_element(&answer, i) * convoy_tensor_element(&answer, i);
    const double rms = sqrt(squares / (double)p->answer_elements);
    const size_t at = random_below(random, p->answer_elements);
    const float value = (float)(convoy_tensor_element(&answer, at) + size * rms);
    if (frames == CONVOY_F32)
        ((float *)answer.data)[at] = value;
    else
        ((uint16_t *)answer.data)[at] = frames == CONVOY_F16 ? f16_of(value) : bf16_of(value);
    return rms;
}

static void expect_checked(const struct pipeline *p, convoy_dtype frames, double most, double *largest,
                           struct random *random) {
    const struct output_grid *grid = &p->partition.output;
    const bool few = (int64_t)grid->groups * grid->part_channels < FEW_CHANNELS;
    struct projection projection;
    struct projected projected = {0};
    char text[512];
    assert_int_equal(
        projection_create(&projection, &p->setup.layer, &p->partition.output, &p->code, random, NULL),
        CONVOY_OK);
    fill(&projected, &projection, p);
    for (uint32_t w = 0; w < WORKERS; w++) {
        const double right = projected_deviation(&projected, &projection, w, frames, p->answers[w]);
        if (!(right <= (few ? FEW_FACTOR * most : most)))
            fail_msg("a right answer is off by %g: %s", right, pipeline_text(p, text, sizeof text));
        if (!few)
            *largest = fmax(*largest, right);
        if (change(p, w, frames, 8, random) == 0)
            continue; /* a part that is surplus alone */
        const double wrong = projected_deviation(&projected, &projection, w, frames, p->answers[w]);
        if (!(wrong > 2 * right && wrong > 2 * most))
            fail_msg("a wrong answer is off by %g: %s", wrong, pipeline_text(p, text, sizeof text));
    }
    projected_clear(&projected);
    projection_clear(&projection);
}

static void test_layers(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, CODING_SEED);
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        uint32_t layers = 0;
        double largest = 0;
        for (uint32_t i = 0; layers < LAYERS; i++) {
            struct pipeline p;
            if (!pipeline_of(&p, i, types[t].frames, &random))
                continue;
            expect_checked(&p, types[t].frames, types[t].most, &largest, &random);
            pipeline_destroy(&p);
            layers++;
        }
        print_message("seed %d, %s, %u layers: right answers are off by %.3g at most\n", CODING_SEED,
                      convoy_dtype_text(types[t].frames), layers, largest);
    }
}

/* What is not finite is never taken for right, and never for what is expected. */
static void test_not_finite(void **state) {
    (void)state;
    struct random random;
    struct pipeline p;
    struct projection projection;
    struct projected projected = {0};
    random_seed(&random, CODING_SEED);
    while (!pipeline_of(&p, 0, CONVOY_F32, &random))
        continue;
    assert_int_equal(
        projection_create(&projection, &p.setup.layer, &p.partition.output, &p.code, &random, NULL),
        CONVOY_OK);
    fill(&projected, &projection, &p);
    const float values[] = {NAN, INFINITY, -INFINITY, 3e38F};
    for (int i = 0; i < 4; i++) {
        ((float *)p.answers[i])[0] = values[i];
        double off = projected_deviation(&projected, &projection, (uint32_t)i, CONVOY_F32, p.answers[i]);
        assert_true(off > 1e3);
    }
    projected.output[0] = NAN;
    assert_false(projected_take(&projected, &projection));
    projected_clear(&projected);
    projection_clear(&projection);
    pipeline_destroy(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_layers), cmocka_unit_test(test_not_finite)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
