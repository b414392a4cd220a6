/* Resize, and Upsample before it. All modes are separable: one axis after the other is resized, the nearest
 * element by a gather along the axis, weighted sums by a layer of their own. The rules are those of the
 * standard; if it leaves a choice, or contradicts itself, those of its reference implementation and test
 * cases are followed, and a comment says so. */
#include "base/tensor.h"
#include "model/attributes.h"
#include "model/operators.h"

#include <math.h>
#include <string.h>

enum mode { NEAREST, LINEAR, CUBIC };
enum coordinates {
    HALF_PIXEL,
    HALF_PIXEL_SYMMETRIC,
    PYTORCH_HALF_PIXEL,
    ALIGN_CORNERS,
    ASYMMETRIC,
    TF_CROP_AND_RESIZE,
    TF_HALF_PIXEL_FOR_NN
};
enum rounding {
    ROUND_PREFER_FLOOR,
    ROUND_PREFER_CEIL,
    ROUND_FLOOR,
    ROUND_CEIL,
    ROUND_TO_SCALE /* before operator set 11, as its test cases have it: down, or up if the axis shrinks */
};
enum policy { STRETCH, NOT_LARGER, NOT_SMALLER };

struct options {
    enum mode mode;
    enum coordinates coordinates;
    enum rounding rounding;
    enum policy policy;
    bool antialias, exclude_outside;
    double cubic_a, extrapolation;
};

struct resized_axis {
    int64_t in, out;
    double scale;
    double length;     /* of the output, as it was before it was rounded to out */
    double start, end; /* of the region, relative to the input */
};

/* --- Sizes ---------------------------------------------------------------------------------------------- */

/* An input of numbers, which must be known; NULL if it is left out or empty, or the node fails. */
static const convoy_tensor *numbers_input(struct lowering *l, size_t input, const char *what, size_t count) {
    if (!input_given(l, input))
        return NULL;
    convoy_shape shape = input_shape(l, input);
    if (shape_product(&shape, 0, shape.rank) == 0)
        return NULL;
    const convoy_tensor *numbers = input_elements(l, input);
    if (!numbers) {
        node_needs_data(l, "input '%s'", what);
        return NULL;
    }
    if (convoy_tensor_elements(numbers) == count && dtype_is(numbers->dtype, DTYPE_REALS | DTYPE_INTEGERS))
        return numbers;
    node_fail(l, CONVOY_E_INPUT, "input '%s' must be %zu numbers", what, count);
    return NULL;
}

/* The size that a scale gives, in float32 as the standard's shape inference computes it: 10 · 0.7 is 7. */
static void axis_scale(struct lowering *l, const struct options *options, double scale,
                       struct resized_axis *axis) {
    if (!(scale > 0 && scale < (double)INT32_MAX)) {
        node_fail(l, CONVOY_E_INPUT, "a scale of %g; more than 0 is expected", scale);
        return;
    }
    float region = options->coordinates == TF_CROP_AND_RESIZE ? (float)(axis->end - axis->start) : 1;
    float size = floorf((float)axis->in * region * (float)scale);
    axis->scale = scale;
    axis->length = (double)axis->in * scale;
    axis->out = size >= 0 && size < 0x1p62f ? (int64_t)size : -1;
}

/* The sizes that are asked for, or the next that keep the ratio of the chosen axes. */
static void axes_size(struct lowering *l, const struct options *options, const convoy_tensor *sizes,
                      const uint32_t *chosen, struct resized_axis *axes) {
    size_t count = convoy_tensor_elements(sizes);
    double least = INFINITY, most = 0;
    for (size_t i = 0; i < count; i++) {
        struct resized_axis *axis = &axes[chosen[i]];
        double size = convoy_tensor_element(sizes, i);
        axis->out = size >= 0 && size < 0x1p62 ? (int64_t)size : -1;
        axis->scale = axis->in ? size / (double)axis->in : 1;
        axis->length = size;
        least = fmin(least, axis->scale);
        most = fmax(most, axis->scale);
    }
    for (size_t i = 0; i < count && options->policy != STRETCH && l->status == CONVOY_OK; i++) {
        struct resized_axis *axis = &axes[chosen[i]];
        axis->scale = options->policy == NOT_LARGER ? least : most;
        axis->length = axis->scale * (double)axis->in;
        axis->out = axis->length >= 0 && axis->length < 0x1p62 ? (int64_t)floor(axis->length + 0.5) : -1;
    }
}

/* --- Positions ------------------------------------------------------------------------------------------ */

/* Where positions of the output are in the input. With align_corners the length is that before it was
 * rounded, as the test cases have it. */
static struct axis_map axis_map_of(const struct options *options, const struct resized_axis *axis) {
    double in = (double)axis->in, out = (double)axis->out;
    switch (options->coordinates) {
    case PYTORCH_HALF_PIXEL:
        if (axis->out <= 1)
            break;
        return (struct axis_map){0.5, 1, axis->scale, -0.5};
    case HALF_PIXEL:
        return (struct axis_map){0.5, 1, axis->scale, -0.5};
    case HALF_PIXEL_SYMMETRIC:
        return (struct axis_map){0.5, 1, axis->scale, in / 2 * (1 - out / axis->length) - 0.5};
    case ALIGN_CORNERS:
        if (axis->out <= 1)
            break;
        return (struct axis_map){0, in - 1, axis->length - 1, 0};
    case ASYMMETRIC:
        return (struct axis_map){0, 1, axis->scale, 0};
    case TF_CROP_AND_RESIZE:
        if (axis->out <= 1)
            return (struct axis_map){0, 0, 1, (axis->start + axis->end) * (in - 1) / 2};
        return (struct axis_map){0, (axis->end - axis->start) * (in - 1), out - 1, axis->start * (in - 1)};
    case TF_HALF_PIXEL_FOR_NN:
        return (struct axis_map){0.5, 1, axis->scale, 0};
    }
    return (struct axis_map){0, 0, 1, 0}; /* a single position is at the first one */
}

static double round_to(enum rounding rounding, double at, double scale) {
    double down = floor(at), rest = at - down;
    switch (rounding) {
    case ROUND_PREFER_FLOOR:
        return rest > 0.5 ? down + 1 : down;
    case ROUND_PREFER_CEIL:
        return rest >= 0.5 ? down + 1 : down;
    case ROUND_CEIL:
        return ceil(at);
    case ROUND_TO_SCALE:
        return scale < 1 ? ceil(at) : down;
    case ROUND_FLOOR:
        break;
    }
    return down;
}

/* The input's element that an output position shows; in (one too many) if that is extrapolated. */
static int64_t nearest(const struct options *options, const struct resized_axis *axis,
                       const struct axis_map *map, int64_t position) {
    double at = axis_map_at(map, (double)position), last = (double)(axis->in - 1);
    if (options->coordinates == TF_CROP_AND_RESIZE && !(at >= 0 && at <= last))
        return axis->in;
    double element = round_to(options->rounding, at, axis->scale);
    return !(element > 0) ? 0 : element > last ? axis->in - 1 : (int64_t)element;
}

/* --- Layers --------------------------------------------------------------------------------------------- */

/* *value: it with an element more at the end of an axis, which is the extrapolated one. */
static void extrapolation_add(struct lowering *l, const struct options *options, uint32_t number,
                              uint32_t *value) {
    struct layer_desc desc = {.kind = LAYER_PAD, .pad.mode = PAD_CONSTANT};
    if (l->status != CONVOY_OK)
        return;
    dtype_find(l->network->values[*value].dtype)->store(desc.pad.element, options->extrapolation);
    desc.outputs[0].shape = value_shape(l, *value);
    desc.outputs[0].shape.dims[number]++;
    layer_add(l, &desc, NULL, value, 1, NULL, value);
}

static void nearest_add(struct lowering *l, const struct options *options, const struct resized_axis *axis,
                        const struct axis_map *map, uint32_t number, uint32_t *value) {
    convoy_tensor indices;
    convoy_shape list = {1, {axis->out}};
    if (constant_create(l, CONVOY_I64, &list, &indices) != CONVOY_OK)
        return;
    bool same = axis->in == axis->out, outside = false;
    for (int64_t i = 0; i < axis->out; i++) {
        int64_t element = ((int64_t *)indices.data)[i] = nearest(options, axis, map, i);
        same = same && element == i;
        outside = outside || element == axis->in;
    }
    if (same) {
        convoy_tensor_release(&indices);
        return;
    }
    uint32_t inputs[2] = {*value, NO_VALUE};
    constant_add(l, &indices, &inputs[1]);
    if (outside)
        extrapolation_add(l, options, number, &inputs[0]);
    struct layer_desc desc = {.kind = LAYER_GATHER, .gather.axis = number};
    desc.outputs[0].shape = value_shape(l, *value);
    desc.outputs[0].shape.dims[number] = axis->out;
    layer_add(l, &desc, NULL, inputs, 2, NULL, value);
}

/* Whether every position shows the element of the same number. */
static bool is_identity(const struct resized_axis *axis, const struct axis_map *map) {
    bool same = axis->in == axis->out;
    for (int64_t i = 0; i < axis->out && same; i++)
        same = axis_map_at(map, (double)i) == (double)i;
    return same;
}

static void filter_add(struct lowering *l, const struct options *options, const struct resized_axis *axis,
                       const struct axis_map *map, uint32_t number, uint32_t *value) {
    struct layer_desc desc = {.kind = LAYER_RESIZE};
    convoy_shape shape = value_shape(l, *value);
    desc.resize.filter = options->mode == LINEAR ? RESIZE_LINEAR : RESIZE_CUBIC;
    desc.resize.outer = shape_product(&shape, 0, number);
    desc.resize.in = (size_t)axis->in;
    desc.resize.out = (size_t)axis->out;
    desc.resize.inner = shape_product(&shape, number + 1, shape.rank);
    desc.resize.map = *map;
    desc.resize.stretch = options->antialias && axis->scale < 1 ? 1 / axis->scale : 1;
    desc.resize.cubic_a = options->cubic_a;
    desc.resize.exclude_outside = options->exclude_outside;
    desc.resize.extrapolate = options->coordinates == TF_CROP_AND_RESIZE;
    desc.resize.value = options->extrapolation;
    desc.outputs[0].shape = shape;
    desc.outputs[0].shape.dims[number] = axis->out;
    if (!is_identity(axis, map))
        layer_add(l, &desc, NULL, value, 1, NULL, value);
}

/* The axis to be resized next, or rank: what shrinks comes first, and what grows from the last axis on, so
 * that there is the least to do. */
static uint32_t next_axis(const struct resized_axis *axes, uint32_t rank, uint32_t done) {
    uint32_t best = rank;
    for (uint32_t i = rank; i-- > 0;)
        if (!(done >> i & 1) && (best == rank || (double)axes[i].out * (double)axes[best].in <
                                                     (double)axes[best].out * (double)axes[i].in))
            best = i;
    return best;
}

/* The type in which weighted sums are computed: integers of up to 16 bits become float32, others float64. */
static convoy_dtype summed_type(convoy_dtype dtype) {
    if (dtype_is(dtype, DTYPE_REALS))
        return dtype;
    return convoy_dtype_bytes(dtype) <= 2 ? CONVOY_F32 : CONVOY_F64;
}

static convoy_status resize_lower(struct lowering *l, const struct options *options,
                                  const struct resized_axis *axes) {
    uint32_t rank = input_shape(l, 0).rank, value = input_number(l, 0), done = 0;
    convoy_dtype dtype = input_dtype(l, 0);
    for (uint32_t i = 0; i < rank; i++)
        if (axes[i].out < 0 || (axes[i].in == 0 && axes[i].out > 0))
            return node_fail(l, CONVOY_E_INPUT, "axis %u: %lld positions cannot become %lld", i,
                             (long long)axes[i].in, (long long)axes[i].out);
    if (options->mode != NEAREST)
        cast_add(l, value, summed_type(dtype), &value);
    for (uint32_t n = 0; n < rank && l->status == CONVOY_OK; n++) {
        uint32_t i = next_axis(axes, rank, done);
        struct axis_map map = axis_map_of(options, &axes[i]);
        done |= UINT32_C(1) << i;
        (options->mode == NEAREST ? nearest_add : filter_add)(l, options, &axes[i], &map, i, &value);
    }
    convoy_shape shape = input_shape(l, 0);
    cast_add(l, value, dtype, &value);
    if (l->status == CONVOY_OK && value == input_number(l, 0))
        return alias_lower(l, &shape);
    output_set(l, 0, value);
    return l->status;
}

/* Axes that stay as they are. */
static void axes_begin(const convoy_shape *shape, struct resized_axis *axes) {
    for (uint32_t i = 0; i < shape->rank; i++)
        axes[i] = (struct resized_axis){shape->dims[i], shape->dims[i], 1, (double)shape->dims[i], 0, 1};
}

/* --- Resize --------------------------------------------------------------------------------------------- */

static void options_read(struct lowering *l, struct options *options) {
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL},
                             *const coordinates[] = {"half_pixel",           "half_pixel_symmetric",
                                                     "pytorch_half_pixel",   "align_corners",
                                                     "asymmetric",           "tf_crop_and_resize",
                                                     "tf_half_pixel_for_nn", NULL},
                             *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil",
                                                   NULL},
                             *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};
    *options = (struct options){.coordinates = ASYMMETRIC, .rounding = ROUND_TO_SCALE};
    options->mode = (enum mode)attribute_choice(l, "mode", modes, "nearest");
    if (l->model->opset < 11)
        return;
    options->coordinates =
        (enum coordinates)attribute_choice(l, "coordinate_transformation_mode", coordinates, "half_pixel");
    options->rounding = (enum rounding)attribute_choice(l, "nearest_mode", roundings, "round_prefer_floor");
    options->cubic_a = (double)attribute_float(l, "cubic_coeff_a", -0.75f);
    options->exclude_outside = attribute_int(l, "exclude_outside", 0) != 0;
    options->extrapolation = (double)attribute_float(l, "extrapolation_value", 0);
    if (l->model->opset < 18)
        return;
    options->antialias = attribute_int(l, "antialias", 0) != 0;
    options->policy = (enum policy)attribute_choice(l, "keep_aspect_ratio_policy", policies, "stretch");
}

/* The axes that roi, scales and sizes speak of, in their order; returns their number. */
static uint32_t axes_choose(struct lowering *l, uint32_t rank, uint32_t chosen[CONVOY_MAX_RANK]) {
    struct int_list list = l->model->opset < 18 ? (struct int_list){0} : attribute_ints(l, "axes");
    axes_mask(l, &list, rank); /* fails if one is listed twice */
    uint32_t count = list.given ? list.count : rank;
    for (uint32_t i = 0; i < count && l->status == CONVOY_OK; i++)
        chosen[i] = list.given ? axis_normal(l, list.values[i], rank) : i;
    return count;
}

static void region_read(struct lowering *l, const uint32_t *chosen, uint32_t count,
                        struct resized_axis *axes) {
    const convoy_tensor *roi = numbers_input(l, 1, "roi", 2 * (size_t)count);
    if (!roi && l->status == CONVOY_OK)
        node_fail(l, CONVOY_E_INPUT, "tf_crop_and_resize needs input 'roi'");
    for (uint32_t i = 0; i < count && l->status == CONVOY_OK; i++) {
        struct resized_axis *axis = &axes[chosen[i]];
        axis->start = convoy_tensor_element(roi, i);
        axis->end = convoy_tensor_element(roi, count + i);
        if (!isfinite(axis->start) || !isfinite(axis->end))
            node_fail(l, CONVOY_E_INPUT, "input 'roi' must be finite");
    }
}

/* Since operator set 11 there are roi and sizes as well; the scales were input 1, and became input 2. */
static convoy_status lower_resize(struct lowering *l) {
    bool old = l->model->opset < 11;
    convoy_shape x = input_shape(l, 0);
    struct options options;
    struct resized_axis axes[CONVOY_MAX_RANK];
    uint32_t chosen[CONVOY_MAX_RANK];
    axes_begin(&x, axes);
    options_read(l, &options);
    uint32_t count = axes_choose(l, x.rank, chosen);
    if (options.coordinates == TF_CROP_AND_RESIZE)
        region_read(l, chosen, count, axes);
    const convoy_tensor *scales = numbers_input(l, old ? 1 : 2, "scales", count),
                        *sizes = old ? NULL : numbers_input(l, 3, "sizes", count);
    if (l->status != CONVOY_OK)
        return l->status;
    if (!scales == !sizes && count > 0)
        return node_fail(l, CONVOY_E_INPUT, "either input 'scales' or input 'sizes' must be given");
    for (uint32_t i = 0; scales && i < count; i++)
        axis_scale(l, &options, convoy_tensor_element(scales, i), &axes[chosen[i]]);
    if (sizes)
        axes_size(l, &options, sizes, chosen, axes);
    return l->status == CONVOY_OK ? resize_lower(l, &options, axes) : l->status;
}

/* --- Upsample ------------------------------------------------------------------------------------------- */

/* Operator set 1: of the last two axes of four. */
static void scales_of_image(struct lowering *l, const struct options *options, const convoy_shape *x,
                            struct resized_axis *axes) {
    if (x->rank != 4)
        node_fail(l, CONVOY_E_INPUT, "the input has %u axes; [N,C,H,W] is expected", x->rank);
    float height = attribute_float(l, "height_scale", 0), width = attribute_float(l, "width_scale", 0);
    if (l->status != CONVOY_OK)
        return;
    axis_scale(l, options, (double)height, &axes[2]);
    axis_scale(l, options, (double)width, &axes[3]);
}

static void scales_of_axes(struct lowering *l, const struct options *options, const convoy_shape *x,
                           struct resized_axis *axes) {
    bool attribute = l->model->opset < 9;
    const struct attribute *list = attribute ? attribute_floats(l, "scales") : NULL;
    const convoy_tensor *scales = attribute ? NULL : numbers_input(l, 1, "scales", x->rank);
    if (attribute ? !list || list->count != x->rank : !scales)
        node_fail(l, CONVOY_E_INPUT, "%u scales are needed, one for each axis", x->rank);
    for (uint32_t i = 0; i < x->rank && l->status == CONVOY_OK; i++)
        axis_scale(l, options, list ? (double)list->floats[i] : convoy_tensor_element(scales, i), &axes[i]);
}

static convoy_status lower_upsample(struct lowering *l) {
    static const char *const modes[] = {"nearest", "linear", "bilinear", NULL};
    convoy_shape x = input_shape(l, 0);
    struct options options = {.coordinates = ASYMMETRIC, .rounding = ROUND_TO_SCALE};
    struct resized_axis axes[CONVOY_MAX_RANK];
    options.mode = attribute_choice(l, "mode", modes, "nearest") == 0 ? NEAREST : LINEAR;
    axes_begin(&x, axes);
    (l->model->opset < 7 ? scales_of_image : scales_of_axes)(l, &options, &x, axes);
    return l->status == CONVOY_OK ? resize_lower(l, &options, axes) : l->status;
}

const struct onnx_operator resize_operators[] = {
    OPERATOR("Resize", 10, lower_resize, 1, 4),
    OPERATOR_UNTIL("Upsample", 1, 9, lower_upsample, 1, 2),
    LAST_OPERATOR,
};
