/* One convolution over a cluster of this process, and on the reference alone: what tests of the cluster run.
 */
#ifndef TESTS_CLUSTER_RIG_H
#define TESTS_CLUSTER_RIG_H

#include "runtime/cluster.h"

#define CLUSTER_RIG_FAULTS 8

struct cluster_rig {
    struct cluster_options options;
    struct fault faults[CLUSTER_RIG_FAULTS];
    struct cluster *cluster;
    struct plan *plan; /* of the layer */
    struct backend *backend;
    struct layer *layer;
    struct layer_desc desc;
    struct value_desc input;
    convoy_tensor in, weights, bias;
    convoy_tensor expected; /* of the reference */
};

/* What differs from a float32 convolution of 6 by 16 channels and 5 x 5 taps on 14 x 14, rotation code. */
struct cluster_rig_setup {
    const char *family;
    const char *first_family; /* of which the cluster is made before it uses the other; NULL: the same */
    uint32_t workers, stragglers, input_parts, filter_parts;
    uint32_t asked; /* at once; 0: all */
    convoy_dtype dtype, frames;
    const struct conv_geometry *conv;
    const char *const *faults; /* "W:KIND", ended by NULL; or NULL */
    uint64_t deadline_ns;      /* 0: ten seconds */
    bool no_fallback, adapt;
    enum verify verify;
    void (*wrong_answer)(void *context, const convoy_wrong_answer *wrong);
    void *wrong_answer_context;
    const char *backend; /* of the workers, and of the master; NULL: the reference */
    enum conv_kernel kernel;
    uint32_t block;              /* channels that the kernels like to lie together */
    float input, weights;        /* scale of their standard normal elements; 0: 1 */
    float odd_input, odd_weight; /* not 0: what the element in their middle is instead */
    uint64_t seed;
    struct log log;
};

/* Fails the test where anything fails; a cluster that is broken from the start never gets ready, which is no
 * failure. */
void cluster_rig_open(struct cluster_rig *rig, const struct cluster_rig_setup *setup);
void cluster_rig_close(struct cluster_rig *rig);

/* Runs once in a context of its own. *error: max|a-b| / max|b| over the finite elements of the output and
 * what is expected, infinite if others are not alike in both (NaN, or equal infinities); only set if the run
 * succeeds. */
convoy_status cluster_rig_run(struct cluster_rig *rig, convoy_layer_report *report, double *error);

#endif
