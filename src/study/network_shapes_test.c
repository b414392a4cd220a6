/* The shapes give the multiply-adds that the literature gives for these networks. */
#include "study/network_shapes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static double macs_of(const char *network) {
    struct study_layer *layers = NULL;
    size_t count = 0;
    double macs = 0;
    assert_int_equal(study_layers_create(&layers, &count, network, NULL), CONVOY_OK);
    for (size_t i = 0; i < count; i++)
        macs += (double)conv_macs(&layers[i].geometry);
    free(layers);
    return macs;
}

/* torchvision's documentation of its weights: GFLOPS, which are multiply-adds there. */
static void test_multiply_adds(void **state) {
    (void)state;
    static const struct {
        const char *network;
        double giga;
    } cases[] = {{"alexnet", 0.71}, {"vgg16", 15.47}, {"resnet18", 1.81}, {"resnet50", 4.09}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const double found = macs_of(cases[i].network) / 1e9;
        if (found < cases[i].giga - 0.0051 || found > cases[i].giga + 0.0051)
            fail_msg("%s: %g", cases[i].network, found);
    }
    assert_true(macs_of("lenet5") ==
                28.0 * 28 * 25 * 6 + 10.0 * 10 * 25 * 6 * 16 + 400 * 120 + 120 * 84 + 84 * 10);
}

static void test_unknown_network(void **state) {
    (void)state;
    struct study_layer *layers = NULL;
    size_t count = 0;
    assert_int_equal(study_layers_create(&layers, &count, "lenet6", NULL), CONVOY_E_USAGE);
    assert_null(layers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multiply_adds),
        cmocka_unit_test(test_unknown_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
