/* The algebra of the codes, on parts of one number each: what encoding makes of them, the solution undoes. */
#include "code/code.h"

#include "base/random.h"
#include "code/decoder.h"
#include "linalg/dense.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 7, PARTS_MAX = 64, WORKERS_MAX = 12, NODES = 8 };

/* Units of κ·2^-53 that a solution may be wrong by, for each of its rows. */
static const double ROUNDINGS = 4;

static struct code code_of(const char *name, uint32_t input_parts, uint32_t filter_parts,
                           struct placement placement) {
    const struct code_family *family;
    struct code code;
    assert_int_equal(code_family_find(name, &family, NULL), CONVOY_OK);
    assert_int_equal(code_create(&code, family, input_parts, filter_parts, &placement, SEED, NULL),
                     CONVOY_OK);
    return code;
}

/* The map from the parts to the worker's answers: e[pieces][k_A*k_B], rows input_row ⊗ filter_row. Returns
 * the pieces. */
static uint32_t worker_map(const struct code *code, uint32_t worker, double *e) {
    const double *a = code_input_rows(code, worker), *b = code_filter_rows(code, worker);
    for (uint32_t r = 0; r < code->input_pieces; r++)
        for (uint32_t s = 0; s < code->filter_pieces; s++)
            for (uint32_t i = 0; i < code->input_parts; i++)
                for (uint32_t k = 0; k < code->filter_parts; k++)
                    *e++ = a[r * code->input_parts + i] * b[s * code->filter_parts + k];
    return code->input_pieces * code->filter_pieces;
}

/* out [k_A*k_B] = the solution applied to the answers [survivors][pieces]. */
static void solution_apply(const struct code *code, const struct code_solution *solution,
                           const double *answers, double *out) {
    const struct output_grid grid = {
        .layout = CONV_CHANNELS_LAST,
        .batch = 1,
        .groups = 1,
        .inner = 1,
        .channels = code->filter_parts,
        .rows = code->input_parts,
        .part_channels = 1,
        .part_rows = 1,
        .input_parts = code->input_parts,
        .filter_parts = code->filter_parts,
    };
    const void *pointers[WORKERS_MAX];
    for (uint32_t i = 0; i < solution->survivors; i++)
        pointers[i] = answers + (size_t)i * code->input_pieces * code->filter_pieces;
    const struct decode_job job = {.dtype = CONVOY_F64,
                                   .answer_dtype = CONVOY_F64,
                                   .code = code,
                                   .solution = solution,
                                   .grid = &grid,
                                   .answers = pointers,
                                   .out = out};
    bool finite;
    assert_int_equal(decode(&job, &finite), CONVOY_OK);
}

static double norm(const double *x, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

/* ν by its definition, E and its inverse being [parts][parts]. */
static void check_noise_gain(const struct code *code, const struct code_solution *solution, const double *e,
                             const double *inverse) {
    const uint32_t parts = code->input_parts * code->filter_parts;
    double sum = 0;
    for (uint32_t j = 0; j < parts; j++)
        for (uint32_t i = 0; i < parts; i++)
            sum += pow(inverse[i * parts + j] * norm(e + (size_t)j * parts, parts), 2);
    const double gain = solution->noise_gain;
    assert_true(gain >= 1 - 1e-12); /* no code is better than plain parts */
    assert_true(fabs(gain / sqrt(sum / parts) - 1) < 1e-9);
}

/* Solves for the workers and compares with the real system of all answers, E x = y: for the y of encoded
 * parts (decoding inverts encoding) and for any y (the same system is solved), which also is linear in y. */
static void check_solution(struct random *random, const struct code *code, const uint32_t *workers,
                           uint32_t count) {
    uint32_t parts = code->input_parts * code->filter_parts, rows = 0;
    struct code_solution *solution;
    assert_int_equal(code_solve(code, workers, count, &solution), CONVOY_OK);
    double e[PARTS_MAX * PARTS_MAX], inverse[PARTS_MAX * PARTS_MAX], x[PARTS_MAX] = {0}, y[PARTS_MAX],
                                                                     z[PARTS_MAX] = {0}, out[PARTS_MAX];
    for (uint32_t i = 0; i < solution->survivors; i++)
        rows += worker_map(code, solution->workers[i], e + (size_t)rows * parts);
    assert_int_equal(rows, parts);

    double values[PARTS_MAX];
    assert_int_equal(dense_singular_values(rows, parts, e, values), CONVOY_OK);
    assert_true(fabs(solution->condition * values[parts - 1] / values[0] - 1) < 1e-9);

    for (uint32_t i = 0; i < parts; i++)
        x[i] = random_normal(random);
    for (uint32_t i = 0; i < rows; i++) {
        y[i] = 0;
        for (uint32_t k = 0; k < parts; k++)
            y[i] += e[i * parts + k] * x[k];
    }
    solution_apply(code, solution, y, out);
    for (uint32_t i = 0; i < parts; i++)
        z[i] = out[i] - x[i];
    double tolerance = ROUNDINGS * parts * 0x1p-53 * solution->condition;
    assert_true(norm(z, parts) <= tolerance * norm(x, parts));

    for (uint32_t i = 0; i < rows; i++)
        y[i] = random_normal(random);
    solution_apply(code, solution, y, out);
    assert_int_equal(dense_invert(parts, e, inverse), CONVOY_OK);
    for (uint32_t i = 0; i < parts; i++) {
        x[i] = 0;
        for (uint32_t k = 0; k < rows; k++)
            x[i] += inverse[i * rows + k] * y[k];
        z[i] = out[i] - x[i];
    }
    assert_true(norm(z, parts) <= tolerance * norm(x, parts));
    check_noise_gain(code, solution, e, inverse);
    code_solution_destroy(&solution);
    assert_null(solution);
}

/* Every set of exactly δ workers of n, in random order. */
static void check_every_set(struct random *random, const struct code *code) {
    uint32_t n = code->placement.workers;
    for (uint32_t set = 0; set < 1U << n; set++) {
        uint32_t workers[WORKERS_MAX], count = 0;
        for (uint32_t w = 0; w < n; w++)
            if (set >> w & 1)
                workers[count++] = w;
        for (uint32_t i = count; i > 1; i--) {
            uint32_t k = (uint32_t)random_below(random, i), kept = workers[i - 1];
            workers[i - 1] = workers[k];
            workers[k] = kept;
        }
        struct code_solution *solution = NULL;
        if (!code_suffices(code, workers, count)) {
            assert_true(count < code->threshold);
            assert_int_equal(code_solve(code, workers, count, &solution), CONVOY_E_USAGE);
            assert_null(solution);
        } else if (count <= code->threshold) {
            check_solution(random, code, workers, count);
        }
    }
}

static uint32_t expected_threshold(const char *family, uint32_t a, uint32_t b, uint32_t n) {
    if (strcmp(family, "rotation") == 0)
        return (a > 1 ? a / 2 : 1) * (b > 1 ? b / 2 : 1);
    return strcmp(family, "replicate") == 0 ? n - (n / (a * b) - 1) : a * b;
}

/* Every family, at all parts that it admits: every set of survivors of up to eight workers. */
static void test_every_set(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    print_message("seed %d\n", SEED);
    static const uint32_t splits[] = {1, 2, 3, 4, 5, 6, 8, 12, 16};
    const struct code_family *family;
    for (size_t f = 0; (family = code_family_at(f)); f++) {
        uint32_t codes = 0;
        for (uint32_t n = 1; n <= NODES; n++)
            for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++)
                for (size_t k = 0; k < sizeof splits / sizeof splits[0]; k++) {
                    const uint32_t threshold = code_threshold(family, splits[i], splits[k], n);
                    if (threshold == 0 || splits[i] * splits[k] > PARTS_MAX)
                        continue;
                    assert_int_equal(threshold, expected_threshold(family->name, splits[i], splits[k], n));
                    const struct placement spread = {n, 11, 3};
                    for (int placed = 0; placed <= family->on_circle; placed++, codes++) {
                        struct code code =
                            code_of(family->name, splits[i], splits[k], placed ? spread : placement_plain(n));
                        check_every_set(&random, &code);
                        code_destroy(&code);
                    }
                }
        print_message("%s: every set of %u codes\n", family->name, codes);
        assert_true(codes >= NODES);
    }
}

/* A threshold is no larger than it must be: without one part's holders, 8 − 2, nothing is determined. */
static void test_replicas(void **state) {
    (void)state;
    struct code code = code_of("replicate", 2, 2, placement_plain(8));
    const uint32_t six[] = {0, 1, 2, 4, 5, 6}, enough[] = {4, 1, 6, 3};
    assert_false(code_suffices(&code, six, 6));
    assert_true(code_suffices(&code, enough, 4));
    code_destroy(&code);
}

/* A systematic code copies the parts that came plain, and prefers them: nothing is multiplied if all came,
 * and one row for each that did not. */
static void test_plain_parts_first(void **state) {
    (void)state;
    for (uint32_t workers = 6; workers <= 20; workers += 7) {
        const uint32_t k = 5;
        struct code code = code_of("systematic", 1, k, placement_plain(workers));
        for (uint32_t lost = 0; lost < 1U << k; lost++) {
            uint32_t survivors[20], count = 0, plain = 0;
            for (uint32_t w = workers; w-- > 0;)
                if (w >= k || !(lost >> w & 1)) {
                    survivors[count++] = w;
                    plain += w < k;
                }
            struct code_solution *solution = NULL;
            if (count < k)
                continue;
            assert_int_equal(code_solve(&code, survivors, count, &solution), CONVOY_OK);
            assert_int_equal(solution->survivors, k);
            for (uint32_t i = 0; i < plain; i++)
                assert_true(solution->workers[i] < k);
            assert_true(solution->products == (uint64_t)(k - plain) * k);
            code_solution_destroy(&solution);
        }
        code_destroy(&code);
    }
}

/* What is random follows the seed, and nothing else does. */
static void test_seeds(void **state) {
    (void)state;
    const struct code_family *family;
    const struct placement placement = placement_plain(20);
    for (size_t f = 0; (family = code_family_at(f)); f++) {
        if (code_threshold(family, 1, 8, 20) == 0)
            continue;
        struct code code[3];
        for (int i = 0; i < 3; i++)
            assert_int_equal(code_create(&code[i], family, 1, 8, &placement, i ? 2 : 1, NULL), CONVOY_OK);
        const size_t bytes = sizeof(double) * 20 * code[0].filter_pieces * code[0].filter_parts;
        assert_memory_equal(code[1].filter_rows, code[2].filter_rows, bytes);
        assert_int_equal(memcmp(code[0].filter_rows, code[1].filter_rows, bytes) != 0, family->random);
        for (int i = 0; i < 3; i++)
            code_destroy(&code[i]);
    }
}

/* The order in which answers came does not matter, also where there are more than δ. */
static void test_order_of_answers(void **state) {
    (void)state;
    struct code code = code_of("rotation", 4, 4, placement_plain(7));
    const uint32_t one[] = {0, 2, 3, 5, 6, 1}, other[] = {6, 5, 1, 3, 0, 2};
    for (uint32_t count = 4; count <= 6; count++) {
        uint32_t reversed[6];
        for (uint32_t i = 0; i < count; i++)
            reversed[i] = one[count - 1 - i];
        struct code_solution *a, *b;
        assert_int_equal(code_solve(&code, one, count, &a), CONVOY_OK);
        assert_int_equal(code_solve(&code, count == 6 ? other : reversed, count, &b), CONVOY_OK);
        assert_memory_equal(a->workers, b->workers, 4 * sizeof *a->workers);
        assert_memory_equal(a->f, b->f, a->rows * a->columns * sizeof *a->f);
        assert_memory_equal(a->g, b->g, a->rows * a->columns * sizeof *a->g);
        code_solution_destroy(&a);
        code_solution_destroy(&b);
    }
    code_destroy(&code);
}

/* One answer more than δ: no choice has a smaller ‖V⁻¹‖_F, here nor a smaller κ. */
static void test_one_more(void **state) {
    (void)state;
    struct code code = code_of("rotation", 4, 8, (struct placement){12, 13, 1});
    const uint32_t workers[] = {2, 3, 4, 5, 6, 7, 8, 9, 0};
    double first = code_conditioning(&code, workers, 8).condition, best = first;
    for (uint32_t left = 0; left < 8; left++) {
        uint32_t swapped[9];
        memcpy(swapped, workers, sizeof workers);
        swapped[left] = workers[8];
        best = fmin(best, code_conditioning(&code, swapped, 8).condition);
    }
    struct code_solution *solution;
    assert_int_equal(code_solve(&code, workers, 9, &solution), CONVOY_OK);
    assert_true(first > 10 && best < first);
    assert_true(fabs(solution->condition / best - 1) < 1e-9);
    assert_int_equal(solution->workers[0], 0);
    assert_true(fabs(code_conditioning(&code, solution->workers, 8).condition / best - 1) < 1e-9);
    code_solution_destroy(&solution);
    code_destroy(&code);
}

/* ‖V⁺‖_F of some workers' rows. */
static double inverse_norm(const struct code *code, const uint32_t *workers, uint32_t count) {
    uint32_t order = code->threshold;
    double *rows = calloc((size_t)count * order, sizeof *rows),
           *inverse = calloc((size_t)count * order, sizeof *inverse);
    assert_true(rows && inverse);
    for (uint32_t i = 0; i < count; i++)
        placement_row(&code->placement, workers[i], order, rows + (size_t)i * order);
    assert_int_equal(dense_pseudo_inverse(count, order, rows, inverse, NULL), CONVOY_OK);
    double frobenius = norm(inverse, (size_t)count * order);
    free(rows);
    free(inverse);
    return frobenius;
}

/* Counts how often κ is computed. */
static uint32_t conditions;

static convoy_status conditioning_counted(const struct code *code, const uint32_t *workers, uint32_t count,
                                          struct conditioning *conditioning) {
    const struct code_family *family;
    conditions++;
    assert_int_equal(code_family_find("rotation", &family, NULL), CONVOY_OK);
    return family->conditioning(code, workers, count, conditioning);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The choice among random answers, more than δ: one κ is computed, whatever the sizes; ‖V⁻¹‖_F keeps the
 * bound that survivors.c proves; and κ is about what the search for the best exchanges, which cost thousands
 * of κ, found at (20,16), (40,32) and (60,32), and better than 1e3 where that could not be run. */
static void test_choice(void **state) {
    (void)state;
    static const struct {
        uint32_t workers, input_parts, filter_parts, stragglers, answers, sets;
        double median, worst; /* the largest κ allowed, of the median and of all sets */
    } cases[] = {
        {10, 4, 8, 2, 9, 100, 2.7, 5.2},    {20, 8, 8, 4, 18, 100, 6.8, 40},
        {40, 8, 16, 8, 34, 100, 24, 5e3},   {40, 8, 16, 8, 40, 1, 4, 4},
        {60, 8, 16, 28, 34, 100, 450, 3e6}, {60, 8, 16, 28, 46, 100, 8, 150},
        {256, 16, 24, 28, 200, 5, 10, 40},  {256, 16, 32, 28, 228, 5, 10, 40},
    };
    struct random random;
    random_seed(&random, SEED);
    print_message("seed %d\n", SEED);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct placement placement;
        assert_int_equal(placement_spread(cases[c].workers, cases[c].stragglers, &placement), CONVOY_OK);
        struct code code = code_of("rotation", cases[c].input_parts, cases[c].filter_parts, placement);
        struct code_family counted = *code.family;
        counted.conditioning = conditioning_counted;
        code.family = &counted;
        double found[100];
        for (uint32_t set = 0; set < cases[c].sets; set++) {
            uint32_t workers[256];
            for (uint32_t i = 0; i < cases[c].workers; i++)
                workers[i] = i;
            for (uint32_t i = 0; i < cases[c].answers; i++) {
                uint32_t k = i + (uint32_t)random_below(&random, cases[c].workers - i), kept = workers[i];
                workers[i] = workers[k];
                workers[k] = kept;
            }
            struct code_solution *solution;
            conditions = 0;
            assert_int_equal(code_solve(&code, workers, cases[c].answers, &solution), CONVOY_OK);
            assert_int_equal(conditions, 1);
            found[set] = solution->condition;
            double bound =
                sqrt(cases[c].answers - code.threshold + 1) * inverse_norm(&code, workers, cases[c].answers);
            assert_true(inverse_norm(&code, solution->workers, code.threshold) <= bound * (1 + 1e-6));
            code_solution_destroy(&solution);
        }
        qsort(found, cases[c].sets, sizeof *found, ascending);
        print_message("n %u, threshold %u, %u answers: condition %.3g median, %.3g worst\n", cases[c].workers,
                      code.threshold, cases[c].answers, found[cases[c].sets / 2], found[cases[c].sets - 1]);
        assert_true(found[cases[c].sets / 2] <= cases[c].median);
        assert_true(found[cases[c].sets - 1] <= cases[c].worst);
        code_destroy(&code);
    }
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *family;
        uint32_t input_parts, filter_parts, workers;
    } refused[] = {
        {"rotation", 0, 2, 4},
        {"rotation", 2, 0, 4},
        {"rotation", 3, 2, 4},
        {"rotation", 2, 5, 9},
        {"rotation", 4, 8, 7},
        {"replicate", 3, 3, 8},
        {"replicate", 0, 1, 8},
        {"uncoded", 2, 2, 5},
        {"uncoded", 2, 3, 5},
        {"rotation", 4294967294U, 4294967294U, 60},
        {"replicate", 65536, 65536, 60},
        {"uncoded", 65536, 65536, 0},
        {"systematic", 2, 2, 8},
        {"systematic", 9, 1, 8},
        {"vandermonde", 3, 3, 8},
        {"chebyshev", 65536, 65536, 60},
        {"khatri-rao", 0, 1, 60},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const struct code_family *family;
        struct placement placement = placement_plain(refused[i].workers);
        struct code code;
        convoy_error error = {0};
        assert_int_equal(code_family_find(refused[i].family, &family, NULL), CONVOY_OK);
        assert_int_equal(code_create(&code, family, refused[i].input_parts, refused[i].filter_parts,
                                     &placement, 1, &error),
                         CONVOY_E_USAGE);
        assert_non_null(strstr(error.message, refused[i].family));
    }
    const struct code_family *family = NULL;
    convoy_error error = {0};
    assert_int_equal(code_family_find("rotations", &family, &error), CONVOY_E_USAGE);
    assert_non_null(strstr(error.message, "'rotations'"));
    assert_non_null(strstr(error.message, "rotation, systematic, "));
    assert_null(family);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_set),
        cmocka_unit_test(test_replicas),
        cmocka_unit_test(test_plain_parts_first),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_order_of_answers),
        cmocka_unit_test(test_one_more),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
