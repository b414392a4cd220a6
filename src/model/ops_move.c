/* Operators that move elements about. */
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

/* --- Pad ------------------------------------------------------------------------------------------------ */

static enum pad_mode pad_mode_of(struct lowering *l) {
    const char *mode = attribute_text(l, "mode", "constant");
    if (strcmp(mode, "reflect") == 0)
        return PAD_REFLECT;
    if (strcmp(mode, "edge") == 0)
        return PAD_EDGE;
    if (strcmp(mode, "constant") != 0)
        node_fail(l, CONVOY_E_UNSUPPORTED, "mode '%.40s' is not supported; constant, reflect and edge are",
                  mode);
    return PAD_CONSTANT;
}

static convoy_status lower_pad(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    bool attributes = l->model->opset < 11;
    struct int_list pads = option_ints(l, "pads", 1, 11),
                    axes = attributes ? (struct int_list){0} : input_ints(l, 3, "axes");
    struct layer_desc desc = {.kind = LAYER_PAD, .outputs = {{.shape = x}}, .pad.mode = pad_mode_of(l)};
    desc.pad.value =
        attributes ? (double)attribute_float(l, "value", 0) : input_number_value(l, 2, "constant_value", 0);
    axes_mask(l, &axes, x.rank);
    uint32_t count = axes.given ? axes.count : x.rank;
    if (l->status == CONVOY_OK && pads.count != 2 * count)
        node_fail(l, CONVOY_E_INPUT, "%u pads for %u axes; two for each are needed", pads.count, count);
    for (uint32_t i = 0; l->status == CONVOY_OK && i < count; i++) {
        uint32_t axis = axes.given ? axis_normal(l, axes.values[i], x.rank) : i;
        int64_t begin = pads.values[i], end = pads.values[count + i],
                *dim = &desc.outputs[0].shape.dims[axis];
        desc.pad.begin[axis] = begin;
        if (__builtin_add_overflow(*dim, begin, dim) || __builtin_add_overflow(*dim, end, dim) || *dim < 0)
            node_fail(l, CONVOY_E_INPUT, "pads %lld and %lld do not fit axis %u of %lld positions",
                      (long long)begin, (long long)end, axis, (long long)x.dims[axis]);
        if (desc.pad.mode == PAD_REFLECT && (begin >= x.dims[axis] || end >= x.dims[axis]) &&
            (begin > 0 || end > 0))
            node_fail(l, CONVOY_E_INPUT, "pads %lld and %lld reflect more than axis %u has", (long long)begin,
                      (long long)end, axis);
    }
    return layer_lower(l, &desc, NULL);
}

/* --- Slice, Split --------------------------------------------------------------------------------------- */

static int64_t clamp(int64_t value, int64_t low, int64_t high) {
    return value < low ? low : value > high ? high : value;
}

/* start:end:step of one axis, by numpy's rules: negative positions count from the end, and all are cut to
 * what there is. */
static void slice_axis(struct layer_desc *desc, uint32_t axis, int64_t start, int64_t end, int64_t step) {
    int64_t n = desc->outputs[0].shape.dims[axis], count;
    start = start < 0 && start >= -n ? start + n : start;
    end = end < 0 && end >= -n ? end + n : end;
    if (step > 0) {
        start = clamp(start, 0, n);
        end = clamp(end, 0, n);
        count = end > start ? (end - start - 1) / step + 1 : 0;
    } else {
        start = clamp(start, -1, n - 1);
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
    struct int_list lengths = option_ints(l, "split", 1, 13);
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

/* --- Gather --------------------------------------------------------------------------------------------- */

/* The axis of the data is replaced by the shape of the indices. */
static convoy_status lower_gather(struct lowering *l) {
    convoy_shape data = input_shape(l, 0), indices = input_shape(l, 1);
    struct layer_desc desc = {.kind = LAYER_GATHER};
    uint32_t axis = desc.gather.axis = axis_normal(l, attribute_int(l, "axis", 0), data.rank);
    if (l->status == CONVOY_OK && data.rank - 1 + indices.rank > CONVOY_MAX_RANK)
        node_fail(l, CONVOY_E_UNSUPPORTED, "a result of %u axes; at most %d are supported",
                  data.rank - 1 + indices.rank, CONVOY_MAX_RANK);
    if (l->status != CONVOY_OK)
        return l->status;
    for (uint32_t i = 0; i < data.rank; i++)
        if (i != axis)
            desc.outputs[0].shape.dims[desc.outputs[0].shape.rank++] = data.dims[i];
        else
            for (uint32_t k = 0; k < indices.rank; k++)
                desc.outputs[0].shape.dims[desc.outputs[0].shape.rank++] = indices.dims[k];
    uint32_t value = NO_VALUE;
    if (layer_add(l, &desc, NULL, (const uint32_t[]){input_number(l, 0), input_number(l, 1)}, 2, NULL,
                  &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

const struct onnx_operator move_operators[] = {
    OPERATOR("Concat", 1, lower_concat, 1, ANY_INPUTS),
    OPERATOR("Gather", 1, lower_gather, 2, 2),
    OPERATOR("Pad", 2, lower_pad, 1, 4),
    OPERATOR("Slice", 1, lower_slice, 1, 5),
    OPERATOR("Split", 2, lower_split, 1, 2),
    OPERATOR("Transpose", 1, lower_transpose, 1, 1),
    LAST_OPERATOR,
};
