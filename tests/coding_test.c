/* The coding scheme as a whole: a layer that is cut, encoded, computed by its workers and decoded from some
 * of them is the layer, within C·κ·ε (the table of C is at the head of coding_tally.c). */
#include "coding_tally.h"
#include "conv_oracle.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    SETS = 200 / CODING_REDUCTION,           /* seeded survivor sets of each large cluster */
    RANDOM_LAYERS = 20000 / CODING_REDUCTION /* decoded once each */
};

static uint32_t rotation_threshold(uint32_t input_parts, uint32_t filter_parts) {
    return (input_parts > 1 ? input_parts / 2 : 1) * (filter_parts > 1 ? filter_parts / 2 : 1);
}

static void tally_every_set(struct tally *tally, const struct pipeline *p) {
    uint32_t workers[8];
    void *out = test_memory(p->outputs, sizeof(double));
    for (uint32_t set = 1; set < 1u << p->code.placement.workers; set++)
        if (set_members(set, workers) == p->code.threshold)
            tally_survivors(tally, p, workers, p->code.threshold, 0, out);
    free(out);
}

/* Every (k_A,k_B) with δ <= 8, every n from δ to 8, both placements, both types: every set of δ survivors. k
 * = 1, k = 2 and (1,1) are among them. */
static void test_rotation_every_survivor_set(void **state) {
    (void)state;
    struct tally tally = {0};
    struct random random;
    uint32_t kind = 0;
    random_seed(&random, CODING_SEED);
    for (uint32_t code = 0; code < 9 * 9 * 8 * 2 * CODING_DTYPES; code++) {
        uint32_t a = code % 9 ? 2 * (code % 9) : 1, b = code / 9 % 9 ? 2 * (code / 9 % 9) : 1;
        uint32_t workers = code / 81 % 8 + 1, threshold = rotation_threshold(a, b);
        if (threshold > workers)
            continue;
        struct pipeline_setup setup = {.family = "rotation",
                                       .placement =
                                           coding_placement(code / 648 % 2, workers, workers - threshold),
                                       .input_parts = a,
                                       .filter_parts = b,
                                       .dtype = coding_tolerances[code / 1296].dtype,
                                       .layer = coding_layer(kind++)};
        struct pipeline p;
        pipeline_create(&p, &setup, &random);
        assert_int_equal(p.code.threshold, threshold);
        tally_every_set(&tally, &p);
        pipeline_destroy(&p);
    }
    tally_print(&tally);
}

/* Whether one holder of each part is in the set, by the definition: worker j holds part j mod k. */
static bool holds_all_parts(const struct pipeline *p, const uint32_t *workers, uint32_t count) {
    uint32_t parts = p->setup.input_parts * p->setup.filter_parts, held = 0;
    for (uint32_t i = 0; i < count; i++)
        held |= 1u << workers[i] % parts;
    return held == (1u << parts) - 1;
}

/* Every set of any size either suffices and gives the layer, or is refused. Returns how many were refused. */
static uint32_t tally_every_size(struct tally *tally, const struct pipeline *p) {
    uint32_t workers[8], refused = 0;
    void *out = test_memory(p->outputs, sizeof(double));
    for (uint32_t set = 1; set < 1u << p->code.placement.workers; set++) {
        uint32_t count = set_members(set, workers);
        bool enough = holds_all_parts(p, workers, count);
        struct code_solution *solution = NULL;
        assert_int_equal(code_suffices(&p->code, workers, count), enough);
        assert_true(enough || count < p->code.threshold);
        if (enough)
            tally_survivors(tally, p, workers, count, 0, out);
        else
            assert_int_equal(code_solve(&p->code, workers, count, &solution), CONVOY_E_USAGE);
        refused += !enough;
    }
    free(out);
    return refused;
}

static void test_plain_families_every_survivor_set(void **state) {
    (void)state;
    static const char *const names[] = {"replicate", "uncoded"};
    struct tally tally = {0};
    struct random random;
    uint32_t kind = 0, refused = 0;
    random_seed(&random, CODING_SEED);
    for (uint32_t code = 0; code < 8 * 8 * 8 * 2 * CODING_DTYPES; code++) {
        uint32_t a = code % 8 + 1, b = code / 8 % 8 + 1, workers = code / 64 % 8 + 1,
                 uncoded = code / 512 % 2;
        if (uncoded ? a * b != workers : a * b > workers)
            continue;
        struct pipeline_setup setup = {.family = names[uncoded],
                                       .placement = placement_plain(workers),
                                       .input_parts = a,
                                       .filter_parts = b,
                                       .dtype = coding_tolerances[code / 1024].dtype,
                                       .layer = coding_layer(kind++)};
        struct pipeline p;
        pipeline_create(&p, &setup, &random);
        refused += tally_every_size(&tally, &p);
        pipeline_destroy(&p);
    }
    tally_print(&tally);
    assert_true(refused > 0);
}

/* Survivors are `threshold` neighbours among the workers, from `first` on, ascending. */
static void neighbours(uint32_t first, uint32_t threshold, uint32_t workers, uint32_t *survivors) {
    uint32_t wrapped = first + threshold > workers ? first + threshold - workers : 0;
    for (uint32_t i = 0; i < threshold; i++)
        survivors[i] = i < wrapped ? i : first + i - wrapped;
}

static void tally_large_cluster(struct tally *tally, const struct pipeline *p, bool windows,
                                struct random *random) {
    uint32_t workers = p->code.placement.workers, threshold = p->code.threshold, survivors[256];
    void *out = test_memory(p->outputs, sizeof(double));
    for (int set = 0; set < SETS; set++) {
        random_survivors(random, workers, threshold, survivors);
        tally_survivors(tally, p, survivors, threshold, 0, out);
    }
    for (uint32_t first = 0; windows && first < workers; first++) {
        neighbours(first, threshold, workers, survivors);
        tally_survivors(tally, p, survivors, threshold, 0, out);
    }
    free(out);
}

/* Clusters of 10 to 60, δ up to 32: seeded survivor sets and, where placement is spread, every loss of γ
 * neighbours. */
static void test_rotation_large_clusters(void **state) {
    (void)state;
    static const uint32_t cases[][3] = {/* n, k_A, k_B */
                                        {10, 8, 4},  {10, 1, 16}, {10, 16, 1}, {20, 8, 8},
                                        {20, 4, 16}, {20, 32, 1}, {20, 1, 32}, {40, 16, 8},
                                        {40, 64, 1}, {40, 1, 64}, {48, 8, 16}, {48, 32, 4},
                                        {60, 8, 16}, {60, 64, 1}, {60, 2, 64}, {60, 12, 10}};
    const struct conv_geometry layer = {
        CONV_CHANNELS_FIRST, 1, 0, 0, 1, 1, 3, 67, {66}, {3}, {1}, {1}, {1}, {2}, {0}};
    struct tally tally = {0};
    struct random random;
    random_seed(&random, CODING_SEED);
    for (size_t i = 0; i < sizeof cases / sizeof *cases * 2 * CODING_DTYPES; i++) {
        const uint32_t *c = cases[i / 2 / CODING_DTYPES];
        bool spread = i / CODING_DTYPES % 2;
        uint32_t stragglers = c[0] - rotation_threshold(c[1], c[2]);
        struct pipeline_setup setup = {.family = "rotation",
                                       .placement = coding_placement(spread, c[0], stragglers),
                                       .input_parts = c[1],
                                       .filter_parts = c[2],
                                       .dtype = coding_tolerances[i % CODING_DTYPES].dtype,
                                       .layer = layer};
        struct pipeline p;
        assert_int_equal(conv_geometry_complete(&setup.layer, NULL), CONVOY_OK);
        pipeline_create(&p, &setup, &random);
        tally_large_cluster(&tally, &p, spread, &random);
        pipeline_destroy(&p);
    }
    tally_print(&tally);
    assert_true(tally.vacuous < tally.decodes / 100);
}

/* Coded inputs and answers that travel as halves: the error is at most κ times their unit roundoff. */
static void test_rotation_halves(void **state) {
    (void)state;
    static const uint32_t cases[][4] = {/* n, γ, k_A, k_B */
                                        {6, 2, 4, 4},   {6, 2, 8, 1},  {10, 2, 8, 4},  {10, 2, 1, 16},
                                        {10, 2, 16, 1}, {10, 4, 6, 4}, {16, 2, 14, 4}, {16, 4, 24, 1},
                                        {16, 8, 8, 4},  {20, 4, 8, 8}, {40, 8, 16, 8}};
    static const convoy_dtype halves[] = {CONVOY_BF16, CONVOY_F16};
    struct tally tally = {0};
    struct random random;
    random_seed(&random, CODING_SEED);
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases * 2 * 2; i++) {
        const uint32_t *c = cases[i / 4];
        struct pipeline_setup setup = {.family = "rotation",
                                       .placement = coding_placement(i / 2 % 2, c[0], c[1]),
                                       .input_parts = c[2],
                                       .filter_parts = c[3],
                                       .dtype = CONVOY_F32,
                                       .half = halves[i % 2],
                                       .layer = coding_layer(0)};
        struct pipeline p;
        setup.layer.in[0] = 67;
        setup.layer.out_channels = 48;
        assert_int_equal(conv_geometry_complete(&setup.layer, NULL), CONVOY_OK);
        pipeline_create(&p, &setup, &random);
        tally_large_cluster(&tally, &p, false, &random);
        pipeline_destroy(&p);
    }
    tally_print(&tally);
    assert_true(tally.vacuous < tally.decodes / 10);
}

static int compare_doubles(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* κ of every loss of γ workers in spread placement, δ = n - γ, and for how many of them κ·ε <= 1/8. */
static void test_conditions_that_halves_bear(void **state) {
    (void)state;
    enum { MOST_SETS = 1820 };
    static const struct {
        uint32_t workers, stragglers;
        double bf16, f16; /* the least share of sets that must do */
    } cases[] = {{6, 2, 1, 1},  {10, 2, 1, 1},    {16, 2, 1, 1},
                 {20, 2, 1, 1}, {10, 4, 0.95, 1}, {16, 4, 0.75, 0.99}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t n = cases[i].workers, survivors[32];
        struct placement placement = coding_placement(true, n, cases[i].stragglers);
        double conditions[MOST_SETS];
        size_t sets = 0, bf16 = 0, f16 = 0;
        for (uint32_t set = 0; set < 1u << n; set++) {
            if (set_members(set, survivors) != n - cases[i].stragglers)
                continue;
            assert_true(sets < MOST_SETS);
            struct conditioning found;
            double *condition = &conditions[sets++];
            assert_int_equal(placement_conditioning(&placement, survivors, n - cases[i].stragglers, &found),
                             CONVOY_OK);
            *condition = found.condition;
            bf16 += *condition * 0x1p-8 <= 0.125;
            f16 += *condition * 0x1p-11 <= 0.125;
        }
        qsort(conditions, sets, sizeof *conditions, compare_doubles);
        print_message(
            "n %u, γ %u: κ %.1f (median) to %.1f; κ·ε <= 1/8 in %.1f %% of sets as bfloat16, %.1f %% as "
            "float16\n",
            n, cases[i].stragglers, conditions[sets / 2], conditions[sets - 1],
            100 * (double)bf16 / (double)sets, 100 * (double)f16 / (double)sets);
        assert_true((double)bf16 >= cases[i].bf16 * (double)sets &&
                    (double)f16 >= cases[i].f16 * (double)sets);
    }
}

/* What ‖Y‖ is expected to be where no tap falls on padding. A few outputs can cancel, or be all padding,
 * while surplus rows see inputs that the layer does not; the error is then not in proportion to ‖Y‖. */
static double expected_norm(const struct conv_geometry *g, size_t outputs) {
    return sqrt((double)outputs * (double)(g->in_channels / g->groups) *
                (double)(g->kernel[0] * g->kernel[1] * g->kernel[2]));
}

/* 1 or an even number, up to 12 and `most`. */
static uint32_t random_pairs(struct random *random, int64_t most) {
    uint32_t parts = 1 + (uint32_t)random_below(random, (uint64_t)(most < 12 ? most : 12));
    return parts > 1 ? parts - parts % 2 : 1;
}

/* Layers of every shape, cut in anything that fits, also with whole slices of surplus, on circles with free
 * nodes. */
static void test_rotation_random_layers(void **state) {
    (void)state;
    struct tally tally = {0};
    struct random random;
    random_seed(&random, CODING_SEED);
    for (int i = 0; i < RANDOM_LAYERS; i++) {
        struct pipeline_setup setup = {.family = "rotation",
                                       .dtype = coding_tolerances[i % CODING_DTYPES].dtype};
        oracle_random_geometry(&random, &setup.layer);
        oracle_random_blocks(&random, &setup.layer);
        setup.input_parts = random_pairs(&random, setup.layer.out[0]);
        do
            setup.filter_parts = random_pairs(&random, setup.layer.out_channels / setup.layer.groups);
        while (!oracle_cut_fits(&setup.layer, setup.filter_parts));
        uint32_t threshold = rotation_threshold(setup.input_parts, setup.filter_parts), survivors[256];
        setup.placement = placement_plain(threshold + (uint32_t)random_below(&random, 3));
        setup.placement.order += (uint32_t)random_below(&random, 3);
        struct pipeline p;
        pipeline_create(&p, &setup, &random);
        void *out = test_memory(p.outputs, sizeof(double));
        random_survivors(&random, setup.placement.workers, threshold, survivors);
        tally_survivors(&tally, &p, survivors, threshold, expected_norm(&setup.layer, p.outputs), out);
        free(out);
        pipeline_destroy(&p);
    }
    tally_print(&tally);
}

static void small_whole_numbers(struct random *random, convoy_dtype dtype, void *data, size_t count) {
    for (size_t i = 0; i < count; i++)
        oracle_set(dtype, data, i, (double)random_below(random, 17) - 8);
}

/* Small whole numbers make every sum exact, in float32 too: uncoded, the pipeline gives the layer bit by bit.
 */
static void test_uncoded_is_exact(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, CODING_SEED);
    for (int i = 0; i < RANDOM_LAYERS / 4; i++) {
        struct pipeline_setup setup = {.family = "uncoded",
                                       .dtype = coding_tolerances[i % CODING_DTYPES].dtype};
        oracle_random_geometry(&random, &setup.layer);
        oracle_random_blocks(&random, &setup.layer);
        int64_t rows = setup.layer.out[0], channels = setup.layer.out_channels / setup.layer.groups;
        setup.input_parts = 1 + (uint32_t)random_below(&random, (uint64_t)(rows < 9 ? rows : 9));
        do
            setup.filter_parts = 1 + (uint32_t)random_below(&random, (uint64_t)(channels < 9 ? channels : 9));
        while (!oracle_cut_fits(&setup.layer, setup.filter_parts));
        setup.placement = placement_plain(setup.input_parts * setup.filter_parts);
        struct pipeline p;
        uint32_t everyone[81];
        pipeline_create(&p, &setup, &random);
        small_whole_numbers(&random, setup.dtype, p.x, p.inputs);
        small_whole_numbers(&random, setup.dtype, p.k, p.filters);
        pipeline_compute(&p);
        void *out = test_memory(p.outputs, sizeof(double));
        random_survivors(&random, setup.placement.workers, setup.placement.workers, everyone);
        pipeline_decode(&p, everyone, setup.placement.workers, NULL, NULL, out);
        char text[512];
        if (pipeline_distance(&p, out, p.y) != 0)
            fail_msg("seed %d, layer %d, %s", CODING_SEED, i, pipeline_text(&p, text, sizeof text));
        free(out);
        pipeline_destroy(&p);
    }
    print_message("seed %d, %d layers%s\n", CODING_SEED, RANDOM_LAYERS / 4,
                  CODING_REDUCTION > 1 ? "; REDUCED, since a sanitizer is on" : "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rotation_every_survivor_set),
        cmocka_unit_test(test_plain_families_every_survivor_set),
        cmocka_unit_test(test_rotation_large_clusters),
        cmocka_unit_test(test_rotation_halves),
        cmocka_unit_test(test_conditions_that_halves_bear),
        cmocka_unit_test(test_rotation_random_layers),
        cmocka_unit_test(test_uncoded_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
