/* Folders of processes: those of living ones stay, those that were left behind go, and what only looks like
 * one of them is left alone. */
#include "session/run_folder.h"

#include "temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int own_folder(void **state) {
    return temp_folder_create(state) == 0 && setenv("TMPDIR", *state, 1) == 0 ? 0 : -1;
}

static bool is_there(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0;
}

static void touch(const char *folder, const char *name) {
    temp_file_write(NULL, folder, name, "", 0);
}

/* A folder that a process has made which is gone by now. */
static void leave_behind(const char *kind, char path[TEMP_PATH]) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        struct run_folder folder = {0};
        bool good = run_folder_create(&folder, kind, "a test", NULL) == CONVOY_OK;
        good = good && write(ends[1], folder.path, strlen(folder.path) + 1) > 0;
        _exit(!good);
    }
    assert_true(read(ends[0], path, TEMP_PATH) > 0);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(is_there(path));
}

static void one_is_made_and_removed(void **state) {
    static const char *const kinds[] = {"", "mpi-"};
    for (int i = 0; i < 2; i++) {
        struct run_folder folder = {0};
        struct stat info;
        char path[TEMP_PATH], start[TEMP_PATH];
        assert_int_equal(run_folder_create(&folder, kinds[i], "a test", NULL), CONVOY_OK);
        snprintf(path, sizeof path, "%s", folder.path);
        snprintf(start, sizeof start, "%s/convoy-%s", (const char *)*state, kinds[i]);
        assert_memory_equal(path, start, strlen(start));
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0700);
        touch(path, RUN_FOLDER_SOCKET);
        touch(path, RUN_FOLDER_KEY);
        run_folder_remove(&folder);
        assert_false(is_there(path));
        run_folder_remove(&folder);
    }
}

static void what_was_left_behind_goes(void **state) {
    (void)state;
    static const char *const kinds[] = {"", "mpi-"};
    for (int i = 0; i < 2; i++) {
        char path[TEMP_PATH];
        leave_behind(kinds[i], path);
        touch(path, i ? RUN_FOLDER_KEY : RUN_FOLDER_SOCKET);
        run_folders_sweep();
        assert_false(is_there(path));
    }
}

static void one_that_is_used_stays(void **state) {
    (void)state;
    struct run_folder folder = {0};
    assert_int_equal(run_folder_create(&folder, "", "a test", NULL), CONVOY_OK);
    touch(folder.path, RUN_FOLDER_SOCKET);
    run_folders_sweep();
    char path[TEMP_PATH];
    snprintf(path, sizeof path, "%s/" RUN_FOLDER_SOCKET, folder.path);
    assert_true(is_there(path));
    run_folder_remove(&folder);
}

/* Each differs from a folder that was left behind in one thing. */
static void what_looks_like_one_stays(void **state) {
    char path[TEMP_PATH], other[TEMP_PATH], target[TEMP_PATH];
    const char *parent = *state;

    leave_behind("", path);
    touch(path, "precious");
    run_folders_sweep();
    snprintf(other, sizeof other, "%.400s/lock", path);
    assert_true(is_there(other));

    leave_behind("", path);
    assert_int_equal(chmod(path, 0755), 0);
    run_folders_sweep();
    assert_true(is_there(path));

    leave_behind("", path);
    snprintf(target, sizeof target, "%s/elsewhere", parent);
    assert_int_equal(rename(path, target), 0);
    snprintf(other, sizeof other, "%s/convoy-abcdef", parent);
    assert_int_equal(symlink(target, other), 0);
    run_folders_sweep();
    assert_true(is_there(other));
    snprintf(other, sizeof other, "%s/elsewhere/lock", parent);
    assert_true(is_there(other));

    static const char *const names[] = {"convoy-abcdefg", "convoy-abc.ef", "convoy-zmq-abcdef", "convoy-"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        leave_behind("", path);
        snprintf(other, sizeof other, "%s/%s", parent, names[i]);
        assert_int_equal(rename(path, other), 0);
        run_folders_sweep();
        assert_true(is_there(other));
    }

    snprintf(other, sizeof other, "%s/convoy-nolock", parent); /* of an older version */
    assert_int_equal(mkdir(other, 0700), 0);
    touch(other, RUN_FOLDER_SOCKET);
    run_folders_sweep();
    assert_true(is_there(other));
}

static void where_none_can_be_made_is_told(void **state) {
    char path[TEMP_PATH];
    convoy_error error = {0};
    struct run_folder folder = {0};
    snprintf(path, sizeof path, "%s/nowhere", (const char *)*state);
    setenv("TMPDIR", path, 1);
    assert_int_equal(run_folder_create(&folder, "", "a test", &error), CONVOY_E_IO);
    assert_non_null(strstr(error.message, path));
    assert_null(folder.path);
    run_folders_sweep();
    setenv("TMPDIR", *state, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_made_and_removed),        cmocka_unit_test(what_was_left_behind_goes),
        cmocka_unit_test(one_that_is_used_stays),         cmocka_unit_test(what_looks_like_one_stays),
        cmocka_unit_test(where_none_can_be_made_is_told),
    };
    return cmocka_run_group_tests(tests, own_folder, temp_folder_remove);
}
