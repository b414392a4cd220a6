/* The life of one convolution over the cluster (FCDCC, arXiv 2411.01579): it is cut and coded, and its
 * filters are made for whoever lacks them. Its runs are in coded_run.c. */
#include "runtime/coded_layer.h"

#include "base/conv_turn.h"
#include "base/error.h"
#include "base/tensor.h"
#include "code/encoder.h"
#include "code/filter_encoder.h"
#include "compute/layer.h"
#include "runtime/coded_filters.h"
#include "runtime/verification.h"

#include <stdlib.h>
#include <string.h>

/* supplier_make. */
static convoy_status make_messages(void *context, const uint32_t *workers, uint32_t count,
                                   struct buffer **messages) {
    return coded_filters_make(context, workers, count, messages);
}

static convoy_status check_params(const struct layer_desc *desc, const struct layer_params *params,
                                  convoy_error *error) {
    bool transposed = desc->kind == LAYER_CONV_TRANSPOSE;
    convoy_shape filter =
        transposed ? conv_transpose_filter_shape(&desc->conv_transpose) : conv_filter_shape(&desc->conv);
    size_t filters = shape_product(&filter, 0, filter.rank);
    int64_t channels = transposed ? desc->conv_transpose.out_channels : desc->conv.out_channels;
    if (!params->weights.data || params->weights.dtype != desc->inputs[0].dtype ||
        convoy_tensor_elements(&params->weights) != filters)
        return error_set(error, CONVOY_E_INPUT, "layer %s: its weights do not match its geometry",
                         desc->name);
    if (params->bias.data && (params->bias.dtype != desc->inputs[0].dtype ||
                              convoy_tensor_elements(&params->bias) != (size_t)channels))
        return error_set(error, CONVOY_E_INPUT, "layer %s: its bias does not match its output channels",
                         desc->name);
    return CONVOY_OK;
}

/* Which nodes have the same coefficients: an input that is not split goes to all alike, and is coded and
 * hashed once for them. */
static convoy_status find_twins(struct coded_layer *layer, convoy_error *error) {
    const uint32_t n = layer->cluster->nodes;
    const size_t bytes = (size_t)layer->code.input_pieces * layer->code.input_parts * sizeof(double);
    layer->input_twins = calloc(n, sizeof *layer->input_twins);
    if (!layer->input_twins)
        return error_memory(error);
    for (uint32_t w = 0; w < n; w++) {
        uint32_t twin = 0;
        while (memcmp(code_input_rows(&layer->code, twin), code_input_rows(&layer->code, w), bytes) != 0)
            twin++;
        layer->input_twins[w] = twin;
    }
    layer->piece_bytes = encoded_bytes(layer->frames, &layer->partition.input);
    return CONVOY_OK;
}

static convoy_status cut_and_code(struct coded_layer *layer, const struct plan_layer *plan,
                                  convoy_error *error) {
    const struct cluster *cluster = layer->cluster;
    convoy_status status =
        partition_create(&layer->partition, &layer->desc.conv, plan->input_parts, plan->filter_parts, error);
    if (status == CONVOY_OK)
        status = code_create(&layer->code, cluster->options.family, plan->input_parts, plan->filter_parts,
                             &cluster->placement, cluster->options.seed, error);
    if (status == CONVOY_OK)
        status = partition_task(&layer->partition, layer->code.input_pieces, layer->code.filter_pieces,
                                &layer->task, error);
    if (status != CONVOY_OK)
        return status;
    convoy_shape answer = conv_output_shape(&layer->task);
    tensor_bytes(layer->frames, &answer,
                 &layer->answer_bytes); /* the task is complete: its sizes are checked */
    status = find_twins(layer, error);
    if (status == CONVOY_OK &&
        supplier_add(cluster->supplier, make_messages, layer, &layer->number) != CONVOY_OK)
        status = error_memory(error);
    layer->supplied = status == CONVOY_OK;
    return status;
}

static convoy_status equilibrate_filters(struct coded_layer *layer, convoy_error *error) {
    size_t channels = (size_t)layer->desc.conv.out_channels;
    layer->factors = calloc(channels, convoy_dtype_bytes(layer->input.dtype));
    if (!layer->factors)
        return error_memory(error);
    equilibrate(layer->input.dtype, layer->params.weights.data, channels,
                convoy_tensor_elements(&layer->params.weights) / channels, layer->factors);
    return CONVOY_OK;
}

/* Filters and biases of a transposed convolution's phases, in memory of our own. */
static convoy_status make_phases(struct coded_layer *layer, const struct layer_params *params,
                                 convoy_error *error) {
    const struct conv_geometry *phases = &layer->desc.conv;
    const size_t element = convoy_dtype_bytes(layer->input.dtype);
    const convoy_shape filters = conv_filter_shape(phases),
                       biases = {.rank = 1, .dims = {phases->out_channels}};
    convoy_status status = convoy_tensor_create(&layer->params.weights, layer->input.dtype, &filters, error);
    if (status == CONVOY_OK && params->bias.data)
        status = convoy_tensor_create(&layer->params.bias, layer->input.dtype, &biases, error);
    if (status != CONVOY_OK)
        return status;
    conv_phases_filters(&layer->transpose, phases, element, params->weights.data, layer->params.weights.data);
    if (params->bias.data)
        conv_phases_biases(&layer->transpose, element, params->bias.data, layer->params.bias.data);
    return CONVOY_OK;
}

/* Filters with their axes exchanged, and the biases, which stay. */
static convoy_status turn_params(struct coded_layer *layer, const struct layer_params *params,
                                 convoy_error *error) {
    const convoy_shape filters = conv_filter_shape(&layer->desc.conv);
    convoy_status status = convoy_tensor_create(&layer->params.weights, layer->input.dtype, &filters, error);
    if (status == CONVOY_OK)
        conv_turn_filters(&layer->desc.conv, convoy_dtype_bytes(layer->input.dtype), params->weights.data,
                          layer->params.weights.data);
    return status == CONVOY_OK ? tensor_keep(&layer->params.bias, &params->bias, error) : status;
}

static convoy_status take_params(struct coded_layer *layer, const struct layer_params *params,
                                 convoy_error *error) {
    struct layer_params *kept = layer->transposed || layer->turned ? &layer->whole : &layer->params;
    convoy_status status = tensor_keep(&kept->weights, &params->weights, error);
    if (status == CONVOY_OK)
        status = tensor_keep(&kept->bias, &params->bias, error);
    if (status == CONVOY_OK && layer->transposed)
        status = make_phases(layer, params, error);
    if (status == CONVOY_OK && layer->turned)
        status = turn_params(layer, params, error);
    return status;
}

/* Input i as value_desc.block sees it: a map [N,C,...], whatever the axes are to the convolution (of a
 * product [1,M,K] the "channels" are its rows). used: the block in which the layer takes it. */
static struct coded_input describe_input(const struct layer_desc *desc, uint32_t i, uint32_t used) {
    const convoy_shape *shape = &desc->inputs[i].shape;
    struct block_map map = {.element = convoy_dtype_bytes(desc->inputs[i].dtype),
                            .batch = (size_t)shape->dims[0],
                            .channels = (size_t)shape->dims[1],
                            .inner = shape_product(shape, 2, shape->rank)};
    return (struct coded_input){map, desc->inputs[i].block, used};
}

/* The convolution as it will lie: in blocks of channels where its input comes so, or its output may go so. */
static void describe(struct coded_layer *layer, const struct layer_desc *desc,
                     const struct conv_geometry *geometry, const struct plan_layer *plan) {
    const struct cluster_options *options = &layer->cluster->options;
    uint32_t block = desc->free_output ? options->block : 0;
    struct conv_geometry conv = candidate_geometry(geometry, options->family, plan->input_parts,
                                                   plan->filter_parts, desc->inputs[0].block, block);
    layer->transposed = desc->kind == LAYER_CONV_TRANSPOSE;
    layer->out_block = conv.out_block;
    if (layer->transposed) {
        layer->transpose = desc->conv_transpose;
        layer->out_block = block && layer->transpose.out_channels % block == 0 ? block : 0;
    }
    layer->inputs[0] = describe_input(desc, 0, conv.in_block);
    layer->adds = desc->input_count == 2;
    if (layer->adds)
        layer->inputs[1] = describe_input(desc, 1, conv.out_block);
    layer->activation = desc->activation;
    layer->desc = conv_layer_desc(&conv, desc->inputs[0].dtype, &layer->input);
    layer->desc.name = desc->name;
    layer->desc.op = desc->op;
    layer->desc.step = desc->step;
    if (!layer->adds)
        layer->desc.activation = desc->activation;
    layer->desc.kernel = plan->kernel;
    bool all = plan->asked >= options->workers; /* those that join later, too */
    atomic_init(&layer->asked, all ? layer->cluster->nodes : plan->asked);
    adaptation_init(&layer->adaptation, atomic_load(&layer->asked), layer->cluster->nodes, plan->here_ns);
    bool half = options->frames == CONVOY_BF16 || options->frames == CONVOY_F16;
    layer->frames = half && cluster_may_halve(desc) ? options->frames : layer->input.dtype;
}

/* Functions that decoding would compute by a call for each element are left to a layer of the backend here,
 * whose kernels have vectors for them (Swish: 0.4 ns an element instead of 5). */
static convoy_status prepare_behind(struct coded_layer *layer, convoy_error *error) {
    if (layer->input.dtype != CONVOY_F32 || activation_is_quick(layer->desc.activation.kind))
        return CONVOY_OK;
    struct conv_geometry dense = layer->desc.conv;
    dense.out_block = 0;
    const struct value_desc map = {CONVOY_F32, conv_output_shape(&dense), layer->desc.conv.out_block};
    const struct layer_desc desc = {.name = layer->desc.name,
                                    .op = layer->desc.op,
                                    .kind = LAYER_ACTIVATION,
                                    .input_count = 1,
                                    .output_count = 1,
                                    .inputs = &map,
                                    .outputs = {{CONVOY_F32, map.shape, 0}},
                                    .activation = layer->desc.activation,
                                    .free_output = map.block != 0};
    struct layer_output made = {0};
    convoy_status status = layer->inner->ops->layer_prepare(layer->inner, &desc, NULL, &layer->behind, error);
    if (status == CONVOY_OK && layer->inner->ops->layer_output)
        layer->inner->ops->layer_output(layer->behind, &made);
    if (status == CONVOY_OK && made.block != map.block) /* it would not be in place */
        layer->behind->ops->layer_destroy(&layer->behind);
    return status;
}

convoy_status coded_layer_create(struct layer **out, struct cluster_backend *backend,
                                 const struct layer_desc *desc, const struct layer_params *params,
                                 const struct plan_layer *plan, convoy_error *error) {
    convoy_status status = check_params(desc, params, error);
    struct conv_geometry geometry;
    double macs;
    bool turned;
    if (status != CONVOY_OK)
        return status;
    const char *why =
        cluster_convolution(desc, backend->cluster->options.cut_width, &geometry, &turned, &macs);
    if (why)
        return error_set(error, CONVOY_E_INTERNAL, "layer %s cannot be coded: %s", desc->name, why);
    struct coded_layer *layer = calloc(1, sizeof *layer);
    if (!layer || solutions_init(&layer->solutions) != CONVOY_OK) {
        free(layer);
        return error_memory(error);
    }
    layer->base = (struct cluster_layer){.base.ops = backend->base.ops, .coded = true};
    layer->cluster = backend->cluster;
    layer->inner = backend->inner;
    layer->turned = turned;
    describe(layer, desc, &geometry, plan);
    pthread_mutex_init(&layer->local_mutex, NULL);
    status = take_params(layer, params, error);
    if (status == CONVOY_OK)
        status = equilibrate_filters(layer, error);
    if (status == CONVOY_OK)
        status = cut_and_code(layer, plan, error);
    if (status == CONVOY_OK)
        status = prepare_behind(layer, error);
    bool verified = layer->cluster->options.verify != VERIFY_OFF && layer->input.dtype == CONVOY_F32;
    if (status == CONVOY_OK && verified && verification_create(&layer->verification, layer) != CONVOY_OK)
        status = error_memory(error);
    struct layer *created = &layer->base.base;
    if (status == CONVOY_OK)
        *out = created;
    else
        coded_layer_destroy(&created);
    return status;
}

void coded_layer_output(const struct layer *base, struct layer_output *output) {
    const struct coded_layer *layer = (const struct coded_layer *)base;
    const convoy_shape shape =
        layer->transposed ? conv_transpose_output_shape(&layer->transpose) : layer->desc.outputs[0].shape;
    *output = (struct layer_output){.block = layer->out_block};
    tensor_bytes(layer->input.dtype, &shape, &output->bytes); /* the geometry is complete: it was checked */
}

void coded_layer_destroy(struct layer **slot) {
    struct coded_layer *layer = slot ? (struct coded_layer *)*slot : NULL;
    if (!layer)
        return;
    *slot = NULL;
    if (layer->supplied)
        supplier_remove(layer->cluster->supplier, layer->number);
    if (layer->behind)
        layer->behind->ops->layer_destroy(&layer->behind);
    if (layer->local)
        layer->local->ops->layer_destroy(&layer->local);
    pthread_mutex_destroy(&layer->local_mutex);
    verification_destroy(&layer->verification);
    solutions_clear(&layer->solutions);
    convoy_tensor_release(&layer->params.weights);
    convoy_tensor_release(&layer->params.bias);
    convoy_tensor_release(&layer->whole.weights);
    convoy_tensor_release(&layer->whole.bias);
    free(layer->factors);
    code_destroy(&layer->code);
    free(layer->input_twins);
    free(layer);
}
