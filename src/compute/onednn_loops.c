/* Functions of one or two elements that oneDNN lacks, or computes otherwise than defined: its ReLU, clipping,
 * maximum and minimum lose a NaN, and its exponential makes an infinity of one. Loops of ours, over tensors
 * as they lie. */
#include "base/error.h"
#include "base/maximum.h"
#include "base/tensor.h"
#include "compute/onednn.h"

/* --- Which ---------------------------------------------------------------------------------------------- */

static bool loops_activation(const struct layer_desc *desc) {
    enum activation_kind kind = desc->activation.kind;
    return desc->kind == LAYER_ACTIVATION &&
           (kind == ACTIVATION_RELU || kind == ACTIVATION_CLIP || kind == ACTIVATION_EXP ||
            !onednn_has_activation(&desc->activation));
}

/* Of two tensors of the output's shape, or of one and a number. */
static bool loops_binary(const struct layer_desc *desc) {
    bool mine = desc->kind == LAYER_BINARY && (desc->binary == BINARY_MAX || desc->binary == BINARY_MIN);
    for (uint32_t i = 0; i < 2 && mine; i++)
        mine = shape_equal(&desc->inputs[i].shape, &desc->outputs[0].shape) ||
               shape_product(&desc->inputs[i].shape, 0, desc->inputs[i].shape.rank) == 1;
    return mine;
}

bool onednn_loops_apply(const struct layer_desc *desc) {
    bool float32 = desc->outputs[0].dtype == CONVOY_F32;
    for (uint32_t i = 0; i < desc->input_count; i++)
        float32 = float32 && desc->inputs[i].dtype == CONVOY_F32;
    return float32 && (loops_activation(desc) || loops_binary(desc));
}

/* --- How ------------------------------------------------------------------------------------------------ */

static float compute(const struct onednn_loops *loops, float a, float b) {
    float value = !loops->two               ? a
                  : loops->op == BINARY_MAX ? (float)max_or_nan(a, b)
                                            : (float)-max_or_nan(-a, -b);
    return activation_apply(&loops->activation, value);
}

/* Whether the output may lie in blocks as the inputs do: all of them, and what is zero there, the padding,
 * stays so. */
static bool stays_blocked(const struct layer_desc *desc, const struct onednn_loops *loops) {
    uint32_t block = desc->inputs[0].block;
    bool stays = desc->free_output && block && compute(loops, 0, 0) == 0;
    for (uint32_t i = 0; i < desc->input_count; i++)
        stays = stays && desc->inputs[i].block == block &&
                shape_equal(&desc->inputs[i].shape, &desc->outputs[0].shape);
    return stays;
}

convoy_status onednn_loops_prepare(struct onednn_layer *layer, const struct layer_desc *desc,
                                   dnnl_engine_t engine, convoy_error *error) {
    struct onednn_loops *loops = &layer->loops;
    *loops = (struct onednn_loops){
        .used = true, .two = desc->kind == LAYER_BINARY, .op = desc->binary, .activation = desc->activation};
    bool blocked = stays_blocked(desc, loops);
    convoy_status status = CONVOY_OK;
    for (uint32_t i = 0; i < desc->input_count && status == CONVOY_OK; i++) {
        dnnl_memory_desc_t lies;
        const dnnl_memory_desc_t *given = onednn_given(desc, i, &lies);
        loops->single[i] = shape_product(&desc->inputs[i].shape, 0, desc->inputs[i].shape.rank) == 1;
        struct operand operand = {.index = i};
        if (given)
            operand.outside = operand.inside = *given;
        if (given && !blocked)
            onednn_plain(&operand.inside, given->ndims, given->dims);
        operand.between = operand.inside;
        if (given)
            status = onednn_operand_add(layer, &operand, false, engine, error);
    }
    size_t bytes = 0;
    tensor_bytes(CONVOY_F32, &desc->outputs[0].shape, &bytes); /* checked before */
    if (blocked)
        bytes = dnnl_memory_desc_get_size(&layer->operands[0].outside);
    layer->output_block = blocked ? desc->inputs[0].block : 0;
    layer->output_bytes = bytes;
    return status;
}

void onednn_loops_run(const struct onednn_layer *layer, const convoy_tensor *in, convoy_tensor *out) {
    const struct onednn_loops *loops = &layer->loops;
    size_t count = layer->output_bytes / sizeof(float);
    const float *a = in[0].data, *b = loops->two ? in[1].data : a;
    float *y = out->data;
    if (!loops->two)
        activation_apply_all(&loops->activation, a, y, count);
    for (size_t i = 0; loops->two && i < count; i++)
        y[i] = compute(loops, a[loops->single[0] ? 0 : i], b[loops->single[1] ? 0 : i]);
}
