/* When answers suffice, by states alone, without clocks or threads. */
#include "runtime/collection.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORKERS_MAX 96

/* One letter for each state: none, held, waiting, sent, answered, lost, declined, late. */
static const char state_letters[] = ".hwsaxdl";

struct scene {
    struct code code;
    struct collection collection;
    uint32_t nodes, workers[WORKERS_MAX];
};

static void scene_open(struct scene *scene, const char *name, uint32_t workers, uint32_t input_parts,
                       uint32_t filter_parts) {
    const struct code_family *family;
    const struct placement placement = placement_plain(workers);
    scene->nodes = workers;
    assert_int_equal(code_family_find(name, &family, NULL), CONVOY_OK);
    assert_int_equal(code_create(&scene->code, family, input_parts, filter_parts, &placement, 1, NULL),
                     CONVOY_OK);
    scene->collection = collection_begin(&scene->code);
}

static enum collection_step look(struct scene *scene, const char *letters, bool timely) {
    enum task_state states[WORKERS_MAX];
    for (uint32_t w = 0; w < scene->nodes; w++)
        states[w] = (enum task_state)(strchr(state_letters, letters[w]) - state_letters);
    return collection_look(&scene->collection, states, scene->nodes, timely, scene->workers);
}

/* Any four of six. */
static void test_steps(void **state) {
    (void)state;
    static const struct {
        const char *states;
        bool timely;
        enum collection_step step;
        uint32_t answered;
        const char *what;
    } cases[] = {
        {"aaaass", true, COLLECTION_SOLVE, 4, "enough came"},
        {"aaaasx", false, COLLECTION_SOLVE, 4, "enough came, if only just"},
        {"aaasss", true, COLLECTION_WAIT, 3, "one is missing"},
        {"aaasss", false, COLLECTION_END, 3, "one is missing, and the time is over"},
        {"aaaxxh", true, COLLECTION_WAIT, 3, "the one that is held may still answer"},
        {"aaaxdl", true, COLLECTION_END, 3, "nobody waits for the late one"},
        {"xx....", true, COLLECTION_END, 0, "nobody is left"},
        {"waxsws", true, COLLECTION_WAIT, 1, "it has just begun"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        scene_open(&scene, "rotation", 6, 8, 1);
        assert_int_equal(scene.collection.wanted, 4);
        enum collection_step step = look(&scene, cases[i].states, cases[i].timely);
        if (step != cases[i].step || scene.collection.answered != cases[i].answered)
            fail_msg("%s: step %d, answered %u", cases[i].what, (int)step, scene.collection.answered);
        code_destroy(&scene.code);
    }
}

/* Answers that do not decode well are tried again when more came, as long as more may come. */
static void test_unsolved(void **state) {
    (void)state;
    struct scene scene;
    scene_open(&scene, "rotation", 6, 8, 1);
    assert_int_equal(look(&scene, "saaaas", true), COLLECTION_SOLVE);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(scene.workers[i], i + 1);
    assert_int_equal(collection_note_unsolved(&scene.collection, true), COLLECTION_WAIT);
    assert_int_equal(scene.collection.wanted, 5);
    assert_int_equal(look(&scene, "saaaax", true), COLLECTION_WAIT); /* no more than were tried */
    assert_int_equal(scene.collection.wanted, 5);
    assert_int_equal(look(&scene, "aaaaax", true), COLLECTION_SOLVE);
    assert_int_equal(collection_note_unsolved(&scene.collection, true), COLLECTION_END);

    code_destroy(&scene.code);
    scene_open(&scene, "rotation", 6, 8, 1);
    assert_int_equal(look(&scene, "aaaass", true), COLLECTION_SOLVE);
    assert_int_equal(collection_note_unsolved(&scene.collection, false),
                     COLLECTION_END); /* it took too long */
    code_destroy(&scene.code);
}

/* With many workers several answers are waited for between two searches, but no more than may come. */
static void test_many(void **state) {
    (void)state;
    struct scene scene;
    char states[WORKERS_MAX];
    scene_open(&scene, "rotation", 70, 16, 16);
    assert_int_equal(scene.collection.wanted, 64);
    memset(states, 's', sizeof states);
    memset(states, 'a', 64);
    assert_int_equal(look(&scene, states, true), COLLECTION_SOLVE);
    assert_int_equal(collection_note_unsolved(&scene.collection, true), COLLECTION_WAIT);
    assert_int_equal(scene.collection.wanted, 68);
    memset(states, 'a', 68);
    assert_int_equal(look(&scene, states, true), COLLECTION_SOLVE);
    assert_int_equal(collection_note_unsolved(&scene.collection, true), COLLECTION_WAIT);
    assert_int_equal(scene.collection.wanted, 70);
    code_destroy(&scene.code);
}

/* If a code asks which answers came, not how many, any answer may be the last that is needed. */
static void test_replicas(void **state) {
    (void)state;
    struct scene scene;
    scene_open(&scene, "replicate", 6, 3, 1); /* two workers each have one of three parts */
    assert_int_equal(scene.collection.wanted, 1);
    assert_int_equal(look(&scene, "ssassa", true), COLLECTION_WAIT);
    assert_int_equal(scene.collection.wanted, 3);
    assert_int_equal(look(&scene, "asassa", true), COLLECTION_WAIT);
    assert_int_equal(look(&scene, "aaassa", true), COLLECTION_SOLVE);
    code_destroy(&scene.code);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_unsolved),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_replicas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
