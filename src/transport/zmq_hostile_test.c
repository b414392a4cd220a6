/* Peers that are let in and then send what is changed at random, alone and several frames in a message: no
 * crash, a log line each, and the run goes on. HOSTILE_SECONDS is for how long each (1); HOSTILE_SEED repeats
 * a run. */
#include "base/random.h"
#include "compute/backend.h"
#include "raw_peer.h"
#include "runtime/worker.h"
#include "zmq_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NODES 2

static const struct zmq_limits calm = {.heartbeat_ns = 5 * NS_PER_S, .max_frame_bytes = 1 << 20};

static uint64_t number(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t seed_random(struct random *random) {
    uint64_t seed = number("HOSTILE_SEED", clock_now_ns() % 1000000), seconds = number("HOSTILE_SECONDS", 1);
    printf("HOSTILE_SEED=%llu, %llu s\n", (unsigned long long)seed, (unsigned long long)seconds);
    random_seed(random, seed);
    return clock_now_ns() + seconds * NS_PER_S;
}

/* --- What they send --------------------------------------------------------------------------------------
 */

/* Appends a frame of this kind with random numbers and payload; mostly sealed, so that what is in it is
 * looked at. */
static size_t append_frame(struct random *random, unsigned char *bytes, enum frame_kind kind) {
    struct frame frame = {.header = {.kind = (uint16_t)kind,
                                     .layer = (uint32_t)random_below(random, 4),
                                     .job = random_below(random, 4),
                                     .dtype = (uint32_t)random_below(random, 4)}};
    static const size_t sizes[] = {0, 0, 1, 16, 40, 200};
    size_t size = sizes[random_below(random, sizeof sizes / sizeof sizes[0])];
    frame.payload = size ? buffer_create(size) : NULL;
    for (size_t i = 0; frame.payload && i < size; i++)
        ((unsigned char *)frame.payload->data)[i] = (unsigned char)random_u64(random);
    frame_seal(&frame, random_below(random, 4) ? frame_payload_hash(frame.payload) : 0);
    memcpy(bytes, &frame.header, sizeof frame.header);
    if (frame.payload)
        memcpy(bytes + sizeof frame.header, frame.payload->data, size);
    frame_release(&frame);
    return sizeof frame.header + size;
}

/* A message of one to eight frames; one in `rubbish` of them has bits flipped or is cut. */
static void send_mutated(struct raw_peer *peer, struct random *random, const enum frame_kind *kinds,
                         size_t count, unsigned rubbish) {
    unsigned char bytes[8 * 256];
    size_t size = 0;
    for (uint64_t frames = 1 + random_below(random, 8); frames--;)
        size += append_frame(random, bytes + size, kinds[random_below(random, count)]);
    if (random_below(random, rubbish) == 0) {
        for (uint64_t flips = 1 + random_below(random, 4); flips--;)
            bytes[random_below(random, size)] ^= (unsigned char)(1 << random_below(random, 8));
        if (random_below(random, 4) == 0)
            size = random_below(random, size);
    }
    size_t first = random_below(random, 8) ? size : random_below(random, size + 1);
    raw_send_parts(peer, first < size ? 2 : 1, (const void *[]){bytes, bytes + first},
                   (const size_t[]){first, size - first});
}

/* --- A worker that turns hostile -------------------------------------------------------------------------
 */

/* Takes in what came to the master; counts the comings and goings of the hostile one. */
static unsigned drain(struct scene *scene, uint64_t patience_ns) {
    unsigned changes = 0;
    for (;;) {
        uint32_t from;
        struct frame frame;
        enum transport_event event = scene->master->ops->poll(
            scene->master, patience_ns ? clock_now_ns() + patience_ns : 0, &from, &frame);
        if (event == TRANSPORT_TIMEOUT)
            return changes;
        if (event == TRANSPORT_FRAME)
            frame_release(&frame);
        else
            changes++;
    }
}

static void test_hostile_worker(void **state) {
    static const enum frame_kind kinds[] = {FRAME_ANSWER, FRAME_DECLINED, FRAME_READY,
                                            FRAME_WANT,   FRAME_UNFIT,    FRAME_PONG,
                                            FRAME_BEAT,   FRAME_HELLO,    FRAME_PROBED};
    struct scene scene;
    struct transport *worker;
    struct raw_peer peer;
    struct random random;
    const struct hello hello = raw_hello(1);
    assert_true(scene_open(&scene, *(enum scene_kind *)*state, NODES, calm));
    assert_true(scene_dial(&scene, &worker));
    assert_int_equal(scene_join(&scene, worker), 0);
    uint64_t start_ns = clock_now_ns(), until_ns = seed_random(&random);
    unsigned before = scene_lines(&scene), changes = 0, dials = 0, messages = 0;
    const uint64_t latest_ns = until_ns + 20 * NS_PER_S; /* a busy machine may let the first one in late */
    for (uint64_t now_ns = start_ns; now_ns < until_ns || (changes == 0 && now_ns < latest_ns);
         now_ns = clock_now_ns()) {
        assert_true(raw_dial(&peer, scene.url));
        dials++;
        for (int i = 0; i < 50; i++) {
            if (i % 5 == 0) /* it may have been cut off */
                raw_send(&peer, FRAME_HELLO, &hello, sizeof hello);
            send_mutated(&peer, &random, kinds, sizeof kinds / sizeof kinds[0], 8);
            messages++;
            changes += drain(&scene, changes ? 0 : 10 * NS_PER_MS); /* libzmq's threads must get a turn */
        }
        raw_close(&peer);
        if (dials % 10 == 0)
            assert_true(scene_serves(&scene, worker, 0));
    }
    changes += drain(&scene, 200 * NS_PER_MS);
    assert_true(scene_serves(&scene, worker, 0));
    unsigned seconds = (unsigned)((clock_now_ns() - start_ns) / NS_PER_S),
             lines = scene_lines(&scene) - before;
    printf("%u messages on %u connections: %u comings and goings, %u lines\n", messages, dials, changes,
           lines);
    assert_true(changes > 0);
    /* A line for each; for those that were not let in, at most two a second. What scene_serves dropped is a
     * few. */
    assert_in_range(lines, 1, changes + changes / 2 + 2 * (seconds + 1));
    worker->ops->destroy(&worker);
    scene_close(&scene);
}

/* --- A false master --------------------------------------------------------------------------------------
 */

struct server {
    struct transport *endpoint;
    convoy_status status;
};

static void *serve(void *context) {
    struct server *server = context;
    struct backend *backend = NULL;
    server->status = backend_create(&backend, "reference", 1, NULL);
    if (server->status == CONVOY_OK)
        server->status =
            worker_run(&server->endpoint, backend,
                       &(struct worker_options){.max_frame_bytes = 1 << 20, .cache_bytes = 1 << 20}, NULL);
    if (backend)
        backend->ops->destroy(&backend);
    return NULL;
}

/* Reads what the worker says, and lets it in where it asks for that. Whether it did. */
static bool welcome_worker(struct raw_peer *master) {
    const struct welcome welcome = {.magic = HELLO_MAGIC, .node = 1, .max_frame_bytes = 1 << 20};
    bool welcomed = false;
    while (raw_ready(master)) {
        struct frame_header header;
        if (!raw_receive(master, &header) || header.kind != FRAME_HELLO)
            continue;
        raw_send(master, FRAME_WELCOME, &welcome, sizeof welcome);
        welcomed = true;
    }
    return welcomed;
}

static void test_hostile_master(void **state) {
    (void)state;
    static const enum frame_kind kinds[] = {FRAME_OFFER, FRAME_LAYER, FRAME_TASK, FRAME_CANCEL,
                                            FRAME_PING,  FRAME_BEAT,  FRAME_PROBE};
    struct scene scene;
    struct raw_peer master;
    struct random random;
    struct server server = {0};
    pthread_t thread;
    uint32_t node;
    struct frame frame;
    assert_true(scene_open(&scene, SCENE_TCP, NODES, calm));
    scene.master->ops->destroy(&scene.master);
    assert_true(raw_listen(&master, scene.url));
    struct zmq_worker_options options = scene_options(&scene);
    options.give_up_ns = 600 * NS_PER_S;
    assert_int_equal(zmq_worker_create(&server.endpoint, &options, NULL), CONVOY_OK);
    assert_int_equal(pthread_create(&thread, NULL, serve, &server), 0);
    uint64_t until_ns = seed_random(&random);
    unsigned welcomes = 0, messages = 0;
    while (!welcomes || clock_now_ns() < until_ns) {
        if (welcome_worker(&master))
            welcomes++;
        for (int i = 0; welcomes && i < 16; i++, messages++)
            send_mutated(&master, &random, kinds, sizeof kinds / sizeof kinds[0], 1000);
        clock_sleep_until(clock_now_ns() + NS_PER_MS);
    }
    raw_close(&master);
    printf("%u messages on %u connections, %u lines\n", messages, welcomes, scene_lines(&scene));
    /* It is in, the connection is lost, nobody is there yet; and the end of the last one. */
    assert_in_range(scene_lines(&scene), 1, 3 * welcomes + 3);
    /* It serves a master that is in order all the same. */
    assert_true(scene_open_master(&scene, NODES, 0));
    assert_int_equal(next_event(scene.master, &node, &frame), TRANSPORT_JOINED);
    scene.master->ops->destroy(&scene.master);
    pthread_join(thread, NULL);
    assert_int_equal(server.status, CONVOY_OK);
    scene_close(&scene);
}

int main(void) {
    static enum scene_kind ipc = SCENE_IPC, tcp = SCENE_TCP;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_hostile_worker, &ipc),
        cmocka_unit_test_prestate(test_hostile_worker, &tcp),
        cmocka_unit_test(test_hostile_master),
    };
    return cmocka_run_group_tests_name("ZeroMQ: hostile peers", tests, NULL, NULL);
}
