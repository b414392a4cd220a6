/* A coded layer, as its files share it: coded_layer.c (its life and its filters) and coded_run.c (one run). A
 * transposed convolution is coded as the convolution of its phases (conv_phases.h), which are merged behind
 * decoding; one that is cut along the width with its axes exchanged (conv_turn.h). */
#ifndef RUNTIME_CODED_LAYER_H
#define RUNTIME_CODED_LAYER_H

#include "base/blocks.h"
#include "base/conv_phases.h"
#include "runtime/adaptation.h"
#include "runtime/cluster_internal.h"
#include "runtime/solutions.h"

/* An input as it comes and as it is used, in blocks of so many channels. */
struct coded_input {
    struct block_map map;
    uint32_t lies, used;
};

struct coded_layer {
    struct cluster_layer base;
    struct coded_input inputs[2];
    bool adds; /* the second input is added behind decoding, and then the activation applied */
    struct activation activation; /* where it adds */
    struct layer *behind;         /* applies desc.activation to what was decoded; NULL: decoding does */
    struct cluster *cluster;
    struct backend *inner;
    uint32_t number;
    bool supplied;          /* the supplier knows the layer under its number */
    struct layer_desc desc; /* of the coded convolution as it lies; desc.inputs points to input */
    struct value_desc input;
    uint32_t out_block;                       /* in which the layer's output lies */
    struct layer_params params;               /* of desc, with references or memory of our own */
    bool transposed;                          /* desc.conv makes the phases of the layer */
    struct conv_transpose_geometry transpose; /* if so, the layer itself */
    bool turned;                              /* desc.conv is the layer with its axes exchanged */
    struct layer_params whole;                /* if one of both, the layer's own constants */
    void *factors; /* [output channels] of the input's type: what undoes the filters' equilibration */
    struct partition partition;
    struct conv_geometry task; /* the convolution of one worker */
    struct code code;
    uint32_t *input_twins; /* [nodes]: the first node whose coded input is the same; its own number if none
                              before */
    convoy_dtype frames;   /* of tasks and answers: the input's, or halves */
    size_t piece_bytes, answer_bytes; /* as frames */
    struct solutions solutions;
    struct verification *verification; /* NULL: answers are not checked */
    atomic_uint asked;                 /* plan_layer.asked; may be changed while inferences run */
    struct adaptation adaptation;      /* under local_mutex; followed if cluster_options.adapt */
    atomic_uint_fast64_t recent_ns;    /* smoothed time until enough answers came; 0: not known yet */
    atomic_bool fallback_logged, not_finite_logged, changed_logged;
    pthread_mutex_t local_mutex; /* guards local and adaptation */
    struct layer *local;         /* the uncoded layer, made when it is first needed */
};

#endif
