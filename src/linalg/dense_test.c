#include "linalg/dense.h"

#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SEED = 3, ORDER_MAX = 40 };

/* The largest and the smallest singular value. */
static convoy_status singular_range(size_t rows, size_t columns, const double *a, double *largest,
                                    double *smallest) {
    double values[ORDER_MAX];
    const size_t count = rows < columns ? rows : columns;
    const convoy_status status = dense_singular_values(rows, columns, a, values);
    *largest = values[0];
    *smallest = values[count - 1];
    for (size_t i = 1; i < count; i++)
        assert_true(values[i] <= values[i - 1]);
    return status;
}

/* Units of κ·2^-53 that an element of a·a⁻¹ may be wrong by, for each row. */
static const double ROUNDINGS = 4;

static void test_invert(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    print_message("seed %d\n", SEED);
    for (size_t n = 1; n <= ORDER_MAX; n++) {
        static double a[ORDER_MAX * ORDER_MAX], inverse[ORDER_MAX * ORDER_MAX];
        double largest, smallest;
        for (size_t i = 0; i < n * n; i++)
            inverse[i] = a[i] = random_normal(&random);
        assert_int_equal(singular_range(n, n, a, &largest, &smallest), CONVOY_OK);
        assert_int_equal(dense_invert(n, inverse, inverse), CONVOY_OK);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < n; k++) {
                double sum = i == k ? -1 : 0;
                for (size_t l = 0; l < n; l++)
                    sum += a[i * n + l] * inverse[l * n + k];
                assert_true(fabs(sum) <= ROUNDINGS * (double)n * 0x1p-53 * largest / smallest);
            }
    }
}

/* The pseudo-inverse is a left inverse, and a·a⁺ is symmetric: an orthogonal projection, which is given. */
static void test_pseudo_inverse(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    for (size_t n = 1; n <= ORDER_MAX; n++)
        for (size_t k = 1; k <= n; k++) {
            static double a[ORDER_MAX * ORDER_MAX], w[ORDER_MAX * ORDER_MAX],
                p[ORDER_MAX * ORDER_MAX]; /* [n][k], [n][k], [n][n] */
            double largest, smallest;
            for (size_t i = 0; i < n * k; i++)
                a[i] = random_normal(&random);
            assert_int_equal(singular_range(n, k, a, &largest, &smallest), CONVOY_OK);
            assert_int_equal(dense_pseudo_inverse(n, k, a, w, p), CONVOY_OK);
            double tolerance = ROUNDINGS * (double)n * 0x1p-53 * largest / smallest;
            for (size_t i = 0; i < k; i++)
                for (size_t j = 0; j < k; j++) {
                    double sum = i == j ? -1 : 0;
                    for (size_t l = 0; l < n; l++)
                        sum += w[l * k + i] * a[l * k + j];
                    assert_true(fabs(sum) <= tolerance);
                }
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < i; j++) {
                    double difference = 0;
                    for (size_t l = 0; l < k; l++)
                        difference += a[i * k + l] * w[j * k + l] - a[j * k + l] * w[i * k + l];
                    assert_true(fabs(difference) <= tolerance);
                }
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n; j++) {
                    double sum = -p[i * n + j];
                    for (size_t l = 0; l < k; l++)
                        sum += a[i * k + l] * w[j * k + l];
                    assert_true(fabs(sum) <= tolerance);
                }
        }
}

static void test_singular_values(void **state) {
    (void)state;
    const double a[] = {0, 3, 0, 0, 0, -5}, b[] = {1, 1, 1, 1};
    double largest, smallest;
    assert_int_equal(singular_range(2, 3, a, &largest, &smallest), CONVOY_OK);
    assert_true(fabs(largest - 5) < 1e-14 && fabs(smallest - 3) < 1e-14);
    assert_int_equal(singular_range(3, 2, a, &largest, &smallest), CONVOY_OK); /* [[0,3],[0,0],[0,-5]] */
    assert_true(fabs(largest - sqrt(34)) < 1e-14 && fabs(smallest) < 1e-14);
    assert_int_equal(singular_range(2, 2, b, &largest, &smallest), CONVOY_OK);
    assert_true(fabs(largest - 2) < 1e-14 && fabs(smallest) < 1e-14);
}

static void test_singular(void **state) {
    (void)state;
    const double zero[] = {0}, ones[] = {1, 1, 1, 1}, near[] = {0.1, 0.3, 0.7 * 0.1, 0.7 * 0.3};
    double inverse[4] = {7, 7, 7, 7};
    assert_int_equal(dense_invert(1, zero, inverse), CONVOY_E_INTERNAL);
    assert_int_equal(dense_invert(2, ones, inverse), CONVOY_E_INTERNAL);
    assert_int_equal(dense_invert(2, near, inverse), CONVOY_E_INTERNAL);
    const double dependent[] = {0, 1, 0, 2};
    assert_int_equal(dense_pseudo_inverse(2, 2, dependent, inverse, NULL), CONVOY_E_INTERNAL);
    for (int i = 0; i < 4; i++)
        assert_true(inverse[i] == 7);
}

/* LAPACK would end the process. */
static void test_not_finite(void **state) {
    (void)state;
    static const double odd[] = {INFINITY, -INFINITY, NAN};
    for (size_t i = 0; i < 3; i++) {
        const double a[] = {1, 2, odd[i], 4};
        double out[4];
        assert_int_equal(dense_invert(2, a, out), CONVOY_E_INTERNAL);
        assert_int_equal(dense_pseudo_inverse(2, 2, a, out, NULL), CONVOY_E_INTERNAL);
        assert_int_equal(dense_singular_values(2, 2, a, out), CONVOY_E_INTERNAL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_finite),     cmocka_unit_test(test_invert),
        cmocka_unit_test(test_pseudo_inverse), cmocka_unit_test(test_singular_values),
        cmocka_unit_test(test_singular),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
