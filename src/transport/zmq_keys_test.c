#include "transport/zmq_transport.h"

#include "temp_folder.h"
#include "transport/zmq_common.h"
#include "transport/zmq_door.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_save_and_load(void **state) {
    const char *folder = *state;
    char path[TEMP_PATH], public_key[ZMQ_KEY_TEXT];
    struct zmq_key_pair pair, read;
    struct stat info;
    assert_int_equal(zmq_key_pair_create(&pair, NULL), CONVOY_OK);
    assert_int_equal(zmq_key_pair_save(&pair, folder, "one", NULL), CONVOY_OK);
    snprintf(path, sizeof path, "%s/one.key", folder);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(zmq_key_pair_load(&read, path, NULL), CONVOY_OK);
    assert_memory_equal(&read, &pair, sizeof pair);
    snprintf(path, sizeof path, "%s/one.pub", folder);
    assert_int_equal(zmq_public_key_load(public_key, path, NULL), CONVOY_OK);
    assert_string_equal(public_key, pair.public_key);
}

static void test_save_keeps_what_is_there(void **state) {
    const char *folder = *state;
    char path[TEMP_PATH];
    struct zmq_key_pair first, second, read;
    convoy_error error;
    assert_int_equal(zmq_key_pair_create(&first, NULL), CONVOY_OK);
    assert_int_equal(zmq_key_pair_create(&second, NULL), CONVOY_OK);
    assert_string_not_equal(first.secret_key, second.secret_key);
    assert_int_equal(zmq_key_pair_save(&first, folder, "kept", NULL), CONVOY_OK);
    assert_int_equal(zmq_key_pair_save(&second, folder, "kept", &error), CONVOY_E_IO);
    assert_non_null(strstr(error.message, "kept.key"));
    snprintf(path, sizeof path, "%s/kept.key", folder);
    assert_int_equal(zmq_key_pair_load(&read, path, NULL), CONVOY_OK);
    assert_memory_equal(&read, &first, sizeof first);
    /* Half a pair is not left behind. */
    temp_file_write(NULL, folder, "half.pub", "x", 1);
    assert_int_equal(zmq_key_pair_save(&second, folder, "half", &error), CONVOY_E_IO);
    snprintf(path, sizeof path, "%s/half.key", folder);
    assert_int_equal(zmq_key_pair_load(&read, path, NULL), CONVOY_E_IO);
}

static void test_bad_names(void **state) {
    struct zmq_key_pair pair;
    convoy_error error;
    assert_int_equal(zmq_key_pair_create(&pair, NULL), CONVOY_OK);
    static const char *const names[] = {"", "../up", "a/b", ".hidden"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(zmq_key_pair_save(&pair, *state, names[i], &error), CONVOY_E_USAGE);
}

static void test_secret_that_others_can_read(void **state) {
    char path[TEMP_PATH];
    struct zmq_key_pair pair;
    convoy_error error;
    assert_int_equal(zmq_key_pair_create(&pair, NULL), CONVOY_OK);
    assert_int_equal(zmq_key_pair_save(&pair, *state, "open", NULL), CONVOY_OK);
    snprintf(path, sizeof path, "%s/open.key", (const char *)*state);
    static const mode_t modes[] = {0640, 0604, 0660, 0644};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_int_equal(zmq_key_pair_load(&pair, path, &error), CONVOY_E_INPUT);
        assert_non_null(strstr(error.message, path));
    }
}

static void test_environment(void **state) {
    (void)state;
    char text[ZMQ_PAIR_TEXT], key[ZMQ_KEY_TEXT];
    struct zmq_key_pair pair, read;
    convoy_error error;
    assert_int_equal(zmq_key_pair_create(&pair, NULL), CONVOY_OK);
    zmq_key_pair_text(&pair, text);
    setenv("CONVOY_TEST_KEY", text, 1);
    assert_int_equal(zmq_key_pair_load(&read, "env:CONVOY_TEST_KEY", &error), CONVOY_OK);
    assert_string_equal(read.public_key, pair.public_key);
    assert_string_equal(read.secret_key, pair.secret_key);
    text[2 * ZMQ_KEY_TEXT - 1] = '\0'; /* a shell drops the last end of line */
    setenv("CONVOY_TEST_KEY", text, 1);
    assert_int_equal(zmq_key_pair_load(&read, "env:CONVOY_TEST_KEY", &error), CONVOY_OK);
    setenv("CONVOY_TEST_KEY", pair.public_key, 1);
    assert_int_equal(zmq_public_key_load(key, "env:CONVOY_TEST_KEY", &error), CONVOY_OK);
    assert_string_equal(key, pair.public_key);
    assert_int_equal(zmq_key_pair_load(&read, "env:CONVOY_TEST_KEY", &error), CONVOY_E_INPUT);
    unsetenv("CONVOY_TEST_KEY");
    assert_int_equal(zmq_key_pair_load(&read, "env:CONVOY_TEST_KEY", &error), CONVOY_E_IO);
    assert_non_null(strstr(error.message, "env:CONVOY_TEST_KEY"));
}

static void test_damaged_files(void **state) {
    const char *folder = *state;
    char path[TEMP_PATH], text[256], key[ZMQ_KEY_TEXT];
    struct zmq_key_pair a, b;
    convoy_error error;
    assert_int_equal(zmq_key_pair_create(&a, NULL), CONVOY_OK);
    assert_int_equal(zmq_key_pair_create(&b, NULL), CONVOY_OK);
    const struct {
        const char *first, *second;
    } files[] = {{"", ""},
                 {a.public_key, ""},
                 {a.public_key, "short"},
                 {a.public_key, b.secret_key}, /* no pair */
                 {"0123456789012345678901234567890123456 89", a.secret_key}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(text, sizeof text, "%s\n%s\n", files[i].first, files[i].second);
        temp_file_write(path, folder, "damaged.key", text, strlen(text));
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(zmq_key_pair_load(&a, path, &error), CONVOY_E_INPUT);
    }
    snprintf(text, sizeof text, "%s\nmore\n", a.public_key);
    temp_file_write(path, folder, "more.pub", text, strlen(text));
    assert_int_equal(zmq_public_key_load(key, path, &error), CONVOY_E_INPUT);
    assert_int_equal(zmq_public_key_load(key, folder, &error), CONVOY_E_IO);
    assert_int_equal(zmq_public_key_load(key, "/nowhere/x.pub", &error), CONVOY_E_IO);
}

/* Keeps all lines, one after another. */
static void keep_line(void *context, convoy_log_level level, const char *line) {
    char *lines = context;
    (void)level;
    size_t at = strlen(lines);
    snprintf(lines + at, 8192 - at, "%s\n", line);
}

static int count_of(const char *lines, const char *text) {
    int count = 0;
    for (const char *at = strstr(lines, text); at; at = strstr(at + 1, text))
        count++;
    return count;
}

static void test_allowed(void **state) {
    char folder[TEMP_PATH], path[TEMP_PATH + 16], name[64], lines[8192] = "";
    const struct log log = {.sink = keep_line, .context = lines};
    struct key_notes notes = {.log = &log};
    struct zmq_key_pair in, out;
    snprintf(folder, sizeof folder, "%s/allowed", (const char *)*state);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(zmq_key_pair_create(&in, NULL), CONVOY_OK);
    assert_int_equal(zmq_key_pair_create(&out, NULL), CONVOY_OK);
    assert_false(key_is_allowed(folder, in.public_key, name, &notes));
    temp_file_write(NULL, folder, "broken.pub", "broken", 6);
    temp_file_write(NULL, folder, "note.txt", out.public_key, strlen(out.public_key));
    assert_int_equal(zmq_key_pair_save(&in, folder, "guest", NULL), CONVOY_OK);
    snprintf(path, sizeof path, "%s/dangling.pub", folder);
    assert_int_equal(symlink("/nowhere/at/all", path), 0);
    assert_true(key_is_allowed(folder, in.public_key, name, &notes));
    assert_string_equal(name, "guest");
    for (int i = 0; i < 3; i++) {
        assert_false(key_is_allowed(folder, out.public_key, name, &notes));
        assert_false(key_is_allowed("/nowhere", in.public_key, name, &notes));
    }
    /* What is amiss is told, each once. */
    assert_int_equal(count_of(lines, "/broken.pub is damaged"), 1);
    assert_int_equal(count_of(lines, "/dangling.pub: No such file"), 1);
    assert_int_equal(count_of(lines, "/nowhere, cannot be read"), 1);
    assert_int_equal(count_of(lines, "\n"), 3);
    unlink(path);
    for (int i = 0; i < KEY_NOTES + 10; i++) { /* and of very many, some */
        char file[32];
        snprintf(file, sizeof file, "b%d.pub", i);
        temp_file_write(NULL, folder, file, "broken", 6);
    }
    assert_false(key_is_allowed(folder, out.public_key, name, &notes));
    assert_int_equal(count_of(lines, "\n"), KEY_NOTES);
}

static void test_urls(void **state) {
    (void)state;
    char long_path[200] = "ipc://";
    memset(long_path + 6, 'a', sizeof long_path - 7);
    const struct {
        const char *url;
        bool master, worker, plain; /* good for either end; allowed without keys */
    } urls[] = {
        {"tcp://127.0.0.1:5555", true, true, true},
        {"tcp://127.8.9.10:5555", true, true, true},
        {"tcp://[::1]:5555", true, true, true},
        {"tcp://localhost:5555", true, true, true},
        {"ipc:///tmp/x", true, true, true},
        {"tcp://*:5555", true, false, false},
        {"tcp://127.0.0.1:*", true, false, true},
        {"tcp://127.0.0.1:0", true, false, true},
        {"tcp://0.0.0.0:5555", true, true, false},
        {"tcp://[::]:5555", true, true, false},
        {"tcp://10.0.0.1:5555", true, true, false},
        {"tcp://example.org:5555", true, true, false},
        {"tcp://localhost.example.org:5555", true, true, false},
        {"tcp://127.0.0.1.example.org:5555", true, true, false},
        {"tcp://128.0.0.1:5555", true, true, false},
        {"tcp://127.0.0.1", false, false, true},
        {"tcp://127.0.0.1:", false, false, true},
        {"tcp://:5555", false, false, true},
        {"tcp://127.0.0.1:65536", false, false, true},
        {"tcp://127.0.0.1:123456", false, false, true},
        {"tcp://127.0.0.1:-1", false, false, true},
        {"tcp://127.0.0.1:80x", false, false, true},
        {"tcp://::1:5555", false, false, true},
        {"tcp://10.0.0.9:0;127.0.0.1:5555", false, false, true},
        {"udp://127.0.0.1:5555", false, false, true},
        {"127.0.0.1:5555", false, false, true},
        {"", false, false, true},
        {NULL, false, false, true},
        {"ipc://", false, false, true},
        {long_path, false, false, true},
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        convoy_error error;
        for (int open = 0; open < 2; open++) { /* with keys, then without but insecure */
            assert_int_equal(zmq_url_check(urls[i].url, true, !open, open, &error),
                             urls[i].master ? CONVOY_OK : CONVOY_E_USAGE);
            assert_int_equal(zmq_url_check(urls[i].url, false, !open, open, &error),
                             urls[i].worker ? CONVOY_OK : CONVOY_E_USAGE);
        }
        assert_int_equal(zmq_url_check(urls[i].url, true, false, false, &error),
                         urls[i].master && urls[i].plain ? CONVOY_OK : CONVOY_E_USAGE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_save_and_load), cmocka_unit_test(test_save_keeps_what_is_there),
        cmocka_unit_test(test_bad_names),     cmocka_unit_test(test_secret_that_others_can_read),
        cmocka_unit_test(test_environment),   cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_allowed),       cmocka_unit_test(test_urls),
    };
    return cmocka_run_group_tests_name("keys and addresses", tests, temp_folder_create, temp_folder_remove);
}
