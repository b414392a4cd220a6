#include "plan/plan_file.h"

#include "plan_rig.h"
#include "temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a network: two layers that are coded and one that is not ---- */

static struct profile profile;
static struct plan_request request;
static struct conv_geometry geometries[2];
static struct plan_subject subjects[3];

enum { SUBJECTS = 3 };

static int make_network(void **state) {
    profile = plan_calm("cloud-10gbit");
    request = plan_request_for(&profile, "rotation", 10, 2);
    geometries[0] = plan_conv(64, 56, 64, 3, 1);
    geometries[1] = plan_product(1, 4096, 1000);
    subjects[0] = (struct plan_subject){.name = "conv", .geometry = &geometries[0], .dtype = CONVOY_F32};
    subjects[1] = (struct plan_subject){
        .name = "pool", .why_local = "neither a convolution nor a product", .bytes = 1e5};
    subjects[2] = (struct plan_subject){.name = "fc", .geometry = &geometries[1], .dtype = CONVOY_F32};
    return temp_folder_create(state);
}

static void assert_same(const struct plan *a, const struct plan *b) {
    assert_int_equal(a->count, b->count);
    for (size_t s = 0; s < a->count; s++) {
        const struct plan_layer *x = &a->layers[s], *y = &b->layers[s];
        assert_int_equal(x->coded, y->coded);
        assert_int_equal(x->input_parts, y->input_parts);
        assert_int_equal(x->filter_parts, y->filter_parts);
        assert_int_equal(x->threshold, y->threshold);
        assert_int_equal(x->asked, y->asked);
        if (x->coded)
            assert_int_equal(x->kernel, y->kernel);
    }
}

/* Writes a plan for these subjects and reads it: the same decisions, also for a request that would choose
 * otherwise. */
static void write_and_read(void **state) {
    struct plan *plan = NULL, *read = NULL;
    convoy_error error;
    char path[TEMP_PATH];
    temp_file_write(path, *state, "plan.json", "", 0);
    assert_int_equal(plan_create(&plan, &request, subjects, SUBJECTS, NULL), CONVOY_OK);
    if (plan_write(plan, path, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    struct plan_request other = request;
    other.distribute = PLAN_PAYING;
    other.objective = PLAN_BYTES;
    if (plan_read(&read, path, &other, subjects, SUBJECTS, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    assert_same(plan, read);
    plan_destroy(&plan);
    plan_destroy(&read);
}

static void test_round_trip(void **state) {
    write_and_read(state);
    request.distribute = PLAN_PAYING;
    for (int objective = PLAN_LATENCY; objective <= PLAN_PAPER; objective++) {
        request.objective = objective;
        write_and_read(state);
    }
}

/* Every kernel has a name. */
static void test_round_trip_of_decisions(void **state) {
    for (int kernel = 0; kernel < CONV_KERNELS; kernel++) {
        const struct plan_decision decisions[SUBJECTS] = {{true, 8, 4, 8, 9, (enum conv_kernel)kernel},
                                                          {.coded = false},
                                                          {kernel == 0, 1, 4, 2, 3, CONV_DIRECT}};
        request.decided = decisions;
        struct plan *plan = NULL, *read = NULL;
        char path[TEMP_PATH];
        temp_file_write(path, *state, "plan.json", "", 0);
        assert_int_equal(plan_create(&plan, &request, subjects, SUBJECTS, NULL), CONVOY_OK);
        assert_int_equal(plan_write(plan, path, NULL), CONVOY_OK);
        request.decided = NULL;
        assert_int_equal(plan_read(&read, path, &request, subjects, SUBJECTS, NULL), CONVOY_OK);
        assert_same(plan, read);
        plan_destroy(&plan);
        plan_destroy(&read);
    }
}

/* Models may name layers as they like. */
static void test_round_trip_of_names(void **state) {
    static const char *const names[] = {"",      "\"quoted\\\"",       "with\nlines\t",
                                        "größe", "no \xff UTF-8 \xc3", "\x01\x7f"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        subjects[0].name = subjects[1].name = names[i];
        write_and_read(state);
    }
    char *name = calloc(1, 100001); /* long */
    assert_non_null(name);
    memset(name, 'x', 100000);
    subjects[2].name = name;
    write_and_read(state);
    free(name);
}

/* ---- damaged files ---- */

#define HEAD                                                                                                 \
    "{\"convoy_plan\": 1, \"profile\": \"p\", \"code\": \"rotation\", \"workers\": 10, \"stragglers\": 2, "
#define CONV                                                                                                 \
    "{\"layer\": \"conv\", \"workers\": true, \"parts\": [8, 4], \"threshold\": 8, \"asked\": 9, "           \
    "\"kernel\": \"direct\"}"
#define POOL "{\"layer\": \"pool\", \"workers\": false}"
#define FC                                                                                                   \
    "{\"layer\": \"fc\", \"workers\": true, \"parts\": [1, 16], \"threshold\": 8, \"asked\": 8, "            \
    "\"kernel\": \"direct\"}"
#define FILE_OF(head, conv, pool, fc) head "\"layers\": [" conv ", " pool ", " fc "]}"
#define CONV_OF(parts, threshold, asked, kernel)                                                             \
    FILE_OF(HEAD,                                                                                            \
            "{\"layer\": \"conv\", \"workers\": true, \"parts\": " parts ", \"threshold\": " threshold       \
            ", \"asked\": " asked ", \"kernel\": " kernel "}",                                               \
            POOL, FC)

static void refuse(const char *text, size_t bytes, const char *words) {
    struct plan *plan = NULL;
    convoy_error error = {0};
    convoy_status status = plan_parse(&plan, text, bytes, "a.plan", &request, subjects, SUBJECTS, &error);
    if (status != CONVOY_E_INPUT || plan)
        fail_msg("%.200s: status %d, not bad input", text, (int)status);
    if (strncmp(error.message, "a.plan: ", 8) != 0 || !strstr(error.message, words))
        fail_msg("%.200s: '%s' does not name the file and say '%s'", text, error.message, words);
    for (const char *c = error.message; *c; c++)
        assert_true((unsigned char)*c >= 32);
}

static void test_the_table_is_of_a_sound_file(void **state) {
    (void)state;
    const char *sound = FILE_OF(HEAD, CONV, POOL, FC);
    struct plan *plan = NULL;
    assert_int_equal(plan_parse(&plan, sound, strlen(sound), "a.plan", &request, subjects, SUBJECTS, NULL),
                     CONVOY_OK);
    assert_int_equal(plan->layers[0].asked, 9);
    plan_destroy(&plan);
}

static void test_damaged_files(void **state) {
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "line 1"},
        {" \n\n", "line 3"},
        {"7", "line 1"},
        {"[]", "\"convoy_plan\" must be 1"},
        {"{}", "\"convoy_plan\" must be 1"},
        {"{\"convoy_plan\": 2}", "\"convoy_plan\" must be 1"},
        {"{\"convoy_plan\": \"1\"}", "\"convoy_plan\" must be 1"},
        {"{\"convoy_plan\": 1.0}", "\"convoy_plan\" must be 1"},
        {"{\"convoy_plan\": 99999999999999999999}", "line 1"},
        {"{\"convoy_plan\": 1, \"convoy_plan\": 1}", "duplicate"},
        {FILE_OF(HEAD, CONV, POOL, FC) " {}", "line 1"},
        {"{\"convoy_plan\": 1}", "the code without a name, not rotation"},
        {"{\"convoy_plan\": 1, \"code\": \"uncoded\"}", "the code uncoded, not rotation"},
        {"{\"convoy_plan\": 1, \"code\": [\"rotation\"]}", "the code without a name"},
        {"{\"convoy_plan\": 1, \"code\": \"rotation\"}", "\"workers\" must be a whole number"},
        {"{\"convoy_plan\": 1, \"code\": \"rotation\", \"workers\": 10.5}", "\"workers\" must be a whole"},
        {"{\"convoy_plan\": 1, \"code\": \"rotation\", \"workers\": 6}", "made for 6 workers, not 10"},
        {"{\"convoy_plan\": 1, \"code\": \"rotation\", \"workers\": 4294967306}",
         "made for 4294967306 workers, not 10"},
        {"{\"convoy_plan\": 1, \"code\": \"rotation\", \"workers\": 10, \"stragglers\": -2}",
         "made for -2 stragglers, not 2"},
        {HEAD "\"layers\": 3}", "0 layers, not 3"},
        {HEAD "\"layers\": []}", "0 layers, not 3"},
        {HEAD "\"layers\": [" CONV ", " POOL "]}", "2 layers, not 3"},
        {HEAD "\"layers\": [" CONV ", " FC ", " POOL "]}", "another model: layer fc is not pool"},
        {HEAD "\"layers\": [" CONV ", null, " FC "]}", "layer without a name is not pool"},
        {FILE_OF(HEAD, CONV, "{\"layer\": \"p\\no\\u001bol\"}", FC), "layer p?o?ol is not pool"},
        {FILE_OF(HEAD, CONV, "{\"layer\": \"pool\"}", FC), "layer pool: \"workers\" must be true or false"},
        {FILE_OF(HEAD, CONV, "{\"layer\": \"pool\", \"workers\": 1}", FC), "must be true or false"},
        {FILE_OF(
             HEAD, CONV,
             "{\"layer\": \"pool\", \"workers\": true, \"parts\": [1, 1], \"threshold\": 1, \"asked\": 1, "
             "\"kernel\": \"direct\"}",
             FC),
         "layer pool cannot be coded"},
        {FILE_OF(HEAD, "{\"layer\": \"conv\", \"workers\": true}", POOL, FC), "\"parts\" must be two"},
        {CONV_OF("[8]", "8", "9", "\"direct\""), "layer conv: \"parts\" must be two"},
        {CONV_OF("[8, 4, 2]", "8", "9", "\"direct\""), "\"parts\" must be two"},
        {CONV_OF("[8, 0]", "8", "9", "\"direct\""), "\"parts\" must be two"},
        {CONV_OF("[8.0, 4]", "8", "9", "\"direct\""), "\"parts\" must be two"},
        {CONV_OF("[-8, -4]", "8", "9", "\"direct\""), "\"parts\" must be two"},
        {CONV_OF("[4294967304, 4]", "8", "9", "\"direct\""), "\"parts\" must be two"},
        {CONV_OF("{\"0\": 8, \"1\": 4}", "8", "9", "\"direct\""), "\"parts\" must be two"},
        {CONV_OF("[3, 4]", "8", "9", "\"direct\""), "layer conv cannot be coded in parts 3,4"},
        {CONV_OF("[8, 8]", "16", "16", "\"direct\""), "layer conv cannot be coded in parts 8,8"},
        {CONV_OF("[2147483647, 2147483647]", "8", "9", "\"direct\""), "cannot be coded in parts"},
        {CONV_OF("[8, 4]", "7", "9", "\"direct\""), "a threshold of 8, not 7"},
        {CONV_OF("[8, 4]", "0", "9", "\"direct\""), "\"threshold\" must be"},
        {CONV_OF("[8, 4]", "null", "9", "\"direct\""), "\"threshold\" must be"},
        {CONV_OF("[8, 4]", "8", "7", "\"direct\""), "7 workers asked: must be 8 to 10"},
        {CONV_OF("[8, 4]", "8", "11", "\"direct\""), "11 workers asked: must be 8 to 10"},
        {CONV_OF("[8, 4]", "8", "0", "\"direct\""), "\"asked\" must be"},
        {CONV_OF("[8, 4]", "8", "true", "\"direct\""), "\"asked\" must be"},
        {CONV_OF("[8, 4]", "8", "9", "\"fast\""), "\"kernel\" must be direct, winograd"},
        {CONV_OF("[8, 4]", "8", "9", "0"), "\"kernel\" must be"},
        {CONV_OF("[8, 4]", "8", "9", "\"\""), "\"kernel\" must be"},
        {CONV_OF("[8, 4], \"asked\": 8", "8", "9", "\"direct\""), "duplicate"},
        {"{\"convoy_plan\": 1, \"code\": \"\xff\"}", "line 1"},
        {"\xef\xbb\xbf{}", "line 1"},
        {"{\"convoy_plan\": 1, \"code\": \"a\\u0000b\"}", "line 1"},
        {"{\"convoy_plan\": \x1b[31m}", "line 1"},
        {"{\"convoy_plan\": \"\x1b[31m", "line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuse(cases[i].text, strlen(cases[i].text), cases[i].words);
}

/* A sound file that ends too early, anywhere. */
static void test_cut_files(void **state) {
    (void)state;
    const char *sound = FILE_OF(HEAD, CONV, POOL, FC);
    for (size_t bytes = 0; bytes < strlen(sound); bytes++)
        refuse(sound, bytes, "line 1");
}

static void test_deep_nesting(void **state) {
    (void)state;
    const size_t depth = 1000000;
    char *text = malloc(depth);
    assert_non_null(text);
    memset(text, '[', depth);
    refuse(text, depth, "depth");
    free(text);
}

static void test_long_names_leave_room_for_the_sentence(void **state) {
    (void)state;
    char name[2001];
    memset(name, 'x', 2000);
    name[2000] = '\0';
    subjects[1].name = name;
    refuse(FILE_OF(HEAD, CONV, POOL, FC), strlen(FILE_OF(HEAD, CONV, POOL, FC)), "layer pool is not xxx");
    char text[4096];
    snprintf(text, sizeof text, HEAD "\"layers\": [" CONV ", {\"layer\": \"%s\"}, " FC "]}", name);
    refuse(text, strlen(text), "\"workers\" must be true or false");
}

/* ---- files that are none ---- */

static void refuse_file(const char *path, convoy_status status, const char *words) {
    struct plan *plan = NULL;
    convoy_error error = {0};
    assert_int_equal(plan_read(&plan, path, &request, subjects, SUBJECTS, &error), status);
    assert_null(plan);
    if (strncmp(error.message, path, strlen(path)) != 0 || !strstr(error.message, words))
        fail_msg("'%s' does not name %s and say '%s'", error.message, path, words);
}

static void test_files_that_are_no_plans(void **state) {
    const size_t large = (size_t)17 << 20;
    char path[TEMP_PATH], *text = malloc(large);
    assert_non_null(text);
    memset(text, ' ', large);
    temp_file_write(path, *state, "large.json", text, large);
    refuse_file(path, CONVOY_E_INPUT, "at most 16 MiB");
    temp_file_write(path, *state, "just.json", text, (size_t)16 << 20);
    refuse_file(path, CONVOY_E_INPUT, "line 1");
    free(text);
    temp_file_write(path, *state, "empty.json", "", 0);
    refuse_file(path, CONVOY_E_INPUT, "line 1");
    refuse_file(*state, CONVOY_E_IO, "must be a regular file");
    snprintf(path, sizeof path, "%s/pipe", (const char *)*state);
    assert_int_equal(mkfifo(path, 0600), 0);
    refuse_file(path, CONVOY_E_IO, "must be a regular file"); /* at once, though nobody writes */
    assert_int_equal(unlink(path), 0);
    refuse_file("/nowhere/plan.json", CONVOY_E_IO, "No such file");
    refuse_file("/dev/zero", CONVOY_E_IO, "must be a regular file");
}

static void test_files_that_cannot_be_written(void **state) {
    struct plan *plan = NULL;
    static const char *const words[] = {"Is a directory", "No such file", "No space left"};
    const char *const paths[] = {*state, "/nowhere/plan.json", "/dev/full"};
    assert_int_equal(plan_create(&plan, &request, subjects, SUBJECTS, NULL), CONVOY_OK);
    for (size_t i = 0; i < 3; i++) {
        convoy_error error = {0};
        assert_int_equal(plan_write(plan, paths[i], &error), CONVOY_E_IO);
        assert_non_null(strstr(error.message, paths[i]));
        assert_non_null(strstr(error.message, words[i]));
    }
    plan_destroy(&plan);
}

#define OF_A_NETWORK(test) cmocka_unit_test_setup_teardown(test, make_network, temp_folder_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        OF_A_NETWORK(test_round_trip),
        OF_A_NETWORK(test_round_trip_of_decisions),
        OF_A_NETWORK(test_round_trip_of_names),
        OF_A_NETWORK(test_the_table_is_of_a_sound_file),
        OF_A_NETWORK(test_damaged_files),
        OF_A_NETWORK(test_cut_files),
        OF_A_NETWORK(test_deep_nesting),
        OF_A_NETWORK(test_long_names_leave_room_for_the_sentence),
        OF_A_NETWORK(test_files_that_are_no_plans),
        OF_A_NETWORK(test_files_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
