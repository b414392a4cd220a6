/* How far a coded layer is off, in one process: cut, coded, computed by every worker, decoded for some
 * survivors, and compared with the layer computed directly in double. */
#ifndef STUDY_CODED_ERROR_H
#define STUDY_CODED_ERROR_H

#include "code/code.h"
#include "compute/backend.h"
#include "partition/partition.h"
#include "study/study_threads.h"

/* One layer with what it computes: the elements of input and filters are float32, exact in both types. */
struct study_operands {
    struct conv_geometry layer; /* channels first, two axes */
    size_t inputs, filters, outputs;
    float *narrow_x, *narrow_k; /* [inputs], [filters] */
    double *x, *k;              /* the same */
    double *y;                  /* [outputs]: x * k, computed directly (double_conv.h) */
};

/* Standard normal inputs, and normal filters that make outputs of unit variance. A product of one row becomes
 * a convolution of a map of one position. unlike: the filter of output channel c is multiplied by 10^−u, u
 * uniform in [0,6). CONVOY_E_UNSUPPORTED: groups, or axes that are not two; CONVOY_E_MEMORY. */
convoy_status study_operands_create(struct study_operands *operands, const struct conv_geometry *layer,
                                    bool unlike, uint64_t seed, convoy_error *error);
void study_operands_destroy(struct study_operands *operands);

/* What is coded how; all of it is borrowed. */
struct coded_setup {
    const struct code *code;
    const struct study_operands *operands;
    convoy_dtype frames; /* F64: of everything; F32; BF16 or F16: of coded inputs and answers on their way,
                            all else being F32 */
    bool scaled;         /* filters are equilibrated (code/filter_encoder.h) */
    struct backend *backend; /* computes in float32; NULL if frames are F64, which double_conv computes */
    const struct study_hand *hand; /* may be NULL */
};

struct coded_sample {
    struct coded_setup setup;
    struct partition partition;
    struct conv_geometry task; /* of one worker */
    size_t answer_elements;
    void *factors;  /* [output channels], of equilibrate; or ones */
    void **answers; /* [workers][answer_elements] of frames */
};

/* Codes the layer and computes the answers of all workers. CONVOY_E_USAGE if it cannot be cut so;
 * CONVOY_E_MEMORY; CONVOY_E_CANCELLED between two workers; what the backend fails with. */
convoy_status coded_sample_create(struct coded_sample *layer, const struct coded_setup *setup,
                                  convoy_error *error);
void coded_sample_destroy(struct coded_sample *layer);

/* What decoding made of some answers. */
struct decoded_error {
    double condition, noise_gain; /* of the system solved */
    bool decoded;                 /* else it is singular in double, or the output is not finite */
    double relative;              /* ‖Ŷ − Y‖_F / ‖Y‖_F */
    double largest;               /* largest |Ŷ − Y| by the largest |Y| */
    double mean_squared;          /* of Ŷ − Y, of outputs scaled to unit variance */
    double channel;               /* largest ‖Ŷ_c − Y_c‖_F / ‖Y_c‖_F of an output channel c */
};

/* Noise added to every answer before it is decoded: normal, so many decibels below the answer's root mean
 * square; of frames F64 alone. */
struct answer_noise {
    bool any;
    double decibels;
    uint64_t seed;
};

/* Decodes for the survivors workers[0..δ). Thread-safe. CONVOY_E_MEMORY. */
convoy_status coded_sample_decode(const struct coded_sample *layer, const uint32_t *workers,
                                  const struct answer_noise *noise, struct decoded_error *decoded,
                                  convoy_error *error);

#endif
