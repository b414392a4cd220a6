/* Words that were mistyped. */
#include <convoy/status.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const words[] = {"workers", "stragglers", "layers", "labels", "help", "kill", "in-flight"};
#define WORDS (sizeof words / sizeof words[0])

static const struct {
    const char *typed, *meant; /* NULL: none is close */
} cases[] = {
    {"workers", "workers"},
    {"worker", "workers"},
    {"wokers", "workers"},
    {"wrokers", "workers"},
    {"work", "workers"},
    {"wo", NULL},
    {"straglers", "stragglers"},
    {"layer", "layers"},
    {"lables", "labels"},
    {"hlep", "help"},
    {"kil", "kill"},
    {"kilo", "kill"},
    {"inflight", "in-flight"},
    {"in_flight", "in-flight"},
    {"", NULL},
    {"loosen", NULL},
    {"x", NULL},
    {"explode", NULL},
    {"hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh", NULL},
};

static void finds_what_was_meant(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *found = convoy_closest(cases[i].typed, words, WORDS);
        if (cases[i].meant)
            assert_string_equal(found ? found : "", cases[i].meant);
        else if (found)
            fail_msg("'%s' became '%s'", cases[i].typed, found);
    }
}

static void finds_nothing_among_nothing(void **state) {
    (void)state;
    assert_null(convoy_closest("help", words, 0));
    assert_null(convoy_closest(NULL, words, WORDS));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_meant),
        cmocka_unit_test(finds_nothing_among_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
