/* What the master computes itself of a worker's task, to judge the worker's answer by it. */
#ifndef RUNTIME_OWN_ANSWER_H
#define RUNTIME_OWN_ANSWER_H

#include "base/random.h"
#include "runtime/coded_layer.h"

struct own_answer {
    struct buffer *answer; /* as the worker's would be; NULL: it cannot be computed */
    bool finite;           /* all of it */
    double rounding;       /* root mean square of what some of its elements are off, divided by that of the
                              elements;       no less than rounding input and answer makes it */
};

/* Codes the input for this worker and the filters, and computes the task by the kernel that workers use.
 * Costs a pass over the layer's weights and the work of one worker. The layer is of float32, `in` as it lies
 * for it; inner: a context of the backend here. CONVOY_E_MEMORY, CONVOY_E_IO (the model's file was changed).
 */
convoy_status own_answer_compute(struct own_answer *own, struct coded_layer *layer, struct context *inner,
                                 const convoy_tensor *in, uint32_t worker, struct random *random);
void own_answer_clear(struct own_answer *own);

/* Whether a worker's answer differs from own->answer, which is not NULL, by no more than rounding explains,
 * the worker's kernel being perhaps another machine's: all elements together by eight times its own, none by
 * 128 times. What is not finite must be so in both. CONVOY_E_MEMORY. */
convoy_status own_answer_compare(const struct own_answer *own, convoy_dtype frames, struct buffer *answer,
                                 bool *agrees);

#endif
