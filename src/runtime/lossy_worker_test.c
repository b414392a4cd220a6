/* A worker that says again and again that it has lost its filters: it gets them a few times, and nobody waits
 * for it for ever. */
#include "base/clock.h"
#include "compute/layer.h"
#include "runtime/cluster.h"
#include "transport/transport.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATIENCE_NS (NS_PER_S / 2)

struct lossy {
    struct transport *endpoint;
    atomic_uint got; /* contents */
};

static void reply(struct transport *endpoint, const struct frame *to, enum frame_kind kind) {
    struct frame frame = {
        .header = {.kind = (uint16_t)kind, .layer = to->header.layer, .job = to->header.job}};
    frame_seal(&frame, 0);
    endpoint->ops->send(endpoint, 0, &frame);
}

/* Wants what it is offered, is ready when it has come, and loses it at once. */
static void *lose(void *context) {
    struct lossy *lossy = context;
    for (;;) {
        uint32_t peer;
        struct frame frame;
        enum transport_event event = lossy->endpoint->ops->poll(lossy->endpoint, UINT64_MAX, &peer, &frame);
        if (event == TRANSPORT_CLOSED || event == TRANSPORT_FINISHED)
            break;
        if (event != TRANSPORT_FRAME)
            continue;
        if (frame.header.kind == FRAME_OFFER)
            reply(lossy->endpoint, &frame, FRAME_WANT);
        if (frame.header.kind == FRAME_PING)
            reply(lossy->endpoint, &frame, FRAME_PONG);
        if (frame.header.kind == FRAME_LAYER) {
            atomic_fetch_add(&lossy->got, 1);
            reply(lossy->endpoint, &frame, FRAME_READY);
            clock_sleep_until(clock_now_ns() + 20 * NS_PER_MS); /* the master has seen that it is ready */
            reply(lossy->endpoint, &frame, FRAME_WANT);
        }
        frame_release(&frame);
    }
    lossy->endpoint->ops->destroy(&lossy->endpoint);
    return NULL;
}

static void count_line(void *context, convoy_log_level level, const char *line) {
    if (level == CONVOY_LOG_WARNING && strstr(line, "damaged"))
        atomic_fetch_add((atomic_uint *)context, 1);
}

static void test_lossy_worker(void **state) {
    (void)state;
    struct lossy lossy = {0};
    atomic_uint lines = 0;
    struct transport *master = NULL, *endpoints[1];
    struct cluster *cluster = NULL;
    struct backend *inner = NULL, *backend = NULL;
    struct layer *layer = NULL;
    struct plan *plan = NULL;
    struct cluster_options options = {.workers = 1,
                                      .deadline_ns = NS_PER_S,
                                      .fallback = true,
                                      .log = {.sink = count_line, .context = &lines}};
    struct conv_geometry conv = {.spatial = 2,
                                 .batch = 1,
                                 .groups = 1,
                                 .in_channels = 2,
                                 .out_channels = 4,
                                 .in = {6, 6},
                                 .kernel = {3, 3},
                                 .stride = {1, 1},
                                 .dilation = {1, 1}};
    float weights[4 * 2 * 9] = {1};
    assert_int_equal(conv_geometry_complete(&conv, NULL), CONVOY_OK);
    struct value_desc input;
    const struct layer_desc desc = conv_layer_desc(&conv, CONVOY_F32, &input);
    const struct layer_params params = {
        .weights = {.dtype = CONVOY_F32, .shape = conv_filter_shape(&conv), .data = weights}};
    assert_int_equal(code_family_find("rotation", &options.family, NULL), CONVOY_OK);
    assert_int_equal(local_transport_create(&master, endpoints, 1, true, NULL), CONVOY_OK);
    lossy.endpoint = endpoints[0];
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, lose, &lossy), 0);
    assert_int_equal(cluster_create(&cluster, &options, 1, &master, NULL), CONVOY_OK);
    assert_int_equal(backend_create(&inner, "reference", 1, NULL), CONVOY_OK);
    assert_int_equal(cluster_backend_create(&backend, cluster, &inner, NULL), CONVOY_OK);
    assert_int_equal(cluster_plan_one(&plan, &options, &desc, &params, 0, 0, NULL), CONVOY_OK);
    cluster_backend_follow(backend, plan);
    assert_int_equal(backend->ops->layer_prepare(backend, &desc, &params, &layer, NULL), CONVOY_OK);
    cluster_ready(cluster, PATIENCE_NS, NULL, NULL, NULL);
    clock_sleep_until(clock_now_ns() + PATIENCE_NS); /* whatever it may still lose */
    unsigned got = atomic_load(&lossy.got);
    cluster_ready(cluster, PATIENCE_NS, NULL, NULL, NULL); /* ends, too */
    print_message("%u contents were sent, and %u losses told\n", got, atomic_load(&lines));
    assert_true(got >= 2 && got <= 5 && atomic_load(&lossy.got) == got && atomic_load(&lines) <= got);
    layer->ops->layer_destroy(&layer);
    backend->ops->destroy(&backend);
    cluster_destroy(&cluster);
    plan_destroy(&plan);
    pthread_join(thread, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lossy_worker)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
