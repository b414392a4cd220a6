/* What stands at the path of a new socket is harmed by nobody but the one who finds it dead. */
#include "transport/ipc_socket.h"

#include "temp_folder.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PROCESSES 12

static char path[TEMP_PATH], url[TEMP_PATH + 16];

static int open_folder(void **state) {
    if (temp_folder_create(state) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/master", (const char *)*state);
    snprintf(url, sizeof url, "ipc://%s", path);
    return 0;
}

static void expect_refusal(const char *words) {
    int fd = -1;
    struct ipc_file file = {0};
    convoy_error error;
    assert_int_equal(ipc_listen(url, &fd, &file, &error), CONVOY_E_IO);
    assert_non_null(strstr(error.message, url));
    assert_non_null(strstr(error.message, words));
    assert_null(file.path);
    assert_int_equal(fd, -1);
}

/* A socket at the path to which nobody listens any more. */
static void leave_dead_socket(int type) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, type, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static int connect_to(const char *at, size_t size) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, at, size);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int failed =
        connect(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
    close(fd);
    return failed;
}

static void test_free_path(void **state) {
    (void)state;
    struct ipc_file file = {0};
    struct stat about;
    int fd = -1;
    assert_int_equal(ipc_listen(url, &fd, &file, NULL), CONVOY_OK);
    assert_int_equal(lstat(path, &about), 0);
    assert_true(S_ISSOCK(about.st_mode));
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(connect_to(path, strlen(path)), 0);
    ipc_file_remove(&file);
    assert_int_equal(access(path, F_OK), -1);
    ipc_file_remove(&file); /* of none */
    close(fd);
}

static void test_living_socket(void **state) {
    (void)state;
    struct ipc_file file = {0};
    struct stat before, after;
    int fd = -1;
    assert_int_equal(ipc_listen(url, &fd, &file, NULL), CONVOY_OK);
    assert_int_equal(lstat(path, &before), 0);
    expect_refusal("another process listens there");
    assert_int_equal(lstat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(connect_to(path, strlen(path)), 0);
    for (int i = 0; i < 400; i++) /* with a full backlog it lives, too */
        if (connect_to(path, strlen(path)) != 0)
            break;
    expect_refusal("another process listens there");
    ipc_file_remove(&file);
    close(fd);
}

static void test_dead_socket(void **state) {
    (void)state;
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct ipc_file file = {0};
        int fd = -1;
        leave_dead_socket(types[i]);
        assert_int_equal(ipc_listen(url, &fd, &file, NULL), CONVOY_OK);
        assert_int_equal(connect_to(path, strlen(path)), 0);
        ipc_file_remove(&file);
        close(fd);
    }
}

static void test_other_files(void **state) {
    (void)state;
    struct stat about;
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    fputs("precious", stream);
    fclose(stream);
    expect_refusal("no socket");
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_size, 8);
    unlink(path);
    assert_int_equal(symlink("nowhere", path), 0);
    expect_refusal("no socket");
    assert_int_equal(lstat(path, &about), 0);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    expect_refusal("no socket");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_refusal("no socket");
    unlink(path);
}

/* A file that another process has put there since is not removed. */
static void test_replaced_file(void **state) {
    (void)state;
    struct ipc_file file = {0};
    int fd = -1;
    assert_int_equal(ipc_listen(url, &fd, &file, NULL), CONVOY_OK);
    char aside[TEMP_PATH + 8];
    snprintf(aside, sizeof aside, "%s.aside", path);
    assert_int_equal(rename(path, aside), 0);
    leave_dead_socket(SOCK_STREAM);
    ipc_file_remove(&file);
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
    unlink(aside);
    close(fd);
}

static void test_abstract_name(void **state) {
    (void)state;
    struct ipc_file file = {0};
    int fd = -1, other = -1;
    char name[64];
    snprintf(name, sizeof name, "ipc://@convoy-test-%ld", (long)getpid());
    assert_int_equal(ipc_listen(name, &fd, &file, NULL), CONVOY_OK);
    assert_null(file.path);
    assert_int_equal(ipc_listen(name, &other, &file, NULL), CONVOY_E_IO);
    close(fd);
    assert_int_equal(ipc_listen(name, &other, &file, NULL), CONVOY_OK);
    close(other);
}

/* Tells in one letter whether it got the path, and keeps it until it is killed. */
static _Noreturn void compete(int start, int results) {
    struct ipc_file file = {0};
    int fd = -1;
    char letter;
    bool go = read(start, &letter, 1) == 0;
    letter = go && ipc_listen(url, &fd, &file, NULL) == CONVOY_OK ? 'y' : 'n';
    if (write(results, &letter, 1) == 1)
        pause();
    _exit(0);
}

/* Many processes find a dead socket at the same time: one gets the path, and keeps it. */
static void test_race(void **state) {
    (void)state;
    for (int round = 0; round < 20; round++) {
        int start[2], results[2], won = 0;
        pid_t pids[PROCESSES];
        leave_dead_socket(SOCK_STREAM);
        assert_int_equal(pipe(start), 0);
        assert_int_equal(pipe(results), 0);
        for (int i = 0; i < PROCESSES; i++) {
            pids[i] = fork();
            if (pids[i] == 0) {
                close(start[1]);
                compete(start[0], results[1]);
            }
        }
        close(start[0]);
        close(start[1]); /* go */
        for (int i = 0; i < PROCESSES; i++) {
            char letter = 0;
            assert_int_equal(read(results[0], &letter, 1), 1);
            won += letter == 'y';
        }
        assert_int_equal(won, 1);
        assert_int_equal(connect_to(path, strlen(path)), 0);
        close(results[0]);
        close(results[1]);
        for (int i = 0; i < PROCESSES; i++) {
            kill(pids[i], SIGKILL);
            assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
        }
        unlink(path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_free_path),     cmocka_unit_test(test_living_socket),
        cmocka_unit_test(test_dead_socket),   cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_replaced_file), cmocka_unit_test(test_abstract_name),
        cmocka_unit_test(test_race),
    };
    return cmocka_run_group_tests_name("The file of an ipc socket", tests, open_folder, temp_folder_remove);
}
