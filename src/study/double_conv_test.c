/* The convolution in double against its definition, element by element. */
#include "study/double_conv.h"

#include "base/random.h"
#include "compute/conv_element.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SEED = 7 };

static double *normal_array(struct random *random, size_t count) {
    double *a = calloc(count, sizeof *a);
    assert_non_null(a);
    for (size_t i = 0; i < count; i++)
        a[i] = random_normal(random);
    return a;
}

static size_t elements(convoy_shape shape) {
    size_t product = 1;
    for (uint32_t i = 0; i < shape.rank; i++)
        product *= (size_t)shape.dims[i];
    return product;
}

static void check(struct random *random, struct conv_geometry g) {
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_OK);
    const convoy_shape in = conv_input_shape(&g), filter = conv_filter_shape(&g);
    double *x = normal_array(random, elements(in)), *k = normal_array(random, elements(filter));
    double *y = normal_array(random, elements(conv_output_shape(&g)));
    const convoy_tensor map = {.dtype = CONVOY_F64, .shape = in, .data = x};
    const convoy_tensor filters = {.dtype = CONVOY_F64, .shape = filter, .data = k};
    assert_int_equal(double_conv(&g, x, k, y), CONVOY_OK);
    struct conv_place at = {0};
    for (at.image = 0; at.image < g.batch; at.image++)
        for (at.channel = 0; at.channel < g.out_channels; at.channel++)
            for (at.axis[0] = 0; at.axis[0] < g.out[0]; at.axis[0]++)
                for (at.axis[1] = 0; at.axis[1] < g.out[1]; at.axis[1]++) {
                    const double expected = conv_element(&g, &map, &filters, &at);
                    assert_true(fabs(y[conv_output_index(&g, &at)] - expected) < 1e-12);
                }
    free(x);
    free(k);
    free(y);
}

/* Random layers: strides, dilations and pads that differ by axis, windows that lie in the padding alone. */
static void test_definition(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, SEED);
    print_message("seed %d\n", SEED);
    for (int run = 0; run < 300; run++) {
        struct conv_geometry g = {.layout = CONV_CHANNELS_FIRST,
                                  .spatial = 2,
                                  .groups = 1,
                                  .batch = 1 + (int64_t)random_below(&random, 2),
                                  .in_channels = 1 + (int64_t)random_below(&random, 4),
                                  .out_channels = 1 + (int64_t)random_below(&random, 9)};
        for (uint32_t i = 0; i < 2; i++) {
            g.kernel[i] = 1 + (int64_t)random_below(&random, 4);
            g.stride[i] = 1 + (int64_t)random_below(&random, 3);
            g.dilation[i] = 1 + (int64_t)random_below(&random, 2);
            g.pad_begin[i] = (int64_t)random_below(&random, 6);
            g.pad_end[i] = (int64_t)random_below(&random, 6);
            g.in[i] = (g.kernel[i] - 1) * g.dilation[i] + 1 + (int64_t)random_below(&random, 20);
        }
        check(&random, g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_definition)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
