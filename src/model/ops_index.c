/* Operators that find elements by indices, and those that find indices of elements. */
#include "base/tensor.h"
#include "model/attributes.h"
#include "model/operators.h"

#include <string.h>

/* A layer of the node's first inputs; its result is the node's output. */
static convoy_status lower_inputs(struct lowering *l, struct layer_desc *desc, uint32_t count) {
    uint32_t inputs[3], value = NO_VALUE;
    for (uint32_t i = 0; i < count; i++)
        inputs[i] = input_number(l, i);
    if (layer_add(l, desc, NULL, inputs, count, NULL, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* An axis of a shape, and what lies before and behind it. */
struct lines {
    size_t outer, axis, inner;
};

static struct lines lines_of(const convoy_shape *shape, uint32_t axis) {
    return (struct lines){shape_product(shape, 0, axis), (size_t)shape->dims[axis],
                          shape_product(shape, axis + 1, shape->rank)};
}

/* --- Gather --------------------------------------------------------------------------------------------- */

/* The axis of the data is replaced by the shape of the indices. */
static convoy_status gather_add(struct lowering *l, uint32_t from, uint32_t at, uint32_t axis,
                                uint32_t *value) {
    if (l->status != CONVOY_OK)
        return l->status;
    convoy_shape data = value_shape(l, from), indices = value_shape(l, at);
    struct layer_desc desc = {.kind = LAYER_GATHER, .gather.axis = axis};
    convoy_shape *shape = &desc.outputs[0].shape;
    if (data.rank - 1 + indices.rank > CONVOY_MAX_RANK)
        return node_fail(l, CONVOY_E_UNSUPPORTED, "a result of %u axes; at most %d are supported",
                         data.rank - 1 + indices.rank, CONVOY_MAX_RANK);
    for (uint32_t i = 0; i < data.rank; i++)
        if (i != axis)
            shape->dims[shape->rank++] = data.dims[i];
        else
            for (uint32_t k = 0; k < indices.rank; k++)
                shape->dims[shape->rank++] = indices.dims[k];
    return layer_add(l, &desc, NULL, (const uint32_t[]){from, at}, 2, NULL, value);
}

static convoy_status lower_gather(struct lowering *l) {
    uint32_t axis = axis_normal(l, attribute_int(l, "axis", 0), input_shape(l, 0).rank), value = NO_VALUE;
    if (gather_add(l, input_number(l, 0), input_number(l, 1), axis, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* An index for each element of the result. */
static convoy_status lower_gather_elements(struct lowering *l) {
    struct layer_desc desc = {.kind = LAYER_GATHER_ELEMENTS, .outputs = {{.shape = input_shape(l, 1)}}};
    desc.gather.axis = axis_normal(l, attribute_int(l, "axis", 0), input_shape(l, 0).rank);
    return lower_inputs(l, &desc, 2);
}

/* The last axis of the indices holds one for each of some axes of the data, which stand behind batch_dims
 * axes that both have. */
static convoy_status lower_gather_nd(struct lowering *l) {
    convoy_shape data = input_shape(l, 0), indices = input_shape(l, 1);
    struct layer_desc desc = {.kind = LAYER_GATHER_ND};
    convoy_shape *shape = &desc.outputs[0].shape;
    int64_t batch = l->model->opset < 12 ? 0 : attribute_int(l, "batch_dims", 0);
    int64_t length = indices.rank ? indices.dims[indices.rank - 1] : 0;
    if (batch < 0 || batch >= (int64_t)data.rank || batch >= (int64_t)indices.rank || length < 1 ||
        length > (int64_t)data.rank - batch)
        return node_fail(l, CONVOY_E_INPUT, "%lld indices behind %lld axes do not fit data of %u axes",
                         (long long)length, (long long)batch, data.rank);
    uint32_t behind = (uint32_t)(batch + length);
    if (indices.rank - 1 + data.rank - behind > CONVOY_MAX_RANK)
        return node_fail(l, CONVOY_E_UNSUPPORTED, "a result of %u axes; at most %d are supported",
                         indices.rank - 1 + data.rank - behind, CONVOY_MAX_RANK);
    for (uint32_t i = 0; i + 1 < indices.rank; i++)
        shape->dims[shape->rank++] = indices.dims[i];
    for (uint32_t i = behind; i < data.rank; i++)
        shape->dims[shape->rank++] = data.dims[i];
    desc.gather_nd.batch_axes = (uint32_t)batch;
    return lower_inputs(l, &desc, 2);
}

/* What a condition selects of an axis, or of all elements. It may be shorter than these. */
static convoy_status lower_compress(struct lowering *l) {
    const convoy_tensor *condition = input_elements(l, 1);
    convoy_shape x = input_shape(l, 0), flat = {1, {(int64_t)shape_product(&x, 0, x.rank)}};
    bool whole = !attribute_find(l, "axis");
    uint32_t axis = whole ? 0 : axis_normal(l, attribute_int(l, "axis", 0), x.rank);
    uint32_t data = input_number(l, 0), indices = NO_VALUE, value = NO_VALUE;
    if (!condition)
        return node_needs_data(l, "input 'condition'");
    if (condition->dtype != CONVOY_BOOL || condition->shape.rank != 1)
        return node_fail(l, CONVOY_E_INPUT, "the condition must be a list of bool");
    const uint8_t *selects = condition->data;
    int64_t length = condition->shape.dims[0], extent = whole ? flat.dims[0] : x.dims[axis], count = 0;
    for (int64_t i = 0; i < length; i++)
        count += selects[i] != 0;
    convoy_tensor list;
    if (constant_create(l, CONVOY_I64, &(convoy_shape){1, {count}}, &list) != CONVOY_OK)
        return l->status;
    int64_t *next = list.data;
    for (int64_t i = 0; i < length; i++)
        if (selects[i]) {
            *next++ = i;
            if (i >= extent)
                node_fail(l, CONVOY_E_INPUT, "the condition selects position %lld of %lld", (long long)i,
                          (long long)extent);
        }
    constant_add(l, &list, &indices);
    if (whole)
        alias_add(l, data, &flat, &data);
    if (gather_add(l, data, indices, axis, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* --- Scatter -------------------------------------------------------------------------------------------- */

/* How an update meets the element that it stands for. */
static void read_reduction(struct lowering *l, struct layer_desc *desc) {
    static const struct {
        const char *name;
        bool combines;
        enum binary_op op;
    } reductions[] = {{"none", false, BINARY_ADD},
                      {"add", true, BINARY_ADD},
                      {"mul", true, BINARY_MUL},
                      {"max", true, BINARY_MAX},
                      {"min", true, BINARY_MIN}};
    const char *name = l->model->opset < 16 ? "none" : attribute_text(l, "reduction", "none");
    for (size_t i = 0; i < sizeof reductions / sizeof *reductions; i++)
        if (strcmp(name, reductions[i].name) == 0) {
            desc->scatter.combines = reductions[i].combines;
            desc->scatter.op = reductions[i].op;
            return;
        }
    node_fail(l, CONVOY_E_UNSUPPORTED, "reduction '%.40s' is not supported; none, add, mul, max and min are",
              name);
}

static convoy_status lower_scatter_elements(struct lowering *l) {
    struct layer_desc desc = {.kind = LAYER_SCATTER_ELEMENTS, .outputs = {{.shape = input_shape(l, 0)}}};
    desc.scatter.axis = axis_normal(l, attribute_int(l, "axis", 0), desc.outputs[0].shape.rank);
    read_reduction(l, &desc);
    return lower_inputs(l, &desc, 3);
}

static convoy_status lower_scatter_nd(struct lowering *l) {
    struct layer_desc desc = {.kind = LAYER_SCATTER_ND, .outputs = {{.shape = input_shape(l, 0)}}};
    read_reduction(l, &desc);
    return lower_inputs(l, &desc, 3);
}

/* --- Extremes ------------------------------------------------------------------------------------------- */

/* *value: where the extremes lie along an axis, in this shape. */
static convoy_status arg_add(struct lowering *l, struct layer_desc *desc, const struct lines *lines,
                             const convoy_shape *shape, uint32_t *value) {
    uint32_t input = input_number(l, 0);
    desc->kind = LAYER_ARG;
    desc->arg.outer = lines->outer;
    desc->arg.axis = lines->axis;
    desc->arg.inner = lines->inner;
    desc->outputs[0].dtype = CONVOY_I64;
    desc->outputs[0].shape = *shape;
    return layer_add(l, desc, NULL, &input, 1, NULL, value);
}

static convoy_status lower_arg(struct lowering *l) {
    convoy_shape x = input_shape(l, 0), shape = {0};
    uint32_t axis = axis_normal(l, attribute_int(l, "axis", 0), x.rank), value = NO_VALUE;
    bool keep = attribute_int(l, "keepdims", 1) != 0;
    struct layer_desc desc = {0};
    desc.arg.least = l->op->parameter;
    desc.arg.last = l->model->opset >= 12 && attribute_int(l, "select_last_index", 0) != 0;
    if (l->status != CONVOY_OK)
        return l->status;
    for (uint32_t i = 0; i < x.rank; i++)
        if (i != axis || keep)
            shape.dims[shape.rank++] = i == axis ? 1 : x.dims[i];
    struct lines lines = lines_of(&x, axis);
    if (arg_add(l, &desc, &lines, &shape, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* Until operator set 12 over all axes from `axis` on, taken as one; then over that axis alone. */
static convoy_status lower_hardmax(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    bool flat = l->model->opset < 13;
    uint32_t axis = axis_normal(l, attribute_int(l, "axis", flat ? 1 : -1), x.rank);
    if (l->status != CONVOY_OK)
        return l->status;
    struct lines lines = lines_of(&x, axis);
    if (flat)
        lines = (struct lines){lines.outer, lines.axis * lines.inner, 1};
    const convoy_shape shape = {3, {(int64_t)lines.outer, (int64_t)lines.axis, (int64_t)lines.inner}},
                       line = {3, {shape.dims[0], 1, shape.dims[2]}};
    if (shape_product(&x, 0, x.rank) == 0)
        return alias_lower(l, &x);
    uint32_t largest = NO_VALUE, position = NO_VALUE, value = NO_VALUE;
    arg_add(l, &(struct layer_desc){0}, &lines, &line, &largest);
    counting_add(l, &shape, 1, 0, &position);
    binary_add(l, BINARY_EQUAL, position, largest, &value);
    cast_add(l, value, input_dtype(l, 0), &value);
    if (alias_add(l, value, &x, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* How many are asked for: since operator set 10 an input. */
static int64_t top_k_count(struct lowering *l, int64_t extent) {
    struct int_list list = {.count = 1};
    if (l->model->opset < 10)
        list.values[0] = attribute_int(l, "k", -1);
    else
        list = input_ints(l, 1, "k");
    if (list.count != 1 || list.values[0] < 0 || list.values[0] > extent)
        node_fail(l, CONVOY_E_INPUT, "k must be one number, and no more than the %lld positions of the axis",
                  (long long)extent);
    return l->status == CONVOY_OK ? list.values[0] : 0;
}

/* The results are sorted if `sorted` does not ask for it, too. */
static convoy_status lower_top_k(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    uint32_t axis = axis_normal(l, attribute_int(l, "axis", -1), x.rank);
    struct layer_desc desc = {.kind = LAYER_TOP_K, .output_count = 1, .outputs = {{.shape = x}}};
    int64_t k = top_k_count(l, x.rank ? x.dims[axis] : 0);
    if (l->model->opset >= 11) {
        desc.top_k.least = attribute_int(l, "largest", 1) == 0;
        attribute_int(l, "sorted", 1);
    }
    if (l->status != CONVOY_OK)
        return l->status;
    struct lines lines = lines_of(&x, axis);
    desc.top_k.outer = lines.outer;
    desc.top_k.axis = lines.axis;
    desc.top_k.inner = lines.inner;
    desc.top_k.k = (size_t)k;
    desc.outputs[0].shape.dims[axis] = k;
    if (l->node->output_count > 1 && l->node->outputs[1] != NO_VALUE) {
        desc.output_count = 2;
        desc.outputs[1] = (struct value_desc){CONVOY_I64, desc.outputs[0].shape, 0};
    }
    return layer_lower(l, &desc, NULL);
}

/* --- Sums ----------------------------------------------------------------------------------------------- */

static convoy_status lower_cum_sum(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    struct int_list list = input_ints(l, 1, "axis");
    struct layer_desc desc = {.kind = LAYER_CUMULATIVE_SUM, .outputs = {{.shape = x}}};
    desc.cumulative.exclusive = attribute_int(l, "exclusive", 0) != 0;
    desc.cumulative.backward = attribute_int(l, "reverse", 0) != 0;
    if (l->status == CONVOY_OK && list.count != 1)
        node_fail(l, CONVOY_E_INPUT, "axis must be one number");
    uint32_t axis = axis_normal(l, list.values[0], x.rank);
    if (l->status != CONVOY_OK)
        return l->status;
    struct lines lines = lines_of(&x, axis);
    desc.cumulative.outer = lines.outer;
    desc.cumulative.axis = lines.axis;
    desc.cumulative.inner = lines.inner;
    return layer_lower(l, &desc, NULL);
}

const struct onnx_operator index_operators[] = {
    OPERATOR("ArgMax", 1, lower_arg, 1, 1, .parameter = false),
    OPERATOR("ArgMin", 1, lower_arg, 1, 1, .parameter = true),
    OPERATOR("Compress", 9, lower_compress, 2, 2),
    OPERATOR("CumSum", 11, lower_cum_sum, 2, 2),
    OPERATOR("Gather", 1, lower_gather, 2, 2),
    OPERATOR("GatherElements", 11, lower_gather_elements, 2, 2),
    OPERATOR("GatherND", 11, lower_gather_nd, 2, 2),
    OPERATOR("Hardmax", 1, lower_hardmax, 1, 1),
    OPERATOR_UNTIL("Scatter", 9, 10, lower_scatter_elements, 3, 3), /* became ScatterElements */
    OPERATOR("ScatterElements", 11, lower_scatter_elements, 3, 3),
    OPERATOR("ScatterND", 11, lower_scatter_nd, 3, 3),
    OPERATOR("TopK", 1, lower_top_k, 1, 2),
    LAST_OPERATOR,
};
