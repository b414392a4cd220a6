/* One element of a tensor of any type, for those who look at few. */
#include "base/half.h"

#include <convoy/tensor.h>

#include <math.h>

double convoy_tensor_element(const convoy_tensor *tensor, size_t i) {
    switch (tensor->dtype) {
    case CONVOY_F32:
        return ((const float *)tensor->data)[i];
    case CONVOY_F64:
        return ((const double *)tensor->data)[i];
    case CONVOY_F16:
        return (double)f16_value(((const uint16_t *)tensor->data)[i]);
    case CONVOY_BF16:
        return (double)bf16_value(((const uint16_t *)tensor->data)[i]);
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
