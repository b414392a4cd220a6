/* The thread behind a worker's end, and what it shares with the worker's own thread. (zmq_dialer.c,
 * zmq_worker.c) */
#ifndef TRANSPORT_ZMQ_DIALER_H
#define TRANSPORT_ZMQ_DIALER_H

#include "transport/zmq_frames.h"

#include <pthread.h>

#define RING_FRAMES  1024
#define BATCH_FRAMES 64                  /* read before others get their turn; or sent as one message */
#define RING_BYTES   (UINT64_C(1) << 30) /* beyond this a ring takes one frame at a time */

struct ring {
    struct frame frames[RING_FRAMES];
    uint32_t head, count;
    uint64_t bytes;
};

/* How there came to be no master. */
enum ending {
    ENDING_NONE, /* it may come back */
    ENDING_CLOSED,
    ENDING_FINISHED /* as the master said */
};

struct zmq_worker {
    struct transport base;
    char *url;
    struct zmq_limits limits;
    struct zmq_key_pair key;
    char server_key[ZMQ_KEY_TEXT];
    bool encrypted;
    uint64_t give_up_ns;
    uint64_t instance;
    struct log log;
    int notify_fd; /* eventfd: something to send, room for more, or the end */
    pthread_t thread;
    bool running;

    pthread_mutex_t mutex; /* guards all that follows */
    pthread_cond_t changed;
    struct ring in, out;
    enum peer_state state;
    uint32_t node;
    uint64_t master_max_bytes;
    bool left_due, joined_due; /* what the owner has to be told */
    bool known, suspect_known; /* what it was told: that the master is there, that it is silent */
    bool came_before;
    bool woken;
    enum ending ending;
    bool notified, throttled; /* notify_fd is set; the dialer waits for room */
    bool stop;
};

/* The thread: dials and serves until it is told to stop, or refused for good. */
void *dialer_main(void *worker);

/* --- For the dialer: each takes the mutex ----------------------------------------------------------------
 */

/* Resets notify_fd; whether to end. */
bool worker_stopping(struct zmq_worker *worker);

/* Whether one more frame can be delivered; if not, notify_fd tells when. */
bool worker_has_room(struct zmq_worker *worker);
void worker_deliver(struct zmq_worker *worker, const struct frame *take_frame);

/* The frames for the next message: small ones, or one that is not. Returns how many. */
uint32_t worker_take(struct zmq_worker *worker, struct frame frames[BATCH_FRAMES]);

void worker_joined(struct zmq_worker *worker, uint32_t node, uint64_t max_frame_bytes);
void worker_left(struct zmq_worker *worker, enum ending ending);
void worker_suspects(struct zmq_worker *worker, bool suspect);

#endif
