/* One suite for every transport: a new one is one more line in `transports`. */
#include "transport/transport.h"

#include "base/clock.h"
#include "zmq_scene.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORKERS 3
/* Signs of life are another test's matter; here nobody shall be given up because the machine is busy. */
static const struct zmq_limits calm = {.heartbeat_ns = 5 * NS_PER_S};

struct pair {
    size_t which; /* of transports[] */
    struct transport *master;
    struct transport *workers[WORKERS];
    struct scene scene;
};

static bool local_create(struct pair *pair) {
    return local_transport_create(&pair->master, pair->workers, WORKERS, true, NULL) == CONVOY_OK;
}

static bool faulty_create(struct pair *pair) {
    return local_create(pair) &&
           faulty_transport_create(&pair->master, &pair->master, WORKERS, NULL, 0, 1, NULL) == CONVOY_OK;
}

static bool zmq_restart(struct pair *pair, uint32_t worker) {
    return scene_dial(&pair->scene, &pair->workers[worker]) &&
           scene_join(&pair->scene, pair->workers[worker]) == worker;
}

static bool zmq_create(struct pair *pair, enum scene_kind kind) {
    bool good = scene_open(&pair->scene, kind, WORKERS, calm);
    for (uint32_t w = 0; w < WORKERS && good; w++)
        good = zmq_restart(pair, w);
    pair->master = pair->scene.master;
    return good;
}

static bool ipc_create(struct pair *pair) {
    return zmq_create(pair, SCENE_IPC);
}

static bool tcp_create(struct pair *pair) {
    return zmq_create(pair, SCENE_TCP);
}

static bool curve_create(struct pair *pair) {
    return zmq_create(pair, SCENE_CURVE);
}

static bool faulty_tcp_create(struct pair *pair) {
    return tcp_create(pair) &&
           faulty_transport_create(&pair->master, &pair->master, WORKERS, NULL, 0, 1, NULL) == CONVOY_OK;
}

static const struct {
    const char *name;
    bool (*create)(struct pair *pair);
    /* A worker that left comes again; NULL: cannot be. Where it can, workers wait for a master that is gone.
     */
    bool (*restart)(struct pair *pair, uint32_t worker);
} transports[] = {
    {"local threads", local_create, NULL},
    {"local threads under the faulty decorator, without faults", faulty_create, NULL},
    {"ZeroMQ over ipc", ipc_create, zmq_restart},
    {"ZeroMQ over tcp", tcp_create, zmq_restart},
    {"ZeroMQ over tcp with CURVE", curve_create, zmq_restart},
    {"ZeroMQ over tcp under the faulty decorator, without faults", faulty_tcp_create, zmq_restart},
};

static int setup(void **state) {
    struct pair *pair = calloc(1, sizeof *pair);
    if (!pair)
        return -1;
    pair->which = (size_t)*state;
    if (!transports[pair->which].create(pair))
        return -1;
    *state = pair;
    return 0;
}

static void close_transport(struct transport **transport) {
    if (*transport)
        (*transport)->ops->destroy(transport);
}

static int teardown(void **state) {
    struct pair *pair = *state;
    uint64_t start_ns = clock_now_ns();
    close_transport(&pair->master);
    for (int w = 0; w < WORKERS; w++)
        close_transport(&pair->workers[w]);
    bool prompt = clock_now_ns() - start_ns < (WORKERS + 1) * NS_PER_S;
    if (transports[pair->which].restart) {
        pair->scene.master = NULL; /* was pair->master */
        scene_close(&pair->scene);
    }
    free(pair);
    return prompt ? 0 : -1;
}

static struct frame make_frame(enum frame_kind kind, uint64_t job, size_t bytes) {
    struct frame frame = {.header = {.kind = (uint16_t)kind, .job = job}};
    if (bytes) {
        frame.payload = buffer_create(bytes);
        assert_non_null(frame.payload);
        memset(frame.payload->data, (int)(job & 0xff), bytes);
    }
    frame_seal(&frame, frame_payload_hash(frame.payload));
    return frame;
}

static convoy_status to_worker(struct pair *pair, uint32_t worker, uint64_t job, size_t bytes) {
    struct frame frame = make_frame(FRAME_TASK, job, bytes);
    return pair->master->ops->send(pair->master, worker, &frame);
}

static convoy_status to_master(struct transport *worker, uint64_t job, size_t bytes) {
    struct frame frame = make_frame(FRAME_ANSWER, job, bytes);
    return worker->ops->send(worker, 0, &frame);
}

static void expect_frame(struct transport *at, uint32_t peer, uint64_t job, size_t bytes) {
    uint32_t from = UINT32_MAX;
    struct frame frame = {0};
    assert_int_equal(next_event(at, &from, &frame), TRANSPORT_FRAME);
    assert_int_equal(from, peer);
    assert_int_equal(frame.header.job, job);
    assert_int_equal(frame.header.bytes, bytes);
    assert_int_equal((uintptr_t)(frame.payload ? frame.payload->data : NULL) % 8, 0);
    assert_true(frame_valid(&frame));
    frame_release(&frame);
}

static void expect_event(struct transport *at, enum transport_event event) {
    uint32_t peer;
    struct frame frame = {0};
    assert_int_equal(next_event(at, &peer, &frame), event);
}

static void expect_left(struct pair *pair, uint32_t worker) {
    uint32_t peer = UINT32_MAX;
    struct frame frame = {0};
    assert_int_equal(next_event(pair->master, &peer, &frame), TRANSPORT_LEFT);
    assert_int_equal(peer, worker);
    assert_int_equal(pair->master->ops->state(pair->master, worker), PEER_LOST);
}

static void test_order(void **state) {
    struct pair *pair = *state;
    for (uint64_t job = 1; job <= 500; job++)
        for (uint32_t w = 0; w < WORKERS; w++)
            assert_int_equal(to_worker(pair, w, job, job % 7), CONVOY_OK);
    for (uint32_t w = 0; w < WORKERS; w++)
        for (uint64_t job = 1; job <= 500; job++)
            expect_frame(pair->workers[w], 0, job, job % 7);
    for (uint64_t job = 1; job <= 500; job++)
        assert_int_equal(to_master(pair->workers[1], job, 3), CONVOY_OK);
    for (uint64_t job = 1; job <= 500; job++)
        expect_frame(pair->master, 1, job, 3);
}

static void test_sizes(void **state) {
    struct pair *pair = *state;
    static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, 1 << 20, 48 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(to_worker(pair, 0, i + 1, sizes[i]), CONVOY_OK);
        expect_frame(pair->workers[0], 0, i + 1, sizes[i]);
        assert_int_equal(to_master(pair->workers[0], i + 1, sizes[i]), CONVOY_OK);
        expect_frame(pair->master, 0, i + 1, sizes[i]);
    }
}

static void test_one_payload_for_all(void **state) {
    struct pair *pair = *state;
    struct frame frame = make_frame(FRAME_TASK, 9, 1000);
    for (uint32_t w = 0; w < WORKERS; w++) {
        struct frame copy = {.header = frame.header, .payload = buffer_retain(frame.payload)};
        assert_int_equal(pair->master->ops->send(pair->master, w, &copy), CONVOY_OK);
        assert_null(copy.payload);
    }
    frame_release(&frame);
    for (uint32_t w = 0; w < WORKERS; w++)
        expect_frame(pair->workers[w], 0, 9, 1000);
}

static void count_release(void *context) {
    atomic_fetch_add((atomic_int *)context, 1);
}

/* Every reference that a send takes over is dropped, whether the frame is read, refused, or still under way
 * at the end; at the latest when both ends are closed. */
static void test_references(void **state) {
    struct pair *pair = *state;
    static char bytes[65536];
    atomic_int released = 0;
    close_transport(&pair->workers[2]);
    expect_left(pair, 2);
    for (uint32_t w = 0; w < WORKERS; w++) {
        struct frame frame = {.header = {.kind = FRAME_TASK},
                              .payload = buffer_adopt(bytes, sizeof bytes, count_release, &released)};
        frame_seal(&frame, frame_payload_hash(frame.payload));
        convoy_status status = pair->master->ops->send(pair->master, w, &frame);
        assert_int_equal(status, w == 2 ? CONVOY_E_CLOSED : CONVOY_OK);
        assert_null(frame.payload);
    }
    assert_true(atomic_load(&released) >= 1);
    expect_frame(pair->workers[0], 0, 0, sizeof bytes);
    close_transport(&pair->workers[1]);
    close_transport(&pair->master);
    close_transport(&pair->workers[0]);
    assert_int_equal(atomic_load(&released), 3);
}

static void test_timeout(void **state) {
    struct pair *pair = *state;
    uint32_t peer;
    struct frame frame;
    uint64_t start_ns = clock_now_ns();
    assert_int_equal(pair->master->ops->poll(pair->master, 0, &peer, &frame), TRANSPORT_TIMEOUT);
    assert_int_equal(pair->master->ops->poll(pair->master, start_ns + 20 * NS_PER_MS, &peer, &frame),
                     TRANSPORT_TIMEOUT);
    assert_true(clock_now_ns() >= start_ns + 20 * NS_PER_MS);
}

static void *wake_later(void *context) {
    struct transport *transport = context;
    clock_sleep_until(clock_now_ns() + 20 * NS_PER_MS);
    transport->ops->wake(transport);
    return NULL;
}

static void test_wake(void **state) {
    struct pair *pair = *state;
    pthread_t thread;
    pair->master->ops->wake(pair->master); /* before the poll */
    expect_event(pair->master, TRANSPORT_WOKEN);
    assert_int_equal(pthread_create(&thread, NULL, wake_later, pair->master), 0);
    expect_event(pair->master, TRANSPORT_WOKEN);
    pthread_join(thread, NULL);
}

/* What a worker sent before it died arrives, then the news of its death; the others go on. */
static void test_loss(void **state) {
    struct pair *pair = *state;
    for (uint64_t job = 1; job <= 20; job++)
        assert_int_equal(to_master(pair->workers[1], job, 1000), CONVOY_OK);
    assert_int_equal(pair->master->ops->state(pair->master, 1), PEER_ALIVE);
    close_transport(&pair->workers[1]);
    for (uint64_t job = 1; job <= 20; job++)
        expect_frame(pair->master, 1, job, 1000);
    expect_left(pair, 1);
    assert_int_equal(to_worker(pair, 1, 2, 10), CONVOY_E_CLOSED);
    assert_int_equal(to_worker(pair, 2, 3, 10), CONVOY_OK);
    expect_frame(pair->workers[2], 0, 3, 10);
}

/* A worker that comes again gets nothing of what was sent to the one before, and the master no late answers.
 */
static void test_return(void **state) {
    struct pair *pair = *state;
    if (!transports[pair->which].restart)
        skip();
    for (int round = 0; round < 3; round++) {
        assert_int_equal(to_worker(pair, 1, 1, 100), CONVOY_OK);
        assert_int_equal(to_master(pair->workers[1], 1, 100), CONVOY_OK);
        close_transport(&pair->workers[1]);
        expect_frame(pair->master, 1, 1, 100);
        expect_left(pair, 1);
        assert_true(transports[pair->which].restart(pair, 1));
        assert_int_equal(pair->master->ops->state(pair->master, 1), PEER_ALIVE);
        assert_int_equal(pair->workers[1]->ops->state(pair->workers[1], 0), PEER_ALIVE);
        assert_int_equal(to_worker(pair, 1, 2, 10), CONVOY_OK);
        expect_frame(pair->workers[1], 0, 2, 10);
        assert_int_equal(to_master(pair->workers[1], 2, 10), CONVOY_OK);
        expect_frame(pair->master, 1, 2, 10);
    }
}

static void test_disconnect(void **state) {
    struct pair *pair = *state;
    pair->master->ops->disconnect(pair->master, 0);
    expect_event(pair->workers[0], TRANSPORT_CLOSED);
    assert_int_equal(pair->master->ops->state(pair->master, 0), PEER_LOST);
    assert_int_equal(to_master(pair->workers[0], 1, 10), CONVOY_E_CLOSED);
    expect_left(pair, 0);
    assert_int_equal(to_master(pair->workers[1], 2, 10), CONVOY_OK);
    expect_frame(pair->master, 1, 2, 10);
}

static void *send_until_closed(void *context) {
    struct transport *transport = context;
    for (uint64_t job = 0; to_master(transport, job, 100) != CONVOY_E_CLOSED;)
        job++;
    return NULL;
}

/* A master that goes away while its workers send: every send ends, every reference is dropped (the sanitizer
 * looks). */
static void test_close_while_sending(void **state) {
    struct pair *pair = *state;
    pthread_t threads[WORKERS];
    for (int w = 0; w < WORKERS; w++)
        assert_int_equal(pthread_create(&threads[w], NULL, send_until_closed, pair->workers[w]), 0);
    for (int i = 0; i < 100; i++) {
        uint32_t peer;
        struct frame frame = {0};
        assert_int_equal(next_event(pair->master, &peer, &frame), TRANSPORT_FRAME);
        frame_release(&frame);
    }
    close_transport(&pair->master);
    for (int w = 0; w < WORKERS; w++)
        pthread_join(threads[w], NULL);
    expect_event(pair->workers[0], transports[pair->which].restart ? TRANSPORT_LEFT : TRANSPORT_CLOSED);
}

/* Ends that close with frames of all sizes under way in both directions, which nobody reads. */
static void test_close_under_way(void **state) {
    struct pair *pair = *state;
    for (uint32_t w = 0; w < WORKERS; w++)
        for (uint64_t job = 1; job <= 12; job++) {
            assert_int_equal(to_worker(pair, w, job, (size_t)1 << 2 * (job - 1)), CONVOY_OK);
            assert_int_equal(to_master(pair->workers[w], job, (size_t)1 << 2 * (job - 1)), CONVOY_OK);
        }
}

static void test_damage_is_seen(void **state) {
    (void)state;
    struct frame frame = make_frame(FRAME_TASK, 7, 100);
    assert_true(frame_valid(&frame));
    for (size_t bit = 0; bit < 8 * sizeof frame.header; bit++) {
        ((unsigned char *)&frame.header)[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_false(frame_valid(&frame));
        ((unsigned char *)&frame.header)[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * 100; bit++) {
        ((unsigned char *)frame.payload->data)[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_false(frame_valid(&frame));
        ((unsigned char *)frame.payload->data)[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_true(frame_valid(&frame));
    frame_release(&frame);
}

#define CASE(test, which)                                                                                    \
    { #test, test, setup, teardown, (void *)(size_t)(which) }

int main(void) {
    int failed = 0;
    for (size_t i = 0; i < sizeof transports / sizeof transports[0]; i++) {
        const struct CMUnitTest tests[] = {
            CASE(test_order, i),      CASE(test_sizes, i),           CASE(test_one_payload_for_all, i),
            CASE(test_references, i), CASE(test_timeout, i),         CASE(test_wake, i),
            CASE(test_loss, i),       CASE(test_disconnect, i),      CASE(test_close_while_sending, i),
            CASE(test_return, i),     CASE(test_close_under_way, i),
        };
        failed += cmocka_run_group_tests_name(transports[i].name, tests, NULL, NULL);
    }
    const struct CMUnitTest frames[] = {cmocka_unit_test(test_damage_is_seen)};
    failed += cmocka_run_group_tests_name("frames", frames, NULL, NULL);
    return failed;
}
