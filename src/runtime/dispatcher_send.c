/* What the dispatcher sends: tasks, cancellations, and questions to the silent. */
#include "runtime/dispatcher_internal.h"

#include "base/clock.h"

#define PING_AFTER_NS (20 * NS_PER_MS) /* of silence of a worker that owes an answer */

struct job *dispatcher_find_job(struct dispatcher *d, uint64_t id) {
    struct job *job = d->jobs;
    while (job && job->id != id)
        job = job->next;
    return job;
}

void dispatcher_send(struct dispatcher *d, uint32_t worker, struct frame_header header,
                     struct buffer *take_payload, uint64_t payload_hash) {
    struct frame frame = {.header = header, .payload = take_payload};
    frame_seal(&frame, payload_hash);
    d->peers[worker].order++;
    d->peers[worker].heard_ns = clock_now_ns();
    d->transport->ops->send(d->transport, worker, &frame);
}

static void send_cancels(struct dispatcher *d) {
    for (uint32_t w = 0; d->cancels_due && w < d->nodes; w++) {
        struct peer *peer = &d->peers[w];
        for (uint32_t i = 0; i < peer->owed_count; i++) {
            struct owed *owed = &peer->owed[i];
            if (owed->cancelled || owed->background || dispatcher_find_job(d, owed->job))
                continue;
            owed->cancelled = true;
            dispatcher_send(d, w, (struct frame_header){.kind = FRAME_CANCEL, .job = owed->job}, NULL, 0);
        }
    }
    d->cancels_due = false;
}

static void send_tasks(struct dispatcher *d) {
    for (struct job *job = d->jobs; job; job = job->next)
        for (uint32_t w = 0; w < d->nodes; w++) {
            struct peer *peer = &d->peers[w];
            struct job_task *task = &job->tasks[w];
            uint32_t ahead =
                task->unawaited ? 1 : TASKS_AHEAD; /* a late worker is asked for one thing at a time */
            if (task->state != TASK_WAITING || peer->owed_count >= ahead ||
                holdings_at(&d->holdings, job->layer, w)->state != HOLDING_READY)
                continue;
            struct buffer *payload = task->payload;
            task->payload = NULL;
            task->state = TASK_SENT;
            dispatcher_send(d, w,
                            (struct frame_header){
                                .kind = FRAME_TASK, .layer = job->layer, .job = job->id, .dtype = job->dtype},
                            payload, task->payload_hash);
            peer->owed[peer->owed_count++] = (struct owed){.job = job->id,
                                                           .order = peer->order,
                                                           .sent_ns = d->watched_ns,
                                                           .longest_ns = job->longest_ns,
                                                           .background = peer->lateness.late};
        }
}

/* Pings the workers that owe an answer and are silent. Returns when to look again. */
static uint64_t send_pings(struct dispatcher *d) {
    uint64_t next_ns = UINT64_MAX, now_ns = clock_now_ns();
    for (uint32_t w = 0; w < d->nodes; w++) {
        struct peer *peer = &d->peers[w];
        if (!peer->owed_count || peer->ping || !peer_lives(peer))
            continue;
        if (now_ns >= peer->heard_ns + PING_AFTER_NS) {
            peer->ping = peer->order + 1;
            dispatcher_send(d, w, (struct frame_header){.kind = FRAME_PING, .job = peer->ping}, NULL, 0);
        } else if (peer->heard_ns + PING_AFTER_NS < next_ns) {
            next_ns = peer->heard_ns + PING_AFTER_NS;
        }
    }
    return next_ns;
}

/* Tasks that are held back go out where the others cannot suffice, or take long. Returns when to look again.
 */
static uint64_t release_held(struct dispatcher *d) {
    uint64_t next_ns = UINT64_MAX, now_ns = clock_now_ns();
    for (struct job *job = d->jobs; job; job = job->next) {
        if (!job->held)
            continue;
        if (now_ns < job->hold_until_ns && !job_needs_held(job)) {
            if (job->hold_until_ns < next_ns)
                next_ns = job->hold_until_ns;
            continue;
        }
        for (uint32_t w = 0; w < d->nodes; w++)
            if (job->tasks[w].state == TASK_HELD)
                job->tasks[w].state = TASK_WAITING;
        job->held = 0;
    }
    return next_ns;
}

uint64_t dispatcher_send_all(struct dispatcher *d) {
    uint64_t look_ns = release_held(d);
    dispatcher_send_layers(d);
    send_cancels(d);
    send_tasks(d);
    dispatcher_send_probes(d);
    uint64_t ping_ns = send_pings(d), late_ns = dispatcher_next_look(d);
    look_ns = ping_ns < look_ns ? ping_ns : look_ns;
    return late_ns < look_ns ? late_ns : look_ns;
}

void dispatcher_send_due(struct dispatcher *d) {
    if (d->driven)
        d->transport->ops->wake(d->transport);
    else
        dispatcher_send_all(d);
}
