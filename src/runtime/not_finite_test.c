/* What is not finite in or before a coded layer: coding would spread it over other parts of the output, and
 * an activation hide it. The output is that of the uncoded layer, with NaN and infinities in the same places.
 */
#include "cluster_rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SEED 20261127

/* Six workers, any two of which may be missing, and two are; no fallback, which would be one. */
static struct cluster_rig_setup usual(convoy_dtype dtype, convoy_dtype frames) {
    static const char *const faults[] = {"1:kill", "4:kill", NULL};
    return (struct cluster_rig_setup){.workers = 6,
                                      .stragglers = 2,
                                      .input_parts = 4,
                                      .filter_parts = 4,
                                      .dtype = dtype,
                                      .frames = frames,
                                      .faults = faults,
                                      .no_fallback = true,
                                      .seed = SEED};
}

static size_t not_finite(const convoy_tensor *tensor) {
    size_t count = 0;
    for (size_t i = 0; i < convoy_tensor_elements(tensor); i++)
        count += !isfinite(convoy_tensor_element(tensor, i));
    return count;
}

static void fail_wrong(void *context, const convoy_wrong_answer *wrong) {
    (void)context;
    fail_msg("the answer of worker %u is called wrong, off by %g", wrong->worker, wrong->deviation);
}

/* Several runs of one layer: computed here, exactly, and no degradation. */
static void check_computed_here(const struct cluster_rig_setup *setup, const char *why) {
    struct cluster_rig rig;
    cluster_rig_open(&rig, setup);
    for (int k = 0; k < 3; k++) {
        convoy_layer_report report;
        double error = INFINITY;
        assert_int_equal(cluster_rig_run(&rig, &report, &error), CONVOY_OK);
        assert_true(error == 0);
        assert_false(report.coded || report.fallback);
        assert_string_equal(report.why_local, why);
    }
    cluster_rig_close(&rig);
}

static const convoy_dtype types[][2] = {
    {CONVOY_F32, CONVOY_F32}, {CONVOY_F64, CONVOY_F32}, {CONVOY_F32, CONVOY_BF16}, {CONVOY_F32, CONVOY_F16}};

/* Whether answers are checked or not: nobody is wrong. */
static void test_inputs(void **state) {
    (void)state;
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    for (size_t type = 0; type < 4; type++)
        for (size_t i = 0; i < 9; i++) {
            struct cluster_rig_setup setup = usual(types[type][0], types[type][1]);
            setup.odd_input = odd[i % 3];
            setup.verify = (enum verify[]){VERIFY_OFF, VERIFY_SAMPLE, VERIFY_ALL}[i / 3];
            setup.wrong_answer = fail_wrong;
            check_computed_here(&setup, "not finite");
        }
}

/* The parts of the other families are the layer's own: what is not finite stays where it is. */
static void test_other_families(void **state) {
    (void)state;
    static const char *const families[] = {"replicate", "uncoded"};
    for (size_t i = 0; i < 2; i++) {
        struct cluster_rig_setup setup = usual(CONVOY_F32, CONVOY_F32);
        setup.family = families[i];
        setup.workers = 4;
        setup.stragglers = i ? 0 : 1;
        setup.input_parts = 2;
        setup.filter_parts = i ? 2 : 1;
        setup.faults = NULL;
        setup.odd_input = -INFINITY;
        check_computed_here(&setup, "not finite");
    }
}

/* Numbers that only the coefficients take beyond float32: the layer's own output is finite. */
static void test_largest_numbers(void **state) {
    (void)state;
    for (size_t type = 0; type < 3; type += 2) {
        struct cluster_rig_setup setup = usual(types[type][0], types[type][1]);
        setup.verify = type ? VERIFY_ALL : VERIFY_SAMPLE;
        setup.wrong_answer = fail_wrong;
        setup.input = 0.8e38F;
        setup.weights = 1e-20F;
        struct cluster_rig rig;
        cluster_rig_open(&rig, &setup);
        assert_true(not_finite(&rig.expected) == 0);
        cluster_rig_close(&rig);
        check_computed_here(&setup, "not finite");
    }
}

static void test_weights(void **state) {
    (void)state;
    static const float odd[] = {NAN, INFINITY};
    for (size_t type = 0; type < 4; type++)
        for (size_t i = 0; i < 2; i++) {
            struct cluster_rig_setup setup = usual(types[type][0], types[type][1]);
            setup.odd_weight = odd[i];
            check_computed_here(&setup, "its weights are not finite");
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_inputs), cmocka_unit_test(test_other_families),
                                       cmocka_unit_test(test_largest_numbers),
                                       cmocka_unit_test(test_weights)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
