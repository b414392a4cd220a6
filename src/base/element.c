/* One element of a tensor of any type, for those who look at few. */
#include <convoy/tensor.h>

#include <math.h>

/* IEEE 754 binary16: sign, 5 bits of exponent with bias 15, 10 bits of fraction. */
static double half_value(uint16_t bits) {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double magnitude;
    if (exponent == 31)
        magnitude = fraction ? NAN : INFINITY;
    else if (exponent == 0)
        magnitude = ldexp(fraction, -24);
    else
        magnitude = ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 ? -magnitude : magnitude;
}

double convoy_tensor_element(const convoy_tensor *tensor, size_t i) {
    switch (tensor->dtype) {
    case CONVOY_F32:
        return ((const float *)tensor->data)[i];
    case CONVOY_F64:
        return ((const double *)tensor->data)[i];
    case CONVOY_F16:
        return half_value(((const uint16_t *)tensor->data)[i]);
    case CONVOY_I32:
        return ((const int32_t *)tensor->data)[i];
    case CONVOY_I64:
        return (double)((const int64_t *)tensor->data)[i];
    case CONVOY_I8:
        return ((const int8_t *)tensor->data)[i];
    case CONVOY_U8:
    case CONVOY_BOOL:
        return ((const uint8_t *)tensor->data)[i];
    }
    return NAN;
}
