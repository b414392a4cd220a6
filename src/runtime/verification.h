/* Checks the answers to a coded layer's tasks: whether each projects to what it must (code/projection.h).
 * What must be is computed once for an input, while workers compute; then an answer costs one pass over it.
 *
 * How far a right answer may be off is measured, not assumed: the master computes one worker's task itself,
 * with the kernel that workers use, and compares some elements with what they are in double. An answer that
 * is off by more is suspected. Then the master computes the task of that worker on that input: the answer is
 * wrong if its elements differ from that by more than rounding explains. So neither an unusual input nor a
 * kernel that rounds otherwise makes a liar of anybody. */
#ifndef RUNTIME_VERIFICATION_H
#define RUNTIME_VERIFICATION_H

#include "base/memory.h"
#include "code/projection.h"
#include "compute/backend.h"

struct coded_layer;

/* Of one coded layer. Thread-safe. */
struct verification;

/* The layer is borrowed, complete but for this, and of float32. CONVOY_E_MEMORY. */
convoy_status verification_create(struct verification **verification, struct coded_layer *layer);
void verification_destroy(struct verification **verification); /* takes NULL */

/* Whether a run is to be verified, if it is up to chance (VERIFY_SAMPLE). */
bool verification_is_drawn(struct verification *verification);

/* Of one run. All zero: nothing is verified. */
struct verification_run {
    struct check *check;        /* with a reference; NULL: nothing is verified */
    double limit;               /* as far as answers to its input may be off without a closer look */
    struct projected projected; /* stays from run to run */
};
void verification_run_clear(struct verification_run *run);

/* Begins to verify the answers to this input, with a run that is new or has ended: computes what they must
 * project to. run->check stays NULL if that is not finite, as an input may make it. inner: of the backend
 * here. If it fails no answer can be judged: CONVOY_E_MEMORY, CONVOY_E_IO (the model's file was changed). */
convoy_status verification_begin(struct verification *verification, struct verification_run *run,
                                 struct context *inner, const convoy_tensor *in);
void verification_end(struct verification_run *run);

enum verdict {
    VERDICT_RIGHT, /* as far as can be told */
    VERDICT_WRONG,
    VERDICT_UNKNOWN /* there is no memory to compute it here, or the model's file was changed */
};

struct finding {
    enum verdict verdict;
    double deviation, limit; /* of the answer, and of what rounding explains (projection.h) */
};

/* Judges a worker's answer to this input, while the run is verified. */
struct finding verification_judge(struct verification *verification, struct verification_run *run,
                                  struct context *inner, const convoy_tensor *in, uint32_t worker,
                                  struct buffer *answer);

#endif
