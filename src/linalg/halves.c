#include "linalg/halves.h"

#include "base/half.h"
#include "linalg/combine.h"
#include "linalg/unmix.h"

void halves_widen(convoy_dtype from_dtype, const void *from, size_t count, float *to) {
    unmix_kernels()->widen(from_dtype, from, count, to);
}

/* Encoding's way out, where the one output is the one input times 1. */
bool halves_narrow(const float *from, size_t count, convoy_dtype to_dtype, void *to) {
    static const double one = 1;
    return f16_holds(combine_repeated(&(struct combine_job){.dtype = CONVOY_F32,
                                                            .out_dtype = to_dtype,
                                                            .outputs = 1,
                                                            .inputs = 1,
                                                            .g = &one,
                                                            .g_stride = 1,
                                                            .first = from,
                                                            .out = &to,
                                                            .length = count,
                                                            .repeats = 1}));
}
