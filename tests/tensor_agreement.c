#include "tensor_agreement.h"

#include "base/dtype.h"
#include "base/half.h"
#include "base/tensor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A type without a row is compared byte by byte. */
static const struct {
    convoy_dtype dtype;
    double of_largest;
    unsigned units; /* in the last place of each element, in place of a share of the largest */
} tolerances[] = {
    {CONVOY_F32, 1e-5, 0}, /* sums in another order */
    {CONVOY_F64, 1e-7, 0}, /* below the roundoff of float32, so that nothing was computed in that */
    {CONVOY_F16, 1e-3, 0}, /* two units of a number near the largest */
    {CONVOY_BF16, 0, 1},   /* ONNX 1.12 truncates, the standard rounds */
};

static bool same_kind(double a, double b) {
    return isnan(a) ? isnan(b) : isinf(a) ? a == b : isfinite(b);
}

/* Neighbours among the numbers of a type of 16 bits are neighbours as integers, by sign and magnitude. */
static bool within_units(const uint16_t *got, const uint16_t *expected, size_t count, unsigned units) {
    for (size_t i = 0; i < count; i++) {
        int a = got[i] & 0x8000 ? -(got[i] & 0x7fff) : got[i], b = expected[i];
        b = b & 0x8000 ? -(b & 0x7fff) : b;
        if (!same_kind((double)bf16_value(got[i]), (double)bf16_value(expected[i])) ||
            (isfinite(bf16_value(got[i])) && (unsigned)abs(a - b) > units))
            return false;
    }
    return true;
}

static bool within_share(const convoy_tensor *got, const convoy_tensor *expected, size_t count,
                         double of_largest) {
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        double magnitude = fabs(convoy_tensor_element(expected, i));
        if (isfinite(magnitude))
            largest = fmax(largest, magnitude);
    }
    for (size_t i = 0; i < count; i++) {
        double a = convoy_tensor_element(got, i), b = convoy_tensor_element(expected, i);
        if (!same_kind(a, b) || (isfinite(a) && fabs(a - b) > of_largest * largest))
            return false;
    }
    return true;
}

bool tensors_agree(const convoy_tensor *got, const convoy_tensor *expected, double widening) {
    if (got->dtype != expected->dtype || !shape_equal(&got->shape, &expected->shape))
        return false;
    size_t count = convoy_tensor_elements(got);
    for (size_t i = 0; i < sizeof tolerances / sizeof *tolerances; i++) {
        if (tolerances[i].dtype != got->dtype)
            continue;
        if (tolerances[i].units)
            return within_units(got->data, expected->data, count, tolerances[i].units);
        return within_share(got, expected, count,
                            tolerances[i].of_largest * (got->dtype == CONVOY_F32 ? widening : 1));
    }
    return memcmp(got->data, expected->data, count * convoy_dtype_bytes(got->dtype)) == 0;
}
