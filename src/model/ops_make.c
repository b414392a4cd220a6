/* Operators whose results do not depend on the elements of their inputs, or are known as soon as these are.
 */
#include "base/tensor.h"
#include "model/attributes.h"
#include "model/operators.h"

#include <math.h>
#include <string.h>

/* A constant of one axis, or a scalar, as the node's output. */
static convoy_status constant_lower(struct lowering *l, convoy_dtype dtype, bool scalar, const void *elements,
                                    size_t count) {
    convoy_shape shape = {.rank = scalar ? 0 : 1, .dims = {(int64_t)count}};
    uint32_t value = NO_VALUE;
    if (elements_add(l, dtype, &shape, elements, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* --- Constant ------------------------------------------------------------------------------------------- */

/* The attribute that holds the value; NULL if there is none that is supported, which fails the node. */
static const struct attribute *constant_form(struct lowering *l) {
    static const struct {
        const char *name;
        enum attribute_kind kind;
    } forms[] = {{"value", ATTRIBUTE_TENSOR},
                 {"value_float", ATTRIBUTE_FLOAT},
                 {"value_floats", ATTRIBUTE_FLOATS},
                 {"value_int", ATTRIBUTE_INT},
                 {"value_ints", ATTRIBUTE_INTS}};
    static const char *const refused[] = {"sparse_value", "value_string", "value_strings"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (attribute_find(l, refused[i])) {
            node_fail(l, CONVOY_E_UNSUPPORTED,
                      "attribute '%s' is not supported; dense tensors and numbers are", refused[i]);
            return NULL;
        }
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const struct attribute *a = attribute_find(l, forms[i].name);
        if (a && a->kind != forms[i].kind)
            node_fail(l, CONVOY_E_INPUT, "attribute '%s' has another type than its name says", forms[i].name);
        if (a)
            return a->kind == forms[i].kind ? a : NULL;
    }
    node_fail(l, CONVOY_E_INPUT, "has no value");
    return NULL;
}

static convoy_status lower_constant(struct lowering *l) {
    const struct attribute *a = constant_form(l);
    if (!a)
        return l->status;
    switch (a->kind) {
    case ATTRIBUTE_FLOAT:
        return constant_lower(l, CONVOY_F32, true, &a->number, 1);
    case ATTRIBUTE_FLOATS:
        return constant_lower(l, CONVOY_F32, false, a->floats, a->count);
    case ATTRIBUTE_INT:
        return constant_lower(l, CONVOY_I64, true, &a->integer, 1);
    case ATTRIBUTE_INTS:
        return constant_lower(l, CONVOY_I64, false, a->integers, a->count);
    default:
        break;
    }
    convoy_tensor tensor;
    uint32_t value = NO_VALUE;
    tensor_view(&tensor, &a->tensor, &a->tensor.shape);
    if (constant_add(l, &tensor, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* --- Of shapes ------------------------------------------------------------------------------------------ */

/* From operator set 15 on, axes [start, end) alone. */
static convoy_status lower_shape(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    int64_t rank = x.rank, start = attribute_int(l, "start", 0), end = attribute_int(l, "end", rank);
    start = start < 0 ? start + rank : start;
    end = end < 0 ? end + rank : end;
    start = start < 0 ? 0 : start > rank ? rank : start;
    end = end < start ? start : end > rank ? rank : end;
    return constant_lower(l, CONVOY_I64, false, x.dims + start, (size_t)(end - start));
}

static convoy_status lower_size(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    int64_t size = (int64_t)shape_product(&x, 0, x.rank);
    return constant_lower(l, CONVOY_I64, true, &size, 1);
}

static convoy_status lower_constant_of_shape(struct lowering *l) {
    convoy_shape shape = input_new_shape(l, 0, "input"), unit = {0};
    const struct attribute *a = attribute_find(l, "value");
    if (a && (a->kind != ATTRIBUTE_TENSOR || convoy_tensor_elements(&a->tensor) != 1))
        return node_fail(l, CONVOY_E_INPUT, "attribute 'value' must be a tensor of one element");
    uint32_t one = NO_VALUE, value = NO_VALUE;
    convoy_tensor element;
    if (!a) {
        scalar_add(l, CONVOY_F32, 0, &one);
    } else {
        tensor_view(&element, &a->tensor, &unit);
        constant_add(l, &element, &one);
    }
    if (expand_add(l, one, &shape, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* --- Matrices by row and column ------------------------------------------------------------------------- */

/* More than any matrix has rows or columns. */
#define FAR_DIAGONAL ((int64_t)1 << 61)

/* *value: bool, of rows and columns: column op row + k. */
static convoy_status diagonal_add(struct lowering *l, int64_t rows, int64_t columns, enum binary_op op,
                                  int64_t k, uint32_t *value) {
    const convoy_shape shape = {2, {rows, columns}};
    uint32_t row = NO_VALUE, column = NO_VALUE;
    k = k < -FAR_DIAGONAL ? -FAR_DIAGONAL : k > FAR_DIAGONAL ? FAR_DIAGONAL : k;
    counting_add(l, &shape, 0, k, &row);
    counting_add(l, &shape, 1, 0, &column);
    return binary_add(l, op, column, row, value);
}

/* Ones on diagonal k, above the main one if it is positive. */
static convoy_status lower_eye_like(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    int64_t number = attribute_int(l, "dtype", (int64_t)input_dtype(l, 0)), k = attribute_int(l, "k", 0);
    uint32_t value = NO_VALUE;
    if (!dtype_find(number))
        return node_fail(l, CONVOY_E_UNSUPPORTED, "makes the element type %lld, which is not supported",
                         (long long)number);
    if (x.rank != 2)
        return node_fail(l, CONVOY_E_INPUT, "the input has %u axes; it must be a matrix", x.rank);
    diagonal_add(l, x.dims[0], x.dims[1], BINARY_EQUAL, k, &value);
    if (cast_add(l, value, (convoy_dtype)number, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* Of the last two axes, the triangle on one side of diagonal k, and with it. */
static convoy_status lower_trilu(struct lowering *l) {
    convoy_shape x = input_shape(l, 0);
    bool upper = attribute_int(l, "upper", 1) != 0;
    struct int_list k = input_ints(l, 1, "k");
    uint32_t mask = NO_VALUE, zero = NO_VALUE, value = NO_VALUE;
    if (x.rank < 2 || (k.given && k.count != 1))
        return node_fail(l, CONVOY_E_INPUT, "takes matrices, and one number k");
    diagonal_add(l, x.dims[x.rank - 2], x.dims[x.rank - 1],
                 upper ? BINARY_GREATER_OR_EQUAL : BINARY_LESS_OR_EQUAL, k.given ? k.values[0] : 0, &mask);
    scalar_add(l, input_dtype(l, 0), 0, &zero);
    if (where_add(l, mask, input_number(l, 0), zero, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* --- Range ---------------------------------------------------------------------------------------------- */

/* start, limit and delta, of one type. */
struct range {
    const struct dtype *dtype;
    const void *start, *limit, *delta; /* elements */
};

/* How many numbers an integer range has. */
static uint64_t count_integers(const struct range *range) {
    int64_t start = range->dtype->load_integer(range->start),
            limit = range->dtype->load_integer(range->limit),
            delta = range->dtype->load_integer(range->delta);
    if (delta == 0 || (delta > 0 ? limit <= start : limit >= start))
        return 0;
    uint64_t distance = (uint64_t)limit - (uint64_t)start, step = (uint64_t)delta;
    if (delta < 0)
        distance = 0 - distance, step = 0 - step;
    return (distance - 1) / step + 1;
}

/* ceil((limit - start) / delta), each in the range's type. False if that is no number. */
static bool count_reals(const struct range *range, uint64_t *count) {
    const struct dtype *dtype = range->dtype;
    double element = 0; /* memory for one of any type */
    dtype->store(&element, dtype->load(range->limit) - dtype->load(range->start));
    dtype->store(&element, dtype->load(&element) / dtype->load(range->delta));
    double number = ceil(dtype->load(&element));
    *count = number > 0 && number < 0x1p62 ? (uint64_t)number : 0;
    return number < 0x1p62; /* false for a NaN */
}

static void fill_range(const struct range *range, uint64_t count, char *elements) {
    const struct dtype *dtype = range->dtype;
    bool real = dtype->class == DTYPE_FLOAT;
    uint64_t integer = real ? 0 : (uint64_t)dtype->load_integer(range->start);
    for (uint64_t i = 0; i < count; i++, elements += dtype->bytes)
        if (real)
            dtype->store(elements, dtype->load(range->start) + (double)i * dtype->load(range->delta));
        else
            dtype->store_integer(elements,
                                 (int64_t)(integer + i * (uint64_t)dtype->load_integer(range->delta)));
}

static convoy_status lower_range(struct lowering *l) {
    static const char *const names[] = {"start", "limit", "delta"};
    const void *scalars[3];
    convoy_dtype dtype = input_dtype(l, 0);
    if (!dtype_is(dtype, DTYPE_FLOAT | DTYPE_SIGNED))
        return node_fail(l, CONVOY_E_UNSUPPORTED, "a range of %s; of float and signed types it is supported",
                         convoy_dtype_text(dtype));
    for (size_t i = 0; i < 3; i++) {
        const convoy_tensor *scalar = input_elements(l, i);
        if (!scalar)
            return node_needs_data(l, "input '%s'", names[i]);
        if (scalar->dtype != dtype || convoy_tensor_elements(scalar) != 1)
            return node_fail(l, CONVOY_E_INPUT, "start, limit and delta must be scalars of one type");
        scalars[i] = scalar->data;
    }
    struct range range = {dtype_find(dtype), scalars[0], scalars[1], scalars[2]};
    uint64_t count = 0;
    bool real = dtype_is(dtype, DTYPE_FLOAT);
    if (real ? !count_reals(&range, &count) || range.dtype->load(range.delta) == 0
             : range.dtype->load_integer(range.delta) == 0)
        return node_fail(l, CONVOY_E_INPUT, "start, limit and delta make no finite range");
    count = real ? count : count_integers(&range);
    convoy_shape shape = {1, {count > INT64_MAX ? INT64_MAX : (int64_t)count}};
    convoy_tensor tensor;
    uint32_t value = NO_VALUE;
    if (constant_create(l, dtype, &shape, &tensor) != CONVOY_OK)
        return l->status;
    fill_range(&range, count, tensor.data);
    if (constant_add(l, &tensor, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* --- OneHot --------------------------------------------------------------------------------------------- */

/* The number of positions that indices are told apart by. */
static int64_t one_hot_depth(struct lowering *l) {
    double depth = input_number_value(l, 1, "depth", 0);
    if (l->status == CONVOY_OK && !(depth >= 0 && depth < 0x1p53 && depth == floor(depth)))
        node_fail(l, CONVOY_E_INPUT, "depth is %g; a whole number that is not negative is expected", depth);
    return l->status == CONVOY_OK ? (int64_t)depth : 0;
}

/* *hits: which position of the new axis an index names. Since operator set 11 a negative one counts from the
 * end; one outside names none. */
static convoy_status one_hot_hits(struct lowering *l, const convoy_shape *shape, uint32_t axis,
                                  uint32_t *hits) {
    convoy_shape one = *shape;
    uint32_t index = NO_VALUE, position = NO_VALUE, from_end = NO_VALUE;
    one.dims[axis] = 1;
    cast_add(l, input_number(l, 0), CONVOY_I64, &index);
    alias_add(l, index, &one, &index);
    counting_add(l, shape, axis, 0, &position);
    if (binary_add(l, BINARY_EQUAL, position, index, hits) != CONVOY_OK || l->model->opset < 11)
        return l->status;
    counting_add(l, shape, axis, -shape->dims[axis], &position);
    binary_add(l, BINARY_EQUAL, position, index, &from_end);
    return binary_add(l, BINARY_OR, *hits, from_end, hits);
}

/* One of the two values, off and on. */
static convoy_status one_hot_value(struct lowering *l, int64_t position, uint32_t *value) {
    uint32_t values = input_number(l, 2);
    struct layer_desc desc = {
        .kind = LAYER_SLICE, .slice = {{position}, {1}}, .outputs = {{.shape = {1, {1}}}}};
    return layer_add(l, &desc, NULL, &values, 1, NULL, value);
}

static convoy_status lower_one_hot(struct lowering *l) {
    convoy_shape indices = input_shape(l, 0), values = input_shape(l, 2), shape = {.rank = indices.rank + 1};
    int64_t depth = one_hot_depth(l);
    uint32_t axis = axis_normal(l, attribute_int(l, "axis", -1), shape.rank);
    uint32_t hits = NO_VALUE, off = NO_VALUE, on = NO_VALUE, value = NO_VALUE;
    if (shape.rank > CONVOY_MAX_RANK)
        return node_fail(l, CONVOY_E_UNSUPPORTED, "a result of %u axes; at most %d are supported", shape.rank,
                         CONVOY_MAX_RANK);
    if (values.rank != 1 || values.dims[0] != 2)
        return node_fail(l, CONVOY_E_INPUT, "values must be two: one for off, one for on");
    for (uint32_t i = 0; i < shape.rank; i++)
        shape.dims[i] = i == axis ? depth : indices.dims[i - (i > axis)];
    one_hot_hits(l, &shape, axis, &hits);
    one_hot_value(l, 0, &off);
    one_hot_value(l, 1, &on);
    if (where_add(l, hits, on, off, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

/* --- NonZero -------------------------------------------------------------------------------------------- */

static bool is_set(const convoy_tensor *tensor, size_t i) {
    const struct dtype *dtype = dtype_find(tensor->dtype);
    const char *element = (const char *)tensor->data + i * dtype->bytes;
    return dtype_is(tensor->dtype, DTYPE_REALS) ? dtype->load(element) != 0
                                                : dtype->load_integer(element) != 0;
}

/* The positions of elements that are not zero, one column each, in row-major order. */
static convoy_status lower_non_zero(struct lowering *l) {
    const convoy_tensor *x = input_elements(l, 0);
    if (!x)
        return node_needs_data(l, "the input");
    const convoy_shape *shape = &x->shape;
    size_t total = convoy_tensor_elements(x), count = 0, column = 0;
    for (size_t i = 0; i < total; i++)
        count += is_set(x, i);
    convoy_tensor tensor;
    uint32_t value = NO_VALUE;
    if (constant_create(l, CONVOY_I64, &(convoy_shape){2, {shape->rank, (int64_t)count}}, &tensor) !=
        CONVOY_OK)
        return l->status;
    for (size_t i = 0; i < total; i++) {
        size_t rest = i;
        if (!is_set(x, i))
            continue;
        for (uint32_t k = shape->rank; k-- > 0; rest /= (size_t)shape->dims[k])
            ((int64_t *)tensor.data)[k * count + column] = (int64_t)(rest % (size_t)shape->dims[k]);
        column++;
    }
    if (constant_add(l, &tensor, &value) == CONVOY_OK)
        output_set(l, 0, value);
    return l->status;
}

const struct onnx_operator make_operators[] = {
    OPERATOR("Constant", 1, lower_constant, 0, 0),
    OPERATOR("ConstantOfShape", 9, lower_constant_of_shape, 1, 1),
    OPERATOR("EyeLike", 9, lower_eye_like, 1, 1),
    OPERATOR("NonZero", 9, lower_non_zero, 1, 1),
    OPERATOR("OneHot", 9, lower_one_hot, 3, 3),
    OPERATOR("Range", 11, lower_range, 3, 3),
    OPERATOR("Shape", 1, lower_shape, 1, 1),
    OPERATOR("Size", 1, lower_size, 1, 1),
    OPERATOR("Trilu", 14, lower_trilu, 1, 2),
    LAST_OPERATOR,
};
