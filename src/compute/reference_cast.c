/* Conversion between element types: towards zero and saturating from float to integer (NaN gives 0), modulo
 * 2^bits between integers, to the nearest even for floats, "not zero" for bool. */
#include "compute/reference.h"

#include "base/half.h"

#include <math.h>

/* A double as float32 for a second rounding to fewer digits, which then comes out as if it were the only one:
 * towards zero, and odd where that is not exact. */
static float round_to_odd(double value) {
    float rounded = (float)value;
    if (!isfinite(rounded) || (double)rounded == value)
        return rounded;
    uint32_t bits = float_bits(rounded);
    if (fabs((double)rounded) > fabs(value))
        bits--;
    return float_of_bits(bits | 1);
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
        ((uint16_t *)tensor->data)[i] = f16_of(round_to_odd(value));
        break;
    case CONVOY_BF16:
        ((uint16_t *)tensor->data)[i] = bf16_of(round_to_odd(value));
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
    case CONVOY_BF16:
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
        case CONVOY_BF16:
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
