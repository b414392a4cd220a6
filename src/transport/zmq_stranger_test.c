/* Strangers, false masters, and workers that turn hostile: refused or dropped, a log line each at most, and
 * the run goes on. */
#include "base/random.h"
#include "raw_peer.h"
#include "transport/zmq_peers.h"
#include "zmq_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define NODES 2

static const struct zmq_limits calm = {.heartbeat_ns = 5 * NS_PER_S, .max_frame_bytes = 1 << 20};

static convoy_status send_frame(struct transport *from, uint32_t peer, enum frame_kind kind, uint64_t job,
                                size_t bytes) {
    struct frame frame = {.header = {.kind = (uint16_t)kind, .job = job}};
    if (bytes) {
        frame.payload = buffer_create(bytes);
        assert_non_null(frame.payload);
        memset(frame.payload->data, 1, bytes);
    }
    frame_seal(&frame, frame_payload_hash(frame.payload));
    return from->ops->send(from, peer, &frame);
}

static void expect_next(struct transport *at, enum transport_event event, uint32_t peer) {
    uint32_t from = UINT32_MAX;
    struct frame frame = {0};
    assert_int_equal(next_event(at, &from, &frame), event);
    assert_int_equal(from, peer);
    if (event == TRANSPORT_FRAME)
        frame_release(&frame);
}

/* A scene with a well-behaved worker at node 0. */
static void open_scene(struct scene *scene, enum scene_kind kind, struct transport **worker) {
    assert_true(scene_open(scene, kind, NODES, calm));
    assert_true(scene_dial(scene, worker));
    assert_int_equal(scene_join(scene, *worker), 0);
}

/* The run goes on: the well-behaved worker gets a task and answers. */
static void expect_service(struct scene *scene, struct transport *worker) {
    assert_int_equal(send_frame(scene->master, 0, FRAME_TASK, 1, 1000), CONVOY_OK);
    expect_next(worker, TRANSPORT_FRAME, 0);
    assert_int_equal(send_frame(worker, 0, FRAME_ANSWER, 1, 1000), CONVOY_OK);
    expect_next(scene->master, TRANSPORT_FRAME, 0);
}

static void close_scene(struct scene *scene, struct transport **worker) {
    expect_service(scene, *worker);
    (*worker)->ops->destroy(worker);
    scene_close(scene);
}

/* --- Strangers -------------------------------------------------------------------------------------------
 */

/* ZMTP 3.0's greeting with the mechanism NULL, its READY of a DEALER, and the start of a frame of 2^63 bytes.
 */
static size_t huge_frame(unsigned char bytes[128]) {
    static const unsigned char ready[] = "\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x06"
                                         "DEALER";
    static const unsigned char header[] = {0x02, 0x80, 0, 0, 0, 0, 0, 0, 0};
    memset(bytes, 0, 128);
    bytes[0] = 0xff;
    bytes[8] = 1; /* padding of the signature, as libzmq writes it */
    bytes[9] = 0x7f;
    bytes[10] = 3;
    memcpy(bytes + 12, "NULL", 4);
    memcpy(bytes + 64, ready, sizeof ready - 1);
    bytes[65] = sizeof ready - 1 - 2;
    memcpy(bytes + 64 + sizeof ready - 1, header, sizeof header);
    return 64 + sizeof ready - 1 + sizeof header;
}

static size_t random_bytes(unsigned char *bytes, size_t size, uint64_t seed) {
    struct random random;
    random_seed(&random, seed);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)random_u64(&random);
    return size;
}

/* Says something, listens for a moment, hangs up; exactly one line tells of it. */
static void call_as_stranger(struct scene *scene, const void *bytes, size_t size) {
    char answer[256];
    const struct timeval patience = {.tv_usec = 300000};
    int before = scene_log_count(scene, "\n");
    int told = scene_log_count(scene, "ended without a valid hello");
    int fd = raw_connect(scene->url);
    assert_true(fd >= 0);
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    while (recv(fd, answer, sizeof answer, 0) > 0)
        continue;
    close(fd);
    assert_true(scene_wait_log(scene, "ended without a valid hello", told + 1));
    clock_sleep_until(clock_now_ns() + NS_PER_S); /* past the log's limit */
    assert_int_equal(scene_log_count(scene, "\n"), before + 1);
}

static void test_strangers(void **state) {
    struct scene scene;
    struct transport *worker;
    unsigned char bytes[4096];
    open_scene(&scene, *(enum scene_kind *)*state, &worker);
    call_as_stranger(&scene, "", 0);
    call_as_stranger(&scene, "GET / HTTP/1.0\r\n\r\n", 18);
    call_as_stranger(&scene, bytes, random_bytes(bytes, sizeof bytes, 1));
    bytes[0] = 0xff; /* as if it were a ZMTP signature */
    bytes[9] = 0x7f;
    call_as_stranger(&scene, bytes, sizeof bytes);
    call_as_stranger(&scene, bytes, huge_frame(bytes));
    call_as_stranger(&scene, bytes, 64); /* a greeting and no more */
    close_scene(&scene, &worker);
}

/* Many at once cost one line a second. */
static void test_many_strangers(void **state) {
    (void)state;
    struct scene scene;
    struct transport *worker;
    unsigned char bytes[64];
    open_scene(&scene, SCENE_CURVE, &worker);
    int before = scene_log_count(&scene, "\n");
    uint64_t start_ns = clock_now_ns();
    for (uint64_t i = 0; i < 200; i++) {
        int fd = raw_connect(scene.url);
        assert_true(fd >= 0);
        send(fd, bytes, random_bytes(bytes, sizeof bytes, i), MSG_NOSIGNAL);
        close(fd);
        if (i % 20 == 0)
            expect_service(&scene, worker);
    }
    expect_service(&scene, worker);
    uint64_t seconds = (clock_now_ns() - start_ns) / NS_PER_S;
    assert_in_range(scene_log_count(&scene, "\n") - before, 0, 1 + seconds);
    close_scene(&scene, &worker);
}

/* A key that is not among the allowed ones; no key; a worker that has another master's key. */
static void test_keys(void **state) {
    (void)state;
    struct scene scene;
    struct transport *worker, *other;
    struct zmq_key_pair stranger;
    open_scene(&scene, SCENE_CURVE, &worker);
    assert_int_equal(zmq_key_pair_create(&stranger, NULL), CONVOY_OK);
    struct zmq_worker_options options = scene_options(&scene);
    assert_int_equal(scene_log_count(&scene, "with the key worker"), 1);

    /* Port scanners that fill the log hide no refusal. */
    struct limited_log *strangers = &((struct zmq_master *)scene.master)->door.log;
    strangers->next_ns = UINT64_MAX;
    options.key = &stranger;
    assert_int_equal(zmq_worker_create(&other, &options, NULL), CONVOY_OK);
    assert_true(scene_wait_log(&scene, "127.0.0.1 was refused: its key is not among the allowed ones", 1));
    assert_true(scene_wait_log(&scene, "it does not allow this worker's key", 1));
    strangers->next_ns = 0;
    /* Keys are read at every handshake: it may come in as soon as its key is there. */
    assert_int_equal(zmq_key_pair_save(&stranger, scene.allowed, "stranger", NULL), CONVOY_OK);
    assert_int_equal(scene_join(&scene, other), 1);
    other->ops->destroy(&other);
    expect_next(scene.master, TRANSPORT_LEFT, 1);

    options.key = NULL;
    assert_int_equal(zmq_worker_create(&other, &options, NULL), CONVOY_OK);
    assert_true(scene_wait_log(&scene, "ended without a valid hello", 1));
    assert_true(scene_wait_log(&scene, "as if it wanted keys; dialling again and again", 1));
    assert_int_equal(other->ops->state(other, 0), PEER_ABSENT);
    other->ops->destroy(&other);

    options.key = &scene.worker_key;
    options.server_key = stranger.public_key;
    assert_int_equal(zmq_worker_create(&other, &options, NULL), CONVOY_OK);
    assert_true(scene_wait_log(&scene, "as if --server-key were not its key; dialling again and again", 1));
    assert_int_equal(other->ops->state(other, 0), PEER_ABSENT);
    other->ops->destroy(&other);
    close_scene(&scene, &worker);
}

/* --- Hostile after the handshake -------------------------------------------------------------------------
 */

static uint32_t join_raw(struct scene *scene, struct raw_peer *peer, uint64_t instance) {
    struct hello hello = raw_hello(instance);
    struct frame_header header;
    struct frame frame;
    uint32_t node = UINT32_MAX;
    assert_true(raw_dial(peer, scene->url));
    raw_send(peer, FRAME_HELLO, &hello, sizeof hello);
    assert_int_equal(next_event(scene->master, &node, &frame), TRANSPORT_JOINED);
    assert_true(raw_receive(peer, &header) && header.kind == FRAME_WELCOME);
    return node;
}

static void test_hostile_worker(void **state) {
    (void)state;
    struct scene scene;
    struct transport *worker;
    static char big[(1 << 20) + 1];
    struct frame good = {.header = {.kind = FRAME_ANSWER}};
    frame_seal(&good, 0);
    struct frame_header master_kind = good.header, lying = good.header, version = good.header,
                        kind = good.header, large = good.header;
    master_kind.kind = FRAME_TASK;
    lying.bytes = UINT64_C(1) << 63;
    version.version = FRAME_VERSION + 1;
    kind.kind = 0xffff;
    large.bytes = sizeof big;
    const struct {
        size_t count;
        const void *parts[4];
        size_t sizes[4];
        bool closed; /* by ZeroMQ, which says nothing */
    } cases[] = {
        {1, {"short"}, {5}, false},
        {1, {""}, {0}, false},
        {1, {big}, {41}, false},
        {3, {&good.header, "a", "b"}, {40, 1, 1}, false},
        {4, {&good.header, "a", "b", "c"}, {40, 1, 1, 1}, false},
        {1, {&master_kind}, {40}, false},
        {1, {&lying}, {40}, false},
        {2, {&good.header, "more than it says"}, {40, 17}, false},
        {1, {&version}, {40}, false},
        {1, {&kind}, {40}, false},
        {2, {&large, big}, {40, sizeof big}, true},
    };
    open_scene(&scene, SCENE_TCP, &worker);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct raw_peer peer;
        struct frame_header header;
        assert_int_equal(join_raw(&scene, &peer, 100 + i), 1);
        int before = scene_log_count(&scene, "\n");
        raw_send_parts(&peer, cases[i].count, cases[i].parts, cases[i].sizes);
        expect_next(scene.master, TRANSPORT_LEFT, 1);
        assert_int_equal(scene_log_count(&scene, "\n"), before + 1);
        if (!cases[i].closed)
            assert_true(raw_receive(&peer, &header) && header.kind == FRAME_REFUSED &&
                        header.job == REFUSAL_UNKNOWN);
        raw_close(&peer);
    }
    close_scene(&scene, &worker);
}

/* A false master: every kind of nonsense ends the connection, and the worker dials again. */
static void test_hostile_master(void **state) {
    (void)state;
    struct scene scene;
    struct raw_peer master;
    struct transport *worker;
    struct frame_header header;
    const struct welcome welcome = {.magic = HELLO_MAGIC, .node = 1, .max_frame_bytes = 1 << 20};
    struct frame good = {.header = {.kind = FRAME_TASK}};
    frame_seal(&good, 0);
    struct frame_header worker_kind = good.header, lying = good.header;
    worker_kind.kind = FRAME_ANSWER;
    lying.bytes = UINT64_C(1) << 63;
    const struct {
        bool welcomed;
        size_t count;
        const void *parts[3];
        size_t sizes[3];
    } cases[] = {
        {false, 1, {"nonsense"}, {8}}, {false, 1, {&good.header}, {40}},
        {true, 1, {"nonsense"}, {8}},  {true, 1, {&worker_kind}, {40}},
        {true, 1, {&lying}, {40}},     {true, 3, {&good.header, "a", "b"}, {40, 1, 1}},
    };
    assert_true(scene_open(&scene, SCENE_TCP, NODES, calm));
    assert_true(raw_listen(&master, scene.url));
    assert_true(scene_dial(&scene, &worker));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(raw_receive(&master, &header));
        assert_int_equal(header.kind, FRAME_HELLO);
        if (cases[i].welcomed) {
            raw_send(&master, FRAME_WELCOME, &welcome, sizeof welcome);
            expect_next(worker, TRANSPORT_JOINED, 0);
        }
        raw_send_parts(&master, cases[i].count, cases[i].parts, cases[i].sizes);
        if (cases[i].welcomed)
            expect_next(worker, TRANSPORT_LEFT, 0);
    }
    worker->ops->destroy(&worker);
    raw_close(&master);
    scene_close(&scene);
}

/* --- Limits ----------------------------------------------------------------------------------------------
 */

static void test_frames_too_large(void **state) {
    (void)state;
    struct scene scene;
    struct transport *worker;
    open_scene(&scene, SCENE_TCP, &worker);
    assert_int_equal(send_frame(scene.master, 0, FRAME_TASK, 1, (1 << 20) + 1), CONVOY_E_MEMORY);
    assert_int_equal(send_frame(worker, 0, FRAME_ANSWER, 1, (1 << 20) + 1), CONVOY_E_MEMORY);
    assert_int_equal(send_frame(scene.master, 0, FRAME_TASK, 1, 1 << 20), CONVOY_OK);
    expect_next(worker, TRANSPORT_FRAME, 0);
    close_scene(&scene, &worker);
}

/* A worker that takes nothing any more costs bounded memory, then its node; one whose master takes nothing is
 * told so. */
static void test_full_queues(void **state) {
    (void)state;
    struct scene scene;
    struct transport *worker, *deaf;
    open_scene(&scene, SCENE_TCP, &worker);
    assert_true(scene_dial(&scene, &deaf));
    assert_int_equal(scene_join(&scene, deaf), 1);
    convoy_status status = CONVOY_OK;
    int sent = 0;
    for (; sent < 20000 && (status = send_frame(scene.master, 1, FRAME_TASK, 1, 4000)) == CONVOY_OK; sent++)
        continue;
    assert_int_equal(status, CONVOY_E_CLOSED);
    expect_next(scene.master, TRANSPORT_LEFT, 1);
    deaf->ops->destroy(&deaf);
    expect_service(&scene, worker);

    for (sent = 0; (status = send_frame(worker, 0, FRAME_ANSWER, 1, 4000)) == CONVOY_OK && sent < 20000;
         sent++)
        continue;
    assert_int_equal(status, CONVOY_E_MEMORY);
    for (int i = 0; i < sent; i++)
        expect_next(scene.master, TRANSPORT_FRAME, 0);
    close_scene(&scene, &worker);
}

static void test_prompt_ends(void **state) {
    (void)state;
    char url[256];
    int deaf = raw_listen_tcp(url); /* connects, and never says anything */
    const char *urls[] = {"ipc:///nowhere/at/all", "tcp://127.0.0.1:1", url};
    assert_true(deaf >= 0);
    for (int i = 0; i < 6; i++) {
        struct transport *worker;
        const struct zmq_worker_options options = {.url = urls[i % 3]};
        assert_int_equal(zmq_worker_create(&worker, &options, NULL), CONVOY_OK);
        if (i >= 3)
            clock_sleep_until(clock_now_ns() + 150 * NS_PER_MS);
        uint64_t start_ns = clock_now_ns();
        worker->ops->destroy(&worker);
        assert_in_range(clock_now_ns() - start_ns, 0, NS_PER_S);
    }
    close(deaf);
}

/* With nothing to do, both ends together take less than 2 % of a processor. */
static void test_idle(void **state) {
    (void)state;
    struct scene scene;
    struct transport *worker;
    struct rusage before, after;
    uint32_t peer;
    struct frame frame;
    open_scene(&scene, SCENE_TCP, &worker);
    scene.master->ops->destroy(&scene.master);
    expect_next(worker, TRANSPORT_LEFT, 0);
    scene.limits.heartbeat_ns = 0; /* what users have */
    worker->ops->destroy(&worker);
    assert_true(scene_open_master(&scene, NODES, 0x1234));
    assert_true(scene_dial(&scene, &worker));
    assert_int_equal(scene_join(&scene, worker), 0);
    getrusage(RUSAGE_SELF, &before);
    assert_int_equal(scene.master->ops->poll(scene.master, clock_now_ns() + 2 * NS_PER_S, &peer, &frame),
                     TRANSPORT_TIMEOUT);
    getrusage(RUSAGE_SELF, &after);
    long used_us =
        (after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec) *
            1000000 +
        after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec;
    printf("idle: %ld us of processor in 2 s\n", used_us);
    assert_in_range(used_us, 0, 40000);
    close_scene(&scene, &worker);
}

int main(void) {
    static enum scene_kind tcp = SCENE_TCP, curve = SCENE_CURVE;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_strangers, &tcp),
        cmocka_unit_test_prestate(test_strangers, &curve),
        cmocka_unit_test(test_many_strangers),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_hostile_worker),
        cmocka_unit_test(test_hostile_master),
        cmocka_unit_test(test_frames_too_large),
        cmocka_unit_test(test_full_queues),
        cmocka_unit_test(test_prompt_ends),
        cmocka_unit_test(test_idle),
    };
    return cmocka_run_group_tests_name("ZeroMQ: strangers and limits", tests, NULL, NULL);
}
