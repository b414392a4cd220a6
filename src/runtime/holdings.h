/* Which worker holds which layer, or is on the way to. Kept by the dispatcher, under its mutex. */
#ifndef RUNTIME_HOLDINGS_H
#define RUNTIME_HOLDINGS_H

#include "transport/frame.h"

enum holding_state {
    HOLDING_MISSING,  /* the worker was told nothing of the layer */
    HOLDING_MAKING,   /* the supplier codes its filters */
    HOLDING_OFFERING, /* an offer is due */
    HOLDING_OFFERED,
    HOLDING_WANTED,  /* the worker lacks the content, and it is not at hand */
    HOLDING_SENDING, /* the content is at hand and due */
    HOLDING_SENT,
    HOLDING_READY,
    HOLDING_UNFIT /* the worker cannot hold it */
};

struct holding {
    enum holding_state state;
    bool hash_known;
    uint32_t losses; /* how often the worker lost the layer and wanted it anew */
    bool wanted;     /* MAKING: to be sent at once, the offer was declined */
    struct content_hash hash;
    struct buffer *payload; /* the content, while it is at hand */
    uint64_t payload_hash;
};

struct holdings {
    uint32_t nodes;
    uint32_t layers, capacity;
    struct holding *table; /* [layers][nodes] */
    bool *removed;         /* [layers]: the layer is gone */
};

void holdings_init(struct holdings *holdings, uint32_t nodes);
void holdings_clear(struct holdings *holdings);

/* Adds a layer that nobody holds; its number is *layer. CONVOY_E_MEMORY. */
convoy_status holdings_add(struct holdings *holdings, uint32_t *layer);

/* A layer that nobody needs any more. Its number is not used again. */
void holdings_remove(struct holdings *holdings, uint32_t layer);

struct holding *holdings_at(const struct holdings *holdings, uint32_t layer, uint32_t worker);

/* A worker that came anew, or left: it was told nothing. What its contents hash to stays known. */
void holdings_forget(struct holdings *holdings, uint32_t worker);

/* Of the layers that are not removed: all; those that the worker is being sent and has not acknowledged;
 * those that it holds; those that it lacks and may still get. */
struct holdings_count {
    uint32_t all, under_way, ready, lacking;
};
struct holdings_count holdings_count(const struct holdings *holdings, uint32_t worker);

#endif
