/* Profiles as files: what is written is read again; of a damaged file the sentence names what is wrong. */
#include "plan/profile_file.h"

#include "temp_folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const presets[] = {"pi4-wifi", "pi4-100mbit", "pi4-1gbit",
                                      "pi5-wifi", "pi5-1gbit",   "cloud-10gbit"};

static void in_folder(char path[TEMP_PATH], void **state, const char *name) {
    snprintf(path, TEMP_PATH, "%s/%s", (const char *)*state, name);
}

static void assert_comes_back(const struct profile *profile, const char *path) {
    struct profile again;
    convoy_error error = {.message = ""};
    if (profile_write(profile, path, &error) != CONVOY_OK || profile_read(&again, path, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
    assert_memory_equal(&again, profile, sizeof again);
}

static void test_round_trips(void **state) {
    char path[TEMP_PATH];
    struct profile profile;
    in_folder(path, state, "round.json");
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        assert_int_equal(profile_preset(&profile, presets[i], NULL), CONVOY_OK);
        assert_comes_back(&profile, path);
    }
    profile.worker_kinds = 2;
    profile.workers[1] = profile.workers[0];
    profile.workers[1].count = 3;
    profile.workers[1].memory_bytes = UINT64_C(123456789012);
    profile.workers[1].slowness = (struct slowness){0.125, 0.5, 0.0625, 10};
    assert_comes_back(&profile, path);
    profile_of_this_machine(&profile, 6, 2, false); /* an infinite rate of the link */
    assert_comes_back(&profile, path);
}

/* As a person sees it. */
static void test_text(void **state) {
    char path[TEMP_PATH], text[4096] = "";
    struct profile profile;
    struct stat info;
    in_folder(path, state, "text.json");
    assert_int_equal(profile_preset(&profile, "pi4-wifi", NULL), CONVOY_OK);
    assert_int_equal(profile_write(&profile, path, NULL), CONVOY_OK);
    FILE *file = fopen(path, "r");
    assert_true(file && fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_non_null(
        strstr(text, "{\n  \"convoy_profile\": 1,\n  \"name\": \"pi4-wifi\",\n  \"master\": {\n"));
    assert_non_null(
        strstr(text, "    \"up_mbit_s\": 70.0,\n    \"down_mbit_s\": 70.0,\n    \"latency_ms\": 2.0\n"));
    assert_non_null(strstr(text, "      \"depthwise_gmac_s\": 0.45,\n"));
    const mode_t mask = umask(0);
    umask(mask);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0666 & ~mask);
}

#define RATES                                                                                                \
    "\"convolution_gmac_s\": 1, \"pointwise_gmac_s\": 1, \"depthwise_gmac_s\": 1, \"product_gmac_s\": 1"
#define MASTER         "\"master\": {" RATES ", \"memory_gb_s\": 2}"
#define LINK           "\"link\": {\"up_mbit_s\": 8, \"down_mbit_s\": null}"
#define WORKER         "{\"count\": 2, " RATES "}"
#define HEAD           "{\"convoy_profile\": 1, "
#define WHOLE(workers) HEAD MASTER ", " LINK ", \"workers\": [" workers "]}"

static void test_least(void **state) {
    char path[TEMP_PATH];
    struct profile profile;
    temp_file_write(path, *state, "least.json", WHOLE(WORKER), strlen(WHOLE(WORKER)));
    assert_int_equal(profile_read(&profile, path, NULL), CONVOY_OK);
    assert_string_equal(profile.name, "");
    assert_int_equal(profile_workers(&profile), 2);
    assert_true(profile.task_ns == 0 && profile.link.latency_ns == 0 && profile.shared_processors == 0);
    assert_true(profile.link.up_bytes_per_ns == 0.001);
    assert_true(profile.workers[0].memory_bytes == 0 && slowness_is_none(&profile.workers[0].slowness));
}

/* Letters of any language, but nothing that controls a terminal (test_damaged). */
static void test_name(void **state) {
    static const char text[] =
        HEAD "\"name\": \"\xc3\xa9\xc2\xa0\", " MASTER ", " LINK ", \"workers\": [" WORKER "]}";
    char path[TEMP_PATH];
    struct profile profile;
    temp_file_write(path, *state, "name.json", text, strlen(text));
    assert_int_equal(profile_read(&profile, path, NULL), CONVOY_OK);
    assert_string_equal(profile.name, "\xc3\xa9\xc2\xa0");
}

static void test_damaged(void **state) {
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "no profile in JSON"},
        {"\x80\x02}q", "no profile in JSON"},
        {"[1, 2]", "the profile must be an object"},
        {HEAD MASTER "," LINK, "no profile in JSON: line 1"},
        {"{" MASTER ", " LINK ", \"workers\": [" WORKER "]}", "convoy_profile is missing"},
        {"{\"convoy_profile\": 2}", "convoy_profile must be 1"},
        {"{\"convoy_profile\": \"1\"}", "convoy_profile must be 1"},
        {HEAD "\"name\": 5}", "name must be a text"},
        {HEAD "\"name\": \"0123456789012345678901234567890123456789012345678901234567890123\"}",
         "name must be a text of less than 64 bytes"},
        {HEAD "\"name\": \"a\\u001b[31m\"}", "without control characters"},
        {HEAD "\"name\": \"a\\nb\"}", "without control characters"},
        {HEAD "\"name\": \"a\\u007f\"}", "without control characters"},
        {HEAD "\"name\": \"a\\u009b31m\"}", "without control characters"},
        {HEAD LINK "}", "master is missing"},
        {HEAD "\"master\": 3}", "master must be an object"},
        {HEAD "\"master\": {\"convolution_gmacs\": 3}}",
         "master.convolution_gmacs is unknown: there may be conv"},
        {HEAD "\"master\": {\"a\\u0007b\": 3}}", "master.a?b is unknown"},
        {HEAD "\"master\": {\"convolution_gmac_s\": 3}}", "master.pointwise_gmac_s is missing"},
        {HEAD "\"master\": {\"convolution_gmac_s\": \"3\"}}", "master.convolution_gmac_s must be a number"},
        {HEAD "\"master\": {\"convolution_gmac_s\": null}}", "master.convolution_gmac_s must be a number"},
        {HEAD "\"convoy_profile\": 1}", "duplicate"},
        {HEAD "\"master\": {\"convolution_gmac_s\": 1e999}}", "no profile in JSON"},
        {HEAD "\"master\": {\"convolution_gmac_s\": NaN}}", "no profile in JSON"},
        {HEAD "\"mastre\": 1}", "mastre is unknown: there may be convoy_profile, name, master, link, "},
        {HEAD MASTER ", " LINK "}", "workers is missing"},
        {HEAD MASTER ", \"link\": {\"up_mbit_s\": 5}}", "link.down_mbit_s is missing"},
        {HEAD MASTER ", \"link\": {\"up_mbit_s\": true}}", "link.up_mbit_s must be a number, or null"},
        {HEAD MASTER ", " LINK ", \"shared_processors\": -1}", "shared_processors must be a whole number"},
        {HEAD MASTER ", " LINK ", \"shared_processors\": 1.5}", "shared_processors must be a whole number"},
        {HEAD MASTER ", " LINK ", \"workers\": {}}", "workers must be an array"},
        {WHOLE(""), "workers must be an array of 1 to 256"},
        {WHOLE(WORKER ", 7"), "workers[1] must be an object"},
        {WHOLE("{\"count\": 0}"), "workers[0].count must be a whole number from 1 to 256"},
        {WHOLE("{\"count\": 99999999999999999999999}"), "no profile in JSON"},
        {WHOLE("{\"count\": 3, \"memory\": 3}"), "workers[0].memory is unknown"},
        {WHOLE("{\"count\": 3, " RATES ", \"memory_bytes\": -1}"), "workers[0].memory_bytes must be a whole"},
        {WHOLE("{\"count\": 3, " RATES ", \"slowness\": {\"deviaton\": 1}}"),
         "workers[0].slowness.deviaton is unknown: there may be deviation, exponential"},
        {WHOLE("{\"count\": 3, " RATES ", \"slowness\": {\"deviation\": 5}}"),
         "workers[0].slowness: must be a"},
        {WHOLE("{\"count\": 200, " RATES "}, {\"count\": 57, " RATES "}"), "more than 256 workers in all"},
        {HEAD "\"master\": {\"convolution_gmac_s\": -1, \"pointwise_gmac_s\": 1, \"depthwise_gmac_s\": 1, "
              "\"product_gmac_s\": 1, \"memory_gb_s\": 2}, " LINK ", \"workers\": [" WORKER "]}",
         "master.convolution_gmac_s is -1: must be from 1e-06 to 1e+09"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[TEMP_PATH];
        convoy_error error = {.message = "none"};
        struct profile profile = {.name = "untouched"};
        temp_file_write(path, *state, "damaged.json", cases[i].text, strlen(cases[i].text));
        const convoy_status status = profile_read(&profile, path, &error);
        if (status != CONVOY_E_INPUT || strncmp(error.message, path, strlen(path)) != 0 ||
            !strstr(error.message + strlen(path), cases[i].says))
            fail_msg("case %zu, '%s': status %d, %s", i, cases[i].says, (int)status, error.message);
        assert_string_equal(profile.name, "untouched");
    }
}

static void test_files(void **state) {
    char path[TEMP_PATH];
    convoy_error error;
    struct profile profile;
    char *large = malloc((1 << 20) + 1);
    assert_non_null(large);
    memset(large, ' ', (1 << 20) + 1);
    memcpy(large, WHOLE(WORKER), strlen(WHOLE(WORKER)));
    temp_file_write(path, *state, "large.json", large, 1 << 20);
    assert_int_equal(profile_read(&profile, path, &error), CONVOY_OK);
    temp_file_write(path, *state, "large.json", large, (1 << 20) + 1);
    assert_int_equal(profile_read(&profile, path, &error), CONVOY_E_INPUT);
    assert_non_null(strstr(error.message, "at most 1 MiB"));
    free(large);

    in_folder(path, state, "none.json");
    assert_int_equal(profile_read(&profile, path, &error), CONVOY_E_IO);
    assert_int_equal(profile_read(&profile, *state, &error), CONVOY_E_IO); /* the folder */
    in_folder(path, state, "pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(profile_read(&profile, path, &error), CONVOY_E_IO);
    assert_non_null(strstr(error.message, "must be a regular file"));
    assert_int_equal(unlink(path), 0);
}

static void test_write_fails(void **state) {
    char path[TEMP_PATH];
    convoy_error error;
    struct profile profile;
    assert_int_equal(profile_preset(&profile, "pi5-wifi", NULL), CONVOY_OK);
    in_folder(path, state, "nowhere/profile.json");
    assert_int_equal(profile_write(&profile, path, &error), CONVOY_E_IO);
    assert_non_null(strstr(error.message, path));
    in_folder(path, state, "kept.json");
    assert_int_equal(profile_write(&profile, path, NULL), CONVOY_OK);
    profile.bytes_per_ns = -1;
    assert_int_equal(profile_write(&profile, path, &error), CONVOY_E_INPUT);
    assert_non_null(strstr(error.message, "master.memory_gb_s"));
    assert_int_equal(profile_read(&profile, path, NULL), CONVOY_OK);
}

/* Only a regular file is replaced: a link stays one, and a pipe is written to. */
static void test_written_through(void **state) {
    char path[TEMP_PATH], link[TEMP_PATH], text[8192];
    struct profile profile;
    struct stat info;
    assert_int_equal(profile_preset(&profile, "pi5-wifi", NULL), CONVOY_OK);
    temp_file_write(path, *state, "target.json", "{}", 2);
    in_folder(link, state, "link.json");
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(profile_write(&profile, link, NULL), CONVOY_OK);
    assert_true(lstat(link, &info) == 0 && S_ISLNK(info.st_mode));
    assert_int_equal(profile_read(&profile, path, NULL), CONVOY_OK);

    in_folder(path, state, "written");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(profile_write(&profile, path, NULL), CONVOY_E_IO); /* nobody reads, or ever will */
    const int reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_int_equal(profile_write(&profile, path, NULL), CONVOY_OK);
    assert_true(lstat(path, &info) == 0 && S_ISFIFO(info.st_mode));
    assert_true(read(reader, text, sizeof text) > 100);
    close(reader);
    unlink(path);
    unlink(link);
}

static void test_find(void **state) {
    char path[TEMP_PATH];
    convoy_error error;
    struct profile profile;
    assert_int_equal(profile_find(&profile, "pi5-1gbit", NULL), CONVOY_OK);
    assert_string_equal(profile.name, "pi5-1gbit");
    in_folder(path, state, "found.json");
    assert_int_equal(profile_write(&profile, path, NULL), CONVOY_OK);
    assert_int_equal(profile_find(&profile, path, NULL), CONVOY_OK);
    temp_file_write(path, *state, "found.json", "{}", 2);
    assert_int_equal(profile_find(&profile, path, &error), CONVOY_E_INPUT);
    in_folder(path, state, "lost.json");
    assert_int_equal(profile_find(&profile, path, &error), CONVOY_E_USAGE);
    assert_non_null(strstr(error.message, "neither a file nor one of pi4-wifi, "));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips), cmocka_unit_test(test_text),
        cmocka_unit_test(test_least),       cmocka_unit_test(test_name),
        cmocka_unit_test(test_damaged),     cmocka_unit_test(test_files),
        cmocka_unit_test(test_write_fails), cmocka_unit_test(test_written_through),
        cmocka_unit_test(test_find)};
    return cmocka_run_group_tests(tests, temp_folder_create, temp_folder_remove);
}
