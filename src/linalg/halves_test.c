/* Every kernel's way from halves and to them, bit by bit that of base/half.h. */
#include "linalg/halves.h"

#include "base/half.h"
#include "base/random.h"
#include "linalg/combine.h"
#include "linalg/unmix.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEED 20261122

enum { HALVES = 65536, NUMBERS = 500001 };

static const convoy_dtype types[] = {CONVOY_BF16, CONVOY_F16};

static uint16_t narrowed(convoy_dtype type, float value) {
    return type == CONVOY_BF16 ? bf16_of(value) : f16_of(value);
}

static float widened(convoy_dtype type, uint16_t half) {
    return type == CONVOY_BF16 ? bf16_value(half) : f16_value(half);
}

/* The same numbers, bit by bit; of NaNs only that they are. */
static void expect_wide(const char *kernel, convoy_dtype type, const uint16_t *from, const float *wide) {
    for (size_t i = 0; i < HALVES; i++) {
        float want = widened(type, from[i]);
        if (isnan(want) ? !isnan(wide[i]) : float_bits(wide[i]) != float_bits(want))
            fail_msg("%s, %s: %#x becomes %a, not %a", kernel, convoy_dtype_text(type), from[i],
                     (double)wide[i], (double)want);
    }
}

/* All there are, at once and in lines of 37 elements, so that ends of lines are among them. */
static void test_every_half_widens(void **state) {
    (void)state;
    uint16_t *from = malloc(HALVES * sizeof *from);
    float *wide = malloc(HALVES * sizeof *wide);
    assert_true(from && wide);
    for (uint32_t i = 0; i < HALVES; i++)
        from[i] = (uint16_t)i;
    for (const convoy_dtype *type = types; type < types + 2; type++)
        for (const struct unmix_kernel *kernel = unmix_kernels(); kernel->name; kernel++)
            for (size_t count = 37; count <= HALVES; count += HALVES - 37) {
                memset(wide, 0x55, HALVES * sizeof *wide);
                for (size_t at = 0; at < HALVES; at += count)
                    kernel->widen(*type, from + at, HALVES - at < count ? HALVES - at : count, wide + at);
                expect_wide(kernel->name, *type, from, wide);
            }
    free(from);
    free(wide);
}

/* Floats of any bits, a third of them between halves, through a combination of one, aligned and not. */
static void test_narrows_alike(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    print_message("seed %d\n", SEED);
    float *from = malloc(NUMBERS * sizeof *from);
    char *memory = malloc((NUMBERS + 1) * sizeof(uint16_t));
    assert_true(from && memory);
    for (size_t i = 0; i < NUMBERS; i++) {
        uint32_t bits = (uint32_t)random_below(&random, UINT64_C(1) << 32);
        from[i] = float_of_bits(i % 3 == 0 ? bits & 0xfffff000 : i % 3 == 1 ? bits & 0xffff8000 : bits);
    }
    static const double one = 1;
    for (const convoy_dtype *type = types; type < types + 2; type++)
        for (const struct combine_kernel *kernel = combine_kernels(); kernel->name; kernel++)
            for (int variant = 0; variant < 4; variant++) {
                void *to = memory + variant % 2;
                memset(memory, 0x55, (NUMBERS + 1) * sizeof(uint16_t));
                kernel->run(&(struct combine_job){.dtype = CONVOY_F32,
                                                  .out_dtype = *type,
                                                  .outputs = 1,
                                                  .inputs = 1,
                                                  .g = &one,
                                                  .g_stride = 1,
                                                  .first = from,
                                                  .out = &to,
                                                  .length = NUMBERS,
                                                  .repeats = 1,
                                                  .stream = variant / 2});
                for (size_t i = 0; i < NUMBERS; i++) {
                    uint16_t got, want = narrowed(*type, from[i] + 0.0F);
                    memcpy(&got, (char *)to + i * sizeof got, sizeof got);
                    bool nan = isnan(from[i]);
                    if (nan ? !isnan(widened(*type, got)) : got != want)
                        fail_msg("%s, %s: %a becomes %#x, not %#x", kernel->name, convoy_dtype_text(*type),
                                 (double)from[i], got, want);
                }
            }
    free(from);
    free(memory);
}

static void test_tells_what_float16_does_not_hold(void **state) {
    (void)state;
    enum { COUNT = 43 };
    static const struct {
        float value;
        bool holds;
    } cases[] = {{65519, true}, {65520, false}, {-65520, false}, {INFINITY, false}, {NAN, true}, {1, true}};
    uint16_t halves[COUNT];
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (size_t at = 0; at < COUNT; at++) {
            float values[COUNT] = {0};
            values[(at + 1) % COUNT] = 1;
            values[at] = cases[c].value;
            assert_int_equal(halves_narrow(values, COUNT, CONVOY_F16, halves), cases[c].holds);
            assert_true(halves_narrow(values, COUNT, CONVOY_BF16, halves));
        }
    float small[COUNT] = {0};
    assert_true(halves_narrow(small, COUNT, CONVOY_F16, halves));
    small[41] = 0x1p-15F; /* where all are so small, float16 has few digits left */
    assert_false(halves_narrow(small, COUNT, CONVOY_F16, halves));
    small[3] = -0x1p-14F;
    assert_true(halves_narrow(small, COUNT, CONVOY_F16, halves));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_half_widens),
        cmocka_unit_test(test_narrows_alike),
        cmocka_unit_test(test_tells_what_float16_does_not_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
