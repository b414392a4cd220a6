/* What excuses a peer's silence: bytes that came, and frames that it announced; and nobody else's. */
#include "raw_peer.h"
#include "transport/zmq_common.h"
#include "zmq_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define NODES 3

static const struct zmq_limits quick = {.heartbeat_ns = 50 * NS_PER_MS}; /* lost after half a second */

/* Announcements beyond belief excuse for a minute, what is honest for its time, small frames not at all. */
static void test_bound(void **state) {
    (void)state;
    static const struct {
        uint64_t bytes, excuse_ns;
    } cases[] = {{0, 0},
                 {LARGE_BYTES - 1, 0},
                 {UINT64_C(160) << 20, 10 * NS_PER_S},
                 {UINT64_C(1) << 34, LONGEST_EXCUSE_NS},
                 {INT64_MAX, LONGEST_EXCUSE_NS},
                 {UINT64_MAX, LONGEST_EXCUSE_NS}};
    const struct zmq_limits limits = zmq_limits_complete((struct zmq_limits){.max_frame_bytes = UINT64_MAX});
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t before_ns = clock_now_ns();
        uint64_t until_ns = announced_until_ns(cases[i].bytes, &limits);
        if (cases[i].excuse_ns)
            assert_in_range(until_ns, before_ns + cases[i].excuse_ns, clock_now_ns() + cases[i].excuse_ns);
        else
            assert_int_equal(until_ns, 0);
    }
}

/* Bytes that wait in a local socket are a sign of life, as long as they wait. */
static void test_unread_bytes(void **state) {
    (void)state;
    int fds[2];
    char byte = 'x';
    uint64_t heard_ns = clock_now_ns() - 7 * NS_PER_S;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_true(connection_silent_ns(fds[0], heard_ns, 0) >= 7 * NS_PER_S);
    assert_int_equal(write(fds[1], &byte, 1), 1);
    assert_int_equal(connection_silent_ns(fds[0], heard_ns, 0), 0);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    assert_true(connection_silent_ns(fds[0], heard_ns, 0) >= 7 * NS_PER_S);
    close(fds[0]);
    close(fds[1]);
}

static void join(struct scene *scene, struct raw_peer *peer, uint64_t instance, uint32_t node) {
    bool encrypted = scene->kind == SCENE_CURVE;
    struct hello hello = raw_hello(instance);
    hello.node = node;
    uint32_t from;
    struct frame frame;
    struct frame_header header;
    assert_true(raw_dial_encrypted(peer, scene->url, encrypted ? &scene->worker_key : NULL,
                                   scene->master_key.public_key));
    raw_send(peer, FRAME_HELLO, &hello, sizeof hello);
    assert_int_equal(next_event(scene->master, &from, &frame), TRANSPORT_JOINED);
    assert_int_equal(from, node);
    assert_true(raw_receive(peer, &header) && header.kind == FRAME_WELCOME);
}

/* Polls the master until an event of this kind comes, while a peer gives signs of life that announce absurd
 * frames; other events must be of another peer than that one. */
static void expect_beside_liar(struct scene *scene, struct raw_peer *liar, uint32_t liar_node,
                               enum transport_event wanted, uint32_t node) {
    static const uint64_t sizes[] = {UINT64_C(1) << 34, UINT64_C(500) << 20, INT64_MAX, UINT64_MAX};
    uint64_t until_ns = clock_now_ns() + PATIENCE_NS;
    for (unsigned beats = 0; clock_now_ns() < until_ns; beats++) {
        uint32_t from = UINT32_MAX;
        struct frame frame = {0};
        raw_send_header(liar, FRAME_BEAT, sizes[beats % 4]);
        enum transport_event event =
            scene->master->ops->poll(scene->master, clock_now_ns() + 10 * NS_PER_MS, &from, &frame);
        if (event == wanted && from == node)
            return;
        if (event != TRANSPORT_TIMEOUT)
            assert_int_not_equal(from, liar_node);
    }
    fail_msg("event %d of peer %u never came", (int)wanted, node);
}

/* A peer that has stopped is called silent and lost, whatever frames another one announces; it may come back,
 * and a worker that is well goes on. */
static void test_stopped_beside_liar(void **state) {
    struct scene scene;
    struct raw_peer liar, stopped;
    struct transport *worker;
    assert_true(scene_open(&scene, *(enum scene_kind *)*state, NODES, quick));
    join(&scene, &liar, 1, 0);
    for (int round = 0; round < 2; round++) {
        raw_send_header(&liar, FRAME_BEAT, UINT64_C(1) << 34);
        join(&scene, &stopped, 2, 1);
        expect_beside_liar(&scene, &liar, 0, TRANSPORT_SUSPECTED, 1);
        expect_beside_liar(&scene, &liar, 0, TRANSPORT_LEFT, 1);
        raw_close(&stopped);
    }
    assert_true(scene_dial(&scene, &worker));
    assert_int_equal(scene_join(&scene, worker), 2);
    assert_true(scene_serves(&scene, worker, 2));
    worker->ops->destroy(&worker);
    raw_close(&liar);
    scene_close(&scene);
}

int main(void) {
    static enum scene_kind ipc = SCENE_IPC, tcp = SCENE_TCP, curve = SCENE_CURVE;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_unread_bytes),
        cmocka_unit_test_prestate(test_stopped_beside_liar, &ipc),
        cmocka_unit_test_prestate(test_stopped_beside_liar, &tcp),
        cmocka_unit_test_prestate(test_stopped_beside_liar, &curve),
    };
    return cmocka_run_group_tests_name("ZeroMQ: silence", tests, NULL, NULL);
}
