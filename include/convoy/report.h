/* What happened to every layer of one inference. */
#ifndef CONVOY_REPORT_H
#define CONVOY_REPORT_H

#include <convoy/tensor.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CONVOY_MAX_WORKERS 256

/* What became of one worker's share of one layer, as it was when the layer was done. */
typedef enum convoy_outcome {
    CONVOY_OUTCOME_NONE = 0, /* no such worker, or the layer was computed here without asking anybody */
    CONVOY_OUTCOME_USED,     /* its answer was decoded */
    CONVOY_OUTCOME_UNUSED,   /* it answered, and was not needed */
    CONVOY_OUTCOME_LATE,  /* its answer was not there, and was missed: the layer waited for it for more than
                             twice the usual time, or was computed here for want of it; or nobody waited,
                             since the worker was late already, or gave no signs of life */
    CONVOY_OUTCOME_LOST,  /* it was dead, or its answer was lost or damaged, or it could give none */
    CONVOY_OUTCOME_WRONG, /* its answer was checked, and wrong */
    CONVOY_OUTCOME_SPARE  /* its answer was not there, and not missed: the others sufficed before it came, or
                             without asking the worker */
} convoy_outcome;

/* One layer of one inference. Strings belong to the session. Times in milliseconds. */
typedef struct convoy_layer_report {
    const char *name;      /* node name in the model */
    const char *op;        /* ONNX operator */
    bool coded;            /* computed by the workers */
    bool fallback;         /* codable, but computed here: see why_local */
    const char *family;    /* code family, NULL where not coded */
    uint32_t input_parts;  /* k_A */
    uint32_t filter_parts; /* k_B */
    uint32_t threshold;    /* recovery threshold δ */
    uint32_t asked;        /* tasks that were sent to workers, or waiting to be; 0 if not coded */
    double condition;      /* condition number κ of the system that was solved */
    double noise_gain;     /* its ν: relative errors of the answers become so many times larger */
    double decode_macs;    /* multiply-adds by coefficients that decoding took; 0 if all parts came plain */
    double encode_ms, wait_ms, decode_ms, wall_ms;
    double verify_ms;      /* of wait_ms: the check of the answers; 0 if they were not checked */
    double predicted_ms;   /* what the plan expected of wall_ms */
    double alone_ms;       /* what the plan expects if this machine computes the layer alone */
    const char *why_local; /* why the layer is not coded; NULL where it is */
    uint8_t outcome[CONVOY_MAX_WORKERS]; /* convoy_outcome of each worker */
} convoy_layer_report;

/* A worker's answer that was checked, and wrong. Strings are the caller's for the time of the call. */
typedef struct convoy_wrong_answer {
    const char *layer; /* node name in the model */
    uint32_t worker;
    const char *key;  /* the name of the worker's key; empty if it has none */
    double deviation; /* how far the answer is off, relative to its elements; infinite if it is not finite */
    double limit;     /* as far as rounding explains */
    bool distrusted;  /* the worker gets no more tasks from now on */
} convoy_wrong_answer;

/* The first layer in the order of execution whose output has an element that is NaN or infinite, and the
 * first such element. Nodes of constants alone, which are computed once before all others, count as layers
 * here. Strings belong to the session; layer NULL: every output was finite, or options.finite was not given.
 */
typedef struct convoy_not_finite {
    const char *layer; /* node name in the model */
    const char *op;    /* ONNX operator */
    convoy_element element;
} convoy_not_finite;

#ifdef __cplusplus
}
#endif
#endif
