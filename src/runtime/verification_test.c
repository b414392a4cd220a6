/* Answers that are checked: right ones pass, whatever kernel, frames and layout; wrong ones count as missing,
 * and who gives two gets no more tasks. */
#include "base/clock.h"
#include "base/random.h"
#include "cluster_rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SEED 20261128

/* max|a-b| / max|b|: 4·κ·ε with κ under 60, ε being 6e-8. */
#define TOLERANCE 1.5e-5

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REDUCTION 10
#else
#define REDUCTION 1
#endif

struct tally {
    uint32_t wrong[CONVOY_MAX_WORKERS], banned[CONVOY_MAX_WORKERS], all;
};

static void note(void *context, const convoy_wrong_answer *wrong) {
    struct tally *tally = context;
    assert_true(!(wrong->deviation <= wrong->limit));
    assert_string_equal(wrong->layer, "conv2");
    assert_string_equal(wrong->key, "");
    tally->wrong[wrong->worker]++;
    tally->banned[wrong->worker] += wrong->distrusted;
    tally->all++;
}

static void new_input(struct cluster_rig *rig, struct random *random) {
    const float scale = (float)exp2((double)random_below(random, 9) - 4);
    for (size_t i = 0; i < convoy_tensor_elements(&rig->in); i++)
        ((float *)rig->in.data)[i] = scale * (float)random_normal(random);
}

static uint32_t count_outcome(const convoy_layer_report *report, convoy_outcome outcome) {
    uint32_t count = 0;
    for (uint32_t w = 0; w < CONVOY_MAX_WORKERS; w++)
        count += report->outcome[w] == outcome;
    return count;
}

/* ---- right answers ---- */

static const struct conv_geometry wide = {.spatial = 2,
                                          .batch = 1,
                                          .groups = 1,
                                          .in_channels = 32,
                                          .out_channels = 64,
                                          .in = {20, 20},
                                          .kernel = {3, 3},
                                          .stride = {1, 1},
                                          .dilation = {1, 1},
                                          .pad_begin = {1, 1},
                                          .pad_end = {1, 1}};

static void test_right_answers(void **state) {
    (void)state;
    struct conv_geometry depthwise = wide, product = {.layout = CONV_CHANNELS_LAST,
                                                      .spatial = 1,
                                                      .batch = 1,
                                                      .groups = 1,
                                                      .in_channels = 300,
                                                      .out_channels = 64,
                                                      .in = {1},
                                                      .kernel = {1},
                                                      .stride = {1},
                                                      .dilation = {1}};
    depthwise.groups = depthwise.in_channels = depthwise.out_channels = 64;
    const struct {
        const char *name, *backend;
        const struct conv_geometry *conv;
        enum conv_kernel kernel;
        convoy_dtype frames;
        uint32_t input_parts, filter_parts;
    } cases[] = {
        {"reference", "reference", NULL, CONV_DIRECT, CONVOY_F32, 4, 4},
        {"direct", "onednn", &wide, CONV_DIRECT, CONVOY_F32, 4, 4},
        {"F(2x2)", "onednn", &wide, CONV_WINOGRAD_2, CONVOY_F32, 4, 4},
        {"F(4x4)", "onednn", &wide, CONV_WINOGRAD_4, CONVOY_F32, 8, 1},
        {"float16", "onednn", &wide, CONV_DIRECT, CONVOY_F16, 4, 4},
        {"bfloat16", "onednn", &wide, CONV_WINOGRAD_2, CONVOY_BF16, 1, 8},
        {"depthwise", "onednn", &depthwise, CONV_DIRECT, CONVOY_F32, 8, 1},
        {"product", "onednn", &product, CONV_DIRECT, CONVOY_F32, 1, 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tally tally = {0};
        struct random random;
        struct cluster_rig rig;
        random_seed(&random, SEED);
        cluster_rig_open(&rig, &(struct cluster_rig_setup){.workers = 6,
                                                           .stragglers = 2,
                                                           .seed = SEED,
                                                           .conv = cases[i].conv,
                                                           .backend = cases[i].backend,
                                                           .kernel = cases[i].kernel,
                                                           .frames = cases[i].frames,
                                                           .input_parts = cases[i].input_parts,
                                                           .filter_parts = cases[i].filter_parts,
                                                           .verify = VERIFY_ALL,
                                                           .wrong_answer = note,
                                                           .wrong_answer_context = &tally});
        for (int run = 0; run < 200 / REDUCTION; run++) {
            convoy_layer_report report;
            double error = 0;
            new_input(&rig, &random);
            assert_int_equal(cluster_rig_run(&rig, &report, &error), CONVOY_OK);
            if (!report.coded)
                fail_msg("%s, run %d: computed here: %s", cases[i].name, run, report.why_local);
            assert_true(report.verify_ms > 0);
            assert_int_equal(tally.all, 0);
        }
        cluster_rig_close(&rig);
    }
    print_message("seed %d\n", SEED);
}

/* ---- wrong answers ---- */

struct scene {
    struct cluster_rig rig;
    struct tally tally;
};

static void scene_open(struct scene *scene, uint32_t workers, enum verify verify, const char *const *faults) {
    scene->tally = (struct tally){0};
    cluster_rig_open(&scene->rig, &(struct cluster_rig_setup){.workers = workers,
                                                              .stragglers = 2,
                                                              .seed = SEED,
                                                              .faults = faults,
                                                              .verify = verify,
                                                              .wrong_answer = note,
                                                              .wrong_answer_context = &scene->tally});
}

/* The largest error of so many runs. */
static double run(struct scene *scene, int runs, uint32_t *wrong) {
    double largest = 0;
    *wrong = 0;
    for (int i = 0; i < runs; i++) {
        convoy_layer_report report;
        double error = 0;
        assert_int_equal(cluster_rig_run(&scene->rig, &report, &error), CONVOY_OK);
        largest = fmax(largest, error);
        *wrong += count_outcome(&report, CONVOY_OUTCOME_WRONG);
    }
    return largest;
}

static void test_unchecked_lie_is_decoded(void **state) {
    (void)state;
    static const char *const faults[] = {"0:lie=1", "1:lie=1", "2:lie=1", "3:lie=1", NULL};
    struct scene scene;
    uint32_t wrong;
    scene_open(&scene, 6, VERIFY_OFF, faults);
    assert_true(run(&scene, 5, &wrong) > 100 * TOLERANCE);
    assert_int_equal(wrong, 0);
    cluster_rig_close(&scene.rig);
}

/* The first wrong answer costs a worker its filters, which it gets anew, the second its place. */
static void expect_banned(struct scene *scene, const uint32_t *liars, uint32_t count) {
    uint32_t distrusted[CONVOY_MAX_WORKERS];
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(scene->tally.banned[liars[i]], 1);
        assert_true(scene->tally.wrong[liars[i]] >= 2);
    }
    uint32_t of_liars = 0;
    for (uint32_t i = 0; i < count; i++)
        of_liars += scene->tally.wrong[liars[i]];
    assert_int_equal(scene->tally.all, of_liars);
    assert_int_equal(cluster_distrusted(scene->rig.cluster, distrusted, CONVOY_MAX_WORKERS), count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(distrusted[i], liars[i]);
}

static void test_liar_is_banned(void **state) {
    (void)state;
    static const char *const faults[] = {"1:lie=1e-3", NULL};
    struct scene scene;
    uint32_t wrong;
    scene_open(&scene, 6, VERIFY_ALL, faults);
    const uint64_t until_ns = clock_now_ns() + 60 * NS_PER_S;
    while (scene.tally.banned[1] == 0 && clock_now_ns() < until_ns)
        assert_true(run(&scene, 1, &wrong) < TOLERANCE);
    expect_banned(&scene, (const uint32_t[]){1}, 1);
    assert_true(run(&scene, 20, &wrong) < TOLERANCE);
    assert_int_equal(wrong, 0);
    cluster_pardon(scene.rig.cluster);
    assert_int_equal(cluster_distrusted(scene.rig.cluster, NULL, 0), 0);
    cluster_rig_close(&scene.rig);
}

static void test_two_liars_of_ten(void **state) {
    (void)state;
    static const char *const faults[] = {"3:lie=1e-2", "7:lie=1e-3,1,1", NULL};
    struct scene scene;
    uint32_t wrong;
    scene_open(&scene, 10, VERIFY_ALL, faults);
    const uint64_t until_ns = clock_now_ns() + 60 * NS_PER_S;
    while (scene.tally.banned[3] + scene.tally.banned[7] < 2 && clock_now_ns() < until_ns)
        assert_true(run(&scene, 1, &wrong) < TOLERANCE);
    expect_banned(&scene, (const uint32_t[]){3, 7}, 2);
    cluster_rig_close(&scene.rig);
}

/* More lie than may be missing: the layer is computed here. */
static void test_too_many_liars(void **state) {
    (void)state;
    static const char *const faults[] = {"0:lie", "2:lie", "4:lie", "5:lie", NULL};
    struct scene scene;
    convoy_layer_report report = {0};
    scene_open(&scene, 6, VERIFY_ALL, faults);
    for (int i = 0; i < 20; i++) {
        double error = 0;
        assert_int_equal(cluster_rig_run(&scene.rig, &report, &error), CONVOY_OK);
        assert_true(error < TOLERANCE);
    }
    assert_true(report.fallback);
    cluster_rig_close(&scene.rig);
}

/* One run in twenty is checked; all of them once a worker was caught. 400 runs miss a liar with probability
 * 1e-9. */
static void test_sample(void **state) {
    (void)state;
    static const char *const faults[] = {"2:lie=1e-2", NULL};
    struct scene scene;
    uint32_t wrong;
    scene_open(&scene, 6, VERIFY_SAMPLE, faults);
    for (int i = 0; i < 400 && scene.tally.banned[2] == 0; i++)
        run(&scene, 1, &wrong);
    expect_banned(&scene, (const uint32_t[]){2}, 1);
    assert_true(run(&scene, 20, &wrong) < TOLERANCE);
    cluster_rig_close(&scene.rig);
}

/* An answer that is not finite is checked, whether its run was drawn or not. */
static void test_not_finite(void **state) {
    (void)state;
    static const char *const faults[] = {"1:lie=1e30", NULL};
    struct scene scene;
    scene.tally = (struct tally){0};
    cluster_rig_open(&scene.rig, &(struct cluster_rig_setup){.workers = 6,
                                                             .stragglers = 2,
                                                             .seed = SEED,
                                                             .frames = CONVOY_F16,
                                                             .faults = faults,
                                                             .verify = VERIFY_SAMPLE,
                                                             .wrong_answer = note,
                                                             .wrong_answer_context = &scene.tally});
    const uint64_t until_ns = clock_now_ns() + 60 * NS_PER_S;
    while (scene.tally.banned[1] == 0 && clock_now_ns() < until_ns) {
        convoy_layer_report report;
        double error = 0;
        assert_int_equal(cluster_rig_run(&scene.rig, &report, &error), CONVOY_OK);
        assert_true(error < 1e-2);
        assert_true(report.outcome[1] != CONVOY_OUTCOME_USED);
    }
    expect_banned(&scene, (const uint32_t[]){1}, 1);
    cluster_rig_close(&scene.rig);
}

/* Of elements near the largest float32 the projection is infinite: no answer can be checked, and none is
 * decoded. */
static void test_beyond_projection(void **state) {
    (void)state;
    static const char *const faults[] = {"0:lie=0.1", "1:lie=0.1", "2:lie=0.1", NULL};
    for (int k = 0; k < 2; k++) {
        struct cluster_rig rig;
        cluster_rig_open(&rig, &(struct cluster_rig_setup){.workers = 6,
                                                           .stragglers = 2,
                                                           .seed = SEED,
                                                           .conv = &wide,
                                                           .input_parts = 8,
                                                           .filter_parts = 1,
                                                           .faults = faults,
                                                           .no_fallback = true,
                                                           .input = 1e30F,
                                                           .weights = 9e5F,
                                                           .verify = k ? VERIFY_ALL : VERIFY_OFF});
        convoy_layer_report report;
        double error = 0;
        assert_int_equal(cluster_rig_run(&rig, &report, &error), CONVOY_OK);
        assert_true(k ? error == 0 : error > 1e-3); /* the lie is decoded if it is not checked */
        if (k)
            assert_string_equal(report.why_local, "not finite");
        cluster_rig_close(&rig);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_answers),  cmocka_unit_test(test_unchecked_lie_is_decoded),
        cmocka_unit_test(test_liar_is_banned), cmocka_unit_test(test_two_liars_of_ten),
        cmocka_unit_test(test_too_many_liars), cmocka_unit_test(test_sample),
        cmocka_unit_test(test_not_finite),     cmocka_unit_test(test_beyond_projection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
