#include "io/file_map.h"

#include "temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_discard),
    };
    return cmocka_run_group_tests(tests, temp_folder_create, temp_folder_remove);
}
