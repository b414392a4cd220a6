/* What a master sends to a worker. */
#include "fuzz.h"

#include "runtime/worker.h"

#include <stdlib.h>

struct script {
    struct transport base;
    const uint8_t *data;
    size_t size;
};

static convoy_status script_send(struct transport *transport, uint32_t peer, struct frame *frame) {
    (void)transport, (void)peer;
    frame_release(frame);
    return CONVOY_OK;
}

/* What a worker measures depends on no bytes of the frame, and takes half a second. */
static void spare_measures(struct frame *frame) {
    if (frame->header.kind != FRAME_PROBE || !frame->payload || frame->payload->bytes < sizeof(uint32_t))
        return;
    *(uint32_t *)frame->payload->data &= ~UINT32_C(1);
    frame_seal(frame, frame_payload_hash(frame->payload));
}

static enum transport_event script_poll(struct transport *transport, uint64_t deadline_ns, uint32_t *peer,
                                        struct frame *frame) {
    struct script *script = (struct script *)transport;
    *peer = 0;
    if (deadline_ns == 0)
        return TRANSPORT_TIMEOUT; /* what came so far is served first */
    if (!fuzz_next_frame(&script->data, &script->size, frame))
        return TRANSPORT_CLOSED;
    spare_measures(frame);
    return TRANSPORT_FRAME;
}

static void script_destroy(struct transport **transport) {
    *transport = NULL;
}

static const struct transport_ops script_ops = {
    .name = "script", .send = script_send, .poll = script_poll, .destroy = script_destroy};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct script script = {.base.ops = &script_ops, .data = data, .size = size};
    struct transport *endpoint = &script.base;
    struct worker_options options = {.max_frame_bytes = 1 << 16, .cache_bytes = 1 << 20};
    struct backend *backend = NULL;
    if (backend_create(&backend, "reference", 1, NULL) != CONVOY_OK)
        abort();
    worker_run(&endpoint, backend, &options, NULL);
    backend->ops->destroy(&backend);
    return 0;
}
