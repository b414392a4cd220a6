/* Seam: how frames travel, and who is alive. A transport knows no layers. One thread at a
 * time makes all calls on an endpoint but transport_wake, which any thread may make. Peers are numbered: a
 * master's are the workers 0..n-1; a worker's only peer, its master, is 0. */
#ifndef TRANSPORT_TRANSPORT_H
#define TRANSPORT_TRANSPORT_H

#include "transport/frame.h"

#include <stdbool.h>

enum peer_state {
    PEER_ABSENT,  /* has not come yet */
    PEER_ALIVE,   /* heard of lately */
    PEER_SUSPECT, /* silent for longer than its heartbeat allows; back with its next sign of life */
    PEER_LOST     /* closed, dead or out of reach: nothing more comes from it until it joins again */
};

enum transport_event {
    TRANSPORT_FRAME,     /* a frame came: *frame and *peer are set */
    TRANSPORT_JOINED,    /* *peer came, perhaps again: whatever it was sent or owed before is void */
    TRANSPORT_SUSPECTED, /* *peer is silent */
    TRANSPORT_RECOVERED, /* *peer, suspected, gave a sign of life */
    TRANSPORT_LEFT,      /* *peer is lost */
    TRANSPORT_WOKEN,     /* transport_wake was called */
    TRANSPORT_TIMEOUT,   /* the deadline passed */
    TRANSPORT_CLOSED, /* no peer will ever come (again): an endpoint of threads whose master is gone, a worker
                         that was refused */
    TRANSPORT_FINISHED /* the same, and as it should be: the master said that it has finished */
};

struct transport;

/* Who a peer is. All zero: nobody has come. */
struct peer_identity {
    uint64_t instance; /* of the process: the same if it comes again, on another connection too */
    char key[64];      /* the name under which its key is allowed; empty: it has none */
};

struct transport_ops {
    const char *name;

    /* Queues a frame; takes over the frame's reference to its payload, on failure too, and drops it when it
     * can no longer be read. Frames to one peer arrive in order, or not at all. Never blocks. CONVOY_E_CLOSED
     * where the peer is not alive; CONVOY_E_MEMORY. */
    convoy_status (*send)(struct transport *transport, uint32_t peer, struct frame *frame);

    /* Waits for an event until deadline_ns (CLOCK_MONOTONIC; 0: do not wait). A frame's payload is the
     * caller's reference. Frames before PEER_LOST of their sender. */
    enum transport_event (*poll)(struct transport *transport, uint64_t deadline_ns, uint32_t *peer,
                                 struct frame *frame);

    /* Makes the poll under way, or else the next one, return TRANSPORT_WOKEN. */
    void (*wake)(struct transport *transport);

    enum peer_state (*state)(struct transport *transport, uint32_t peer);

    /* Cuts one peer off: it sees its master gone, its frames are dropped, its state is PEER_LOST. */
    void (*disconnect)(struct transport *transport, uint32_t peer);

    /* A master's: who the peer is that joined last under this number. */
    void (*identify)(struct transport *transport, uint32_t peer, struct peer_identity *identity);

    /* A master's: cuts one peer off for good: its process is refused if it comes again, and so is its key if
     * no other peer uses that. */
    void (*ban)(struct transport *transport, uint32_t peer);

    /* A master's: forgets all bans. */
    void (*pardon)(struct transport *transport);

    /* Closes and frees the endpoint; every peer sees it gone. Takes NULL. Frames not yet delivered are
     * dropped, with their references. */
    void (*destroy)(struct transport **transport);
};

/* The first member of what an implementation allocates. */
struct transport {
    const struct transport_ops *ops;
    bool trusts_memory; /* payloads are handed over where they lie, and nothing can damage them: frames are
                           sealed without their hashes, at both ends */
};

/* For frame_seal, and whether a frame that came is whole: as the transport's two ends agree. Both read the
 * payload, unless the transport trusts memory. */
static inline uint64_t transport_payload_hash(const struct transport *transport,
                                              const struct buffer *payload) {
    return transport->trusts_memory ? 0 : frame_payload_hash(payload);
}
static inline bool transport_frame_valid(const struct transport *transport, const struct frame *frame) {
    return frame_sealed(frame, transport_payload_hash(transport, frame->payload));
}

/* A master's endpoint and the endpoints of its n workers, over memory shared by threads of this process:
 * payloads are handed over, not copied. checked: they are hashed all the same, for a decorator that damages
 * them. workers[] gets n endpoints. (transport/local.c) */
convoy_status local_transport_create(struct transport **master, struct transport **workers, uint32_t n,
                                     bool checked, convoy_error *error);

/* A master's endpoint over another one (which it takes), that injects faults into what goes between it and
 * the workers. (transport/faulty.c) */
struct fault;
convoy_status faulty_transport_create(struct transport **transport, struct transport **take_inner, uint32_t n,
                                      const struct fault *faults, size_t fault_count, uint64_t seed,
                                      convoy_error *error);

#endif
