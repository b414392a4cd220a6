/* The loops of lines_kernel.h in portable C, and the choice. */
#include "linalg/kernels.h"

#define REAL    float
#define NAME(x) x##_f32
#include "linalg/lines_kernel.h"
#undef REAL
#undef NAME

#define REAL    double
#define NAME(x) x##_f64
#include "linalg/lines_kernel.h"

static void lines_split_plain(const struct line_split *job) {
    job->dtype == CONVOY_F32 ? split_f32(job) : split_f64(job);
}

static void lines_finish_plain(const struct line_finish *job) {
    job->dtype == CONVOY_F32 ? finish_f32(job) : finish_f64(job);
}

const struct line_kernel *line_kernels(void) {
    static const struct line_kernel kernels[] = {
#ifdef CONVOY_X86
        {"avx2", lines_split_avx2, lines_finish_avx2},
#endif
        {"plain", lines_split_plain, lines_finish_plain},
        {0},
    };
    const struct line_kernel *first = kernels;
#ifdef CONVOY_X86
    first += __builtin_cpu_supports("avx2") ? 0 : 1;
#endif
    return first;
}

void lines_split(const struct line_split *job) {
    line_kernels()->split(job);
}

void lines_finish(const struct line_finish *job) {
    line_kernels()->finish(job);
}
