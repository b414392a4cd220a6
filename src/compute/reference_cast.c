/* Conversion between element types: towards zero and saturating from float to integer (NaN gives 0), modulo
 * 2^bits between integers, to the nearest even for floats, "not zero" for bool. */
#include "compute/reference.h"

#include <math.h>

/* IEEE 754 binary16 by arithmetic: 5 bits of exponent, 10 of fraction. */
static uint16_t double_to_half(double value) {
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    value = fabs(value);
    if (value == 0)
        return sign;
    if (isnan(value))
        return sign | 0x7e00;
    if (value >= 65520) /* halfway between the largest finite number and 2^16 */
        return sign | 0x7c00;
    int exponent;
    frexp(value, &exponent); /* value = f * 2^exponent, f in [0.5,1) */
    if (exponent < -13)
        exponent = -13; /* subnormal: the quantum stays 2^-24 */
    /* The implicit bit of normal numbers, and a carry out of the fraction, add one to the exponent's field.
     */
    return (uint16_t)(sign | (((exponent + 13) << 10) + (int)nearbyint(ldexp(value, 11 - exponent))));
}

static int64_t saturate(double value, int64_t low, int64_t high) {
    if (isnan(value))
        return 0;
    if (value <= (double)low)
        return low;
    return value >= (double)high ? high : (int64_t)value;
}

void reference_store_any(const convoy_tensor *tensor, size_t i, double value) {
    switch (tensor->dtype) {
    case CONVOY_F32:
        ((float *)tensor->data)[i] = (float)value;
        break;
    case CONVOY_F64:
        ((double *)tensor->data)[i] = value;
        break;
    case CONVOY_F16:
        ((uint16_t *)tensor->data)[i] = double_to_half(value);
        break;
    case CONVOY_U8:
        ((uint8_t *)tensor->data)[i] = (uint8_t)saturate(value, 0, UINT8_MAX);
        break;
    case CONVOY_I8:
        ((int8_t *)tensor->data)[i] = (int8_t)saturate(value, INT8_MIN, INT8_MAX);
        break;
    case CONVOY_I32:
        ((int32_t *)tensor->data)[i] = (int32_t)saturate(value, INT32_MIN, INT32_MAX);
        break;
    case CONVOY_I64:
        ((int64_t *)tensor->data)[i] = saturate(value, INT64_MIN, INT64_MAX);
        break;
    case CONVOY_BOOL:
        ((uint8_t *)tensor->data)[i] = value != 0;
        break;
    }
}

static void store_integer(const convoy_tensor *tensor, size_t i, int64_t value) {
    switch (tensor->dtype) {
    case CONVOY_U8:
        ((uint8_t *)tensor->data)[i] = (uint8_t)value;
        break;
    case CONVOY_I8:
        ((int8_t *)tensor->data)[i] = (int8_t)value;
        break;
    case CONVOY_I32:
        ((int32_t *)tensor->data)[i] = (int32_t)value;
        break;
    case CONVOY_I64:
        ((int64_t *)tensor->data)[i] = value;
        break;
    case CONVOY_BOOL:
        ((uint8_t *)tensor->data)[i] = value != 0;
        break;
    case CONVOY_F32:
        ((float *)tensor->data)[i] = (float)value;
        break; /* rounds once, unlike the way over double */
    case CONVOY_F64:
    case CONVOY_F16:
        reference_store_any(tensor, i, (double)value);
        break;
    }
}

convoy_status reference_cast(const struct reference_layer *layer, const convoy_tensor *in, convoy_tensor *out,
                             convoy_error *error) {
    (void)layer;
    (void)error;
    size_t total = convoy_tensor_elements(out);
    for (size_t i = 0; i < total; i++)
        switch (in->dtype) {
        case CONVOY_F32:
        case CONVOY_F64:
            reference_store_any(out, i, value_at(in, i));
            break;
        case CONVOY_F16:
            reference_store_any(out, i, convoy_tensor_element(in, i));
            break;
        case CONVOY_U8:
            store_integer(out, i, ((const uint8_t *)in->data)[i]);
            break;
        case CONVOY_I8:
            store_integer(out, i, ((const int8_t *)in->data)[i]);
            break;
        case CONVOY_I32:
            store_integer(out, i, ((const int32_t *)in->data)[i]);
            break;
        case CONVOY_I64:
            store_integer(out, i, ((const int64_t *)in->data)[i]);
            break;
        case CONVOY_BOOL:
            store_integer(out, i, ((const uint8_t *)in->data)[i] != 0);
            break;
        }
    return CONVOY_OK;
}
