/* combine in portable C: the compiler's vectors of 16 bytes. */
#include "linalg/kernels.h"
#include "linalg/vectors_plain.h"

#define TALL 4
#define WIDE 2

#include "linalg/combine_types.h"

float combine_plain(const struct combine_job *job) {
    return combine_any(job);
}
