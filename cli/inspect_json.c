#include "inspect_json.h"

#include "json.h"

#include <jansson.h>

static json_t *values_json(const convoy_value_info *values, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_pack("{s:o, s:o, s:s}", "name", json_text(values[i].name), "shape",
                                               values[i].shaped ? json_shape(&values[i].shape) : json_null(),
                                               "type", convoy_dtype_text(values[i].dtype)));
    return array;
}

static json_t *layers_json(const convoy_session *session) {
    const convoy_layer_info *layers;
    const size_t count = convoy_session_layers(session, &layers);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        const convoy_layer_info *layer = &layers[i];
        json_array_append_new(array, json_pack("{s:o, s:o, s:o, s:I, s:I, s:b, s:o, s:o, s:o, s:o}", "name",
                                               json_text(layer->name), "op", json_text(layer->op), "shape",
                                               json_shape(&layer->shape), "macs", (json_int_t)layer->macs,
                                               "weights_bytes", (json_int_t)layer->weights_bytes, "codable",
                                               layer->codable, "why", json_text(layer->why), "kA",
                                               json_count_if(layer->codable, layer->input_parts), "kB",
                                               json_count_if(layer->codable, layer->filter_parts), "delta",
                                               json_count_if(layer->codable, layer->threshold)));
    }
    return array;
}

static json_t *postponed_json(const convoy_session *session) {
    const convoy_postponed *nodes;
    const size_t count = convoy_session_postponed(session, &nodes);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_pack("{s:o, s:o, s:o, s:o}", "name", json_text(nodes[i].name), "op",
                                               json_text(nodes[i].op), "domain", json_text(nodes[i].domain),
                                               "why", json_text(nodes[i].why)));
    return array;
}

static json_t *nodes_json(const convoy_model *model) {
    const convoy_node_info *nodes;
    const size_t count = convoy_model_nodes(model, &nodes);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array,
                              json_pack("{s:o, s:o, s:o, s:i, s:b}", "name", json_text(nodes[i].name), "op",
                                        json_text(nodes[i].op), "domain", json_text(nodes[i].domain), "depth",
                                        (int)nodes[i].depth, "supported", nodes[i].supported));
    return array;
}

static json_t *unsupported_json(const convoy_model *model) {
    const convoy_unsupported *operators;
    const size_t count = convoy_model_unsupported(model, &operators);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_pack("{s:o, s:o, s:I, s:o}", "op", json_text(operators[i].op),
                                               "domain", json_text(operators[i].domain), "count",
                                               (json_int_t)operators[i].count, "first",
                                               json_text(operators[i].first)));
    return array;
}

static json_t *model_json(const char *path, const convoy_model *model) {
    const convoy_value_info *inputs, *outputs;
    const size_t input_count = convoy_model_inputs(model, &inputs);
    const size_t output_count = convoy_model_outputs(model, &outputs);
    return json_pack("{s:i, s:o, s:I, s:o, s:o}", "version", JSON_VERSION, "model", json_text(path), "opset",
                     (json_int_t)convoy_model_opset(model), "inputs", values_json(inputs, input_count),
                     "outputs", values_json(outputs, output_count));
}

bool inspect_json_print(const char *path, const convoy_model *model, const convoy_session *session) {
    json_t *object = model_json(path, model);
    json_object_set_new(object, "layers", layers_json(session));
    json_object_set_new(object, "postponed", postponed_json(session));
    return json_print(object, JSON_FLOAT_DIGITS);
}

bool inspect_json_print_nodes(const char *path, const convoy_model *model) {
    json_t *object = model_json(path, model);
    json_object_set_new(object, "nodes", nodes_json(model));
    json_object_set_new(object, "unsupported", unsupported_json(model));
    return json_print(object, JSON_FLOAT_DIGITS);
}
