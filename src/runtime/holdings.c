#include "runtime/holdings.h"

#include <stdlib.h>

#define MOST_LOSSES  3 /* of a layer by a worker: one whose memory is that bad does not get it again */
#define LAYERS_AHEAD 2 /* layers on the way to one worker: bounds the memory of contents at hand */

void holdings_init(struct holdings *holdings, uint32_t nodes) {
    *holdings = (struct holdings){.nodes = nodes};
}

void holdings_clear(struct holdings *holdings) {
    for (uint32_t layer = 0; layer < holdings->layers; layer++)
        holdings_remove(holdings, layer);
    free(holdings->table);
    free(holdings->removed);
    *holdings = (struct holdings){0};
}

convoy_status holdings_add(struct holdings *holdings, uint32_t *layer) {
    if (holdings->layers == holdings->capacity) {
        uint32_t capacity = holdings->capacity ? 2 * holdings->capacity : 64;
        bool *removed = realloc(holdings->removed, capacity * sizeof *removed);
        if (!removed)
            return CONVOY_E_MEMORY;
        holdings->removed = removed;
        struct holding *table = realloc(holdings->table, (size_t)capacity * holdings->nodes * sizeof *table);
        if (!table)
            return CONVOY_E_MEMORY;
        holdings->table = table;
        holdings->capacity = capacity;
    }
    *layer = holdings->layers++;
    holdings->removed[*layer] = false;
    for (uint32_t worker = 0; worker < holdings->nodes; worker++)
        *holdings_at(holdings, *layer, worker) = (struct holding){0};
    return CONVOY_OK;
}

void holdings_remove(struct holdings *holdings, uint32_t layer) {
    holdings->removed[layer] = true;
    for (uint32_t worker = 0; worker < holdings->nodes; worker++)
        buffer_release(&holdings_at(holdings, layer, worker)->payload);
}

struct holding *holdings_at(const struct holdings *holdings, uint32_t layer, uint32_t worker) {
    return &holdings->table[(size_t)layer * holdings->nodes + worker];
}

void holdings_forget(struct holdings *holdings, uint32_t worker) {
    for (uint32_t layer = 0; layer < holdings->layers; layer++) {
        struct holding *holding = holdings_at(holdings, layer, worker);
        buffer_release(&holding->payload);
        holding->state = HOLDING_MISSING;
        holding->wanted = false;
        holding->losses = 0;
    }
}

void holdings_offer_known(struct holdings *holdings, uint32_t worker) {
    for (uint32_t layer = 0; layer < holdings->layers; layer++) {
        struct holding *holding = holdings_at(holdings, layer, worker);
        if (holding->hash_known && !holdings->removed[layer])
            holding->state = HOLDING_OFFERING;
    }
    holdings->due = true;
}

void holdings_renew(struct holdings *holdings, uint32_t worker) {
    for (uint32_t layer = 0; layer < holdings->layers; layer++) {
        struct holding *holding = holdings_at(holdings, layer, worker);
        if (holding->state == HOLDING_READY)
            holding->state = HOLDING_WANTED;
    }
}

enum holdings_news holdings_take_reply(struct holdings *holdings, uint32_t layer, uint32_t worker,
                                       enum frame_kind kind) {
    if (layer >= holdings->layers)
        return HOLDINGS_SAME;
    struct holding *holding = holdings_at(holdings, layer, worker);
    bool offered = holding->state == HOLDING_OFFERED;
    if (holding->state == HOLDING_READY && kind == FRAME_WANT) {
        bool again = ++holding->losses <= MOST_LOSSES;
        holding->state = again ? HOLDING_WANTED : HOLDING_UNFIT;
        return again ? HOLDINGS_DAMAGED : HOLDINGS_UNSTABLE;
    }
    if (!offered && (holding->state != HOLDING_SENT || kind == FRAME_WANT))
        return HOLDINGS_SAME;
    switch (kind) {
    case FRAME_READY:
        holding->state = HOLDING_READY;
        buffer_release(&holding->payload);
        return HOLDINGS_CHANGED;
    case FRAME_WANT:
        holding->state = holding->payload ? HOLDING_SENDING : HOLDING_WANTED;
        holdings->due = holdings->due || holding->payload;
        return HOLDINGS_CHANGED;
    default:
        holding->state = HOLDING_UNFIT;
        buffer_release(&holding->payload);
        return HOLDINGS_DECLINED;
    }
}

bool holdings_has_gap(const struct holdings *holdings, uint32_t layer, uint32_t worker) {
    enum holding_state state = holdings_at(holdings, layer, worker)->state;
    return !holdings->removed[layer] && (state == HOLDING_MISSING || state == HOLDING_WANTED) &&
           holdings_count(holdings, worker).under_way < LAYERS_AHEAD;
}

void holdings_begin(struct holdings *holdings, uint32_t layer, uint32_t worker) {
    struct holding *holding = holdings_at(holdings, layer, worker);
    holding->wanted = holding->state == HOLDING_WANTED;
    holding->state = HOLDING_MAKING;
}

bool holdings_supply(struct holdings *holdings, uint32_t layer, uint32_t worker, struct buffer **take_content,
                     struct content_hash hash, uint64_t payload_hash) {
    struct holding *holding = holdings_at(holdings, layer, worker);
    if (holding->state == HOLDING_MAKING && !holdings->removed[layer]) {
        struct buffer *content = *take_content;
        *take_content = NULL;
        holding->state = !content ? HOLDING_UNFIT : holding->wanted ? HOLDING_SENDING : HOLDING_OFFERING;
        holding->hash_known = content;
        holding->hash = hash;
        holding->payload = content;
        holding->payload_hash = payload_hash;
        holdings->due = true;
    }
    return holding->state != HOLDING_UNFIT;
}

struct holdings_count holdings_count(const struct holdings *holdings, uint32_t worker) {
    struct holdings_count count = {0};
    for (uint32_t layer = 0; layer < holdings->layers; layer++) {
        enum holding_state state = holdings_at(holdings, layer, worker)->state;
        if (holdings->removed[layer])
            continue;
        count.all++;
        count.under_way += state != HOLDING_MISSING && state != HOLDING_WANTED && state < HOLDING_READY;
        count.ready += state == HOLDING_READY;
        count.lacking += state < HOLDING_READY;
    }
    return count;
}
