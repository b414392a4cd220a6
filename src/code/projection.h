/* Projection of a layer's answers: the output channels of a part, combined at every position by a vector r
 * that only the master knows. It commutes with coding, so what a worker's answer must project to follows from
 * the input and one combined filter for each part, at 1/m of the layer's multiply-adds, m being the output
 * channels of a part. An answer that projects to something else is wrong, whatever other workers sent. (That
 * a product is checked by a secret vector is Freivalds's, doi 10.1007/3-540-09526-8_5.)
 *
 * With Y_ab part (a,b) of the output and A_j, B_j the coefficients of worker j (code.h):
 *     Σ_c r_c y_j,rs[c] = Σ_a,b A_j[r,a] B_j[s,b] P_ab,  P_ab = Σ_c r_c Y_ab[c].
 * Every r_c is in ±[1,2): a wrong element changes the projection by no less than its error, and the errors of
 * several elements at one position cancel only by accident. */
#ifndef CODE_PROJECTION_H
#define CODE_PROJECTION_H

#include "base/conv.h"
#include "base/random.h"
#include "code/code.h"

/* Immutable; layer, grid and code are borrowed. */
struct projection {
    const struct conv_geometry *layer;
    const struct output_grid *grid; /* how the layer is cut, and its answers lie */
    const struct code *code;
    float *r; /* [groups][part_channels] of the grid */
    /* The convolution that makes all P_ab, of one group: with an output channel for each filter part and as
     * many rows as the parts have together, k_A·h, or, if strides are 1, with a channel for each tap of the
     * layer's kernel and each part, [tap][k_B], at every input position: then a P_ab is the sum of its taps,
     * shifted. If the input lies in blocks, the output does, and channels fill a block. */
    struct conv_geometry conv;
    uint32_t taps; /* 1: it is no sum of taps */
};

/* Draws r. CONVOY_E_INPUT if the convolution is too large; CONVOY_E_MEMORY. */
convoy_status projection_create(struct projection *projection, const struct conv_geometry *layer,
                                const struct output_grid *grid, const struct code *code,
                                struct random *random, convoy_error *error);
void projection_clear(struct projection *projection);

/* The filters of projection->conv: of each part the layer's filters times r and times what equilibrates them
 * (filter_encoder.h), summed. filters: the layer's, float32 at any address; factors: of equilibrate. One pass
 * over the filters. */
void projection_filters(const struct projection *projection, const void *filters, const float *factors,
                        float *out);

/* What that convolution made of one input, and room for checks. All zero: none yet. One thread at a time. */
struct projected {
    float *output;        /* of the convolution: to be filled between projected_reserve and projected_take */
    float *parts;         /* P_ab: [batch][k_B][k_A][h][inner] */
    double *mean_squares; /* [k_B][k_A]: of P_ab, over batch and positions */
    void *memory;         /* of all that and of what a check needs, [capacity] bytes */
    size_t capacity;
};
void projected_clear(struct projected *projected);

/* Room for a projection's convolution and checks; what was there is gone. CONVOY_E_MEMORY. */
convoy_status projected_reserve(struct projected *projected, const struct projection *projection);

/* The output was filled. Whether all of it is finite: otherwise no answer can be checked by it. */
bool projected_take(struct projected *projected, const struct projection *projection);

/* How far a worker's answer is from what it must project to: over all positions the largest of
 *     |z - e| / sqrt(e² + S²),
 * z being the answer's projection, e the expected one, and S² the mean square of e by those of the P_ab.
 * Infinite if the answer, or what is expected, is not finite. For a right answer that is about what the
 * rounding of its elements is to their size, times what chance makes of the largest of so many. answer: as
 * decode_job.answers, of F32, BF16 or F16. Cost: a multiply-add for each element of the answer, and k_A·k_B
 * for each of its positions. */
double projected_deviation(struct projected *projected, const struct projection *projection, uint32_t worker,
                           convoy_dtype answer_dtype, const void *answer);

#endif
