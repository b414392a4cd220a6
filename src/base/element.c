/* One element of a tensor of any type, at any address, for those who look at few. */
#include "base/half.h"

#include <convoy/tensor.h>

#include <math.h>
#include <string.h>

double convoy_tensor_element(const convoy_tensor *tensor, size_t i) {
    union {
        float f32;
        double f64;
        uint16_t half;
        int32_t i32;
        int64_t i64;
        int8_t i8;
        uint8_t u8;
    } element;
    const size_t size = convoy_dtype_bytes(tensor->dtype);
    memcpy(&element, (const char *)tensor->data + i * size, size);
    switch (tensor->dtype) {
    case CONVOY_F32:
        return (double)element.f32;
    case CONVOY_F64:
        return element.f64;
    case CONVOY_F16:
        return (double)f16_value(element.half);
    case CONVOY_BF16:
        return (double)bf16_value(element.half);
    case CONVOY_I32:
        return element.i32;
    case CONVOY_I64:
        return (double)element.i64;
    case CONVOY_I8:
        return element.i8;
    case CONVOY_U8:
    case CONVOY_BOOL:
        return element.u8;
    }
    return NAN;
}
