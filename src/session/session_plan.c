/* The plan of a session: what it is asked for, what it is told of the layers, and what is told of it. How it
 * is found: session_search.c. */
#include "session/session.h"

#include "base/error.h"
#include "base/processor.h"
#include "model/opset.h"
#include "plan/alternatives.h"
#include "plan/plan_file.h"
#include "plan/profile_file.h"
#include "runtime/probe_rates.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is asked for ---- */

/* With --listen (also under MPI) workers are other machines. */
static enum plan_distribute distribute_of(const convoy_options *options) {
    if (options->distribute == CONVOY_DISTRIBUTE_AUTO)
        return options->listen ? PLAN_PAYING : PLAN_ALL;
    return options->distribute == CONVOY_DISTRIBUTE_PAYING ? PLAN_PAYING : PLAN_ALL;
}

static enum plan_objective objective_of(const convoy_options *options) {
    static const enum plan_objective objectives[] = {[CONVOY_OBJECTIVE_LATENCY] = PLAN_LATENCY,
                                                     [CONVOY_OBJECTIVE_THROUGHPUT] = PLAN_THROUGHPUT,
                                                     [CONVOY_OBJECTIVE_BYTES] = PLAN_BYTES,
                                                     [CONVOY_OBJECTIVE_PAPER] = PLAN_PAPER};
    return objectives[options->objective];
}

/* Multiply-adds per ns of this machine for a kind of convolution, as kernels are timed. 0: not known. */
static double timed_rate(struct kernel_times *times, enum rate_kind kind, uint32_t block) {
    struct conv_geometry geometry = probe_convolution(kind);
    conv_lay_in_blocks(&geometry, block, block);
    uint64_t ns = kernel_times_of(times, &geometry, CONV_DIRECT);
    return ns ? (double)conv_macs(&geometry) / (double)ns : 0;
}

/* Kernels that were timed here, as the profile's master would take: it may have a share of this processor
 * only. By the profile's rates what could not be timed. */
static double measured_ns(const struct cost_model *model, const struct conv_geometry *geometry,
                          enum cost_place place, enum conv_kernel *kernel) {
    const convoy_session *session = model->context;
    enum kernel_use use = place == COST_WORKER ? KERNEL_ON_WORKER : KERNEL_ALONE;
    uint64_t ns = kernel_times_find(session->times, geometry, use, kernel);
    double timed = session->timed_rates.macs_per_ns[rate_kind_of(geometry)];
    if (!ns || timed == 0)
        return rates_convolution_ns(&model->profile->master, geometry);
    return (double)ns * timed / model->profile->master.macs_per_ns[rate_kind_of(geometry)];
}

/* Kernels are timed here if the profile is of a master with this processor. */
static struct cost_model cost_model_of(convoy_session *session, const convoy_options *options) {
    char processor[PROFILE_NAME];
    struct cost_model model = cost_model_counted(&session->profile);
    bool planned = !options->local || options->plan_only;
    if (session->times && planned &&
        strcmp(session->profile.processor, processor_name(processor, sizeof processor)) == 0) {
        model.convolution_ns = measured_ns;
        model.context = session;
    }
    return model;
}

/* The workers of this machine, with the rates that its kernels are timed at. */
static void describe_this_machine(convoy_session *session, const convoy_options *options) {
    struct profile *profile = &session->profile;
    profile_of_this_machine(profile, options->workers, processors_usable(),
                            options->spawn || options->listen);
    processor_name(profile->processor, sizeof profile->processor);
    for (int kind = 0; kind < RATE_KINDS; kind++)
        if (session->timed_rates.macs_per_ns[kind] > 0)
            profile->master.macs_per_ns[kind] = profile->workers[0].rates.macs_per_ns[kind] =
                session->timed_rates.macs_per_ns[kind];
}

void session_time_rates(convoy_session *session) {
    for (int kind = 0; session->times && kind < RATE_KINDS; kind++)
        session->timed_rates.macs_per_ns[kind] =
            timed_rate(session->times, (enum rate_kind)kind, session->backend->block);
}

convoy_status session_profile_find(convoy_session *session, const convoy_options *options,
                                   convoy_error *error) {
    if (options->profile)
        return profile_find(&session->profile, options->profile, error);
    describe_this_machine(session, options);
    return CONVOY_OK;
}

bool session_is_measured(const convoy_options *options) {
    return options->listen && !options->local && !options->plan_only && !options->profile &&
           !options->plan_file && distribute_of(options) == PLAN_PAYING;
}

convoy_status session_plan_request(struct plan_request *request, convoy_session *session,
                                   const convoy_options *options, const struct code_family *family,
                                   convoy_dtype frames, convoy_error *error) {
    struct cluster_options cluster = session_cluster_options(session, options);
    cluster.family = family;
    cluster.frames = frames;
    convoy_status status = cluster_plan_request(request, &cluster, error);
    if (status != CONVOY_OK)
        return status;
    request->input_parts = options->input_parts;
    request->filter_parts = options->filter_parts;
    request->distribute = distribute_of(options);
    request->objective = objective_of(options);
    memcpy(request->lambda, options->lambda, sizeof request->lambda);
    request->costs = cost_model_of(session, options);
    return CONVOY_OK;
}

/* ---- the layers ---- */

convoy_status session_subjects_create(struct plan_subject **subjects, const struct network *network,
                                      bool cut_width, convoy_error *error) {
    const size_t count = network->step_count + 1; /* memory for none is no memory */
    struct plan_subject *made = calloc(count, sizeof *made + sizeof(struct conv_geometry));
    if (!made)
        return error_memory(error);
    struct conv_geometry *geometries = (struct conv_geometry *)(made + count); /* what subjects point to */
    for (size_t s = 0; s < network->step_count; s++)
        made[s] = cluster_plan_subject(&network->steps[s].desc, &network->steps[s].params, cut_width,
                                       &geometries[s]);
    *subjects = made;
    return CONVOY_OK;
}

static void describe_postponed(convoy_session *session) {
    const struct postponed *postponed = &session->network->postponed;
    for (size_t i = 0; i < postponed->node_count; i++) {
        const struct node *node = postponed->nodes[i].node;
        session->postponed[i] = (convoy_postponed){.name = node->name,
                                                   .op = node->op,
                                                   .domain = domain_plain(node->domain),
                                                   .why = postponed->nodes[i].why};
    }
}

convoy_status session_layers_describe(convoy_session *session, convoy_error *error) {
    const struct network *network = session->network;
    session->layers = calloc(network->step_count + 1, sizeof *session->layers);
    session->postponed = calloc(network->postponed.node_count + 1, sizeof *session->postponed);
    if (!session->layers || !session->postponed)
        return error_memory(error);
    describe_postponed(session);
    for (size_t s = 0; s < network->step_count; s++) {
        const struct network_step *step = &network->steps[s];
        const struct plan_layer *plan = &session->plan->layers[s];
        convoy_layer_info *info = &session->layers[s];
        *info = (convoy_layer_info){.name = step->desc.name,
                                    .op = step->desc.op,
                                    .shape = network->values[step->outputs[0]].shape,
                                    .macs = network_step_macs(step),
                                    .weights_bytes = network_step_weights_bytes(step),
                                    .codable = plan->coded,
                                    .why = session->unmeasured && plan->left_here ? "too few workers came"
                                                                                  : plan->why_local,
                                    .input_parts = plan->input_parts,
                                    .filter_parts = plan->filter_parts,
                                    .threshold = plan->threshold,
                                    .asked = plan->asked,
                                    .here_ms = plan->here_ns / 1e6,
                                    .coded_ms = plan->coded_ns / 1e6};
        if (!plan->coded)
            continue;
        info->up_bytes = plan->chosen->predicted.up_bytes;
        info->down_bytes = plan->chosen->predicted.down_bytes;
        info->stored_bytes = plan->chosen->stored_bytes;
        info->error_bound = plan->chosen->error_bound;
    }
    return CONVOY_OK;
}

/* ---- what is told ---- */

void session_plan_log_choice(const convoy_session *session, const convoy_options *options) {
    if (session->alternative_count > 0 && !options->local)
        log_line(&(struct log){options->log, options->log_context}, CONVOY_LOG_INFO,
                 "the plan chose the code %s and frames of %s", session->plan->family,
                 convoy_dtype_text(session->plan->frames));
}

void session_plan_log_unused(const convoy_session *session, const convoy_options *options) {
    const struct log log = {options->log, options->log_context};
    const struct plan *plan = session->plan;
    const char *later = options->listen ? ", nor one that comes later" : "";
    bool any = false, pays = false;
    for (size_t s = 0; s < plan->count; s++) {
        const struct plan_layer *layer = &plan->layers[s];
        any = any || layer->option_count > 0;
        pays = pays || (layer->coded_ns > 0 && layer->coded_ns < PLAN_WORTH * layer->here_ns);
    }
    if (options->plan_file)
        log_line(&log, CONVOY_LOG_WARNING, "the plan %.200s leaves every layer here: no worker is used%s",
                 options->plan_file, later);
    else if (!any)
        log_line(&log, CONVOY_LOG_WARNING, "no layer can be coded: no worker is used%s", later);
    else if (pays)
        log_line(&log, CONVOY_LOG_WARNING,
                 "no layer is given to %u workers (%s), though some would be faster there: no worker is "
                 "used%s (convoy plan tells why of each layer)",
                 options->workers, plan->profile, later);
    else
        log_line(&log, CONVOY_LOG_WARNING,
                 "no layer is enough faster on %u workers (%s) to pay: this machine alone takes %.3g ms as "
                 "predicted, and no worker is used%s (--distribute all uses them)",
                 options->workers, plan->profile, plan->here_ns / 1e6, later);
}

size_t convoy_session_layers(const convoy_session *session, const convoy_layer_info **layers) {
    *layers = session->layers;
    return session->network->step_count;
}

size_t convoy_session_postponed(const convoy_session *session, const convoy_postponed **nodes) {
    *nodes = session->postponed;
    return session->network->postponed.node_count;
}

size_t convoy_session_choices(const convoy_session *session, size_t layer, convoy_layer_choice *choices,
                              size_t capacity) {
    if (layer >= session->plan->count)
        return 0;
    const struct plan_layer *plan = &session->plan->layers[layer];
    for (size_t i = 0; i < plan->option_count && i < capacity; i++) {
        const struct plan_option *option = &plan->options[i];
        const struct prediction *p = &option->predicted;
        choices[i] = (convoy_layer_choice){.input_parts = option->candidate.input_parts,
                                           .filter_parts = option->candidate.filter_parts,
                                           .threshold = option->candidate.threshold,
                                           .asked = option->asked,
                                           .up_elements = option->candidate.cost.up,
                                           .down_elements = option->candidate.cost.down,
                                           .stored_elements = option->candidate.cost.stored,
                                           .macs = option->candidate.cost.macs,
                                           .paper_cost = option->paper_cost,
                                           .error_bound = option->error_bound,
                                           .job_ms = p->tasks_ns / 1e6,
                                           .encode_ms = p->encode_ns / 1e6,
                                           .up_ms = p->up_ns / 1e6,
                                           .task_ms = p->task_ns / 1e6,
                                           .down_ms = p->down_ns / 1e6,
                                           .answers_ms = p->answers_ns / 1e6,
                                           .decode_ms = p->decode_ns / 1e6,
                                           .total_ms = p->total_ns / 1e6,
                                           .weighed = option->weighed,
                                           .chosen = option == plan->chosen,
                                           .refused = option->refused};
    }
    return plan->option_count;
}

void convoy_session_plan(const convoy_session *session, convoy_plan_totals *totals) {
    const struct plan *plan = session->plan;
    *totals = (convoy_plan_totals){.profile = plan->profile,
                                   .code = plan->family,
                                   .precision = session_precision(plan->frames),
                                   .here_ms = plan->here_ns / 1e6,
                                   .planned_ms = plan->planned_ns / 1e6,
                                   .busiest_ms = plan->busiest_ns / 1e6,
                                   .up_bytes = plan->up_bytes,
                                   .down_bytes = plan->down_bytes,
                                   .stored_bytes = plan->stored_bytes,
                                   .memory_bytes = plan->memory_bytes,
                                   .memory_worker = plan->memory_worker,
                                   .fed_workers = plan->fed_workers};
}

convoy_status convoy_session_plan_save(const convoy_session *session, const char *path, convoy_error *error) {
    if (!session || !path)
        return error_null(error, __func__);
    return plan_write(session->plan, path, error);
}
