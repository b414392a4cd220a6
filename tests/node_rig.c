#include "node_rig.h"

#include "model/executor.h"
#include "model/lowering.h"

#include <unistd.h>

/* How inputs are fed. */
enum variant { ALL_AT_RUN_TIME, FIRST_AT_RUN_TIME, ALL_CONSTANT, VARIANTS };

void node_rig_begin(struct node_rig *rig, const char *op, int64_t opset, size_t outputs) {
    static const char *const names[] = {"", "y0", "y0 y1"};
    *rig = (struct node_rig){
        .node = node_message(op, "n", "", names[outputs]), .opset = opset, .output_count = outputs};
}

static void add_input(struct node_rig *rig, const convoy_tensor *tensor) {
    char name[32];
    assert_true(rig->input_count < RIG_INPUTS);
    snprintf(name, sizeof name, "x%zu", rig->input_count);
    message_text(&rig->node, 1, tensor->data ? name : "");
    rig->inputs[rig->input_count++] = *tensor;
}

void node_rig_input(struct node_rig *rig, convoy_dtype dtype, convoy_shape shape, const double *values) {
    convoy_tensor tensor = tensor_of(dtype, shape);
    for (size_t i = 0; i < convoy_tensor_elements(&tensor); i++)
        tensor_set(&tensor, i, values ? values[i] : (double)i);
    add_input(rig, &tensor);
}

void node_rig_left_out(struct node_rig *rig) {
    add_input(rig, &(convoy_tensor){0});
}

static convoy_status rig_model(const struct node_rig *rig, convoy_model **model, convoy_error *error) {
    struct message graph = {0};
    char name[32], path[64];
    for (size_t i = 0; i < rig->input_count; i++) {
        const convoy_tensor *tensor = &rig->inputs[i];
        snprintf(name, sizeof name, "x%zu", i);
        struct message input =
            typed_value_message(name, tensor->dtype, tensor->shape.dims, tensor->shape.rank);
        if (tensor->data)
            message_take(&graph, GRAPH_INPUT, &input);
        message_free(&input);
    }
    for (size_t i = 0; i < rig->output_count; i++) {
        snprintf(name, sizeof name, "y%zu", i);
        struct message output = value_message(name, NULL, 0);
        message_take(&graph, GRAPH_OUTPUT, &output);
    }
    message_bytes(&graph, GRAPH_NODE, rig->node.bytes, rig->node.size);
    struct message bytes = model_message(&graph, rig->opset);
    file_write(path, bytes.bytes, bytes.size);
    message_free(&bytes);
    convoy_status status = convoy_model_load(model, path, error);
    unlink(path);
    return status;
}

/* One run. outputs: the caller's, zeroed. */
static convoy_status rig_run(const struct node_rig *rig, const char *backend_name, enum variant variant,
                             convoy_tensor *outputs, convoy_error *error) {
    convoy_model *model = NULL;
    struct network *network = NULL;
    struct backend *backend = NULL;
    struct executor *executor = NULL;
    convoy_tensor fed[RIG_INPUTS] = {0}, constants[RIG_INPUTS] = {0};
    convoy_shape shapes[RIG_INPUTS] = {0};
    size_t count = 0;
    for (size_t i = 0; i < rig->input_count; i++) {
        if (!rig->inputs[i].data)
            continue;
        fed[count] = rig->inputs[i];
        fed[count].owner = NULL; /* borrowed */
        shapes[count] = fed[count].shape;
        if (variant == ALL_CONSTANT || (variant == FIRST_AT_RUN_TIME && i > 0))
            constants[count] = fed[count];
        count++;
    }
    convoy_status status = backend_create(&backend, backend_name, 1, error);
    assert_int_equal(status, CONVOY_OK);
    status = rig_model(rig, &model, error);
    if (status == CONVOY_OK)
        status = network_create_with(&network, model, shapes, constants, error);
    if (status == CONVOY_OK)
        status = executor_create(&executor, network, backend, NULL, NULL, NULL, NULL, error);
    if (status == CONVOY_OK)
        status = executor_run(executor, fed, outputs, NULL, error);
    executor_destroy(&executor);
    backend->ops->destroy(&backend);
    network_destroy(&network);
    convoy_model_destroy(&model);
    return status;
}

static void compare(const convoy_tensor *out, convoy_dtype dtype, const convoy_shape *shape,
                    const double *values, const char *what) {
    char text[128], expected[128];
    if (out->dtype != dtype || !shape_equal(&out->shape, shape))
        fail_msg("%s: %s of %s instead of %s of %s", what, convoy_shape_text(&out->shape, text, sizeof text),
                 convoy_dtype_text(out->dtype), convoy_shape_text(shape, expected, sizeof expected),
                 convoy_dtype_text(dtype));
    for (size_t i = 0; i < convoy_tensor_elements(out); i++) {
        double found = tensor_get(out, i), allowed = dtype == CONVOY_F32 ? 1e-6 : 1e-14;
        bool same =
            found == values[i] || (isnan(found) && isnan(values[i])) ||
            (dtype_is(dtype, DTYPE_FLOAT) && fabs(found - values[i]) <= allowed * fmax(1, fabs(values[i])));
        if (!same)
            fail_msg("%s, element %zu: %.17g instead of %.17g", what, i, found, values[i]);
    }
}

void node_rig_expect(struct node_rig *rig, size_t output, convoy_dtype dtype, convoy_shape shape,
                     const double *values) {
    for (int variant = 0; variant < VARIANTS; variant++)
        for (int b = 0; b < 2; b++) {
            convoy_tensor out[RIG_OUTPUTS] = {0};
            convoy_error error = {0};
            char what[64];
            snprintf(what, sizeof what, "output %zu, %s, variant %d", output, backends[b].name, variant);
            if (rig_run(rig, backends[b].name, (enum variant)variant, out, &error) != CONVOY_OK)
                fail_msg("%s: %s", what, error.message);
            compare(&out[output], dtype, &shape, values, what);
            for (size_t i = 0; i < RIG_OUTPUTS; i++)
                convoy_tensor_release(&out[i]);
        }
}

void node_rig_expect_failure(struct node_rig *rig, convoy_status status, const char *words) {
    for (int variant = 0; variant < VARIANTS; variant++) {
        convoy_tensor out[RIG_OUTPUTS] = {0};
        convoy_error error = {0};
        convoy_status found = rig_run(rig, "reference", (enum variant)variant, out, &error);
        if (found != status || !strstr(error.message, words))
            fail_msg("variant %d: status %d, '%s' instead of %d, '%s'", variant, (int)found, error.message,
                     (int)status, words);
    }
}

void node_rig_end(struct node_rig *rig) {
    for (size_t i = 0; i < rig->input_count; i++)
        convoy_tensor_release(&rig->inputs[i]);
    message_free(&rig->node);
}

void node_rig_gives(struct node_rig *rig, convoy_dtype dtype, convoy_shape shape, const double *values) {
    node_rig_expect(rig, 0, dtype, shape, values);
    node_rig_end(rig);
}

void node_rig_fails(struct node_rig *rig, convoy_status status, const char *words) {
    node_rig_expect_failure(rig, status, words);
    node_rig_end(rig);
}
