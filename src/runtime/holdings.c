#include "runtime/holdings.h"

#include <stdlib.h>

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
