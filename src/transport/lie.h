/* The fault lie: an answer with wrong values in it. */
#ifndef TRANSPORT_LIE_H
#define TRANSPORT_LIE_H

#include "base/memory.h"
#include "base/random.h"
#include "transport/fault.h"

#include <convoy/tensor.h>

/* A copy of an answer in which some elements, as many as the fault says, are larger or smaller by its size
 * times the answer's root mean square (by its size if the answer is all zeros). NULL if the fault spares this
 * answer, there is no memory, or dtype is none of F32, F64, BF16 and F16. */
struct buffer *lie_about(const struct buffer *answer, convoy_dtype dtype, const struct fault *fault,
                         struct random *random);

#endif
