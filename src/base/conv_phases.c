#include "base/conv_phases.h"

#include "base/error.h"

#include <string.h>

/* One axis. Position y of the output is number u = floor((y + pad_begin)/s) - first of its phase (y +
 * pad_begin) mod s. */
struct phase_axis {
    int64_t stride, spacing; /* s; of the kernel's taps in the filter of all phases, before it is split */
    int64_t taps;            /* of one phase */
    int64_t first;
};

static struct phase_axis axis_of(const struct conv_transpose_geometry *g, uint32_t i) {
    int64_t stride = g->stride[i], spacing = stride > 1 ? g->dilation[i] : 1;
    int64_t taps = ((g->kernel[i] - 1) * spacing + stride) / stride;
    int64_t reach = (taps - 1) * (stride > 1 ? 1 : g->dilation[i]), first = g->pad_begin[i] / stride;
    return (struct phase_axis){stride, spacing, taps, first < reach ? first : reach};
}

static int64_t phase_count(const struct conv_transpose_geometry *g) {
    int64_t count = 1;
    for (uint32_t i = 0; i < g->spatial; i++)
        count *= g->stride[i];
    return count;
}

convoy_status conv_phases(const struct conv_transpose_geometry *layer, struct conv_geometry *phases,
                          convoy_error *error) {
    struct conv_geometry g = {.layout = CONV_CHANNELS_FIRST,
                              .spatial = layer->spatial,
                              .batch = layer->batch,
                              .groups = layer->groups,
                              .in_channels = layer->in_channels,
                              .out_channels = layer->out_channels};
    for (uint32_t i = 0; i < g.spatial; i++) {
        const struct phase_axis axis = axis_of(layer, i);
        if (__builtin_mul_overflow(g.out_channels, axis.stride, &g.out_channels))
            return error_set(error, CONVOY_E_INPUT, "a transposed convolution has too many phases");
        g.in[i] = layer->in[i];
        g.kernel[i] = axis.taps;
        g.stride[i] = 1;
        g.dilation[i] = axis.stride > 1 ? 1 : layer->dilation[i];
        int64_t reach = (axis.taps - 1) * g.dilation[i];
        int64_t last = (layer->pad_begin[i] + layer->out[i] - 1) / axis.stride; /* the last u, and first */
        g.pad_begin[i] = reach - axis.first;
        g.pad_end[i] = last >= g.in[i] ? last + 1 - g.in[i] : 0;
    }
    convoy_status status = conv_geometry_complete(&g, error);
    if (status == CONVOY_OK)
        *phases = g;
    return status;
}

/* Where tap t of a phase is in the kernel; -1: between two taps, or beyond the last. */
static int64_t kernel_position(const struct conv_transpose_geometry *g, uint32_t i, int64_t phase,
                               int64_t t) {
    const struct phase_axis axis = axis_of(g, i);
    int64_t at = phase + (axis.taps - 1 - t) * axis.stride;
    return at % axis.spacing == 0 && at / axis.spacing < g->kernel[i] ? at / axis.spacing : -1;
}

/* Splits a number into one for each axis, the last one running fastest. */
static void split(int64_t number, const int64_t *extents, uint32_t count, int64_t *numbers) {
    for (uint32_t i = count; i-- > 0;) {
        numbers[i] = number % extents[i];
        number /= extents[i];
    }
}

/* For each phase and tap, where it is in the kernel; -1: nowhere. */
static int64_t tap_source(const struct conv_transpose_geometry *g, const struct conv_geometry *phases,
                          int64_t phase, int64_t tap) {
    int64_t phase_of[CONV_MAX_SPATIAL], tap_of[CONV_MAX_SPATIAL], source = 0;
    split(phase, g->stride, g->spatial, phase_of);
    split(tap, phases->kernel, g->spatial, tap_of);
    for (uint32_t i = 0; i < g->spatial; i++) {
        int64_t at = kernel_position(g, i, phase_of[i], tap_of[i]);
        if (at < 0)
            return -1;
        source = source * g->kernel[i] + at;
    }
    return source;
}

void conv_phases_filters(const struct conv_transpose_geometry *g, const struct conv_geometry *phases,
                         size_t element, const void *from, void *to) {
    const int64_t count = phase_count(g), width = g->out_channels / g->groups,
                  depth = g->in_channels / g->groups;
    const int64_t kernel = g->kernel[0] * g->kernel[1] * g->kernel[2],
                  taps = phases->kernel[0] * phases->kernel[1] * phases->kernel[2];
    for (int64_t phase = 0; phase < count; phase++)
        for (int64_t tap = 0; tap < taps; tap++) {
            const int64_t source = tap_source(g, phases, phase, tap);
            for (int64_t n = 0; n < g->out_channels; n++)
                for (int64_t c = 0; c < depth; c++) {
                    const int64_t group = n / width, in = group * depth + c;
                    const int64_t out = (group * count + phase) * width + n % width;
                    char *target = (char *)to + (size_t)((out * depth + c) * taps + tap) * element;
                    if (source < 0)
                        memset(target, 0, element);
                    else
                        memcpy(target,
                               (const char *)from +
                                   (size_t)((in * width + n % width) * kernel + source) * element,
                               element);
                }
        }
}

void conv_phases_biases(const struct conv_transpose_geometry *g, size_t element, const void *from, void *to) {
    const size_t count = (size_t)phase_count(g), width = (size_t)(g->out_channels / g->groups) * element;
    for (size_t group = 0; group < (size_t)g->groups; group++)
        for (size_t phase = 0; phase < count; phase++)
            memcpy((char *)to + (group * count + phase) * width, (const char *)from + group * width, width);
}

/* count runs of so many bytes, from one place to another. */
static void copy_runs(size_t bytes, const char *from, size_t from_step, char *to, size_t to_step,
                      size_t count) {
    if (bytes == sizeof(float)) { /* one element: the compiler makes this a load and a store */
        for (size_t i = 0; i < count; i++, from += from_step, to += to_step)
            memcpy(to, from, sizeof(float));
        return;
    }
    for (size_t i = 0; i < count; i++, from += from_step, to += to_step)
        memcpy(to, from, bytes);
}

/* What a merge goes by. */
struct merge {
    const struct conv_transpose_geometry *g;
    const struct conv_geometry *phases;
    size_t element, run;           /* bytes; channels that are copied together */
    uint32_t from_block, to_block; /* 1: dense */
    const char *from;
    char *to;
};

/* Where the map of a channel begins in one image whose maps have `inner` positions. */
static size_t channel_at(size_t channel, uint32_t block, size_t inner) {
    return channel / block * block * inner + channel % block;
}

/* One line of the output along its last axis, of `run` channels from n on: line is its number among those of
 * the map. */
static void merge_line(const struct merge *m, size_t image, size_t n, int64_t line) {
    const struct conv_transpose_geometry *g = m->g;
    const uint32_t last = g->spatial - 1;
    const size_t inner = (size_t)(g->out[0] * g->out[1] * g->out[2]),
                 phase_inner = (size_t)(m->phases->out[0] * m->phases->out[1] * m->phases->out[2]);
    const size_t width = (size_t)(g->out_channels / g->groups), group = n / width;
    int64_t y[CONV_MAX_SPATIAL], phase = 0, place = 0;
    split(line, g->out, last, y);
    for (uint32_t i = 0; i < last; i++) {
        const int64_t at = y[i] + g->pad_begin[i];
        phase = phase * g->stride[i] + at % g->stride[i];
        place = place * m->phases->out[i] + at / g->stride[i] - axis_of(g, i).first;
    }
    const int64_t stride = g->stride[last], first = axis_of(g, last).first;
    char *to = m->to + (image * (size_t)g->out_channels * inner + channel_at(n, m->to_block, inner) +
                        (size_t)(line * g->out[last]) * m->to_block) *
                           m->element;
    for (int64_t x = 0; x < stride && x < g->out[last]; x++) {
        const int64_t at = x + g->pad_begin[last];
        const size_t channel =
            (group * (size_t)phase_count(g) + (size_t)(phase * stride + at % stride)) * width + n % width;
        const size_t position = (size_t)(place * m->phases->out[last] + at / stride - first);
        const char *from =
            m->from + (image * (size_t)m->phases->out_channels * phase_inner +
                       channel_at(channel, m->from_block, phase_inner) + position * m->from_block) *
                          m->element;
        copy_runs(m->run * m->element, from, m->from_block * m->element,
                  to + (size_t)x * m->to_block * m->element, (size_t)stride * m->to_block * m->element,
                  (size_t)((g->out[last] - x + stride - 1) / stride));
    }
}

void conv_phases_merge(const struct conv_transpose_geometry *g, const struct conv_geometry *phases,
                       size_t element, const void *from, uint32_t out_block, void *to) {
    const uint32_t block = phases->out_block;
    const bool together = block && block == out_block && g->out_channels / g->groups % block == 0;
    const struct merge m = {.g = g,
                            .phases = phases,
                            .element = element,
                            .run = together ? block : 1,
                            .from_block = block ? block : 1,
                            .to_block = out_block ? out_block : 1,
                            .from = from,
                            .to = to};
    const int64_t lines = g->out[0] * g->out[1] * g->out[2] / g->out[g->spatial - 1];
    for (size_t image = 0; image < (size_t)g->batch; image++)
        for (size_t n = 0; n < (size_t)g->out_channels; n += m.run)
            for (int64_t line = 0; line < lines; line++)
                merge_line(&m, image, n, line);
}
