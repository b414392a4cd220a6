/* What of a network a cluster can code: the layers that are admitted, and the nodes of the workers. */
#include "base/conv_phases.h"
#include "base/conv_turn.h"
#include "base/error.h"
#include "base/tensor.h"
#include "runtime/cluster_internal.h"

convoy_status cluster_options_check(const struct cluster_options *options, convoy_error *error) {
    uint32_t n = options->workers;
    if (n < 1 || n > CONVOY_MAX_WORKERS)
        return error_set(error, CONVOY_E_USAGE, "a cluster has 1 to %d workers, not %u", CONVOY_MAX_WORKERS,
                         n);
    if (options->stragglers >= n)
        return error_set(error, CONVOY_E_USAGE, "of %u workers at most %u can be stragglers, not %u", n,
                         n - 1, options->stragglers);
    if (options->reserve > CONVOY_MAX_WORKERS - n)
        return error_set(error, CONVOY_E_USAGE, "%u workers and a reserve of %u are more than %d", n,
                         options->reserve, CONVOY_MAX_WORKERS);
    if (options->reserve && !options->family->on_circle)
        return error_set(error, CONVOY_E_USAGE,
                         "the code %s has no room for workers that join later (reserve %u)",
                         options->family->name, options->reserve);
    return CONVOY_OK;
}

/* Those kept in reserve count as missing until somebody takes them. */
convoy_status cluster_place(struct placement *placement, const struct cluster_options *options,
                            convoy_error *error) {
    uint32_t nodes = options->workers + options->reserve;
    *placement = placement_plain(nodes);
    if (!options->spread || !options->family->on_circle)
        return CONVOY_OK;
    if (placement_spread(nodes, options->stragglers + options->reserve, placement) != CONVOY_OK)
        return error_memory(error);
    return CONVOY_OK;
}

convoy_status cluster_plan_request(struct plan_request *request, const struct cluster_options *options,
                                   convoy_error *error) {
    convoy_status status = cluster_options_check(options, error);
    if (status != CONVOY_OK)
        return status;
    *request = (struct plan_request){.cluster = {.family = options->family,
                                                 .workers = options->workers,
                                                 .stragglers = options->stragglers,
                                                 .block = options->block},
                                     .frames = options->frames,
                                     .cut_width = options->cut_width,
                                     .seed = options->seed};
    return cluster_place(&request->placement, options, error);
}

static bool is_finite(const convoy_tensor *tensor) {
    return !tensor->data || tensor_find_not_finite(tensor) == convoy_tensor_elements(tensor);
}

/* A phase of a transposed convolution may have many zeros for taps. Beyond so many times the layer's
 * multiply-adds coding it is no use to anybody. */
#define MOST_PHASE_MACS 8

const char *cluster_convolution(const struct layer_desc *desc, bool cut_width, struct conv_geometry *geometry,
                                bool *turned, double *macs) {
    *macs = 1;
    *turned = false;
    if (desc->kind == LAYER_MATMUL)
        return "neither factor is a constant matrix of float32";
    if (desc->kind != LAYER_CONV && desc->kind != LAYER_CONV_TRANSPOSE)
        return "neither a convolution nor a product by a constant";
    if (desc->kind == LAYER_CONV) {
        *geometry = desc->conv;
        *turned = cut_width && conv_may_turn(geometry);
        if (*turned)
            conv_turn(geometry);
        return NULL;
    }
    const bool fits = conv_phases(&desc->conv_transpose, geometry, NULL) == CONVOY_OK;
    *macs = fits ? (double)conv_macs(geometry) / (double)conv_transpose_macs(&desc->conv_transpose) : 0;
    if (!fits || *macs > MOST_PHASE_MACS)
        return "its kernel, stride and dilation make a convolution that is mostly zeros";
    return NULL;
}

static const char *why_not_coded(const struct layer_desc *desc, const struct layer_params *params) {
    convoy_dtype dtype = desc->outputs[0].dtype;
    if (dtype != CONVOY_F32 && (dtype != CONVOY_F64 || desc->input_count > 1))
        return "not float32";
    if (!is_finite(&params->weights) || !is_finite(&params->bias))
        return "its weights are not finite";
    return NULL;
}

static double bytes_of(const struct value_desc *value) {
    size_t bytes = 0;
    tensor_bytes(value->dtype, &value->shape,
                 &bytes); /* 0 if that is beyond a size: such a layer does not run */
    return (double)bytes;
}

bool cluster_may_halve(const struct layer_desc *desc) {
    return desc->outputs[0].dtype == CONVOY_F32 && !desc->exact;
}

struct plan_subject cluster_plan_subject(const struct layer_desc *desc, const struct layer_params *params,
                                         bool cut_width, struct conv_geometry *geometry) {
    double bytes = 0, times = 1;
    bool turned;
    const char *no_convolution = cluster_convolution(desc, cut_width, geometry, &turned, &times);
    if (desc->kind != LAYER_CONCAT) { /* its inputs are mostly made where they belong */
        for (uint32_t i = 0; i < desc->output_count; i++)
            bytes += bytes_of(&desc->outputs[i]);
        for (uint32_t i = 0; i < desc->input_count; i++)
            bytes += bytes_of(&desc->inputs[i]);
    }
    return (struct plan_subject){.name = desc->name,
                                 .geometry = no_convolution ? NULL : geometry,
                                 .macs_here = no_convolution ? 0 : 1 / times,
                                 .why_local = no_convolution ? no_convolution : why_not_coded(desc, params),
                                 .dtype = desc->outputs[0].dtype,
                                 .whole_frames = !cluster_may_halve(desc),
                                 .bytes = bytes};
}

convoy_status cluster_plan_one(struct plan **plan, const struct cluster_options *options,
                               const struct layer_desc *desc, const struct layer_params *params,
                               uint32_t input_parts, uint32_t filter_parts, convoy_error *error) {
    struct profile profile;
    struct plan_request request;
    convoy_status status = cluster_plan_request(&request, options, error);
    if (status != CONVOY_OK)
        return status;
    profile_of_this_machine(&profile, options->workers, 1, false);
    request.distribute = PLAN_ALL;
    request.costs = cost_model_counted(&profile);
    request.input_parts = input_parts;
    request.filter_parts = filter_parts;
    struct conv_geometry geometry;
    struct plan_subject subject = cluster_plan_subject(desc, params, options->cut_width, &geometry);
    return plan_create(plan, &request, &subject, 1, error);
}
