/* Turning twice gives back what was there, and a turned convolution has the turned output. */
#include "base/conv_turn.h"

#include "conv_oracle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 23, LAYERS = 300 };

static size_t elements(convoy_shape shape) {
    size_t count = 1;
    for (uint32_t i = 0; i < shape.rank; i++)
        count *= (size_t)shape.dims[i];
    return count;
}

static double *random_map(struct random *random, size_t count) {
    double *map = calloc(count + 1, sizeof *map);
    assert_non_null(map);
    for (size_t i = 0; i < count; i++)
        map[i] = (double)random_below(random, 17) - 8; /* sums are exact, in any order */
    return map;
}

static void test_turned_convolutions(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    print_message("seed %d\n", SEED);
    size_t turned = 0;
    for (int i = 0; i < LAYERS; i++) {
        struct conv_geometry g, t;
        oracle_random_geometry(&random, &g);
        if (!conv_may_turn(&g))
            continue;
        turned++;
        t = g;
        conv_turn(&t);
        const size_t inputs = elements(conv_input_shape(&g)), filters = elements(conv_filter_shape(&g)),
                     outputs = elements(conv_output_shape(&g));
        double *x = random_map(&random, inputs), *k = random_map(&random, filters);
        double *y = random_map(&random, outputs), *turned_x = random_map(&random, inputs);
        double *turned_k = random_map(&random, filters), *turned_y = random_map(&random, outputs);
        double *back = random_map(&random, outputs);
        oracle_convolve(&g, CONVOY_F64, x, k, y);
        conv_turn_input(&t, sizeof *x, x, turned_x);
        conv_turn_filters(&t, sizeof *k, k, turned_k);
        oracle_convolve(&t, CONVOY_F64, turned_x, turned_k, turned_y);
        conv_turn_output(&t, sizeof *y, turned_y, back);
        assert_memory_equal(y, back, outputs * sizeof *y);
        conv_turn(&t);
        assert_memory_equal(&t, &g, sizeof g);
        void *all[] = {x, k, y, turned_x, turned_k, turned_y, back};
        for (size_t a = 0; a < sizeof all / sizeof all[0]; a++)
            free(all[a]);
    }
    assert_true(turned > LAYERS / 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turned_convolutions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
