/* A session: a network over a backend, which is either the kernels here or a cluster of workers. */
#include "session/session.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/tensor.h"
#include "model/model_files.h"
#include "plan/alternatives.h"
#include "session/spawn.h"

#include <stdlib.h>
#include <string.h>

static convoy_status parse_faults(convoy_session *session, const convoy_options *options,
                                  convoy_error *error) {
    if (options->fault_count == 0)
        return CONVOY_OK;
    session->faults = calloc(options->fault_count, sizeof *session->faults);
    if (!session->faults)
        return error_memory(error);
    for (size_t i = 0; i < options->fault_count; i++) {
        const convoy_status status =
            fault_parse(&session->faults[i], options->faults[i], options->workers, error);
        if (status != CONVOY_OK)
            return status;
        session->fault_count++;
    }
    return CONVOY_OK;
}

/* Puts the cluster between session->backend, the kernels here, and whoever uses it. */
static convoy_status wrap_in_cluster(convoy_session *session, const convoy_options *options,
                                     convoy_error *error) {
    convoy_status status = session->cluster
                               ? cluster_use_code(session->cluster, session->family, session->frames, error)
                               : session_workers_create(session, options, error);
    if (status != CONVOY_OK)
        return status;
    struct backend *backend = NULL;
    status = cluster_backend_create(&backend, session->cluster, &session->backend, error);
    if (status != CONVOY_OK)
        return status;
    session->backend = backend;
    cluster_backend_follow(backend, session->plan);
    return CONVOY_OK;
}

/* Lets the workers come, and measures them. If they are too few and that is allowed, nothing is planned for
 * them.
 */
static convoy_status measure_workers(convoy_session *session, const convoy_options *options,
                                     convoy_error *error) {
    convoy_error why;
    convoy_status status = session_workers_create(session, options, error);
    if (status != CONVOY_OK)
        return status;
    status = session_calibrate(session, options, session->needed, &why);
    if (status == CONVOY_E_WORKERS && !options->no_fallback && !cancel_asked(&session->cancel)) {
        log_line(&(struct log){options->log, options->log_context}, CONVOY_LOG_WARNING,
                 "%s: the model is computed here, and workers that come later are not used (start again when "
                 "enough are there; --distribute all uses them whenever they come)",
                 why.message);
        session->unmeasured = true;
        return session_profile_find(session, options, error);
    }
    return status == CONVOY_OK ? CONVOY_OK : error_set(error, status, "%s", why.message);
}

/* Whether workers are of any use. If not, that is said. */
static bool is_needed(const convoy_session *session, const convoy_options *options) {
    if (plan_coded(session->plan) > 0 || !session->plan->pays_only)
        return true;
    if (!session->unmeasured) /* else why is told */
        session_plan_log_unused(session, options);
    return false;
}

/* Whether a layer could have the parts that are wanted, even if it does not pay. */
static bool admits_parts(const struct plan_layer *layer, const convoy_options *options) {
    for (size_t i = 0; i < layer->option_count; i++) {
        const struct candidate *candidate = &layer->options[i].candidate;
        if (candidate->input_parts == options->input_parts &&
            candidate->filter_parts == options->filter_parts)
            return true;
    }
    return false;
}

/* Says so if --parts were wanted that layers do not admit: the plan then chose by itself. */
static void tell_of_parts(const convoy_session *session, const convoy_options *options) {
    const struct log log = {options->log, options->log_context};
    size_t admitted = 0, others = 0;
    if (options->input_parts == 0)
        return;
    for (size_t i = 0; i < session->plan->count; i++) {
        const struct plan_layer *layer = &session->plan->layers[i];
        admitted += admits_parts(layer, options);
        others += layer->coded && !admits_parts(layer, options);
    }
    if (admitted == 0)
        log_line(&log, CONVOY_LOG_WARNING, "no layer admits the parts %u,%u: others were chosen",
                 options->input_parts, options->filter_parts);
    else if (others > 0)
        log_line(&log, CONVOY_LOG_INFO,
                 "%zu of %zu coded layers do not admit the parts %u,%u, and have others", others,
                 plan_coded(session->plan), options->input_parts, options->filter_parts);
}

/* Says so if all layers that can be shall be coded, and none is, or one's own code does not suit all. */
static void tell_of_uncoded(const convoy_session *session, const convoy_options *options) {
    const struct log log = {options->log, options->log_context};
    const struct plan *plan = session->plan;
    const struct plan_layer *first = NULL;
    size_t here = 0;
    if (options->local || plan->pays_only || options->plan_file)
        return;
    for (size_t i = 0; i < plan->count; i++) {
        const enum layer_kind kind = session->network->steps[i].desc.kind;
        if (plan->layers[i].coded || (kind != LAYER_CONV && kind != LAYER_CONV_TRANSPOSE))
            continue;
        first = first ? first : &plan->layers[i];
        here++;
    }
    if (plan_coded(plan) == 0)
        log_line(&log, CONVOY_LOG_WARNING, "no layer is coded, so no worker computes anything: %s%s%s",
                 first ? first->name : "the model has", first ? ": " : "",
                 first ? first->why_local : " no convolutions, nor products by constants");
    else if (here > 0 && session->family->hash)
        log_line(&log, CONVOY_LOG_INFO,
                 "layers that are computed here, though other codes may take them: %zu (%s: %s)", here,
                 first->name, first->why_local);
}

static convoy_status fill_session(convoy_session *session, const convoy_model *model,
                                  const convoy_shape *input_shapes, const convoy_options *options,
                                  convoy_error *error) {
    convoy_status status = cancel_check(&session->cancel, error);
    session->model = model;
    if (status == CONVOY_OK && session->backend->block && !options->no_trials && !options->finite)
        status = kernel_times_create(&session->times, session->backend, options->trial_folder,
                                     &session->cancel, error);
    if (status == CONVOY_OK && session->times && options->retrial)
        kernel_times_forget(session->times);
    if (status == CONVOY_OK)
        status = options->finite ? network_create_unfused(&session->network, model, input_shapes, error)
                                 : network_create(&session->network, model, input_shapes, error);
    if (status == CONVOY_OK && (!options->local || options->plan_only))
        session_time_rates(session);
    if (status == CONVOY_OK)
        status = session_is_measured(options) ? measure_workers(session, options, error)
                                              : session_profile_find(session, options, error);
    if (status == CONVOY_OK)
        status = session_plan_create(session, options, error);
    if (status == CONVOY_OK) /* a plan made after that is none */
        status = cancel_check(&session->cancel, error);
    if (status == CONVOY_OK)
        status = session_faults_check(session, error);
    if (status != CONVOY_OK)
        return status;

    tell_of_parts(session, options);
    tell_of_uncoded(session, options);
    if (options->plan_only)
        return CONVOY_OK;
    session_plan_log_choice(session, options);
    if (session_is_measured(options) && plan_coded(session->plan) > 0)
        log_line(&(struct log){options->log, options->log_context}, CONVOY_LOG_INFO,
                 "planned: %zu of %zu layers on the workers, %.3g ms an inference beside %.3g ms here alone",
                 plan_coded(session->plan), session->plan->count, session->plan->planned_ns / 1e6,
                 session->plan->here_ns / 1e6);
    if (!options->local && is_needed(session, options))
        status = wrap_in_cluster(session, options, error);
    else
        cluster_destroy(&session->cluster); /* which tells those that have come that they may go */
    if (status != CONVOY_OK)
        return status;
    bool clustered = session->cluster;
    status = executor_create(&session->executor, session->network, session->backend, session->times,
                             &session->cancel, clustered ? NULL : options->progress,
                             options->progress_context, error);
    if (status == CONVOY_OK)
        executor_trace(session->executor, &session->trace);
    if (status == CONVOY_OK && clustered)
        status = session_workers_ready(session, options, error);
    return status;
}

convoy_status session_begin(convoy_session **session, const convoy_options *options, convoy_error *error) {
    convoy_status status = session_options_check(options, error);
    if (status == CONVOY_OK)
        status = session_resources_check(options, error);
    if (status != CONVOY_OK)
        return status;
    convoy_session *made = calloc(1, sizeof *made);
    if (!made)
        return error_memory(error);
    if (pthread_mutex_init(&made->check_lock, NULL) != 0) {
        free(made);
        return error_memory(error);
    }
    made->cancel = (struct cancel){options->cancelled, options->cancelled_context};
    made->trace = (struct trace){options->trace, options->trace_context};
    made->threads = options->threads;
    made->needed = options->workers - options->stragglers;
    made->backend_name = strdup(options->backend);
    made->frames = session_frames(options);
    status = made->backend_name ? session_code_open(&made->opened, options, error) : error_memory(error);
    made->family = made->opened;
    if (status == CONVOY_OK)
        status = parse_faults(made, options, error);
    if (status == CONVOY_OK)
        status = backend_create(&made->backend, options->backend, options->threads, error);
    if (status == CONVOY_OK)
        *session = made;
    else
        convoy_session_destroy(&made);
    return status;
}

convoy_status convoy_session_create(convoy_session **session, const convoy_model *model,
                                    const convoy_shape *input_shapes, const convoy_options *options,
                                    convoy_error *error) {
    if (!session || !model || (!input_shapes && model->input_count > 0) || !options)
        return error_null(error, __func__);
    convoy_session *made = NULL;
    convoy_status status = session_begin(&made, options, error);
    if (status == CONVOY_OK)
        status = fill_session(made, model, input_shapes, options, error);
    if (made && cancel_asked(&made->cancel)) /* what failed, if anything did, was cut short */
        status = cancel_check(&made->cancel, error);
    if (status == CONVOY_OK)
        *session = made;
    else
        convoy_session_destroy(&made);
    return status;
}

static void backend_destroy(struct backend **backend) {
    if (*backend)
        (*backend)->ops->destroy(backend);
}

void convoy_session_destroy(convoy_session **session) {
    convoy_session *s = session ? *session : NULL;
    if (!s)
        return;
    executor_destroy(&s->check_executor);
    backend_destroy(&s->check_backend);
    executor_destroy(&s->executor);
    kernel_times_destroy(&s->times); /* before its backend, which a cluster's may have taken */
    backend_destroy(&s->backend);
    cluster_destroy(&s->cluster);
    spawn_destroy(&s->spawn);
    network_destroy(&s->network);
    pthread_mutex_destroy(&s->check_lock);
    plan_destroy(&s->plan);
    code_family_destroy(&s->opened);
    free(s->layers);
    free(s->postponed);
    free(s->faults);
    free(s->backend_name);
    free(s);
    *session = NULL;
}

static convoy_status result_create(convoy_result **result, const struct network *network,
                                   convoy_error *error) {
    convoy_result *made = calloc(1, sizeof *made);
    if (!made)
        return error_memory(error);
    made->output_count = network->result_count;
    made->layer_count = network->step_count;
    made->outputs = calloc(made->output_count + 1, sizeof *made->outputs);
    made->layers = calloc(made->layer_count + 1, sizeof *made->layers);
    if (!made->outputs || !made->layers) {
        convoy_result_destroy(&made);
        return error_memory(error);
    }
    *result = made;
    return CONVOY_OK;
}

void convoy_result_destroy(convoy_result **result) {
    if (!result || !*result)
        return;
    for (size_t i = 0; (*result)->outputs && i < (*result)->output_count; i++)
        convoy_tensor_release(&(*result)->outputs[i]);
    free((*result)->outputs);
    free((*result)->layers);
    free(*result);
    *result = NULL;
}

/* Coding adds and decoding subtracts: what is not finite would spread over a slice, or vanish in an
 * activation. Shapes and memory are the executor's to check. */
static convoy_status check_finite(const convoy_session *session, const convoy_tensor *inputs,
                                  convoy_error *error) {
    for (size_t i = 0; i < session->network->input_count; i++) {
        size_t bytes;
        if (!inputs[i].data || !tensor_is_aligned(&inputs[i]) ||
            !tensor_bytes(inputs[i].dtype, &inputs[i].shape, &bytes))
            continue;
        convoy_element found;
        char text[256];
        if (convoy_tensor_find_not_finite(&inputs[i], &found))
            return error_set(error, CONVOY_E_INPUT, "input %zu is not finite: element %s", i,
                             convoy_element_text(&found, text, sizeof text));
    }
    return CONVOY_OK;
}

convoy_status convoy_session_run(convoy_session *session, const convoy_tensor *inputs, convoy_result **result,
                                 convoy_error *error) {
    convoy_result *made = NULL;
    if (!session || (!inputs && session->network->input_count > 0) || !result)
        return error_null(error, __func__);
    if (!session->executor)
        return error_set(error, CONVOY_E_USAGE, "a session that only plans cannot run");
    convoy_status status = model_files_check(session->model, error);
    if (status == CONVOY_OK)
        status = check_finite(session, inputs, error);
    if (status == CONVOY_OK)
        status = result_create(&made, session->network, error);
    if (status != CONVOY_OK)
        return status;
    const uint64_t start = clock_now_ns();
    status = session->network->unfused
                 ? executor_run_watched(session->executor, inputs, made->outputs, made->layers,
                                        &made->first_not_finite, error)
                 : executor_run(session->executor, inputs, made->outputs, made->layers, error);
    made->ms = (double)(clock_now_ns() - start) / NS_PER_MS;
    if (status == CONVOY_OK) /* what was overwritten meanwhile was computed with */
        status = model_files_check(session->model, error);
    if (status != CONVOY_OK) {
        convoy_result_destroy(&made);
        return status;
    }
    for (size_t i = 0; i < made->layer_count; i++) {
        convoy_layer_report *layer = &made->layers[i];
        layer->fallback |= session->unmeasured && session->plan->layers[i].left_here;
        made->degraded |= layer->fallback;
        layer->alone_ms = session->layers[i].here_ms;
        layer->predicted_ms = session->layers[i].codable ? session->layers[i].coded_ms : layer->alone_ms;
        if (!layer->coded && !layer->why_local)
            layer->why_local = session->layers[i].why ? session->layers[i].why : "no workers in this session";
    }
    *result = made;
    return CONVOY_OK;
}

size_t convoy_session_lost(const convoy_session *session, uint32_t *lost, size_t capacity) {
    return session->cluster ? cluster_lost(session->cluster, lost, capacity) : 0;
}

size_t convoy_session_distrusted(const convoy_session *session, uint32_t *distrusted, size_t capacity) {
    return session->cluster ? cluster_distrusted(session->cluster, distrusted, capacity) : 0;
}

void convoy_session_pardon(convoy_session *session) {
    if (session->cluster)
        cluster_pardon(session->cluster);
}

convoy_status convoy_session_leave_out(convoy_session *session, const uint32_t *workers, size_t count,
                                       convoy_error *error) {
    if (!session || (!workers && count > 0))
        return error_null(error, __func__);
    return session->cluster ? cluster_leave_out(session->cluster, workers, count, error) : CONVOY_OK;
}

uint32_t convoy_session_live(const convoy_session *session, uint32_t *needed) {
    *needed = session->cluster || session->unmeasured ? session->needed : 0;
    return session->cluster ? cluster_living(session->cluster) : 0;
}
