/* Faults: how they are written, and what the transport's kinds do. */
#include "transport/fault.h"

#include "base/clock.h"
#include "transport/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATIENCE_NS (20 * NS_PER_S)
#define SEED        7

static void test_parse(void **state) {
    (void)state;
    struct fault fault;
    assert_int_equal(fault_parse(&fault, "1:kill", 6, NULL), CONVOY_OK);
    assert_int_equal(fault.worker, 1);
    assert_int_equal(fault.kind, FAULT_KILL);
    assert_int_equal(fault_parse(&fault, "5:kill@conv2/relu", 6, NULL), CONVOY_OK);
    assert_int_equal(fault.kind, FAULT_KILL_LAYER);
    assert_string_equal(fault.layer, "conv2/relu");
    assert_int_equal(fault_parse(&fault, "0:delay=500ms", 6, NULL), CONVOY_OK);
    assert_int_equal(fault.delay_ns, 500 * NS_PER_MS);
    assert_int_equal(fault_parse(&fault, "0:delay=2s", 6, NULL), CONVOY_OK);
    assert_int_equal(fault.delay_ns, 2 * NS_PER_S);
    assert_int_equal(fault.count, 0);
    assert_int_equal(fault_parse(&fault, "0:delay=1.5ms@20", 6, NULL), CONVOY_OK);
    assert_int_equal(fault.delay_ns, 1500000);
    assert_int_equal(fault.count, 20);
    assert_int_equal(fault_parse(&fault, "0:slow=10x", 6, NULL), CONVOY_OK);
    assert_int_equal(fault.kind, FAULT_SLOW);
    assert_true(fault.factor == 10);
    assert_int_equal(fault_parse(&fault, "0:busy=2.5", 6, NULL), CONVOY_OK);
    assert_int_equal(fault.kind, FAULT_BUSY);
    assert_true(fault.factor == 2.5);
    assert_int_equal(fault_parse(&fault, "3:drop=0.25", 6, NULL), CONVOY_OK);
    assert_true(fault.factor == 0.25);
    assert_int_equal(fault_parse(&fault, "3:corrupt", 6, NULL), CONVOY_OK);
    assert_int_equal(fault.kind, FAULT_CORRUPT);
    assert_int_equal(fault_parse(&fault, "3:lie", 6, NULL), CONVOY_OK);
    assert_int_equal(fault.kind, FAULT_LIE);
    assert_true(fault.size == 1e-2 && fault.elements == 1e-3 && fault.answers == 1);
    assert_int_equal(fault_parse(&fault, "3:lie=2,0.5", 6, NULL), CONVOY_OK);
    assert_true(fault.size == 2 && fault.elements == 0.5 && fault.answers == 1);
    assert_int_equal(fault_parse(&fault, "3:lie=1e-4,0,0.01", 6, NULL), CONVOY_OK);
    assert_true(fault.size == 1e-4 && fault.elements == 0 && fault.answers == 0.01);
}

static void test_parse_refuses(void **state) {
    (void)state;
    static const char *const wrong[] = {"",
                                        "kill",
                                        "1",
                                        "1:",
                                        "6:kill",
                                        "-1:kill",
                                        "+1:kill",
                                        " 1:kill",
                                        "99999999999999999999:kill",
                                        "1:Kill",
                                        "1:kill@",
                                        "1:delay",
                                        "1:delay=",
                                        "1:delay=5",
                                        "1:delay=-5ms",
                                        "1:delay=nans",
                                        "1:delay=1e9s",
                                        "1:delay=5ms@",
                                        "1:delay=5ms@0",
                                        "1:delay=5ms@-1",
                                        "1:delay=5ms@3x",
                                        "1:delay=5ms@9999999999",
                                        "1:delay=@3",
                                        "1:slow=0.5x",
                                        "1:slow=x",
                                        "1:busy",
                                        "1:busy=0.5x",
                                        "1:busy=1e7x",
                                        "1:drop=1.5",
                                        "1:drop=0.2x",
                                        "1:corrupt=1",
                                        "1:lies",
                                        "1:lie=",
                                        "1:lie=x",
                                        "1:lie=-1",
                                        "1:lie=nan",
                                        "1:lie=1,2",
                                        "1:lie=1,0.5,",
                                        "1:lie=1,0.5,1.5",
                                        "1:lie=1,0.5,1,1",
                                        "1:lie 1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct fault fault = {.worker = 77};
        convoy_error error = {0};
        assert_int_equal(fault_parse(&fault, wrong[i], 6, &error), CONVOY_E_USAGE);
        assert_non_null(strstr(error.message, wrong[i]));
        assert_int_equal(fault.worker, 77);
    }
    char longest[300] = "1:kill@";
    memset(longest + 7, 'x', 200);
    struct fault fault;
    assert_int_equal(fault_parse(&fault, longest, 6, NULL), CONVOY_E_USAGE);
}

struct pair {
    struct transport *master, *workers[2];
};

static struct pair with_fault(const char *text) {
    struct pair pair;
    struct fault fault;
    assert_int_equal(fault_parse(&fault, text, 2, NULL), CONVOY_OK);
    assert_int_equal(local_transport_create(&pair.master, pair.workers, 2, true, NULL), CONVOY_OK);
    assert_int_equal(faulty_transport_create(&pair.master, &pair.master, 2, &fault, 1, SEED, NULL),
                     CONVOY_OK);
    return pair;
}

static void end(struct pair *pair) {
    pair->master->ops->destroy(&pair->master);
    for (int w = 0; w < 2; w++)
        pair->workers[w]->ops->destroy(&pair->workers[w]);
}

static void answer(struct pair *pair, uint32_t worker, uint64_t job, enum frame_kind kind) {
    struct frame frame = {.header = {.kind = (uint16_t)kind, .job = job}, .payload = buffer_create(256)};
    assert_non_null(frame.payload);
    memset(frame.payload->data, 1, 256);
    frame_seal(&frame, frame_payload_hash(frame.payload));
    assert_int_equal(pair->workers[worker]->ops->send(pair->workers[worker], 0, &frame), CONVOY_OK);
}

static enum transport_event receive(struct pair *pair, uint64_t wait_ns, uint32_t *worker,
                                    struct frame *frame) {
    return pair->master->ops->poll(pair->master, clock_now_ns() + wait_ns, worker, frame);
}

static void test_kill(void **state) {
    (void)state;
    struct pair pair = with_fault("1:kill");
    uint32_t worker = 9;
    struct frame frame;
    assert_int_equal(receive(&pair, PATIENCE_NS, &worker, &frame), TRANSPORT_LEFT);
    assert_int_equal(worker, 1);
    assert_int_equal(pair.workers[1]->ops->poll(pair.workers[1], 0, &worker, &frame), TRANSPORT_CLOSED);
    end(&pair);
}

/* Delayed frames keep their order and overlap: ten of them take one delay, not ten. The other worker is not
 * held up. */
static void test_delay(void **state) {
    (void)state;
    struct pair pair = with_fault("0:delay=200ms");
    uint64_t start_ns = clock_now_ns();
    for (uint64_t job = 1; job <= 10; job++)
        answer(&pair, 0, job, FRAME_ANSWER);
    answer(&pair, 1, 99, FRAME_ANSWER);
    uint32_t worker;
    struct frame frame;
    assert_int_equal(receive(&pair, PATIENCE_NS, &worker, &frame), TRANSPORT_FRAME);
    assert_int_equal(worker, 1);
    frame_release(&frame);
    for (uint64_t job = 1; job <= 10; job++) {
        assert_int_equal(receive(&pair, PATIENCE_NS, &worker, &frame), TRANSPORT_FRAME);
        assert_int_equal(frame.header.job, job);
        assert_true(clock_now_ns() >= start_ns + 200 * NS_PER_MS);
        frame_release(&frame);
    }
    end(&pair);
}

/* A delay that ends with an answer: what comes after it is held back no longer than that, and does not
 * overtake it; then nothing is delayed. */
static void test_delay_ends(void **state) {
    (void)state;
    struct pair pair = with_fault("0:delay=200ms@1");
    uint64_t start_ns = clock_now_ns();
    static const enum frame_kind kinds[] = {FRAME_READY, FRAME_ANSWER, FRAME_ANSWER, FRAME_READY};
    uint32_t worker;
    struct frame frame;
    for (uint64_t job = 0; job < 4; job++)
        answer(&pair, 0, job, kinds[job]);
    for (uint64_t job = 0; job < 4; job++) {
        assert_int_equal(receive(&pair, PATIENCE_NS, &worker, &frame), TRANSPORT_FRAME);
        assert_int_equal(frame.header.job, job);
        assert_true(clock_now_ns() >= start_ns + 200 * NS_PER_MS);
        frame_release(&frame);
    }
    answer(&pair, 0, 5, FRAME_ANSWER);
    assert_int_equal(receive(&pair, 0, &worker, &frame), TRANSPORT_FRAME);
    frame_release(&frame);
    end(&pair);
}

/* Closing does not wait for what is held back, and drops it (the sanitizer looks). */
static void test_close_under_delay(void **state) {
    (void)state;
    struct pair pair = with_fault("0:delay=1000s");
    uint32_t worker;
    struct frame frame;
    answer(&pair, 0, 1, FRAME_ANSWER);
    assert_int_equal(receive(&pair, 10 * NS_PER_MS, &worker, &frame), TRANSPORT_TIMEOUT);
    end(&pair);
}

/* Of 1000 answers about a tenth is lost (binomial: 10 standard deviations allowed), other kinds never. */
static void test_drop(void **state) {
    (void)state;
    struct pair pair = with_fault("0:drop=0.1");
    int came[2] = {0, 0};
    for (uint64_t job = 1; job <= 1000; job++) {
        answer(&pair, 0, job, FRAME_ANSWER);
        answer(&pair, 0, job, FRAME_READY);
    }
    uint32_t worker;
    struct frame frame;
    while (receive(&pair, 0, &worker, &frame) == TRANSPORT_FRAME) {
        came[frame.header.kind == FRAME_READY]++;
        frame_release(&frame);
    }
    assert_int_equal(came[1], 1000);
    assert_in_range(came[0], 805, 995);
    end(&pair);
}

static void test_corrupt(void **state) {
    (void)state;
    struct pair pair = with_fault("0:corrupt");
    uint32_t worker;
    struct frame frame;
    answer(&pair, 0, 1, FRAME_ANSWER);
    answer(&pair, 0, 2, FRAME_READY);
    answer(&pair, 1, 3, FRAME_ANSWER);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(receive(&pair, PATIENCE_NS, &worker, &frame), TRANSPORT_FRAME);
        assert_int_equal(frame.header.job, i);
        assert_int_equal(frame_valid(&frame), i != 1);
        frame_release(&frame);
    }
    end(&pair);
}

/* So many elements are off by so much, under a checksum that is right, in so many of the answers. */
static void test_lie(void **state) {
    (void)state;
    enum { COUNT = 1000, ANSWERS = 400 };
    static const convoy_dtype types[] = {CONVOY_F32, CONVOY_F64, CONVOY_F16, CONVOY_BF16};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        struct pair pair = with_fault("0:lie=0.5,0.01,0.25");
        uint32_t lies = 0;
        for (int i = 0; i < ANSWERS; i++) {
            struct buffer *payload = buffer_create(COUNT * convoy_dtype_bytes(types[t]));
            assert_non_null(payload);
            const uint64_t one[] = {[CONVOY_F32] = 0x3f800000,
                                    [CONVOY_F64] = UINT64_C(0x3ff0000000000000),
                                    [CONVOY_F16] = 0x3c00,
                                    [CONVOY_BF16] = 0x3f80};
            for (size_t k = 0; k < COUNT; k++)
                memcpy((char *)payload->data + k * convoy_dtype_bytes(types[t]), &one[types[t]],
                       convoy_dtype_bytes(types[t]));
            struct frame frame = {.header = {.kind = FRAME_ANSWER, .job = 1, .dtype = types[t]},
                                  .payload = payload};
            frame_seal(&frame, frame_payload_hash(payload));
            assert_int_equal(pair.workers[0]->ops->send(pair.workers[0], 0, &frame), CONVOY_OK);
            uint32_t worker, changed = 0;
            assert_int_equal(receive(&pair, PATIENCE_NS, &worker, &frame), TRANSPORT_FRAME);
            assert_true(frame_valid(&frame));
            const convoy_tensor tensor = {.dtype = types[t], .data = frame.payload->data};
            for (size_t k = 0; k < COUNT; k++) {
                const double value = convoy_tensor_element(&tensor, k);
                changed += value != 1;
                assert_true(value == 1 || value == 0.5 || value == 1.5 || value == 0 || value == 2);
            }
            assert_in_range(changed, 0, 10);
            lies += changed > 0;
            frame_release(&frame);
        }
        assert_in_range(lies, 60, 140); /* a quarter, six deviations around */
        end(&pair);
    }
}

int main(void) {
    printf("seed %d\n", SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse), cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_kill),  cmocka_unit_test(test_delay_ends),
        cmocka_unit_test(test_delay), cmocka_unit_test(test_close_under_delay),
        cmocka_unit_test(test_drop),  cmocka_unit_test(test_corrupt),
        cmocka_unit_test(test_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
