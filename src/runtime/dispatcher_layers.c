/* Layers on their way to the workers: what the supplier (supplier.h) asks and tells, and what a thread that
 * waits for them sees. Filters that were not made yet the supplier makes, for all workers that lack them at
 * once. */
#include "runtime/dispatcher_internal.h"

#include "base/clock.h"

convoy_status dispatcher_add_layer(struct dispatcher *d, uint32_t *layer) {
    pthread_mutex_lock(&d->mutex);
    convoy_status status = holdings_add(&d->holdings, layer);
    pthread_cond_signal(&d->gap);
    pthread_mutex_unlock(&d->mutex);
    return status;
}

void dispatcher_remove_layer(struct dispatcher *d, uint32_t layer) {
    pthread_mutex_lock(&d->mutex);
    holdings_remove(&d->holdings, layer);
    pthread_mutex_unlock(&d->mutex);
}

/* The workers that lack this layer and have room for one more. */
static uint32_t find_gap(const struct dispatcher *d, uint32_t layer, uint32_t *workers) {
    uint32_t count = 0;
    for (uint32_t w = 0; w < d->nodes; w++)
        if (peer_lives(&d->assignments.peers[w]) && holdings_has_gap(&d->holdings, layer, w))
            workers[count++] = w;
    return count;
}

bool dispatcher_next_gap(struct dispatcher *d, uint32_t *layer, uint32_t *workers, uint32_t *count) {
    pthread_mutex_lock(&d->mutex);
    for (*count = 0; !d->stop && !*count;) {
        for (*layer = 0; *layer < d->holdings.layers; ++*layer)
            if ((*count = find_gap(d, *layer, workers)) > 0)
                break;
        if (!*count)
            pthread_cond_wait(&d->gap, &d->mutex);
    }
    for (uint32_t i = 0; i < *count; i++)
        holdings_begin(&d->holdings, *layer, workers[i]);
    bool more = !d->stop;
    pthread_mutex_unlock(&d->mutex);
    return more;
}

void dispatcher_supply(struct dispatcher *d, uint32_t layer, uint32_t worker, struct buffer **take_content) {
    struct buffer *content = *take_content;
    *take_content = NULL;
    struct content_hash hash = {0};
    uint64_t payload_hash = 0;
    if (content) {
        hash = frame_content_hash(content);
        payload_hash = transport_payload_hash(d->transport, content);
    }
    pthread_mutex_lock(&d->mutex);
    if (!holdings_supply(&d->holdings, layer, worker, &content, hash, payload_hash))
        log_line(d->log, CONVOY_LOG_WARNING, "layer number %u could not be coded for worker %u", layer,
                 worker);
    dispatcher_send_due(d);
    pthread_mutex_unlock(&d->mutex);
    buffer_release(&content);
}

/* Sums up who holds what. */
static struct readiness {
    uint32_t ready, settled; /* workers that hold all; workers for which there is nothing to wait */
    size_t held;             /* layers, over all workers */
} look(const struct dispatcher *d) {
    struct readiness readiness = {0};
    for (uint32_t w = 0; w < d->nodes; w++) {
        struct holdings_count count = holdings_count(&d->holdings, w);
        bool lives = peer_lives(&d->assignments.peers[w]);
        readiness.held += lives ? count.ready : 0;
        readiness.ready += lives && count.ready == count.all;
        readiness.settled += d->assignments.peers[w].state == PEER_LOST || (lives && !count.lacking);
    }
    return readiness;
}

uint32_t dispatcher_wait_ready(struct dispatcher *d, uint32_t wanted, uint64_t grace_ns, uint64_t patience_ns,
                               void (*progress)(void *context, size_t done, size_t total), void *context) {
    struct readiness now = {0};
    size_t held = 0;
    bool graced = false;
    uint64_t deadline_ns = clock_now_ns() + patience_ns;
    pthread_mutex_lock(&d->mutex);
    for (int waited = 0; !waited;) {
        size_t total = (size_t)wanted * d->holdings.layers;
        now = look(d);
        if (now.held > held) { /* more than ever: a worker that loses and gets a layer again is no progress */
            if (!graced)
                deadline_ns = clock_now_ns() + patience_ns;
            held = now.held;
        }
        if (progress)
            progress(context, held < total ? held : total, total);
        if (now.settled >= wanted || d->cancelled)
            break;
        if (now.ready >= d->needed && !graced) {
            graced = true;
            deadline_ns = clock_now_ns() + grace_ns;
        }
        struct timespec until = clock_timespec(deadline_ns);
        waited = pthread_cond_timedwait(&d->changed, &d->mutex, &until);
    }
    pthread_mutex_unlock(&d->mutex);
    return now.ready;
}
