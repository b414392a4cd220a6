#include "base/conv.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A plain 2-D layer to start from: 3x8x9 to 4x6x7 by 3x3. */
static struct conv_geometry plain(void) {
    return (struct conv_geometry){.spatial = 2,
                                  .batch = 1,
                                  .groups = 1,
                                  .in_channels = 3,
                                  .out_channels = 4,
                                  .in = {8, 9},
                                  .kernel = {3, 3},
                                  .stride = {1, 1},
                                  .dilation = {1, 1}};
}

/* Output sizes by counting the places where the kernel fits, over all small geometries. */
static void test_output_size_counts_windows(void **state) {
    (void)state;
    int tried = 0;
    for (int code = 0; code < 7 * 4 * 3 * 3 * 3 * 3; code++) {
        struct conv_geometry g = plain();
        int rest = code;
        g.in[0] = 1 + rest % 7, rest /= 7;
        g.kernel[0] = 1 + rest % 4, rest /= 4;
        g.stride[0] = 1 + rest % 3, rest /= 3;
        g.dilation[0] = 1 + rest % 3, rest /= 3;
        g.pad_begin[0] = rest % 3, rest /= 3;
        g.pad_end[0] = rest % 3;
        int64_t windows = 0, padded = g.in[0] + g.pad_begin[0] + g.pad_end[0];
        for (int64_t at = 0; at + (g.kernel[0] - 1) * g.dilation[0] < padded; at += g.stride[0])
            windows++;
        convoy_status status = conv_geometry_complete(&g, NULL);
        assert_int_equal(status, windows ? CONVOY_OK : CONVOY_E_INPUT);
        if (windows)
            assert_int_equal(g.out[0], windows);
        tried += windows > 0;
    }
    assert_true(tried > 1000);
}

static void test_shapes_and_macs(void **state) {
    (void)state;
    struct conv_geometry g = plain();
    g.batch = 2;
    g.groups = 3;
    g.out_channels = 6;
    g.in[2] = 99; /* an unused axis: ignored */
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_OK);
    assert_int_equal(g.in[2], 1);
    assert_int_equal(g.out[2], 1);
    char text[64];
    convoy_shape shape = conv_input_shape(&g);
    assert_string_equal(convoy_shape_text(&shape, text, sizeof text), "2x3x8x9");
    shape = conv_filter_shape(&g);
    assert_string_equal(convoy_shape_text(&shape, text, sizeof text), "6x1x3x3");
    shape = conv_output_shape(&g);
    assert_string_equal(convoy_shape_text(&shape, text, sizeof text), "2x6x6x7");
    assert_int_equal(conv_macs(&g), 2 * 6 * 6 * 7 * 9);
    g.layout = CONV_CHANNELS_LAST;
    shape = conv_input_shape(&g);
    assert_string_equal(convoy_shape_text(&shape, text, sizeof text), "2x8x9x3");
    shape = conv_output_shape(&g);
    assert_string_equal(convoy_shape_text(&shape, text, sizeof text), "2x6x7x6");
    shape = conv_filter_shape(&g);
    assert_string_equal(convoy_shape_text(&shape, text, sizeof text), "6x1x3x3");
}

/* One field of the plain layer at a time, wrong; *geometry must not be touched. */
static void test_wrong_geometries(void **state) {
    (void)state;
    static const int64_t huge[] = {0, -1, INT64_MIN, INT64_MAX, ((int64_t)1 << 30) + 1};
    for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
        for (int field = 0; field < 10; field++) {
            struct conv_geometry g = plain();
            int64_t *fields[] = {&g.batch,     &g.groups,    &g.in_channels, &g.out_channels, &g.in[1],
                                 &g.kernel[1], &g.stride[1], &g.dilation[1], &g.pad_begin[1], &g.pad_end[1]};
            *fields[field] = huge[i];
            if (field >= 8 && huge[i] == 0)
                continue; /* no padding is right */
            struct conv_geometry before = g;
            convoy_error error = {0};
            assert_int_equal(conv_geometry_complete(&g, &error), CONVOY_E_INPUT);
            assert_true(strlen(error.message) > 0);
            assert_memory_equal(&g, &before, sizeof g);
        }
    }
    struct conv_geometry g = plain();
    g.groups = 2; /* 3 input channels */
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_E_INPUT);
    g = plain();
    g.spatial = 4;
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_E_INPUT);
    g = plain();
    g.spatial = 0;
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_E_INPUT);
    g = plain();
    g.layout = (enum conv_layout)7;
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_E_INPUT);
    g = plain();
    g.in[0] = g.in[1] = g.in_channels = (int64_t)1 << 30; /* each allowed, not together */
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_E_INPUT);
}

static void test_macs_do_not_wrap(void **state) {
    (void)state;
    struct conv_geometry g = {.layout = CONV_CHANNELS_LAST,
                              .spatial = 1,
                              .batch = 1 << 29,
                              .groups = 1,
                              .in_channels = 1 << 29,
                              .out_channels = 1 << 29,
                              .in = {1},
                              .kernel = {1},
                              .stride = {1},
                              .dilation = {1}};
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_OK); /* 2^61 bytes each */
    assert_true(conv_macs(&g) == UINT64_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_size_counts_windows),
        cmocka_unit_test(test_shapes_and_macs),
        cmocka_unit_test(test_wrong_geometries),
        cmocka_unit_test(test_macs_do_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
