/* One suite for every transport: a new one is one more line in `transports`. */
#include "transport/transport.h"

#include "base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORKERS     3
#define PATIENCE_NS (20 * NS_PER_S) /* only ever waited for where the transport is broken */

struct pair {
    struct transport *master;
    struct transport *workers[WORKERS];
};

static convoy_status local_create(struct pair *pair, convoy_error *error) {
    return local_transport_create(&pair->master, pair->workers, WORKERS, error);
}

static convoy_status faulty_create(struct pair *pair, convoy_error *error) {
    convoy_status status = local_transport_create(&pair->master, pair->workers, WORKERS, error);
    return status == CONVOY_OK
               ? faulty_transport_create(&pair->master, &pair->master, WORKERS, NULL, 0, 1, error)
               : status;
}

static const struct {
    const char *name;
    convoy_status (*create)(struct pair *pair, convoy_error *error);
} transports[] = {
    {"local threads", local_create},
    {"local threads under the faulty decorator, without faults", faulty_create},
};

static int setup(void **state) {
    struct pair *pair = calloc(1, sizeof *pair);
    convoy_error error;
    size_t which = (size_t)*state;
    if (!pair || transports[which].create(pair, &error) != CONVOY_OK)
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
    close_transport(&pair->master);
    for (int w = 0; w < WORKERS; w++)
        close_transport(&pair->workers[w]);
    free(pair);
    return 0;
}

static struct frame make_frame(uint64_t job, size_t bytes) {
    struct frame frame = {.header = {.kind = FRAME_TASK, .job = job}};
    if (bytes) {
        frame.payload = buffer_create(bytes);
        assert_non_null(frame.payload);
        memset(frame.payload->data, (int)(job & 0xff), bytes);
    }
    frame_seal(&frame, frame_payload_hash(frame.payload));
    return frame;
}

static convoy_status send_to(struct transport *from, uint32_t peer, uint64_t job, size_t bytes) {
    struct frame frame = make_frame(job, bytes);
    return from->ops->send(from, peer, &frame);
}

static void expect_frame(struct transport *at, uint32_t peer, uint64_t job, size_t bytes) {
    uint32_t from = UINT32_MAX;
    struct frame frame = {0};
    assert_int_equal(at->ops->poll(at, clock_now_ns() + PATIENCE_NS, &from, &frame), TRANSPORT_FRAME);
    assert_int_equal(from, peer);
    assert_int_equal(frame.header.job, job);
    assert_int_equal(frame.header.bytes, bytes);
    assert_true(frame_valid(&frame));
    frame_release(&frame);
}

static void expect_event(struct transport *at, enum transport_event event) {
    uint32_t peer;
    struct frame frame = {0};
    assert_int_equal(at->ops->poll(at, clock_now_ns() + PATIENCE_NS, &peer, &frame), event);
}

static void test_order(void **state) {
    struct pair *pair = *state;
    for (uint64_t job = 1; job <= 500; job++)
        for (uint32_t w = 0; w < WORKERS; w++)
            assert_int_equal(send_to(pair->master, w, job, job % 7), CONVOY_OK);
    for (uint32_t w = 0; w < WORKERS; w++)
        for (uint64_t job = 1; job <= 500; job++)
            expect_frame(pair->workers[w], 0, job, job % 7);
    for (uint64_t job = 1; job <= 500; job++)
        assert_int_equal(send_to(pair->workers[1], 0, job, 3), CONVOY_OK);
    for (uint64_t job = 1; job <= 500; job++)
        expect_frame(pair->master, 1, job, 3);
}

static void test_sizes(void **state) {
    struct pair *pair = *state;
    static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, 1 << 20, 48 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(send_to(pair->master, 0, i + 1, sizes[i]), CONVOY_OK);
        expect_frame(pair->workers[0], 0, i + 1, sizes[i]);
        assert_int_equal(send_to(pair->workers[0], 0, i + 1, sizes[i]), CONVOY_OK);
        expect_frame(pair->master, 0, i + 1, sizes[i]);
    }
}

static void test_one_payload_for_all(void **state) {
    struct pair *pair = *state;
    struct frame frame = make_frame(9, 1000);
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
    (*(int *)context)++;
}

/* Every reference that a send takes over is dropped, whether the frame is read, refused, or still under way
 * at the end. */
static void test_references(void **state) {
    struct pair *pair = *state;
    static char bytes[64];
    int released = 0;
    for (uint32_t w = 0; w < WORKERS; w++) {
        struct frame frame = {.header = {.kind = FRAME_TASK},
                              .payload = buffer_adopt(bytes, sizeof bytes, count_release, &released)};
        frame_seal(&frame, frame_payload_hash(frame.payload));
        if (w == 2)
            close_transport(&pair->workers[2]);
        convoy_status status = pair->master->ops->send(pair->master, w, &frame);
        assert_int_equal(status, w == 2 ? CONVOY_E_CLOSED : CONVOY_OK);
    }
    assert_int_equal(released, 1);
    expect_frame(pair->workers[0], 0, 0, sizeof bytes);
    assert_int_equal(released, 2);
    close_transport(&pair->workers[1]);
    assert_int_equal(released, 3);
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
    assert_int_equal(send_to(pair->workers[1], 0, 1, 10), CONVOY_OK);
    assert_int_equal(pair->master->ops->state(pair->master, 1), PEER_ALIVE);
    close_transport(&pair->workers[1]);
    expect_frame(pair->master, 1, 1, 10);
    uint32_t peer = 0;
    struct frame frame;
    assert_int_equal(pair->master->ops->poll(pair->master, clock_now_ns() + PATIENCE_NS, &peer, &frame),
                     TRANSPORT_LEFT);
    assert_int_equal(peer, 1);
    assert_int_equal(pair->master->ops->state(pair->master, 1), PEER_LOST);
    assert_int_equal(send_to(pair->master, 1, 2, 10), CONVOY_E_CLOSED);
    assert_int_equal(send_to(pair->master, 2, 3, 10), CONVOY_OK);
    expect_frame(pair->workers[2], 0, 3, 10);
}

static void test_disconnect(void **state) {
    struct pair *pair = *state;
    pair->master->ops->disconnect(pair->master, 0);
    expect_event(pair->workers[0], TRANSPORT_CLOSED);
    assert_int_equal(pair->master->ops->state(pair->master, 0), PEER_LOST);
    assert_int_equal(send_to(pair->workers[0], 0, 1, 10), CONVOY_E_CLOSED);
    expect_event(pair->master, TRANSPORT_LEFT);
    assert_int_equal(send_to(pair->workers[1], 0, 2, 10), CONVOY_OK);
    expect_frame(pair->master, 1, 2, 10);
}

static void *send_until_closed(void *context) {
    struct transport *transport = context;
    for (uint64_t job = 0; send_to(transport, 0, job, 100) != CONVOY_E_CLOSED;)
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
        assert_int_equal(pair->master->ops->poll(pair->master, clock_now_ns() + PATIENCE_NS, &peer, &frame),
                         TRANSPORT_FRAME);
        frame_release(&frame);
    }
    close_transport(&pair->master);
    for (int w = 0; w < WORKERS; w++)
        pthread_join(threads[w], NULL);
    expect_event(pair->workers[0], TRANSPORT_CLOSED);
}

static void test_damage_is_seen(void **state) {
    (void)state;
    struct frame frame = make_frame(7, 100);
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
            CASE(test_order, i),      CASE(test_sizes, i),      CASE(test_one_payload_for_all, i),
            CASE(test_references, i), CASE(test_timeout, i),    CASE(test_wake, i),
            CASE(test_loss, i),       CASE(test_disconnect, i), CASE(test_close_while_sending, i),
        };
        failed += cmocka_run_group_tests_name(transports[i].name, tests, NULL, NULL);
    }
    const struct CMUnitTest frames[] = {cmocka_unit_test(test_damage_is_seen)};
    failed += cmocka_run_group_tests_name("frames", frames, NULL, NULL);
    return failed;
}
