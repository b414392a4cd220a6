/* Whom a job asks, by standings alone, without clocks or threads. */
#include "runtime/selection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORKERS 6
#define NEVER   UINT64_MAX

/* One letter for each standing: free, slow, late, stalled, silent, unready, dead, absent. */
static const char standing_letters[] = "fsltiuda";
static const char task_letters[] = ".hw"; /* none, held, waiting */

struct scene {
    struct code code;
    enum worker_standing standings[WORKERS];
    float paces[WORKERS];
    uint32_t workers[WORKERS];
    struct job_task tasks[WORKERS];
    struct selection selection;
};

/* Any four of six answers suffice. */
static void scene_open(struct scene *scene, const char *standings, bool patient, uint32_t asked) {
    const struct code_family *family;
    const struct placement placement = placement_plain(WORKERS);
    memset(scene, 0, sizeof *scene);
    assert_int_equal(code_family_find("rotation", &family, NULL), CONVOY_OK);
    assert_int_equal(code_create(&scene->code, family, 8, 1, &placement, 1, NULL), CONVOY_OK);
    assert_int_equal(scene->code.threshold, 4);
    for (uint32_t w = 0; w < WORKERS; w++) {
        scene->standings[w] =
            (enum worker_standing)(strchr(standing_letters, standings[w]) - standing_letters);
        scene->tasks[w] = (struct job_task){.state = TASK_ANSWERED, .late = true, .took_us = 7};
    }
    scene->selection = (struct selection){.code = &scene->code,
                                          .nodes = WORKERS,
                                          .standings = scene->standings,
                                          .paces = scene->paces,
                                          .patient = patient,
                                          .asked = asked,
                                          .workers = scene->workers};
}

/* tasks: a letter for each; every task is empty otherwise. */
static void expect_tasks(const struct scene *scene, const char *tasks, const char *what) {
    for (uint32_t w = 0; w < WORKERS; w++) {
        const struct job_task *task = &scene->tasks[w];
        if (task->state > TASK_WAITING || task_letters[task->state] != tasks[w])
            fail_msg("%s: the task of worker %u is in state %d, not %c", what, w, (int)task->state, tasks[w]);
        assert_false(task->late || task->payload || task->answer || task->took_us);
    }
}

static void test_choose(void **state) {
    (void)state;
    static const struct {
        const char *standings, *tasks;
        bool patient, enough, background;
        uint32_t fit;
        const char *what;
    } cases[] = {
        {"ffffff", "wwwwww", false, true, false, 6, "all are well"},
        {"fsffsf", "whwwhw", false, true, false, 6, "the slow are held while the others suffice"},
        {"fsfsfs", "wwwwww", false, true, false, 6, "the slow are needed"},
        {"ffldff", "www.ww", false, true, false, 4, "a late one is asked all the same"},
        {"fftiff", "ww..ww", false, true, false, 4, "the stalled and the silent are not"},
        {"fudaff", "......", false, false, false, 3, "too few, and nobody to ask in the background"},
        {"flfllf", ".w.ww.", false, false, true, 3, "too few: the late alone, in the background"},
        {"fllsdd", ".ww...", false, false, true, 2, "slow ones do not help"},
        {"fllsdd", "wwww..", true, true, false, 4, "nothing else is allowed: the late are waited for"},
        {"ffitdd", "wwww..", true, true, false, 4, "the stalled and the silent, too"},
        {"ffffti", "wwww..", true, true, false, 4, "but only if they are needed"},
        {"ffluda", "..w...", true, false, true, 3, "not even they suffice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        scene_open(&scene, cases[i].standings, cases[i].patient, WORKERS);
        struct choice choice = selection_choose(&scene.selection, scene.tasks);
        expect_tasks(&scene, cases[i].tasks, cases[i].what);
        if (choice.enough != cases[i].enough || choice.background != cases[i].background ||
            choice.fit != cases[i].fit)
            fail_msg("%s: enough %d, background %d, fit %u", cases[i].what, choice.enough, choice.background,
                     choice.fit);
        code_destroy(&scene.code);
    }
}

/* So many are asked at once; the others are held. */
static void test_asked(void **state) {
    (void)state;
    static const struct {
        uint32_t asked;
        const char *standings, *tasks;
        bool patient;
        const char *what;
    } cases[] = {
        {6, "ffffff", "wwwwww", false, "all"},
        {UINT32_MAX, "ffffff", "wwwwww", false, "more than there are"},
        {5, "ffffff", "wwwwwh", false, "one is a spare"},
        {4, "ffffff", "wwwwhh", false, "as many as suffice"},
        {1, "ffffff", "wwwwhh", false, "fewer do not suffice"},
        {0, "ffffff", "wwwwhh", false, "nor does none"},
        {4, "dfffff", ".wwwwh", false, "the dead are not counted"},
        {4, "sfffff", "hwwwwh", false, "the slow are held before others"},
        {5, "fsfffs", "whwwwh", false, "and while the others suffice"},
        {4, "sfsffs", "wwhwwh", false, "one slow worker is needed"},
        {5, "sfsffs", "wwwwwh", false, "and another is asked"},
        {4, "lfffff", "wwwwwh", false, "a late one is asked in the background"},
        {4, "flffff", "wwwwwh", true, "with patience, too"},
        {4, "ffflti", "wwwwww", true, "if the late are needed nobody is held"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        scene_open(&scene, cases[i].standings, cases[i].patient, cases[i].asked);
        assert_true(selection_choose(&scene.selection, scene.tasks).enough);
        expect_tasks(&scene, cases[i].tasks, cases[i].what);
        code_destroy(&scene.code);
    }
}

static void test_choose_again(void **state) {
    (void)state;
    static const struct {
        const char *standings;
        uint32_t answered;
        bool patient;
        const char *tasks; /* NULL: it is not worth it */
        const char *what;
    } cases[] = {
        {"ffsfdd", 3, false, "wwww..", "another came while one died"},
        {"ffldff", 1, false, "ww..ww", "the late are left alone"},
        {"fffddd", 3, false, NULL, "too few are left"},
        {"ffffff", 4, false, NULL, "enough came: they do not decode well"},
        {"ftliud", 2, false, NULL, "nobody waits for these"},
        {"ftliud", 2, true, "wwww..", "but with patience"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        scene_open(&scene, cases[i].standings, cases[i].patient, 4);
        bool again = selection_choose_again(&scene.selection, cases[i].answered, scene.tasks);
        if (again != (cases[i].tasks != NULL))
            fail_msg("%s: asked again %d", cases[i].what, again);
        if (again)
            expect_tasks(&scene, cases[i].tasks, cases[i].what);
        else
            assert_int_equal(scene.tasks[0].state, TASK_ANSWERED); /* as they were */
        code_destroy(&scene.code);
    }
}

static void test_hold(void **state) {
    (void)state;
    assert_int_equal(selection_hold_until_ns(1000, 0), 1000); /* not known: not at all */
    assert_int_equal(selection_hold_until_ns(1000, 70), 1140);
    assert_true(selection_hold_until_ns(1000, NEVER / 2 + 1) == NEVER);
    assert_true(selection_hold_until_ns(NEVER - 1, 1) == NEVER);
}

/* Of those that are fit the fastest are asked; who takes less than half longer counts as alike. */
static void test_fastest_first(void **state) {
    (void)state;
    static const struct {
        const char *standings;
        float paces[WORKERS];
        const char *tasks;
    } cases[] = {
        {"ffffff", {0, 0, 0, 0, 0, 0}, "wwwwhh"}, {"ffffff", {1, 1.4F, 0.7F, 1.2F, 1, 1}, "wwwwhh"},
        {"ffffff", {1, 2, 1, 1, 3, 1}, "whwwhw"}, {"ffffff", {1, 4, 1, 2, 3, 1}, "whwwhw"},
        {"ffffff", {9, 9, 9, 9, 0, 0}, "wwhhww"}, {"ffffff", {1e9F, 1e8F, 1, 1, 1, 1}, "hhwwww"},
        {"fsffff", {1, 1, 1, 1, 2, 1}, "whwwhw"}, /* the slow one last, whatever its pace was */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        scene_open(&scene, cases[i].standings, false, 4);
        memcpy(scene.paces, cases[i].paces, sizeof scene.paces);
        assert_true(selection_choose(&scene.selection, scene.tasks).enough);
        expect_tasks(&scene, cases[i].tasks, "by pace");
        code_destroy(&scene.code);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fastest_first), cmocka_unit_test(test_choose), cmocka_unit_test(test_asked),
        cmocka_unit_test(test_choose_again),  cmocka_unit_test(test_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
