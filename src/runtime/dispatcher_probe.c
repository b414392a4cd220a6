/* Probes: what workers are asked to measure, and when their answers came. They are sent and taken in by who
 * drives, so that their times are those of frames and of no hop between threads. */
#include "runtime/dispatcher_internal.h"

#include "base/clock.h"

void dispatcher_take_probe(struct dispatcher *d, uint32_t worker, struct frame *frame) {
    struct probe *probe = d->probes ? &d->probes[worker] : NULL;
    if (!probe || probe->state != PROBE_SENT || frame->header.job != d->last_probe)
        return; /* given up earlier */
    probe->state = PROBE_ANSWERED;
    probe->came_ns = d->assignments.peers[worker].heard_ns;
    probe->took_us = frame->header.took_us;
    probe->answer = frame->payload;
    frame->payload = NULL;
    pthread_cond_broadcast(&d->changed);
}

void dispatcher_lose_probe(struct dispatcher *d, uint32_t worker) {
    if (!d->probes || (d->probes[worker].state != PROBE_DUE && d->probes[worker].state != PROBE_SENT))
        return;
    d->probes[worker].state = PROBE_LOST;
    pthread_cond_broadcast(&d->changed);
}

static bool any_is_out(const struct dispatcher *d) {
    for (uint32_t w = 0; w < d->nodes; w++)
        if (d->probes[w].state == PROBE_DUE || d->probes[w].state == PROBE_SENT)
            return true;
    return false;
}

void dispatcher_probe(struct dispatcher *d, struct buffer *payload, struct probe *probes,
                      uint64_t deadline_ns) {
    struct timespec until = clock_timespec(deadline_ns);
    const uint64_t hash = transport_payload_hash(d->transport, payload);
    pthread_mutex_lock(&d->mutex);
    d->probes = probes;
    d->probe_payload = payload;
    d->probe_hash = hash;
    d->last_probe++;
    for (uint32_t w = 0; w < d->nodes; w++)
        if (!peer_lives(&d->assignments.peers[w]))
            dispatcher_lose_probe(d, w);
    dispatcher_send_due(d);
    while (any_is_out(d) && !d->cancelled && pthread_cond_timedwait(&d->changed, &d->mutex, &until) == 0)
        continue;
    for (uint32_t w = 0; w < d->nodes; w++)
        dispatcher_lose_probe(d, w);
    d->probes = NULL;
    d->probe_payload = NULL;
    pthread_mutex_unlock(&d->mutex);
}
