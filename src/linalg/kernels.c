#include "linalg/kernels.h"

#include <stdbool.h>

/* Clang cannot ask for F16C; but what has AVX2 has it. */
#ifdef __clang__
#define HAS_F16C true
#else
#define HAS_F16C __builtin_cpu_supports("f16c")
#endif

size_t kernels_lacking(void) {
#ifdef CONVOY_X86
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && HAS_F16C;
    return !avx2 ? 2 : !__builtin_cpu_supports("avx512f") ? 1 : 0;
#else
    return 0;
#endif
}
