/* Random layers of the kinds that find elements by indices, or go along one axis. */
#include "random_layers.h"

#include "base/tensor.h"

static const convoy_dtype types[] = {CONVOY_F32, CONVOY_F64, CONVOY_F16, CONVOY_BF16, CONVOY_U8,
                                     CONVOY_I8,  CONVOY_I32, CONVOY_I64, CONVOY_U64};

static convoy_dtype random_type(struct random *random) {
    return types[random_between(random, 0, sizeof types / sizeof types[0] - 1)];
}

static convoy_shape random_dims(struct random *random, uint32_t low_rank, uint32_t high_rank) {
    convoy_shape shape = {.rank = (uint32_t)random_between(random, low_rank, high_rank)};
    for (uint32_t i = 0; i < shape.rank; i++)
        shape.dims[i] = random_between(random, 1, 6);
    return shape;
}

/* Small whole numbers, which every type holds. */
static void input_numbers(struct sample *s, struct random *random, convoy_dtype dtype, convoy_shape shape) {
    convoy_tensor tensor = tensor_of(dtype, shape);
    for (size_t i = 0; i < convoy_tensor_elements(&tensor); i++)
        tensor_set(&tensor, i, (double)random_between(random, 0, 9));
    sample_input(s, tensor);
}

/* Indices of either type into axes of these lengths in turn, some from the end. */
static void input_indices(struct sample *s, struct random *random, convoy_shape shape, const int64_t *extents,
                          size_t count) {
    convoy_tensor tensor = tensor_of(random_between(random, 0, 1) ? CONVOY_I64 : CONVOY_I32, shape);
    for (size_t i = 0; i < convoy_tensor_elements(&tensor); i++)
        tensor_set(&tensor, i, (double)random_between(random, -extents[i % count], extents[i % count] - 1));
    sample_input(s, tensor);
}

void random_gather(struct sample *s, struct random *random) {
    convoy_shape data = random_dims(random, 1, 4), indices = random_dims(random, 0, 3), y = {0};
    uint32_t axis = (uint32_t)random_between(random, 0, data.rank - 1);
    for (uint32_t i = 0; i < data.rank; i++)
        if (i != axis)
            y.dims[y.rank++] = data.dims[i];
        else
            for (uint32_t k = 0; k < indices.rank; k++)
                y.dims[y.rank++] = indices.dims[k];
    sample_begin(s, LAYER_GATHER, random_type(random), y);
    s->desc.gather.axis = axis;
    input_numbers(s, random, s->desc.outputs[0].dtype, data);
    input_indices(s, random, indices, &data.dims[axis], 1);
}

/* Indices of the data's rank, no longer on the other axes. */
static convoy_shape random_indices(struct random *random, const convoy_shape *data, uint32_t axis) {
    convoy_shape indices = *data;
    for (uint32_t i = 0; i < data->rank; i++)
        indices.dims[i] = random_between(random, 1, i == axis ? 9 : data->dims[i]);
    return indices;
}

void random_gather_elements(struct sample *s, struct random *random) {
    convoy_shape data = random_dims(random, 1, 5);
    uint32_t axis = (uint32_t)random_between(random, 0, data.rank - 1);
    convoy_shape indices = random_indices(random, &data, axis);
    sample_begin(s, LAYER_GATHER_ELEMENTS, random_type(random), indices);
    s->desc.gather.axis = axis;
    input_numbers(s, random, s->desc.outputs[0].dtype, data);
    input_indices(s, random, indices, &data.dims[axis], 1);
}

static void random_reduction(struct sample *s, struct random *random) {
    static const enum binary_op ops[] = {BINARY_ADD, BINARY_MUL, BINARY_MAX, BINARY_MIN};
    s->desc.scatter.combines = random_between(random, 0, 1);
    s->desc.scatter.op = ops[random_between(random, 0, 3)];
}

void random_scatter_elements(struct sample *s, struct random *random) {
    convoy_shape data = random_dims(random, 1, 5);
    uint32_t axis = (uint32_t)random_between(random, 0, data.rank - 1);
    convoy_shape indices = random_indices(random, &data, axis);
    sample_begin(s, LAYER_SCATTER_ELEMENTS, random_type(random), data);
    s->desc.scatter.axis = axis;
    random_reduction(s, random);
    input_numbers(s, random, s->desc.outputs[0].dtype, data);
    input_indices(s, random, indices, &data.dims[axis], 1);
    input_numbers(s, random, s->desc.outputs[0].dtype, indices);
}

/* Tuples of indices behind some axes of the data, and the shape of what they name. */
static convoy_shape random_tuples(struct random *random, const convoy_shape *data, uint32_t batch,
                                  convoy_shape *named) {
    convoy_shape indices = {.rank = batch};
    memcpy(indices.dims, data->dims, batch * sizeof data->dims[0]);
    if (random_between(random, 0, 1))
        indices.dims[indices.rank++] = random_between(random, 1, 4);
    *named = indices;
    uint32_t length = (uint32_t)random_between(random, 1, data->rank - batch);
    indices.dims[indices.rank++] = length;
    for (uint32_t i = batch + length; i < data->rank; i++)
        named->dims[named->rank++] = data->dims[i];
    return indices;
}

void random_gather_nd(struct sample *s, struct random *random) {
    convoy_shape data = random_dims(random, 1, 4), named;
    uint32_t batch = (uint32_t)random_between(random, 0, data.rank - 1);
    convoy_shape indices = random_tuples(random, &data, batch, &named);
    sample_begin(s, LAYER_GATHER_ND, random_type(random), named);
    s->desc.gather_nd.batch_axes = batch;
    input_numbers(s, random, s->desc.outputs[0].dtype, data);
    input_indices(s, random, indices, &data.dims[batch], (size_t)indices.dims[indices.rank - 1]);
}

void random_scatter_nd(struct sample *s, struct random *random) {
    convoy_shape data = random_dims(random, 1, 4), named, indices = random_tuples(random, &data, 0, &named);
    sample_begin(s, LAYER_SCATTER_ND, random_type(random), data);
    random_reduction(s, random);
    input_numbers(s, random, s->desc.outputs[0].dtype, data);
    input_indices(s, random, indices, data.dims, (size_t)indices.dims[indices.rank - 1]);
    input_numbers(s, random, s->desc.outputs[0].dtype, named);
}

void random_arg(struct sample *s, struct random *random) {
    convoy_shape x = random_dims(random, 1, 4), y = x;
    uint32_t axis = (uint32_t)random_between(random, 0, x.rank - 1);
    y.dims[axis] = 1;
    sample_begin(s, LAYER_ARG, CONVOY_I64, y);
    s->desc.arg.outer = shape_product(&x, 0, axis);
    s->desc.arg.axis = (size_t)x.dims[axis];
    s->desc.arg.inner = shape_product(&x, axis + 1, x.rank);
    s->desc.arg.least = random_between(random, 0, 1);
    s->desc.arg.last = random_between(random, 0, 1);
    input_numbers(s, random, random_type(random), x);
}

void random_top_k(struct sample *s, struct random *random) {
    convoy_shape x = random_dims(random, 1, 4), y = x;
    uint32_t axis = (uint32_t)random_between(random, 0, x.rank - 1);
    y.dims[axis] = random_between(random, 0, x.dims[axis]);
    sample_begin(s, LAYER_TOP_K, random_type(random), y);
    s->desc.output_count = (uint32_t)random_between(random, 1, 2);
    s->desc.outputs[1] = (struct value_desc){CONVOY_I64, y, 0};
    s->desc.top_k.outer = shape_product(&x, 0, axis);
    s->desc.top_k.axis = (size_t)x.dims[axis];
    s->desc.top_k.inner = shape_product(&x, axis + 1, x.rank);
    s->desc.top_k.k = (size_t)y.dims[axis];
    s->desc.top_k.least = random_between(random, 0, 1);
    input_numbers(s, random, s->desc.outputs[0].dtype, x);
}

void random_cumulative_sum(struct sample *s, struct random *random) {
    convoy_shape x = random_dims(random, 1, 4);
    uint32_t axis = (uint32_t)random_between(random, 0, x.rank - 1);
    convoy_dtype dtype = random_between(random, 0, 1) ? CONVOY_F32 : CONVOY_I64;
    sample_begin(s, LAYER_CUMULATIVE_SUM, dtype, x);
    s->desc.cumulative.outer = shape_product(&x, 0, axis);
    s->desc.cumulative.axis = (size_t)x.dims[axis];
    s->desc.cumulative.inner = shape_product(&x, axis + 1, x.rank);
    s->desc.cumulative.exclusive = random_between(random, 0, 1);
    s->desc.cumulative.backward = random_between(random, 0, 1);
    input_numbers(s, random, dtype, x);
}

void random_reverse_sequence(struct sample *s, struct random *random) {
    convoy_shape x = random_dims(random, 2, 4);
    uint32_t batch = (uint32_t)random_between(random, 0, 1);
    convoy_tensor lengths = tensor_of(CONVOY_I64, shape_of(1, x.dims[batch], 0, 0, 0));
    for (int64_t i = 0; i < x.dims[batch]; i++)
        tensor_set(&lengths, (size_t)i, (double)random_between(random, 0, x.dims[1 - batch]));
    sample_begin(s, LAYER_REVERSE_SEQUENCE, random_type(random), x);
    s->desc.reverse.batch_axis = batch;
    s->desc.reverse.time_axis = 1 - batch;
    input_numbers(s, random, s->desc.outputs[0].dtype, x);
    sample_input(s, lengths);
}

void random_pad(struct sample *s, struct random *random) {
    convoy_shape x = random_dims(random, 0, 4), y = x;
    sample_begin(s, LAYER_PAD, random_type(random), x);
    s->desc.pad.mode = (enum pad_mode)random_between(random, 0, PAD_MODES - 1);
    dtype_find(s->desc.outputs[0].dtype)->store(s->desc.pad.element, 1);
    for (uint32_t i = 0; i < x.rank; i++) {
        s->desc.pad.begin[i] = random_between(random, -2, 7);
        y.dims[i] = random_between(random, 0, 14);
    }
    s->desc.outputs[0].shape = y;
    input_numbers(s, random, s->desc.outputs[0].dtype, x);
}
