/* A worker's end. Its owner's thread computes and now and then sends or polls; a thread of its own (the
 * dialer) has the DEALER socket, dials, says hello, and answers for the worker's life while it computes.
 * Between the two stand two bounded rings of frames under one mutex; an eventfd wakes the dialer, a condition
 * variable the owner. When the ring of frames that came is full the dialer stops reading, and ZeroMQ and TCP
 * hold back the master. */
#include "transport/zmq_transport.h"

#include "base/clock.h"
#include "base/error.h"
#include "transport/hello.h"
#include "transport/zmq_dialer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

static const struct transport_ops zmq_worker_ops;

/* --- Rings (the mutex is held) ---------------------------------------------------------------------------
 */

static bool ring_has_room(const struct ring *ring, uint64_t bytes) {
    return !ring->count || (ring->count < RING_FRAMES && ring->bytes + bytes <= RING_BYTES);
}

static void ring_push(struct ring *ring, const struct frame *frame) {
    ring->frames[(ring->head + ring->count++) % RING_FRAMES] = *frame;
    ring->bytes += frame->header.bytes;
}

static struct frame ring_pop(struct ring *ring) {
    struct frame frame = ring->frames[ring->head];
    ring->head = (ring->head + 1) % RING_FRAMES;
    ring->count--;
    ring->bytes -= frame.header.bytes;
    return frame;
}

static void ring_clear(struct ring *ring) {
    while (ring->count) {
        struct frame frame = ring_pop(ring);
        frame_release(&frame);
    }
}

static void notify_dialer(struct zmq_worker *w) {
    const uint64_t one = 1;
    if (!w->notified)
        w->notified = write(w->notify_fd, &one, sizeof one) == sizeof one;
}

/* --- The dialer's side -----------------------------------------------------------------------------------
 */

bool worker_stopping(struct zmq_worker *w) {
    pthread_mutex_lock(&w->mutex);
    uint64_t count;
    if (w->notified && read(w->notify_fd, &count, sizeof count) == sizeof count)
        w->notified = false;
    bool stop = w->stop;
    pthread_mutex_unlock(&w->mutex);
    return stop;
}

bool worker_has_room(struct zmq_worker *w) {
    pthread_mutex_lock(&w->mutex);
    bool room = ring_has_room(&w->in, 0);
    w->throttled = !room;
    pthread_mutex_unlock(&w->mutex);
    return room;
}

void worker_deliver(struct zmq_worker *w, const struct frame *take_frame) {
    pthread_mutex_lock(&w->mutex);
    ring_push(&w->in, take_frame);
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

uint32_t worker_take(struct zmq_worker *w, struct frame frames[BATCH_FRAMES]) {
    uint32_t count = 0;
    pthread_mutex_lock(&w->mutex);
    while (w->out.count && count < BATCH_FRAMES && (!count || frame_is_small(&w->out.frames[w->out.head]))) {
        frames[count++] = ring_pop(&w->out);
        if (!frame_is_small(&frames[count - 1]))
            break;
    }
    pthread_mutex_unlock(&w->mutex);
    return count;
}

void worker_joined(struct zmq_worker *w, uint32_t node, uint64_t max_frame_bytes) {
    pthread_mutex_lock(&w->mutex);
    w->state = PEER_ALIVE;
    w->node = node;
    w->master_max_bytes = max_frame_bytes;
    w->joined_due = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

void worker_left(struct zmq_worker *w, enum ending ending) {
    pthread_mutex_lock(&w->mutex);
    ring_clear(&w->in);
    ring_clear(&w->out);
    if (w->state != PEER_ABSENT)
        w->state = PEER_LOST;
    w->left_due = w->left_due || w->known;
    w->known = w->joined_due = false;
    w->suspect_known = false;
    if (!w->ending)
        w->ending = ending;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

void worker_suspects(struct zmq_worker *w, bool suspect) {
    pthread_mutex_lock(&w->mutex);
    if (w->state == PEER_ALIVE || w->state == PEER_SUSPECT)
        w->state = suspect ? PEER_SUSPECT : PEER_ALIVE;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

/* --- The owner's side ------------------------------------------------------------------------------------
 */

static bool master_is_there(const struct zmq_worker *w) {
    return w->known && (w->state == PEER_ALIVE || w->state == PEER_SUSPECT);
}

static convoy_status zmq_worker_send(struct transport *transport, uint32_t peer, struct frame *frame) {
    struct zmq_worker *w = (struct zmq_worker *)transport;
    convoy_status status = CONVOY_OK;
    pthread_mutex_lock(&w->mutex);
    if (peer != 0 || w->ending || !master_is_there(w)) {
        status = CONVOY_E_CLOSED;
    } else if (!ring_has_room(&w->out, frame->header.bytes) || frame->header.bytes > w->master_max_bytes) {
        status = CONVOY_E_MEMORY;
    } else {
        ring_push(&w->out, frame);
        frame->payload = NULL;
        notify_dialer(w);
    }
    pthread_mutex_unlock(&w->mutex);
    frame_release(frame);
    return status;
}

/* What the owner has to be told next, if anything. The mutex is held. */
static bool take_event(struct zmq_worker *w, enum transport_event *event, struct frame *frame) {
    bool suspect = w->state == PEER_SUSPECT;
    if (w->ending) {
        *event = w->ending == ENDING_FINISHED ? TRANSPORT_FINISHED : TRANSPORT_CLOSED;
    } else if (w->left_due) {
        w->left_due = false;
        *event = TRANSPORT_LEFT;
    } else if (w->joined_due) {
        w->joined_due = false;
        w->known = w->came_before = true;
        *event = TRANSPORT_JOINED;
    } else if (w->known && suspect != w->suspect_known) {
        w->suspect_known = suspect;
        *event = suspect ? TRANSPORT_SUSPECTED : TRANSPORT_RECOVERED;
    } else if (w->in.count) {
        *frame = ring_pop(&w->in);
        *event = TRANSPORT_FRAME;
        if (w->throttled && w->in.count < RING_FRAMES / 2) {
            w->throttled = false;
            notify_dialer(w);
        }
    } else if (w->woken) {
        w->woken = false;
        *event = TRANSPORT_WOKEN;
    } else {
        return false;
    }
    return true;
}

static enum transport_event zmq_worker_poll(struct transport *transport, uint64_t deadline_ns, uint32_t *peer,
                                            struct frame *frame) {
    struct zmq_worker *w = (struct zmq_worker *)transport;
    struct timespec until = clock_timespec(deadline_ns);
    enum transport_event event = TRANSPORT_TIMEOUT;
    *peer = 0;
    pthread_mutex_lock(&w->mutex);
    for (int waited = deadline_ns ? 0 : 1; !take_event(w, &event, frame) && !waited;)
        waited = pthread_cond_timedwait(&w->changed, &w->mutex, &until);
    pthread_mutex_unlock(&w->mutex);
    return event;
}

static void zmq_worker_wake(struct transport *transport) {
    struct zmq_worker *w = (struct zmq_worker *)transport;
    pthread_mutex_lock(&w->mutex);
    w->woken = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

static enum peer_state zmq_worker_state(struct transport *transport, uint32_t peer) {
    struct zmq_worker *w = (struct zmq_worker *)transport;
    (void)peer;
    pthread_mutex_lock(&w->mutex);
    enum peer_state state = master_is_there(w) ? w->state : w->came_before ? PEER_LOST : PEER_ABSENT;
    pthread_mutex_unlock(&w->mutex);
    return state;
}

/* The master as seen from here: nothing more goes to it or comes from it. */
static void zmq_worker_disconnect(struct transport *transport, uint32_t peer) {
    (void)peer;
    struct zmq_worker *w = (struct zmq_worker *)transport;
    worker_left(w, ENDING_CLOSED);
    pthread_mutex_lock(&w->mutex);
    w->stop = true;
    notify_dialer(w);
    pthread_mutex_unlock(&w->mutex);
}

static void zmq_worker_destroy(struct transport **transport) {
    if (!transport || !*transport)
        return;
    struct zmq_worker *w = (struct zmq_worker *)*transport;
    *transport = NULL;
    if (w->running) {
        pthread_mutex_lock(&w->mutex);
        w->stop = true;
        notify_dialer(w);
        pthread_mutex_unlock(&w->mutex);
        pthread_join(w->thread, NULL);
    }
    ring_clear(&w->in);
    ring_clear(&w->out);
    if (w->notify_fd >= 0)
        close(w->notify_fd);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->mutex);
    explicit_bzero(&w->key, sizeof w->key);
    free(w->url);
    free(w);
}

uint32_t zmq_worker_node(const struct transport *transport) {
    struct zmq_worker *w = (struct zmq_worker *)transport;
    pthread_mutex_lock(&w->mutex);
    uint32_t node = w->node;
    pthread_mutex_unlock(&w->mutex);
    return node;
}

/* --- Creation --------------------------------------------------------------------------------------------
 */

static bool start_dialer(struct zmq_worker *w) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the program's threads' */
    w->running = pthread_create(&w->thread, NULL, dialer_main, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return w->running;
}

static void init_waiting(struct zmq_worker *w) {
    pthread_condattr_t attributes;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

convoy_status zmq_worker_create(struct transport **transport, const struct zmq_worker_options *options,
                                convoy_error *error) {
    convoy_status status = zmq_url_check(options->url, false, options->key, options->insecure, error);
    if (status != CONVOY_OK)
        return status;
    if (options->key && (!options->server_key || strlen(options->server_key) != ZMQ_KEY_TEXT - 1))
        return error_set(error, CONVOY_E_USAGE, "%s: the public key of the master is needed", options->url);
    struct zmq_worker *w = calloc(1, sizeof *w);
    if (!w)
        return error_memory(error);
    w->base.ops = &zmq_worker_ops;
    w->node = HELLO_ANY_NODE;
    w->limits = zmq_limits_complete(options->limits);
    w->give_up_ns = options->give_up_ns;
    w->log = options->log;
    w->encrypted = options->key;
    if (w->encrypted) {
        w->key = *options->key;
        memcpy(w->server_key, options->server_key, ZMQ_KEY_TEXT);
    }
    init_waiting(w);
    w->url = strdup(options->url);
    w->notify_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (getrandom(&w->instance, sizeof w->instance, 0) != sizeof w->instance || !w->url || w->notify_fd < 0 ||
        !start_dialer(w)) {
        struct transport *unfinished = &w->base;
        zmq_worker_destroy(&unfinished);
        return error_memory(error);
    }
    *transport = &w->base;
    return CONVOY_OK;
}

static const struct transport_ops zmq_worker_ops = {
    .name = "ZeroMQ",
    .send = zmq_worker_send,
    .poll = zmq_worker_poll,
    .wake = zmq_worker_wake,
    .state = zmq_worker_state,
    .disconnect = zmq_worker_disconnect,
    .destroy = zmq_worker_destroy,
};
