/* The stages of one coded layer, timed one after the other on one thread: encoding its input for all workers,
 * the convolution of one worker, decoding the answers. Nothing is sent. */
#ifndef STUDY_LAYER_STAGES_H
#define STUDY_LAYER_STAGES_H

#include "compute/backend.h"
#include "plan/candidates.h"
#include "study/topic.h"

enum layer_stage { STAGE_ENCODE, STAGE_COMPUTE, STAGE_DECODE, LAYER_STAGES };

struct stage_case {
    const struct conv_geometry *layer; /* complete, dense */
    const struct code_family *family;
    const struct placement *placement; /* n, and the workers' nodes */
    const struct candidate *parts;
    uint32_t block; /* channels that lie together, as the kernels like it, or 0 */
    uint64_t seed;
};

/* How stages are timed. Other layers' weights are read before each convolution, as a network does, so that
 * its own come from memory. */
struct stage_timing {
    const struct study *study; /* which may be given up between two rounds, or NULL */
    struct backend *backend;
    const void *other; /* STAGE_OTHER_BYTES */
    uint32_t rounds;
};

#define STAGE_OTHER_BYTES ((size_t)128 << 20)

/* Fills ns[stage][round] with the calling thread's processor time. One round more, the first, warms up. Each
 * stage finds its input in the caches, as far as it fits, and the convolution its weights in memory. The last
 * δ workers answer. Inputs that are coded alike for several workers are coded once, as the runtime does. The
 * convolution is that of direct kernels. CONVOY_E_MEMORY, CONVOY_E_UNSUPPORTED (no kernel),
 * CONVOY_E_INTERNAL (the answers do not decode), CONVOY_E_CANCELLED. */
convoy_status layer_stages_measure(const struct stage_case *stage_case, const struct stage_timing *timing,
                                   double *const ns[LAYER_STAGES], convoy_error *error);

/* The same of the whole layer computed by one machine, uncoded. */
convoy_status layer_alone_measure(const struct conv_geometry *layer, const struct stage_timing *timing,
                                  double *ns, convoy_error *error);

#endif
