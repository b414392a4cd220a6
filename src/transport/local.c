/* The transport between threads of one process. Every endpoint has one inbox, a ring under a mutex; a payload
 * is handed over by its reference and never copied. */
#include "transport/transport.h"

#include "base/clock.h"
#include "base/error.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#define LONG_TURN_NS (NS_PER_MS / 2)
#define PAUSE_NS     (NS_PER_S / 10)

struct inbox_item {
    enum transport_event event; /* FRAME or PEER */
    uint32_t peer;
    struct frame frame;
};

struct hub;

struct endpoint {
    struct transport base;
    struct hub *hub;
    uint32_t index;    /* the worker's number; n for the master */
    uint64_t yield_ns; /* until then its owner sleeps at once */

    pthread_mutex_t mutex; /* guards all that follows */
    pthread_cond_t changed;
    struct inbox_item *items; /* [capacity], a ring */
    size_t capacity, head, count;
    bool woken;
    bool closed;             /* destroyed: takes no more frames */
    bool master_gone;        /* of a worker */
    enum peer_state *states; /* of the master: [n] */
};

/* What master and workers share; freed with the last endpoint. */
struct hub {
    atomic_uint references;
    uint32_t n;
    struct endpoint *endpoints; /* [n+1], the master last */
};

static const struct transport_ops local_ops;

static struct endpoint *master_of(struct hub *hub) {
    return &hub->endpoints[hub->n];
}

static void hub_release(struct hub *hub) {
    if (atomic_fetch_sub(&hub->references, 1) != 1)
        return;
    for (uint32_t i = 0; i <= hub->n; i++) {
        pthread_cond_destroy(&hub->endpoints[i].changed);
        pthread_mutex_destroy(&hub->endpoints[i].mutex);
    }
    free(master_of(hub)->states);
    free(hub->endpoints);
    free(hub);
}

/* Appends to the ring; false where there is no memory. The mutex is held; once it is not, the caller signals
 * `changed`: who wakes shall not have to wait for it. */
static bool inbox_push(struct endpoint *to, const struct inbox_item *item) {
    if (to->count == to->capacity) {
        size_t capacity = to->capacity ? 2 * to->capacity : 16;
        struct inbox_item *items = malloc(capacity * sizeof *items);
        if (!items)
            return false;
        for (size_t i = 0; i < to->count; i++)
            items[i] = to->items[(to->head + i) % to->capacity];
        free(to->items);
        to->items = items;
        to->capacity = capacity;
        to->head = 0;
    }
    to->items[(to->head + to->count++) % to->capacity] = *item;
    return true;
}

static void inbox_clear(struct endpoint *endpoint) {
    for (; endpoint->count; endpoint->count--) {
        frame_release(&endpoint->items[endpoint->head].frame);
        endpoint->head = (endpoint->head + 1) % endpoint->capacity;
    }
    free(endpoint->items);
    endpoint->items = NULL;
    endpoint->capacity = endpoint->head = 0;
}

static convoy_status local_send(struct transport *transport, uint32_t peer, struct frame *frame) {
    struct endpoint *from = (struct endpoint *)transport;
    struct hub *hub = from->hub;
    bool is_master = from->index == hub->n;
    struct endpoint *to = is_master ? &hub->endpoints[peer] : master_of(hub);
    struct inbox_item item = {.event = TRANSPORT_FRAME, .peer = is_master ? 0 : from->index, .frame = *frame};
    frame->payload = NULL;

    convoy_status status = CONVOY_OK;
    pthread_mutex_lock(&to->mutex);
    bool cut = is_master ? to->master_gone : to->states[from->index] != PEER_ALIVE;
    if (to->closed || cut)
        status = CONVOY_E_CLOSED;
    else if (!inbox_push(to, &item))
        status = CONVOY_E_MEMORY;
    pthread_mutex_unlock(&to->mutex);
    if (status == CONVOY_OK)
        pthread_cond_signal(&to->changed);
    else
        frame_release(&item.frame);
    return status;
}

/* Whether a poll has something to tell. The mutex is held. */
static bool has_news(const struct endpoint *endpoint) {
    return endpoint->count || endpoint->woken || endpoint->master_gone;
}

/* Before it sleeps a poll lets others run, once: they may be about to send. Falling asleep and being woken
 * costs more than a small task (bench/job, n = 16, least of the medians: 115 us a job without, 80 so). But
 * where others keep the processor for long, as on a machine with more to do than this, each such turn costs a
 * slice of the scheduler's (1500 LeNet-5 inferences beside two busy processes took 15 s instead of 1): then
 * not for a while. (900 of them: 446 ms beside two busy processes with pauses of 0.1 s, 631 with a second.)
 */
static void let_others_run(struct endpoint *endpoint) {
    uint64_t now_ns = clock_now_ns();
    if (now_ns < endpoint->yield_ns)
        return;
    pthread_mutex_unlock(&endpoint->mutex);
    sched_yield();
    uint64_t back_ns = clock_now_ns();
    pthread_mutex_lock(&endpoint->mutex);
    if (back_ns - now_ns > LONG_TURN_NS)
        endpoint->yield_ns = back_ns + PAUSE_NS;
}

static enum transport_event local_poll(struct transport *transport, uint64_t deadline_ns, uint32_t *peer,
                                       struct frame *frame) {
    struct endpoint *endpoint = (struct endpoint *)transport;
    struct timespec until = clock_timespec(deadline_ns);
    enum transport_event event = TRANSPORT_TIMEOUT;
    pthread_mutex_lock(&endpoint->mutex);
    int waited = deadline_ns ? 0 : 1;
    if (!waited && !has_news(endpoint))
        let_others_run(endpoint);
    while (!waited && !has_news(endpoint))
        waited = pthread_cond_timedwait(&endpoint->changed, &endpoint->mutex, &until);
    if (endpoint->master_gone) {
        event = TRANSPORT_CLOSED;
    } else if (endpoint->count) {
        struct inbox_item *item = &endpoint->items[endpoint->head];
        endpoint->head = (endpoint->head + 1) % endpoint->capacity;
        endpoint->count--;
        event = item->event;
        *peer = item->peer;
        *frame = item->frame;
    } else if (endpoint->woken) {
        endpoint->woken = false;
        event = TRANSPORT_WOKEN;
    }
    pthread_mutex_unlock(&endpoint->mutex);
    return event;
}

static void local_wake(struct transport *transport) {
    struct endpoint *endpoint = (struct endpoint *)transport;
    pthread_mutex_lock(&endpoint->mutex);
    endpoint->woken = true;
    pthread_mutex_unlock(&endpoint->mutex);
    pthread_cond_signal(&endpoint->changed);
}

static enum peer_state local_state(struct transport *transport, uint32_t peer) {
    struct endpoint *endpoint = (struct endpoint *)transport;
    pthread_mutex_lock(&endpoint->mutex);
    enum peer_state state = endpoint->states        ? endpoint->states[peer]
                            : endpoint->master_gone ? PEER_LOST
                                                    : PEER_ALIVE;
    pthread_mutex_unlock(&endpoint->mutex);
    return state;
}

/* Tells the master that a worker is gone, once. */
static void report_lost(struct endpoint *master, uint32_t worker) {
    pthread_mutex_lock(&master->mutex);
    if (!master->closed && master->states[worker] == PEER_ALIVE) {
        master->states[worker] = PEER_LOST;
        struct inbox_item item = {.event = TRANSPORT_LEFT, .peer = worker};
        inbox_push(master, &item); /* without memory for the event the state still tells */
    }
    pthread_mutex_unlock(&master->mutex);
    pthread_cond_signal(&master->changed);
}

static void cut_off(struct endpoint *worker) {
    pthread_mutex_lock(&worker->mutex);
    worker->master_gone = true;
    pthread_mutex_unlock(&worker->mutex);
    pthread_cond_signal(&worker->changed);
}

static void local_disconnect(struct transport *transport, uint32_t peer) {
    struct endpoint *master = (struct endpoint *)transport;
    cut_off(&master->hub->endpoints[peer]);
    report_lost(master, peer);
}

static void local_identify(struct transport *transport, uint32_t peer, struct peer_identity *identity) {
    (void)transport;
    *identity = (struct peer_identity){.instance = (uint64_t)peer + 1};
}

/* Threads that are cut off do not come again, whatever is forgotten. */
static void local_pardon(struct transport *transport) {
    (void)transport;
}

static void local_destroy(struct transport **transport) {
    if (!transport || !*transport)
        return;
    struct endpoint *endpoint = (struct endpoint *)*transport;
    struct hub *hub = endpoint->hub;
    *transport = NULL;
    pthread_mutex_lock(&endpoint->mutex);
    endpoint->closed = true;
    inbox_clear(endpoint);
    pthread_mutex_unlock(&endpoint->mutex);
    if (endpoint->index != hub->n)
        report_lost(master_of(hub), endpoint->index);
    else
        for (uint32_t i = 0; i < hub->n; i++)
            cut_off(&hub->endpoints[i]);
    hub_release(hub);
}

static void endpoint_init(struct endpoint *endpoint, struct hub *hub, uint32_t index, bool checked) {
    *endpoint = (struct endpoint){.base = {&local_ops, !checked}, .hub = hub, .index = index};
    pthread_mutex_init(&endpoint->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&endpoint->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

convoy_status local_transport_create(struct transport **master, struct transport **workers, uint32_t n,
                                     bool checked, convoy_error *error) {
    struct hub *hub = malloc(sizeof *hub);
    struct endpoint *endpoints = calloc((size_t)n + 1, sizeof *endpoints);
    enum peer_state *states = calloc((size_t)n + 1, sizeof *states);
    if (!hub || !endpoints || !states) {
        free(hub);
        free(endpoints);
        free(states);
        return error_memory(error);
    }
    *hub = (struct hub){.n = n, .endpoints = endpoints};
    atomic_init(&hub->references, n + 1);
    for (uint32_t i = 0; i <= n; i++)
        endpoint_init(&endpoints[i], hub, i, checked);
    for (uint32_t i = 0; i < n; i++) {
        states[i] = PEER_ALIVE;
        workers[i] = &endpoints[i].base;
    }
    endpoints[n].states = states;
    *master = &endpoints[n].base;
    return CONVOY_OK;
}

static const struct transport_ops local_ops = {
    .name = "threads",
    .send = local_send,
    .poll = local_poll,
    .wake = local_wake,
    .state = local_state,
    .disconnect = local_disconnect,
    .identify = local_identify,
    .ban = local_disconnect,
    .pardon = local_pardon,
    .destroy = local_destroy,
};
