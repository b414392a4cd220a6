#include "model/windows.h"

#include <string.h>

#define LIMIT ((int64_t)1 << 30) /* as in base/conv.c; keeps the arithmetic below from overflowing */

void per_axis(struct lowering *l, const char *name, uint32_t count, int64_t fallback, int64_t *values) {
    struct int_list list = attribute_ints(l, name);
    if (list.given && list.count != count)
        node_fail(l, CONVOY_E_INPUT, "attribute '%s' has %u elements, not %u", name, list.count, count);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = list.given && list.count == count ? list.values[i] : fallback;
        if (values[i] < 0 || values[i] > LIMIT)
            node_fail(l, CONVOY_E_INPUT, "attribute '%s' holds %lld; 0 to 2^30 are accepted", name,
                      (long long)values[i]);
    }
}

/* Pads so that the output has ceil(in / stride) positions; the odd one goes to the end (upper) or the
 * beginning. */
static void pad_same(struct windows *w, bool upper) {
    for (uint32_t i = 0; i < w->spatial; i++) {
        int64_t out = (w->in[i] + w->stride[i] - 1) / w->stride[i];
        int64_t total = (out - 1) * w->stride[i] + (w->kernel[i] - 1) * w->dilation[i] + 1 - w->in[i];
        if (total < 0)
            total = 0;
        w->pad_begin[i] = upper ? total / 2 : total - total / 2;
        w->pad_end[i] = total - w->pad_begin[i];
    }
}

static void read_pads(struct lowering *l, struct windows *w) {
    const char *mode = attribute_text(l, "auto_pad", "NOTSET");
    int64_t pads[2 * CONV_MAX_SPATIAL];
    per_axis(l, "pads", 2 * w->spatial, 0, pads);
    if (l->status != CONVOY_OK)
        return;
    if (strcmp(mode, "SAME_UPPER") == 0 || strcmp(mode, "SAME_LOWER") == 0) {
        pad_same(w, mode[5] == 'U');
        return;
    }
    if (strcmp(mode, "NOTSET") != 0 && strcmp(mode, "VALID") != 0)
        node_fail(l, CONVOY_E_INPUT,
                  "auto_pad is '%.40s'; NOTSET, SAME_UPPER, SAME_LOWER or VALID is expected", mode);
    if (strcmp(mode, "NOTSET") == 0)
        for (uint32_t i = 0; i < w->spatial; i++) {
            w->pad_begin[i] = pads[i];
            w->pad_end[i] = pads[w->spatial + i];
        }
}

convoy_status windows_read(struct lowering *l, const convoy_shape *input, const int64_t *kernel,
                           struct windows *out) {
    struct windows w = {0};
    if (input->rank < 3 || input->rank > 2 + CONV_MAX_SPATIAL) {
        char text[128];
        return node_fail(l, CONVOY_E_UNSUPPORTED,
                         "the input is %s; batch, channels and 1 to %d spatial axes are supported",
                         convoy_shape_text(input, text, sizeof text), CONV_MAX_SPATIAL);
    }
    w.spatial = input->rank - 2;
    per_axis(l, "kernel_shape", w.spatial, 0, w.kernel);
    per_axis(l, "strides", w.spatial, 1, w.stride);
    per_axis(l, "dilations", w.spatial, 1, w.dilation);
    for (uint32_t i = 0; i < w.spatial; i++) {
        w.in[i] = input->dims[2 + i];
        if (kernel && w.kernel[i] == 0)
            w.kernel[i] = kernel[i];
        if (kernel && w.kernel[i] != kernel[i])
            return node_fail(l, CONVOY_E_INPUT, "kernel_shape says %lld where the weights have %lld",
                             (long long)w.kernel[i], (long long)kernel[i]);
        if (w.in[i] < 1 || w.in[i] > LIMIT || w.kernel[i] < 1 || w.stride[i] < 1 || w.dilation[i] < 1)
            return node_fail(
                l, CONVOY_E_INPUT,
                "spatial axis %u: size %lld, kernel %lld, stride %lld and dilation %lld must be 1 to 2^30", i,
                (long long)w.in[i], (long long)w.kernel[i], (long long)w.stride[i], (long long)w.dilation[i]);
    }
    read_pads(l, &w);
    if (l->status == CONVOY_OK)
        *out = w;
    return l->status;
}
