/* The handshake between processes: the first message each way, before anything else is believed. */
#ifndef TRANSPORT_HELLO_H
#define TRANSPORT_HELLO_H

#include <stdint.h>

#define HELLO_MAGIC    UINT32_C(0x594f5643) /* "CVOY" */
#define HELLO_ANY_NODE UINT32_MAX

/* Payload of FRAME_HELLO. Little-endian, no padding. */
struct hello {
    uint32_t magic;
    uint32_t version;         /* FRAME_VERSION: must be the master's */
    uint64_t instance;        /* random; the same for all connections of one worker process */
    uint64_t plan_hash;       /* of the plan it served before; 0: none. Must be 0 or the master's */
    uint64_t max_frame_bytes; /* the largest payload that it takes */
    uint32_t node;            /* the node that it had, or HELLO_ANY_NODE */
    uint32_t reserved;        /* 0 */
};

/* Payload of FRAME_WELCOME. */
struct welcome {
    uint32_t magic;
    uint32_t node; /* the worker's number from now on */
    uint64_t plan_hash;
    uint64_t max_frame_bytes; /* the largest payload that the master takes */
};

/* Why FRAME_REFUSED was sent, in its header's job. The payload says it in words. */
enum refusal {
    REFUSAL_HELLO = 1, /* another version, or the hello of another program: for good */
    REFUSAL_CUT,       /* cut off by the master: for good */
    REFUSAL_PLAN,      /* another plan: come again without one */
    REFUSAL_FULL,      /* all nodes are taken: come again later */
    REFUSAL_UNKNOWN, /* no peer (any more) on this connection, or what came on it is damaged: come again on a
                        new one */
    REFUSAL_FINISHED /* the master ends: for good where the worker would not wait for another for ever */
};

#endif
