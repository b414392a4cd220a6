#include "linalg/combine.h"

#include "linalg/kernels.h"

const struct combine_kernel *combine_kernels(void) {
    static const struct combine_kernel kernels[] = {
#ifdef CONVOY_X86
        {"avx512", combine_avx512},
        {"avx2", combine_avx2},
#endif
        {"plain", combine_plain},
        {0},
    };
    return kernels + kernels_lacking();
}

float combine_repeated(const struct combine_job *job) {
    return combine_kernels()->run(job);
}
