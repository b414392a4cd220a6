/* Codes that are given by their coefficients: what is found of them, what is refused, and that they are the
 * codes that they were made from. */
#include "code/coefficient_table.h"

#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 11, N = 8 };

/* A table of one pair, with the coefficients of a code that there is. */
static const struct code_family *copy_of(const struct code *code, uint32_t threshold) {
    const struct coefficient_pair pair = {code->input_parts, code->filter_parts, code->input_rows,
                                          code->filter_rows};
    const struct coefficient_table table = {.workers = code->placement.workers,
                                            .input_pieces = code->input_pieces,
                                            .filter_pieces = code->filter_pieces,
                                            .threshold = threshold,
                                            .pair_count = 1,
                                            .pairs = &pair};
    const struct code_family *family = NULL;
    assert_int_equal(coefficient_table_create(&family, "table:copy.npz", &table, NULL), CONVOY_OK);
    return family;
}

static struct code code_of(const char *name, uint32_t input_parts, uint32_t filter_parts, uint32_t workers) {
    const struct code_family *family = NULL;
    const struct placement placement = placement_plain(workers);
    struct code code;
    assert_int_equal(code_family_find(name, &family, NULL), CONVOY_OK);
    assert_int_equal(code_create(&code, family, input_parts, filter_parts, &placement, SEED, NULL),
                     CONVOY_OK);
    return code;
}

/* A table has the threshold of the code that it was made from, and its solutions, bit by bit if that one
 * solves by its coefficients too. */
static void test_copies(void **state) {
    (void)state;
    static const struct {
        const char *family;
        uint32_t a, b;
    } cases[] = {{"vandermonde", 2, 3}, {"chebyshev", 3, 2}, {"khatri-rao", 2, 2}, {"systematic", 1, 5},
                 {"rotation", 4, 6},    {"rotation", 1, 8},  {"replicate", 2, 2},  {"uncoded", 4, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct code code = code_of(cases[i].family, cases[i].a, cases[i].b, N), copy;
        const struct code_family *family = copy_of(&code, 0);
        const struct coefficient_threshold found = coefficient_table_threshold(family, 0);
        assert_true(found.all);
        assert_int_equal(found.threshold, code.threshold);
        assert_int_equal(code_threshold(family, cases[i].a, cases[i].b, N), code.threshold);
        assert_int_equal(code_threshold(family, cases[i].a, cases[i].b, N - 1), 0);
        assert_int_equal(code_threshold(family, cases[i].b + 9, cases[i].a, N), 0);
        assert_int_equal(code_create(&copy, family, cases[i].a, cases[i].b, &code.placement, SEED + 1, NULL),
                         CONVOY_OK);
        uint32_t workers[N];
        for (uint32_t w = 0; w < code.threshold; w++)
            workers[w] = N - 1 - w;
        struct code_solution *ours = NULL, *theirs = NULL;
        assert_int_equal(code_solve(&code, workers, code.threshold, &ours), CONVOY_OK);
        assert_int_equal(code_solve(&copy, workers, code.threshold, &theirs), CONVOY_OK);
        assert_true(fabs(ours->condition - theirs->condition) < 1e-9 * ours->condition || i >= 6);
        if (!code.family->on_circle && !code.family->suffices)
            assert_memory_equal(ours->f, theirs->f, ours->rows * ours->columns * sizeof *ours->f);
        code_solution_destroy(&ours);
        code_solution_destroy(&theirs);
        code_destroy(&code);
        code_destroy(&copy);
        code_family_destroy(&family);
        assert_null(family);
    }
}

/* parts = f · answers must give back any parts, from any workers that suffice: more equations than unknowns,
 * too. */
static void check_inverse(const struct code *code, const uint32_t *workers, uint32_t count) {
    struct code_solution *solution = NULL;
    const uint32_t parts = code->input_parts * code->filter_parts;
    const uint32_t pieces = code->input_pieces * code->filter_pieces;
    assert_int_equal(code_solve(code, workers, count, &solution), CONVOY_OK);
    assert_int_equal(solution->columns, solution->survivors * pieces);
    for (uint32_t row = 0; row < parts; row++)
        for (uint32_t part = 0; part < parts; part++) {
            double sum = 0;
            for (uint32_t c = 0; c < solution->columns; c++) {
                const uint32_t w = solution->workers[c / pieces], piece = c % pieces;
                const double *input =
                    code_input_rows(code, w) + piece / code->filter_pieces * code->input_parts;
                const double *filter =
                    code_filter_rows(code, w) + piece % code->filter_pieces * code->filter_parts;
                sum += solution->f[row * solution->columns + c] * input[part / code->filter_parts] *
                       filter[part % code->filter_parts];
            }
            assert_true(fabs(sum - (solution->part[row] == part)) < 1e-12 * solution->condition);
        }
    code_solution_destroy(&solution);
}

/* Random coefficients with several pieces for a worker, where answers may be more than unknowns. */
static void test_several_pieces(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    for (uint32_t p = 1; p <= 3; p++)
        for (uint32_t q = 1; q <= 3; q++) {
            const uint32_t a = 2 + p, b = 1 + q;
            double input[N * 3 * 5], filter[N * 3 * 4];
            for (size_t i = 0; i < sizeof input / sizeof *input; i++)
                input[i] = random_normal(&random);
            for (size_t i = 0; i < sizeof filter / sizeof *filter; i++)
                filter[i] = random_normal(&random);
            const struct coefficient_pair pair = {a, b, input, filter};
            const struct coefficient_table table = {N, p, q, 0, 1, &pair};
            const struct code_family *family = NULL;
            assert_int_equal(coefficient_table_create(&family, "table:own.npz", &table, NULL), CONVOY_OK);
            const struct placement placement = placement_plain(N);
            struct code code;
            assert_int_equal(code_create(&code, family, a, b, &placement, 0, NULL), CONVOY_OK);
            assert_true(code.threshold * p * q >= a * b);
            for (uint32_t set = 0; set < 1U << N; set++) {
                uint32_t workers[N], count = 0;
                for (uint32_t w = 0; w < N; w++)
                    if (set >> w & 1)
                        workers[count++] = w;
                if (count >= code.threshold)
                    check_inverse(&code, workers, count);
            }
            code_destroy(&code);
            code_family_destroy(&family);
        }
}

/* How rows are scaled does not matter, though there are more answers than needed: each answer is weighed by
 * its size. */
static void test_scaled_rows(void **state) {
    (void)state;
    enum { PARTS = 3 };
    struct random random;
    random_seed(&random, SEED);
    double rows[2][N * PARTS], whole[N];
    for (uint32_t w = 0; w < N; w++) {
        whole[w] = 1;
        for (uint32_t i = 0; i < PARTS; i++) {
            rows[0][w * PARTS + i] = random_normal(&random);
            rows[1][w * PARTS + i] = ldexp(rows[0][w * PARTS + i], (int)w * 90 - 300);
        }
    }
    struct code_solution *solutions[2];
    const uint32_t workers[] = {0, 2, 3, 5, 7};
    for (int scaled = 0; scaled < 2; scaled++) {
        const struct coefficient_pair pair = {PARTS, 1, rows[scaled], whole};
        const struct coefficient_table table = {N, 1, 1, 5, 1, &pair};
        const struct placement placement = placement_plain(N);
        const struct code_family *family = NULL;
        struct code code;
        assert_int_equal(coefficient_table_create(&family, "table:scaled.npz", &table, NULL), CONVOY_OK);
        assert_int_equal(code_create(&code, family, PARTS, 1, &placement, 0, NULL), CONVOY_OK);
        assert_int_equal(code_solve(&code, workers, 5, &solutions[scaled]), CONVOY_OK);
        for (uint32_t c = 0; c < 5; c++) {
            const double scale = code_input_rows(&code, workers[c])[0] / rows[0][workers[c] * PARTS];
            for (uint32_t row = 0; row < PARTS; row++)
                solutions[scaled]->f[row * 5 + c] *= scale;
        }
        code_destroy(&code);
        code_family_destroy(&family);
    }
    for (uint32_t i = 0; i < PARTS * 5; i++)
        assert_true(fabs(solutions[0]->f[i] - solutions[1]->f[i]) < 1e-12 * solutions[0]->condition);
    assert_true(fabs(solutions[0]->noise_gain / solutions[1]->noise_gain - 1) < 1e-9);
    code_solution_destroy(&solutions[0]);
    code_solution_destroy(&solutions[1]);
}

/* Two workers with the same row: any three decode two parts, not any two. Asking for two is refused, by their
 * numbers. */
static void test_a_set_that_does_not_decode(void **state) {
    (void)state;
    static const double input[] = {1, 0, 1, 1, 1, -1, 1, 1}, filter[] = {1, 1, 1, 1};
    const struct coefficient_pair pair = {2, 1, input, filter};
    struct coefficient_table table = {4, 1, 1, 0, 1, &pair};
    const struct code_family *family = NULL;
    assert_int_equal(coefficient_table_create(&family, "table:twins.npz", &table, NULL), CONVOY_OK);
    assert_int_equal(coefficient_table_threshold(family, 0).threshold, 3);
    code_family_destroy(&family);
    table.threshold = 4;
    assert_int_equal(coefficient_table_create(&family, "table:twins.npz", &table, NULL), CONVOY_OK);
    assert_int_equal(coefficient_table_threshold(family, 0).threshold, 4);
    code_family_destroy(&family);
    table.threshold = 2;
    convoy_error error = {0};
    assert_int_equal(coefficient_table_create(&family, "table:twins.npz", &table, &error), CONVOY_E_INPUT);
    assert_non_null(strstr(error.message, "answers of workers 1, 3"));
}

static void test_refusals(void **state) {
    (void)state;
    static double input[] = {1, 0, 0, 1, 1, 1}, filter[] = {1, 1, 1}, zeros[6];
    static double odd[] = {1, 0, 0, NAN, 1, 1};
    static const struct coefficient_pair good[] = {{2, 1, input, filter}, {2, 1, input, filter}},
                                         nan = {2, 1, odd, filter}, none = {2, 1, zeros, filter},
                                         many = {2, 3, input, input}, whole = {0, 1, input, filter};
    static const struct {
        struct coefficient_table table;
        const char *words;
    } cases[] = {
        {{0, 1, 1, 0, 1, good}, "0 workers"},      {{257, 1, 1, 0, 1, good}, "257 workers"},
        {{3, 0, 1, 0, 1, good}, "pieces"},         {{3, 5, 4, 0, 1, good}, "pieces"},
        {{3, 1, 1, 4, 1, good}, "threshold of 4"}, {{3, 1, 1, 1, 1, good}, "from the answers of 1 workers"},
        {{3, 1, 1, 0, 0, good}, "0 pairs"},        {{3, 1, 1, 0, 2, good}, "two pairs"},
        {{3, 1, 1, 0, 1, &nan}, "not finite"},     {{3, 1, 1, 0, 1, &none}, "workers 0, 1, 2"},
        {{3, 1, 1, 0, 1, &many}, "2 x 3 parts"},   {{3, 1, 1, 0, 1, &whole}, "0 x 1 parts"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct code_family *family = NULL;
        convoy_error error = {0};
        assert_int_equal(coefficient_table_create(&family, "table:bad.npz", &cases[i].table, &error),
                         CONVOY_E_INPUT);
        if (family || !strstr(error.message, cases[i].words) || strncmp(error.message, "table:bad.npz: ", 15))
            fail_msg("case %zu: %s", i, error.message);
    }
}

/* Of many workers some sets are looked at, and that is told; the hash tells coefficients apart. */
static void test_many_workers(void **state) {
    (void)state;
    struct code code = code_of("khatri-rao", 4, 5, 40), other = code_of("chebyshev", 4, 5, 40);
    const struct code_family *family = copy_of(&code, 0), *again = copy_of(&code, 25),
                             *third = copy_of(&other, 0);
    const struct coefficient_threshold found = coefficient_table_threshold(family, 0);
    assert_false(found.all);
    assert_true(found.sets > 1000);
    assert_int_equal(found.threshold, 20);
    assert_true(family->hash && family->hash == again->hash && family->hash != third->hash);
    code_destroy(&code);
    code_destroy(&other);
    code_family_destroy(&family);
    code_family_destroy(&again);
    code_family_destroy(&third);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),      cmocka_unit_test(test_several_pieces),
        cmocka_unit_test(test_scaled_rows), cmocka_unit_test(test_a_set_that_does_not_decode),
        cmocka_unit_test(test_refusals),    cmocka_unit_test(test_many_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
