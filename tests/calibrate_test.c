/* Calibration over real processes and over threads, by the public function: what it writes is a profile. */
#include "base/clock.h"
#include "base/processor.h"
#include "plan/profile_file.h"
#include "raw_peer.h"
#include "temp_folder.h"

#include <convoy/convoy.h>

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORKERS = 3 };

/* A process that serves a master at this address until it has finished. Started before the test has any
 * threads. */
static pid_t start_worker(const char *url) {
    const pid_t pid = fork();
    if (pid != 0)
        return pid;
    convoy_worker_options options;
    convoy_worker_options_init(&options);
    options.connect = url;
    options.give_up_ns = 30 * NS_PER_S;
    const convoy_status status = convoy_worker_run(&options, NULL);
    _exit(status == CONVOY_OK ? 0 : 1);
}

static void print_profile(const char *title, const struct profile *profile) {
    print_message(
        "%s (%s): latency %.1f us, job %.0f us, up %.0f, down %.0f Mbit/s, memcpy %.1f GB/s, master "
        "%.1f %.1f %.1f %.1f GMAC/s\n",
        title, profile->name, profile->link.latency_ns / 1e3, profile->task_ns / 1e3,
        profile->link.up_bytes_per_ns * PROFILE_MBIT_S, profile->link.down_bytes_per_ns * PROFILE_MBIT_S,
        profile->bytes_per_ns, profile->master.macs_per_ns[0], profile->master.macs_per_ns[1],
        profile->master.macs_per_ns[2], profile->master.macs_per_ns[3]);
    for (uint32_t k = 0; k < profile->worker_kinds; k++) {
        const struct worker_profile *worker = &profile->workers[k];
        print_message("  %u workers: %.1f %.1f %.1f %.1f GMAC/s, deviation %.2f\n", worker->count,
                      worker->rates.macs_per_ns[0], worker->rates.macs_per_ns[1],
                      worker->rates.macs_per_ns[2], worker->rates.macs_per_ns[3], worker->slowness.deviation);
    }
}

static void calibrate(struct profile *profile, const convoy_options *options, const char *path) {
    convoy_error error = {.message = ""};
    if (convoy_calibrate(options, path, &error) != CONVOY_OK ||
        profile_read(profile, path, &error) != CONVOY_OK)
        fail_msg("%s", error.message);
}

static void test_processes(void **state) {
    char url[TEMP_PATH], path[TEMP_PATH];
    pid_t pids[WORKERS];
    struct profile profile;
    convoy_options options;
    convoy_options_init(&options);
    snprintf(url, sizeof url, "ipc://%s/master", (const char *)*state);
    snprintf(path, sizeof path, "%s/processes.json", (const char *)*state);
    for (int w = 0; w < WORKERS; w++)
        pids[w] = start_worker(url);
    options.workers = WORKERS;
    options.stragglers = 1;
    options.listen = url;
    calibrate(&profile, &options, path);
    print_profile("processes", &profile);
    assert_int_equal(profile_workers(&profile), WORKERS);
    assert_int_equal(profile.shared_processors, 0);
    assert_true(isfinite(profile.link.up_bytes_per_ns) && isfinite(profile.link.down_bytes_per_ns));
    assert_true(profile.link.latency_ns > 0);
    for (int w = 0; w < WORKERS; w++) {
        int status = -1;
        assert_int_equal(waitpid(pids[w], &status, 0), pids[w]);
        assert_int_equal(status, 0); /* the master said that it has finished */
    }
}

/* A process that says hello and answers no probe, but writes to the pipe when the first one comes. */
static pid_t start_mute(const char *url, int pipe_in) {
    const pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* if the test fails */
    struct raw_peer peer;
    struct frame_header header = {0};
    const struct hello hello = raw_hello(7);
    bool good = raw_dial(&peer, url);
    raw_send(&peer, FRAME_HELLO, &hello, sizeof hello);
    while (good && header.kind != FRAME_PROBE)
        good = raw_receive(&peer, &header);
    good = good && write(pipe_in, "", 1) == 1;
    pause();
    _exit(!good);
}

/* A process that serves a master from when something comes through the pipe. */
static pid_t start_worker_later(const char *url, int pipe_out) {
    char byte;
    const pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(pipe_out, &byte, 1) != 1)
        _exit(1);
    waitpid(start_worker(url), NULL, 0);
    _exit(0);
}

/* As few workers as suffice have come, and one of them does not answer; another comes meanwhile. */
static void test_one_comes_meanwhile(void **state) {
    char url[TEMP_PATH], path[TEMP_PATH];
    int ends[2];
    pid_t pids[3];
    struct profile profile;
    convoy_options options;
    convoy_options_init(&options);
    snprintf(url, sizeof url, "ipc://%s/meanwhile", (const char *)*state);
    snprintf(path, sizeof path, "%s/meanwhile.json", (const char *)*state);
    assert_int_equal(pipe(ends), 0);
    pids[0] = start_mute(url, ends[1]);
    pids[1] = start_worker(url);
    pids[2] = start_worker_later(url, ends[0]);
    options.workers = 2; /* and room for one more */
    options.stragglers = 0;
    options.reserve = 1;
    options.listen = url;
    calibrate(&profile, &options, path);
    assert_int_equal(profile_workers(&profile), 2);
    kill(pids[0], SIGKILL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
    close(ends[0]);
    close(ends[1]);
}

static void test_threads(void **state) {
    char path[TEMP_PATH];
    struct profile profile;
    convoy_options options;
    convoy_options_init(&options);
    options.workers = 2;
    options.stragglers = 1;
    snprintf(path, sizeof path, "%s/threads.json", (const char *)*state);
    calibrate(&profile, &options, path);
    print_profile("threads", &profile);
    assert_int_equal(profile_workers(&profile), 2);
    assert_int_equal(profile.shared_processors, processors_usable());
    assert_true(isinf(profile.link.up_bytes_per_ns) && isinf(profile.link.down_bytes_per_ns));
}

static void test_refusals(void **state) {
    char path[TEMP_PATH];
    convoy_options options;
    convoy_error error;
    convoy_options_init(&options);
    snprintf(path, sizeof path, "%s/none.json", (const char *)*state);
    options.local = true;
    assert_int_equal(convoy_calibrate(&options, path, &error), CONVOY_E_USAGE);
    options.local = false;
    options.stragglers = options.workers;
    assert_int_equal(convoy_calibrate(&options, path, &error), CONVOY_E_USAGE);
    options.stragglers = 1;
    options.listen = "tcp://127.0.0.1:*";
    options.join_ns = NS_PER_MS;
    assert_int_equal(convoy_calibrate(&options, path, &error), CONVOY_E_WORKERS); /* nobody comes */
    assert_non_null(strstr(error.message, "have come"));
    assert_int_not_equal(access(path, F_OK), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_processes),
                                       cmocka_unit_test(test_one_comes_meanwhile),
                                       cmocka_unit_test(test_threads), cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, temp_folder_create, temp_folder_remove);
}
