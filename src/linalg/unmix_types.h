/* prepare_any, unmix_any and widen_any: unmix_kernel.h for every type of operands. Included once by the file
 * of an instruction set, after its vectors_*.h and TALL. */
#define REAL    float
#define LANES   LANES_F32
#define NAME(x) x##_f32

#define OPERAND float
#define FROM(x) x##_f32
#include "linalg/unmix_kernel.h"
#undef OPERAND
#undef FROM

#define OPERAND uint16_t
#define FROM(x) x##_bf16
#include "linalg/unmix_kernel.h"
#undef FROM

#define FROM(x) x##_f16
#include "linalg/unmix_kernel.h"
#undef OPERAND
#undef FROM

#undef REAL
#undef LANES
#undef NAME

#define REAL    double
#define LANES   LANES_F64
#define NAME(x) x##_f64

#define OPERAND double
#define FROM(x) x##_f64
#include "linalg/unmix_kernel.h"

static void prepare_any(const struct unmix_map *map, void *scratch) {
    switch (map->in_dtype) {
    case CONVOY_BF16:
        prepare_bf16(map, scratch);
        break;
    case CONVOY_F16:
        prepare_f16(map, scratch);
        break;
    case CONVOY_F64:
        prepare_f64(map, scratch);
        break;
    default:
        prepare_f32(map, scratch);
    }
}

static bool unmix_any(const struct unmix_job *job) {
    switch (job->map->in_dtype) {
    case CONVOY_BF16:
        return unmix_bf16(job);
    case CONVOY_F16:
        return unmix_f16(job);
    case CONVOY_F64:
        return unmix_f64(job);
    default:
        return unmix_f32(job);
    }
}

static void widen_any(convoy_dtype from_dtype, const void *from, size_t count, float *to) {
    if (from_dtype == CONVOY_BF16)
        widen_line_bf16(from, count, to);
    else
        widen_line_f16(from, count, to);
}
