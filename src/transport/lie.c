#include "transport/lie.h"

#include "base/half.h"

#include <math.h>
#include <string.h>

static void store(convoy_tensor *tensor, size_t i, double value) {
    const float narrow = (float)value;
    const uint16_t half = tensor->dtype == CONVOY_BF16 ? bf16_of(narrow) : f16_of(narrow);
    const size_t size = convoy_dtype_bytes(tensor->dtype);
    const void *from = size == sizeof value    ? (const void *)&value
                       : size == sizeof narrow ? (const void *)&narrow
                                               : (const void *)&half;
    memcpy((char *)tensor->data + i * size, from, size);
}

/* The root mean square of some elements, all of them if there are few. */
static double typical_size(const convoy_tensor *tensor, size_t count, struct random *random) {
    enum { MOST = 1 << 16 };
    const size_t looked = count < MOST ? count : MOST;
    double sum = 0;
    for (size_t i = 0; i < looked; i++) {
        const double value = convoy_tensor_element(tensor, count == looked ? i : random_below(random, count));
        sum += value * value;
    }
    return sum > 0 && isfinite(sum) ? sqrt(sum / (double)looked) : 1;
}

struct buffer *lie_about(const struct buffer *answer, convoy_dtype dtype, const struct fault *fault,
                         struct random *random) {
    const bool known =
        dtype == CONVOY_F32 || dtype == CONVOY_F64 || dtype == CONVOY_BF16 || dtype == CONVOY_F16;
    const size_t count = known ? answer->bytes / convoy_dtype_bytes(dtype) : 0;
    const bool spared = random_unit(random) >= fault->answers;
    struct buffer *copy = count && !spared ? buffer_create(answer->bytes) : NULL;
    if (!copy)
        return NULL;
    memcpy(copy->data, answer->data, answer->bytes);
    convoy_tensor tensor = {.dtype = dtype, .data = copy->data};
    const double change = fault->size * typical_size(&tensor, count, random);
    const size_t changed = (size_t)(fault->elements * (double)count);
    for (size_t i = 0; i < (changed ? changed : 1); i++) {
        const size_t at = random_below(random, count);
        const double value = convoy_tensor_element(&tensor, at);
        store(&tensor, at, value + (random_below(random, 2) ? change : -change));
    }
    return copy;
}
