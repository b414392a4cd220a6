/* TensorProto and ValueInfoProto: the constants, inputs and outputs of a graph. */
#include "base/dtype.h"
#include "base/error.h"
#include "io/tensor_proto.h"
#include "model/onnx_reading.h"

#include <string.h>

/* --- Constants ------------------------------------------------------------------------------------------ */

convoy_status read_initializer(struct reader *r, struct scope *scope, struct proto_range range) {
    convoy_error inner;
    struct tensor_proto proto;
    convoy_status status =
        tensor_proto_parse(&proto, r->model->map, range.offset, range.length, r->folders, &inner);
    if (status != CONVOY_OK)
        return reading_fail(r, status, "%s", inner.message);
    uint32_t number = NO_VALUE;
    const char *name = NULL;
    if (!name_is_text((const uint8_t *)proto.name, strlen(proto.name)))
        status = reading_fail(r, CONVOY_E_INPUT, "the name of a weight is not readable text (UTF-8)");
    else if (!(name = arena_text(&r->model->arena, proto.name, strlen(proto.name))))
        status = error_memory(r->error);
    else
        status = value_new(r, scope, name, NO_DRAFT, &number);
    if (status == CONVOY_OK && (number == NO_VALUE || !*name))
        status = reading_fail(r, CONVOY_E_INPUT, "%s '%.100s'",
                              *name ? "two weights have the name" : "a weight has the name", name);
    if (status == CONVOY_OK) {
        r->model->values[number].constant = proto.tensor;
        proto.tensor = (convoy_tensor){0};
    }
    tensor_proto_release(&proto);
    return status;
}

/* --- ValueInfoProto ------------------------------------------------------------------------------------- */

/* The number of the name of an open axis. */
static convoy_status symbol_find(struct reader *r, const char *name, int32_t *symbol) {
    convoy_model *model = r->model;
    uint32_t number;
    bool added;
    if (model->symbol_count == r->symbol_capacity) {
        size_t capacity = r->symbol_capacity ? 2 * r->symbol_capacity : 8;
        const char **grown =
            capacity < INT32_MAX ? arena_alloc(&model->arena, capacity, sizeof *grown) : NULL;
        if (!grown)
            return error_memory(r->error);
        if (model->symbol_count)
            memcpy(grown, model->symbols, model->symbol_count * sizeof *grown);
        model->symbols = grown;
        r->symbol_capacity = capacity;
    }
    if (!name_add(&r->symbol_names, &model->arena, name, (uint32_t)model->symbol_count, &added))
        return error_memory(r->error);
    if (added)
        model->symbols[model->symbol_count++] = name;
    name_find(&r->symbol_names, name, &number);
    *symbol = (int32_t)number;
    return CONVOY_OK;
}

/* What exporters write for an axis without a name. */
static bool is_name(const char *text) {
    return *text && strcmp(text, "?") != 0 && strcmp(text, "None") != 0;
}

/* An axis: its extent, -1 if the model leaves it open, and then perhaps a name. */
static convoy_status read_dimension(struct reader *r, struct proto_range range, int64_t *extent,
                                    int32_t *symbol) {
    struct proto_cursor cursor = proto_open(r->model->map, range);
    struct proto_field field;
    convoy_status status = CONVOY_OK;
    const char *name = "";
    *extent = *symbol = -1;
    while (status == CONVOY_OK && proto_next(&cursor, &field))
        if (field.key == PROTO_KEY(1, PROTO_VARINT))
            *extent = (int64_t)field.value < 0 ? -1 : (int64_t)field.value;
        else if (field.key == PROTO_KEY(2, PROTO_BYTES))
            status = read_name(r, field.bytes, &name);
    if (status == CONVOY_OK && cursor.problem)
        return reading_damaged(r, &cursor);
    return status == CONVOY_OK && *extent < 0 && is_name(name) ? symbol_find(r, name, symbol) : status;
}

static convoy_status read_shape(struct reader *r, struct proto_range range, convoy_value_info *info) {
    convoy_shape *shape = &info->shape;
    struct proto_cursor cursor = proto_open(r->model->map, range);
    struct proto_range dimension;
    while (proto_next_of(&cursor, PROTO_KEY(1, PROTO_BYTES), &dimension)) {
        if (shape->rank == CONVOY_MAX_RANK)
            return reading_fail(r, CONVOY_E_UNSUPPORTED, "'%.100s' has more than %d axes", info->name,
                                CONVOY_MAX_RANK);
        convoy_status status =
            read_dimension(r, dimension, &shape->dims[shape->rank], &info->symbols[shape->rank]);
        if (status != CONVOY_OK)
            return status;
        shape->rank++;
    }
    return cursor.problem ? reading_damaged(r, &cursor) : CONVOY_OK;
}

/* TypeProto.Tensor */
static convoy_status read_tensor_type(struct reader *r, struct proto_range range, convoy_value_info *info) {
    struct proto_cursor cursor = proto_open(r->model->map, range);
    struct proto_field field;
    while (proto_next(&cursor, &field)) {
        convoy_status status = CONVOY_OK;
        switch (field.key) {
        case PROTO_KEY(1, PROTO_VARINT):
            info->dtype = field.value < 256 ? (convoy_dtype)field.value : 0;
            break;
        case PROTO_KEY(2, PROTO_BYTES):
            info->shaped = true;
            status = read_shape(r, field.bytes, info);
            break;
        }
        if (status != CONVOY_OK)
            return status;
    }
    return cursor.problem ? reading_damaged(r, &cursor) : CONVOY_OK;
}

/* *is_tensor: whether it is no sequence, optional, map, ... A tensor of a type that is not ours has dtype 0,
 * and so has one without a type. */
static convoy_status read_value_info(struct reader *r, struct proto_range range, convoy_value_info *info,
                                     bool *is_tensor) {
    struct proto_range name = {range.offset, 0}, type = {range.offset, 0};
    struct proto_cursor cursor = proto_open(r->model->map, range);
    struct proto_field field;
    while (proto_next(&cursor, &field))
        if (field.key == PROTO_KEY(1, PROTO_BYTES))
            name = field.bytes;
        else if (field.key == PROTO_KEY(2, PROTO_BYTES))
            type = field.bytes;
    if (cursor.problem)
        return reading_damaged(r, &cursor);
    *info = (convoy_value_info){0};
    *is_tensor = true;
    convoy_status status = read_name(r, name, &info->name);
    cursor = proto_open(r->model->map, type);
    while (status == CONVOY_OK && proto_next(&cursor, &field))
        if (field.key == PROTO_KEY(1, PROTO_BYTES))
            status = read_tensor_type(r, field.bytes, info);
        else if (field.wire == PROTO_BYTES && field.number != 6) /* a denotation says what it is for */
            *is_tensor = false;
    if (status == CONVOY_OK && cursor.problem)
        status = reading_damaged(r, &cursor);
    if (convoy_dtype_bytes(info->dtype) == 0)
        info->dtype = 0;
    return status;
}

convoy_status read_input(struct reader *r, struct proto_range range) {
    convoy_model *model = r->model;
    struct scope *scope = r->scopes; /* the only one yet */
    convoy_value_info info;
    bool is_tensor;
    uint32_t number;
    char types[DTYPE_LIST];
    convoy_status status = read_value_info(r, range, &info, &is_tensor);
    if (status != CONVOY_OK)
        return status;
    if (name_find(&scope->values, info.name, &number) && model->values[number].constant.data)
        return CONVOY_OK; /* a weight that is also listed as an input */
    if (!*info.name)
        return reading_fail(r, CONVOY_E_INPUT, "an input has no name");
    if (info.dtype == 0 || !info.shaped)
        return reading_fail(r, CONVOY_E_UNSUPPORTED,
                            "input '%.100s' must be a tensor with a shape, of one of the types %s", info.name,
                            dtype_list(types));
    status = value_new(r, scope, info.name, NO_DRAFT, &number);
    if (status == CONVOY_OK && number == NO_VALUE)
        status = reading_fail(r, CONVOY_E_INPUT, "two inputs have the name '%.100s'", info.name);
    if (status != CONVOY_OK)
        return status;
    model->inputs[model->input_count] = info;
    model->input_values[model->input_count++] = number;
    return CONVOY_OK;
}

convoy_status read_output(struct reader *r, struct proto_range range) {
    convoy_model *model = r->model;
    bool is_tensor;
    convoy_value_info *info = &model->outputs[model->output_count];
    convoy_status status = read_value_info(r, range, info, &is_tensor);
    if (status != CONVOY_OK)
        return status;
    if (!is_tensor)
        return reading_fail(r, CONVOY_E_UNSUPPORTED, "output '%.100s' must be a tensor", info->name);
    if (!name_find(&r->scopes->values, info->name, &model->output_values[model->output_count]))
        return reading_fail(r, CONVOY_E_INPUT, "output '%.100s' is made by no node", info->name);
    model->output_count++;
    return CONVOY_OK;
}
