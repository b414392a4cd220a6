/* Dense tensors in row-major order. */
#ifndef CONVOY_TENSOR_H
#define CONVOY_TENSOR_H

#include <convoy/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CONVOY_MAX_RANK 8

/* Element types; the numbers are ONNX's TensorProto.DataType. */
typedef enum convoy_dtype {
    CONVOY_F32 = 1,
    CONVOY_U8 = 2,
    CONVOY_I8 = 3,
    CONVOY_U16 = 4,
    CONVOY_I16 = 5,
    CONVOY_I32 = 6,
    CONVOY_I64 = 7,
    CONVOY_BOOL = 9,
    CONVOY_F16 = 10,
    CONVOY_F64 = 11,
    CONVOY_U32 = 12,
    CONVOY_U64 = 13,
    CONVOY_BF16 = 16
} convoy_dtype;

/* rank axes of dims[0..rank) elements; rank 0 is a scalar. In the shape of a model's input, -1 is an axis
 * that the model leaves open. */
typedef struct convoy_shape {
    uint32_t rank;
    int64_t dims[CONVOY_MAX_RANK];
} convoy_shape;

struct buffer;

/* data holds the elements densely, row-major, aligned to an element. owner, where it is not NULL, is a
 * counted reference to the memory that holds data; a tensor without owner borrows its data and must not
 * outlive it. */
typedef struct convoy_tensor {
    convoy_dtype dtype;
    convoy_shape shape;
    void *data;
    struct buffer *owner;
} convoy_tensor;

/* Makes *tensor own dims elements of dtype, zeroed, 64-byte aligned. CONVOY_E_USAGE where a dimension is
 * negative or the size overflows, CONVOY_E_MEMORY. Release with convoy_tensor_release. */
CONVOY_API convoy_status convoy_tensor_create(convoy_tensor *tensor, convoy_dtype dtype,
                                              const convoy_shape *shape, convoy_error *error);

/* Drops the reference that the tensor holds, and empties it. Takes NULL and empty tensors. */
CONVOY_API void convoy_tensor_release(convoy_tensor *tensor);

/* Number of elements; 1 for a scalar. The shape is one of a valid tensor. */
CONVOY_API size_t convoy_tensor_elements(const convoy_tensor *tensor);

/* Element i (< convoy_tensor_elements) of any dtype as a double; a 64-bit integer beyond 2^53 is rounded. */
CONVOY_API double convoy_tensor_element(const convoy_tensor *tensor, size_t i);

/* One element of a tensor: its index along each axis, and its value. */
typedef struct convoy_element {
    uint32_t rank;
    int64_t position[CONVOY_MAX_RANK];
    double value;
} convoy_element;

/* Finds the first element of a float32 or float64 tensor, in row-major order, that is NaN or infinite. False,
 * and *element untouched, if all are finite, and for every other element type. */
CONVOY_API bool convoy_tensor_find_not_finite(const convoy_tensor *tensor, convoy_element *element);

/* Writes "[0,2,5] is nan" ("inf", "-inf", or the number) into text; cut to size bytes. Returns text. */
CONVOY_API const char *convoy_element_text(const convoy_element *element, char *text, size_t size);

/* Bytes of one element; 0 for a number that is no dtype. */
CONVOY_API size_t convoy_dtype_bytes(convoy_dtype dtype);

/* "float32", "int64", ...; "unknown" for a number that is no dtype. Static storage. */
CONVOY_API const char *convoy_dtype_text(convoy_dtype dtype);

/* Writes a shape as "1x3x224x224" ("scalar" for rank 0, "?" for an open axis) into text; cut to size bytes.
 * Returns text. */
CONVOY_API const char *convoy_shape_text(const convoy_shape *shape, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
