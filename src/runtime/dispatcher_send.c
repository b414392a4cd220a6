/* What the dispatcher sends: layers, tasks, cancellations, probes, and questions to the silent. */
#include "runtime/dispatcher_internal.h"

#include "base/clock.h"

/* Sends one frame; takes the payload. A peer that is gone is reported by the next poll, which settles what it
 * owes. */
static void send_frame(struct dispatcher *d, uint32_t worker, struct frame_header header,
                       struct buffer *take_payload, uint64_t payload_hash) {
    struct frame frame = {.header = header, .payload = take_payload};
    frame_seal(&frame, payload_hash);
    peer_note_frame(&d->assignments.peers[worker], clock_now_ns());
    d->transport->ops->send(d->transport, worker, &frame);
}

static void send_offer(struct dispatcher *d, uint32_t layer, uint32_t worker, struct holding *holding) {
    struct buffer *offer = buffer_create(sizeof holding->hash);
    if (!offer)
        return;
    *(struct content_hash *)offer->data = holding->hash;
    holding->state = HOLDING_OFFERED;
    send_frame(d, worker, (struct frame_header){.kind = FRAME_OFFER, .layer = layer}, offer,
               transport_payload_hash(d->transport, offer));
}

static void send_content(struct dispatcher *d, uint32_t layer, uint32_t worker, struct holding *holding) {
    struct buffer *content = holding->payload;
    holding->payload = NULL;
    holding->state = HOLDING_SENT;
    send_frame(d, worker, (struct frame_header){.kind = FRAME_LAYER, .layer = layer}, content,
               holding->payload_hash);
}

/* Sends the offers and contents that are due. */
static void send_layers(struct dispatcher *d) {
    struct holdings *holdings = &d->holdings;
    for (uint32_t layer = 0; holdings->due && layer < holdings->layers; layer++)
        for (uint32_t w = 0; w < d->nodes; w++) {
            struct holding *holding = holdings_at(holdings, layer, w);
            if (holding->state == HOLDING_OFFERING)
                send_offer(d, layer, w, holding);
            else if (holding->state == HOLDING_SENDING)
                send_content(d, layer, w, holding);
        }
    holdings->due = false;
}

/* Sends the probes that are due. */
static void send_probes(struct dispatcher *d) {
    for (uint32_t w = 0; d->probes && w < d->nodes; w++) {
        struct probe *probe = &d->probes[w];
        if (probe->state != PROBE_DUE)
            continue;
        probe->state = PROBE_SENT;
        probe->sent_ns = clock_now_ns();
        send_frame(d, w, (struct frame_header){.kind = FRAME_PROBE, .job = d->last_probe},
                   buffer_retain(d->probe_payload), d->probe_hash);
    }
}

/* Tells the transport whom it is to refuse from now on, or that it is to refuse nobody. */
static void settle_bans(struct dispatcher *d) {
    if (d->pardon_due)
        d->transport->ops->pardon(d->transport);
    d->pardon_due = false;
    for (uint32_t w = 0; w < d->nodes; w++) {
        struct peer *peer = &d->assignments.peers[w];
        if (peer->ban_due)
            d->transport->ops->ban(d->transport, w);
        peer->ban_due = false;
    }
}

static void send_cancels(struct dispatcher *d) {
    for (uint32_t w = 0; d->assignments.cancels_due && w < d->nodes; w++)
        for (uint64_t job; (job = assignments_take_cancel(&d->assignments, w)) != 0;)
            send_frame(d, w, (struct frame_header){.kind = FRAME_CANCEL, .job = job}, NULL, 0);
    d->assignments.cancels_due = false;
}

static void send_tasks(struct dispatcher *d) {
    for (struct job *job = d->assignments.jobs.first; job; job = job->next)
        for (uint32_t w = 0; w < d->nodes; w++) {
            struct job_task *task = &job->tasks[w];
            if (!assignments_sends(&d->assignments, job, w) ||
                holdings_at(&d->holdings, job->layer, w)->state != HOLDING_READY)
                continue;
            struct buffer *payload = task->payload;
            task->payload = NULL;
            send_frame(d, w,
                       (struct frame_header){
                           .kind = FRAME_TASK, .layer = job->layer, .job = job->id, .dtype = job->dtype},
                       payload, task->payload_hash);
            assignments_note_task(&d->assignments, job, w);
        }
}

/* Pings the workers that owe an answer and are silent. Returns when to look again. */
static uint64_t send_pings(struct dispatcher *d) {
    uint64_t next_ns = UINT64_MAX, now_ns = clock_now_ns();
    for (uint32_t w = 0; w < d->nodes; w++) {
        struct peer *peer = &d->assignments.peers[w];
        uint64_t ping_ns = peer_ping_ns(peer);
        if (now_ns >= ping_ns)
            send_frame(d, w, (struct frame_header){.kind = FRAME_PING, .job = peer_begin_ping(peer)}, NULL,
                       0);
        else if (ping_ns < next_ns)
            next_ns = ping_ns;
    }
    return next_ns;
}

uint64_t dispatcher_send_all(struct dispatcher *d) {
    uint64_t next_ns = assignments_release_held(&d->assignments, clock_now_ns());
    settle_bans(d);
    send_layers(d);
    send_cancels(d);
    send_tasks(d);
    send_probes(d);
    uint64_t ping_ns = send_pings(d), look_ns = assignments_look_ns(&d->assignments);
    next_ns = ping_ns < next_ns ? ping_ns : next_ns;
    if (look_ns == UINT64_MAX)
        return next_ns;
    look_ns += clock_now_ns();
    return look_ns < next_ns ? look_ns : next_ns;
}

void dispatcher_send_due(struct dispatcher *d) {
    if (d->driven)
        d->transport->ops->wake(d->transport);
    else
        dispatcher_send_all(d);
}
