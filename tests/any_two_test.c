/* A whole network with any two workers gone: the right output, decoded, for every pair of them.
 *
 *     any_two_test
 *         models/lenet5 and its first digit, n = 6, against the network alone; then with frames of halves
 *         and with every other code that does not need all answers
 *     any_two_test MODEL INPUT.npy OUTPUT.npy WORKERS [bf16|f16 TOLERANCE]
 *         another model, against the given output; within 1e-4, or the tolerance of frames of halves, of its
 *         largest element
 *     any_two_test MODEL INPUT.npy OUTPUT.npy WORKERS codes
 *         the same with every code that does not need all answers
 */
#include "base/clock.h"
#include "code/code.h"
#include "model/executor.h"
#include "runtime/cluster.h"
#include "runtime/worker_threads.h"
#include "session/session.h"

#include <convoy/convoy.h>

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRAGGLERS     2
#define TOLERANCE      1e-4
#define BF16_TOLERANCE (10 * 0x1p-8) /* ten times their roundoff, of LeNet-5 */
#define F16_TOLERANCE  (10 * 0x1p-11)
#define DEADLINE_NS    UINT64_C(60000000000)

static void must(convoy_status status, const convoy_error *error) {
    if (status == CONVOY_OK)
        return;
    fprintf(stderr, "any_two: %s: %s\n", convoy_status_text(status), error->message);
    exit(1);
}

/* ---- a transport on which the workers that are gone just now never deliver ---- */

/* Their answers become refusals, so that a worker that was gone in one run owes nothing in the next, where
 * others are. Other workers' next answer may become something else once. */

struct muting {
    struct transport base;
    struct transport *inner;
    atomic_bool gone[CONVOY_MAX_WORKERS];
    atomic_uint once[CONVOY_MAX_WORKERS]; /* enum frame_kind; 0: an answer, as it is */
};

static convoy_status muting_send(struct transport *transport, uint32_t peer, struct frame *frame) {
    struct muting *muting = (struct muting *)transport;
    return muting->inner->ops->send(muting->inner, peer, frame);
}

static enum transport_event muting_poll(struct transport *transport, uint64_t deadline_ns, uint32_t *peer,
                                        struct frame *frame) {
    struct muting *muting = (struct muting *)transport;
    enum transport_event event = muting->inner->ops->poll(muting->inner, deadline_ns, peer, frame);
    if (event != TRANSPORT_FRAME || frame->header.kind != FRAME_ANSWER)
        return event;
    unsigned kind =
        atomic_load(&muting->gone[*peer]) ? FRAME_DECLINED : atomic_exchange(&muting->once[*peer], 0);
    if (kind) {
        frame_release(frame);
        frame->header.kind = (uint16_t)kind;
        frame_seal(frame, 0);
    }
    return event;
}

static void muting_wake(struct transport *transport) {
    struct muting *muting = (struct muting *)transport;
    muting->inner->ops->wake(muting->inner);
}

static enum peer_state muting_state(struct transport *transport, uint32_t peer) {
    struct muting *muting = (struct muting *)transport;
    return muting->inner->ops->state(muting->inner, peer);
}

static void muting_disconnect(struct transport *transport, uint32_t peer) {
    struct muting *muting = (struct muting *)transport;
    muting->inner->ops->disconnect(muting->inner, peer);
}

static void muting_identify(struct transport *transport, uint32_t peer, struct peer_identity *identity) {
    struct muting *muting = (struct muting *)transport;
    muting->inner->ops->identify(muting->inner, peer, identity);
}

static void muting_destroy(struct transport **transport) {
    struct muting *muting = (struct muting *)*transport;
    *transport = NULL;
    muting->inner->ops->destroy(&muting->inner);
}

static const struct transport_ops muting_ops = {.name = "muting",
                                                .send = muting_send,
                                                .poll = muting_poll,
                                                .wake = muting_wake,
                                                .state = muting_state,
                                                .disconnect = muting_disconnect,
                                                .identify = muting_identify,
                                                .destroy = muting_destroy};

/* ---- the network, alone and on a cluster ---- */

struct subject {
    struct convoy_model *model;
    struct network *network;
    convoy_tensor input, expected;
    const struct code_family *family;
    convoy_dtype frames;
    double tolerance; /* on workers */
};

/* max|a-b| / max|b|: of the output, and of the channel (axis 1) that is farthest off. */
struct deviation {
    double output, channel;
};

static struct deviation worse(struct deviation a, struct deviation b) {
    return (struct deviation){fmax(a.output, b.output), fmax(a.channel, b.channel)};
}

/* Infinite if the output is not finite or has other elements. */
static struct deviation deviation(const convoy_tensor *got, const convoy_tensor *expected) {
    const float *a = got->data, *b = expected->data;
    const size_t count = convoy_tensor_elements(expected);
    const size_t channels = expected->shape.rank > 1 ? (size_t)expected->shape.dims[1] : 1;
    const size_t inner = count / channels / (size_t)expected->shape.dims[0];
    double error = 0, magnitude = 0, channel = 0;
    if (convoy_tensor_elements(got) != count)
        return (struct deviation){INFINITY, INFINITY};
    for (size_t c = 0; c < channels; c++) {
        double own_error = 0, own_magnitude = 0;
        for (size_t i = 0; i < count; i++) {
            if (i / inner % channels != c)
                continue;
            if (!isfinite(a[i]))
                return (struct deviation){INFINITY, INFINITY};
            own_error = fmax(own_error, fabs((double)a[i] - b[i]));
            own_magnitude = fmax(own_magnitude, fabs((double)b[i]));
        }
        if (own_error > 0)
            channel = fmax(channel, own_error / own_magnitude);
        error = fmax(error, own_error);
        magnitude = fmax(magnitude, own_magnitude);
    }
    return (struct deviation){error / magnitude, channel};
}

static void run(struct executor *executor, const struct subject *subject, convoy_tensor *output,
                convoy_layer_report *reports) {
    convoy_error error;
    must(executor_run(executor, &subject->input, output, reports, &error), &error);
}

/* The network on oneDNN alone; its output becomes what is expected where nothing else is. */
static void run_alone(struct subject *subject) {
    struct backend *backend = NULL;
    struct executor *executor = NULL;
    struct kernel_times *times = NULL;
    convoy_tensor output = {0};
    convoy_error error;
    must(backend_create(&backend, "onednn", 2, &error), &error);
    must(kernel_times_create(&times, backend, NULL, NULL, &error), &error);
    must(executor_create(&executor, subject->network, backend, times, NULL, NULL, NULL, &error), &error);
    run(executor, subject, &output, NULL);
    if (subject->expected.data) {
        struct deviation off = deviation(&output, &subject->expected);
        printf("alone: relative error %.2g, of a channel %.2g\n", off.output, off.channel);
        if (!(off.output <= TOLERANCE))
            exit(1);
        convoy_tensor_release(&output);
    } else {
        subject->expected = output;
    }
    executor_destroy(&executor);
    kernel_times_destroy(&times);
    backend->ops->destroy(&backend);
}

/* One run with workers a and b gone. Returns its error. */
static struct deviation run_without(struct executor *executor, const struct subject *subject, uint32_t a,
                                    uint32_t b) {
    size_t steps = subject->network->step_count, coded = 0;
    convoy_layer_report *reports = calloc(steps, sizeof *reports);
    convoy_tensor output = {0};
    if (!reports)
        exit(1);
    run(executor, subject, &output, reports);
    for (size_t s = 0; s < steps; s++) {
        coded += reports[s].coded;
        if (reports[s].fallback || reports[s].outcome[a] == CONVOY_OUTCOME_USED ||
            reports[s].outcome[b] == CONVOY_OUTCOME_USED) {
            printf("without %u and %u: layer %s was %s\n", a, b, reports[s].name,
                   reports[s].fallback ? "computed here" : "decoded with an answer that never came");
            exit(1);
        }
    }
    struct deviation off = deviation(&output, &subject->expected);
    if (!(off.output <= subject->tolerance) || coded == 0) {
        printf("without %u and %u: relative error %g, %zu layers coded\n", a, b, off.output, coded);
        exit(1);
    }
    convoy_tensor_release(&output);
    free(reports);
    return off;
}

static void run_pairs(struct executor *executor, const struct subject *subject, struct muting *muting,
                      uint32_t n) {
    struct deviation worst = {0};
    uint32_t pairs = 0;
    for (uint32_t a = 0; a < n; a++)
        for (uint32_t b = a + 1; b < n; b++, pairs++) {
            atomic_store(&muting->gone[a], true);
            atomic_store(&muting->gone[b], true);
            worst = worse(worst, run_without(executor, subject, a, b));
            atomic_store(&muting->gone[a], false);
            atomic_store(&muting->gone[b], false);
        }
    printf("%u workers, %s, frames of %s, any 2 of them gone (%u pairs): largest relative error %.2g, of a "
           "channel %.2g\n",
           n, subject->family->name, convoy_dtype_text(subject->frames), pairs, worst.output, worst.channel);
}

/* More than γ answers are lost, mostly of the first layer, and the workers are there, or want their filters
 * anew: they are asked again. A worker that a busy machine made slow is spared for some runs. */
static void run_asked_again(struct executor *executor, const struct subject *subject, struct muting *muting,
                            enum frame_kind instead) {
    unsigned runs = 0, left = STRAGGLERS + 1;
    double off = 0;
    for (uint32_t w = 0; w <= STRAGGLERS; w++)
        atomic_store(&muting->once[w], instead);
    for (uint64_t until_ns = clock_now_ns() + DEADLINE_NS; left && clock_now_ns() < until_ns; runs++) {
        convoy_tensor output = {0};
        run(executor, subject, &output, NULL); /* without fallback it would fail */
        off = fmax(off, deviation(&output, &subject->expected).output);
        convoy_tensor_release(&output);
        left = 0;
        for (uint32_t w = 0; w <= STRAGGLERS; w++)
            left += atomic_load(&muting->once[w]) != 0;
    }
    printf("%d answers %s: relative error %.2g (runs: %u)\n", STRAGGLERS + 1,
           instead == FRAME_WANT ? "are wants of filters that were damaged" : "lost once", off, runs);
    if (left || !(off <= subject->tolerance))
        exit(1);
}

static double timed_ns(const struct cost_model *model, const struct conv_geometry *geometry,
                       enum cost_place place, enum conv_kernel *kernel) {
    (void)place;
    return (double)kernel_times_find(model->context, geometry, KERNEL_ON_WORKER, kernel);
}

/* Every layer that admits it, by the kernels that are fastest here. */
static void plan_network(struct plan **plan, const struct cluster_options *options,
                         const struct network *network, struct kernel_times *times) {
    struct plan_request request;
    struct plan_subject *subjects = NULL;
    struct profile profile;
    convoy_error error;
    must(cluster_plan_request(&request, options, &error), &error);
    must(session_subjects_create(&subjects, network, false, &error), &error);
    profile_of_this_machine(&profile, options->workers, 1, false);
    request.distribute = PLAN_ALL;
    request.costs = (struct cost_model){.convolution_ns = timed_ns, .profile = &profile, .context = times};
    must(plan_create(plan, &request, subjects, network->step_count, &error), &error);
    free(subjects);
}

static void run_coded(const struct subject *subject, uint32_t n) {
    static struct muting muting;
    struct transport *master = NULL, *endpoints[CONVOY_MAX_WORKERS];
    struct worker_threads *workers = NULL;
    struct cluster *cluster = NULL;
    struct backend *inner = NULL, *backend = NULL;
    struct executor *executor = NULL;
    struct kernel_times *times = NULL;
    struct plan *plan = NULL;
    convoy_error error;
    /* No fallback: a busy machine may answer late enough for one, and it would hide what is tested. */
    struct cluster_options options = {.family = subject->family,
                                      .workers = n,
                                      .stragglers = STRAGGLERS,
                                      .spread = true,
                                      .deadline_ns = DEADLINE_NS,
                                      .frames = subject->frames,
                                      .fallback = false};
    must(local_transport_create(&muting.inner, endpoints, n, true, &error), &error);
    muting.base.ops = &muting_ops;
    master = &muting.base;
    must(worker_threads_start(&workers, endpoints, n, "onednn", 1, NULL, 0, &error), &error);
    must(backend_create(&inner, "onednn", 1, &error), &error);
    must(kernel_times_create(&times, inner, NULL, NULL, &error), &error);
    options.block = inner->block;
    must(cluster_create(&cluster, &options, n, &master, &error), &error);
    must(cluster_backend_create(&backend, cluster, &inner, &error), &error);
    plan_network(&plan, &options, subject->network, times);
    cluster_backend_follow(backend, plan);
    must(executor_create(&executor, subject->network, backend, NULL, NULL, NULL, NULL, &error), &error);
    must(cluster_ready(cluster, DEADLINE_NS, NULL, NULL, &error), &error);
    run_pairs(executor, subject, &muting, n);
    run_asked_again(executor, subject, &muting, FRAME_DECLINED);
    run_asked_again(executor, subject, &muting, FRAME_WANT);
    executor_destroy(&executor);
    kernel_times_destroy(&times);
    plan_destroy(&plan);
    backend->ops->destroy(&backend);
    cluster_destroy(&cluster);
    worker_threads_join(&workers);
}

static void subject_load(struct subject *subject, const char *model, const char *input, const char *output) {
    convoy_error error;
    const convoy_value_info *in;
    must(convoy_model_load(&subject->model, model, &error), &error);
    convoy_model_inputs(subject->model, &in);
    must(convoy_input_load(&subject->input, input, CONVOY_F32, &in[0].shape, NULL, &error), &error);
    if (output)
        must(convoy_input_load(&subject->expected, output, CONVOY_F32, &in[0].shape, NULL, &error), &error);
    must(network_create(&subject->network, subject->model, &subject->input.shape, &error), &error);
}

int main(int argc, char **argv) {
    struct subject subject = {.family = code_family_at(0), .frames = CONVOY_F32, .tolerance = TOLERANCE};
    const bool codes = argc == 1 || (argc == 6 && strcmp(argv[5], "codes") == 0);
    if (argc != 1 && argc != 5 && argc != 7 && !codes) {
        fprintf(stderr,
                "usage: any_two_test [MODEL INPUT.npy OUTPUT.npy WORKERS [bf16|f16 TOLERANCE | codes]]\n");
        return 2;
    }
    if (argc == 7) {
        subject.frames = strcmp(argv[5], "bf16") == 0 ? CONVOY_BF16 : CONVOY_F16;
        subject.tolerance = strtod(argv[6], NULL);
    }
    if (argc == 1)
        subject_load(&subject, CONVOY_SOURCE_DIR "/models/lenet5/lenet5.onnx",
                     CONVOY_SOURCE_DIR "/models/lenet5/digits/000.png", NULL);
    else
        subject_load(&subject, argv[1], argv[2], argv[3]);
    run_alone(&subject);
    const uint32_t workers = argc == 1 ? 6 : (uint32_t)strtoul(argv[4], NULL, 10);
    run_coded(&subject, workers);
    for (size_t f = 1; codes && (subject.family = code_family_at(f)); f++)
        if (!subject.family->needs_all)
            run_coded(&subject, workers);
    subject.family = code_family_at(0);
    for (int i = 0; i < 2 && argc == 1; i++) {
        subject.frames = i ? CONVOY_F16 : CONVOY_BF16;
        subject.tolerance = i ? F16_TOLERANCE : BF16_TOLERANCE;
        run_coded(&subject, 6);
    }
    network_destroy(&subject.network);
    convoy_model_destroy(&subject.model);
    convoy_tensor_release(&subject.input);
    convoy_tensor_release(&subject.expected);
    return 0;
}
