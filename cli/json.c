#include "json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS JSON_REAL_PRECISION(9) /* a float comes back the same */

json_t *json_text(const char *text) {
    if (!text)
        return json_null();
    json_t *string = json_string(text);
    char *copy = string ? NULL : strdup(text);
    if (copy) {
        for (char *c = copy; *c; c++)
            *c = (unsigned char)*c < 128 ? *c : '?';
        string = json_string(copy);
        free(copy);
    }
    return string;
}

json_t *json_number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_if(bool applies, double value) {
    return applies ? json_number(value) : json_null();
}

json_t *json_count_if(bool applies, uint32_t count) {
    return applies ? json_integer(count) : json_null();
}

/* A number that JSON does not have, as a string. */
static json_t *json_not_finite_number(double value) {
    return json_string(isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

static json_t *json_not_finite(const convoy_not_finite *found) {
    if (!found->layer)
        return json_null();
    json_t *position = json_array();
    for (uint32_t i = 0; i < found->element.rank; i++)
        json_array_append_new(position, json_integer(found->element.position[i]));
    return json_pack("{s:o, s:o, s:o, s:o}", "layer", json_text(found->layer), "op", json_text(found->op),
                     "element", position, "value", json_not_finite_number(found->element.value));
}

static json_t *json_shape(const convoy_shape *shape) {
    json_t *array = json_array();
    for (uint32_t i = 0; i < shape->rank; i++)
        json_array_append_new(array, json_integer(shape->dims[i]));
    return array;
}

static json_t *json_workers(const convoy_layer_report *layer, convoy_outcome outcome) {
    json_t *array = json_array();
    for (size_t w = 0; w < CONVOY_MAX_WORKERS; w++) {
        if (layer->outcome[w] == outcome)
            json_array_append_new(array, json_integer((json_int_t)w));
    }
    return array;
}

static json_t *json_layer(const convoy_layer_report *layer) {
    const bool planned = layer->threshold > 0; /* for workers, even if it was computed here */
    return json_pack(
        "{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o, s:o, s:o, s:o, s:o}",
        "name", json_text(layer->name), "op", json_text(layer->op), "coded", layer->coded, "family",
        json_text(layer->family), "kA", json_count_if(planned, layer->input_parts), "kB",
        json_count_if(planned, layer->filter_parts), "delta", json_count_if(planned, layer->threshold),
        "asked", (int)layer->asked, "used", json_workers(layer, CONVOY_OUTCOME_USED), "unused",
        json_workers(layer, CONVOY_OUTCOME_UNUSED), "late", json_workers(layer, CONVOY_OUTCOME_LATE), "spare",
        json_workers(layer, CONVOY_OUTCOME_SPARE), "lost", json_workers(layer, CONVOY_OUTCOME_LOST), "wrong",
        json_workers(layer, CONVOY_OUTCOME_WRONG), "condition", json_if(layer->coded, layer->condition),
        "noise_gain", json_if(layer->coded, layer->noise_gain), "decode_macs",
        json_if(layer->coded, layer->decode_macs), "encode_ms", json_number(layer->encode_ms), "wait_ms",
        json_number(layer->wait_ms), "decode_ms", json_number(layer->decode_ms), "verify_ms",
        json_number(layer->verify_ms), "wall_ms", json_number(layer->wall_ms), "predicted_ms",
        json_number(layer->predicted_ms), "why_local", json_text(layer->why_local));
}

static json_t *json_top(const struct json_result *result) {
    json_t *top = json_array();
    for (size_t i = 0; i < result->top_count; i++)
        json_array_append_new(top,
                              json_pack("{s:I, s:o, s:o}", "index", (json_int_t)result->top[i].index, "label",
                                        json_text(labels_name(result->labels, result->top[i].index)), "score",
                                        json_number(result->top[i].score)));
    return top;
}

static json_t *json_check(const convoy_check *check) {
    return json_pack("{s:o, s:o, s:{s:I, s:I}, s:o, s:b}", "max_rel_error", json_number(check->max_rel_error),
                     "max_channel_error", json_number(check->max_channel_error), "not_finite", "both",
                     (json_int_t)check->not_finite.both, "differ", (json_int_t)check->not_finite.differ,
                     "differing", json_number(check->differing), "top1_agrees", check->top1_agrees);
}

/* The beginning of a result. */
static json_t *json_origin(const char *input, int64_t row) {
    json_t *object = json_pack("{s:o}", "input", json_text(input));
    if (row >= 0)
        json_object_set_new(object, "row", json_integer(row));
    return object;
}

char *json_failure_text(const struct origin *origin, const char *why) {
    json_t *object = json_origin(origin->file, origin->row);
    json_object_set_new(object, "error", json_text(why));
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

char *json_result_text(const struct json_result *result) {
    json_t *object = json_origin(result->input, result->row);
    json_object_set_new(object, "ms", json_number(result->ms));
    if (result->options->repeat > 1) {
        json_t *all = json_array();
        for (uint32_t i = 0; i < result->options->repeat; i++)
            json_array_append_new(all, json_number(result->run_ms[i]));
        json_object_set_new(object, "first_ms", json_number(result->run_ms[0]));
        json_object_set_new(object, "all_ms", all);
    }
    json_object_set_new(object, "top", json_top(result));
    if (result->check)
        json_object_set_new(object, "check", json_check(result->check));
    if (result->first_not_finite)
        json_object_set_new(object, "first_not_finite", json_not_finite(result->first_not_finite));
    json_t *layers = json_array();
    for (size_t i = 0; i < result->result->layer_count; i++)
        json_array_append_new(layers, json_layer(&result->result->layers[i]));
    json_object_set_new(object, "layers", layers);

    char *text = json_dumps(object, JSON_COMPACT | DIGITS);
    json_decref(object);
    return text;
}

static const char *engine(const convoy_options *session) {
    return session->local ? "local" : session->spawn ? "spawn" : session->listen ? "zmq" : "threads";
}

/* Prints a new object in pieces: without its closing brace, or without its opening one. */
static bool print_piece(json_t *take_object, bool opening) {
    char *text = json_dumps(take_object, DIGITS);
    json_decref(take_object);
    if (!text)
        return false;
    if (opening)
        printf("%.*s, \"results\": [", (int)strlen(text) - 1, text);
    else
        printf("\n], %s\n", text + 1);
    free(text);
    return true;
}

bool json_run_begin(const struct cli_options *options) {
    const convoy_options *session = &options->session;
    return print_piece(json_pack("{s:o, s:i, s:i, s:s, s:I}", "model", json_text(options->arguments.items[0]),
                                 "workers", session->local ? 0 : (int)session->workers, "stragglers",
                                 session->local ? 0 : (int)session->stragglers, "engine", engine(session),
                                 "seed", (json_int_t)session->seed),
                       true);
}

static json_t *json_numbers(const uint32_t *numbers, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_integer(numbers[i]));
    return array;
}

bool json_run_end(const struct cli_options *options, const struct summary *summary,
                  const struct cluster_state *cluster) {
    json_t *object =
        json_pack("{s:o, s:s, s:b, s:o, s:I, s:I, s:o, s:o, s:i, s:i}", "code",
                  json_text(options->session.local ? NULL : options->session.code), "precision",
                  precision_text(options->session.precision), "degraded", summary->degraded > 0, "total_ms",
                  json_number(summary->total_ms), "failed", (json_int_t)summary->failed, "postponed_count",
                  (json_int_t)summary->postponed, "lost", json_numbers(cluster->lost, cluster->lost_count),
                  "distrusted", json_numbers(cluster->distrusted, cluster->distrusted_count), "live",
                  (int)cluster->live, "needed", (int)cluster->needed);
    if (options->expect)
        json_object_set_new(object, "accuracy",
                            json_pack("{s:I, s:I}", "correct", (json_int_t)summary->correct, "total",
                                      (json_int_t)summary->expected));
    return print_piece(object, false);
}

bool json_run_fail(const convoy_error *error) {
    return print_piece(json_pack("{s:o}", "error", json_text(error->message)), false);
}

bool json_run_interrupt(void) {
    return print_piece(json_pack("{s:b}", "interrupted", true), false);
}

static json_t *json_values(const convoy_value_info *values, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_pack("{s:o, s:o, s:s}", "name", json_text(values[i].name), "shape",
                                               values[i].shaped ? json_shape(&values[i].shape) : json_null(),
                                               "type", convoy_dtype_text(values[i].dtype)));
    return array;
}

static json_t *json_layers(const convoy_session *session) {
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

static json_t *json_postponed(const convoy_session *session) {
    const convoy_postponed *nodes;
    const size_t count = convoy_session_postponed(session, &nodes);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_pack("{s:o, s:o, s:o, s:o}", "name", json_text(nodes[i].name), "op",
                                               json_text(nodes[i].op), "domain", json_text(nodes[i].domain),
                                               "why", json_text(nodes[i].why)));
    return array;
}

static json_t *json_nodes(const convoy_model *model) {
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

static json_t *json_unsupported(const convoy_model *model) {
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

static json_t *json_model(const char *path, const convoy_model *model) {
    const convoy_value_info *inputs, *outputs;
    const size_t input_count = convoy_model_inputs(model, &inputs);
    const size_t output_count = convoy_model_outputs(model, &outputs);
    return json_pack("{s:o, s:I, s:o, s:o}", "model", json_text(path), "opset",
                     (json_int_t)convoy_model_opset(model), "inputs", json_values(inputs, input_count),
                     "outputs", json_values(outputs, output_count));
}

static bool print_object(json_t *object) {
    const bool done = object && json_dumpf(object, stdout, JSON_INDENT(2) | DIGITS) == 0;
    json_decref(object);
    if (done)
        putchar('\n');
    return done;
}

bool json_inspect_print(const char *path, const convoy_model *model, const convoy_session *session) {
    json_t *object = json_model(path, model);
    json_object_set_new(object, "layers", json_layers(session));
    json_object_set_new(object, "postponed", json_postponed(session));
    return print_object(object);
}

bool json_nodes_print(const char *path, const convoy_model *model) {
    json_t *object = json_model(path, model);
    json_object_set_new(object, "nodes", json_nodes(model));
    json_object_set_new(object, "unsupported", json_unsupported(model));
    return print_object(object);
}

bool json_bench_print(const char *path, const struct cli_options *options, const convoy_bench_figure *figures,
                      size_t count) {
    char machine[512];
    const convoy_options *session = &options->session;
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        const convoy_bench_figure *f = &figures[i];
        json_array_append_new(array, json_pack("{s:s, s:o, s:s, s:f, s:o}", "part", f->part, "name",
                                               json_text(f->name), "unit", f->unit, "value", f->value,
                                               "floor", f->floor > 0 ? json_real(f->floor) : json_null()));
    }
    json_t *object = json_pack("{s:o, s:o, s:s, s:s, s:i, s:i, s:i, s:i, s:o}", "model", json_text(path),
                               "machine", json_text(convoy_bench_machine(machine, sizeof machine)), "code",
                               session->code, "precision", precision_text(session->precision), "workers",
                               (int)session->workers, "stragglers", (int)session->stragglers, "threads",
                               (int)session->threads, "runs", (int)options->runs, "figures", array);
    const bool done = object && json_dumpf(object, stdout, JSON_INDENT(2) | DIGITS) == 0;
    json_decref(object);
    if (done)
        putchar('\n');
    return done;
}
