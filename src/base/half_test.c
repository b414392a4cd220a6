/* Floats of 16 bits against their definition: the nearest of all that there are, found by searching. */
#include "base/half.h"

#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define SEED 20261122

static const struct format {
    const char *name;
    int exponent_bits, fraction_bits;
    uint16_t (*of)(float value);
    float (*value)(uint16_t half);
} formats[] = {{"bfloat16", 8, 7, bf16_of, bf16_value}, {"float16", 5, 10, f16_of, f16_value}};

/* The number that the bits stand for, by the definition; not of NaN. */
static double number(const struct format *f, uint16_t bits) {
    int most = (1 << f->exponent_bits) - 1, exponent = bits >> f->fraction_bits & most;
    int fraction = bits & ((1 << f->fraction_bits) - 1), bias = most / 2;
    double size = exponent == most ? INFINITY
                  : exponent == 0
                      ? ldexp(fraction, 1 - bias - f->fraction_bits)
                      : ldexp((1 << f->fraction_bits) + fraction, exponent - bias - f->fraction_bits);
    return bits & 0x8000 ? -size : size;
}

static bool is_nan(const struct format *f, uint16_t bits) {
    return (bits & 0x7fff) > ((1 << f->exponent_bits) - 1) << f->fraction_bits;
}

static void test_every_half_widens(void **state) {
    (void)state;
    for (const struct format *f = formats; f < formats + 2; f++)
        for (uint32_t bits = 0; bits < 65536; bits++) {
            float wide = f->value((uint16_t)bits);
            if (is_nan(f, (uint16_t)bits)) {
                assert_true(isnan(wide) && isnan(f->value(f->of(wide))));
                continue;
            }
            assert_true((double)wide == number(f, (uint16_t)bits) && !signbit(wide) == !(bits & 0x8000));
            assert_int_equal(f->of(wide), bits);
        }
}

/* The half that is nearest to |value|, the even one of two; what is nearer to the power of 2 beyond the
 * largest number is infinite. By bisection: the bits of positive numbers are in their order. */
static uint16_t nearest(const struct format *f, float value) {
    uint16_t low = 0, high = (uint16_t)(((1 << f->exponent_bits) - 1) << f->fraction_bits); /* infinity */
    uint16_t infinity = high;
    double size = fabs((double)value);
    while (high - low > 1) {
        uint16_t middle = (uint16_t)((low + high) / 2);
        if (number(f, middle) <= size)
            low = middle;
        else
            high = middle;
    }
    double above = high == infinity ? ldexp(1, 1 << (f->exponent_bits - 1)) : number(f, high);
    double down = size - number(f, low), up = above - size;
    uint16_t bits = isinf(size) || up < down || (up == down && low % 2) ? high : low;
    return (uint16_t)(bits | (signbit(value) ? 0x8000 : 0));
}

/* Halves, what lies halfway between two, and the neighbours of both; and any bits of a float32. */
static void test_narrowing_is_to_the_nearest(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    print_message("seed %d\n", SEED);
    for (const struct format *f = formats; f < formats + 2; f++)
        for (uint32_t i = 0; i < 1000000; i++) {
            uint32_t bits = (uint32_t)random_below(&random, UINT64_C(1) << 32);
            if (i < 65536 * 6) {
                uint32_t halfway = i % 2 ? 1U << (22 - f->fraction_bits) : 0;
                bits = (float_bits(f->value((uint16_t)(i / 6))) | 1U << 31) + halfway + i / 2 % 3 - 1;
            }
            float value = float_of_bits(bits);
            uint16_t got = f->of(value);
            if (isnan(value) ? !is_nan(f, got) : got != nearest(f, value))
                fail_msg("%s: %a becomes %#x, not %#x", f->name, (double)value, got, nearest(f, value));
        }
}

static void test_what_float16_holds(void **state) {
    (void)state;
    assert_true(f16_holds(0) && f16_holds(1) && f16_holds(0x1p-14F) && f16_holds(65519.996F));
    assert_false(f16_holds(65520) || f16_holds(INFINITY) || f16_holds(0x1.fffffep-15F) ||
                 f16_holds(0x1p-149F));
    assert_true(isinf(f16_value(f16_of(65520))) && !isinf(f16_value(f16_of(65519.996F))));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_half_widens),
        cmocka_unit_test(test_narrowing_is_to_the_nearest),
        cmocka_unit_test(test_what_float16_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
