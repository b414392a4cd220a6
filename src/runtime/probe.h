/* What a master asks a worker to measure for a profile (plan/profile.h), and the answer. FRAME_PROBE brings a
 * struct probe_request and as many bytes more as it takes to tell the rate of the way there; FRAME_PROBED a
 * struct probe_answer and as many more as were asked for. Little-endian. Passive; what a worker measures:
 * probe_rates.h. */
#ifndef RUNTIME_PROBE_H
#define RUNTIME_PROBE_H

#include "base/memory.h"
#include "plan/profile.h"

#define PROBE_MOST_BYTES ((size_t)8 << 20) /* of either payload */

struct probe_request {
    uint32_t measure;      /* 1: how fast the worker computes; 0: it answers at once */
    uint32_t reserved;     /* 0 */
    uint64_t answer_bytes; /* sizeof(struct probe_answer) to PROBE_MOST_BYTES */
};

struct probe_answer {
    struct compute_rates rates; /* zeros where they were not asked for */
    uint64_t memory_bytes;      /* for the filters that the worker keeps; 0: no bound */
};

/* Payloads of so many bytes, from the size of the struct to PROBE_MOST_BYTES; NULL without memory. */
struct buffer *probe_request_create(const struct probe_request *request, size_t bytes);
struct buffer *probe_answer_create(const struct probe_answer *answer, size_t bytes);

/* False where the payload (which may be NULL) is none. */
bool probe_request_read(struct probe_request *request, const struct buffer *payload);

/* The same of the answer to a request. */
bool probe_answer_read(struct probe_answer *answer, const struct buffer *payload,
                       const struct probe_request *request);

#endif
