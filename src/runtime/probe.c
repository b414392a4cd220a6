#include "runtime/probe.h"

#include <string.h>

#define FILLER 0x3c

_Static_assert(sizeof(struct probe_request) == 16, "the request has no padding");
_Static_assert(sizeof(struct probe_answer) == RATE_KINDS * 8 + 8, "the answer has no padding");

static struct buffer *create(const void *message, size_t size, size_t bytes) {
    struct buffer *payload = buffer_create(bytes);
    if (payload) {
        memcpy(payload->data, message, size);
        memset((char *)payload->data + size, FILLER, bytes - size);
    }
    return payload;
}

struct buffer *probe_request_create(const struct probe_request *request, size_t bytes) {
    return create(request, sizeof *request, bytes);
}

struct buffer *probe_answer_create(const struct probe_answer *answer, size_t bytes) {
    return create(answer, sizeof *answer, bytes);
}

bool probe_request_read(struct probe_request *request, const struct buffer *payload) {
    if (!payload || payload->bytes < sizeof *request || payload->bytes > PROBE_MOST_BYTES)
        return false;
    memcpy(request, payload->data, sizeof *request);
    return request->measure <= 1 && request->reserved == 0 &&
           request->answer_bytes >= sizeof(struct probe_answer) && request->answer_bytes <= PROBE_MOST_BYTES;
}

bool probe_answer_read(struct probe_answer *answer, const struct buffer *payload,
                       const struct probe_request *request) {
    if (!payload || payload->bytes != request->answer_bytes)
        return false;
    memcpy(answer, payload->data, sizeof *answer);
    return !request->measure || compute_rates_are_valid(&answer->rates);
}
