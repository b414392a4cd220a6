#include "io/file_map.h"

#include "base/clock.h"
#include "temp_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGES 16

/* Resident bytes of the mapping that begins at data, as the system counts them. */
static size_t resident(const void *data) {
    FILE *smaps = fopen("/proc/self/smaps", "r");
    assert_non_null(smaps);
    char line[1024];
    bool inside = false, found = false;
    size_t kilobytes = 0;
    while (!found && fgets(line, sizeof line, smaps)) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = from == (unsigned long)(uintptr_t)data;
        found = inside && sscanf(line, "Rss: %zu kB", &kilobytes) == 1;
    }
    fclose(smaps);
    assert_true(found);
    return kilobytes * 1024;
}

static bool same(const unsigned char *data, const unsigned char *expected, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) /* reads every byte, which makes its page resident */
        if (data[i] != expected[i])
            return false;
    return true;
}

/* What is discarded takes no memory until it is read again, and then is what it was. */
static void test_discard(void **state) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = PAGES * page;
    unsigned char *contents = malloc(bytes);
    assert_non_null(contents);
    for (size_t i = 0; i < bytes; i++)
        contents[i] = (unsigned char)(i * 31 + i / page);
    char path[TEMP_PATH];
    temp_file_write(path, *state, "file", contents, bytes);
    struct buffer *map;
    assert_int_equal(file_map(&map, path, NULL), CONVOY_OK);
    char *data = map->data;
    assert_true(same(map->data, contents, bytes));
    assert_int_equal(resident(data), bytes);

    buffer_discard(map, data + 1, page - 1); /* pages that are needed in part stay */
    buffer_discard(map, data + 1, 0);
    buffer_discard(map, data + 2 * page - 1, 1);
    assert_int_equal(resident(data), bytes);
    buffer_discard(map, data + page + 1, bytes - page - 1);
    assert_int_equal(resident(data), 2 * page);
    assert_true(same(map->data, contents, bytes));
    assert_int_equal(resident(data), bytes);
    buffer_release(&map);
    free(contents);
}

/* Somebody who may write into the folder, and exchanges a file and a link that leads out, again and again. */
struct swapper {
    char file[TEMP_PATH], link[TEMP_PATH];
    atomic_bool stop;
};

static bool swap_once(const struct swapper *swapper) {
    return renameat2(AT_FDCWD, swapper->file, AT_FDCWD, swapper->link, RENAME_EXCHANGE) == 0;
}

static void *swap(void *context) {
    struct swapper *swapper = context;
    while (!atomic_load(&swapper->stop))
        if (!swap_once(swapper))
            return swapper;
    return NULL;
}

/* What is mapped is never what is outside, whenever the link appears. */
static void test_links_that_change(void **state) {
    char folder[TEMP_PATH], path[TEMP_PATH + 16];
    struct swapper swapper = {.stop = false};
    snprintf(folder, sizeof folder, "%s/folder", (char *)*state);
    assert_int_equal(mkdir(folder, 0700), 0);
    temp_file_write(NULL, *state, "secret", "outside", 7);
    temp_file_write(swapper.file, folder, "weights", "inside", 6);
    snprintf(swapper.link, sizeof swapper.link, "%s/link", (char *)*state);
    assert_int_equal(symlink("../secret", swapper.link), 0);
    snprintf(path, sizeof path, "%s/near", folder);
    assert_int_equal(symlink("weights", path), 0);
    if (!swap_once(&swapper)) {
        print_message("skipped: files cannot be exchanged in %s: %s\n", folder, strerror(errno));
        skip();
    }
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, swap, &swapper), 0);
    struct file_folders folders = {.given = folder};
    int mapped = 0, refused = 0;
    const uint64_t latest = clock_now_ns() + 20 * NS_PER_S; /* a busy machine may swap late */
    for (int round = 0; round < 20000 || (!(mapped && refused) && clock_now_ns() < latest); round++) {
        struct buffer *map = NULL;
        if (file_map_within(&map, &folders, round % 2 ? "near" : "weights", NULL) != CONVOY_OK) {
            refused++;
            continue;
        }
        mapped++;
        if (map->bytes != 6 || memcmp(map->data, "inside", 6) != 0)
            fail_msg("round %d: what is outside was mapped", round);
        buffer_release(&map);
    }
    atomic_store(&swapper.stop, true);
    void *failure;
    pthread_join(thread, &failure);
    assert_null(failure);
    assert_true(mapped > 0 && refused > 0);
    file_folders_clear(&folders);
}

/* A file that is overwritten in place is told by its name; one that is replaced shows what it was. */
static void test_changed(void **state) {
    char path[PATH_MAX], other[PATH_MAX];
    struct buffer *map = NULL;
    temp_file_write(path, *state, "model", "first", 5);
    assert_int_equal(file_map(&map, path, NULL), CONVOY_OK);
    assert_null(buffer_changed(map));
    temp_file_write(other, *state, "new", "other", 5);
    assert_int_equal(rename(other, path), 0);
    assert_null(buffer_changed(map));
    assert_memory_equal(map->data, "first", 5);
    buffer_release(&map);

    static const char *const contents[] = {"longer", "four"};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(file_map(&map, path, NULL), CONVOY_OK);
        temp_file_write(NULL, *state, "model", contents[i], strlen(contents[i]));
        assert_string_equal(buffer_changed(map), path);
        buffer_release(&map);
    }
    /* As long as before: the time tells. */
    const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(file_map(&map, path, NULL), CONVOY_OK);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_string_equal(buffer_changed(map), path);
    buffer_release(&map);
}

/* Several locations in one file share its mapping. */
static void test_shared_mapping(void **state) {
    struct file_folders folders = {.given = *state};
    struct buffer *a = NULL, *b = NULL, *c = NULL;
    temp_file_write(NULL, *state, "one", "1", 1);
    temp_file_write(NULL, *state, "two", "2", 1);
    assert_int_equal(file_map_within(&a, &folders, "one", NULL), CONVOY_OK);
    assert_int_equal(file_map_within(&b, &folders, "./one", NULL), CONVOY_OK);
    assert_int_equal(file_map_within(&c, &folders, "two", NULL), CONVOY_OK);
    assert_true(a == b && a != c);
    assert_memory_equal(c->data, "2", 1);
    buffer_release(&a);
    buffer_release(&b);
    buffer_release(&c);
    file_folders_clear(&folders);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_discard),
        cmocka_unit_test(test_links_that_change),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_shared_mapping),
    };
    return cmocka_run_group_tests(tests, temp_folder_create, temp_folder_remove);
}
