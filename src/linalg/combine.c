#include "linalg/combine.h"

#include "linalg/kernels.h"

#include <stdbool.h>

const struct combine_kernel *combine_kernels(void) {
    static const struct combine_kernel kernels[] = {
#ifdef CONVOY_X86
        {"avx512", combine_avx512},
        {"avx2", combine_avx2},
#endif
        {"plain", combine_plain},
        {0},
    };
    const struct combine_kernel *first = kernels;
#ifdef CONVOY_X86
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    first += !avx2 ? 2 : !__builtin_cpu_supports("avx512f") ? 1 : 0;
#endif
    return first;
}

void combine_repeated(const struct combine_job *job) {
    combine_kernels()->run(job);
}
