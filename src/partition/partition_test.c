/* Slicings of random layers, computed part by part with the naive convolution and put together again, are the
 * layer, bit by bit: the data are small whole numbers, so every sum is exact. */
#include "partition/partition.h"

#include "conv_oracle.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEED     1
#define SLICINGS 4000

static size_t elements(convoy_shape shape) {
    size_t product = 1;
    for (uint32_t i = 0; i < shape.rank; i++)
        product *= (size_t)shape.dims[i];
    return product;
}

static double *doubles(size_t count) {
    double *data = calloc(count, sizeof *data);
    assert_non_null(data);
    return data;
}

static double *whole_numbers(struct random *random, size_t count) {
    double *data = doubles(count);
    for (size_t i = 0; i < count; i++)
        data[i] = (double)random_below(random, 17) - 8;
    return data;
}

/* Window a of source, dense. */
static void copy_window(const struct axis_cut *cut, uint32_t a, const double *source, double *window) {
    for (size_t o = 0; o < cut->outer; o++) {
        for (int64_t i = 0; i < cut->length; i++) {
            int64_t from = cut->first + a * cut->step + i;
            for (size_t t = 0; t < cut->inner; t++)
                *window++ = from < 0 || from >= cut->extent
                                ? 0
                                : source[(o * (size_t)cut->extent + (size_t)from) * cut->inner + t];
        }
    }
}

/* The operands of a task on input parts a, a+1, ... and filter parts b, b+1, ...; parts past the last are
 * zeros. */
static void gather_pieces(const struct partition *p, uint32_t a, uint32_t input_pieces, uint32_t b,
                          uint32_t filter_pieces, const double *x, const double *k, double *task_x,
                          double *task_k) {
    size_t slice = p->input.outer * (size_t)p->input.length * p->input.inner;
    size_t group = (size_t)p->filter.length * p->filter.inner;
    double *part = doubles(p->filter.outer * group);
    for (uint32_t r = 0; r < input_pieces && a + r < p->input_parts; r++)
        copy_window(&p->input, a + r, x, task_x + r * slice);
    for (uint32_t s = 0; s < filter_pieces && b + s < p->filter_parts; s++) {
        copy_window(&p->filter, b + s, k, part);
        for (size_t g = 0; g < p->filter.outer; g++) /* to [group][piece][m] */
            memcpy(task_k + (g * filter_pieces + s) * group, part + g * group, group * sizeof *part);
    }
    free(part);
}

/* All parts of the layer, computed in tasks of so many pieces each, put together. */
static void compute_in_parts(const struct partition *p, uint32_t input_pieces, uint32_t filter_pieces,
                             const double *x, const double *k, double *y) {
    struct conv_geometry task;
    assert_int_equal(partition_task(p, input_pieces, filter_pieces, &task, NULL), CONVOY_OK);
    assert_int_equal(task.out[0], p->part_rows);
    size_t outputs = elements(conv_output_shape(&p->layer));
    for (uint32_t a = 0; a < p->input_parts; a += input_pieces) {
        for (uint32_t b = 0; b < p->filter_parts; b += filter_pieces) {
            double *task_x = doubles(elements(conv_input_shape(&task)));
            double *task_k = doubles(elements(conv_filter_shape(&task)));
            double *answer = doubles(elements(conv_output_shape(&task)));
            gather_pieces(p, a, input_pieces, b, filter_pieces, x, k, task_x, task_k);
            oracle_convolve(&task, CONVOY_F64, task_x, task_k, answer);
            for (size_t i = 0; i < outputs; i++) {
                struct oracle_place place = oracle_place_of(&p->output, i);
                if (place.a - a < input_pieces && place.b - b < filter_pieces) /* unsigned: not before a, b */
                    y[i] = answer[oracle_answer_index(&p->output, filter_pieces, place.a - a, place.b - b,
                                                      &place)];
            }
            free(task_x);
            free(task_k);
            free(answer);
        }
    }
}

/* What the random slicings met, so that the test cannot pass by not looking. */
struct seen {
    int surplus_rows, surplus_slices, surplus_channels, gaps, grouped, last, blocked, batched;
};

static void note(struct seen *seen, const struct partition *p) {
    const struct conv_geometry *g = &p->layer;
    seen->surplus_rows += p->input_parts * p->part_rows > g->out[0];
    seen->surplus_slices += (p->input_parts - 1) * p->part_rows >= g->out[0];
    seen->surplus_channels += p->filter_parts * p->part_channels > p->output.channels;
    seen->gaps += p->input_parts > 1 && p->input.step > p->slice_rows;
    seen->grouped += g->groups > 1;
    seen->last += g->layout == CONV_CHANNELS_LAST;
    seen->blocked += g->out_block != 0;
    seen->batched += g->batch > 1;
}

static void test_parts_make_the_layer(void **state) {
    (void)state;
    struct random random;
    struct seen seen = {0};
    random_seed(&random, SEED);
    for (int i = 0; i < SLICINGS; i++) {
        struct conv_geometry g;
        struct partition p;
        oracle_random_geometry(&random, &g);
        oracle_random_blocks(&random, &g);
        uint32_t a = 1 + (uint32_t)random_below(&random, (uint64_t)g.out[0]), b;
        do
            b = 1 + (uint32_t)random_below(&random, (uint64_t)(g.out_channels / g.groups));
        while (!oracle_cut_fits(&g, b));
        assert_int_equal(partition_create(&p, &g, a, b, NULL), CONVOY_OK);
        note(&seen, &p);
        size_t outputs = elements(conv_output_shape(&g));
        double *x = whole_numbers(&random, elements(conv_input_shape(&g)));
        double *k = whole_numbers(&random, elements(conv_filter_shape(&g)));
        double *whole = doubles(outputs), *parts = doubles(outputs);
        oracle_convolve(&g, CONVOY_F64, x, k, whole);
        compute_in_parts(&p, 1 + (uint32_t)random_below(&random, 2),
                         b == 1 ? 1 : 1 + (uint32_t)random_below(&random, 2), x, k, parts);
        char text[256];
        if (memcmp(whole, parts, outputs * sizeof *whole) != 0)
            fail_msg("seed %d, slicing %d, parts %u,%u: %s", SEED, i, a, b,
                     oracle_geometry_text(&g, text, sizeof text));
        free(x);
        free(k);
        free(whole);
        free(parts);
    }
    print_message("seed %d, %d slicings: %d with surplus rows, %d with surplus slices, %d with surplus "
                  "channels, %d with gaps, "
                  "%d grouped, %d channels-last, %d in blocks, %d batched\n",
                  SEED, SLICINGS, seen.surplus_rows, seen.surplus_slices, seen.surplus_channels, seen.gaps,
                  seen.grouped, seen.last, seen.blocked, seen.batched);
    const int *counts = (const int *)&seen;
    for (size_t i = 0; i < sizeof seen / sizeof *counts; i++)
        assert_true(counts[i] > SLICINGS / 100);
}

/* A 2-D layer of H' output rows (kernel 1) and N output channels. */
static struct conv_geometry layer_of(int64_t rows, int64_t channels, int64_t groups) {
    struct conv_geometry g = {.spatial = 2,
                              .batch = 1,
                              .groups = groups,
                              .in_channels = groups,
                              .out_channels = channels,
                              .in = {rows, 3},
                              .kernel = {1, 1},
                              .stride = {1, 1},
                              .dilation = {1, 1}};
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_OK);
    return g;
}

static void test_what_is_admitted(void **state) {
    (void)state;
    static const struct {
        int rows, channels, groups;
        uint32_t a, b;
        bool paired, admitted;
    } cases[] = {
        {13, 16, 1, 1, 1, true, true},   {13, 16, 1, 2, 1, true, true},   {13, 16, 1, 3, 1, true, false},
        {13, 16, 1, 3, 1, false, true},  {13, 16, 1, 4, 1, true, true},   {13, 16, 1, 6, 1, true, true},
        {13, 16, 1, 8, 1, true, true},   {13, 16, 1, 10, 1, true, false}, {13, 16, 1, 12, 1, true, false},
        {13, 16, 1, 14, 1, true, false}, {13, 16, 1, 13, 1, false, true}, {13, 16, 1, 8, 1, false, false},
        {13, 16, 1, 7, 1, false, true},  {1, 16, 1, 1, 16, true, true},   {1, 16, 1, 2, 1, true, false},
        {1, 16, 1, 1, 18, true, false},  {1, 16, 1, 1, 15, true, false},  {1, 16, 1, 1, 15, false, true},
        {1, 10, 1, 1, 8, true, true},    {9, 16, 16, 1, 1, true, true},   {9, 16, 16, 1, 2, true, false},
        {9, 16, 4, 1, 4, true, true},    {9, 16, 4, 1, 6, true, false},   {2, 16, 1, 2, 1, false, true},
        {9, 16, 1, 0, 1, true, false},   {9, 16, 1, 1, 0, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct conv_geometry g = layer_of(cases[i].rows, cases[i].channels, cases[i].groups);
        const char *why = partition_refusal(&g, cases[i].a, cases[i].b, cases[i].paired ? 2 : 1);
        if ((why == NULL) != cases[i].admitted)
            fail_msg("case %zu: %s", i, why ? why : "admitted");
    }
}

static void test_wrong_parts_are_errors(void **state) {
    (void)state;
    static const uint32_t wrong[][2] = {{0, 1}, {1, 0}, {14, 1}, {1, 17}, {UINT32_MAX, UINT32_MAX}};
    struct conv_geometry g = layer_of(13, 16, 1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct partition p = {.part_rows = -7};
        convoy_error error = {0};
        assert_int_equal(partition_create(&p, &g, wrong[i][0], wrong[i][1], &error), CONVOY_E_USAGE);
        assert_int_equal(p.part_rows, -7);
        assert_non_null(strstr(error.message, "1 to 13 slices and 1 to 16 filter groups"));
    }
}

/* The surplus of a slicing can be a tensor that no memory holds: that is found before anything is allocated.
 */
static void test_task_too_large(void **state) {
    (void)state;
    struct conv_geometry g = layer_of(13, 16, 1);
    struct partition p;
    assert_int_equal(partition_create(&p, &g, 2, 1, NULL), CONVOY_OK);
    p.slice_rows = INT64_MAX;
    struct conv_geometry task = {.batch = -7};
    assert_int_equal(partition_task(&p, 2, 1, &task, NULL), CONVOY_E_INPUT);
    assert_int_equal(task.batch, -7);
}

/* The costs are the sizes of what a task reads, holds and writes. */
static void test_costs(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED + 1);
    for (int i = 0; i < 300; i++) {
        struct conv_geometry g, task;
        struct partition p;
        oracle_random_geometry(&random, &g);
        oracle_random_blocks(&random, &g);
        uint32_t a = 1 + (uint32_t)random_below(&random, (uint64_t)g.out[0]), b;
        do
            b = 1 + (uint32_t)random_below(&random, (uint64_t)(g.out_channels / g.groups));
        while (!oracle_cut_fits(&g, b));
        uint32_t r = 1 + (uint32_t)random_below(&random, 2);
        uint32_t s = b == 1 ? 1 : 1 + (uint32_t)random_below(&random, 2); /* what is not cut is one piece */
        assert_int_equal(partition_create(&p, &g, a, b, NULL), CONVOY_OK);
        assert_int_equal(partition_task(&p, r, s, &task, NULL), CONVOY_OK);
        struct partition_cost cost = partition_cost(&p, r, s);
        assert_true(cost.up == (double)elements(conv_input_shape(&task)));
        assert_true(cost.down == (double)elements(conv_output_shape(&task)));
        assert_true(cost.stored == (double)elements(conv_filter_shape(&task)));
        assert_true(cost.macs == (double)conv_macs(&task));
    }
    /* AlexNet's third layer by hand, k_A = 4, k_B = 8: 4 slices of 4 rows each read 6, and 8 groups hold 48
     * channels. */
    struct conv_geometry g = {.spatial = 2,
                              .batch = 1,
                              .groups = 1,
                              .in_channels = 192,
                              .out_channels = 384,
                              .in = {13, 13},
                              .kernel = {3, 3},
                              .stride = {1, 1},
                              .dilation = {1, 1},
                              .pad_begin = {1, 1},
                              .pad_end = {1, 1}};
    struct partition p;
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_OK);
    assert_int_equal(partition_create(&p, &g, 4, 8, NULL), CONVOY_OK);
    struct partition_cost cost = partition_cost(&p, 2, 2);
    assert_true(cost.up == 2 * 192 * 6 * 13);
    assert_true(cost.down == 4 * 48 * 4 * 13);
    assert_true(cost.stored == 2 * 48 * 192 * 9);
    assert_true(cost.macs == 4.0 * 48 * 4 * 13 * 192 * 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_make_the_layer),
        cmocka_unit_test(test_what_is_admitted),
        cmocka_unit_test(test_wrong_parts_are_errors),
        cmocka_unit_test(test_task_too_large),
        cmocka_unit_test(test_costs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
