/* Who holds which layer. A worker is offered a layer by its content's hash, and gets the content only if it
 * lacks it: one that comes back keeps what it holds. What nobody made yet is made by the supplier
 * (supplier.h), for all workers that lack it at once. */
#include "runtime/dispatcher_internal.h"

#include "base/clock.h"

#define MOST_LOSSES  3 /* of a layer by a worker: one whose memory is that bad does not get it again */
#define LAYERS_AHEAD 2 /* layers on the way to one worker: bounds the memory of contents at hand */

void dispatcher_send_layers(struct dispatcher *d) {
    struct holdings *holdings = &d->holdings;
    for (uint32_t layer = 0; d->layers_due && layer < holdings->layers; layer++)
        for (uint32_t w = 0; w < d->nodes; w++) {
            struct holding *holding = holdings_at(holdings, layer, w);
            if (holding->state == HOLDING_OFFERING) {
                struct buffer *offer = buffer_create(sizeof holding->hash);
                if (!offer)
                    continue;
                *(struct content_hash *)offer->data = holding->hash;
                holding->state = HOLDING_OFFERED;
                dispatcher_send(d, w, (struct frame_header){.kind = FRAME_OFFER, .layer = layer}, offer,
                                transport_payload_hash(d->transport, offer));
            } else if (holding->state == HOLDING_SENDING) {
                struct buffer *content = holding->payload;
                holding->payload = NULL;
                holding->state = HOLDING_SENT;
                dispatcher_send(d, w, (struct frame_header){.kind = FRAME_LAYER, .layer = layer}, content,
                                holding->payload_hash);
            }
        }
    d->layers_due = false;
}

/* A worker has lost what it held, and wants it anew. */
static void take_loss(struct dispatcher *d, uint32_t worker, uint32_t layer, struct holding *holding) {
    bool again = ++holding->losses <= MOST_LOSSES;
    holding->state = again ? HOLDING_WANTED : HOLDING_UNFIT;
    log_line(d->log, CONVOY_LOG_WARNING, "worker %u found its filters of layer number %u damaged: %s", worker,
             layer, again ? "they are sent again" : "it does not get them once more");
    pthread_cond_signal(&d->gap);
}

void dispatcher_take_layer(struct dispatcher *d, uint32_t worker, const struct frame_header *header) {
    if (header->layer >= d->holdings.layers)
        return;
    struct holding *holding = holdings_at(&d->holdings, header->layer, worker);
    bool offered = holding->state == HOLDING_OFFERED;
    if (holding->state == HOLDING_READY && header->kind == FRAME_WANT) {
        take_loss(d, worker, header->layer, holding);
        return;
    }
    if (!offered && (holding->state != HOLDING_SENT || header->kind == FRAME_WANT))
        return; /* not an answer to anything */
    switch (header->kind) {
    case FRAME_READY:
        holding->state = HOLDING_READY;
        buffer_release(&holding->payload);
        break;
    case FRAME_WANT:
        holding->state = holding->payload ? HOLDING_SENDING : HOLDING_WANTED;
        d->layers_due = d->layers_due || holding->payload;
        break;
    default:
        holding->state = HOLDING_UNFIT;
        buffer_release(&holding->payload);
        log_line(d->log, CONVOY_LOG_WARNING, "worker %u cannot hold layer number %u", worker, header->layer);
    }
    pthread_cond_signal(&d->gap);
}

void dispatcher_reset_layers(struct dispatcher *d, uint32_t worker) {
    struct holdings *holdings = &d->holdings;
    holdings_forget(holdings, worker);
    if (!peer_lives(&d->peers[worker]))
        return;
    for (uint32_t layer = 0; layer < holdings->layers; layer++) {
        struct holding *holding = holdings_at(holdings, layer, worker);
        if (holding->hash_known && !holdings->removed[layer])
            holding->state = HOLDING_OFFERING;
    }
    d->layers_due = true;
    pthread_cond_signal(&d->gap);
}

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
    for (uint32_t w = 0; w < d->nodes; w++) {
        enum holding_state state = holdings_at(&d->holdings, layer, w)->state;
        if (peer_lives(&d->peers[w]) && (state == HOLDING_MISSING || state == HOLDING_WANTED) &&
            holdings_count(&d->holdings, w).under_way < LAYERS_AHEAD)
            workers[count++] = w;
    }
    return count;
}

bool dispatcher_next_gap(struct dispatcher *d, uint32_t *layer, uint32_t *workers, uint32_t *count) {
    pthread_mutex_lock(&d->mutex);
    for (*count = 0; !d->stop && !*count;) {
        for (*layer = 0; *layer < d->holdings.layers; ++*layer)
            if (!d->holdings.removed[*layer] && (*count = find_gap(d, *layer, workers)) > 0)
                break;
        if (!*count)
            pthread_cond_wait(&d->gap, &d->mutex);
    }
    for (uint32_t i = 0; i < *count; i++) {
        struct holding *holding = holdings_at(&d->holdings, *layer, workers[i]);
        holding->wanted = holding->state == HOLDING_WANTED;
        holding->state = HOLDING_MAKING;
    }
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
    struct holding *holding = holdings_at(&d->holdings, layer, worker);
    if (holding->state == HOLDING_MAKING &&
        !d->holdings.removed[layer]) { /* else it came anew or left meanwhile */
        holding->state = !content ? HOLDING_UNFIT : holding->wanted ? HOLDING_SENDING : HOLDING_OFFERING;
        holding->hash_known = content;
        holding->hash = hash;
        holding->payload = content;
        holding->payload_hash = payload_hash;
        d->layers_due = true;
        content = NULL;
    }
    if (holding->state == HOLDING_UNFIT)
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
        bool lives = peer_lives(&d->peers[w]);
        readiness.held += lives ? count.ready : 0;
        readiness.ready += lives && count.ready == count.all;
        readiness.settled += d->peers[w].state == PEER_LOST || (lives && !count.lacking);
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
        if (now.settled >= wanted)
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
