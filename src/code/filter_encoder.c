/* Equilibration by powers of two is LAPACK's (xGEEQUB); here it is applied to the rows, the output channels,
 * of a layer's filters [N][elements]. What is added in a coded filter is then of about one size, so that
 * rounding is relative to each channel's own size: the decoded channel c errs by κ·ε·max(|K_c| * |x|) instead
 * of κ·ε times the largest channel's. Decoding separates the parts element by element, so a factor of an
 * output channel commutes with the code and decoding undoes it when it adds the bias. */
#include "code/filter_encoder.h"

#include "code/encoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LARGEST_EXPONENT = 100, /* of s_c */
    LANES = 16              /* sums at a time, which compilers make vectors of */
};

static double element(convoy_dtype dtype, const char *from, size_t i) {
    float narrow;
    double wide;
    if (dtype == CONVOY_F64) {
        memcpy(&wide, from + i * sizeof wide, sizeof wide);
        return wide;
    }
    memcpy(&narrow, from + i * sizeof narrow, sizeof narrow);
    return (double)narrow;
}

/* The sum of the elements' squares. Of float64 beyond 2^511 it may be infinite. */
static double square_sum(convoy_dtype dtype, const char *filter, size_t elements) {
    double sums[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= elements; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++) {
            double value = element(dtype, filter, i + lane);
            sums[lane] += value * value;
        }
    for (; i < elements; i++)
        sums[0] += element(dtype, filter, i) * element(dtype, filter, i);
    for (size_t lane = 0; lane < LANES; lane++)
        sum += sums[lane];
    return sum;
}

static void set_factor(convoy_dtype dtype, void *factors, size_t channel, double factor) {
    if (dtype == CONVOY_F64)
        ((double *)factors)[channel] = factor;
    else
        ((float *)factors)[channel] = (float)factor;
}

/* 1/s_c of a channel, given its norm and the largest. */
static double factor_of(convoy_dtype dtype, double norm, double largest) {
    double limit = dtype == CONVOY_F32 ? 0x1p127 : 0x1p511; /* s_c*K_c stays finite */
    double ratio = fmin(largest, limit) / norm;
    if (norm > largest || norm > limit)
        return 1;
    int exponent = norm > 0 ? ilogb(ratio) : LARGEST_EXPONENT; /* so zeros get none of the others' rounding */
    return ldexp(1, exponent < LARGEST_EXPONENT ? -exponent : -LARGEST_EXPONENT);
}

void equilibrate(convoy_dtype dtype, const void *filters, size_t channels, size_t elements, void *factors) {
    size_t bytes = elements * convoy_dtype_bytes(dtype);
    double largest = 0;
    for (size_t c = 0; c < channels; c++) {
        double norm = sqrt(square_sum(dtype, (const char *)filters + c * bytes, elements));
        set_factor(dtype, factors, c, norm);
        largest = fmax(largest, norm);
    }
    for (size_t c = 0; c < channels; c++)
        set_factor(dtype, factors, c, factor_of(dtype, element(dtype, factors, c), largest));
}

/* All rows with the coefficients of the parts times the s_c of their channel at one position of a window. */
static void scale_rows(const struct filter_job *job, size_t group, size_t position, double *scaled) {
    const struct axis_cut *cut = job->cut;
    size_t rows = (size_t)job->workers * job->pieces;
    for (uint32_t part = 0; part < cut->parts; part++) {
        size_t channel = part * (size_t)cut->step + position;
        double factor = channel < (size_t)cut->extent
                            ? element(job->dtype, job->factors, group * (size_t)cut->extent + channel)
                            : 1; /* there is no such channel */
        for (size_t row = 0; row < rows; row++)
            scaled[row * cut->parts + part] = job->rows[row * cut->parts + part] / factor;
    }
}

convoy_status encode_filters(const struct filter_job *job) {
    const struct axis_cut *cut = job->cut;
    size_t filter_bytes = cut->inner * convoy_dtype_bytes(job->dtype),
           pieces = (size_t)job->workers * job->pieces;
    double *rows = calloc(pieces * cut->parts, sizeof *rows);
    void **out = calloc(pieces, sizeof *out);
    for (size_t group = 0; rows && out && group < cut->outer; group++)
        for (size_t position = 0; position < (size_t)cut->length; position++) {
            struct axis_cut channel = *cut; /* this position of every window */
            channel.outer = 1;
            channel.extent -= (int64_t)position;
            channel.length = 1;
            for (size_t i = 0; i < pieces; i++) {
                size_t before = (group * job->pieces + i % job->pieces) * (size_t)cut->length + position;
                out[i] = (char *)job->out[i / job->pieces] + before * filter_bytes;
            }
            scale_rows(job, group, position, rows);
            encode(job->dtype, job->dtype, &channel, (uint32_t)pieces, rows,
                   (const char *)job->filters + (group * (size_t)cut->extent + position) * filter_bytes, out);
        }
    convoy_status status = rows && out ? CONVOY_OK : CONVOY_E_MEMORY;
    free(rows);
    free(out);
    return status;
}
