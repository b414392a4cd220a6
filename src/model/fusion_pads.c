/* Zeros around a map become the padding of the convolution or average pooling that reads it: exporters write
 * some paddings as nodes of their own. No result changes. */
#include "base/error.h"
#include "base/tensor.h"
#include "model/fusion.h"

#include <stdlib.h>
#include <string.h>

/* What a node adds around the spatial axes. */
struct zeros {
    int64_t begin[CONV_MAX_SPATIAL], end[CONV_MAX_SPATIAL];
};

static bool is_zero(const struct layer_desc *pad) {
    static const unsigned char zero[sizeof pad->pad.element];
    return pad->pad.mode == PAD_CONSTANT &&
           memcmp(pad->pad.element, zero, convoy_dtype_bytes(pad->outputs[0].dtype)) == 0;
}

/* Whether the step adds zeros around the spatial axes of a map, and nothing else. */
static bool adds_zeros(const struct network_step *step, struct zeros *zeros) {
    const struct layer_desc *desc = &step->desc;
    if (desc->kind != LAYER_PAD || desc->input_count != 1 || !is_zero(desc))
        return false;
    const convoy_shape *in = &desc->inputs[0].shape, *out = &desc->outputs[0].shape;
    if (in->rank < 3 || in->rank > 2 + CONV_MAX_SPATIAL)
        return false;
    *zeros = (struct zeros){0};
    for (uint32_t i = 0; i < in->rank; i++) {
        const int64_t begin = desc->pad.begin[i], end = out->dims[i] - in->dims[i] - begin;
        if (begin < 0 || end < 0 || (i < 2 && (begin || end)))
            return false;
        if (i >= 2) {
            zeros->begin[i - 2] = begin;
            zeros->end[i - 2] = end;
        }
    }
    return true;
}

/* Adds to the pads of one axis; false if a window could lie in them altogether, which kernels seldom know. */
static bool widen(int64_t more, int64_t reach, int64_t *pad) {
    *pad += more;
    return *pad < reach;
}

static bool convolution_takes(struct layer_desc *desc, const struct zeros *zeros, const convoy_shape *in) {
    struct conv_geometry g = desc->conv;
    if (g.layout != CONV_CHANNELS_FIRST || in->rank != 2 + g.spatial)
        return false;
    for (uint32_t i = 0; i < g.spatial; i++) {
        const int64_t reach = (g.kernel[i] - 1) * g.dilation[i] + 1;
        g.in[i] = in->dims[2 + i];
        if (!widen(zeros->begin[i], reach, &g.pad_begin[i]) || !widen(zeros->end[i], reach, &g.pad_end[i]))
            return false;
    }
    if (conv_geometry_complete(&g, NULL) != CONVOY_OK)
        return false;
    desc->conv = g;
    return true;
}

/* Its padding counts then, as the zeros did. */
static bool pooling_takes(struct layer_desc *desc, const struct zeros *zeros, const convoy_shape *in) {
    struct pool_geometry g = desc->pool;
    if (g.op != POOL_AVERAGE || in->rank != 2 + g.spatial)
        return false;
    for (uint32_t i = 0; i < g.spatial; i++) {
        const int64_t reach = (g.kernel[i] - 1) * g.dilation[i] + 1;
        if (!g.count_include_pad && (g.pad_begin[i] || g.pad_end[i]))
            return false;
        g.in[i] = in->dims[2 + i];
        if (!widen(zeros->begin[i], reach, &g.pad_begin[i]) || !widen(zeros->end[i], reach, &g.pad_end[i]))
            return false;
    }
    g.count_include_pad = true;
    desc->pool = g;
    return true;
}

/* Lets the step read what the node of zeros reads, if it can pad that itself. */
static convoy_status take_zeros(const struct network *network, struct network_step *step, const size_t *maker,
                                struct arena *arena, convoy_error *error) {
    struct zeros zeros;
    const uint32_t made = network_root(network, step->inputs[0]);
    const struct network_step *pad = maker[made] == SIZE_MAX ? NULL : &network->steps[maker[made]];
    if (!pad || !adds_zeros(pad, &zeros) ||
        !shape_equal(&step->desc.inputs[0].shape, &pad->desc.outputs[0].shape))
        return CONVOY_OK;
    const struct value_desc *map = &pad->desc.inputs[0];
    const bool taken = step->desc.kind == LAYER_CONV ? convolution_takes(&step->desc, &zeros, &map->shape)
                                                     : pooling_takes(&step->desc, &zeros, &map->shape);
    if (!taken)
        return CONVOY_OK;
    struct value_desc *described = arena_alloc(arena, step->desc.input_count, sizeof *described);
    if (!described)
        return error_memory(error);
    memcpy(described, step->desc.inputs, step->desc.input_count * sizeof *described);
    described[0] = *map;
    step->desc.inputs = described;
    step->inputs[0] = pad->inputs[0];
    return CONVOY_OK;
}

convoy_status network_fuse_pads(struct network *network, struct arena *arena, convoy_error *error) {
    uint32_t *readers = calloc(network->value_count + 1, sizeof *readers);
    size_t *maker = calloc(network->value_count + 1, sizeof *maker);
    convoy_status status = readers && maker ? CONVOY_OK : error_memory(error);
    if (status == CONVOY_OK)
        network_index(network, readers, maker);
    for (size_t s = 0; s < network->step_count && status == CONVOY_OK; s++) {
        struct network_step *step = &network->steps[s];
        if (step->desc.kind == LAYER_CONV || step->desc.kind == LAYER_POOL)
            status = take_zeros(network, step, maker, arena, error);
    }
    free(readers);
    free(maker);
    return status == CONVOY_OK ? network_drop_dead(network, error)
                               : status; /* the zeros, if nobody reads them */
}
