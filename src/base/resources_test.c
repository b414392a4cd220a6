/* Each case lowers a limit in a child of its own. */
#include "base/resources.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MB ((size_t)1 << 20)

/* Runs the case in a child: what it returns is 0, or the line of what went wrong. */
static void in_child(int (*run)(void)) {
    const pid_t child = fork();
    int status = 0;
    assert_true(child >= 0);
    if (child == 0)
        _exit(run());
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the child failed: %s %d", WIFEXITED(status) ? "line" : "signal",
                 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

#define EXPECT(condition)                                                                                    \
    if (!(condition))                                                                                        \
    return __LINE__

static convoy_status check(uint32_t threads, uint32_t descriptors, convoy_error *error) {
    return resources_check(&(struct resources){.threads = threads, .descriptors = descriptors}, "7 workers",
                           error);
}

static int few_descriptors(void) {
    convoy_error error = {0};
    struct rlimit limit = {.rlim_cur = 16, .rlim_max = 64};
    EXPECT(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    EXPECT(check(0, 4, &error) == CONVOY_OK);
    EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 16);
    EXPECT(check(0, 40, &error) == CONVOY_OK);
    EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 64);
    EXPECT(check(0, 100, &error) == CONVOY_E_MEMORY && error.status == CONVOY_E_MEMORY);
    EXPECT(strcmp(error.message, "7 workers: 100 more open files are needed, and this process may have 64 in "
                                 "all (ulimit -n)") == 0);
    EXPECT(check(0, 100, NULL) == CONVOY_E_MEMORY);
    EXPECT(check(0, 40, &error) == CONVOY_OK); /* all were closed */
    return 0;
}

/* Leaves so much address space beside what the process has. */
static bool limit_space(size_t bytes) {
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    const bool read = file && fscanf(file, "%zu", &pages) == 1;
    if (file)
        fclose(file);
    const rlim_t limit = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + bytes;
    return read && setrlimit(RLIMIT_AS, &(struct rlimit){limit, limit}) == 0;
}

static int little_space(void) {
    convoy_error error = {0};
    EXPECT(limit_space(60 * MB));
    EXPECT(setrlimit(RLIMIT_STACK, &(struct rlimit){8 * MB, RLIM_INFINITY}) == 0);
    EXPECT(check(1, 0, &error) == CONVOY_OK);
    EXPECT(check(100, 0, &error) == CONVOY_E_MEMORY);
    EXPECT(strstr(error.message, "7 workers: 100 more threads cannot be had") &&
           strstr(error.message, "ulimit -v"));
    EXPECT(check(1, 0, &error) == CONVOY_OK); /* all have ended */
    return 0;
}

static int a_reserve_is_left(void) {
    EXPECT(limit_space(20 * MB));
    EXPECT(memory_is_there(16 * MB) && !memory_is_there(24 * MB));
    void *large = memory_aligned(12 * MB);
    EXPECT(large);
    EXPECT(!memory_aligned(6 * MB)); /* 8 are left */
    void *small = memory_aligned(MB);
    EXPECT(small);
    EXPECT(memory_is_there(MEMORY_RESERVE));
    free(small);
    free(large);
    return 0;
}

/* Whether a limit binds: not under qemu, which ignores it, and sanitizers need terabytes. */
static bool limits_hold(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#endif
    int status = 0;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(limit_space(60 * MB) && !memory_is_there(1024 * MB) ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status == 0;
}

static void test_descriptors(void **state) {
    (void)state;
    in_child(few_descriptors);
}

static void test_address_space(void **state) {
    (void)state;
    if (!limits_hold()) {
        print_message("skipped: limits on address space do not hold here\n");
        skip();
    }
    in_child(little_space);
    in_child(a_reserve_is_left);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_address_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
