/* What can be said of every layer before anything runs. */
#include "session/session.h"

#include "base/error.h"

#include <stdlib.h>

convoy_status session_layers_create(convoy_session *session, const convoy_options *options,
                                    const struct code_family *family, convoy_error *error) {
    const struct network *network = session->network;
    struct cluster_options cluster = session_cluster_options(session, options, family);
    if (options->local && !options->plan_only)
        cluster.times = NULL; /* no trials for parts that nobody cuts */
    const struct plan_request request = cluster_plan_request(&cluster);
    session->layers = calloc(network->step_count ? network->step_count : 1, sizeof *session->layers);
    if (!session->layers)
        return error_memory(error);

    for (size_t i = 0; i < network->step_count; i++) {
        const struct network_step *step = &network->steps[i];
        convoy_layer_info *info = &session->layers[i];
        info->name = step->desc.name;
        info->op = step->desc.op;
        info->shape = network->values[step->output].shape;
        info->macs = network_step_macs(step);
        info->weights_bytes = network_step_weights_bytes(step);
        const struct plan_layer plan = cluster_plan_layer(&request, &step->desc, &step->params);
        info->codable = plan.coded;
        info->why = plan.why_local;
        if (plan.coded) {
            info->input_parts = plan.input_parts;
            info->filter_parts = plan.filter_parts;
            info->threshold = plan.threshold;
        }
    }
    return CONVOY_OK;
}

size_t convoy_session_layers(const convoy_session *session, const convoy_layer_info **layers) {
    *layers = session->layers;
    return session->network->step_count;
}
