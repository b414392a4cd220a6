#include "runtime/dispatcher_internal.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdlib.h>

#define HOLD_FACTOR 2               /* times what it usually takes, a job holds tasks of slow workers back */
#define LINGER_NS   (5 * NS_PER_MS) /* after an owner has left, in which the next one may drive */

static void settle_task(struct dispatcher *d, uint64_t job_id, uint32_t worker, enum task_state state,
                        struct buffer **answer) {
    struct job *job = dispatcher_find_job(d, job_id);
    if (!job || job->tasks[worker].state != TASK_SENT)
        return;
    job->tasks[worker].state = state;
    job->open -= !job->tasks[worker].unawaited;
    job->others.asked -= !answer && !job->tasks[worker].unawaited;
    if (answer) {
        job->tasks[worker].answer = *answer;
        *answer = NULL;
        job->answered++;
    }
}

/* Whether as many answers as are wanted came, or cannot come any more. */
static bool job_is_decided(const struct job *job) {
    return job->answered >= job->wanted || job->answered + job->open < job->wanted;
}

/* Wakes those whose jobs are decided, each once. */
static void wake_owners(struct dispatcher *d) {
    for (struct job *job = d->jobs; job; job = job->next)
        if (job->waited && job_is_decided(job)) {
            job->waited = false;
            d->sleepers--;
            pthread_cond_signal(&job->decided);
        }
}

/* The tasks that were sent before a frame of this order, and are still owed, are lost. */
static void settle_before(struct dispatcher *d, uint32_t worker, uint64_t order) {
    struct peer *peer = &d->peers[worker];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < peer->owed_count; i++) {
        if (peer->owed[i].order >= order) {
            peer->owed[kept++] = peer->owed[i];
            continue;
        }
        dispatcher_note_reply(d, worker, i, false);
        settle_task(d, peer->owed[i].job, worker, TASK_LOST, NULL);
    }
    peer->owed_count = kept;
}

/* Takes task i off what a worker owes. */
static void forget_owed(struct peer *peer, uint32_t i) {
    for (peer->owed_count--; i < peer->owed_count; i++)
        peer->owed[i] = peer->owed[i + 1];
}

/* An answer, or word that there is none. A cancelled task is declined out of turn, so only an answer tells
 * about older tasks. */
static void take_answer(struct dispatcher *d, uint32_t worker, struct frame *frame) {
    struct peer *peer = &d->peers[worker];
    uint32_t i = 0;
    while (i < peer->owed_count && peer->owed[i].job != frame->header.job)
        i++;
    if (i == peer->owed_count)
        return; /* given up earlier */
    struct job *job = dispatcher_find_job(d, frame->header.job);
    bool answered = frame->header.kind == FRAME_ANSWER;
    bool right = answered && job && frame->header.layer == job->layer && frame->header.dtype == job->dtype &&
                 frame->header.bytes == job->answer_bytes && frame->payload;
    if (answered && !job)
        lateness_note_pace(&peer->lateness, frame->header.took_us, peer->owed[i].usual_us, peer->heard_ns);
    bool in_time = dispatcher_note_reply(d, worker, i, answered && (right || !job));
    if (right) {
        job->tasks[worker].took_us = frame->header.took_us;
        job->others.answered += in_time;
        job->others.last_ns = in_time ? d->watched_ns : job->others.last_ns;
    }
    enum task_state state = right ? TASK_ANSWERED : answered ? TASK_LOST : TASK_DECLINED;
    settle_task(d, frame->header.job, worker, state, right ? &frame->payload : NULL);
    uint64_t order = peer->owed[i].order;
    forget_owed(peer, i);
    if (answered)
        settle_before(d, worker, order);
}

static void take_frame(struct dispatcher *d, uint32_t worker, struct frame *frame) {
    struct peer *peer = &d->peers[worker];
    peer->heard_ns = clock_now_ns();
    if (!peer_lives(peer))
        return;
    switch (frame->header.kind) {
    case FRAME_ANSWER:
    case FRAME_DECLINED:
        take_answer(d, worker, frame);
        break;
    case FRAME_READY:
    case FRAME_WANT:
    case FRAME_UNFIT:
        dispatcher_take_layer(d, worker, &frame->header);
        pthread_cond_broadcast(&d->changed);
        break;
    case FRAME_PROBED:
        dispatcher_take_probe(d, worker, frame);
        break;
    case FRAME_PONG:
        if (peer->ping && frame->header.job == peer->ping) {
            settle_before(d, worker, peer->ping);
            peer->ping = 0;
        }
        break;
    default:
        break; /* a kind that only a master sends: ignored */
    }
}

/* A frame whose checksum is wrong: nothing in it can be believed, but something was sent. Asks at once what
 * is missing. */
static void take_damaged(struct dispatcher *d, uint32_t worker) {
    struct peer *peer = &d->peers[worker];
    peer->heard_ns = 0;
    if (!peer->damage_logged)
        log_line(d->log, CONVOY_LOG_WARNING,
                 "worker %u sent a damaged frame, which counts as lost (said once)", worker);
    peer->damage_logged = true;
    dispatcher_lose_probe(d, worker);
}

/* Nothing more comes of what the worker was asked. */
static void forget_peer(struct dispatcher *d, uint32_t worker) {
    struct peer *peer = &d->peers[worker];
    settle_before(d, worker, UINT64_MAX);
    for (struct job *job = d->jobs; job; job = job->next) {
        struct job_task *task = &job->tasks[worker];
        if (!task_is_pending(task))
            continue;
        job->held -= !task->unawaited && task->state == TASK_HELD;
        job->open -= !task->unawaited;
        task->state = TASK_LOST;
    }
    peer->ping = 0;
    dispatcher_lose_probe(d, worker);
    pthread_cond_broadcast(&d->changed);
}

static uint32_t count_living(const struct dispatcher *d) {
    uint32_t living = 0;
    for (uint32_t w = 0; w < d->nodes; w++)
        living += d->peers[w].state == PEER_ALIVE;
    return living;
}

/* A worker less is a warning where fewer than needed are left. */
static void log_change(struct dispatcher *d, uint32_t worker, bool less, const char *what) {
    uint32_t living = count_living(d);
    bool enough = living >= d->needed;
    log_line(d->log, less && !enough ? CONVOY_LOG_WARNING : CONVOY_LOG_INFO,
             "worker %u %s: %u alive, %u %s needed", worker, what, living,
             enough ? living - d->needed : d->needed - living, enough ? "more than" : "fewer than");
}

/* The transport told of a change. */
static void take_change(struct dispatcher *d, uint32_t worker, enum transport_event event) {
    struct peer *peer = &d->peers[worker];
    switch (event) {
    case TRANSPORT_JOINED:
        forget_peer(d, worker);
        peer->state = PEER_ALIVE;
        peer->lateness = (struct lateness){0};
        dispatcher_reset_layers(d, worker);
        log_change(d, worker, false, "has joined");
        break;
    case TRANSPORT_LEFT:
        peer->state = PEER_LOST;
        forget_peer(d, worker);
        dispatcher_reset_layers(d, worker);
        log_change(d, worker, true, "is lost");
        break;
    case TRANSPORT_SUSPECTED:
        peer->state = PEER_SUSPECT;
        dispatcher_give_up_on(d, worker);
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
    uint64_t start_ns = clock_now_ns();
    enum transport_event event = d->transport->ops->poll(d->transport, deadline_ns, &worker, &frame);
    uint64_t end_ns = clock_now_ns();
    /* This may read the payload: not under the mutex. */
    bool valid = event == TRANSPORT_FRAME && transport_frame_valid(d->transport, &frame);
    pthread_mutex_lock(&d->mutex);
    dispatcher_watch(d, start_ns, end_ns, deadline_ns);
    if (event == TRANSPORT_TIMEOUT)
        dispatcher_find_late(d);
    else if (valid)
        take_frame(d, worker, &frame);
    else if (event == TRANSPORT_FRAME)
        take_damaged(d, worker);
    else
        take_change(d, worker, event);
    bool more = event != TRANSPORT_TIMEOUT && !(own && job_is_decided(own));
    wake_owners(d);
    pthread_mutex_unlock(&d->mutex);
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

/* The thread: drives while owners of jobs sleep, or none has come for a while. */
static void *dispatch(void *context) {
    struct dispatcher *d = context;
    pthread_mutex_lock(&d->mutex);
    while (!d->stop) {
        uint64_t now_ns = clock_now_ns();
        if (!d->driven && (d->sleepers || now_ns >= d->left_ns + LINGER_NS)) {
            drive(d, UINT64_MAX, NULL);
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
    free(d->peers);
    free(d);
}

convoy_status dispatcher_create(struct dispatcher **dispatcher, struct transport **take_transport,
                                uint32_t nodes, uint32_t needed, const struct log *log, convoy_error *error) {
    struct transport *transport = *take_transport;
    struct dispatcher *d = calloc(1, sizeof *d);
    struct peer *peers = calloc(nodes, sizeof *peers);
    if (!d || !peers) {
        free(d);
        free(peers);
        return error_memory(error);
    }
    *d = (struct dispatcher){.transport = transport,
                             .nodes = nodes,
                             .needed = needed,
                             .log = log,
                             .peers = peers,
                             .watched_ns = 1};
    for (uint32_t w = 0; w < nodes; w++)
        peers[w].state = transport->ops->state(transport, w);
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

void dispatcher_destroy(struct dispatcher **dispatcher) {
    struct dispatcher *d = dispatcher ? *dispatcher : NULL;
    if (!d)
        return;
    *dispatcher = NULL;
    dispatcher_stop(d);
    pthread_join(d->thread, NULL);
    d->transport->ops->destroy(&d->transport);
    dispatcher_free(d);
}

static enum worker_standing standing_of(struct dispatcher *d, uint32_t layer, uint32_t worker,
                                        uint64_t now_ns) {
    static const enum worker_standing standings[] = {[LATENESS_PROMPT] = WORKER_FREE,
                                                     [LATENESS_SLOW] = WORKER_SLOW,
                                                     [LATENESS_LATE] = WORKER_LATE,
                                                     [LATENESS_STALLED] = WORKER_STALLED};
    const struct peer *peer = &d->peers[worker];
    if (peer->state == PEER_ABSENT)
        return WORKER_ABSENT;
    if (peer->state == PEER_LOST)
        return WORKER_DEAD;
    if (holdings_at(&d->holdings, layer, worker)->state != HOLDING_READY)
        return WORKER_UNREADY;
    if (peer->state == PEER_SUSPECT)
        return WORKER_SILENT;
    return standings[lateness_judge(&peer->lateness, peer->owed_count > 0, now_ns)];
}

void dispatcher_standings(struct dispatcher *d, uint32_t layer, enum worker_standing *standings) {
    uint64_t now_ns = clock_now_ns();
    pthread_mutex_lock(&d->mutex);
    for (uint32_t w = 0; w < d->nodes; w++)
        standings[w] = standing_of(d, layer, w, now_ns);
    pthread_mutex_unlock(&d->mutex);
}

enum peer_state dispatcher_state(struct dispatcher *d, uint32_t worker) {
    pthread_mutex_lock(&d->mutex);
    enum peer_state state = d->peers[worker].state;
    pthread_mutex_unlock(&d->mutex);
    return state;
}

uint32_t dispatcher_living(struct dispatcher *d) {
    pthread_mutex_lock(&d->mutex);
    uint32_t living = count_living(d);
    pthread_mutex_unlock(&d->mutex);
    return living;
}

uint32_t dispatcher_wait_came(struct dispatcher *d, uint32_t wanted, uint64_t deadline_ns) {
    struct timespec until = clock_timespec(deadline_ns);
    uint32_t came;
    pthread_mutex_lock(&d->mutex);
    for (int waited = 0;; waited = pthread_cond_timedwait(&d->changed, &d->mutex, &until)) {
        came = 0;
        for (uint32_t w = 0; w < d->nodes; w++)
            came += d->peers[w].state != PEER_ABSENT;
        if (came >= wanted || waited)
            break;
    }
    pthread_mutex_unlock(&d->mutex);
    return came;
}

uint64_t dispatcher_payload_hash(const struct dispatcher *d, const struct buffer *payload) {
    return transport_payload_hash(d->transport, payload);
}

void dispatcher_submit(struct dispatcher *d, struct job *job) {
    init_condition(&job->decided);
    pthread_mutex_lock(&d->mutex);
    job->id = ++d->last_job;
    job->next = NULL;
    job->open = job->answered = job->held = job->wanted = 0;
    job->waited = false;
    job->hold_until_ns = clock_now_ns() + HOLD_FACTOR * job->usual_ns;
    struct job **at = &d->jobs;
    while (*at)
        at = &(*at)->next;
    *at = job;
    for (uint32_t w = 0; w < d->nodes; w++) {
        struct job_task *task = &job->tasks[w];
        if (task_is_pending(task) && !peer_lives(&d->peers[w]))
            task->state = TASK_LOST;
        if (!task_is_pending(task))
            continue;
        task->unawaited = !job->patient && (d->peers[w].lateness.late || d->peers[w].state == PEER_SUSPECT);
        job->held += !task->unawaited && task->state == TASK_HELD;
        job->open += !task->unawaited;
    }
    job->others = (struct lateness_others){.asked = job->open};
    dispatcher_send_due(d);
    pthread_mutex_unlock(&d->mutex);
}

void dispatcher_wait(struct dispatcher *d, struct job *job, uint32_t wanted, uint64_t deadline_ns,
                     enum task_state *states) {
    struct timespec until = clock_timespec(deadline_ns);
    pthread_mutex_lock(&d->mutex);
    job->wanted = wanted;
    if (job->held && d->driven && job_needs_held(job))
        d->transport->ops->wake(d->transport);
    for (bool late = false; !job_is_decided(job) && !late;) {
        if (d->driven) {
            d->sleepers += !job->waited;
            job->waited = true;
            late = pthread_cond_timedwait(&job->decided, &d->mutex, &until) != 0;
        } else {
            drive(d, deadline_ns, job);
            late = clock_now_ns() >= deadline_ns;
        }
    }
    d->sleepers -= job->waited;
    job->waited = false;
    d->left_ns = clock_now_ns();
    if (d->sleepers && !d->driven)
        pthread_cond_signal(&d->undriven);
    for (uint32_t w = 0; w < d->nodes; w++) {
        const struct job_task *task = &job->tasks[w];
        states[w] = task->unawaited && task_is_pending(task) ? TASK_LATE : task->state;
    }
    pthread_mutex_unlock(&d->mutex);
}

void dispatcher_finish(struct dispatcher *d, struct job *job) {
    bool wake = false;
    pthread_mutex_lock(&d->mutex);
    struct job **at = &d->jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    for (uint32_t w = 0; w < d->nodes; w++)
        wake = wake || job->tasks[w].state == TASK_SENT;
    d->cancels_due = d->cancels_due || wake;
    dispatcher_note_end(d, job);
    if (wake)
        dispatcher_send_due(d);
    pthread_mutex_unlock(&d->mutex);
    pthread_cond_destroy(&job->decided);
}

void job_release(struct job *job, uint32_t workers) {
    for (uint32_t w = 0; w < workers; w++) {
        buffer_release(&job->tasks[w].payload);
        buffer_release(&job->tasks[w].answer);
    }
}
