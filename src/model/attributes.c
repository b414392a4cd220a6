#include "model/attributes.h"

#include <stdio.h>
#include <string.h>

const struct attribute *attribute_find(struct lowering *l, const char *name) {
    for (size_t i = 0; i < l->node->attribute_count; i++)
        if (strcmp(l->node->attributes[i].name, name) == 0) {
            l->attributes_read |= UINT64_C(1) << i;
            return &l->node->attributes[i];
        }
    return NULL;
}

static const struct attribute *find_kind(struct lowering *l, const char *name, enum attribute_kind kind,
                                         const char *kind_text) {
    const struct attribute *attribute = attribute_find(l, name);
    if (!attribute || attribute->kind == kind)
        return attribute;
    node_fail(l, CONVOY_E_INPUT, "attribute '%s' must be %s", name, kind_text);
    return NULL;
}

int64_t attribute_int(struct lowering *l, const char *name, int64_t fallback) {
    const struct attribute *attribute = find_kind(l, name, ATTRIBUTE_INT, "an integer");
    return attribute ? attribute->integer : fallback;
}

float attribute_float(struct lowering *l, const char *name, float fallback) {
    const struct attribute *attribute = find_kind(l, name, ATTRIBUTE_FLOAT, "a number");
    return attribute ? attribute->number : fallback;
}

const char *attribute_text(struct lowering *l, const char *name, const char *fallback) {
    const struct attribute *attribute = find_kind(l, name, ATTRIBUTE_TEXT, "a text");
    return attribute ? attribute->text : fallback;
}

unsigned attribute_choice(struct lowering *l, const char *name, const char *const *names,
                          const char *fallback) {
    const char *text = attribute_text(l, name, fallback);
    char list[256] = "";
    size_t length = 0;
    for (unsigned i = 0; names[i]; i++) {
        if (strcmp(text, names[i]) == 0)
            return i;
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%s",
                                   i == 0         ? ""
                                   : names[i + 1] ? ", "
                                                  : " or ",
                                   names[i]);
        length = length < sizeof list ? length : sizeof list - 1;
    }
    node_fail(l, CONVOY_E_INPUT, "%s is '%.40s'; %s is expected", name, text, list);
    return 0;
}

struct int_list attribute_ints(struct lowering *l, const char *name) {
    struct int_list list = {0};
    const struct attribute *attribute = find_kind(l, name, ATTRIBUTE_INTS, "a list of integers");
    if (!attribute)
        return list;
    if (attribute->count > 2 * CONVOY_MAX_RANK) {
        node_fail(l, CONVOY_E_INPUT, "attribute '%s' has %zu elements; at most %d make sense", name,
                  attribute->count, 2 * CONVOY_MAX_RANK);
        return list;
    }
    list.given = true;
    list.count = (uint32_t)attribute->count;
    if (list.count)
        memcpy(list.values, attribute->integers, list.count * sizeof list.values[0]);
    return list;
}

const struct attribute *attribute_floats(struct lowering *l, const char *name) {
    return find_kind(l, name, ATTRIBUTE_FLOATS, "a list of numbers");
}

/* The constant behind an input that is given; fails the node where it depends on the data. */
static const convoy_tensor *required_constant(struct lowering *l, size_t input, const char *what) {
    const convoy_tensor *constant = input_elements(l, input);
    if (!constant)
        node_needs_data(l, "input '%s'", what);
    return constant;
}

/* Whether a list of integers may have elements of this type. Until operator set 5 it had the type of the
 * data. */
static bool is_list_type(const struct lowering *l, convoy_dtype dtype) {
    return dtype == CONVOY_I64 || dtype == CONVOY_I32 ||
           (l->model->opset < 6 && dtype_is(dtype, DTYPE_REALS | DTYPE_INTEGERS));
}

struct int_list input_ints(struct lowering *l, size_t input, const char *what) {
    struct int_list list = {0};
    const convoy_tensor *constant = input_given(l, input) ? required_constant(l, input, what) : NULL;
    if (!constant)
        return list;
    size_t count = convoy_tensor_elements(constant);
    if (constant->shape.rank > 1 || count > 2 * CONVOY_MAX_RANK || !is_list_type(l, constant->dtype)) {
        char text[128];
        node_fail(l, CONVOY_E_INPUT, "input '%s' is %s of shape %s; it must be a list of at most %d integers",
                  what, convoy_dtype_text(constant->dtype),
                  convoy_shape_text(&constant->shape, text, sizeof text), 2 * CONVOY_MAX_RANK);
        return list;
    }
    const struct dtype *dtype = dtype_find(constant->dtype);
    list.given = true;
    list.count = (uint32_t)count;
    for (uint32_t i = 0; i < list.count; i++)
        list.values[i] = dtype->load_integer((const char *)constant->data + i * dtype->bytes);
    return list;
}

convoy_shape input_new_shape(struct lowering *l, size_t input, const char *what) {
    struct int_list list = input_ints(l, input, what);
    convoy_shape shape = {0};
    if (list.count > CONVOY_MAX_RANK) {
        node_fail(l, CONVOY_E_UNSUPPORTED, "a shape of %u axes; at most %d are supported", list.count,
                  CONVOY_MAX_RANK);
        return shape;
    }
    for (; shape.rank < list.count; shape.rank++) {
        shape.dims[shape.rank] = list.values[shape.rank];
        if (list.values[shape.rank] < 0)
            node_fail(l, CONVOY_E_INPUT, "the shape asked for holds %lld on axis %u",
                      (long long)list.values[shape.rank], shape.rank);
    }
    return shape;
}

struct int_list option_ints(struct lowering *l, const char *name, size_t input, int64_t moved) {
    return l->model->opset < moved ? attribute_ints(l, name) : input_ints(l, input, name);
}

double input_number_value(struct lowering *l, size_t input, const char *what, double fallback) {
    const convoy_tensor *constant = input_given(l, input) ? required_constant(l, input, what) : NULL;
    if (!constant)
        return fallback;
    if (convoy_tensor_elements(constant) != 1) {
        node_fail(l, CONVOY_E_INPUT, "input '%s' must have one element, not %zu", what,
                  convoy_tensor_elements(constant));
        return fallback;
    }
    return convoy_tensor_element(constant, 0);
}

convoy_status layer_constant(struct lowering *l, uint32_t x, const char *what, uint32_t *constant) {
    convoy_dtype of_x = l->network->values[x].dtype, own = l->network->values[*constant].dtype;
    if (!value_constant(l, *constant))
        return node_needs_data(l, "one of its %s", what);
    if (computed_type(own) != computed_type(of_x))
        return node_fail(l, CONVOY_E_INPUT, "the %s are %s and the input is %s; both must have one type",
                         what, convoy_dtype_text(own), convoy_dtype_text(of_x));
    return value_widen(l, *constant, constant);
}

uint32_t axis_normal(struct lowering *l, int64_t axis, uint32_t rank) {
    int64_t normal = axis < 0 ? axis + (int64_t)rank : axis;
    if (normal >= 0 && normal < (int64_t)rank)
        return (uint32_t)normal;
    node_fail(l, CONVOY_E_INPUT, "axis %lld does not exist in a tensor of rank %u", (long long)axis, rank);
    return 0;
}

uint32_t axes_mask(struct lowering *l, const struct int_list *axes, uint32_t rank) {
    uint32_t mask = 0;
    for (uint32_t i = 0; i < axes->count; i++) {
        uint32_t axis = axis_normal(l, axes->values[i], rank);
        if (mask >> axis & 1)
            node_fail(l, CONVOY_E_INPUT, "axis %lld is listed twice", (long long)axes->values[i]);
        mask |= UINT32_C(1) << axis;
    }
    return mask;
}
