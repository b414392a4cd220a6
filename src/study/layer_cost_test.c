/* What is counted of a layer's cost, and that a shape is measured once. No time is looked at. */
#include "study/layer_cost.h"
#include "study/parts_choice.h"
#include "study/study_networks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WORKERS = 6, STRAGGLERS = 2, ROUNDS = 3 };

struct fixture {
    convoy_study_options options;
    struct study study;
    struct cost_table *table;
    struct study_network network;
};

static int set_up(void **state) {
    static const char *const names[] = {"lenet5"};
    struct fixture *f = calloc(1, sizeof *f);
    f->options = (convoy_study_options){.topic = "overhead", .folder = ".", .seed = 1};
    f->study = (struct study){.options = &f->options, .samples = tmpfile()};
    *state = f;
    return f->study.samples && cost_table_create(&f->table, &f->study, ROUNDS, NULL) == CONVOY_OK &&
                   study_networks_fill(&f->network, names, 1, NULL) == CONVOY_OK
               ? 0
               : -1;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    cost_table_destroy(&f->table);
    study_networks_clear(&f->network, 1);
    fclose(f->study.samples);
    free(f);
    return 0;
}

static size_t sample_rows(struct fixture *f) {
    size_t rows = 0;
    rewind(f->study.samples);
    for (int c = getc(f->study.samples); c != EOF; c = getc(f->study.samples))
        rows += c == '\n';
    return rows;
}

static void test_counted(void **state) {
    struct fixture *f = *state;
    const struct code_family *family;
    for (size_t i = 0; (family = code_family_at(i)); i++) {
        const struct cost_setup setup = {.family = family, .workers = WORKERS, .stragglers = STRAGGLERS};
        struct layer_cost cost;
        assert_int_equal(cost_of_layer(f->table, &f->network.layers[0], &setup, &cost, NULL), CONVOY_OK);
        assert_true(cost.coded);
        assert_true(cost.task_bytes == 4 * cost.parts.cost.up * WORKERS);
        assert_true(cost.answer_bytes == 4 * cost.parts.cost.down * cost.parts.threshold);
        assert_true(cost.stored_bytes == 4 * cost.parts.cost.stored);
        assert_true(cost_part_ns(&cost, COST_UP) * COST_LINK_BITS / 1e9 > 7.99 * cost.task_bytes);
        assert_true(cost_part_ns(&cost, COST_UP) * COST_LINK_BITS / 1e9 < 8.01 * cost.task_bytes);
        assert_int_equal(cost.stages[STAGE_DECODE].count, ROUNDS);
    }
}

static void test_measured_once(void **state) {
    struct fixture *f = *state;
    const struct cost_setup setup = {
        .family = code_family_at(0), .workers = WORKERS, .stragglers = STRAGGLERS};
    struct network_cost first, again;
    assert_int_equal(cost_of_network(f->table, f->network.layers, f->network.count, &setup, &first, NULL),
                     CONVOY_OK);
    const size_t rows = sample_rows(f);
    assert_int_equal(cost_of_network(f->table, f->network.layers, f->network.count, &setup, &again, NULL),
                     CONVOY_OK);
    assert_int_equal(sample_rows(f), rows);
    assert_true(first.alone_ns == again.alone_ns);
    assert_true(network_cost_ns(&first, true) == network_cost_ns(&again, true));
    assert_true(network_cost_ns(&first, false) < network_cost_ns(&first, true));
    assert_int_equal(first.layers, f->network.count);
}

/* More workers than the layer can be cut for by a code that needs all: one machine computes it. */
static void test_not_coded(void **state) {
    struct fixture *f = *state;
    const struct study_layer *last = study_layer_find(&f->network, "fc3"); /* ten channels */
    const struct cost_setup setup = {.workers = 20, .stragglers = 0};
    const struct code_family *family;
    for (size_t i = 0; (family = code_family_at(i)); i++) {
        struct cost_setup own = setup;
        struct layer_cost cost;
        own.family = family;
        if (!family->needs_all)
            continue;
        assert_int_equal(cost_of_layer(f->table, last, &own, &cost, NULL), CONVOY_OK);
        assert_false(cost.coded);
        assert_true(cost_part_ns(&cost, COST_COMPUTE) == cost.alone.median);
        assert_true(cost_part_ns(&cost, COST_ENCODE) == 0 && cost_part_ns(&cost, COST_DOWN) == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counted),
        cmocka_unit_test(test_measured_once),
        cmocka_unit_test(test_not_coded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
