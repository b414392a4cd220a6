/* On the wire a message is one large frame, in two parts, header and payload; or small frames one after
 * another, in one part. Copying a small payload is cheaper than a part of its own, two allocations and an
 * atomic; and what ZeroMQ does for a message costs more than a frame of 1 kB: those that wait at the same
 * time go together (bench/frames.c: 0.5 of a bare pair's rate without that). */
#include "transport/zmq_frames.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUTE_BYTES   5 /* of the routing ids that libzmq makes: a zero, and a number */
#define ROUTE_SET     (UINT64_C(1) << 8 * ROUTE_BYTES)
#define PAYLOAD_ALIGN 8

bool frame_make(struct frame *frame, enum frame_kind kind, uint64_t job, const void *bytes, size_t size) {
    *frame = (struct frame){.header = {.kind = (uint16_t)kind, .job = job}};
    if (size) {
        frame->payload = buffer_create(size);
        if (!frame->payload)
            return false;
        memcpy(frame->payload->data, bytes, size);
    }
    frame_seal(frame, frame_payload_hash(frame->payload));
    return true;
}

/* --- Sending ---------------------------------------------------------------------------------------------
 */

/* ThreadSanitizer does not see that libzmq's queues order what happens before a message is sent and after it
 * was written (cmake/tsan.supp), and has to be told. */
#if defined __SANITIZE_THREAD__
#define TSAN 1
#elif defined __has_feature
#if __has_feature(thread_sanitizer)
#define TSAN 1
#endif
#endif
#ifdef TSAN
void __tsan_release(void *address);
void __tsan_acquire(void *address);
#else
#define __tsan_release(address) ((void)(address))
#define __tsan_acquire(address) ((void)(address))
#endif

/* Called by libzmq's thread when the payload was written. */
static void release_payload(void *data, void *hint) {
    (void)data;
    struct buffer *buffer = hint;
    __tsan_acquire(buffer);
    buffer_release(&buffer);
}

/* Makes a message of the payload's memory, with a reference of its own. 0 or ENOMEM. */
static int message_of_payload(zmq_msg_t *message, struct buffer *payload) {
    buffer_retain(payload);
    __tsan_release(payload);
    if (zmq_msg_init_data(message, payload->data, payload->bytes, release_payload, payload) == 0)
        return 0;
    buffer_release(&payload);
    return ENOMEM;
}

bool frame_is_small(const struct frame *frame) {
    return !frame->payload || (frame->payload->bytes && frame->payload->bytes <= SMALL_BYTES);
}

bool frame_betrays_damage(const struct frame *frame) {
    const uint32_t noticed = KIND_BIT(FRAME_TASK) | KIND_BIT(FRAME_CANCEL) | KIND_BIT(FRAME_ANSWER) |
                             KIND_BIT(FRAME_DECLINED) | KIND_BIT(FRAME_PROBE) | KIND_BIT(FRAME_PROBED);
    return !(KIND_BIT(frame->header.kind) & noticed) && !frame_valid(frame);
}

/* Makes a message of copies of small frames; of the header alone of a large one. 0 or ENOMEM. */
static int message_of_frames(zmq_msg_t *message, const struct frame *frames, uint32_t count) {
    bool small = frame_is_small(frames);
    size_t bytes = count * sizeof frames->header;
    for (uint32_t i = 0; i < count && small; i++)
        bytes += frames[i].payload ? frames[i].payload->bytes : 0;
    if (zmq_msg_init_size(message, bytes) != 0)
        return ENOMEM;
    char *at = zmq_msg_data(message);
    for (uint32_t i = 0; i < count; i++) {
        at = (char *)memcpy(at, &frames[i].header, sizeof frames->header) + sizeof frames->header;
        if (small && frames[i].payload)
            at = (char *)memcpy(at, frames[i].payload->data, frames[i].payload->bytes) +
                 frames[i].payload->bytes;
    }
    return 0;
}

static int send_message(void *socket, const uint64_t *route, const struct frame *frames, uint32_t count) {
    zmq_msg_t parts[2];
    bool small = frame_is_small(frames);
    if (message_of_frames(&parts[0], frames, count) != 0)
        return ENOMEM;
    int failure = 0;
    zmq_msg_init(&parts[1]);
    if (!small)
        failure = message_of_payload(&parts[1], frames->payload);
    if (!failure && route && zmq_send(socket, route, ROUTE_BYTES, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
        failure = zmq_errno();
    if (!failure && zmq_msg_send(&parts[0], socket, ZMQ_DONTWAIT | (small ? 0 : ZMQ_SNDMORE)) < 0)
        failure = zmq_errno();
    if (!failure && !small && zmq_msg_send(&parts[1], socket, ZMQ_DONTWAIT) < 0)
        failure = EHOSTUNREACH; /* the queue had room: the connection ended between the parts */
    if (!failure)
        return 0;
    zmq_msg_close(&parts[0]);
    zmq_msg_close(&parts[1]);
    return failure == EAGAIN || failure == ENOMEM ? failure : EHOSTUNREACH;
}

int frames_to_socket(void *socket, const uint64_t *route, const struct frame *frames, uint32_t count) {
    struct frame beat;
    int failure = 0;
    if (frames->header.bytes >= LARGE_BYTES && frame_make(&beat, FRAME_BEAT, frames->header.bytes, NULL, 0))
        failure = send_message(socket, route, &beat, 1);
    return failure ? failure : send_message(socket, route, frames, count);
}

int frame_to_socket(void *socket, const uint64_t *route, struct frame *take_frame) {
    int failure = frames_to_socket(socket, route, take_frame, 1);
    frame_release(take_frame);
    return failure;
}

/* --- Receiving -------------------------------------------------------------------------------------------
 */

static void release_message(void *context) {
    zmq_msg_close(context);
    free(context);
}

static struct buffer *buffer_copy(const void *data, size_t bytes) {
    struct buffer *copy = buffer_create(bytes);
    if (copy)
        memcpy(copy->data, data, bytes);
    return copy;
}

/* Makes a buffer of a message: of its memory where that lies well, as that of large messages does; a copy
 * otherwise. NULL without memory. */
static struct buffer *buffer_of(zmq_msg_t *message) {
    void *data = zmq_msg_data(message);
    size_t bytes = zmq_msg_size(message);
    if (bytes <= SMALL_BYTES || (uintptr_t)data % PAYLOAD_ALIGN)
        return buffer_copy(data, bytes);
    zmq_msg_t *kept = malloc(sizeof *kept);
    struct buffer *buffer = kept ? buffer_adopt(data, bytes, release_message, kept) : NULL;
    if (!buffer) {
        free(kept);
        return NULL;
    }
    zmq_msg_init(kept);
    zmq_msg_move(kept, message); /* its memory stays where it is */
    return buffer;
}

void inbox_clear(struct inbox *inbox) {
    if (inbox->open)
        zmq_msg_close(&inbox->message);
    inbox->open = false;
}

static void note_origin(struct origin *origin, zmq_msg_t *part, bool hello) {
    origin->fd = zmq_msg_get(part, ZMQ_SRCFD);
    const char *user = hello ? zmq_msg_gets(part, "User-Id") : NULL;
    snprintf(origin->user, sizeof origin->user, "%s", user ? user : "");
}

/* Reads the routing id: 0 where it is not of libzmq's making. False where nothing came. */
static bool receive_route(void *socket, uint64_t *route) {
    unsigned char id[256];
    int size = zmq_recv(socket, id, sizeof id, ZMQ_DONTWAIT);
    if (size < 0)
        return false;
    *route = size == ROUTE_BYTES ? ROUTE_SET : 0;
    if (*route)
        memcpy(route, id, ROUTE_BYTES);
    return true;
}

static bool header_fits(const struct frame_header *header, uint32_t kinds) {
    const uint32_t handshake = KIND_BIT(FRAME_HELLO) | KIND_BIT(FRAME_WELCOME) | KIND_BIT(FRAME_REFUSED);
    return header->kind <= FRAME_KIND_LAST && (KIND_BIT(header->kind) & kinds) &&
           (header->version == FRAME_VERSION || (KIND_BIT(header->kind) & handshake));
}

/* The rest of a message whose first part is the header, which is dropped where there are further parts. */
static bool read_payload(struct inbox *inbox, void *socket, uint32_t kinds, struct frame *frame) {
    zmq_msg_t part;
    zmq_msg_init(&part);
    bool fits = zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) >= 0 && !zmq_msg_more(&part) &&
                zmq_msg_size(&inbox->message) == sizeof frame->header;
    if (fits) {
        memcpy(&frame->header, zmq_msg_data(&inbox->message), sizeof frame->header);
        fits = header_fits(&frame->header, kinds) && frame->header.bytes == zmq_msg_size(&part);
    }
    if (fits)
        frame->payload = buffer_of(&part); /* without memory for its payload a frame is a damaged one */
    while (zmq_msg_more(&part) && zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) >= 0)
        continue;
    zmq_msg_close(&part);
    inbox->at = zmq_msg_size(&inbox->message);
    return fits;
}

/* The next one of the small frames in a message. */
static bool cut_frame(struct inbox *inbox, uint32_t kinds, struct frame *frame) {
    const char *data = (const char *)zmq_msg_data(&inbox->message) + inbox->at;
    size_t left = zmq_msg_size(&inbox->message) - inbox->at;
    if (left < sizeof frame->header)
        return false;
    memcpy(&frame->header, data, sizeof frame->header);
    left -= sizeof frame->header;
    if (!header_fits(&frame->header, kinds) || frame->header.bytes > left)
        return false;
    if (frame->header.bytes)
        frame->payload = buffer_copy(data + sizeof frame->header, frame->header.bytes);
    inbox->at += sizeof frame->header + frame->header.bytes;
    return true;
}

enum receipt frame_from_socket(struct inbox *inbox, void *socket, bool routed, uint32_t kinds,
                               struct origin *origin, struct frame *frame) {
    bool fits;
    *frame = (struct frame){0};
    if (!inbox->open) {
        inbox->origin = (struct origin){.fd = -1};
        if (routed && !receive_route(socket, &inbox->origin.route))
            return RECEIPT_NOTHING;
        zmq_msg_init(&inbox->message);
        if (zmq_msg_recv(&inbox->message, socket, ZMQ_DONTWAIT) < 0)
            return RECEIPT_NOTHING;
        inbox->open = true;
        inbox->at = 0;
    }
    if (zmq_msg_more(&inbox->message))
        fits = read_payload(inbox, socket, kinds, frame);
    else
        fits = cut_frame(inbox, kinds, frame);
    fits = fits && (!routed || inbox->origin.route);
    if (!fits || frame->header.kind == FRAME_HELLO)
        note_origin(&inbox->origin, &inbox->message, fits);
    *origin = inbox->origin;
    if (!fits)
        frame_release(frame);
    if (!fits || inbox->at == zmq_msg_size(&inbox->message))
        inbox_clear(inbox);
    return fits ? RECEIPT_FRAME : RECEIPT_RUBBISH;
}
