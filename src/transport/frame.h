/* What travels between a master and a worker: a fixed header and one payload block. */
#ifndef TRANSPORT_FRAME_H
#define TRANSPORT_FRAME_H

#include "base/memory.h"

#include <convoy/tensor.h>

#include <stdbool.h>

enum frame_kind {
    FRAME_OFFER =
        1, /* master: header.layer will be the layer with this content; payload: its struct content_hash */
    FRAME_LAYER,  /* master: hold header.layer; payload: geometry and coded filters (runtime/layer_message.h)
                   */
    FRAME_TASK,   /* master: compute header.layer on the payload (coded slices), answer under header.job */
    FRAME_CANCEL, /* master: header.job needs no answer any more */
    FRAME_PING,   /* master: answer with header.job; a fence: whatever was sent before is answered or lost by
                     then */
    FRAME_ANSWER, /* worker: the payload is the result of header.job */
    FRAME_DECLINED, /* worker: no result for header.job: cancelled, layer unknown, or its compute failed */
    FRAME_READY,    /* worker: holds header.layer */
    FRAME_WANT,  /* worker: does not hold the content that was offered for header.layer, or, unasked, has lost
                    what it held: send it */
    FRAME_UNFIT, /* worker: cannot hold header.layer */
    FRAME_PONG,  /* worker: header.job of the ping */
    FRAME_BEAT,  /* either: a sign of life; transports between processes send and swallow it */
    FRAME_HELLO, /* worker: asks to be let in (transport/hello.h); transports between processes handle the
                    three */
    FRAME_WELCOME, /* master: its node */
    FRAME_REFUSED, /* master: the payload is a sentence that says why not */
    FRAME_PROBE,   /* master: measure, and answer under header.job (runtime/probe.h) */
    FRAME_PROBED   /* worker: the payload is what was measured; none: it cannot */
};
#define FRAME_KIND_LAST FRAME_PROBED

/* Changes with the frames; the kinds of the handshake keep their numbers. */
#define FRAME_VERSION 2

/* Little-endian on the wire; 40 bytes without padding. */
struct frame_header {
    uint16_t version;
    uint16_t kind; /* enum frame_kind */
    uint32_t layer;
    uint64_t job;
    uint64_t bytes;    /* of the payload */
    uint32_t dtype;    /* convoy_dtype of the payload's elements; 0 where there are none */
    uint32_t took_us;  /* ANSWER, PROBED: how long the worker computed, at least 1; else 0 */
    uint64_t checksum; /* of the header, with this field 0, and the payload */
};

/* payload is a counted reference (NULL: none), immutable once the frame is sent. */
struct frame {
    struct frame_header header;
    struct buffer *payload;
};

/* Hash of a payload (XXH3, 64 bit); 0 for NULL. Reads all of it, once: a payload that goes to several workers
 * is hashed once. */
uint64_t frame_payload_hash(const struct buffer *payload);

/* What a payload is, wherever it lies: XXH3, 128 bit. Payload of FRAME_OFFER. */
struct content_hash {
    uint64_t low, high;
};
struct content_hash frame_content_hash(const struct buffer *payload);

/* Fills version, bytes and checksum from the rest. */
void frame_seal(struct frame *frame, uint64_t payload_hash);

/* Whether version, kind, bytes and checksum are right, given the payload's hash. */
bool frame_sealed(const struct frame *frame, uint64_t payload_hash);

/* The same, of a payload that has to be read for it. */
bool frame_valid(const struct frame *frame);

/* Whether a frame of any version is as it was sealed. In all versions the frames of the handshake have this
 * header and this checksum, so that another version is told from damage. */
bool frame_whole(const struct frame *frame);

/* What the checksum of a header must be. */
uint64_t frame_checksum(struct frame_header header, uint64_t payload_hash);

/* Drops the payload's reference. */
void frame_release(struct frame *frame);

#endif
