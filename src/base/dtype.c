#include "base/dtype.h"

#include "base/half.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- Floats --------------------------------------------------------------------------------------------- */

/* A double as float32 for a second rounding to fewer digits, which then comes out as if it were the only one:
 * towards zero, and odd if that is not exact. */
static float round_to_odd(double value) {
    float rounded = (float)value;
    if (!isfinite(rounded) || (double)rounded == value)
        return rounded;
    uint32_t bits = float_bits(rounded);
    if (fabs((double)rounded) > fabs(value))
        bits--;
    return float_of_bits(bits | 1);
}

static int64_t saturate_signed(double value, int64_t low, int64_t high) {
    if (isnan(value))
        return 0;
    if (value <= (double)low)
        return low;
    return value >= (double)high ? high : (int64_t)value;
}

static uint64_t saturate_unsigned(double value, uint64_t high) {
    if (isnan(value) || value <= 0)
        return 0;
    return value >= (double)high ? high : (uint64_t)value;
}

/* load, store, load_integer and store_integer of a type whose elements are TYPE in C. */
#define FUNCTIONS(NAME, TYPE, TO_DOUBLE, OF_DOUBLE, TO_INTEGER, OF_INTEGER)                                  \
    static double NAME##_load(const void *element) {                                                         \
        TYPE e;                                                                                              \
        memcpy(&e, element, sizeof e);                                                                       \
        return TO_DOUBLE;                                                                                    \
    }                                                                                                        \
    static void NAME##_store(void *element, double v) {                                                      \
        TYPE e = (TYPE)(OF_DOUBLE);                                                                          \
        memcpy(element, &e, sizeof e);                                                                       \
    }                                                                                                        \
    static int64_t NAME##_load_integer(const void *element) {                                                \
        TYPE e;                                                                                              \
        memcpy(&e, element, sizeof e);                                                                       \
        return TO_INTEGER;                                                                                   \
    }                                                                                                        \
    static void NAME##_store_integer(void *element, int64_t v) {                                             \
        TYPE e = (TYPE)(OF_INTEGER);                                                                         \
        memcpy(element, &e, sizeof e);                                                                       \
    }

#define FLOATS(NAME, TYPE, TO_DOUBLE, OF_DOUBLE, OF_INTEGER)                                                 \
    FUNCTIONS(NAME, TYPE, TO_DOUBLE, OF_DOUBLE, saturate_signed(TO_DOUBLE, INT64_MIN, INT64_MAX), OF_INTEGER)

#define INTEGERS(NAME, TYPE, OF_DOUBLE) FUNCTIONS(NAME, TYPE, (double)e, OF_DOUBLE, (int64_t)e, v)

FLOATS(f32, float, (double)e, v, v)
FLOATS(f64, double, e, v, v)
FLOATS(f16, uint16_t, (double)f16_value(e), f16_of(round_to_odd(v)), f16_of(round_to_odd((double)v)))
FLOATS(bf16, uint16_t, (double)bf16_value(e), bf16_of(round_to_odd(v)), bf16_of(round_to_odd((double)v)))

INTEGERS(i8, int8_t, saturate_signed(v, INT8_MIN, INT8_MAX))
INTEGERS(i16, int16_t, saturate_signed(v, INT16_MIN, INT16_MAX))
INTEGERS(i32, int32_t, saturate_signed(v, INT32_MIN, INT32_MAX))
INTEGERS(i64, int64_t, saturate_signed(v, INT64_MIN, INT64_MAX))
INTEGERS(u8, uint8_t, saturate_unsigned(v, UINT8_MAX))
INTEGERS(u16, uint16_t, saturate_unsigned(v, UINT16_MAX))
INTEGERS(u32, uint32_t, saturate_unsigned(v, UINT32_MAX))
INTEGERS(u64, uint64_t, saturate_unsigned(v, UINT64_MAX))

FUNCTIONS(bool, uint8_t, e != 0, v != 0, e != 0, v != 0)

/* --- The table ------------------------------------------------------------------------------------------ */

#define FUNCTIONS_OF(NAME) NAME##_load, NAME##_store, NAME##_load_integer, NAME##_store_integer

static const struct dtype dtypes[] = {
    {CONVOY_F32, "float32", 4, DTYPE_FLOAT, 0, 0, FUNCTIONS_OF(f32)},
    {CONVOY_F64, "float64", 8, DTYPE_FLOAT, 0, 0, FUNCTIONS_OF(f64)},
    {CONVOY_F16, "float16", 2, DTYPE_HALF, 0, 0, FUNCTIONS_OF(f16)},
    {CONVOY_BF16, "bfloat16", 2, DTYPE_HALF, 0, 0, FUNCTIONS_OF(bf16)},
    {CONVOY_I8, "int8", 1, DTYPE_SIGNED, INT8_MAX, UINT64_C(1) << 7, FUNCTIONS_OF(i8)},
    {CONVOY_I16, "int16", 2, DTYPE_SIGNED, INT16_MAX, UINT64_C(1) << 15, FUNCTIONS_OF(i16)},
    {CONVOY_I32, "int32", 4, DTYPE_SIGNED, INT32_MAX, UINT64_C(1) << 31, FUNCTIONS_OF(i32)},
    {CONVOY_I64, "int64", 8, DTYPE_SIGNED, INT64_MAX, UINT64_C(1) << 63, FUNCTIONS_OF(i64)},
    {CONVOY_U8, "uint8", 1, DTYPE_UNSIGNED, UINT8_MAX, 0, FUNCTIONS_OF(u8)},
    {CONVOY_U16, "uint16", 2, DTYPE_UNSIGNED, UINT16_MAX, 0, FUNCTIONS_OF(u16)},
    {CONVOY_U32, "uint32", 4, DTYPE_UNSIGNED, UINT32_MAX, 0, FUNCTIONS_OF(u32)},
    {CONVOY_U64, "uint64", 8, DTYPE_UNSIGNED, UINT64_MAX, 0, FUNCTIONS_OF(u64)},
    {CONVOY_BOOL, "bool", 1, DTYPE_BOOL, 1, 0, FUNCTIONS_OF(bool)},
};

const struct dtype *dtype_find(int64_t number) {
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if ((int64_t)dtypes[i].number == number)
            return &dtypes[i];
    return NULL;
}

const char *dtype_list(char text[DTYPE_LIST]) {
    const size_t count = sizeof dtypes / sizeof *dtypes;
    size_t length = 0;
    for (size_t i = 0; i < count && length < DTYPE_LIST; i++)
        length += (size_t)snprintf(text + length, DTYPE_LIST - length, "%s%s", dtypes[i].name,
                                   i + 2 < count    ? ", "
                                   : i + 2 == count ? " and "
                                                    : "");
    return text;
}

size_t convoy_dtype_bytes(convoy_dtype number) {
    const struct dtype *dtype = dtype_find(number);
    return dtype ? dtype->bytes : 0;
}

const char *convoy_dtype_text(convoy_dtype number) {
    const struct dtype *dtype = dtype_find(number);
    return dtype ? dtype->name : "unknown";
}

double convoy_tensor_element(const convoy_tensor *tensor, size_t i) {
    const struct dtype *dtype = dtype_find(tensor->dtype);
    return dtype ? dtype->load((const char *)tensor->data + i * dtype->bytes) : NAN;
}
