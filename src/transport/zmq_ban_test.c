/* Workers that are banned: cut off, and refused if they come again, by their process or by their key. */
#include "raw_peer.h"
#include "zmq_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NODES 3

static const struct zmq_limits calm = {.heartbeat_ns = 5 * NS_PER_S, .max_frame_bytes = 1 << 20};

/* Bans a node; its worker, if it is given, sees its master gone for good. */
static void ban(struct scene *scene, uint32_t node, struct transport *worker) {
    struct frame frame;
    uint32_t peer = UINT32_MAX;
    scene->master->ops->ban(scene->master, node);
    assert_int_equal(next_event(scene->master, &peer, &frame), TRANSPORT_LEFT);
    assert_int_equal(peer, node);
    assert_int_equal(scene->master->ops->state(scene->master, node), PEER_LOST);
    enum transport_event event = TRANSPORT_LEFT;
    for (int i = 0; worker && i < 2 && event == TRANSPORT_LEFT; i++)
        event = next_event(worker, &peer, &frame);
    if (worker)
        assert_int_equal(event, TRANSPORT_CLOSED);
}

/* What a hello of this process gets for an answer: the kind of frame, and why. */
static enum frame_kind say_hello(struct scene *scene, uint64_t instance, uint64_t *why) {
    struct raw_peer peer;
    struct frame_header header = {0};
    const struct hello hello = raw_hello(instance);
    assert_true(raw_dial(&peer, scene->url));
    raw_send(&peer, FRAME_HELLO, &hello, sizeof hello);
    const uint64_t until_ns = clock_now_ns() + PATIENCE_NS;
    uint32_t number;
    struct frame frame;
    while (!raw_ready(&peer) && clock_now_ns() < until_ns)
        if (scene->master->ops->poll(scene->master, clock_now_ns() + 20 * NS_PER_MS, &number, &frame) ==
            TRANSPORT_FRAME)
            frame_release(&frame);
    assert_true(raw_receive(&peer, &header));
    *why = header.job;
    raw_close(&peer);
    return (enum frame_kind)header.kind;
}

static void test_process(void **state) {
    (void)state;
    struct scene scene;
    uint64_t why;
    struct peer_identity identity;
    assert_true(scene_open(&scene, SCENE_TCP, NODES, calm));
    assert_int_equal(say_hello(&scene, 77, &why), FRAME_WELCOME);
    scene.master->ops->identify(scene.master, 0, &identity);
    assert_int_equal(identity.instance, 77);
    assert_string_equal(identity.key, "");
    scene.master->ops->ban(scene.master, 0);
    assert_int_equal(say_hello(&scene, 77, &why), FRAME_REFUSED);
    assert_int_equal(why, REFUSAL_CUT);
    assert_true(scene_log_count(&scene, "its answers were wrong") > 0);
    assert_int_equal(say_hello(&scene, 78, &why), FRAME_WELCOME);
    scene.master->ops->pardon(scene.master);
    assert_int_equal(say_hello(&scene, 77, &why), FRAME_WELCOME);
    scene_close(&scene);
}

/* The key goes with its only user; a key that others use stays. */
static void test_key(void **state) {
    (void)state;
    struct scene scene;
    struct transport *first, *second, *third;
    uint32_t peer;
    struct frame frame;
    assert_true(scene_open(&scene, SCENE_CURVE, NODES, calm));
    assert_true(scene_dial(&scene, &first));
    assert_int_equal(scene_join(&scene, first), 0);
    assert_true(scene_dial(&scene, &second));
    assert_int_equal(scene_join(&scene, second), 1);
    ban(&scene, 0, first);
    assert_int_equal(scene_log_count(&scene, "stays allowed"), 1);
    assert_true(scene_serves(&scene, second, 1));
    ban(&scene, 1, second);
    assert_int_equal(scene_log_count(&scene, "stays allowed"), 1);
    assert_true(scene_dial(&scene, &third));
    assert_true(scene_wait_log(&scene, "was refused: its answers were wrong", 1));
    assert_int_equal(next_event(third, &peer, &frame), TRANSPORT_CLOSED);
    third->ops->destroy(&third);
    scene.master->ops->pardon(scene.master);
    assert_true(scene_dial(&scene, &third));
    assert_true(scene_join(&scene, third) < NODES);
    third->ops->destroy(&third);
    second->ops->destroy(&second);
    first->ops->destroy(&first);
    scene_close(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_process), cmocka_unit_test(test_key)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
