#include "runtime/verification.h"

#include "base/tensor.h"
#include "compute/layer.h"
#include "runtime/coded_filters.h"
#include "runtime/coded_layer.h"
#include "runtime/own_answer.h"

#include <math.h>
#include <stdlib.h>
#include <sys/random.h>

#define SAMPLED_RUNS 20   /* VERIFY_SAMPLE checks the answers of one run in so many */
#define RUNS_A_DRAW  1000 /* after which r is drawn anew */

/* An answer is suspected if it is off by more than so many times the rounding of its elements, and by more
 * than so many times what an answer is off that is computed here. That is mostly four to five times the
 * rounding, since it is the largest of many; more if the expected projection rounds more than the answer, as
 * for a depthwise convolution. */
#define MARGIN     12
#define OWN_MARGIN 3

/* What is computed here counts only if it is off by no more than so many times MARGIN roundings: if all
 * positions of a map are alike, its projection may be small by chance, and then rounding is large beside it.
 */
#define MOST_OWN 4

/* Of the limits that so many inputs give the least holds: an unusual one may give a large limit. */
#define MEASUREMENTS 3

/* One draw of r, with what follows from it. Immutable once it is made. */
struct check {
    atomic_uint references;
    struct projection projection;
    struct layer *layer; /* computes P_ab */
};

struct verification {
    struct coded_layer *layer;
    pthread_mutex_t mutex; /* guards what follows */
    struct random random;
    struct check *check; /* NULL: none yet */
    uint32_t runs;       /* since it was drawn */
    double limit;        /* of deviations, by this draw; 0: not known */
    uint32_t measured;   /* inputs by which it is */
};

convoy_status verification_create(struct verification **out, struct coded_layer *layer) {
    struct verification *verification = calloc(1, sizeof *verification);
    uint64_t seed;
    if (!verification || getrandom(&seed, sizeof seed, 0) != sizeof seed) {
        free(verification);
        return CONVOY_E_MEMORY;
    }
    verification->layer = layer;
    random_seed(&verification->random, seed);
    pthread_mutex_init(&verification->mutex, NULL);
    *out = verification;
    return CONVOY_OK;
}

static void check_release(struct check **slot) {
    struct check *check = *slot;
    *slot = NULL;
    if (!check || atomic_fetch_sub(&check->references, 1) != 1)
        return;
    if (check->layer)
        check->layer->ops->layer_destroy(&check->layer);
    projection_clear(&check->projection);
    free(check);
}

void verification_destroy(struct verification **slot) {
    struct verification *verification = *slot;
    *slot = NULL;
    if (!verification)
        return;
    check_release(&verification->check);
    pthread_mutex_destroy(&verification->mutex);
    free(verification);
}

bool verification_is_drawn(struct verification *verification) {
    pthread_mutex_lock(&verification->mutex);
    bool drawn = random_below(&verification->random, SAMPLED_RUNS) == 0;
    pthread_mutex_unlock(&verification->mutex);
    return drawn;
}

/* ---- a draw ---- */

/* Prepares the convolution that makes P_ab. */
static convoy_status prepare(struct check *check, struct coded_layer *layer) {
    const convoy_shape shape = conv_filter_shape(&check->projection.conv);
    struct value_desc input;
    struct layer_desc desc = conv_layer_desc(&check->projection.conv, CONVOY_F32, &input);
    desc.name = layer->desc.name;
    desc.op = layer->desc.op;
    struct layer_params params = {0};
    convoy_status status = convoy_tensor_create(&params.weights, CONVOY_F32, &shape, NULL);
    if (status != CONVOY_OK)
        return status;
    projection_filters(&check->projection, layer->params.weights.data, layer->factors, params.weights.data);
    tensor_discard(&layer->params.weights);
    status = coded_filters_unchanged(layer)
                 ? layer->inner->ops->layer_prepare(layer->inner, &desc, &params, &check->layer, NULL)
                 : CONVOY_E_IO;
    convoy_tensor_release(&params.weights);
    return status;
}

static convoy_status check_create(struct check **out, struct coded_layer *layer, struct random *random) {
    struct check *check = calloc(1, sizeof *check);
    if (!check)
        return CONVOY_E_MEMORY;
    atomic_init(&check->references, 1);
    convoy_status status = projection_create(&check->projection, &layer->partition.layer,
                                             &layer->partition.output, &layer->code, random, NULL);
    if (status == CONVOY_OK)
        status = prepare(check, layer);
    if (status == CONVOY_OK)
        *out = check;
    else
        check_release(&check);
    return status;
}

/* Makes a draw if one is due. The old one stays if that fails. Under the mutex. */
static convoy_status draw_if_due(struct verification *verification) {
    if (verification->check && verification->runs++ < RUNS_A_DRAW)
        return CONVOY_OK;
    struct check *drawn = NULL;
    convoy_status status = check_create(&drawn, verification->layer, &verification->random);
    if (status != CONVOY_OK)
        return verification->check ? CONVOY_OK : status;
    check_release(&verification->check);
    verification->check = drawn;
    verification->runs = 1;
    verification->limit = verification->measured = 0;
    return CONVOY_OK;
}

/* ---- a run ---- */

void verification_run_clear(struct verification_run *run) {
    verification_end(run);
    projected_clear(&run->projected);
}

void verification_end(struct verification_run *run) {
    check_release(&run->check);
}

/* Computes what answers to this input must project to. *finite: whether that can be said. */
static convoy_status project_input(struct verification_run *run, struct context *inner,
                                   const convoy_tensor *in, bool *finite) {
    const struct check *check = run->check;
    convoy_status status = projected_reserve(&run->projected, &check->projection);
    if (status != CONVOY_OK)
        return status;
    const struct conv_geometry *conv = &check->projection.conv;
    const convoy_tensor input = {.dtype = CONVOY_F32, .shape = conv_input_shape(conv), .data = in->data};
    convoy_tensor out = {
        .dtype = CONVOY_F32, .shape = conv_output_shape(conv), .data = run->projected.output};
    status = check->layer->ops->layer_run(check->layer, inner, &input, &out, NULL, NULL);
    *finite = status == CONVOY_OK && projected_take(&run->projected, &check->projection);
    return status;
}

/* How far answers to this input may be off, by what is computed here of it. 0 if that is not finite. */
static double explained_limit(const struct verification *verification, struct verification_run *run,
                              uint32_t worker, const struct own_answer *own) {
    if (!own->finite)
        return 0;
    const double least = MARGIN * own->rounding;
    const double off = projected_deviation(&run->projected, &run->check->projection, worker,
                                           verification->layer->frames, own->answer->data);
    return off <= MOST_OWN * least ? fmax(least, OWN_MARGIN * off) : least;
}

/* Measures after a draw, by some worker's answer to each of the first inputs, and sets the run's limit. */
static convoy_status begin_limit(struct verification *verification, struct verification_run *run,
                                 struct context *inner, const convoy_tensor *in) {
    convoy_status status = CONVOY_OK;
    pthread_mutex_lock(&verification->mutex);
    if (verification->measured < MEASUREMENTS) {
        struct own_answer own = {0};
        uint32_t worker = (uint32_t)random_below(&verification->random, verification->layer->cluster->nodes);
        status = own_answer_compute(&own, verification->layer, inner, in, worker, &verification->random);
        const double limit = status == CONVOY_OK ? explained_limit(verification, run, worker, &own) : 0;
        own_answer_clear(&own);
        if (limit > 0 && verification->measured++ == 0)
            verification->limit = limit;
        else if (limit > 0)
            verification->limit = fmin(verification->limit, limit);
    }
    run->limit = verification->limit;
    pthread_mutex_unlock(&verification->mutex);
    return status;
}

convoy_status verification_begin(struct verification *verification, struct verification_run *run,
                                 struct context *inner, const convoy_tensor *in) {
    bool finite = false;
    pthread_mutex_lock(&verification->mutex);
    convoy_status status = draw_if_due(verification);
    if (status == CONVOY_OK) {
        run->check = verification->check;
        atomic_fetch_add(&run->check->references, 1);
    }
    pthread_mutex_unlock(&verification->mutex);
    if (status == CONVOY_OK)
        status = project_input(run, inner, in, &finite);
    if (status == CONVOY_OK && finite)
        status = begin_limit(verification, run, inner, in);
    if (status != CONVOY_OK || !finite)
        verification_end(run);
    return status;
}

/* Looks closer at an answer that is off by more than the run's limit, which is raised if the input explains
 * it. Under the mutex. */
static enum verdict confirm(struct verification *verification, struct verification_run *run,
                            struct context *inner, const convoy_tensor *in, uint32_t worker,
                            struct buffer *answer) {
    struct own_answer own = {0};
    bool agrees = false;
    convoy_status status =
        own_answer_compute(&own, verification->layer, inner, in, worker, &verification->random);
    if (status == CONVOY_OK && !own.answer)
        status = CONVOY_E_MEMORY; /* or it is beyond the frames' range here */
    if (status == CONVOY_OK)
        status = own_answer_compare(&own, verification->layer->frames, answer, &agrees);
    if (status == CONVOY_OK)
        run->limit = fmax(run->limit, explained_limit(verification, run, worker, &own));
    own_answer_clear(&own);
    return status != CONVOY_OK ? VERDICT_UNKNOWN : agrees ? VERDICT_RIGHT : VERDICT_WRONG;
}

struct finding verification_judge(struct verification *verification, struct verification_run *run,
                                  struct context *inner, const convoy_tensor *in, uint32_t worker,
                                  struct buffer *answer) {
    const struct coded_layer *layer = verification->layer;
    struct finding finding = {.deviation = projected_deviation(&run->projected, &run->check->projection,
                                                               worker, layer->frames, answer->data)};
    if (!(finding.deviation <= run->limit)) {
        pthread_mutex_lock(&verification->mutex);
        finding.verdict = confirm(verification, run, inner, in, worker, answer);
        pthread_mutex_unlock(&verification->mutex);
    }
    finding.limit = run->limit;
    return finding;
}
