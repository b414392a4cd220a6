/* Which worker holds which layer, or is on the way to. Passive: the dispatcher keeps it, under its mutex.
 *
 * A worker is offered a layer by its content's hash, and gets the content only if it lacks it: one that comes
 * back keeps what it holds. */
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
    bool due;              /* some holding is OFFERING or SENDING */
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

/* A worker that was told nothing and lives: every layer whose hash is known is offered to it. */
void holdings_offer_known(struct holdings *holdings, uint32_t worker);

/* A worker may hold damaged layers: it gets all that it holds anew. */
void holdings_renew(struct holdings *holdings, uint32_t worker);

/* What a worker said of a layer. */
enum holdings_news {
    HOLDINGS_SAME,     /* no answer to anything: ignored */
    HOLDINGS_CHANGED,  /* as expected: it holds the layer, or wants it */
    HOLDINGS_DAMAGED,  /* it has lost what it held, and gets it anew */
    HOLDINGS_UNSTABLE, /* the same, but too often: it does not get it again */
    HOLDINGS_DECLINED  /* it cannot hold the layer */
};

/* FRAME_READY, FRAME_WANT or FRAME_UNFIT came. The layer's number is not trusted. */
enum holdings_news holdings_take_reply(struct holdings *holdings, uint32_t layer, uint32_t worker,
                                       enum frame_kind kind);

/* Whether a worker that lives lacks the layer and has room for it: nobody makes it yet. */
bool holdings_has_gap(const struct holdings *holdings, uint32_t layer, uint32_t worker);

/* Somebody makes the layer for this worker, which has a gap. */
void holdings_begin(struct holdings *holdings, uint32_t layer, uint32_t worker);

/* What holdings_begin began is done. Takes the content, unless the worker came anew or the layer was removed
 * meanwhile; NULL: it could not be made. False: the worker does not get the layer. */
bool holdings_supply(struct holdings *holdings, uint32_t layer, uint32_t worker, struct buffer **take_content,
                     struct content_hash hash, uint64_t payload_hash);

/* Of the layers that are not removed: all; those that the worker is being sent and has not acknowledged;
 * those that it holds; those that it lacks and may still get. */
struct holdings_count {
    uint32_t all, under_way, ready, lacking;
};
struct holdings_count holdings_count(const struct holdings *holdings, uint32_t worker);

#endif
