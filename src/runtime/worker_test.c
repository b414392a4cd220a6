/* A worker and tasks in every type, right and wrong, over a transport that plays a script. */
#include "runtime/worker.h"

#include "base/half.h"
#include "base/tensor.h"
#include "runtime/layer_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SIDE = 5, MOST_FRAMES = 16 };

/* Gives its frames one after the other, each when the last one is answered, and keeps what is sent. */
struct script {
    struct transport base;
    struct frame frames[MOST_FRAMES], replies[MOST_FRAMES];
    uint32_t count, given, replied;
    uint64_t idle_ns; /* of the worker's options, as what follows */
    const struct fault *faults;
    size_t fault_count;
    struct buffer *content;  /* of a layer that memory damages, with one bit, */
    uint32_t damaged_before; /* before this frame */
    uint32_t unasked;        /* replies to no frame */
};

static convoy_status script_send(struct transport *transport, uint32_t peer, struct frame *frame) {
    struct script *script = (struct script *)transport;
    (void)peer;
    assert_true(script->replied < MOST_FRAMES && frame_valid(frame));
    script->replies[script->replied++] = *frame;
    frame->payload = NULL;
    return CONVOY_OK;
}

static enum transport_event script_poll(struct transport *transport, uint64_t deadline_ns, uint32_t *peer,
                                        struct frame *frame) {
    struct script *script = (struct script *)transport;
    *peer = 0;
    if (deadline_ns == 0)
        return TRANSPORT_TIMEOUT;
    if (script->given == script->count)
        return TRANSPORT_CLOSED;
    if (script->content && script->given == script->damaged_before)
        ((unsigned char *)script->content->data)[script->content->bytes - 1] ^= 4;
    *frame = script->frames[script->given++];
    return TRANSPORT_FRAME;
}

static void script_destroy(struct transport **transport) {
    *transport = NULL;
}

static const struct transport_ops script_ops = {
    .name = "script", .send = script_send, .poll = script_poll, .destroy = script_destroy};

static void script_add(struct script *script, enum frame_kind kind, uint32_t layer, uint32_t dtype,
                       struct buffer *payload) {
    struct frame *frame = &script->frames[script->count++];
    *frame = (struct frame){
        .header = {.kind = (uint16_t)kind, .layer = layer, .job = script->count, .dtype = dtype},
        .payload = payload};
    frame_seal(frame, frame_payload_hash(payload));
}

/* Layer 0 (float32) or 1 (float64): one channel, kernel 1, which multiplies by `weight`. */
static void script_add_layer(struct script *script, convoy_dtype dtype, double weight) {
    struct conv_geometry conv = {.spatial = 2,
                                 .batch = 1,
                                 .groups = 1,
                                 .in_channels = 1,
                                 .out_channels = 1,
                                 .in = {SIDE, SIDE},
                                 .kernel = {1, 1},
                                 .stride = {1, 1},
                                 .dilation = {1, 1}};
    void *filters = NULL;
    assert_int_equal(conv_geometry_complete(&conv, NULL), CONVOY_OK);
    struct buffer *message = layer_message_create(&conv, CONV_DIRECT, "layer", dtype, &filters);
    assert_non_null(message);
    if (dtype == CONVOY_F32)
        *(float *)filters = (float)weight;
    else
        *(double *)filters = weight;
    script_add(script, FRAME_LAYER, dtype == CONVOY_F64, 0, message);
}

/* A task of `bytes`, with elements 1, 2, 3, ... as far as these reach. */
static void script_add_task(struct script *script, uint32_t layer, uint32_t dtype, size_t bytes) {
    struct buffer *payload = buffer_create(bytes);
    assert_non_null(payload);
    memset(payload->data, 0, bytes);
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        uint16_t half = dtype == CONVOY_BF16 ? bf16_of((float)i + 1) : f16_of((float)i + 1);
        float single = (float)i + 1;
        if ((dtype == CONVOY_BF16 || dtype == CONVOY_F16) && (i + 1) * sizeof half <= bytes)
            memcpy((uint16_t *)payload->data + i, &half, sizeof half);
        if (dtype == CONVOY_F32 && (i + 1) * sizeof single <= bytes)
            memcpy((float *)payload->data + i, &single, sizeof single);
    }
    script_add(script, FRAME_TASK, layer, dtype, payload);
}

static void script_play(struct script *script) {
    struct transport *endpoint = &script->base;
    struct worker_options options = {
        .idle_ns = script->idle_ns, .faults = script->faults, .fault_count = script->fault_count, .seed = 1};
    struct backend *backend = NULL;
    script->base.ops = &script_ops;
    assert_int_equal(backend_create(&backend, "reference", 1, NULL), CONVOY_OK);
    assert_int_equal(worker_run(&endpoint, backend, &options, NULL), CONVOY_E_CLOSED);
    backend->ops->destroy(&backend);
    assert_int_equal(script->replied, script->count + script->unasked);
}

static void script_clear(struct script *script) {
    for (uint32_t i = 0; i < script->replied; i++)
        frame_release(&script->replies[i]);
}

/* A task is answered in the type in which it came. */
static void test_answers_as_it_was_asked(void **state) {
    (void)state;
    static const convoy_dtype types[] = {CONVOY_F32, CONVOY_BF16, CONVOY_F16};
    struct script script = {0};
    script_add_layer(&script, CONVOY_F32, 3);
    for (size_t t = 0; t < 3; t++)
        script_add_task(&script, 0, types[t], SIDE * SIDE * convoy_dtype_bytes(types[t]));
    script_play(&script);
    assert_int_equal(script.replies[0].header.kind, FRAME_READY);
    for (size_t t = 0; t < 3; t++) {
        const struct frame *answer = &script.replies[t + 1];
        assert_int_equal(answer->header.kind, FRAME_ANSWER);
        assert_int_equal(answer->header.dtype, types[t]);
        assert_int_equal(answer->header.bytes, SIDE * SIDE * convoy_dtype_bytes(types[t]));
        const convoy_tensor tensor = {
            .dtype = types[t], .shape = {1, {SIDE * SIDE}}, .data = answer->payload->data};
        for (size_t i = 0; i < SIDE * SIDE; i++)
            assert_true(convoy_tensor_element(&tensor, i) == 3 * ((double)i + 1)); /* exact in 7 bits */
    }
    script_clear(&script);
}

/* What makes no sense is declined, and the worker lives on. */
static void test_declines_nonsense(void **state) {
    (void)state;
    static const struct {
        uint32_t layer, dtype;
        size_t bytes;
    } tasks[] = {{0, CONVOY_F16, 4 * SIDE * SIDE},
                 {0, CONVOY_BF16, 2 * SIDE * SIDE - 2},
                 {0, CONVOY_BF16, 2 * SIDE * SIDE + 1},
                 {0, CONVOY_F32, 2 * SIDE * SIDE},
                 {0, CONVOY_F64, 8 * SIDE * SIDE},
                 {0, CONVOY_I32, 4 * SIDE * SIDE},
                 {0, 0, 4 * SIDE * SIDE},
                 {0, 4711, 2 * SIDE * SIDE},
                 {1, CONVOY_F16, 2 * SIDE * SIDE},
                 {1, CONVOY_BF16, 2 * SIDE * SIDE},
                 {1, CONVOY_F32, 4 * SIDE * SIDE}};
    struct script script = {0};
    script_add_layer(&script, CONVOY_F32, 3);
    script_add_layer(&script, CONVOY_F64, 3);
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        script_add_task(&script, tasks[i].layer, tasks[i].dtype, tasks[i].bytes);
    script_add(&script, FRAME_TASK, 0, CONVOY_F16, NULL);
    script_add_task(&script, 0, CONVOY_F16, 2 * SIDE * SIDE);
    script_play(&script);
    for (uint32_t i = 2; i < script.replied - 1; i++) {
        assert_int_equal(script.replies[i].header.kind, FRAME_DECLINED);
        assert_null(script.replies[i].payload);
    }
    assert_int_equal(script.replies[script.replied - 1].header.kind, FRAME_ANSWER);
    script_clear(&script);
}

/* An answer that float16 does not hold is none: too large, or too small. */
static void test_declines_what_float16_does_not_hold(void **state) {
    (void)state;
    static const double weights[] = {65504.0 / 25, 65520.0 / 25, 0x1p-18, 0x1p-19};
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
        struct script script = {0};
        script_add_layer(&script, CONVOY_F32, weights[i]);
        script_add_task(&script, 0, CONVOY_F16, 2 * SIDE * SIDE);
        script_add_task(&script, 0, CONVOY_BF16, 2 * SIDE * SIDE);
        script_play(&script);
        assert_int_equal(script.replies[1].header.kind, i % 2 ? FRAME_DECLINED : FRAME_ANSWER);
        assert_int_equal(script.replies[2].header.kind, FRAME_ANSWER);
        script_clear(&script);
    }
}

/* Filters that were damaged while the worker was idle are wanted anew; then tasks are answered again. */
static void test_damaged_filters(void **state) {
    (void)state;
    struct script script = {.idle_ns = 1, .damaged_before = 1, .unasked = 1};
    script_add_layer(&script, CONVOY_F32, 3);
    script.content = buffer_retain(script.frames[0].payload); /* the naive backend computes from it */
    script_add_task(&script, 0, CONVOY_F32, 4 * SIDE * SIDE);
    script_add_task(&script, 0, CONVOY_F32, 4 * SIDE * SIDE);
    script_add_layer(&script, CONVOY_F32, 3);
    script_add_task(&script, 0, CONVOY_F32, 4 * SIDE * SIDE);
    script_play(&script);
    static const enum frame_kind kinds[] = {FRAME_READY,    FRAME_WANT,  FRAME_DECLINED,
                                            FRAME_DECLINED, FRAME_READY, FRAME_ANSWER};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        assert_int_equal(script.replies[i].header.kind, kinds[i]);
    buffer_release(&script.content);
    script_clear(&script);
}

/* A worker that lies seals what it made of its answer, in the type in which it was asked. */
static void test_lies(void **state) {
    (void)state;
    static const convoy_dtype types[] = {CONVOY_F32, CONVOY_BF16, CONVOY_F16};
    for (int always = 0; always < 2; always++) {
        struct fault fault;
        assert_int_equal(fault_parse(&fault, always ? "0:lie=1,0.01" : "0:lie=1,0.01,0", 1, NULL), CONVOY_OK);
        struct script script = {.faults = &fault, .fault_count = 1};
        script_add_layer(&script, CONVOY_F32, 3);
        for (size_t t = 0; t < 3; t++)
            script_add_task(&script, 0, types[t], SIDE * SIDE * convoy_dtype_bytes(types[t]));
        script_play(&script);
        for (size_t t = 0; t < 3; t++) {
            const struct frame *answer = &script.replies[t + 1];
            assert_int_equal(answer->header.kind, FRAME_ANSWER);
            const convoy_tensor tensor = {.dtype = types[t], .data = answer->payload->data};
            int changed = 0;
            for (size_t i = 0; i < SIDE * SIDE; i++)
                changed += convoy_tensor_element(&tensor, i) != 3 * ((double)i + 1);
            assert_int_equal(changed, always);
        }
        script_clear(&script);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_as_it_was_asked),
        cmocka_unit_test(test_declines_nonsense),
        cmocka_unit_test(test_declines_what_float16_does_not_hold),
        cmocka_unit_test(test_damaged_filters),
        cmocka_unit_test(test_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
