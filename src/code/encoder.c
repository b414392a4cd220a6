/* Encoding (FCDCC, arXiv 2411.01579: the coded slices of APCP and groups of KCCP) as combinations of windows
 * that stay where they are. Along the cut axis the set of windows that lie inside the source is an interval
 * of windows, which changes at most 2*parts times; between two changes all outputs are one combination for
 * all outer indices at once.
 *
 * Cost: outputs*parts multiply-adds per position; the source is read once from memory (the overlap of
 * neighbouring windows from the cache), each output written once. Error: parts roundings of the source's
 * largest element. */
#include "code/encoder.h"

#include "linalg/combine.h"

enum {
    /* Of the source at a time, so that the next segment finds in the cache the lines that it shares. */
    BLOCK_ELEMENTS = 16 * 1024,
    /* Of all outputs together, from which on they are written around the caches. Measured with 20 outputs: 66
     * MB in 3.4 instead of 5.9 ms, but 17 MB in 0.84 instead of 0.78 ms. */
    STREAM_BYTES = 32 * 1024 * 1024
};

/* Positions [begin,end) of the outputs, to which windows [low,high) contribute. */
struct segment {
    int64_t begin, end;
    uint32_t low, high;
};

/* The segment after `segment`, whose end is where this one begins. */
static struct segment segment_next(const struct axis_cut *cut, struct segment segment) {
    segment.begin = segment.end;
    while (segment.low > 0 && cut->first + (segment.low - 1) * cut->step + segment.begin >= 0)
        segment.low--;
    while (segment.high > 0 && cut->first + (segment.high - 1) * cut->step + segment.begin >= cut->extent)
        segment.high--;
    segment.end = cut->length;
    if (segment.low > 0) {
        int64_t enters = -cut->first - (segment.low - 1) * cut->step;
        segment.end = enters < segment.end ? enters : segment.end;
    }
    if (segment.high > 0) {
        int64_t leaves = cut->extent - cut->first - (segment.high - 1) * cut->step;
        segment.end = leaves < segment.end ? leaves : segment.end;
    }
    return segment;
}

size_t encoded_bytes(convoy_dtype out_dtype, const struct axis_cut *cut) {
    return cut->outer * (size_t)cut->length * cut->inner * convoy_dtype_bytes(out_dtype);
}

float encode(convoy_dtype dtype, convoy_dtype out_dtype, const struct axis_cut *cut, uint32_t outputs,
             const double *rows, const void *source, void *const *out) {
    size_t size = convoy_dtype_bytes(dtype);
    size_t in_stride = (size_t)cut->extent * cut->inner, out_stride = (size_t)cut->length * cut->inner;
    size_t block = in_stride < BLOCK_ELEMENTS ? BLOCK_ELEMENTS / in_stride : 1;
    float peak = 0;
    for (size_t o = 0; o < cut->outer; o += block) {
        struct segment segment = {.low = cut->parts, .high = cut->parts};
        do {
            segment = segment_next(cut, segment);
            bool any = segment.low < segment.high;
            int64_t position = cut->first + segment.low * cut->step + segment.begin;
            struct combine_job job = {
                .dtype = dtype,
                .out_dtype = out_dtype,
                .outputs = outputs,
                .inputs = any ? segment.high - segment.low : 0,
                .g = rows + segment.low,
                .g_stride = cut->parts,
                .first =
                    (const char *)source + (any ? (o * in_stride + (size_t)position * cut->inner) * size : 0),
                .step = (size_t)cut->step * cut->inner,
                .out = out,
                .out_offset = o * out_stride + (size_t)segment.begin * cut->inner,
                .length = (size_t)(segment.end - segment.begin) * cut->inner,
                .repeats = cut->outer - o < block ? cut->outer - o : block,
                .in_stride = in_stride,
                .out_stride = out_stride,
                .stream = outputs * encoded_bytes(out_dtype, cut) >= STREAM_BYTES,
            };
            float largest = combine_repeated(&job);
            peak = largest > peak ? largest : peak;
        } while (segment.end < cut->length);
    }
    return peak;
}
