#include "runtime/worker.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/pool.h"
#include "base/random.h"
#include "runtime/layer_cache.h"
#include "runtime/probe.h"
#include "runtime/probe_rates.h"
#include "runtime/task.h"
#include "transport/lie.h"

#include <stdlib.h>
#include <string.h>

/* A master sends at most two tasks ahead; layers come in bulk while a model is distributed. Beyond this the
 * master is broken. */
#define QUEUE_LIMIT     65536
#define LAYER_LIMIT     65536
#define LOOK_NS         (10 * NS_PER_MS) /* between looks at what comes, of a worker that a fault makes slow */
#define IDLE_BUFFERS    6                /* whose memory is kept for the next task */
#define MAX_FRAME_BYTES (UINT64_C(16) << 30)
#define USUAL_IDLE_NS   (60 * NS_PER_S) /* after which filters are checked before they are used */

struct worker {
    struct transport *endpoint;
    struct backend *backend;
    struct context *context;
    const struct worker_options *options;
    struct layer_cache *cache;
    struct buffer_pool *buffers; /* memory of answers, and of tasks and answers that travel narrower */
    struct held_layer **layers;  /* [layer_count], by the master's number; NULL: none */
    size_t layer_count;
    struct frame *queue; /* [queue_capacity]: frames in order of arrival, queue[0..queue_count) */
    size_t queue_count, queue_capacity;
    struct random random; /* of faults */
    bool closed;          /* the master is gone for good, or broken, or a fault killed the worker */
    bool killed;          /* a fault did */
    bool finished;        /* the master has no more work, and said so */
};

static const struct fault *find_fault(const struct worker *worker, enum fault_kind kind) {
    for (size_t i = 0; i < worker->options->fault_count; i++)
        if (worker->options->faults[i].kind == kind)
            return &worker->options->faults[i];
    return NULL;
}

/* Answers under the request's numbers; takes the payload. A master that is gone is noticed by the next poll.
 */
static void reply(struct worker *worker, const struct frame *request, struct frame_header header,
                  struct buffer *take_payload) {
    struct frame frame = {.header = header, .payload = take_payload};
    frame.header.layer = request->header.layer;
    frame.header.job = request->header.job;
    frame_seal(&frame, transport_payload_hash(worker->endpoint, frame.payload));
    worker->endpoint->ops->send(worker->endpoint, 0, &frame);
}

/* The same, of nothing but a kind. */
static void reply_kind(struct worker *worker, const struct frame *request, enum frame_kind kind) {
    reply(worker, request, (struct frame_header){.kind = (uint16_t)kind}, NULL);
}

static void queue_remove(struct worker *worker, size_t i) {
    frame_release(&worker->queue[i]);
    worker->queue_count--;
    memmove(&worker->queue[i], &worker->queue[i + 1], (worker->queue_count - i) * sizeof worker->queue[0]);
}

static void cancel(struct worker *worker, uint64_t job) {
    for (size_t i = 0; i < worker->queue_count; i++) {
        if (worker->queue[i].header.kind != FRAME_TASK || worker->queue[i].header.job != job)
            continue;
        reply_kind(worker, &worker->queue[i], FRAME_DECLINED);
        queue_remove(worker, i);
        return;
    }
}

/* Takes a frame from the master into the queue, or acts on it at once if it is a cancellation. */
static void accept_frame(struct worker *worker, struct frame *frame) {
    if (!transport_frame_valid(worker->endpoint, frame)) {
        frame_release(frame); /* the master learns of the gap by its next ping */
        return;
    }
    if (frame->header.kind == FRAME_CANCEL) {
        cancel(worker, frame->header.job);
        frame_release(frame);
        return;
    }
    if (worker->queue_count == worker->queue_capacity) {
        size_t capacity = worker->queue_capacity ? 2 * worker->queue_capacity : 16;
        struct frame *queue =
            capacity <= QUEUE_LIMIT ? realloc(worker->queue, capacity * sizeof *queue) : NULL;
        if (!queue) {
            frame_release(frame);
            worker->closed = true;
            return;
        }
        worker->queue = queue;
        worker->queue_capacity = capacity;
    }
    worker->queue[worker->queue_count++] = *frame;
}

/* What a master that is gone asked for, and its numbers of layers, mean nothing any more. The layers stay in
 * the cache. */
static void forget_master(struct worker *worker) {
    while (worker->queue_count)
        queue_remove(worker, worker->queue_count - 1);
    for (size_t i = 0; i < worker->layer_count; i++)
        layer_cache_release(worker->cache, &worker->layers[i]);
}

/* Takes in what comes until the moment; 0: what is there already. */
static void receive_until(struct worker *worker, uint64_t deadline_ns) {
    while (!worker->closed) {
        uint32_t peer;
        struct frame frame;
        switch (worker->endpoint->ops->poll(worker->endpoint, deadline_ns, &peer, &frame)) {
        case TRANSPORT_FRAME:
            accept_frame(worker, &frame);
            break;
        case TRANSPORT_FINISHED:
            worker->finished = true;
            /* fall through */
        case TRANSPORT_CLOSED:
            worker->closed = true;
            break;
        case TRANSPORT_JOINED:
        case TRANSPORT_LEFT:
            forget_master(worker);
            break;
        case TRANSPORT_TIMEOUT:
            return;
        case TRANSPORT_SUSPECTED:
        case TRANSPORT_RECOVERED:
        case TRANSPORT_WOKEN:
            break;
        }
        if (worker->queue_count && deadline_ns == UINT64_MAX)
            deadline_ns = 0; /* waited for something to do, and it came */
    }
}

/* Makes room for a layer under this number; false where there is none. */
static bool reserve_number(struct worker *worker, uint32_t number) {
    if (number < worker->layer_count)
        return true;
    size_t count = (size_t)number + 1;
    struct held_layer **layers =
        number < LAYER_LIMIT ? realloc(worker->layers, count * sizeof *layers) : NULL;
    if (!layers)
        return false;
    for (size_t i = worker->layer_count; i < count; i++)
        layers[i] = NULL;
    worker->layers = layers;
    worker->layer_count = count;
    return true;
}

/* Whether a layer's tasks and answers are of a size that this worker deals with. A few bytes can describe a
 * convolution with a huge output. */
static bool is_bearable(const struct worker *worker, const struct held_layer *held) {
    uint64_t limit = worker->options->max_frame_bytes ? worker->options->max_frame_bytes : MAX_FRAME_BYTES;
    return held->input_bytes <= limit && held->output_bytes <= limit;
}

/* A layer is offered by its hash, or brought. */
static void serve_layer(struct worker *worker, const struct frame *frame) {
    struct held_layer *held = NULL;
    struct content_hash hash;
    bool offered = frame->header.kind == FRAME_OFFER;
    if (!reserve_number(worker, frame->header.layer) ||
        (offered && (!frame->payload || frame->payload->bytes != sizeof hash))) {
        reply_kind(worker, frame, FRAME_UNFIT);
        return;
    }
    layer_cache_release(worker->cache, &worker->layers[frame->header.layer]);
    if (offered) {
        memcpy(&hash, frame->payload->data, sizeof hash);
        held = layer_cache_find(worker->cache, hash);
    } else {
        layer_cache_insert(worker->cache, frame->payload, &held);
    }
    if (held && !is_bearable(worker, held)) {
        layer_cache_release(worker->cache, &held);
        offered = false;
    }
    worker->layers[frame->header.layer] = held;
    reply_kind(worker, frame, held ? FRAME_READY : offered ? FRAME_WANT : FRAME_UNFIT);
}

/* The answer to a task, as the task came; NULL if it cannot be computed. */
static struct buffer *compute(struct worker *worker, const struct held_layer *held,
                              const struct frame *frame) {
    return task_compute(held, worker->context, worker->buffers, frame->header.dtype, frame->payload);
}

/* Sleeps as if it computed: without a look at what comes, which would wake it for every frame; but not deaf
 * for so long that a cluster could not end. */
static void dawdle_until(struct worker *worker, uint64_t until_ns) {
    for (uint64_t now_ns = clock_now_ns(); now_ns < until_ns && !worker->closed; now_ns = clock_now_ns()) {
        clock_sleep_until(until_ns - now_ns > LOOK_NS ? now_ns + LOOK_NS : until_ns);
        receive_until(worker, 0);
    }
}

/* Computes a task again and again, as many times in all as the factor says; no deafer than who dawdles. */
static void toil(struct worker *worker, const struct held_layer *held, const struct frame *frame,
                 double factor, struct buffer **answer) {
    uint64_t look_ns = clock_now_ns() + LOOK_NS;
    for (double times = 1; times < factor && *answer && !worker->closed; times++) {
        buffer_release(answer);
        *answer = compute(worker, held, frame);
        if (clock_now_ns() < look_ns)
            continue;
        receive_until(worker, 0);
        look_ns = clock_now_ns() + LOOK_NS;
    }
}

/* Replaces an answer by a wrong one, unless the fault spares it. */
static void lie(struct worker *worker, const struct fault *fault, convoy_dtype dtype,
                struct buffer **answer) {
    struct buffer *told = lie_about(*answer, dtype, fault, &worker->random);
    if (!told)
        return;
    buffer_release(answer);
    *answer = told;
}

/* Whole microseconds, at least 1. */
static uint32_t us_since(uint64_t start_ns) {
    uint64_t us = (clock_now_ns() - start_ns) / 1000;
    return us < 1 ? 1 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

/* The layer of a task, or NULL: it is not held, or its filters were damaged in memory and are wanted anew. */
static const struct held_layer *find_layer(struct worker *worker, const struct frame *frame) {
    struct held_layer **held =
        frame->header.layer < worker->layer_count ? &worker->layers[frame->header.layer] : NULL;
    if (!held || !*held || layer_cache_intact(worker->cache, *held))
        return held ? *held : NULL;
    layer_cache_release(worker->cache, held);
    reply_kind(worker, frame, FRAME_WANT);
    return NULL;
}

static void serve_task(struct worker *worker, const struct frame *frame) {
    const struct held_layer *held = find_layer(worker, frame);
    if (!held) {
        reply_kind(worker, frame, FRAME_DECLINED);
        return;
    }
    const struct fault *slow = find_fault(worker, FAULT_SLOW), *busy = find_fault(worker, FAULT_BUSY);
    const struct fault *lying = find_fault(worker, FAULT_LIE);
    for (size_t i = 0; i < worker->options->fault_count; i++)
        if (worker->options->faults[i].kind == FAULT_KILL_LAYER &&
            strcmp(worker->options->faults[i].layer, held->name) == 0) {
            worker->closed = worker->killed = true;
            return;
        }
    uint64_t start_ns = clock_now_ns();
    struct buffer *answer = compute(worker, held, frame);
    if (slow) {
        uint64_t now_ns = clock_now_ns();
        dawdle_until(worker, now_ns + (uint64_t)((slow->factor - 1) * (double)(now_ns - start_ns)));
    }
    if (busy)
        toil(worker, held, frame, busy->factor, &answer);
    if (!answer) {
        reply_kind(worker, frame, FRAME_DECLINED);
        return;
    }
    if (lying)
        lie(worker, lying, (convoy_dtype)frame->header.dtype, &answer);
    reply(worker, frame,
          (struct frame_header){
              .kind = FRAME_ANSWER, .dtype = frame->header.dtype, .took_us = us_since(start_ns)},
          answer);
}

/* A worker that a fault makes slow or busy measures as if it were a machine that is so many times slower. */
static bool measure(struct worker *worker, struct compute_rates *rates) {
    const struct fault *slow = find_fault(worker, FAULT_SLOW), *busy = find_fault(worker, FAULT_BUSY);
    const double factor = (slow ? slow->factor : 1) * (busy ? busy->factor : 1);
    const uint64_t start_ns = clock_now_ns();
    double share;
    if (!probe_rates_measure(worker->backend, rates, &share))
        return false;
    const uint64_t now_ns = clock_now_ns();
    dawdle_until(worker, now_ns + (uint64_t)((factor - 1) * (double)(now_ns - start_ns)));
    for (int kind = 0; kind < RATE_KINDS; kind++)
        rates->macs_per_ns[kind] /= factor;
    return true;
}

static void serve_probe(struct worker *worker, const struct frame *frame) {
    struct probe_request request;
    struct probe_answer answer = {.memory_bytes = worker->options->cache_bytes};
    struct buffer *payload = NULL;
    const uint64_t start_ns = clock_now_ns();
    if (probe_request_read(&request, frame->payload) && (!request.measure || measure(worker, &answer.rates)))
        payload = probe_answer_create(&answer, request.answer_bytes);
    reply(worker, frame, (struct frame_header){.kind = FRAME_PROBED, .took_us = us_since(start_ns)}, payload);
}

static void serve(struct worker *worker, const struct frame *frame) {
    switch (frame->header.kind) {
    case FRAME_OFFER:
    case FRAME_LAYER:
        serve_layer(worker, frame);
        break;
    case FRAME_TASK:
        serve_task(worker, frame);
        break;
    case FRAME_PING:
        reply_kind(worker, frame, FRAME_PONG);
        break;
    case FRAME_PROBE:
        serve_probe(worker, frame);
        break;
    default:
        break; /* a kind that only workers send: ignored */
    }
}

static void worker_clear(struct worker *worker) {
    worker->endpoint->ops->destroy(&worker->endpoint);
    forget_master(worker);
    free(worker->queue);
    free(worker->layers);
    layer_cache_destroy(&worker->cache);
    buffer_pool_destroy(&worker->buffers);
    if (worker->context)
        worker->context->ops->context_destroy(&worker->context);
}

convoy_status worker_run(struct transport **take_endpoint, struct backend *backend,
                         const struct worker_options *options, convoy_error *error) {
    struct worker worker = {.endpoint = *take_endpoint, .backend = backend, .options = options};
    *take_endpoint = NULL;
    random_seed(&worker.random, options->seed);
    convoy_status status =
        layer_cache_create(&worker.cache, backend, options->cache_bytes, options->cache_folder,
                           options->idle_ns ? options->idle_ns : USUAL_IDLE_NS, options->log, error);
    worker.buffers = buffer_pool_create(IDLE_BUFFERS);
    if (status == CONVOY_OK && !worker.buffers)
        status = error_memory(error);
    if (status == CONVOY_OK)
        status = backend->ops->context_create(backend, &worker.context, error);
    while (status == CONVOY_OK && !worker.closed) {
        receive_until(&worker, worker.queue_count ? 0 : UINT64_MAX);
        if (worker.closed || !worker.queue_count)
            continue;
        struct frame frame = worker.queue[0];
        worker.queue[0].payload = NULL;
        queue_remove(&worker, 0);
        serve(&worker, &frame);
        frame_release(&frame);
    }
    worker_clear(&worker);
    return status == CONVOY_OK && !worker.killed && !worker.finished ? CONVOY_E_CLOSED : status;
}
