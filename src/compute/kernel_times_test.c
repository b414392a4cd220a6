/* Trials over a backend that only counts them, and the file in which they are remembered. */
#include "compute/kernel_times.h"

#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* oneDNN, with its preparations counted. */
static struct backend *inner;
static struct backend_ops counting_ops;
static struct backend counting;
static int prepared;
static int64_t rows_tried; /* of the last one that was prepared */
static int slow_runs;      /* of a backend that takes a third of a second each time */
static bool refusing;

static convoy_status count_prepare(struct backend *backend, const struct layer_desc *desc,
                                   const struct layer_params *params, struct layer **layer,
                                   convoy_error *error) {
    (void)backend;
    prepared++;
    rows_tried = desc->conv.out[0];
    return refusing ? CONVOY_E_UNSUPPORTED : inner->ops->layer_prepare(inner, desc, params, layer, error);
}

static convoy_status run_slowly(const struct layer *layer, struct context *context, const convoy_tensor *in,
                                convoy_tensor *out, convoy_layer_report *report, convoy_error *error) {
    struct timespec start, now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < 300);
    slow_runs++;
    return inner->ops->layer_run(layer, context, in, out, report, error);
}

static convoy_status make_context(struct backend *backend, struct context **context, convoy_error *error) {
    (void)backend;
    return inner->ops->context_create(inner, context, error);
}

static int setup(void **state) {
    (void)state;
    if (backend_create(&inner, "onednn", 1, NULL) != CONVOY_OK)
        return -1;
    counting_ops = *inner->ops;
    counting_ops.layer_prepare = count_prepare;
    counting_ops.context_create = make_context;
    counting = (struct backend){&counting_ops, 1, inner->block};
    prepared = 0;
    refusing = false;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    inner->ops->destroy(&inner);
    return 0;
}

static struct conv_geometry geometry(int64_t channels, int64_t kernel) {
    struct conv_geometry g = {.spatial = 2,
                              .batch = 1,
                              .groups = 1,
                              .in_channels = channels,
                              .out_channels = channels,
                              .in = {14, 14},
                              .kernel = {kernel, kernel},
                              .stride = {1, 1},
                              .dilation = {1, 1},
                              .pad_begin = {kernel / 2, kernel / 2},
                              .pad_end = {kernel / 2, kernel / 2}};
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_OK);
    return g;
}

static void test_each_shape_once(void **state) {
    (void)state;
    struct kernel_times *times = NULL;
    struct conv_geometry large = geometry(32, 5), winograd = geometry(32, 3);
    enum conv_kernel kernel;
    assert_int_equal(kernel_times_create(&times, &counting, NULL, NULL, NULL), CONVOY_OK);
    uint64_t ns = kernel_times_find(times, &large, KERNEL_ALONE, &kernel);
    assert_true(ns > 0);
    assert_int_equal(kernel, CONV_DIRECT); /* there is no other one for 5 x 5 */
    assert_int_equal(prepared, 1);
    assert_true(kernel_times_find(times, &large, KERNEL_ALONE, &kernel) == ns);
    assert_int_equal(prepared, 1);
    assert_true(kernel_times_find(times, &winograd, KERNEL_ALONE, &kernel) > 0);
    assert_int_equal(prepared, 1 + CONV_KERNELS);
    for (int use = 0; use < KERNEL_USES; use++) {
        uint64_t found_ns = kernel_times_find(times, &winograd, (enum kernel_use)use, &kernel);
        assert_true(found_ns > 0 && found_ns == kernel_times_of(times, &winograd, kernel));
        assert_true(found_ns <= kernel_times_of(times, &winograd, CONV_DIRECT));
    }
    kernel_times_find(times, &winograd, KERNEL_FASTEST, &kernel);
    for (int k = 0; k < CONV_KERNELS; k++)
        assert_true(kernel_times_of(times, &winograd, kernel) <= kernel_times_of(times, &winograd, k));
    assert_true(kernel_times_of(times, &large, CONV_WINOGRAD_2) == 0);
    assert_int_equal(prepared, 1 + CONV_KERNELS);
    kernel_times_destroy(&times);
}

static bool count_looks(void *left) {
    return (*(int *)left)-- <= 0;
}

/* A shape that was not timed by all kernels is not known; those before it are. */
static void test_no_trials_once_cancelled(void **state) {
    (void)state;
    for (int looks = 0; looks < 8; looks++) {
        int left = looks;
        const struct cancel cancel = {count_looks, &left};
        struct kernel_times *times = NULL;
        struct conv_geometry first = geometry(32, 5), second = geometry(32, 3);
        enum conv_kernel kernel;
        assert_int_equal(kernel_times_create(&times, &counting, NULL, &cancel, NULL), CONVOY_OK);
        kernel_times_find(times, &first, KERNEL_ALONE, &kernel);
        const bool first_known = left > 0;
        kernel_times_find(times, &second, KERNEL_ALONE, &kernel);
        left = 0;
        prepared = 0;
        if (first_known)
            assert_true(kernel_times_find(times, &first, KERNEL_ALONE, &kernel) > 0);
        else
            assert_int_equal(kernel_times_find(times, &second, KERNEL_ALONE, &kernel), 0);
        assert_int_equal(kernel, CONV_DIRECT);
        assert_int_equal(prepared, 0);
        kernel_times_destroy(&times);
    }
}

static void test_long_trials_are_short(void **state) {
    (void)state;
    struct kernel_times *times = NULL;
    struct conv_geometry g = geometry(8, 5);
    enum conv_kernel kernel;
    counting_ops.layer_run = run_slowly;
    slow_runs = 0;
    assert_int_equal(kernel_times_create(&times, &counting, NULL, NULL, NULL), CONVOY_OK);
    assert_true(kernel_times_find(times, &g, KERNEL_ALONE, &kernel) > 0);
    assert_int_equal(slow_runs, 2);
    kernel_times_destroy(&times);
}

static void test_few_rows_of_a_large_layer(void **state) {
    (void)state;
    struct kernel_times *times = NULL;
    struct conv_geometry g = geometry(64, 3);
    enum conv_kernel kernel;
    g.in[0] = g.in[1] = 2000;
    g.batch = 2;
    assert_int_equal(conv_geometry_complete(&g, NULL), CONVOY_OK);
    assert_int_equal(kernel_times_create(&times, &counting, NULL, NULL, NULL), CONVOY_OK);
    assert_true(kernel_times_find(times, &g, KERNEL_ALONE, &kernel) > 0);
    assert_in_range(rows_tried, 16, 100);
    /* The time is that of all rows: one processor does not do 4000 multiply-adds in a nanosecond. */
    assert_true(kernel_times_of(times, &g, CONV_DIRECT) > conv_macs(&g) / 4000);
    kernel_times_destroy(&times);
}

/* The only file in a folder, or NULL. */
static char *only_file(const char *folder) {
    char *path = NULL;
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing));)
        if (entry->d_name[0] != '.') {
            assert_null(path);
            assert_true(asprintf(&path, "%s/%s", folder, entry->d_name) > 0);
        }
    closedir(listing);
    return path;
}

static void test_remembered_in_a_file(void **state) {
    (void)state;
    char folder[] = "/tmp/convoy-times-XXXXXX";
    struct conv_geometry g = geometry(32, 3), other = geometry(16, 3);
    enum conv_kernel first, again;
    assert_non_null(mkdtemp(folder));
    struct kernel_times *times = NULL;
    assert_int_equal(kernel_times_create(&times, &counting, folder, NULL, NULL), CONVOY_OK);
    uint64_t ns = kernel_times_find(times, &g, KERNEL_ALONE, &first);
    kernel_times_destroy(&times);
    int before = prepared;
    assert_int_equal(kernel_times_create(&times, &counting, folder, NULL, NULL), CONVOY_OK);
    assert_true(kernel_times_find(times, &g, KERNEL_ALONE, &again) == ns);
    assert_int_equal(again, first);
    assert_int_equal(prepared, before);
    kernel_times_destroy(&times);

    /* What is damaged ends the reading; what stands before it counts, and the rest is timed again. */
    char *path = only_file(folder);
    FILE *file = fopen(path, "a");
    fputs("12 9 9 9 9 9 9\n77777777777777777777777 x\n\xff\xfe", file);
    fclose(file);
    assert_int_equal(kernel_times_create(&times, &counting, folder, NULL, NULL), CONVOY_OK);
    assert_true(kernel_times_find(times, &g, KERNEL_ALONE, &again) == ns);
    assert_int_equal(prepared, before);
    assert_true(kernel_times_find(times, &other, KERNEL_ALONE, &again) > 0);
    assert_int_equal(prepared, before + CONV_KERNELS);
    kernel_times_destroy(&times);
    unlink(path);
    free(path);
    rmdir(folder);
}

/* What is forgotten is timed once more, and only if it is asked for. */
static void test_timed_anew(void **state) {
    (void)state;
    char folder[] = "/tmp/convoy-times-XXXXXX";
    struct conv_geometry g = geometry(32, 5), other = geometry(16, 5);
    enum conv_kernel kernel;
    assert_non_null(mkdtemp(folder));
    struct kernel_times *times = NULL;
    assert_int_equal(kernel_times_create(&times, &counting, folder, NULL, NULL), CONVOY_OK);
    assert_true(kernel_times_find(times, &g, KERNEL_ALONE, &kernel) > 0);
    const uint64_t of_other = kernel_times_find(times, &other, KERNEL_ALONE, &kernel);
    kernel_times_destroy(&times);

    int before = prepared;
    assert_int_equal(kernel_times_create(&times, &counting, folder, NULL, NULL), CONVOY_OK);
    kernel_times_forget(times);
    const uint64_t anew = kernel_times_find(times, &g, KERNEL_ALONE, &kernel);
    assert_true(anew > 0 && kernel_times_find(times, &g, KERNEL_ALONE, &kernel) == anew);
    assert_int_equal(prepared, before + 1);
    kernel_times_destroy(&times);

    assert_int_equal(kernel_times_create(&times, &counting, folder, NULL, NULL), CONVOY_OK);
    assert_true(kernel_times_find(times, &g, KERNEL_ALONE, &kernel) == anew);
    assert_true(kernel_times_find(times, &other, KERNEL_ALONE, &kernel) == of_other);
    assert_int_equal(prepared, before + 1);
    kernel_times_destroy(&times);
    char *path = only_file(folder);
    unlink(path);
    free(path);
    rmdir(folder);
}

/* Time once more, which writes the file. */
static void time_and_keep(const char *folder) {
    struct kernel_times *times = NULL;
    struct conv_geometry g = geometry(16, 5);
    enum conv_kernel kernel;
    assert_int_equal(kernel_times_create(&times, &counting, folder, NULL, NULL), CONVOY_OK);
    assert_true(kernel_times_find(times, &g, KERNEL_ALONE, &kernel) > 0);
    kernel_times_destroy(&times);
}

/* A folder where others write too: a pipe in the file's place keeps nobody waiting, and nothing is written
 * through a link that waits under a name that could be guessed. */
static void test_what_others_put_there(void **state) {
    (void)state;
    char folder[] = "/tmp/convoy-times-XXXXXX", *guess = NULL, *victim = NULL;
    struct stat info;
    assert_non_null(mkdtemp(folder));
    time_and_keep(folder);
    char *path = only_file(folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_true(asprintf(&guess, "%s.%ld", path, (long)getpid()) > 0);
    assert_true(asprintf(&victim, "%s/victim", folder) > 0);
    assert_int_equal(symlink(victim, guess), 0);
    time_and_keep(folder);
    assert_int_not_equal(stat(victim, &info), 0);
    assert_int_equal(lstat(path, &info), 0);
    assert_true(S_ISREG(info.st_mode));
    unlink(guess);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    free(guess);
    free(victim);
    free(path);
}

/* A file that claims what cannot be: Winograd's algorithm for 5 x 5. */
static void test_impossible_claims(void **state) {
    (void)state;
    char folder[] = "/tmp/convoy-times-XXXXXX";
    struct kernel_times *times = NULL;
    struct conv_geometry g = geometry(16, 5);
    enum conv_kernel kernel;
    uint64_t direct_ns, none[2];
    char rest[1024];
    assert_non_null(mkdtemp(folder));
    time_and_keep(folder);
    char *path = only_file(folder);
    FILE *file = fopen(path, "r+");
    assert_int_equal(
        fscanf(file, "%" SCNu64 " %" SCNu64 " %" SCNu64 "%1023[^\n]", &direct_ns, &none[0], &none[1], rest),
        4);
    rewind(file);
    fprintf(file, "%" PRIu64 " 0 1%s\n", direct_ns, rest);
    fclose(file);
    assert_int_equal(kernel_times_create(&times, &counting, folder, NULL, NULL), CONVOY_OK);
    assert_true(kernel_times_find(times, &g, KERNEL_ALONE, &kernel) > 0);
    assert_int_equal(kernel, CONV_DIRECT);
    kernel_times_destroy(&times);
    unlink(path);
    free(path);
    rmdir(folder);
}

/* No folder, and a backend that refuses, are no errors: nothing is known then. */
static void test_does_without(void **state) {
    (void)state;
    struct kernel_times *times = NULL;
    struct conv_geometry g = geometry(32, 3);
    enum conv_kernel kernel = CONV_WINOGRAD_2;
    refusing = true;
    assert_int_equal(kernel_times_create(&times, &counting, "/nowhere/at/all", NULL, NULL), CONVOY_OK);
    assert_true(kernel_times_find(times, &g, KERNEL_ALONE, &kernel) == 0);
    assert_int_equal(kernel, CONV_DIRECT);
    kernel_times_destroy(&times);
    kernel_times_destroy(&times);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_shape_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remembered_in_a_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timed_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_trials_once_cancelled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_trials_are_short, setup, teardown),
        cmocka_unit_test_setup_teardown(test_few_rows_of_a_large_layer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_others_put_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_impossible_claims, setup, teardown),
        cmocka_unit_test_setup_teardown(test_does_without, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
