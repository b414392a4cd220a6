/* A cluster whose tasks and answers travel as halves: the layer, as exact as these are, whoever fails; and
 * never what they do not hold. */
#include "cluster_rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SEED 20261122

/* One run. Its error is at most κ times the unit roundoff of the frames; where it is computed here, there is
 * none. */
static convoy_layer_report run(struct cluster_rig *rig, convoy_status expected) {
    convoy_layer_report report;
    double unit = rig->options.frames == CONVOY_BF16 ? 0x1p-8 : 0x1p-11, off = 0;
    assert_int_equal(cluster_rig_run(rig, &report, &off), expected);
    if (!(off <= (report.coded ? report.condition * unit : 0)))
        fail_msg("error %g with condition %g", off, report.condition);
    if (report.coded)
        assert_true(off > unit / 8); /* they did travel as halves */
    return report;
}

/* Six workers, any two of which may be missing. */
static struct cluster_rig_setup usual(convoy_dtype frames) {
    return (struct cluster_rig_setup){
        .workers = 6, .stragglers = 2, .input_parts = 4, .filter_parts = 4, .frames = frames, .seed = SEED};
}

static const convoy_dtype halves[] = {CONVOY_BF16, CONVOY_F16};

static void test_decoded(void **state) {
    (void)state;
    static const char *const faults[][4] = {
        {NULL}, {"1:kill", "4:kill@conv2"}, {"0:delay=30s", "3:corrupt"}, {"2:drop=0.2", "5:drop=0.2"}};
    for (int i = 0; i < 8; i++) {
        struct cluster_rig rig;
        struct cluster_rig_setup setup = usual(halves[i % 2]);
        setup.no_fallback = true;
        setup.faults = faults[i / 2];
        cluster_rig_open(&rig, &setup);
        for (int k = 0; k < 20; k++)
            assert_true(run(&rig, CONVOY_OK).coded);
        cluster_rig_close(&rig);
    }
}

/* Float64 travels as it is. */
static void test_float64(void **state) {
    (void)state;
    struct cluster_rig rig;
    struct cluster_rig_setup setup = usual(CONVOY_BF16);
    setup.dtype = CONVOY_F64;
    cluster_rig_open(&rig, &setup);
    convoy_layer_report report;
    double off = 1;
    assert_int_equal(cluster_rig_run(&rig, &report, &off), CONVOY_OK);
    assert_true(report.coded && off < 1e-13);
    cluster_rig_close(&rig);
}

/* Coded inputs and answers that float16 does not hold, being too large or too small, are never decoded;
 * bfloat16 holds what float32 does. */
static void test_beyond_float16(void **state) {
    (void)state;
    static const struct {
        float input, weights;
        const char *why;
    } cases[] = {{0x1p15F, 0x1p-15F, "beyond the frames' range"},
                 {0x1p-20F, 0x1p10F, "beyond the frames' range"},
                 {1, 0x1p15F, "too few answers"},
                 {1, 0x1p-24F, "too few answers"}};
    for (size_t i = 0; i < 4 * sizeof cases / sizeof *cases; i++) {
        struct cluster_rig rig;
        struct cluster_rig_setup setup = usual(halves[i % 2]);
        setup.no_fallback = i / 2 % 2;
        setup.input = cases[i / 4].input;
        setup.weights = cases[i / 4].weights;
        cluster_rig_open(&rig, &setup);
        for (int k = 0; k < 3; k++) {
            bool refused = setup.frames == CONVOY_F16;
            convoy_layer_report report =
                run(&rig, refused && setup.no_fallback ? CONVOY_E_WORKERS : CONVOY_OK);
            assert_int_equal(report.coded, !refused);
            if (refused) /* who was not asked is not late */
                assert_int_equal(report.outcome[0] == CONVOY_OUTCOME_NONE, i < 8);
            if (refused)
                assert_string_equal(report.why_local, cases[i / 4].why);
        }
        cluster_rig_close(&rig);
    }
}

/* The four of ten workers whose loss leaves the worst κ, 36, are missing: too much for bfloat16, whose error
 * may then be a seventh of the output, and well for float16. */
static void test_ill_conditioned(void **state) {
    (void)state;
    struct placement placement;
    const struct code_family *family = NULL;
    struct code code;
    assert_int_equal(placement_spread(10, 4, &placement), CONVOY_OK);
    assert_int_equal(code_family_find("rotation", &family, NULL), CONVOY_OK);
    assert_int_equal(code_create(&code, family, 6, 4, &placement, 1, NULL), CONVOY_OK);
    double worst = 0;
    uint32_t lost = 0;
    for (uint32_t set = 0; set < 1u << 10; set++) {
        uint32_t survivors[10], count = 0;
        for (uint32_t w = 0; w < 10; w++)
            if (!(set >> w & 1))
                survivors[count++] = w;
        double condition = count == 6 ? code_conditioning(&code, survivors, count).condition : 0;
        if (condition > worst) {
            worst = condition;
            lost = set;
        }
    }
    assert_true(worst > 32 && worst < 256);
    code_destroy(&code);
    for (int i = 0; i < 2; i++) {
        struct cluster_rig rig;
        char texts[4][16];
        const char *faults[5] = {NULL};
        struct cluster_rig_setup setup = usual(halves[i]);
        setup.workers = 10;
        setup.stragglers = 4;
        setup.input_parts = 6;
        setup.faults = faults;
        for (uint32_t w = 0, f = 0; w < 10; w++)
            if (lost >> w & 1) {
                snprintf(texts[f], sizeof texts[f], "%u:kill", w);
                faults[f] = texts[f];
                f++;
            }
        cluster_rig_open(&rig, &setup);
        convoy_layer_report report = run(&rig, CONVOY_OK);
        assert_int_equal(report.coded, halves[i] == CONVOY_F16);
        if (halves[i] == CONVOY_BF16)
            assert_string_equal(report.why_local, "ill-conditioned answers");
        else
            assert_true(fabs(report.condition - worst) < 1e-6 * worst);
        cluster_rig_close(&rig);
    }
}

int main(void) {
    printf("seed %d\n", SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decoded),
        cmocka_unit_test(test_float64),
        cmocka_unit_test(test_beyond_float16),
        cmocka_unit_test(test_ill_conditioned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
