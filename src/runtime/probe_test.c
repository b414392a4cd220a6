/* Probes: their messages, right and damaged; a worker that is sent them; a master whose workers answer
 * wrongly or not at all. */
#include "runtime/probe.h"

#include "base/clock.h"
#include "runtime/dispatcher.h"
#include "runtime/probe_rates.h"
#include "runtime/worker.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define PATIENCE_NS (20 * NS_PER_S)

static const struct probe_request plain = {.answer_bytes = sizeof(struct probe_answer)};

/* ---- messages ---- */

static void test_requests(void **state) {
    (void)state;
    static const struct {
        struct probe_request request;
        size_t bytes;
        bool good;
    } cases[] = {
        {{0, 0, sizeof(struct probe_answer)}, sizeof(struct probe_request), true},
        {{1, 0, PROBE_MOST_BYTES}, PROBE_MOST_BYTES, true},
        {{2, 0, sizeof(struct probe_answer)}, sizeof(struct probe_request), false},
        {{0, 1, sizeof(struct probe_answer)}, sizeof(struct probe_request), false},
        {{0, 0, sizeof(struct probe_answer) - 1}, sizeof(struct probe_request), false},
        {{0, 0, PROBE_MOST_BYTES + 1}, sizeof(struct probe_request), false},
        {{0, 0, UINT64_MAX}, sizeof(struct probe_request), false},
        {{0, 0, sizeof(struct probe_answer)}, PROBE_MOST_BYTES + 1, false},
    };
    struct probe_request read;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer *payload = probe_request_create(&cases[i].request, cases[i].bytes);
        assert_non_null(payload);
        assert_int_equal(probe_request_read(&read, payload), cases[i].good);
        if (cases[i].good)
            assert_memory_equal(&read, &cases[i].request, sizeof read);
        payload->bytes = sizeof(struct probe_request) - 1;
        assert_false(probe_request_read(&read, payload));
        buffer_release(&payload);
    }
    assert_false(probe_request_read(&read, NULL));
}

static void test_answers(void **state) {
    (void)state;
    static const double rates[] = {5, 0, -1, NAN, INFINITY, 1e10};
    struct probe_answer read;
    struct probe_request request = {.measure = 1, .answer_bytes = 1000};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        const struct probe_answer answer = {{{1, 2, rates[i], 4}}, 77};
        struct buffer *payload = probe_answer_create(&answer, 1000);
        assert_non_null(payload);
        request.measure = 1;
        assert_int_equal(probe_answer_read(&read, payload, &request), i == 0);
        request.measure = 0; /* rates that nobody asked for */
        assert_true(probe_answer_read(&read, payload, &request));
        assert_int_equal(read.memory_bytes, 77);
        payload->bytes = 999;
        assert_false(probe_answer_read(&read, payload, &request));
        buffer_release(&payload);
    }
    assert_false(probe_answer_read(&read, NULL, &request));
}

static void test_convolutions_are_of_their_kinds(void **state) {
    (void)state;
    for (int kind = 0; kind < RATE_KINDS; kind++) {
        struct conv_geometry geometry = probe_convolution((enum rate_kind)kind);
        assert_int_equal(conv_geometry_complete(&geometry, NULL), CONVOY_OK);
        assert_int_equal(rate_kind_of(&geometry), kind);
    }
}

/* ---- a worker ---- */

struct served {
    struct transport *endpoint;
    struct backend *backend;
};

static void *serve(void *context) {
    struct served *served = context;
    const struct worker_options options = {.cache_bytes = 12345};
    worker_run(&served->endpoint, served->backend, &options, NULL);
    return NULL;
}

static void send_probe(struct transport *master, struct buffer *payload, uint64_t job) {
    struct frame frame = {.header = {.kind = FRAME_PROBE, .job = job}, .payload = payload};
    frame_seal(&frame, frame_payload_hash(payload));
    assert_int_equal(master->ops->send(master, 0, &frame), CONVOY_OK);
}

/* The payload of the answer, which may be none. */
static struct buffer *next_answer(struct transport *master, uint64_t job) {
    struct frame frame;
    uint32_t peer;
    enum transport_event event;
    do
        event = master->ops->poll(master, clock_now_ns() + PATIENCE_NS, &peer, &frame);
    while (event != TRANSPORT_FRAME && event != TRANSPORT_TIMEOUT);
    assert_int_equal(event, TRANSPORT_FRAME);
    assert_true(frame_valid(&frame));
    assert_int_equal(frame.header.kind, FRAME_PROBED);
    assert_int_equal(frame.header.job, job);
    assert_true(frame.header.took_us >= 1);
    return frame.payload;
}

static void test_worker(void **state) {
    (void)state;
    struct transport *master = NULL;
    struct served served = {0};
    struct probe_answer answer;
    struct probe_request request = {.answer_bytes = 5000};
    pthread_t thread;
    assert_int_equal(local_transport_create(&master, &served.endpoint, 1, true, NULL), CONVOY_OK);
    assert_int_equal(backend_create(&served.backend, "onednn", 1, NULL), CONVOY_OK);
    assert_int_equal(pthread_create(&thread, NULL, serve, &served), 0);

    send_probe(master, probe_request_create(&request, 3000), 1);
    struct buffer *payload = next_answer(master, 1);
    assert_true(probe_answer_read(&answer, payload, &request));
    assert_int_equal(answer.memory_bytes, 12345);
    assert_true(answer.rates.macs_per_ns[RATE_CONVOLUTION] == 0);
    buffer_release(&payload);

    request.measure = 1;
    send_probe(master, probe_request_create(&request, sizeof request), 2);
    payload = next_answer(master, 2);
    assert_true(probe_answer_read(&answer, payload, &request)); /* with rates that may stand in a profile */
    buffer_release(&payload);

    send_probe(master, NULL, 3);
    assert_null(next_answer(master, 3));
    request.answer_bytes = PROBE_MOST_BYTES + 1;
    send_probe(master, probe_request_create(&request, sizeof request), 4);
    assert_null(next_answer(master, 4));

    master->ops->destroy(&master);
    pthread_join(thread, NULL);
    served.backend->ops->destroy(&served.backend);
}

/* ---- a master ---- */

/* What workers do that are no workers of ours. */
enum habit { ANSWERS, DAMAGES, ANSWERS_ANOTHER, IS_SILENT, LEAVES, HABITS };

struct actor {
    struct transport *endpoint;
    enum habit habit;
};

static void *act(void *context) {
    struct actor *actor = context;
    for (bool leaves = false; !leaves;) {
        uint32_t peer;
        struct frame frame;
        const enum transport_event event =
            actor->endpoint->ops->poll(actor->endpoint, UINT64_MAX, &peer, &frame);
        if (event == TRANSPORT_CLOSED || event == TRANSPORT_FINISHED)
            break;
        if (event != TRANSPORT_FRAME)
            continue;
        struct frame answer = {.header = {.kind = FRAME_PROBED, .job = frame.header.job, .took_us = 1}};
        answer.payload = probe_answer_create(&(struct probe_answer){0}, sizeof(struct probe_answer));
        answer.header.job += actor->habit == ANSWERS_ANOTHER;
        frame_seal(&answer, frame_payload_hash(answer.payload));
        answer.header.checksum ^= actor->habit == DAMAGES;
        leaves = actor->habit == LEAVES;
        if (actor->habit == IS_SILENT || leaves)
            frame_release(&answer);
        else
            actor->endpoint->ops->send(actor->endpoint, 0, &answer);
        frame_release(&frame);
    }
    actor->endpoint->ops->destroy(&actor->endpoint);
    return NULL;
}

static void test_master(void **state) {
    (void)state;
    static const enum probe_state expected[HABITS] = {[ANSWERS] = PROBE_ANSWERED,
                                                      [DAMAGES] = PROBE_LOST,
                                                      [ANSWERS_ANOTHER] = PROBE_LOST,
                                                      [IS_SILENT] = PROBE_LOST,
                                                      [LEAVES] = PROBE_LOST};
    struct transport *master = NULL, *endpoints[HABITS];
    struct actor actors[HABITS];
    struct dispatcher *dispatcher = NULL;
    struct log log = {0};
    pthread_t threads[HABITS];
    struct probe probes[HABITS];
    struct buffer *payload = probe_request_create(&plain, sizeof plain);
    assert_int_equal(local_transport_create(&master, endpoints, HABITS, true, NULL), CONVOY_OK);
    for (int i = 0; i < HABITS; i++) {
        actors[i] = (struct actor){endpoints[i], (enum habit)i};
        assert_int_equal(pthread_create(&threads[i], NULL, act, &actors[i]), 0);
    }
    assert_int_equal(dispatcher_create(&dispatcher, &master, HABITS, 1, &log, NULL, NULL, NULL), CONVOY_OK);

    /* One that does not answer costs the deadline, and no more. */
    for (int i = 0; i < HABITS; i++)
        probes[i] = (struct probe){.state = PROBE_DUE};
    const uint64_t deadline_ns = clock_now_ns() + NS_PER_S / 2;
    dispatcher_probe(dispatcher, payload, probes, deadline_ns);
    assert_true(clock_now_ns() >= deadline_ns);
    for (int i = 0; i < HABITS; i++) {
        assert_int_equal(probes[i].state, expected[i]);
        assert_int_equal(probes[i].answer != NULL, i == ANSWERS);
        buffer_release(&probes[i].answer);
    }
    /* Those that were not asked cost nothing, and one that left neither. */
    for (int i = 0; i < HABITS; i++)
        probes[i] = (struct probe){.state = i == ANSWERS || i == LEAVES ? PROBE_DUE : PROBE_NONE};
    const uint64_t far_ns = clock_now_ns() + PATIENCE_NS;
    dispatcher_probe(dispatcher, payload, probes, far_ns);
    assert_true(clock_now_ns() < far_ns);
    assert_int_equal(probes[ANSWERS].state, PROBE_ANSWERED);
    assert_true(probes[ANSWERS].sent_ns <= probes[ANSWERS].came_ns);
    assert_int_equal(probes[IS_SILENT].state, PROBE_NONE);
    assert_int_equal(probes[LEAVES].state, PROBE_LOST);
    buffer_release(&probes[ANSWERS].answer);

    buffer_release(&payload);
    dispatcher_destroy(&dispatcher);
    for (int i = 0; i < HABITS; i++)
        pthread_join(threads[i], NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_requests), cmocka_unit_test(test_answers),
                                       cmocka_unit_test(test_convolutions_are_of_their_kinds),
                                       cmocka_unit_test(test_worker), cmocka_unit_test(test_master)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
