/* A cluster that takes another code than the one for which it was made, as with --code auto. */
#include "base/clock.h"
#include "cluster_rig.h"
#include "runtime/cluster_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SEED 20260101

/* max|a-b| / max|b| of an output of float32 answers; halves are worse. */
#define TOLERANCE 1.5e-5

/* As if it had been made for the code that it uses: family, placement and frames. */
static void test_another_code_is_used(void **state) {
    (void)state;
    static const char *const families[] = {"rotation", "replicate"};
    for (int i = 0; i < 2; i++) {
        struct cluster_rig rig, usual;
        struct cluster_rig_setup setup = {.family = families[i],
                                          .first_family = families[1 - i],
                                          .workers = 10,
                                          .stragglers = 4,
                                          .frames = CONVOY_F16,
                                          .no_fallback = true,
                                          .seed = SEED};
        cluster_rig_open(&rig, &setup);
        setup.first_family = NULL;
        cluster_rig_open(&usual, &setup);
        const struct placement *used = &rig.cluster->placement, *wanted = &usual.cluster->placement;
        assert_memory_equal(used, wanted, sizeof *used);
        assert_int_equal(used->step == 1, i == 1); /* only the rotation code spreads its workers */
        convoy_layer_report report = {0};
        double error = 0;
        assert_int_equal(cluster_rig_run(&rig, &report, &error), CONVOY_OK);
        assert_true(report.coded);
        assert_string_equal(report.family, families[i]);
        assert_true(error > TOLERANCE && error < 0.1); /* halves */
        cluster_rig_close(&rig);
        cluster_rig_close(&usual);
    }
}

/* Nodes that are kept free belong to a code that has room for them. */
static void test_another_code_needs_room_for_the_reserve(void **state) {
    (void)state;
    struct cluster *cluster = NULL;
    struct cluster_options options = {
        .workers = 4, .stragglers = 1, .reserve = 1, .deadline_ns = 10 * NS_PER_S, .seed = SEED};
    const struct code_family *replicate = NULL;
    convoy_error error = {0};
    assert_int_equal(code_family_find("rotation", &options.family, NULL), CONVOY_OK);
    assert_int_equal(code_family_find("replicate", &replicate, NULL), CONVOY_OK);
    assert_int_equal(cluster_create_local(&cluster, &options, "reference", 1, NULL), CONVOY_OK);
    assert_int_equal(cluster_use_code(cluster, replicate, CONVOY_F32, &error), CONVOY_E_USAGE);
    assert_non_null(strstr(error.message, "replicate"));
    assert_ptr_equal(cluster->options.family, options.family);
    cluster_destroy(&cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_code_is_used),
        cmocka_unit_test(test_another_code_needs_room_for_the_reserve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
