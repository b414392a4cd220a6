#include "transport/frame.h"

#include <stddef.h>
/* With the vectors of this processor, which halves what the checks cost a coded inference; the hashes are the
 * same. */
#ifdef __x86_64__
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

_Static_assert(sizeof(struct frame_header) == 40, "the header has no padding");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "frames are sent as they lie in memory");

uint64_t frame_payload_hash(const struct buffer *payload) {
    return payload ? XXH3_64bits(payload->data, payload->bytes) : 0;
}

struct content_hash frame_content_hash(const struct buffer *payload) {
    XXH128_hash_t hash = XXH3_128bits(payload->data, payload->bytes);
    return (struct content_hash){.low = hash.low64, .high = hash.high64};
}

uint64_t frame_checksum(struct frame_header header, uint64_t payload_hash) {
    header.checksum = 0;
    return XXH3_64bits_withSeed(&header, sizeof header, payload_hash);
}

void frame_seal(struct frame *frame, uint64_t payload_hash) {
    frame->header.version = FRAME_VERSION;
    frame->header.bytes = frame->payload ? frame->payload->bytes : 0;
    frame->header.checksum = frame_checksum(frame->header, payload_hash);
}

static bool is_whole(const struct frame *frame, uint64_t payload_hash) {
    const struct frame_header *header = &frame->header;
    return header->bytes == (frame->payload ? frame->payload->bytes : 0) &&
           header->checksum == frame_checksum(*header, payload_hash);
}

bool frame_whole(const struct frame *frame) {
    return is_whole(frame, frame_payload_hash(frame->payload));
}

bool frame_sealed(const struct frame *frame, uint64_t payload_hash) {
    const struct frame_header *header = &frame->header;
    return header->version == FRAME_VERSION && header->kind >= FRAME_OFFER &&
           header->kind <= FRAME_KIND_LAST && is_whole(frame, payload_hash);
}

bool frame_valid(const struct frame *frame) {
    return frame_sealed(frame, frame_payload_hash(frame->payload));
}

void frame_release(struct frame *frame) {
    buffer_release(&frame->payload);
}
