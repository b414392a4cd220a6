/* ONNX does not say which axis is a batch. An exporter that leaves the batch open leaves the first axis open,
 * and no other or the sides of the image as well; one that exports a single image of any size, [h,w,3] or
 * [3,h,w], leaves the first axis open too. The rank tells these apart, and the first convolution. */
#include "model/batch_axis.h"

#include "base/error.h"
#include "model/operators.h"

#include <stdlib.h>
#include <string.h>

#define IMAGE_RANK 4 /* [N,C,H,W] */

/* Operators that leave a map a map of the same axes: a network may begin with them before it convolves. */
static const char *const passing[] = {
    "Add", "BatchNormalization", "Cast", "Clip", "Div", "Identity", "LRN", "Mul", "Pad", "Relu", "Sub"};

static bool passes(const struct node *node) {
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (strcmp(node->op, passing[i]) == 0)
            return true;
    return false;
}

static bool reads(const struct node *node, const bool *reached) {
    for (size_t i = 0; i < node->input_count; i++)
        if (node->inputs[i] != NO_VALUE && reached[node->inputs[i]])
            return true;
    return false;
}

/* Whether a convolution with filters of this rank reads the value, as it is or behind operators that pass.
 * reached: [value_count], all false; scratch. */
static bool is_convolved(const convoy_model *model, uint32_t value, uint32_t rank, bool *reached) {
    reached[value] = true;
    for (size_t n = 0; n < model->node_count; n++) {
        const struct node *node = &model->nodes[n];
        if (!reads(node, reached))
            continue;
        if (strcmp(node->op, "Conv") == 0 && node->input_count > 1 && node->inputs[1] != NO_VALUE &&
            model->values[node->inputs[1]].constant.data &&
            model->values[node->inputs[1]].constant.shape.rank == rank)
            return true;
        if (passes(node) && node->output_count > 0 && node->outputs[0] != NO_VALUE)
            reached[node->outputs[0]] = true;
    }
    return false;
}

/* Rows of a batch whose statistics are taken are no inferences of their own. */
static bool mixes_batch(const convoy_model *model) {
    for (size_t n = 0; n < model->node_count; n++)
        if (strcmp(model->nodes[n].op, "BatchNormalization") == 0 &&
            batch_norm_trains(model, &model->nodes[n]))
            return true;
    return false;
}

static bool is_batch(const convoy_model *model, size_t input, bool *reached) {
    const convoy_shape *shape = &model->inputs[input].shape;
    if (shape->rank < 2 || shape->dims[0] == 1)
        return shape->rank >= 2;
    if (shape->dims[0] != -1 || mixes_batch(model))
        return false;
    bool alone = true;
    for (uint32_t i = 1; i < shape->rank; i++)
        alone = alone && shape->dims[i] != -1;
    return alone || shape->rank == IMAGE_RANK ||
           ((shape->rank == IMAGE_RANK - 1 || shape->rank == IMAGE_RANK + 1) &&
            is_convolved(model, model->input_values[input], shape->rank, reached));
}

convoy_status batch_axes_find(convoy_model *model, convoy_error *error) {
    bool *reached = malloc(model->value_count + 1);
    model->batched = arena_alloc(&model->arena, model->input_count, sizeof *model->batched);
    if (!reached || !model->batched) {
        free(reached);
        return error_memory(error);
    }
    for (size_t i = 0; i < model->input_count; i++) {
        memset(reached, 0, model->value_count + 1);
        model->batched[i] = is_batch(model, i, reached);
    }
    free(reached);
    return CONVOY_OK;
}

size_t batch_axis_group(const convoy_model *model, size_t input) {
    const convoy_shape *shape = &model->inputs[input].shape;
    if (shape->rank != IMAGE_RANK || shape->dims[0] < 2 || model->output_count == 0 || mixes_batch(model))
        return 1;
    const convoy_shape *out = &model->outputs[0].shape; /* a scalar's if it is not declared */
    return out->rank > 1 && out->dims[0] == shape->dims[0] ? (size_t)shape->dims[0] : 1;
}
