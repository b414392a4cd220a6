/* Frames of the ZeroMQ transport against bare ZeroMQ sockets that do what ZeroMQ's own perf tools do (PUSH to
 * PULL for the rate, REQ and REP for the round trip), between two processes, ipc and tcp. Rate is that of
 * frames from a worker to its master. The two take turns; printed are medians and their ratio.
 *
 *     frames [ROUNDS [BYTES]]      7 rounds by default, of frames of all sizes
 */
#include "base/clock.h"
#include "transport/zmq_transport.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#define ROUNDS_MAX 99

static const struct load {
    size_t bytes;
    unsigned frames, trips;
} loads[] = {{1000, 200000, 4000}, {65536, 20000, 2000}, {1 << 20, 2000, 400}, {16 << 20, 150, 60}};

static void must(bool good, const char *what) {
    if (good)
        return;
    fprintf(stderr, "frames: %s failed\n", what);
    exit(1);
}

static double seconds_since(uint64_t start_ns) {
    return (double)(clock_now_ns() - start_ns) / 1e9;
}

/* --- Bare ZeroMQ -----------------------------------------------------------------------------------------
 */

static void *bare_socket(void *context, int type, const char *url, bool binds) {
    void *socket = zmq_socket(context, type);
    must(socket && (binds ? zmq_bind(socket, url) : zmq_connect(socket, url)) == 0, "a bare socket");
    return socket;
}

static void bare_peer(const char *url, const struct load *load, bool trips) {
    void *context = zmq_ctx_new();
    void *socket = bare_socket(context, trips ? ZMQ_REP : ZMQ_PUSH, url, false);
    zmq_msg_t message;
    for (unsigned i = 0; i < (trips ? load->trips : load->frames); i++) {
        if (trips)
            must(zmq_msg_init(&message) == 0 && zmq_msg_recv(&message, socket, 0) >= 0, "receiving");
        else
            must(zmq_msg_init_size(&message, load->bytes) == 0, "memory");
        must(zmq_msg_send(&message, socket, 0) >= 0, "sending");
    }
    zmq_close(socket);
    zmq_ctx_term(context);
}

/* Seconds a frame, or a round trip; the first is not counted. */
static double bare_time(const char *url, const struct load *load, bool trips) {
    unsigned count = trips ? load->trips : load->frames;
    void *context = zmq_ctx_new();
    void *socket = bare_socket(context, trips ? ZMQ_REQ : ZMQ_PULL, url, true);
    zmq_msg_t message;
    uint64_t start_ns = 0;
    zmq_msg_init_size(&message, load->bytes);
    for (unsigned i = 0; i < count; i++) {
        if (i == 1 && trips)
            start_ns = clock_now_ns();
        if (trips)
            must(zmq_msg_send(&message, socket, 0) >= 0, "sending");
        must(zmq_msg_recv(&message, socket, 0) >= 0, "receiving");
        if (i == 0 && !trips)
            start_ns = clock_now_ns();
    }
    double seconds = seconds_since(start_ns);
    zmq_msg_close(&message);
    zmq_close(socket);
    zmq_ctx_term(context);
    return seconds / (count - 1);
}

/* --- Convoy's transport ----------------------------------------------------------------------------------
 */

/* A frame without its checksum, whose cost is that of reading the payload once: it is the runtime's, not the
 * transport's. */
static convoy_status send_frame(struct transport *from, enum frame_kind kind, struct buffer *payload) {
    struct frame frame = {.header = {.kind = (uint16_t)kind},
                          .payload = payload ? buffer_retain(payload) : NULL};
    frame_seal(&frame, 0);
    return from->ops->send(from, 0, &frame);
}

/* The next frame; false when the other end has gone. */
static bool next_frame(struct transport *at, struct frame *frame) {
    for (;;) {
        uint32_t peer;
        switch (at->ops->poll(at, UINT64_MAX, &peer, frame)) {
        case TRANSPORT_FRAME:
            return true;
        case TRANSPORT_LEFT:
        case TRANSPORT_CLOSED:
            return false;
        default:
            break;
        }
    }
}

static void await_join(struct transport *at) {
    uint32_t peer;
    struct frame frame;
    while (at->ops->poll(at, UINT64_MAX, &peer, &frame) != TRANSPORT_JOINED)
        continue;
}

static void frame_peer(const char *url, const struct load *load, bool trips) {
    struct transport *worker;
    struct frame frame;
    must(zmq_worker_create(&worker, &(struct zmq_worker_options){.url = url}, NULL) == CONVOY_OK, "a worker");
    await_join(worker);
    struct buffer *payload = buffer_create(load->bytes);
    must(payload, "memory");
    memset(payload->data, 1, payload->bytes);
    for (unsigned i = 0; !trips && i < load->frames;) {
        convoy_status status = send_frame(worker, FRAME_ANSWER, payload);
        if (status == CONVOY_OK)
            i++;
        else if (status == CONVOY_E_MEMORY)
            clock_sleep_until(clock_now_ns() + 100 * 1000); /* the queue is full */
        else
            break;
    }
    while (next_frame(worker, &frame)) {
        if (trips)
            send_frame(worker, FRAME_ANSWER, frame.payload);
        frame_release(&frame);
    }
    worker->ops->destroy(&worker);
    buffer_release(&payload);
}

static double frame_time(const char *url, const struct load *load, bool trips) {
    unsigned count = trips ? load->trips : load->frames;
    struct transport *master;
    struct frame frame;
    uint64_t start_ns = 0;
    must(zmq_master_create(&master, &(struct zmq_master_options){.url = url, .nodes = 1}, NULL) == CONVOY_OK,
         "a master");
    await_join(master);
    struct buffer *payload = buffer_create(load->bytes);
    must(payload, "memory");
    memset(payload->data, 1, payload->bytes);
    for (unsigned i = 0; i < count; i++) {
        if (i == 1 && trips)
            start_ns = clock_now_ns();
        if (trips)
            must(send_frame(master, FRAME_TASK, payload) == CONVOY_OK, "sending");
        must(next_frame(master, &frame), "receiving");
        frame_release(&frame);
        if (i == 0 && !trips)
            start_ns = clock_now_ns();
    }
    double seconds = seconds_since(start_ns);
    master->ops->destroy(&master);
    buffer_release(&payload);
    return seconds / (count - 1);
}

/* --- Turns ------------------------------------------------------------------------------------------------
 */

static double timed(const char *url, const struct load *load, bool trips, bool bare) {
    pid_t peer = fork();
    if (peer == 0) {
        (bare ? bare_peer : frame_peer)(url, load, trips);
        _exit(0);
    }
    must(peer > 0, "fork");
    double seconds = (bare ? bare_time : frame_time)(url, load, trips);
    waitpid(peer, NULL, 0);
    return seconds;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

static void show(const char *url, const struct load *load, bool trips, int rounds) {
    double bare[ROUNDS_MAX], frames[ROUNDS_MAX];
    for (int r = 0; r < rounds; r++) {
        bare[r] = timed(url, load, trips, true);
        frames[r] = timed(url, load, trips, false);
    }
    double theirs = median(bare, rounds), ours = median(frames, rounds);
    if (trips)
        printf("%.3s %9zu B  round trip %10.1f us, ZeroMQ alone %10.1f us: ratio %.2f\n", url, load->bytes,
               ours * 1e6, theirs * 1e6, ours / theirs);
    else
        printf("%.3s %9zu B  %10.0f frames/s, ZeroMQ alone %10.0f: ratio %.2f\n", url, load->bytes, 1 / ours,
               1 / theirs, theirs / ours);
    fflush(stdout);
}

int main(int count, char **arguments) {
    int rounds = count > 1 ? atoi(arguments[1]) : 7;
    char folder[] = "/tmp/convoy-frames-XXXXXX", ipc[64], tcp[64];
    must(rounds >= 1 && rounds <= ROUNDS_MAX && mkdtemp(folder), "ROUNDS of 1 to 99, or a folder in /tmp,");
    snprintf(ipc, sizeof ipc, "ipc://%s/socket", folder);
    snprintf(tcp, sizeof tcp, "tcp://127.0.0.1:%d", 20000 + (int)getpid() % 10000);
    for (int trips = 0; trips < 2; trips++)
        for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
            if (count > 2 && strtoul(arguments[2], NULL, 10) != loads[i].bytes)
                continue;
            show(ipc, &loads[i], trips, rounds);
            show(tcp, &loads[i], trips, rounds);
        }
    unlink(ipc + strlen("ipc://"));
    rmdir(folder);
    return 0;
}
