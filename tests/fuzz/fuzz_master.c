/* What workers send to a master, while it distributes a layer, a job is open, and it probes them. */
#include "fuzz.h"

#include "base/clock.h"
#include "runtime/dispatcher.h"

#include <stdlib.h>
#include <string.h>

#define NODES 2

/* Delivers the frames of the input, one after the other from either worker, and then nothing until it is
 * woken. */
struct script {
    struct transport base;
    const uint8_t *data;
    size_t size;
    uint32_t turn;
    atomic_bool woken;
};

static convoy_status script_send(struct transport *transport, uint32_t peer, struct frame *frame) {
    (void)transport, (void)peer;
    frame_release(frame);
    return CONVOY_OK;
}

static enum transport_event script_poll(struct transport *transport, uint64_t deadline_ns, uint32_t *peer,
                                        struct frame *frame) {
    struct script *script = (struct script *)transport;
    (void)deadline_ns;
    *peer = script->turn++ % NODES;
    if (fuzz_next_frame(&script->data, &script->size, frame))
        return TRANSPORT_FRAME;
    if (!atomic_exchange(&script->woken, false))
        clock_sleep_until(clock_now_ns() + NS_PER_MS / 20);
    return TRANSPORT_WOKEN;
}

static void script_wake(struct transport *transport) {
    atomic_store(&((struct script *)transport)->woken, true);
}

static enum peer_state script_state(struct transport *transport, uint32_t peer) {
    (void)transport, (void)peer;
    return PEER_ALIVE;
}

static void script_identify(struct transport *transport, uint32_t peer, struct peer_identity *identity) {
    (void)transport;
    *identity = (struct peer_identity){.instance = peer + 1};
}

static void script_destroy(struct transport **transport) {
    *transport = NULL;
}

static const struct transport_ops script_ops = {.name = "script",
                                                .send = script_send,
                                                .poll = script_poll,
                                                .wake = script_wake,
                                                .state = script_state,
                                                .identify = script_identify,
                                                .destroy = script_destroy};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct script script = {.base.ops = &script_ops, .data = data, .size = size};
    struct transport *transport = &script.base;
    struct dispatcher *dispatcher = NULL;
    struct log log = {0};
    uint32_t layer, workers[NODES], count;
    if (dispatcher_create(&dispatcher, &transport, NODES, 1, &log, NULL, NULL, NULL) != CONVOY_OK ||
        dispatcher_add_layer(dispatcher, &layer) != CONVOY_OK ||
        !dispatcher_next_gap(dispatcher, &layer, workers, &count))
        abort();
    for (uint32_t i = 0; i < count; i++) {
        struct buffer *content = buffer_create(64);
        if (!content)
            abort();
        memset(content->data, 0, content->bytes);
        dispatcher_supply(dispatcher, layer, workers[i], &content);
    }
    struct job_task tasks[NODES] = {{.state = TASK_WAITING}, {.state = TASK_WAITING}};
    struct job job = {
        .layer = layer, .dtype = CONVOY_F32, .answer_bytes = 16, .longest_ns = NS_PER_S, .tasks = tasks};
    enum task_state states[NODES];
    dispatcher_submit(dispatcher, &job);
    dispatcher_wait(dispatcher, &job, 1, clock_now_ns() + NS_PER_MS / 2, states);
    dispatcher_finish(dispatcher, &job);
    struct probe probes[NODES] = {{.state = PROBE_DUE}, {.state = PROBE_DUE}};
    struct buffer *question = buffer_create(16);
    if (!question)
        abort();
    memset(question->data, 0, question->bytes);
    dispatcher_probe(dispatcher, question, probes, clock_now_ns() + NS_PER_MS / 2);
    for (uint32_t i = 0; i < NODES; i++)
        buffer_release(&probes[i].answer);
    buffer_release(&question);
    job_release(&job, NODES);
    dispatcher_destroy(&dispatcher);
    return 0;
}
