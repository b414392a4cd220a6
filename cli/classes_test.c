/* The best classes of outputs, and their probabilities. */
#include "classes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static convoy_tensor tensor_of(float *data, uint32_t rank, const int64_t *dims) {
    convoy_tensor tensor = {.dtype = CONVOY_F32, .shape = {.rank = rank}, .data = data};
    for (uint32_t i = 0; i < rank; i++)
        tensor.shape.dims[i] = dims[i];
    return tensor;
}

static void tells_scores_from_other_outputs(void **state) {
    (void)state;
    float data[12] = {0};
    static const struct {
        uint32_t rank;
        int64_t dims[4];
        size_t rows;
        bool scores;
    } cases[] = {
        {2, {1, 12}, 1, true},       {2, {3, 4}, 3, true},        {4, {1, 12, 1, 1}, 1, true},
        {2, {3, 4}, 1, false},       {2, {12, 1}, 12, false},     {1, {12}, 1, false},
        {4, {1, 3, 2, 2}, 1, false}, {4, {1, 3, 1, 4}, 1, false}, {3, {1, 12, 1}, 1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const convoy_tensor tensor = tensor_of(data, cases[i].rank, cases[i].dims);
        assert_int_equal(classes_are_scores(&tensor, cases[i].rows), cases[i].scores);
    }
    convoy_tensor integers = tensor_of(data, 2, (const int64_t[]){1, 12});
    integers.dtype = CONVOY_I32;
    assert_false(classes_are_scores(&integers, 1));
}

static void takes_the_softmax_of_scores(void **state) {
    (void)state;
    float data[] = {1000, 1001, 999, -5000};
    const convoy_tensor tensor = tensor_of(data, 2, (const int64_t[]){1, 4});
    struct best_class best[5];
    assert_int_equal(classes_find(&tensor, 1, 0, best, 4), 4);
    const double sum = 1 + exp(-1) + exp(-2);
    static const size_t order[] = {1, 0, 2, 3};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(best[i].index, order[i]);
    assert_true(fabs(best[0].probability - 1 / sum) < 1e-12);
    assert_true(fabs(best[1].probability - exp(-1) / sum) < 1e-12);
    assert_true(fabs(best[2].probability - exp(-2) / sum) < 1e-12);
    assert_true(best[3].probability >= 0 && best[3].probability < 1e-12);
    assert_true(best[0].score > 1000.5); /* the score stays as it is */
}

static void takes_probabilities_as_they_are(void **state) {
    (void)state;
    float data[] = {0.1f, 0.7f, 0.2004f, 0.3f, 0.3f, 0.3f};
    const convoy_tensor tensor = tensor_of(data, 2, (const int64_t[]){2, 3});
    struct best_class best[4];
    assert_int_equal(classes_find(&tensor, 2, 0, best, 2), 2); /* the sum is 1.0004 */
    assert_int_equal(best[0].index, 1);
    assert_true(best[0].probability == (double)0.7f);
    assert_int_equal(classes_find(&tensor, 2, 1, best, 3), 3); /* the sum is 0.9: scores */
    assert_int_equal(best[0].index, 0);
    assert_true(fabs(best[0].probability - 1.0 / 3) < 1e-7);
}

static void knows_no_probability_of_other_outputs(void **state) {
    (void)state;
    float data[] = {0.25f, NAN, 0.75f};
    const convoy_tensor list = tensor_of(data, 1, (const int64_t[]){3});
    const convoy_tensor scores = tensor_of(data, 2, (const int64_t[]){1, 3});
    struct best_class best[4];
    assert_int_equal(classes_find(&list, 1, 0, best, 3), 3);
    assert_int_equal(best[0].index, 2);
    assert_int_equal(best[2].index, 1); /* NaN comes last */
    assert_true(isnan(best[0].probability));
    classes_find(&scores, 1, 0, best, 3);
    assert_true(isnan(best[0].probability));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_scores_from_other_outputs),
        cmocka_unit_test(takes_the_softmax_of_scores),
        cmocka_unit_test(takes_probabilities_as_they_are),
        cmocka_unit_test(knows_no_probability_of_other_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
