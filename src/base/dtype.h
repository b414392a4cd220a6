/* The types of elements, one row each: what a type is called, how large its elements are, and how one of them
 * is read and written. The only place that knows what an element's bytes mean. */
#ifndef BASE_DTYPE_H
#define BASE_DTYPE_H

#include <convoy/tensor.h>

/* Bits, so that a set of classes is a sum. */
enum dtype_class {
    DTYPE_FLOAT = 1, /* float32, float64 */
    DTYPE_HALF = 2,  /* float16, bfloat16 */
    DTYPE_SIGNED = 4,
    DTYPE_UNSIGNED = 8,
    DTYPE_BOOL = 16
};

struct dtype {
    convoy_dtype number;
    const char *name;
    size_t bytes;
    enum dtype_class class;
    uint64_t above, below; /* of integers and bool: the largest value, and the magnitude of the smallest */

    /* Elements may lie at any address. A float is stored to the nearest, ties to even; into an integer it
     * goes towards zero and saturates, and NaN gives 0; bool stores whether the value is not 0. */
    double (*load)(const void *element);
    void (*store)(void *element, double value);

    /* The same of an integer: modulo 2^bits into integers. Those of uint64 stand for their bits. */
    int64_t (*load_integer)(const void *element);
    void (*store_integer)(void *element, int64_t value);
};

/* NULL for a number that is no type of ours. Static storage. */
const struct dtype *dtype_find(int64_t number);

/* The names of all types, for a sentence: "float32, float64, ... and bool". Returns text. */
#define DTYPE_LIST 160
const char *dtype_list(char text[DTYPE_LIST]);

/* Whether the type is of one of these classes; false for a number that is no type. */
static inline bool dtype_is(convoy_dtype number, unsigned classes) {
    const struct dtype *dtype = dtype_find(number);
    return dtype && (dtype->class & classes);
}

#define DTYPE_REALS    (DTYPE_FLOAT | DTYPE_HALF)
#define DTYPE_INTEGERS (DTYPE_SIGNED | DTYPE_UNSIGNED)

#endif
