/* What is particular to the transport between processes: who gets which node, who counts as alive, and what
 * happens when either end stops, dies, comes back or does not take what it is sent. Strangers:
 * zmq_stranger_test.c. */
#include "raw_peer.h"
#include "zmq_scene.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NODES 3

static const struct zmq_limits calm = {.heartbeat_ns = 5 * NS_PER_S};
static const struct zmq_limits quick = {.heartbeat_ns = 50 * NS_PER_MS};

extern char **environ;

static convoy_status send_frame(struct transport *from, uint32_t peer, enum frame_kind kind, uint64_t job,
                                size_t bytes) {
    struct frame frame = {.header = {.kind = (uint16_t)kind, .job = job}};
    if (bytes) {
        frame.payload = buffer_create(bytes);
        assert_non_null(frame.payload);
        memset(frame.payload->data, (int)(job & 0xff), bytes);
    }
    frame_seal(&frame, frame_payload_hash(frame.payload));
    return from->ops->send(from, peer, &frame);
}

static void expect_frame(struct transport *at, uint32_t peer, uint64_t job, size_t bytes) {
    uint32_t from = UINT32_MAX;
    struct frame frame = {0};
    assert_int_equal(next_event(at, &from, &frame), TRANSPORT_FRAME);
    assert_int_equal(from, peer);
    assert_int_equal(frame.header.job, job);
    assert_int_equal(frame.header.bytes, bytes);
    assert_true(frame_valid(&frame));
    frame_release(&frame);
}

/* The next event, whatever it is. */
static void expect_at(struct transport *at, enum transport_event event, uint32_t peer) {
    uint32_t from = UINT32_MAX;
    struct frame frame = {0};
    assert_int_equal(at->ops->poll(at, clock_now_ns() + PATIENCE_NS, &from, &frame), event);
    assert_int_equal(from, peer);
}

/* The next event but suspicions. */
static void expect_next(struct transport *at, enum transport_event event, uint32_t peer) {
    uint32_t from = UINT32_MAX;
    struct frame frame = {0};
    assert_int_equal(next_event(at, &from, &frame), event);
    assert_int_equal(from, peer);
    if (event == TRANSPORT_FRAME)
        frame_release(&frame);
}

static void expect_suspicion(struct transport *master, uint32_t peer) {
    uint32_t from = UINT32_MAX;
    struct frame frame;
    enum transport_event event;
    do
        event = master->ops->poll(master, clock_now_ns() + PATIENCE_NS, &from, &frame);
    while (event == TRANSPORT_RECOVERED);
    assert_int_equal(event, TRANSPORT_SUSPECTED);
    assert_int_equal(from, peer);
}

static void open_scene(struct scene *scene, enum scene_kind kind, struct zmq_limits limits) {
    assert_true(scene_open(scene, kind, NODES, limits));
}

static void close_worker(struct transport **worker) {
    (*worker)->ops->destroy(worker);
}

/* --- Membership ------------------------------------------------------------------------------------------
 */

static void test_all_nodes_are_taken(void **state) {
    (void)state;
    struct scene scene;
    struct transport *workers[NODES], *late;
    open_scene(&scene, SCENE_TCP, calm);
    for (uint32_t w = 0; w < NODES; w++) {
        assert_true(scene_dial(&scene, &workers[w]));
        assert_int_equal(scene_join(&scene, workers[w]), w);
    }
    assert_true(scene_dial(&scene, &late));
    assert_true(scene_wait_log(&scene, "was refused: all 3 nodes are taken", 1));
    assert_true(scene_wait_log(&scene, "it refuses: all 3 nodes are taken", 1));
    close_worker(&workers[1]);
    expect_next(scene.master, TRANSPORT_LEFT, 1);
    assert_int_equal(scene_join(&scene, late), 1); /* keeps on asking */
    close_worker(&workers[0]);
    close_worker(&workers[2]);
    close_worker(&late);
    scene_close(&scene);
}

/* The master dies and another one takes its place, of another plan the second time: every worker comes again,
 * to its own node while the plan is the same. */
static void test_master_restarts(void **state) {
    (void)state;
    struct scene scene;
    struct transport *workers[NODES];
    open_scene(&scene, SCENE_CURVE, calm);
    for (uint32_t w = 0; w < NODES; w++) {
        assert_true(scene_dial(&scene, &workers[w]));
        assert_int_equal(scene_join(&scene, workers[w]), w);
    }
    static const uint64_t plans[] = {0x1234, 0x9999};
    for (int round = 0; round < 2; round++) {
        scene.master->ops->destroy(&scene.master);
        for (uint32_t w = 0; w < NODES; w++) {
            expect_next(workers[w], TRANSPORT_LEFT, 0);
            assert_int_equal(workers[w]->ops->state(workers[w], 0), PEER_LOST);
            assert_int_equal(send_frame(workers[w], 0, FRAME_ANSWER, 1, 10), CONVOY_E_CLOSED);
        }
        assert_true(scene_open_master(&scene, NODES, plans[round]));
        bool came[NODES] = {false};
        for (int i = 0; i < NODES; i++) {
            uint32_t node;
            struct frame frame;
            assert_int_equal(next_event(scene.master, &node, &frame), TRANSPORT_JOINED);
            assert_false(came[node]);
            came[node] = true;
        }
        for (uint32_t w = 0; w < NODES; w++) {
            expect_next(workers[w], TRANSPORT_JOINED, 0);
            uint32_t node = zmq_worker_node(workers[w]);
            if (round == 0)
                assert_int_equal(node, w);
            assert_int_equal(send_frame(scene.master, node, FRAME_TASK, 40 + w, 100), CONVOY_OK);
            expect_frame(workers[w], 0, 40 + w, 100);
        }
        assert_int_equal(scene_log_count(&scene, "it refuses: it served another plan"), round ? NODES : 0);
    }
    for (uint32_t w = 0; w < NODES; w++)
        close_worker(&workers[w]);
    scene_close(&scene);
}

/* The same process on a new connection, while the old one still counts: LEFT, then JOINED, the same node. */
static void test_same_instance_again(void **state) {
    (void)state;
    struct scene scene;
    struct raw_peer first, second;
    struct frame_header header;
    open_scene(&scene, SCENE_TCP, calm);
    struct hello hello = raw_hello(77);
    assert_true(raw_dial(&first, scene.url));
    raw_send(&first, FRAME_HELLO, &hello, sizeof hello);
    expect_next(scene.master, TRANSPORT_JOINED, 0);
    raw_send(&first, FRAME_ANSWER, "old", 3);
    expect_next(scene.master, TRANSPORT_FRAME, 0);
    assert_true(raw_dial(&second, scene.url));
    raw_send(&second, FRAME_HELLO, &hello, sizeof hello);
    uint32_t peer;
    struct frame frame;
    assert_int_equal(next_event(scene.master, &peer, &frame), TRANSPORT_LEFT);
    assert_int_equal(scene.master->ops->state(scene.master, 0), PEER_LOST);
    assert_int_equal(send_frame(scene.master, 0, FRAME_TASK, 1, 1), CONVOY_E_CLOSED);
    expect_next(scene.master, TRANSPORT_JOINED, 0);
    assert_true(raw_receive(&first, &header) && header.kind == FRAME_WELCOME);
    assert_true(raw_receive(&first, &header) && header.kind == FRAME_REFUSED);
    assert_true(raw_receive(&second, &header) && header.kind == FRAME_WELCOME);
    raw_send(&first, FRAME_ANSWER, "late", 4); /* void */
    raw_send(&second, FRAME_PONG, NULL, 0);
    assert_int_equal(next_event(scene.master, &peer, &frame), TRANSPORT_FRAME);
    assert_int_equal(frame.header.kind, FRAME_PONG);
    raw_close(&first);
    raw_close(&second);
    scene_close(&scene);
}

/* A wanted node is given where it is free; else one that nobody had before one that was lost. */
static void test_choice_of_nodes(void **state) {
    (void)state;
    struct scene scene;
    struct raw_peer peers[4];
    static const uint32_t wanted[4] = {2, 2, 1000, 1}, given[4] = {2, 0, 1, 2};
    open_scene(&scene, SCENE_IPC, calm);
    for (int i = 0; i < 4; i++) {
        struct hello hello = raw_hello((uint64_t)i + 1);
        hello.node = wanted[i];
        assert_true(raw_dial(&peers[i], scene.url));
        raw_send(&peers[i], FRAME_HELLO, &hello, sizeof hello);
        expect_next(scene.master, TRANSPORT_JOINED, given[i]);
        if (i == 2) {
            raw_close(&peers[0]);
            expect_next(scene.master, TRANSPORT_LEFT, 2);
        }
    }
    for (int i = 1; i < 4; i++)
        raw_close(&peers[i]);
    scene_close(&scene);
}

/* --- Signs of life ---------------------------------------------------------------------------------------
 */

static void test_silence(void **state) {
    (void)state;
    struct scene scene;
    struct raw_peer peer;
    struct frame_header header;
    uint32_t from;
    struct frame frame;
    const struct zmq_limits limits = {.heartbeat_ns = 100 * NS_PER_MS};
    open_scene(&scene, SCENE_TCP, limits);
    struct hello hello = raw_hello(1);
    assert_true(raw_dial(&peer, scene.url));
    raw_send(&peer, FRAME_HELLO, &hello, sizeof hello);
    expect_next(scene.master, TRANSPORT_JOINED, 0);
    /* No deadline: poll wakes for its own timers. */
    assert_int_equal(scene.master->ops->poll(scene.master, UINT64_MAX, &from, &frame), TRANSPORT_SUSPECTED);
    assert_int_equal(scene.master->ops->state(scene.master, 0), PEER_SUSPECT);
    assert_int_equal(send_frame(scene.master, 0, FRAME_TASK, 1, 1), CONVOY_OK);
    raw_send(&peer, FRAME_BEAT, NULL, 0);
    expect_at(scene.master, TRANSPORT_RECOVERED, 0);
    assert_int_equal(scene.master->ops->state(scene.master, 0), PEER_ALIVE);
    uint64_t start_ns = clock_now_ns();
    expect_at(scene.master, TRANSPORT_SUSPECTED, 0);
    uint64_t suspected_ns = clock_now_ns();
    expect_at(scene.master, TRANSPORT_LEFT, 0);
    uint64_t left_ns = clock_now_ns();
    assert_in_range(suspected_ns - start_ns, 200 * NS_PER_MS, PATIENCE_NS);
    assert_in_range(left_ns - start_ns, 900 * NS_PER_MS, PATIENCE_NS);
    assert_int_equal(send_frame(scene.master, 0, FRAME_TASK, 2, 1), CONVOY_E_CLOSED);
    assert_true(raw_receive(&peer, &header) && header.kind == FRAME_WELCOME);
    assert_true(raw_receive(&peer, &header) && header.kind == FRAME_TASK);
    assert_true(raw_receive(&peer, &header) && header.kind == FRAME_REFUSED && header.job == REFUSAL_UNKNOWN);
    raw_close(&peer);
    scene_close(&scene);
}

/* A worker that computes and does not poll is alive all the same; so is a master that its worker does not
 * hear. */
static void test_busy_worker(void **state) {
    (void)state;
    struct scene scene;
    struct transport *worker;
    uint32_t from;
    struct frame frame;
    open_scene(&scene, SCENE_IPC, quick);
    assert_true(scene_dial(&scene, &worker));
    assert_int_equal(scene_join(&scene, worker), 0);
    uint64_t until_ns = clock_now_ns() + 20 * quick.heartbeat_ns; /* lost after 10 */
    enum transport_event event;
    while ((event = scene.master->ops->poll(scene.master, until_ns, &from, &frame)) != TRANSPORT_TIMEOUT)
        assert_true(event == TRANSPORT_SUSPECTED || event == TRANSPORT_RECOVERED);
    assert_int_equal(send_frame(worker, 0, FRAME_ANSWER, 5, 10), CONVOY_OK);
    expect_frame(scene.master, 0, 5, 10);
    close_worker(&worker);
    scene_close(&scene);
}

/* A false master that welcomes and then says nothing. */
static void test_silent_master(void **state) {
    (void)state;
    struct scene scene;
    struct raw_peer master;
    struct transport *worker;
    struct frame_header header;
    char url[256];
    open_scene(&scene, SCENE_TCP, quick);
    assert_true(raw_listen(&master, url));
    snprintf(scene.url, sizeof scene.url, "%s", url);
    assert_true(scene_dial(&scene, &worker));
    assert_true(raw_receive(&master, &header) && header.kind == FRAME_HELLO);
    const struct welcome welcome = {.magic = HELLO_MAGIC, .node = 1, .max_frame_bytes = 1 << 20};
    raw_send(&master, FRAME_WELCOME, &welcome, sizeof welcome);
    expect_at(worker, TRANSPORT_JOINED, 0);
    expect_at(worker, TRANSPORT_SUSPECTED, 0);
    assert_int_equal(worker->ops->state(worker, 0), PEER_SUSPECT);
    expect_at(worker, TRANSPORT_LEFT, 0);
    assert_true(raw_receive(&master, &header) && header.kind == FRAME_HELLO); /* dials again */
    close_worker(&worker);
    raw_close(&master);
    scene_close(&scene);
}

static pid_t spawn_worker(const struct scene *scene) {
    pid_t pid;
    char *arguments[] = {(char *)"zmq_test", (char *)"worker", (char *)scene->url, NULL};
    assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, arguments, environ), 0);
    return pid;
}

/* What such a process does: answers every task with its payload. */
static int serve_as_worker(const char *url) {
    struct transport *worker;
    const struct zmq_worker_options options = {.url = url, .limits = {.heartbeat_ns = 200 * NS_PER_MS}};
    if (zmq_worker_create(&worker, &options, NULL) != CONVOY_OK)
        return 1;
    for (;;) {
        uint32_t peer;
        struct frame frame;
        enum transport_event event = worker->ops->poll(worker, UINT64_MAX, &peer, &frame);
        if (event == TRANSPORT_CLOSED)
            break;
        if (event != TRANSPORT_FRAME)
            continue;
        frame.header.kind = FRAME_ANSWER;
        frame_seal(&frame, frame_payload_hash(frame.payload));
        worker->ops->send(worker, 0, &frame);
    }
    worker->ops->destroy(&worker);
    return 0;
}

/* Processes that are stopped, continued and killed. */
static void test_processes(void **state) {
    struct scene scene;
    const struct zmq_limits limits = {.heartbeat_ns = 200 * NS_PER_MS};
    open_scene(&scene, *(enum scene_kind *)*state, limits);
    pid_t pid = spawn_worker(&scene);
    expect_next(scene.master, TRANSPORT_JOINED, 0);
    assert_int_equal(send_frame(scene.master, 0, FRAME_TASK, 1, 100000), CONVOY_OK);
    expect_frame(scene.master, 0, 1, 100000);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(kill(pid, SIGSTOP), 0);
        expect_suspicion(scene.master, 0);
        assert_int_equal(send_frame(scene.master, 0, FRAME_TASK, 2, 100000), CONVOY_OK);
        if (round == 0) { /* in time */
            assert_int_equal(kill(pid, SIGCONT), 0);
            expect_next(scene.master, TRANSPORT_FRAME, 0);
            continue;
        }
        expect_next(scene.master, TRANSPORT_LEFT, 0);
        assert_int_equal(kill(pid, SIGCONT), 0);
        expect_next(scene.master, TRANSPORT_JOINED, 0); /* its answer to 2 is void */
        assert_int_equal(send_frame(scene.master, 0, FRAME_TASK, 3, 10), CONVOY_OK);
        expect_frame(scene.master, 0, 3, 10);
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    uint64_t start_ns = clock_now_ns();
    expect_next(scene.master, TRANSPORT_LEFT, 0);
    assert_in_range(clock_now_ns() - start_ns, 0,
                    10 * limits.heartbeat_ns); /* by its connection, not by silence */
    waitpid(pid, NULL, 0);
    pid = spawn_worker(&scene);
    expect_next(scene.master, TRANSPORT_JOINED, 1); /* a new one: a node that nobody had */
    scene.master->ops->disconnect(scene.master, 1);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    scene_close(&scene);
}

/* --- A slow link -----------------------------------------------------------------------------------------
 */

#define LINK_BYTES_S 300000

struct slow_link {
    int listener, stop[2];
    char target[256];
};

/* Forwards what is there; false at the end of the connection. */
static bool forward(int from, int to, size_t limit) {
    char bytes[8192];
    ssize_t got = recv(from, bytes, limit < sizeof bytes ? limit : sizeof bytes, 0);
    return got > 0 && send(to, bytes, (size_t)got, MSG_NOSIGNAL) == got;
}

static void *run_slow_link(void *context) {
    struct slow_link *link = context;
    int near = accept(link->listener, NULL, NULL), far = raw_connect(link->target), small = 65536;
    setsockopt(near, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    setsockopt(far, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    struct pollfd fds[] = {{.fd = near, .events = POLLIN},
                           {.fd = far, .events = POLLIN},
                           {.fd = link->stop[0], .events = POLLIN}};
    bool open = true;
    while (open && poll(fds, 3, -1) > 0 && !fds[2].revents) {
        if (fds[0].revents)
            open = forward(near, far, LINK_BYTES_S / 100);
        if (open && fds[1].revents)
            open = forward(far, near, LINK_BYTES_S / 100);
        clock_sleep_until(clock_now_ns() + NS_PER_S / 100);
    }
    close(near);
    close(far);
    return NULL;
}

/* A frame that takes longer than the patience for silence, in both directions: bytes are a sign of life. */
static void test_slow_link(void **state) {
    (void)state;
    struct scene scene;
    struct transport *worker;
    struct slow_link link;
    pthread_t thread;
    const struct zmq_limits limits = {.heartbeat_ns = 100 * NS_PER_MS}; /* lost after 1 s */
    const size_t bytes = 2 * LINK_BYTES_S;
    open_scene(&scene, SCENE_TCP, limits);
    snprintf(link.target, sizeof link.target, "%s", scene.url);
    link.listener = raw_listen_tcp(scene.url);
    assert_true(link.listener >= 0);
    assert_int_equal(pipe2(link.stop, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&thread, NULL, run_slow_link, &link), 0);
    assert_true(scene_dial(&scene, &worker));
    assert_int_equal(scene_join(&scene, worker), 0);
    uint64_t start_ns = clock_now_ns();
    assert_int_equal(send_frame(worker, 0, FRAME_ANSWER, 1, bytes), CONVOY_OK);
    expect_frame(scene.master, 0, 1, bytes);
    assert_true(clock_now_ns() - start_ns > NS_PER_S);
    assert_int_equal(send_frame(scene.master, 0, FRAME_TASK, 2, bytes), CONVOY_OK);
    uint32_t from;
    struct frame frame;
    while (worker->ops->poll(worker, 0, &from, &frame) != TRANSPORT_FRAME) {
        enum transport_event event =
            scene.master->ops->poll(scene.master, clock_now_ns() + 10 * NS_PER_MS, &from, &frame);
        assert_true(event == TRANSPORT_TIMEOUT || event == TRANSPORT_SUSPECTED ||
                    event == TRANSPORT_RECOVERED);
    }
    assert_int_equal(frame.header.bytes, bytes);
    assert_true(frame_valid(&frame));
    frame_release(&frame);
    assert_int_equal(scene_log_count(&scene, "is lost"), 0);
    close_worker(&worker);
    assert_int_equal(write(link.stop[1], "x", 1), 1);
    pthread_join(thread, NULL);
    close(link.stop[0]);
    close(link.stop[1]);
    close(link.listener);
    scene_close(&scene);
}

/* A master that ends says so: a worker that would give up some day ends with it, another one waits for the
 * next. */
static void test_goodbye(void **state) {
    struct scene scene;
    struct transport *bound, *patient;
    uint32_t peer;
    struct frame frame;
    assert_true(scene_open(&scene, *(enum scene_kind *)*state, 2, calm));
    assert_true(scene_dial(&scene, &patient));
    assert_int_equal(scene_join(&scene, patient), 0);
    struct zmq_worker_options options = scene_options(&scene);
    options.give_up_ns = 60 * NS_PER_S;
    assert_int_equal(zmq_worker_create(&bound, &options, NULL), CONVOY_OK);
    assert_int_equal(scene_join(&scene, bound), 1);
    scene.master->ops->destroy(&scene.master);
    assert_int_equal(next_event(bound, &peer, &frame), TRANSPORT_FINISHED);
    assert_int_equal(next_event(patient, &peer, &frame), TRANSPORT_LEFT);
    assert_int_equal(scene_log_count(&scene, "has finished\n"), 1);
    assert_int_equal(scene_log_count(&scene, "is lost: it has finished; dialling again"), 1);
    bound->ops->destroy(&bound);
    assert_true(scene_open_master(&scene, 2, 0x1234));
    assert_int_equal(scene_join(&scene, patient), 0);
    patient->ops->destroy(&patient);
    scene_close(&scene);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "worker") == 0)
        return serve_as_worker(argv[2]);
    static enum scene_kind ipc = SCENE_IPC, tcp = SCENE_TCP;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_nodes_are_taken),
        cmocka_unit_test(test_master_restarts),
        cmocka_unit_test(test_same_instance_again),
        cmocka_unit_test(test_choice_of_nodes),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_busy_worker),
        cmocka_unit_test(test_silent_master),
        cmocka_unit_test_prestate(test_processes, &ipc),
        cmocka_unit_test_prestate(test_processes, &tcp),
        cmocka_unit_test(test_slow_link),
        cmocka_unit_test_prestate(test_goodbye, &ipc),
        cmocka_unit_test_prestate(test_goodbye, &tcp),
    };
    return cmocka_run_group_tests_name("ZeroMQ: who is there", tests, NULL, NULL);
}
