/* Workers that are refused, for good or for now; what is damaged on its way, which is no refusal; and workers
 * that give up. */
#include "raw_peer.h"
#include "zmq_scene.h"

#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NODES 2

static const struct zmq_limits calm = {.heartbeat_ns = 5 * NS_PER_S, .max_frame_bytes = 1 << 20};

static uint64_t hash_of(const void *bytes, size_t size) {
    struct buffer *copy = buffer_create(size);
    assert_non_null(copy);
    memcpy(copy->data, bytes, size);
    uint64_t hash = frame_payload_hash(copy);
    buffer_release(&copy);
    return hash;
}

/* A scene with a well-behaved worker at node 0. */
static void open_scene(struct scene *scene, enum scene_kind kind, struct transport **worker) {
    assert_true(scene_open(scene, kind, NODES, calm));
    assert_true(scene_dial(scene, worker));
    assert_int_equal(scene_join(scene, *worker), 0);
}

/* It still serves. */
static void close_scene(struct scene *scene, struct transport **worker) {
    assert_true(scene_serves(scene, *worker, 0));
    (*worker)->ops->destroy(worker);
    scene_close(scene);
}

static void test_refused_hellos(void **state) {
    (void)state;
    struct scene scene;
    struct transport *worker;
    struct frame_header header;
    open_scene(&scene, SCENE_TCP, &worker);
    struct hello wrong[4];
    for (int i = 0; i < 4; i++)
        wrong[i] = raw_hello(7);
    wrong[0].version++;
    wrong[1].magic++;
    wrong[2].plan_hash = 0x4321;
    char versions[80];
    snprintf(versions, sizeof versions, "it speaks version %d of the protocol, this master version %d",
             FRAME_VERSION + 1, FRAME_VERSION);
    const struct {
        size_t bytes;
        enum refusal refusal;
        const char *line;
    } cases[] = {{sizeof wrong[0], REFUSAL_HELLO, versions},
                 {sizeof wrong[1], REFUSAL_HELLO, "its hello is none of Convoy's"},
                 {sizeof wrong[2], REFUSAL_PLAN, "it served another plan"},
                 {sizeof wrong[3] - 1, REFUSAL_HELLO, "its hello is none of Convoy's"}};
    for (int i = 0; i < 4; i++) {
        struct raw_peer peer;
        int before = scene_log_count(&scene, cases[i].line);
        assert_true(raw_dial(&peer, scene.url));
        raw_send(&peer, FRAME_HELLO, &wrong[i], cases[i].bytes);
        assert_true(scene_wait_log(&scene, cases[i].line, before + 1));
        assert_true(raw_receive(&peer, &header));
        assert_int_equal(header.kind, FRAME_REFUSED);
        assert_int_equal(header.job, cases[i].refusal);
        raw_close(&peer);
        clock_sleep_until(clock_now_ns() + NS_PER_S); /* past the log's limit */
    }
    close_scene(&scene, &worker);
}

/* A master of another version: the worker says so and ends. */
static void test_worker_refused_for_good(void **state) {
    (void)state;
    struct scene scene;
    struct raw_peer master;
    struct transport *worker;
    struct frame_header header;
    assert_true(scene_open(&scene, SCENE_TCP, NODES, calm));
    assert_true(raw_listen(&master, scene.url));
    assert_true(scene_dial(&scene, &worker));
    assert_true(raw_receive(&master, &header) && header.kind == FRAME_HELLO);
    struct frame frame = {.header = {.version = 2, .kind = FRAME_REFUSED, .job = REFUSAL_HELLO, .bytes = 12}};
    frame.header.checksum = frame_checksum(frame.header, hash_of("too\nold\x1b [1m", 12));
    raw_send_parts(&master, 2, (const void *[]){&frame.header, "too\nold\x1b [1m"},
                   (const size_t[]){sizeof frame.header, 12});
    uint32_t peer;
    assert_int_equal(next_event(worker, &peer, &frame), TRANSPORT_CLOSED);
    assert_int_equal(next_event(worker, &peer, &frame), TRANSPORT_CLOSED);
    assert_int_equal(scene_log_count(&scene, "it refuses: too?old? [1m"), 1);
    worker->ops->destroy(&worker);
    raw_close(&master);
    scene_close(&scene);
}

/* Damage is no refusal: whatever bit of a hello or of a refusal is flipped, the worker may come again. */
static void test_damaged_hello(void **state) {
    (void)state;
    struct scene scene;
    struct transport *worker;
    struct frame_header answer;
    const struct hello hello = raw_hello(7);
    open_scene(&scene, SCENE_TCP, &worker);
    for (size_t bit = 0; bit < 8 * (sizeof answer + sizeof hello); bit += 13) {
        struct raw_peer peer;
        unsigned char bytes[sizeof answer + sizeof hello];
        struct frame_header header = {.kind = FRAME_HELLO, .version = FRAME_VERSION, .bytes = sizeof hello};
        header.checksum = frame_checksum(header, hash_of(&hello, sizeof hello));
        memcpy(bytes, &header, sizeof header);
        memcpy(bytes + sizeof header, &hello, sizeof hello);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_true(raw_dial(&peer, scene.url));
        raw_send_parts(&peer, 1, (const void *[]){bytes}, (const size_t[]){sizeof bytes});
        while (!raw_ready(&peer)) {
            uint32_t from;
            struct frame frame;
            uint64_t moment_ns = clock_now_ns() + 5 * NS_PER_MS;
            assert_int_equal(scene.master->ops->poll(scene.master, moment_ns, &from, &frame),
                             TRANSPORT_TIMEOUT);
        }
        assert_true(raw_receive(&peer, &answer));
        assert_int_equal(answer.kind, FRAME_REFUSED);
        assert_int_equal(answer.job, REFUSAL_UNKNOWN);
        raw_close(&peer);
    }
    close_scene(&scene, &worker);
}

static void test_damaged_refusal(void **state) {
    (void)state;
    static const char text[] = "cut off";
    static const enum refusal refusals[] = {REFUSAL_HELLO, REFUSAL_CUT, REFUSAL_FINISHED};
    struct scene scene;
    struct raw_peer master;
    struct transport *worker;
    struct frame_header header;
    assert_true(scene_open(&scene, SCENE_TCP, NODES, calm));
    assert_true(raw_listen(&master, scene.url));
    struct zmq_worker_options options = scene_options(&scene);
    options.give_up_ns = 600 * NS_PER_S;
    assert_int_equal(zmq_worker_create(&worker, &options, NULL), CONVOY_OK);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        assert_true(raw_receive(&master, &header) && header.kind == FRAME_HELLO); /* it has come again */
        header = (struct frame_header){.version = FRAME_VERSION, .kind = FRAME_REFUSED, .bytes = sizeof text};
        header.job = REFUSAL_FULL;
        header.checksum = frame_checksum(header, hash_of(text, sizeof text));
        header.job = refusals[i];
        raw_send_parts(&master, 2, (const void *[]){&header, text},
                       (const size_t[]){sizeof header, sizeof text});
    }
    assert_true(raw_receive(&master, &header) && header.kind == FRAME_HELLO);
    assert_true(scene_wait_log(&scene, "its refusal is damaged; dialling again", 1));
    worker->ops->destroy(&worker);
    raw_close(&master);
    scene_close(&scene);
}

/* --give-up is held to, and the last reason is told. */
static void expect_give_up(struct zmq_worker_options *options, struct scene *scene, const char *reason) {
    struct transport *worker;
    uint32_t peer, node;
    struct frame frame;
    enum transport_event event;
    int before = scene_log_count(scene, reason);
    uint64_t start_ns = clock_now_ns();
    assert_int_equal(zmq_worker_create(&worker, options, NULL), CONVOY_OK);
    do {
        event = worker->ops->poll(worker, clock_now_ns() + 5 * NS_PER_MS, &peer, &frame);
        if (scene->master)
            scene->master->ops->poll(scene->master, clock_now_ns() + 5 * NS_PER_MS, &node, &frame);
    } while (event == TRANSPORT_TIMEOUT);
    assert_int_equal(event, TRANSPORT_CLOSED);
    /* A busy machine may take its time; without the mend it is DIAL_NS or a backoff more. */
    assert_in_range(clock_now_ns() - start_ns, options->give_up_ns, options->give_up_ns + 2 * NS_PER_S);
    assert_int_equal(scene_log_count(scene, reason), before + 1);
    worker->ops->destroy(&worker);
}

static void test_give_up_in_time(void **state) {
    (void)state;
    struct scene scene;
    struct transport *workers[NODES];
    assert_true(scene_open(&scene, SCENE_TCP, NODES, calm));
    struct zmq_worker_options options = scene_options(&scene);
    for (uint32_t w = 0; w < NODES; w++) {
        assert_true(scene_dial(&scene, &workers[w]));
        assert_int_equal(scene_join(&scene, workers[w]), w);
    }
    options.give_up_ns = 1500 * NS_PER_MS;
    expect_give_up(&options, &scene, "it refuses: all 2 nodes are taken; given up after 1.5 s");

    char url[256];
    int listener = raw_listen_tcp(url); /* accepts and says nothing */
    options.url = url;
    expect_give_up(&options, &scene, "no answer; given up after 1.5 s");
    close(listener);
    expect_give_up(&options, &scene, "nobody answers there; given up after 1.5 s");
    options.url = "tcp://no-such-host.invalid:4711";
    options.insecure = true;
    expect_give_up(&options, &scene, "; given up after 1.5 s");
    assert_true(scene_log_count(&scene, "its name stands for no address: ") >= 1 ||
                scene_log_count(&scene, "no answer; given up") >= 2); /* name servers that do not answer */
    for (uint32_t w = 0; w < NODES; w++)
        workers[w]->ops->destroy(&workers[w]);
    scene_close(&scene);
}

/* Names for both ends. */
static void test_localhost(void **state) {
    (void)state;
    struct scene scene;
    struct transport *worker;
    convoy_error error;
    struct addrinfo *found = NULL;
    if (getaddrinfo("localhost", NULL, NULL, &found) != 0) {
        print_message("skipped: this machine cannot resolve localhost (no /etc/hosts?)\n");
        skip();
    }
    freeaddrinfo(found);
    assert_true(scene_open(&scene, SCENE_TCP, NODES, calm));
    scene.master->ops->destroy(&scene.master);
    snprintf(scene.url, sizeof scene.url, "tcp://localhost:*");
    assert_true(scene_open_master(&scene, NODES, 1));
    const char *port = strrchr(scene.url, ':');
    char url[64];
    snprintf(url, sizeof url, "tcp://localhost%s", port);
    struct zmq_worker_options options = scene_options(&scene);
    options.url = url;
    assert_int_equal(zmq_worker_create(&worker, &options, NULL), CONVOY_OK);
    assert_int_equal(scene_join(&scene, worker), 0);
    worker->ops->destroy(&worker);
    struct transport *master;
    const struct zmq_master_options unknown = {
        .url = "tcp://no-such-host.invalid:*", .nodes = 1, .insecure = true};
    assert_int_equal(zmq_master_create(&master, &unknown, &error), CONVOY_E_IO);
    assert_non_null(strstr(error.message, "no-such-host.invalid"));
    scene_close(&scene);
}

static void test_give_up(void **state) {
    (void)state;
    struct scene scene;
    struct transport *worker;
    assert_true(scene_open(&scene, SCENE_IPC, NODES, calm));
    struct zmq_worker_options options = scene_options(&scene);
    options.url = "ipc:///nowhere/at/all";
    options.give_up_ns = 300 * NS_PER_MS;
    uint64_t start_ns = clock_now_ns();
    assert_int_equal(zmq_worker_create(&worker, &options, NULL), CONVOY_OK);
    uint32_t peer;
    struct frame frame;
    assert_int_equal(next_event(worker, &peer, &frame), TRANSPORT_CLOSED);
    assert_in_range(clock_now_ns() - start_ns, options.give_up_ns, PATIENCE_NS);
    worker->ops->destroy(&worker);
    scene_close(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_hellos), cmocka_unit_test(test_worker_refused_for_good),
        cmocka_unit_test(test_damaged_hello),  cmocka_unit_test(test_damaged_refusal),
        cmocka_unit_test(test_give_up),        cmocka_unit_test(test_give_up_in_time),
        cmocka_unit_test(test_localhost),
    };
    return cmocka_run_group_tests_name("ZeroMQ: refusals and giving up", tests, NULL, NULL);
}
