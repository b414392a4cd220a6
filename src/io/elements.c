#include "io/elements.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "elements in memory are little-endian");

/* The number that an element is: an integer of any type without loss, or a float. */
struct number {
    bool floating, negative;
    uint64_t magnitude; /* of an integer */
    double value;       /* of a float */
};

bool elements_size(const struct dtype *type, const convoy_shape *shape, size_t *bytes) {
    size_t count;
    return tensor_bytes(CONVOY_U8, shape, &count) && size_mul(count, type->bytes, bytes);
}

bool elements_valid(const struct elements *elements) {
    size_t count;
    if (elements->type->number != CONVOY_BOOL)
        return true;
    if (!elements_size(elements->type, &elements->shape, &count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (((const uint8_t *)elements->data)[i] > 1)
            return false;
    return true;
}

void elements_release(struct elements *elements) {
    if (!elements)
        return;
    buffer_release(&elements->owner);
    *elements = (struct elements){0};
}

static bool is_floating(const struct dtype *type) {
    return type->class & DTYPE_REALS;
}

/* The element whose bytes bits begins with. */
static struct number number_read(const struct dtype *type, uint64_t bits) {
    if (is_floating(type))
        return (struct number){.floating = true, .value = type->load(&bits)};
    bool negative = type->below && bits > type->above; /* the sign is the highest bit */
    uint64_t all = type->bytes == 8 ? 0 : UINT64_C(1) << 8 * type->bytes;
    return (struct number){.negative = negative, .magnitude = negative ? all - bits : bits};
}

/* Stores the number in a floating-point type; returns what is there then. */
static double float_store(const struct dtype *type, void *to, double value) {
    type->store(to, value);
    return type->load(to);
}

static bool is_magnitude(double value, uint64_t magnitude) {
    return value < 0x1p64 && (uint64_t)value == magnitude;
}

/* False if the type does not hold the number, see elements_to_tensor. */
static bool number_store(const struct dtype *type, void *to, struct number n) {
    if (is_floating(type) && n.floating)
        return isfinite(float_store(type, to, n.value)) || !isfinite(n.value);
    if (is_floating(type)) {
        double size = (double)n.magnitude;
        return is_magnitude(fabs(float_store(type, to, n.negative ? -size : size)), n.magnitude);
    }
    if (n.floating) {
        if (!(fabs(n.value) < 0x1p64) || n.value != trunc(n.value))
            return false;
        n = (struct number){.negative = n.value < 0, .magnitude = (uint64_t)fabs(n.value)};
    }
    if (n.magnitude > (n.negative ? type->below : type->above))
        return false;
    uint64_t bits = n.negative ? 0 - n.magnitude : n.magnitude;
    memory_copy_run(to, &bits, type->bytes);
    return true;
}

static convoy_status error_number(const struct dtype *from, const struct dtype *to, size_t i, struct number n,
                                  convoy_error *error) {
    char text[40];
    if (n.floating)
        snprintf(text, sizeof text, "%.17g", n.value);
    else
        snprintf(text, sizeof text, "%s%llu", n.negative ? "-" : "", (unsigned long long)n.magnitude);
    if (n.floating && is_floating(to))
        return error_set(error, CONVOY_E_INPUT,
                         "its element %zu, the %s %s, is beyond the range of %s, the type that is asked for",
                         i, from->name, text, to->name);
    return error_set(
        error, CONVOY_E_INPUT,
        "its element %zu, the %s %s, is no %s, the type that is asked for; integers must convert exactly", i,
        from->name, text, to->name);
}

static inline uint64_t bits_read(const struct elements *e, size_t i) {
    uint64_t bits = 0;
    size_t size = e->type->bytes;
    memory_copy_run(&bits, (const uint8_t *)e->data + i * size, size);
    return e->big_endian ? __builtin_bswap64(bits) >> 8 * (8 - size) : bits;
}

/* Walks over the elements of a column-major array in row-major order. */
struct walk {
    size_t stride[CONVOY_MAX_RANK], index[CONVOY_MAX_RANK], at;
};

static struct walk walk_begin(const struct elements *e) {
    struct walk walk = {.at = 0};
    for (uint32_t i = 0; i < e->shape.rank; i++)
        walk.stride[i] =
            e->column_major ? shape_product(&e->shape, 0, i) : shape_product(&e->shape, i + 1, e->shape.rank);
    return walk;
}

static void walk_next(struct walk *walk, const convoy_shape *shape) {
    for (uint32_t i = shape->rank; i-- > 0;) {
        walk->at += walk->stride[i];
        if (++walk->index[i] < (size_t)shape->dims[i])
            return;
        walk->at -= walk->stride[i] * walk->index[i];
        walk->index[i] = 0;
    }
}

static convoy_status convert(convoy_tensor *tensor, const struct elements *e, const struct dtype *to,
                             convoy_error *error) {
    size_t count = convoy_tensor_elements(tensor);
    struct walk walk = walk_begin(e);
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = bits_read(e, e->column_major ? walk.at : i);
        void *place = (char *)tensor->data + i * to->bytes;
        if (e->type == to) {
            memory_copy_run(place, &bits, to->bytes);
        } else {
            struct number number = number_read(e->type, bits);
            if (!number_store(to, place, number))
                return error_number(e->type, to, i, number, error);
        }
        if (e->column_major)
            walk_next(&walk, &e->shape);
    }
    return CONVOY_OK;
}

convoy_status elements_to_tensor(convoy_tensor *tensor, const struct elements *elements, convoy_dtype dtype,
                                 convoy_error *error) {
    const struct dtype *to = dtype_find(dtype);
    convoy_tensor made;
    convoy_status status = convoy_tensor_create(&made, dtype, &elements->shape, error);
    if (status != CONVOY_OK)
        return status;
    size_t count = convoy_tensor_elements(&made);
    if (elements->type == to && !elements->big_endian && !elements->column_major) {
        if (count)
            memcpy(made.data, elements->data, count * to->bytes);
    } else {
        status = convert(&made, elements, to, error);
    }
    if (status != CONVOY_OK)
        convoy_tensor_release(&made);
    else
        *tensor = made;
    return status;
}
