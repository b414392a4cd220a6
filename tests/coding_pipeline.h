/* One layer through the whole scheme without a cluster: cut, encoded, computed by every worker, decoded from
 * chosen survivors. */
#ifndef CODING_PIPELINE_H
#define CODING_PIPELINE_H

#include "base/activation.h"
#include "base/conv.h"
#include "base/random.h"
#include "code/code.h"
#include "partition/partition.h"

struct pipeline_setup {
    const char *family;
    struct placement placement;
    uint32_t input_parts, filter_parts;
    convoy_dtype dtype; /* F32 or F64, of everything that is coded */
    struct conv_geometry layer;
    convoy_dtype half; /* BF16, F16: of coded inputs and answers on their way, where dtype is F32; 0: dtype */
    bool unequal;      /* filters are coded without equilibration */
};

struct pipeline {
    struct pipeline_setup setup;
    struct partition partition;
    struct code code;
    struct conv_geometry task; /* of one worker */
    size_t inputs, filters, outputs, answer_elements;
    void *x, *k;    /* [inputs], [filters] of dtype */
    void *factors;  /* [output channels] of dtype, of equilibrate */
    double *y;      /* [outputs]: the layer by its definition, from x and k as they are rounded */
    void **answers; /* [workers][answer_elements] of dtype, or halves */
};

/* A layer with standard normal x and k, computed by all workers. Fails the running test where anything fails.
 */
void pipeline_create(struct pipeline *pipeline, const struct pipeline_setup *setup, struct random *random);
void pipeline_destroy(struct pipeline *pipeline);

/* Encodes x and k and has all workers compute, once more: after x or k were changed. */
void pipeline_compute(struct pipeline *pipeline);

/* Decodes from the answers of these workers (ascending) into out [outputs] of dtype. Returns κ of the system
 * solved. */
double pipeline_decode(const struct pipeline *pipeline, const uint32_t *workers, uint32_t count,
                       const void *bias, const struct activation *activation, void *out);

/* ‖out - y‖_F, and ‖y‖_F; y [outputs] in double. */
double pipeline_distance(const struct pipeline *pipeline, const void *out, const double *y);
double pipeline_norm(const struct pipeline *pipeline, const double *y);

/* What coded inputs and answers are on their way: half or dtype. */
convoy_dtype pipeline_frames(const struct pipeline *pipeline);

/* Fails the running test where memory is short. */
void *test_memory(size_t count, size_t size);

/* The pipeline in one line, for messages; text is returned. */
const char *pipeline_text(const struct pipeline *pipeline, char *text, size_t size);

#endif
