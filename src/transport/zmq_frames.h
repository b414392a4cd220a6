/* Frames as ZeroMQ messages. */
#ifndef TRANSPORT_ZMQ_FRAMES_H
#define TRANSPORT_ZMQ_FRAMES_H

#include "transport/zmq_common.h"

#include <zmq.h>

#define KIND_BIT(kind) (UINT32_C(1) << (kind))
#define KINDS_OF_MASTER                                                                                      \
    (KIND_BIT(FRAME_OFFER) | KIND_BIT(FRAME_LAYER) | KIND_BIT(FRAME_TASK) | KIND_BIT(FRAME_CANCEL) |         \
     KIND_BIT(FRAME_PING) | KIND_BIT(FRAME_BEAT) | KIND_BIT(FRAME_WELCOME) | KIND_BIT(FRAME_REFUSED) |       \
     KIND_BIT(FRAME_PROBE))
#define KINDS_OF_WORKER                                                                                      \
    (KIND_BIT(FRAME_ANSWER) | KIND_BIT(FRAME_DECLINED) | KIND_BIT(FRAME_READY) | KIND_BIT(FRAME_WANT) |      \
     KIND_BIT(FRAME_UNFIT) | KIND_BIT(FRAME_PONG) | KIND_BIT(FRAME_BEAT) | KIND_BIT(FRAME_HELLO) |           \
     KIND_BIT(FRAME_PROBED))

#define SMALL_BYTES  2048 /* payloads that are copied, so that their frames may share a message */
#define BATCH_FRAMES 64   /* in one message at most; and read before others get their turn */
#define BATCH_BYTES  (BATCH_FRAMES * (sizeof(struct frame_header) + SMALL_BYTES))

/* Whether a frame may share a message with others. */
bool frame_is_small(const struct frame *frame);

/* Whether a frame is damaged after whose loss the two ends would not agree any more: on who holds which
 * layer, on what was asked. Then the connection has to end, and both begin anew. A task, a probe or an answer
 * is checked by the one for whom it is, who reads it anyway: its loss is noticed, and costs no more than
 * itself. */
bool frame_betrays_damage(const struct frame *frame);

/* Sends one frame, or several small ones as one message, without blocking, to a connection of a ROUTER
 * (route) or over a DEALER (NULL). The frames stay the caller's, to be tried again where it failed. 0, or
 * EAGAIN (the queue is full), EHOSTUNREACH (the connection is gone), ENOMEM. */
int frames_to_socket(void *socket, const uint64_t *route, const struct frame *frames, uint32_t count);

/* The same for one frame, whose payload it takes in every case. */
int frame_to_socket(void *socket, const uint64_t *route, struct frame *take_frame);

/* Where a message came from. */
struct origin {
    uint64_t route; /* routing id of the connection, on a ROUTER; 0 where the peer chose its own */
    int fd;         /* of the connection, or -1; set for FRAME_HELLO and for rubbish alone */
    char user[64];  /* the name under which its key is allowed; set for FRAME_HELLO alone */
};

enum receipt {
    RECEIPT_NOTHING,
    RECEIPT_FRAME,
    RECEIPT_RUBBISH /* a message that is no frame, or of a kind that is not in `kinds`; it is dropped */
};

/* A message of small frames, of which some were read. All zero: none. */
struct inbox {
    bool open;
    zmq_msg_t message;
    size_t at; /* of the next frame */
    struct origin origin;
};

/* Reads the next frame, without blocking; from a ROUTER where `routed`. The payload's reference is the
 * caller's, and lies on 8 bytes. Of the handshake's frames the version is not looked at; checksums never are.
 * What follows rubbish in its message is dropped with it. */
enum receipt frame_from_socket(struct inbox *inbox, void *socket, bool routed, uint32_t kinds,
                               struct origin *origin, struct frame *frame);

/* Drops what was not read, as when its connection is closed. */
void inbox_clear(struct inbox *inbox);

/* A sealed frame whose payload is a copy of these bytes (0: none). False without memory. */
bool frame_make(struct frame *frame, enum frame_kind kind, uint64_t job, const void *bytes, size_t size);

#endif
