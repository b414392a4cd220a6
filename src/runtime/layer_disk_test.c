/* What the log is told of the folder in which a worker keeps its filters. */
#include "runtime/layer_disk.h"

#include "temp_folder.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define BYTES 5000

static char last[512];
static int lines;

static void keep_line(void *context, convoy_log_level level, const char *line) {
    (void)context;
    assert_int_equal(level, CONVOY_LOG_WARNING);
    snprintf(last, sizeof last, "%s", line);
    lines++;
}

static struct layer_disk *open_disk(const char *folder, uint64_t max_bytes) {
    struct layer_disk *disk = NULL;
    lines = 0;
    assert_int_equal(layer_disk_open(&disk, folder, max_bytes, (struct log){.sink = keep_line}, NULL),
                     CONVOY_OK);
    return disk;
}

static struct content_hash write_content(struct layer_disk *disk, int value) {
    struct buffer *content = buffer_create(BYTES);
    assert_non_null(content);
    memset(content->data, value, BYTES);
    struct content_hash hash = frame_content_hash(content);
    layer_disk_write(disk, hash, content);
    buffer_release(&content);
    return hash;
}

static bool is_kept(struct layer_disk *disk, struct content_hash hash) {
    struct buffer *content = layer_disk_read(disk, hash);
    bool kept = content != NULL;
    buffer_release(&content);
    return kept;
}

/* A full disk, for which a limit of the size of files stands here: told once, and again when there was room
 * meanwhile. */
static void test_full_disk(void **state) {
    struct rlimit before, tight;
    struct layer_disk *disk = open_disk(*state, UINT64_MAX);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    for (int round = 1; round <= 2; round++) {
        tight = before;
        tight.rlim_cur = BYTES / 2;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
        for (int value = 0; value < 3; value++)
            assert_false(is_kept(disk, write_content(disk, 10 * round + value)));
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(lines, round);
        assert_non_null(strstr(last, *state));
        assert_true(is_kept(disk, write_content(disk, 10 * round)));
    }
    layer_disk_close(&disk);
}

static void test_damaged_files(void **state) {
    struct layer_disk *disk = open_disk(*state, UINT64_MAX);
    for (int value = 1; value <= 3; value++) {
        char name[64];
        struct content_hash hash = write_content(disk, value);
        snprintf(name, sizeof name, "%016llx%016llx.layer", (unsigned long long)hash.high,
                 (unsigned long long)hash.low);
        temp_file_write(NULL, *state, name, "damaged", value == 1 ? 7 : 0);
        for (int i = 0; i < 2; i++) /* it is gone at the second look */
            assert_false(is_kept(disk, hash));
        assert_int_equal(lines, value);
        assert_non_null(strstr(last, name));
    }
    layer_disk_close(&disk);
}

/* A file for which a smaller bound leaves no room is not damaged. */
static void test_smaller_bound(void **state) {
    struct layer_disk *disk = open_disk(*state, UINT64_MAX);
    struct content_hash hash = write_content(disk, 7);
    layer_disk_close(&disk);
    disk = open_disk(*state, BYTES - 1);
    assert_false(is_kept(disk, hash));
    assert_int_equal(lines, 0);
    layer_disk_close(&disk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_smaller_bound),
    };
    return cmocka_run_group_tests_name("The folder of filters", tests, temp_folder_create,
                                       temp_folder_remove);
}
