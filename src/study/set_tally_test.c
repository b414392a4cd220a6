/* Every family decodes every set of survivors that it admits, and what is wrong is not counted. */
#include "study/set_tally.h"

#include "plan/candidates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WORKERS = 5, SEED = 7 };

static void create_operands(struct study_operands *operands) {
    struct conv_geometry geometry = {.spatial = 2,
                                     .batch = 1,
                                     .groups = 1,
                                     .in_channels = 2,
                                     .out_channels = 8,
                                     .in = {9, 3},
                                     .kernel = {3, 3},
                                     .stride = {1, 1},
                                     .dilation = {1, 1},
                                     .pad_begin = {1, 1},
                                     .pad_end = {1, 1}};
    assert_int_equal(conv_geometry_complete(&geometry, NULL), CONVOY_OK);
    assert_int_equal(study_operands_create(operands, &geometry, false, SEED, NULL), CONVOY_OK);
}

static size_t choose(uint32_t n, uint32_t k) {
    size_t sets = 1;
    for (uint32_t i = 0; i < k; i++)
        sets = sets * (n - i) / (i + 1);
    return sets;
}

/* Tallies these parts. damaged: one element of an answer is wrong. */
static struct set_tally tally_of(const struct study_operands *operands, const struct code_family *family,
                                 uint32_t input_parts, uint32_t filter_parts, bool damaged) {
    const struct placement placement = placement_plain(WORKERS);
    struct code code;
    struct coded_sample sample;
    struct set_tally tally = {0};
    assert_int_equal(code_create(&code, family, input_parts, filter_parts, &placement, SEED, NULL),
                     CONVOY_OK);
    const struct coded_setup setup = {
        .code = &code, .operands = operands, .frames = CONVOY_F64, .scaled = true};
    assert_int_equal(coded_sample_create(&sample, &setup, NULL), CONVOY_OK);
    if (damaged)
        ((double *)sample.answers[1])[0] += 1;
    assert_int_equal(set_tally_add(&tally, &sample, NULL), CONVOY_OK);
    assert_int_equal(tally.sets, choose(WORKERS, code.threshold));
    coded_sample_destroy(&sample);
    code_destroy(&code);
    return tally;
}

static void test_all_sets(void **state) {
    (void)state;
    const struct code_family *family;
    struct study_operands operands;
    create_operands(&operands);
    for (size_t f = 0; (family = code_family_at(f)); f++) {
        const struct plan_cluster cluster = {.family = family, .workers = WORKERS};
        struct candidate *parts = NULL;
        size_t count = 0;
        assert_int_equal(candidates_create(&cluster, &operands.layer, &parts, &count), CONVOY_OK);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
            const struct set_tally tally =
                tally_of(&operands, family, parts[i].input_parts, parts[i].filter_parts, false);
            assert_int_equal(tally.decoded, tally.sets);
            assert_true(tally.largest_condition >= 1);
        }
        free(parts);
    }
    study_operands_destroy(&operands);
}

/* Of five sets of four the four that have the worker whose answer is wrong. */
static void test_wrong_answer(void **state) {
    (void)state;
    struct study_operands operands;
    create_operands(&operands);
    const struct set_tally tally = tally_of(&operands, code_family_at(0), 4, 4, true);
    assert_int_equal(tally.sets, 5);
    assert_int_equal(tally.decoded, 1);
    assert_true(tally.largest_error > SET_TALLY_ERROR);
    study_operands_destroy(&operands);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_sets),
        cmocka_unit_test(test_wrong_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
