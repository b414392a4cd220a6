/* combine_any: combine_kernel.h for every type of results. Included once by the file of an instruction set,
 * after its vectors_*.h and TALL and WIDE. */
#define REAL    float
#define LANES   LANES_F32
#define NAME(x) x##_f32

#define RESULT  float
#define TO(x)   x##_f32
#define WATCHED false
#include "linalg/combine_kernel.h"
#undef RESULT
#undef TO
#undef WATCHED

#define RESULT  uint16_t
#define TO(x)   x##_bf16
#define WATCHED false
#include "linalg/combine_kernel.h"
#undef TO
#undef WATCHED

#define TO(x)   x##_f16
#define WATCHED true
#include "linalg/combine_kernel.h"
#undef RESULT
#undef TO
#undef WATCHED

#undef REAL
#undef LANES
#undef NAME

#define REAL    double
#define LANES   LANES_F64
#define NAME(x) x##_f64

#define RESULT  double
#define TO(x)   x##_f64
#define WATCHED false
#include "linalg/combine_kernel.h"

static float combine_any(const struct combine_job *job) {
    switch (job->out_dtype) {
    case CONVOY_BF16:
        return combine_bf16(job);
    case CONVOY_F16:
        return combine_f16(job);
    case CONVOY_F64:
        return combine_f64(job);
    default:
        return combine_f32(job);
    }
}
