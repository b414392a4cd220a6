/* Operators that move elements about. */
#include "base/tensor.h"
#include "model/attributes.h"
#include "model/operators.h"

#include <stdlib.h>
#include <string.h>

/* --- Concat, Transpose ---------------------------------------------------------------------------------- */

static convoy_status lower_concat(struct lowering *l) {
    struct layer_desc desc = {.kind = LAYER_CONCAT, .outputs = {{.shape = input_shape(l, 0)}}};
    uint32_t axis = desc.concat.axis =
        axis_normal(l, attribute_int(l, "axis", 1), desc.outputs[0].shape.rank);
    size_t count = l->node->input_count;
    uint32_t *inputs = arena_alloc(l->arena, count, sizeof *inputs), value = NO_VALUE;
    if (l->status == CONVOY_OK && !inputs)
        return node_fail(l, CONVOY_E_MEMORY, "out of memory");
    for (size_t i = 0; i < count && l->status == CONVOY_OK; i++) {
        convoy_shape shape = input_shape(l, i);
        inputs[i] = input_number(l, i);
        bool fits = shape.rank == desc.outputs[0].shape.rank;
        for (uint32_t k = 0; fits && k < shape.rank; k++)
            fits = k == axis || shape.dims[k] == desc.outputs[0].shape.dims[k];
        if (!fits || (i > 0 && __builtin_add_overflow(desc.outputs[0].shape.dims[axis], shape.dims[axis],
                                                      &desc.outputs[0].shape.dims[axis])))
            node_fail(l, CONVOY_E_INPUT, "input %zu does not have the shape of input 0 on the other axes", i);
    }
    if (layer_add(l, &desc, NULL, inputs, (uint32_t)count, NULL, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

static convoy_status lower_transpose(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    struct int_list list = attribute_ints(l, "perm");
    struct layer_desc desc = {.kind = LAYER_TRANSPOSE, .outputs = {{.shape = x}}};
    uint32_t seen = axes_mask(l, &list, x.rank); /* fails for an axis that is listed twice */
    if (l->status == CONVOY_OK && list.given && seen != (UINT32_C(1) << x.rank) - 1)
        return node_fail(l, CONVOY_E_INPUT, "perm must list each of the %u axes once", x.rank);
    for (uint32_t i = 0; l->status == CONVOY_OK && i < x.rank; i++) {
        uint32_t from = list.given ? axis_normal(l, list.values[i], x.rank) : x.rank - 1 - i;
        desc.transpose.permutation[i] = from;
        desc.outputs[0].shape.dims[i] = x.dims[from];
    }
    return layer_lower(l, &desc, NULL);
}

/* --- Pad, Expand, Tile ---------------------------------------------------------------------------------- */

static enum pad_mode pad_mode_of(struct lowering *l) {
    static const char *const names[PAD_MODES] = {
        [PAD_CONSTANT] = "constant", [PAD_REFLECT] = "reflect", [PAD_EDGE] = "edge", [PAD_WRAP] = "wrap"};
    const char *mode = attribute_text(l, "mode", "constant");
    for (int i = 0; i < PAD_MODES; i++)
        if (strcmp(mode, names[i]) == 0)
            return (enum pad_mode)i;
    node_fail(l, CONVOY_E_UNSUPPORTED, "mode '%.40s' is not supported; constant, reflect, edge and wrap are",
              mode);
    return PAD_CONSTANT;
}

/* Positions that are added to the ends of each axis; negative ones are taken away. */
struct pads {
    int64_t begin[CONVOY_MAX_RANK], end[CONVOY_MAX_RANK];
};

static struct pads pads_of(struct lowering *l, uint32_t rank) {
    struct pads pads = {0};
    struct int_list list = option_ints(l, l->model->opset < 2 ? "paddings" : "pads", 1, 11),
                    axes = l->model->opset < 18 ? (struct int_list){0} : input_ints(l, 3, "axes");
    axes_mask(l, &axes, rank); /* fails for an axis that is listed twice */
    uint32_t count = axes.given ? axes.count : rank;
    if (l->status == CONVOY_OK && list.count != 2 * count)
        node_fail(l, CONVOY_E_INPUT, "%u pads for %u axes; two for each are needed", list.count, count);
    for (uint32_t i = 0; l->status == CONVOY_OK && i < count; i++) {
        uint32_t axis = axes.given ? axis_normal(l, axes.values[i], rank) : i;
        pads.begin[axis] = list.values[i];
        pads.end[axis] = list.values[count + i];
    }
    return pads;
}

/* *shape grows by the pads. */
static convoy_status shape_pad(struct lowering *l, convoy_shape *shape, const struct pads *pads) {
    for (uint32_t i = 0; l->status == CONVOY_OK && i < shape->rank; i++) {
        int64_t before = shape->dims[i], *dim = &shape->dims[i];
        if (__builtin_add_overflow(*dim, pads->begin[i], dim) ||
            __builtin_add_overflow(*dim, pads->end[i], dim) || *dim < 0)
            node_fail(l, CONVOY_E_INPUT, "pads %lld and %lld do not fit axis %u of %lld positions",
                      (long long)pads->begin[i], (long long)pads->end[i], i, (long long)before);
    }
    return l->status;
}

/* Takes the positions away that negative pads name, which become 0. What is added later then repeats what is
 * left. */
static convoy_status crop_add(struct lowering *l, struct pads *pads, uint32_t *value) {
    struct layer_desc desc = {.kind = LAYER_SLICE, .outputs = {{.shape = value_shape(l, *value)}}};
    struct pads crops = {0};
    bool any = false;
    for (uint32_t i = 0; i < CONVOY_MAX_RANK; i++) {
        crops.begin[i] = pads->begin[i] < 0 ? pads->begin[i] : 0;
        crops.end[i] = pads->end[i] < 0 ? pads->end[i] : 0;
        pads->begin[i] -= crops.begin[i];
        pads->end[i] -= crops.end[i];
        any = any || crops.begin[i] < 0 || crops.end[i] < 0;
        desc.slice.start[i] = crops.begin[i] == INT64_MIN ? 0 : -crops.begin[i];
        desc.slice.step[i] = 1;
    }
    if (!any || shape_pad(l, &desc.outputs[0].shape, &crops) != CONVOY_OK)
        return l->status;
    return layer_add(l, &desc, NULL, value, 1, NULL, value);
}

/* What is added in the mode constant, in the type of the input. */
static void read_element(struct lowering *l, unsigned char *element) {
    convoy_dtype dtype = input_dtype(l, 0);
    if (l->model->opset < 11) {
        dtype_find(dtype)->store(element, (double)attribute_float(l, "value", 0));
        return;
    }
    if (!input_given(l, 2))
        return;
    const convoy_tensor *constant = input_elements(l, 2);
    if (!constant)
        node_needs_data(l, "input 'constant_value'");
    else if (constant->dtype != dtype || convoy_tensor_elements(constant) != 1)
        node_fail(l, CONVOY_E_INPUT, "input 'constant_value' must be one element of %s, as the input",
                  convoy_dtype_text(dtype));
    else
        memcpy(element, constant->data, convoy_dtype_bytes(dtype));
}

static convoy_status lower_pad(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    struct layer_desc desc = {.kind = LAYER_PAD, .pad.mode = pad_mode_of(l)};
    struct pads pads = pads_of(l, x.rank);
    uint32_t input = input_number(l, 0), value = NO_VALUE;
    read_element(l, desc.pad.element);
    if (desc.pad.mode != PAD_CONSTANT)
        crop_add(l, &pads, &input);
    if (l->status != CONVOY_OK)
        return l->status;
    desc.outputs[0].shape = value_shape(l, input);
    memcpy(desc.pad.begin, pads.begin, sizeof pads.begin);
    if (shape_pad(l, &desc.outputs[0].shape, &pads) == CONVOY_OK &&
        layer_add(l, &desc, NULL, &input, 1, NULL, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* Both shapes may repeat the other. */
static convoy_status lower_expand(struct lowering *l) {
    convoy_shape x = input_shape(l, 0), shape = input_new_shape(l, 1, "shape"), asked = shape;
    uint32_t value = NO_VALUE;
    char text_x[128], text[128];
    if (l->status == CONVOY_OK && !shape_meet(&shape, &x))
        return node_fail(l, CONVOY_E_INPUT, "shapes %s and %s do not broadcast",
                         convoy_shape_text(&x, text_x, sizeof text_x),
                         convoy_shape_text(&asked, text, sizeof text));
    if (l->status == CONVOY_OK && shape_equal(&shape, &x))
        return alias_lower(l, &x);
    if (expand_add(l, input_number(l, 0), &shape, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* How often each axis is repeated. Until operator set 5 one axis alone is, which is an input as well. */
static struct int_list repeats_of(struct lowering *l, uint32_t rank) {
    struct int_list list = input_ints(l, 1, l->model->opset < 6 ? "tiles" : "repeats");
    if (l->model->opset >= 6)
        return list;
    struct int_list axis = input_ints(l, 2, "axis"), all = {.given = true, .count = rank};
    if (list.count != 1 || axis.count != 1)
        node_fail(l, CONVOY_E_INPUT, "tiles and axis must be one number each");
    for (uint32_t i = 0; i < rank; i++)
        all.values[i] = 1;
    all.values[axis_normal(l, axis.values[0], rank)] = list.values[0];
    return all;
}

static convoy_status lower_tile(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    struct int_list repeats = repeats_of(l, x.rank);
    struct layer_desc desc = {.kind = LAYER_PAD, .pad.mode = PAD_WRAP, .outputs = {{.shape = x}}};
    if (l->status == CONVOY_OK && repeats.count != x.rank)
        node_fail(l, CONVOY_E_INPUT, "%u repeats for %u axes", repeats.count, x.rank);
    for (uint32_t i = 0; l->status == CONVOY_OK && i < x.rank; i++)
        if (repeats.values[i] < 0 ||
            __builtin_mul_overflow(x.dims[i], repeats.values[i], &desc.outputs[0].shape.dims[i]))
            node_fail(l, CONVOY_E_INPUT, "axis %u of %lld positions cannot be repeated %lld times", i,
                      (long long)x.dims[i], (long long)repeats.values[i]);
    return layer_lower(l, &desc, NULL);
}

/* --- Slice, Split --------------------------------------------------------------------------------------- */

static int64_t clamp(int64_t value, int64_t low, int64_t high) {
    return value < low ? low : value > high ? high : value;
}

/* start:end:step of one axis: negative positions count from the end, and all are cut to what there is. Unlike
 * numpy's, a slice backwards that starts before the first position starts at it. */
static void slice_axis(struct layer_desc *desc, uint32_t axis, int64_t start, int64_t end, int64_t step) {
    int64_t n = desc->outputs[0].shape.dims[axis], count;
    start = start < 0 && start >= -n ? start + n : start;
    end = end < 0 && end >= -n ? end + n : end;
    if (step > 0) {
        start = clamp(start, 0, n);
        end = clamp(end, 0, n);
        count = end > start ? (end - start - 1) / step + 1 : 0;
    } else {
        start = clamp(start, n > 0 ? 0 : -1, n - 1);
        end = clamp(end, -1, n - 1);
        count = start > end ? (start - end - 1) / (step == INT64_MIN ? INT64_MAX : -step) + 1 : 0;
    }
    desc->slice.start[axis] = count ? start : 0;
    desc->slice.step[axis] = count > 1 ? step : 1;
    desc->outputs[0].shape.dims[axis] = count;
}

static convoy_status lower_slice(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    bool attributes = l->model->opset < 10;
    struct int_list starts = option_ints(l, "starts", 1, 10), ends = option_ints(l, "ends", 2, 10);
    struct int_list axes = option_ints(l, "axes", 3, 10);
    struct int_list steps = attributes ? (struct int_list){0} : input_ints(l, 4, "steps");
    axes_mask(l, &axes, x.rank);
    uint32_t count = starts.count;
    if (l->status == CONVOY_OK &&
        (!starts.given || ends.count != count || (axes.given && axes.count != count) ||
         (steps.given && steps.count != count) || count > x.rank))
        node_fail(l, CONVOY_E_INPUT,
                  "starts, ends, axes and steps must have as many elements, and no more than %u", x.rank);
    struct layer_desc desc = {.kind = LAYER_SLICE, .outputs = {{.shape = x}}};
    for (uint32_t i = 0; i < x.rank; i++)
        desc.slice.step[i] = 1;
    for (uint32_t i = 0; l->status == CONVOY_OK && i < count; i++) {
        uint32_t axis = axes.given ? axis_normal(l, axes.values[i], x.rank) : i;
        int64_t step = steps.given ? steps.values[i] : 1;
        if (step == 0)
            node_fail(l, CONVOY_E_INPUT, "a step of 0");
        else
            slice_axis(&desc, axis, starts.values[i], ends.values[i], step);
    }
    return layer_lower(l, &desc, NULL);
}

/* Length of part i of n positions in equal parts; the last one is smaller where they do not divide. */
static int64_t equal_part(int64_t n, int64_t parts, int64_t i) {
    int64_t length = (n + parts - 1) / parts;
    return clamp(n - i * length, 0, length);
}

static convoy_status lower_split(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    struct int_list lengths =
        l->model->opset < 2 && input_given(l, 1) ? input_ints(l, 1, "split") : option_ints(l, "split", 1, 13);
    uint32_t axis = axis_normal(l, attribute_int(l, "axis", 0), x.rank), input = input_number(l, 0);
    int64_t parts = (int64_t)l->node->output_count, n = l->status == CONVOY_OK ? x.dims[axis] : 0, at = 0;
    if (l->model->opset >= 18 && attribute_int(l, "num_outputs", parts) != parts)
        return node_fail(l, CONVOY_E_INPUT, "num_outputs is not the number of its outputs");
    if (l->status == CONVOY_OK && lengths.given && lengths.count != parts)
        return node_fail(l, CONVOY_E_INPUT, "%u lengths for %lld outputs", lengths.count, (long long)parts);
    for (int64_t i = 0; i < parts && l->status == CONVOY_OK; i++) {
        struct layer_desc desc = {.kind = LAYER_SLICE, .outputs = {{.shape = x}}};
        int64_t length = lengths.given ? lengths.values[i] : equal_part(n, parts, i);
        if (length < 0 || length > n - at)
            return node_fail(l, CONVOY_E_INPUT, "the parts do not add up to the %lld positions of axis %u",
                             (long long)n, axis);
        for (uint32_t k = 0; k < x.rank; k++)
            desc.slice.step[k] = 1;
        desc.slice.start[axis] = length ? at : 0;
        desc.outputs[0].shape.dims[axis] = length;
        uint32_t value = NO_VALUE;
        if (layer_add(l, &desc, NULL, &input, 1, NULL, &value) == CONVOY_OK)
            output_set(l, (size_t)i, value);
        at += length;
    }
    if (l->status == CONVOY_OK && at != n)
        return node_fail(l, CONVOY_E_INPUT, "the parts do not add up to the %lld positions of axis %u",
                         (long long)n, axis);
    return l->status;
}

/* --- ReverseSequence ------------------------------------------------------------------------------------ */

static convoy_status lower_reverse_sequence(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    int64_t batch = attribute_int(l, "batch_axis", 1), time = attribute_int(l, "time_axis", 0);
    if (batch < 0 || batch > 1 || time != 1 - batch)
        return node_fail(l, CONVOY_E_INPUT, "batch_axis and time_axis must be 0 and 1, or 1 and 0");
    struct layer_desc desc = {.kind = LAYER_REVERSE_SEQUENCE,
                              .reverse = {(uint32_t)batch, (uint32_t)time},
                              .outputs = {{.shape = x}}};
    const uint32_t inputs[] = {input_number(l, 0), input_number(l, 1)};
    uint32_t value = NO_VALUE;
    if (layer_add(l, &desc, NULL, inputs, 2, NULL, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

const struct onnx_operator move_operators[] = {
    OPERATOR("Concat", 1, lower_concat, 1, ANY_INPUTS),
    OPERATOR("Expand", 8, lower_expand, 2, 2),
    OPERATOR("Pad", 1, lower_pad, 1, 4),
    OPERATOR("ReverseSequence", 10, lower_reverse_sequence, 2, 2),
    OPERATOR("Slice", 1, lower_slice, 1, 5),
    OPERATOR("Split", 1, lower_split, 1, 2),
    OPERATOR("Tile", 1, lower_tile, 2, 3),
    OPERATOR("Transpose", 1, lower_transpose, 1, 1),
    LAST_OPERATOR,
};
