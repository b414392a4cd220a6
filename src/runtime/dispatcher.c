#include "runtime/dispatcher.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdlib.h>

#define TASKS_AHEAD   2                /* unanswered tasks of one worker */
#define PING_AFTER_NS (20 * NS_PER_MS) /* of silence of a worker that owes an answer */

/* A task that a worker has not answered. */
struct owed {
    uint64_t job;
    uint64_t order; /* position among all frames sent to this worker */
    uint64_t sent_ns, allowance_ns;
    bool cancelled; /* the worker was told to forget it */
};

struct peer {
    struct owed owed[TASKS_AHEAD]; /* [owed_count], oldest first */
    uint32_t owed_count;
    uint64_t order;    /* frames sent so far */
    uint64_t ping;     /* order of the ping that is under way; 0: none */
    uint64_t heard_ns; /* when it last sent or was last sent something */
    bool lost;
    bool damage_logged;
    uint32_t layers_sent, layers_settled, layers_ready;
};

/* A layer's filters on the way to a worker. */
struct delivery {
    struct delivery *next;
    uint32_t worker, layer;
    struct buffer *payload;
    uint64_t payload_hash;
};

struct dispatcher {
    struct transport *transport; /* the thread's own, but for wake */
    uint32_t workers;
    const struct log *log;
    pthread_t thread;

    pthread_mutex_t mutex; /* guards all that follows */
    pthread_cond_t changed;
    bool stop;
    uint64_t last_job;
    struct job *jobs;               /* open, oldest first */
    struct delivery *first, **last; /* to send, in order */
    bool cancels_due;               /* some worker owes an answer to a job that is closed and was not told */
    struct peer *peers;             /* [workers] */
};

static struct job *find_job(struct dispatcher *d, uint64_t id) {
    struct job *job = d->jobs;
    while (job && job->id != id)
        job = job->next;
    return job;
}

static void settle_task(struct dispatcher *d, uint64_t job_id, uint32_t worker, enum task_state state,
                        struct buffer **answer) {
    struct job *job = find_job(d, job_id);
    if (!job || job->tasks[worker].state != TASK_SENT)
        return;
    job->tasks[worker].state = state;
    if (answer) {
        job->tasks[worker].answer = *answer;
        *answer = NULL;
    }
    pthread_cond_broadcast(&d->changed);
}

/* The tasks that were sent before a frame of this order, and are still owed, are lost. */
static void settle_before(struct dispatcher *d, uint32_t worker, uint64_t order) {
    struct peer *peer = &d->peers[worker];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < peer->owed_count; i++) {
        if (peer->owed[i].order < order)
            settle_task(d, peer->owed[i].job, worker, TASK_LOST, NULL);
        else
            peer->owed[kept++] = peer->owed[i];
    }
    peer->owed_count = kept;
}

/* Sends one frame; takes the payload. */
static void send_frame(struct dispatcher *d, uint32_t worker, struct frame_header header,
                       struct buffer *take_payload, uint64_t payload_hash) {
    struct frame frame = {.header = header, .payload = take_payload};
    frame_seal(&frame, payload_hash);
    d->peers[worker].order++;
    d->peers[worker].heard_ns = clock_now_ns();
    /* A peer that is gone is reported by the next poll, and settles what it owes. */
    d->transport->ops->send(d->transport, worker, &frame);
}

static void send_deliveries(struct dispatcher *d) {
    while (d->first) {
        struct delivery *delivery = d->first;
        d->first = delivery->next;
        send_frame(d, delivery->worker, (struct frame_header){.kind = FRAME_LAYER, .layer = delivery->layer},
                   delivery->payload, delivery->payload_hash);
        free(delivery);
    }
    d->last = &d->first;
}

static void send_cancels(struct dispatcher *d) {
    for (uint32_t w = 0; d->cancels_due && w < d->workers; w++) {
        struct peer *peer = &d->peers[w];
        for (uint32_t i = 0; i < peer->owed_count; i++) {
            struct owed *owed = &peer->owed[i];
            if (owed->cancelled || find_job(d, owed->job))
                continue;
            owed->cancelled = true;
            send_frame(d, w, (struct frame_header){.kind = FRAME_CANCEL, .job = owed->job}, NULL, 0);
        }
    }
    d->cancels_due = false;
}

static void send_tasks(struct dispatcher *d) {
    for (struct job *job = d->jobs; job; job = job->next)
        for (uint32_t w = 0; w < d->workers; w++) {
            struct peer *peer = &d->peers[w];
            struct job_task *task = &job->tasks[w];
            if (task->state != TASK_WAITING || peer->owed_count == TASKS_AHEAD)
                continue;
            struct buffer *payload = task->payload;
            task->payload = NULL;
            task->state = TASK_SENT;
            send_frame(d, w,
                       (struct frame_header){
                           .kind = FRAME_TASK, .layer = job->layer, .job = job->id, .dtype = job->dtype},
                       payload, task->payload_hash);
            peer->owed[peer->owed_count++] = (struct owed){.job = job->id,
                                                           .order = peer->order,
                                                           .sent_ns = clock_now_ns(),
                                                           .allowance_ns = job->allowance_ns};
        }
}

/* Pings the workers that owe an answer and are silent. Returns when to look again. */
static uint64_t send_pings(struct dispatcher *d) {
    uint64_t next_ns = UINT64_MAX, now_ns = clock_now_ns();
    for (uint32_t w = 0; w < d->workers; w++) {
        struct peer *peer = &d->peers[w];
        if (!peer->owed_count || peer->ping || peer->lost)
            continue;
        if (now_ns >= peer->heard_ns + PING_AFTER_NS) {
            peer->ping = peer->order + 1;
            send_frame(d, w, (struct frame_header){.kind = FRAME_PING, .job = peer->ping}, NULL, 0);
        } else if (peer->heard_ns + PING_AFTER_NS < next_ns) {
            next_ns = peer->heard_ns + PING_AFTER_NS;
        }
    }
    return next_ns;
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
    const struct job *job = find_job(d, frame->header.job);
    bool answered = frame->header.kind == FRAME_ANSWER;
    bool right = answered && job && frame->header.layer == job->layer && frame->header.dtype == job->dtype &&
                 frame->header.bytes == job->answer_bytes && frame->payload;
    settle_task(d, frame->header.job, worker, right ? TASK_ANSWERED : TASK_LOST,
                right ? &frame->payload : NULL);
    uint64_t order = peer->owed[i].order;
    forget_owed(peer, i);
    if (answered)
        settle_before(d, worker, order);
}

static void take_frame(struct dispatcher *d, uint32_t worker, struct frame *frame) {
    struct peer *peer = &d->peers[worker];
    peer->heard_ns = clock_now_ns();
    if (peer->lost)
        return;
    switch (frame->header.kind) {
    case FRAME_ANSWER:
        take_answer(d, worker, frame);
        break;
    case FRAME_DECLINED:
        if (frame->header.job)
            take_answer(d, worker, frame);
        else if (peer->layers_settled++ == peer->layers_ready)
            log_line(d->log, CONVOY_LOG_WARNING, "worker %u cannot hold a layer that it was sent", worker);
        break;
    case FRAME_READY:
        peer->layers_settled++;
        peer->layers_ready++;
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
    pthread_cond_broadcast(&d->changed);
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
}

static void take_loss(struct dispatcher *d, uint32_t worker) {
    struct peer *peer = &d->peers[worker];
    if (peer->lost || d->transport->ops->state(d->transport, worker) != PEER_LOST)
        return;
    peer->lost = true;
    settle_before(d, worker, UINT64_MAX);
    for (struct job *job = d->jobs; job; job = job->next)
        if (job->tasks[worker].state == TASK_WAITING)
            job->tasks[worker].state = TASK_LOST;
    pthread_cond_broadcast(&d->changed);
    log_line(d->log, CONVOY_LOG_WARNING, "worker %u is lost", worker);
}

static void *dispatch(void *context) {
    struct dispatcher *d = context;
    pthread_mutex_lock(&d->mutex);
    while (!d->stop) {
        send_deliveries(d);
        send_cancels(d);
        send_tasks(d);
        uint64_t deadline_ns = send_pings(d);
        pthread_mutex_unlock(&d->mutex);

        uint32_t worker = 0;
        struct frame frame = {0};
        enum transport_event event = d->transport->ops->poll(d->transport, deadline_ns, &worker, &frame);
        bool valid =
            event == TRANSPORT_FRAME && frame_valid(&frame); /* reads the payload: not under the mutex */

        pthread_mutex_lock(&d->mutex);
        if (event == TRANSPORT_PEER)
            take_loss(d, worker);
        else if (valid)
            take_frame(d, worker, &frame);
        else if (event == TRANSPORT_FRAME)
            take_damaged(d, worker);
        frame_release(&frame);
    }
    pthread_mutex_unlock(&d->mutex);
    return NULL;
}

static void dispatcher_wake(struct dispatcher *d) {
    d->transport->ops->wake(d->transport);
}

convoy_status dispatcher_create(struct dispatcher **dispatcher, struct transport **take_transport,
                                uint32_t workers, const struct log *log, convoy_error *error) {
    struct dispatcher *d = calloc(1, sizeof *d);
    struct peer *peers = calloc(workers, sizeof *peers);
    if (!d || !peers) {
        free(d);
        free(peers);
        return error_memory(error);
    }
    d->transport = *take_transport;
    d->workers = workers;
    d->log = log;
    d->peers = peers;
    d->last = &d->first;
    pthread_mutex_init(&d->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&d->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&d->thread, NULL, dispatch, d) != 0) {
        pthread_cond_destroy(&d->changed);
        pthread_mutex_destroy(&d->mutex);
        free(peers);
        free(d);
        return error_set(error, CONVOY_E_INTERNAL, "no thread could be started for the cluster");
    }
    *take_transport = NULL;
    *dispatcher = d;
    return CONVOY_OK;
}

void dispatcher_destroy(struct dispatcher **dispatcher) {
    struct dispatcher *d = dispatcher ? *dispatcher : NULL;
    if (!d)
        return;
    *dispatcher = NULL;
    pthread_mutex_lock(&d->mutex);
    d->stop = true;
    pthread_mutex_unlock(&d->mutex);
    dispatcher_wake(d);
    pthread_join(d->thread, NULL);
    d->transport->ops->destroy(&d->transport);
    while (d->first) {
        struct delivery *delivery = d->first;
        d->first = delivery->next;
        buffer_release(&delivery->payload);
        free(delivery);
    }
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->mutex);
    free(d->peers);
    free(d);
}

convoy_status dispatcher_send_layer(struct dispatcher *d, uint32_t worker, uint32_t layer,
                                    struct buffer **take_payload) {
    struct delivery *delivery = malloc(sizeof *delivery);
    if (!delivery) {
        buffer_release(take_payload);
        return CONVOY_E_MEMORY;
    }
    *delivery = (struct delivery){.worker = worker,
                                  .layer = layer,
                                  .payload = *take_payload,
                                  .payload_hash = frame_payload_hash(*take_payload)};
    *take_payload = NULL;
    pthread_mutex_lock(&d->mutex);
    *d->last = delivery;
    d->last = &delivery->next;
    d->peers[worker].layers_sent++;
    pthread_mutex_unlock(&d->mutex);
    dispatcher_wake(d);
    return CONVOY_OK;
}

uint32_t dispatcher_wait_ready(struct dispatcher *d, uint32_t enough, uint64_t grace_ns,
                               uint64_t deadline_ns) {
    uint32_t ready;
    pthread_mutex_lock(&d->mutex);
    for (bool graced = false;;) {
        uint32_t waited_for = 0;
        ready = 0;
        for (uint32_t w = 0; w < d->workers; w++) {
            const struct peer *peer = &d->peers[w];
            if (peer->lost)
                continue;
            ready += peer->layers_ready == peer->layers_sent;
            waited_for += peer->layers_settled < peer->layers_sent;
        }
        if (ready >= enough && !graced) {
            graced = true;
            uint64_t until_ns = clock_now_ns() + grace_ns;
            deadline_ns = until_ns < deadline_ns ? until_ns : deadline_ns;
        }
        struct timespec until = clock_timespec(deadline_ns);
        if (!waited_for || pthread_cond_timedwait(&d->changed, &d->mutex, &until) != 0)
            break;
    }
    pthread_mutex_unlock(&d->mutex);
    return ready;
}

void dispatcher_standings(struct dispatcher *d, enum worker_standing *standings) {
    uint64_t now_ns = clock_now_ns();
    pthread_mutex_lock(&d->mutex);
    for (uint32_t w = 0; w < d->workers; w++) {
        const struct peer *peer = &d->peers[w];
        const struct owed *oldest = &peer->owed[0];
        standings[w] = WORKER_FREE;
        if (peer->lost)
            standings[w] = WORKER_DEAD;
        else if (peer->owed_count && now_ns > oldest->sent_ns + oldest->allowance_ns)
            standings[w] = WORKER_STALLED;
    }
    pthread_mutex_unlock(&d->mutex);
}

void dispatcher_submit(struct dispatcher *d, struct job *job) {
    pthread_mutex_lock(&d->mutex);
    job->id = ++d->last_job;
    job->next = NULL;
    struct job **at = &d->jobs;
    while (*at)
        at = &(*at)->next;
    *at = job;
    for (uint32_t w = 0; w < d->workers; w++)
        if (job->tasks[w].state == TASK_WAITING && d->peers[w].lost)
            job->tasks[w].state = TASK_LOST;
    pthread_mutex_unlock(&d->mutex);
    dispatcher_wake(d);
}

uint32_t dispatcher_wait(struct dispatcher *d, struct job *job, uint32_t settled, uint64_t deadline_ns,
                         enum task_state *states) {
    struct timespec until = clock_timespec(deadline_ns);
    uint32_t now_settled;
    pthread_mutex_lock(&d->mutex);
    for (int waited = 0;; waited = pthread_cond_timedwait(&d->changed, &d->mutex, &until)) {
        now_settled = 0;
        for (uint32_t w = 0; w < d->workers; w++) {
            states[w] = job->tasks[w].state;
            now_settled += states[w] == TASK_ANSWERED || states[w] == TASK_LOST;
        }
        if (now_settled > settled || waited)
            break;
    }
    pthread_mutex_unlock(&d->mutex);
    return now_settled;
}

void dispatcher_finish(struct dispatcher *d, struct job *job) {
    bool wake = false;
    pthread_mutex_lock(&d->mutex);
    struct job **at = &d->jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    for (uint32_t w = 0; w < d->workers; w++)
        wake = wake || job->tasks[w].state == TASK_SENT;
    d->cancels_due = d->cancels_due || wake;
    pthread_mutex_unlock(&d->mutex);
    if (wake)
        dispatcher_wake(d);
}

void job_release(struct job *job, uint32_t workers) {
    for (uint32_t w = 0; w < workers; w++) {
        buffer_release(&job->tasks[w].payload);
        buffer_release(&job->tasks[w].answer);
    }
}
