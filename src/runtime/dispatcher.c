#include "runtime/dispatcher_internal.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdlib.h>

#define LINGER_NS (5 * NS_PER_MS)  /* after an owner has left, in which the next one may drive */
#define LOOK_NS   (50 * NS_PER_MS) /* between two looks whether the caller cancels */

/* The owner of a job that sleeps until it is decided. */
struct waiter {
    pthread_cond_t decided;
};

/* Wakes those whose jobs are decided, each once; all of them once the caller cancels. */
static void wake_owners(struct dispatcher *d) {
    for (struct job *job = d->assignments.jobs.first; job; job = job->next)
        if (job->waiter && (d->cancelled || job_is_decided(job))) {
            pthread_cond_signal(&job->waiter->decided);
            job->waiter = NULL;
            d->sleepers--;
        }
}

/* What a worker said of a layer. */
static void take_layer(struct dispatcher *d, uint32_t worker, const struct frame_header *header) {
    static const struct {
        const char *what, *then; /* NULL: no warning */
    } warnings[] = {
        [HOLDINGS_DAMAGED] = {"found its filters of", " damaged: they are sent again"},
        [HOLDINGS_UNSTABLE] = {"found its filters of", " damaged: it does not get them once more"},
        [HOLDINGS_DECLINED] = {"cannot hold", ""},
    };
    enum holdings_news news =
        holdings_take_reply(&d->holdings, header->layer, worker, (enum frame_kind)header->kind);
    if (warnings[news].what)
        log_line(d->log, CONVOY_LOG_WARNING, "worker %u %s layer number %u%s", worker, warnings[news].what,
                 header->layer, warnings[news].then);
    if (news != HOLDINGS_SAME)
        pthread_cond_signal(&d->gap);
    pthread_cond_broadcast(&d->changed);
}

/* A worker came anew or left. */
static void reset_layers(struct dispatcher *d, uint32_t worker) {
    holdings_forget(&d->holdings, worker);
    if (!peer_lives(&d->assignments.peers[worker]))
        return;
    holdings_offer_known(&d->holdings, worker);
    pthread_cond_signal(&d->gap);
}

static void take_frame(struct dispatcher *d, uint32_t worker, struct frame *frame) {
    struct peer *peer = &d->assignments.peers[worker];
    peer->heard_ns = clock_now_ns();
    if (!peer_lives(peer))
        return;
    switch (frame->header.kind) {
    case FRAME_ANSWER:
    case FRAME_DECLINED:
        assignments_take_answer(&d->assignments, worker, &frame->header, &frame->payload);
        break;
    case FRAME_READY:
    case FRAME_WANT:
    case FRAME_UNFIT:
        take_layer(d, worker, &frame->header);
        break;
    case FRAME_PROBED:
        dispatcher_take_probe(d, worker, frame);
        break;
    case FRAME_PONG:
        assignments_take_pong(&d->assignments, worker, frame->header.job);
        break;
    default:
        break; /* a kind that only a master sends: ignored */
    }
}

/* A frame whose checksum is wrong: nothing in it can be believed, but something was sent. Asks at once what
 * is missing. */
static void take_damaged(struct dispatcher *d, uint32_t worker) {
    struct peer *peer = &d->assignments.peers[worker];
    peer->heard_ns = 0;
    if (!peer->damage_logged)
        log_line(d->log, CONVOY_LOG_WARNING,
                 "worker %u sent a damaged frame, which counts as lost (said once)", worker);
    peer->damage_logged = true;
    dispatcher_lose_probe(d, worker);
}

/* Nothing more comes of what the worker was asked. */
static void lose_worker(struct dispatcher *d, uint32_t worker) {
    assignments_lose_worker(&d->assignments, worker, clock_now_ns());
    dispatcher_lose_probe(d, worker);
    pthread_cond_broadcast(&d->changed);
}

/* A worker less is a warning where fewer than needed are left. */
static void log_change(struct dispatcher *d, uint32_t worker, bool less, const char *what) {
    if (cancel_asked(d->cancel))
        return; /* the signal that ends the master may have ended the workers */
    uint32_t living = assignments_count(&d->assignments, PEER_ALIVE);
    bool enough = living >= d->needed;
    log_line(d->log, less && !enough ? CONVOY_LOG_WARNING : CONVOY_LOG_INFO,
             "worker %u %s: %u alive, %u %s needed", worker, what, living,
             enough ? living - d->needed : d->needed - living, enough ? "more than" : "fewer than");
}

/* The transport told of a change. */
static void take_change(struct dispatcher *d, uint32_t worker, enum transport_event event) {
    struct peer *peer = &d->assignments.peers[worker];
    switch (event) {
    case TRANSPORT_JOINED:
        lose_worker(d, worker);
        peer->state = PEER_ALIVE;
        peer->lateness = (struct lateness){0};
        dispatcher_recognise(d, worker);
        reset_layers(d, worker);
        log_change(d, worker, false, "has joined");
        break;
    case TRANSPORT_LEFT:
        peer->state = PEER_LOST;
        lose_worker(d, worker);
        reset_layers(d, worker);
        log_change(d, worker, true, "is lost");
        break;
    case TRANSPORT_SUSPECTED:
        peer->state = PEER_SUSPECT;
        assignments_give_up_on(&d->assignments, worker);
        log_change(d, worker, true, "is silent");
        break;
    case TRANSPORT_RECOVERED:
        peer->state = PEER_ALIVE;
        log_change(d, worker, false, "is back");
        break;
    default:
        break;
    }
}

/* Waits for an event until the moment, and takes in what came; own may be NULL. Who waits for that is woken
 * last, when the mutex is about to be free. False where nothing came, or own is decided. */
static bool take_event(struct dispatcher *d, uint64_t deadline_ns, const struct job *own) {
    uint32_t worker = 0;
    struct frame frame = {0};
    struct trace_task ended[TASKS_AHEAD];
    uint64_t start_ns = clock_now_ns();
    enum transport_event event = d->transport->ops->poll(d->transport, deadline_ns, &worker, &frame);
    uint64_t end_ns = clock_now_ns();
    /* This may read the payload: not under the mutex. */
    bool valid = event == TRANSPORT_FRAME && transport_frame_valid(d->transport, &frame);
    pthread_mutex_lock(&d->mutex);
    assignments_watch(&d->assignments, start_ns, end_ns, deadline_ns);
    if (event == TRANSPORT_TIMEOUT)
        assignments_find_late(&d->assignments);
    else if (valid)
        take_frame(d, worker, &frame);
    else if (event == TRANSPORT_FRAME)
        take_damaged(d, worker);
    else
        take_change(d, worker, event);
    bool more = event != TRANSPORT_TIMEOUT && !(own && job_is_decided(own));
    uint32_t ended_count = assignments_take_ended(&d->assignments, ended);
    wake_owners(d);
    pthread_mutex_unlock(&d->mutex);
    for (uint32_t i = 0; i < ended_count; i++)
        trace_task(d->trace, &ended[i]);
    frame_release(&frame);
    return more;
}

/* Sends what is due, waits until the moment, and takes in what came: all that is there, but no more than it
 * takes to be fair to what is to be sent, nor than own needs (NULL: none). Under the mutex, which is free
 * meanwhile. */
static void drive(struct dispatcher *d, uint64_t until_ns, const struct job *own) {
    uint64_t deadline_ns = dispatcher_send_all(d);
    if (until_ns < deadline_ns)
        deadline_ns = until_ns;
    d->driven = true;
    pthread_mutex_unlock(&d->mutex);
    for (uint32_t taken = 0; taken < d->nodes && take_event(d, deadline_ns, own); taken++)
        deadline_ns = 0;
    pthread_mutex_lock(&d->mutex);
    d->driven = false;
}

/* Wakes all who wait, for good, once the caller cancels. Under the mutex. */
static void look_for_cancel(struct dispatcher *d) {
    if (d->cancelled || !cancel_asked(d->cancel))
        return;
    d->cancelled = true;
    pthread_cond_broadcast(&d->changed);
    wake_owners(d);
    if (d->driven)
        d->transport->ops->wake(d->transport);
}

/* The thread: drives while owners of jobs sleep, or none has come for a while; and looks for the caller. */
static void *dispatch(void *context) {
    struct dispatcher *d = context;
    pthread_mutex_lock(&d->mutex);
    while (!d->stop) {
        uint64_t now_ns = clock_now_ns();
        look_for_cancel(d);
        if (!d->driven && (d->sleepers || now_ns >= d->left_ns + LINGER_NS)) {
            drive(d, d->cancel && d->cancel->asked ? now_ns + LOOK_NS : UINT64_MAX, NULL);
        } else {
            struct timespec until = clock_timespec(now_ns + LINGER_NS);
            pthread_cond_timedwait(&d->undriven, &d->mutex, &until);
        }
    }
    pthread_mutex_unlock(&d->mutex);
    return NULL;
}

static void init_condition(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* Frees all but the transport. */
static void dispatcher_free(struct dispatcher *d) {
    holdings_clear(&d->holdings);
    pthread_cond_destroy(&d->gap);
    pthread_cond_destroy(&d->changed);
    pthread_cond_destroy(&d->undriven);
    pthread_mutex_destroy(&d->mutex);
    assignments_clear(&d->assignments);
    free(d);
}

convoy_status dispatcher_create(struct dispatcher **dispatcher, struct transport **take_transport,
                                uint32_t nodes, uint32_t needed, const struct log *log,
                                const struct cancel *cancel, const struct trace *trace, convoy_error *error) {
    struct transport *transport = *take_transport;
    struct dispatcher *d = calloc(1, sizeof *d);
    if (!d)
        return error_memory(error);
    *d = (struct dispatcher){.transport = transport,
                             .nodes = nodes,
                             .needed = needed,
                             .log = log,
                             .cancel = cancel,
                             .trace = trace};
    if (assignments_init(&d->assignments, nodes) != CONVOY_OK) {
        free(d);
        return error_memory(error);
    }
    for (uint32_t w = 0; w < nodes; w++) {
        d->assignments.peers[w].state = transport->ops->state(transport, w);
        if (peer_lives(&d->assignments.peers[w]))
            transport->ops->identify(transport, w, &d->assignments.peers[w].identity);
    }
    holdings_init(&d->holdings, nodes);
    pthread_mutex_init(&d->mutex, NULL);
    init_condition(&d->changed);
    init_condition(&d->undriven);
    init_condition(&d->gap);
    if (pthread_create(&d->thread, NULL, dispatch, d) != 0) {
        dispatcher_free(d);
        return error_set(error, CONVOY_E_INTERNAL, "no thread could be started for the cluster");
    }
    *take_transport = NULL;
    *dispatcher = d;
    return CONVOY_OK;
}

void dispatcher_stop(struct dispatcher *d) {
    pthread_mutex_lock(&d->mutex);
    d->stop = true;
    pthread_cond_broadcast(&d->gap);
    pthread_cond_signal(&d->undriven);
    pthread_mutex_unlock(&d->mutex);
    d->transport->ops->wake(d->transport);
}

/* What workers still owe will not come any more. */
static void end_tasks(struct dispatcher *d) {
    const uint64_t now_ns = clock_now_ns();
    for (uint32_t w = 0; w < d->nodes; w++)
        for (uint32_t i = 0; i < d->assignments.peers[w].owed_count; i++) {
            struct trace_task *life = &d->assignments.peers[w].owed[i].life;
            life->ended_ns = now_ns;
            trace_task(d->trace, life);
        }
}

void dispatcher_destroy(struct dispatcher **dispatcher) {
    struct dispatcher *d = dispatcher ? *dispatcher : NULL;
    if (!d)
        return;
    *dispatcher = NULL;
    dispatcher_stop(d);
    pthread_join(d->thread, NULL);
    end_tasks(d);
    d->transport->ops->destroy(&d->transport);
    dispatcher_free(d);
}

void dispatcher_standings(struct dispatcher *d, uint32_t layer, enum worker_standing *standings,
                          float *paces) {
    uint64_t now_ns = clock_now_ns();
    pthread_mutex_lock(&d->mutex);
    for (uint32_t w = 0; w < d->nodes; w++) {
        const struct peer *peer = &d->assignments.peers[w];
        standings[w] =
            peer_standing(peer, holdings_at(&d->holdings, layer, w)->state == HOLDING_READY, now_ns);
        paces[w] = peer->lateness.pace;
    }
    pthread_mutex_unlock(&d->mutex);
}

void dispatcher_leave_out(struct dispatcher *d, const bool *left_out) {
    pthread_mutex_lock(&d->mutex);
    for (uint32_t w = 0; w < d->nodes; w++)
        d->assignments.peers[w].left_out = left_out[w];
    pthread_mutex_unlock(&d->mutex);
}

enum peer_state dispatcher_state(struct dispatcher *d, uint32_t worker) {
    pthread_mutex_lock(&d->mutex);
    enum peer_state state = d->assignments.peers[worker].state;
    pthread_mutex_unlock(&d->mutex);
    return state;
}

uint32_t dispatcher_living(struct dispatcher *d) {
    pthread_mutex_lock(&d->mutex);
    uint32_t living = assignments_count(&d->assignments, PEER_ALIVE);
    pthread_mutex_unlock(&d->mutex);
    return living;
}

uint32_t dispatcher_wait_came(struct dispatcher *d, uint32_t wanted, uint64_t deadline_ns) {
    struct timespec until = clock_timespec(deadline_ns);
    uint32_t came;
    pthread_mutex_lock(&d->mutex);
    for (int waited = 0;; waited = pthread_cond_timedwait(&d->changed, &d->mutex, &until)) {
        came = d->nodes - assignments_count(&d->assignments, PEER_ABSENT);
        if (came >= wanted || waited || d->cancelled)
            break;
    }
    pthread_mutex_unlock(&d->mutex);
    return came;
}

uint64_t dispatcher_payload_hash(const struct dispatcher *d, const struct buffer *payload) {
    return transport_payload_hash(d->transport, payload);
}

void dispatcher_submit(struct dispatcher *d, struct job *job) {
    pthread_mutex_lock(&d->mutex);
    assignments_open(&d->assignments, job, clock_now_ns());
    dispatcher_send_due(d);
    pthread_mutex_unlock(&d->mutex);
}

/* Sleeps until another thread, which drives, has decided the job or has left, or until the moment. Whether
 * the moment has come. */
static bool sleep_until(struct dispatcher *d, struct job *job, struct waiter *waiter, uint64_t deadline_ns) {
    struct timespec until = clock_timespec(deadline_ns);
    d->sleepers += !job->waiter;
    job->waiter = waiter;
    return pthread_cond_timedwait(&waiter->decided, &d->mutex, &until) != 0;
}

void dispatcher_wait(struct dispatcher *d, struct job *job, uint32_t wanted, uint64_t deadline_ns,
                     enum task_state *states) {
    struct waiter waiter;
    init_condition(&waiter.decided);
    pthread_mutex_lock(&d->mutex);
    job->wanted = wanted;
    if (job->held && d->driven && job_needs_held(job))
        d->transport->ops->wake(d->transport);
    for (bool late = false; !job_is_decided(job) && !late && !d->cancelled;) {
        if (d->driven) {
            late = sleep_until(d, job, &waiter, deadline_ns);
        } else {
            drive(d, deadline_ns, job);
            late = clock_now_ns() >= deadline_ns;
        }
    }
    d->sleepers -= job->waiter != NULL;
    job->waiter = NULL;
    d->left_ns = clock_now_ns();
    if (d->sleepers && !d->driven)
        pthread_cond_signal(&d->undriven);
    job_states(job, d->nodes, states);
    pthread_mutex_unlock(&d->mutex);
    pthread_cond_destroy(&waiter.decided);
}

void dispatcher_finish(struct dispatcher *d, struct job *job) {
    pthread_mutex_lock(&d->mutex);
    if (assignments_close(&d->assignments, job, clock_now_ns()))
        dispatcher_send_due(d);
    pthread_mutex_unlock(&d->mutex);
}
