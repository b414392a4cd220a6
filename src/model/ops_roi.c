/* Regions of interest, and samples at places that a grid gives. */
#include "model/attributes.h"
#include "model/operators.h"

/* --- MaxRoiPool, RoiAlign ------------------------------------------------------------------------------- */

/* desc has what belongs to the function; bins: height and width. */
static convoy_status roi_lower(struct lowering *l, struct layer_desc *desc, const uint32_t inputs[3],
                               const int64_t bins[2]) {
    convoy_shape maps = value_shape(l, inputs[0]), regions = value_shape(l, inputs[1]);
    uint32_t value = NO_VALUE;
    if (maps.rank != 4 || regions.rank != 2)
        return node_fail(l, CONVOY_E_INPUT, "maps [N,C,H,W] and a list of regions are expected");
    if (bins[0] < 1 || bins[1] < 1)
        return node_fail(l, CONVOY_E_INPUT, "%lld x %lld bins; at least 1 x 1 are expected",
                         (long long)bins[0], (long long)bins[1]);
    desc->kind = LAYER_ROI;
    desc->roi.scale = (double)attribute_float(l, "spatial_scale", 1);
    desc->outputs[0].shape = (convoy_shape){4, {regions.dims[0], maps.dims[1], bins[0], bins[1]}};
    if (layer_add(l, desc, NULL, inputs, 3, NULL, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* Columns [first, first + count) of a matrix. */
static uint32_t columns_add(struct lowering *l, uint32_t of, int64_t first, int64_t count) {
    struct layer_desc desc = {.kind = LAYER_SLICE, .slice = {.start = {0, first}, .step = {1, 1}}};
    uint32_t value = NO_VALUE;
    desc.outputs[0].shape = (convoy_shape){2, {value_shape(l, of).dims[0], count}};
    layer_add(l, &desc, NULL, &of, 1, NULL, &value);
    return value;
}

/* A region is one row: the number of its image, x1, y1, x2, y2. */
static convoy_status lower_max_roi_pool(struct lowering *l) {
    struct layer_desc desc = {.roi.op = ROI_MAX};
    struct int_list bins = attribute_ints(l, "pooled_shape");
    convoy_shape regions = input_shape(l, 1);
    if (l->status == CONVOY_OK && bins.count != 2)
        return node_fail(l, CONVOY_E_INPUT, "pooled_shape must have two elements, height and width");
    if (l->status == CONVOY_OK && (regions.rank != 2 || regions.dims[1] != 5))
        return node_fail(l, CONVOY_E_INPUT, "a region must have five numbers: image, x1, y1, x2, y2");
    if (l->status != CONVOY_OK)
        return l->status;
    uint32_t inputs[3] = {input_number(l, 0), columns_add(l, input_number(l, 1), 1, 4), NO_VALUE};
    convoy_shape list = {1, {regions.dims[0]}};
    uint32_t image = columns_add(l, input_number(l, 1), 0, 1);
    cast_add(l, image, CONVOY_I64, &image);
    if (l->status != CONVOY_OK || alias_add(l, image, &list, &inputs[2]) != CONVOY_OK)
        return l->status;
    return roi_lower(l, &desc, inputs, bins.values);
}

/* Since operator set 16 it can be chosen where a pixel has whole coordinates. */
static convoy_status lower_roi_align(struct lowering *l) {
    static const char *const modes[] = {"avg", "max", NULL}, *const centres[] = {"output_half_pixel",
                                                                                 "half_pixel", NULL};
    static const enum roi_op ops[] = {ROI_AVERAGE, ROI_ALIGN_MAX};
    struct layer_desc desc = {.roi.op = ops[attribute_choice(l, "mode", modes, "avg")]};
    if (l->model->opset >= 16)
        desc.roi.half_pixel = attribute_choice(l, "coordinate_transformation_mode", centres, "half_pixel");
    desc.roi.samples = attribute_int(l, "sampling_ratio", 0);
    const int64_t bins[] = {attribute_int(l, "output_height", 1), attribute_int(l, "output_width", 1)};
    const uint32_t inputs[] = {input_number(l, 0), input_number(l, 1), input_number(l, 2)};
    return l->status == CONVOY_OK ? roi_lower(l, &desc, inputs, bins) : l->status;
}

/* --- GridSample ----------------------------------------------------------------------------------------- */

/* Operator set 20 calls linear and cubic what was bilinear and bicubic, since there may be any number of
 * axes.
 */
static convoy_status lower_grid_sample(struct lowering *l) {
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL},
                             *const old_modes[] = {"nearest", "bilinear", "bicubic", NULL},
                             *const paddings[] = {"zeros", "border", "reflection", NULL};
    bool old = l->model->opset < 20;
    convoy_shape x = input_shape(l, 0), grid = input_shape(l, 1);
    struct layer_desc desc = {.kind = LAYER_GRID_SAMPLE, .outputs = {{.shape = x}}};
    desc.grid_sample.mode =
        (enum grid_mode)attribute_choice(l, "mode", old ? old_modes : modes, old ? "bilinear" : "linear");
    desc.grid_sample.padding = (enum grid_padding)attribute_choice(l, "padding_mode", paddings, "zeros");
    desc.grid_sample.align_corners = attribute_int(l, "align_corners", 0) != 0;
    if (l->status == CONVOY_OK && (x.rank < 3 || grid.rank != x.rank))
        return node_fail(l, CONVOY_E_INPUT, "an input of %u axes and a grid of %u", x.rank, grid.rank);
    for (uint32_t i = 2; i < x.rank && l->status == CONVOY_OK; i++)
        desc.outputs[0].shape.dims[i] = grid.dims[i - 1];
    uint32_t value = NO_VALUE;
    if (layer_add(l, &desc, NULL, (const uint32_t[]){input_number(l, 0), input_number(l, 1)}, 2, NULL,
                  &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

const struct onnx_operator roi_operators[] = {
    OPERATOR("GridSample", 16, lower_grid_sample, 2, 2),
    OPERATOR("MaxRoiPool", 1, lower_max_roi_pool, 2, 2),
    OPERATOR("RoiAlign", 10, lower_roi_align, 3, 3),
    LAST_OPERATOR,
};
