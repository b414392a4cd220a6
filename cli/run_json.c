#include "run_json.h"

#include "element_range.h"
#include "json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS JSON_REAL_PRECISION(JSON_FLOAT_DIGITS)

/* A number that JSON does not have, as a string. */
static json_t *not_finite_number_json(double value) {
    return json_string(isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

static json_t *not_finite_json(const convoy_not_finite *found) {
    if (!found->layer)
        return json_null();
    json_t *position = json_array();
    for (uint32_t i = 0; i < found->element.rank; i++)
        json_array_append_new(position, json_integer(found->element.position[i]));
    return json_pack("{s:o, s:o, s:o, s:o}", "layer", json_text(found->layer), "op", json_text(found->op),
                     "element", position, "value", not_finite_number_json(found->element.value));
}

static json_t *workers_json(const convoy_layer_report *layer, convoy_outcome outcome) {
    json_t *array = json_array();
    for (size_t w = 0; w < CONVOY_MAX_WORKERS; w++) {
        if (layer->outcome[w] == outcome)
            json_array_append_new(array, json_integer((json_int_t)w));
    }
    return array;
}

static json_t *layer_json(const convoy_layer_report *layer) {
    const bool planned = layer->threshold > 0; /* for workers, even if it was computed here */
    return json_pack(
        "{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o, s:o, s:o, s:o, s:o}",
        "name", json_text(layer->name), "op", json_text(layer->op), "coded", layer->coded, "family",
        json_text(layer->family), "kA", json_count_if(planned, layer->input_parts), "kB",
        json_count_if(planned, layer->filter_parts), "delta", json_count_if(planned, layer->threshold),
        "asked", (int)layer->asked, "used", workers_json(layer, CONVOY_OUTCOME_USED), "unused",
        workers_json(layer, CONVOY_OUTCOME_UNUSED), "late", workers_json(layer, CONVOY_OUTCOME_LATE), "spare",
        workers_json(layer, CONVOY_OUTCOME_SPARE), "lost", workers_json(layer, CONVOY_OUTCOME_LOST), "wrong",
        workers_json(layer, CONVOY_OUTCOME_WRONG), "condition", json_if(layer->coded, layer->condition),
        "noise_gain", json_if(layer->coded, layer->noise_gain), "decode_macs",
        json_if(layer->coded, layer->decode_macs), "encode_ms", json_number(layer->encode_ms), "wait_ms",
        json_number(layer->wait_ms), "decode_ms", json_number(layer->decode_ms), "verify_ms",
        json_number(layer->verify_ms), "wall_ms", json_number(layer->wall_ms), "predicted_ms",
        json_number(layer->predicted_ms), "why_local", json_text(layer->why_local));
}

static json_t *top_json(const struct json_result *result) {
    json_t *top = json_array();
    for (size_t i = 0; i < result->top_count; i++)
        json_array_append_new(top,
                              json_pack("{s:I, s:o, s:o, s:o}", "index", (json_int_t)result->top[i].index,
                                        "label", json_text(labels_name(result->labels, result->top[i].index)),
                                        "score", json_number(result->top[i].score), "probability",
                                        json_number(result->top[i].probability)));
    return top;
}

static json_t *check_json(const convoy_check *check) {
    return json_pack("{s:o, s:o, s:{s:I, s:I}, s:o, s:b}", "max_rel_error", json_number(check->max_rel_error),
                     "max_channel_error", json_number(check->max_channel_error), "not_finite", "both",
                     (json_int_t)check->not_finite.both, "differ", (json_int_t)check->not_finite.differ,
                     "differing", json_number(check->differing), "top1_agrees", check->top1_agrees);
}

static json_t *outputs_json(const struct json_result *result) {
    json_t *array = json_array();
    for (size_t i = 0; i < result->result->output_count; i++) {
        const convoy_tensor *tensor = &result->result->outputs[i];
        struct element_range range;
        const bool some = element_range_find(&range, tensor, result->rows, result->at);
        json_array_append_new(
            array, json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "name", json_text(result->outputs[i].name),
                             "type", convoy_dtype_text(tensor->dtype), "shape", json_shape(&tensor->shape),
                             "least", json_if(some, range.least), "mean", json_if(some, range.mean),
                             "largest", json_if(some, range.largest)));
    }
    return array;
}

/* The beginning of a result. */
static json_t *origin_json(const char *input, int64_t row) {
    json_t *object = json_pack("{s:o}", "input", json_text(input));
    if (row >= 0)
        json_object_set_new(object, "row", json_integer(row));
    return object;
}

char *run_json_failure_text(const char *input, int64_t row, const char *why) {
    json_t *object = origin_json(input, row);
    json_object_set_new(object, "error", json_text(why));
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

char *run_json_result_text(const struct json_result *result) {
    json_t *object = origin_json(result->input, result->row);
    json_object_set_new(object, "ms", json_number(result->ms));
    if (result->runs > 1) {
        json_t *all = json_array();
        for (uint32_t i = 0; i < result->runs; i++)
            json_array_append_new(all, json_number(result->run_ms[i]));
        json_object_set_new(object, "first_ms", json_number(result->run_ms[0]));
        json_object_set_new(object, "all_ms", all);
    }
    json_object_set_new(object, "top", top_json(result));
    if (result->expected) {
        json_object_set_new(object, "expected", json_text(result->expected));
        json_object_set_new(object, "correct", json_boolean(result->correct));
    }
    json_object_set_new(object, "outputs", outputs_json(result));
    if (result->check)
        json_object_set_new(object, "check", check_json(result->check));
    if (result->first_not_finite)
        json_object_set_new(object, "first_not_finite", not_finite_json(result->first_not_finite));
    json_t *layers = json_array();
    for (size_t i = 0; i < result->result->layer_count; i++)
        json_array_append_new(layers, layer_json(&result->result->layers[i]));
    json_object_set_new(object, "layers", layers);

    char *text = json_dumps(object, JSON_COMPACT | DIGITS);
    json_decref(object);
    return text;
}

/* What is known before the first result. */
static json_t *beginning_json(const struct run_options *options) {
    const convoy_options *session = &options->cluster.session;
    return json_pack("{s:i, s:o, s:i, s:i, s:s, s:I}", "version", JSON_VERSION, "model",
                     json_text(run_options_model(options)), "workers",
                     session->local ? 0 : (int)session->workers, "stragglers",
                     session->local ? 0 : (int)session->stragglers, "engine", json_engine(session), "seed",
                     (json_int_t)session->seed);
}

/* The object without its closing brace. */
static bool print_beginning(const struct run_options *options) {
    json_t *object = beginning_json(options);
    char *text = json_dumps(object, DIGITS);
    json_decref(object);
    if (text)
        printf("%.*s, \"results\": [", (int)strlen(text) - 1, text);
    free(text);
    return text;
}

/* What is known behind the last result, which is taken: it ends the object, or is an object of its own with
 * what was known before. */
static bool print_end(const struct run_options *options, json_t *end) {
    const bool lines = options->answers.json_lines;
    json_t *object = lines ? beginning_json(options) : json_object();
    json_object_update(object, end);
    json_decref(end);
    char *text = json_dumps(object, DIGITS);
    json_decref(object);
    if (text && lines)
        printf("%s\n", text);
    else if (text)
        printf("\n], %s\n", text + 1);
    free(text);
    return text;
}

bool run_json_begin(const struct run_options *options) {
    return options->answers.json_lines || print_beginning(options);
}

void run_json_print(const struct run_options *options, const char *text, bool first) {
    if (options->answers.json_lines)
        printf("%s\n", text);
    else
        printf("%s%s", first ? "\n" : ",\n", text);
}

bool run_json_end(const struct run_options *options, const struct summary *summary,
                  const struct cluster_state *cluster) {
    const convoy_options *session = &options->cluster.session;
    json_t *object =
        json_pack("{s:o, s:s, s:b, s:o, s:I, s:I, s:o, s:o, s:i, s:i}", "code",
                  json_text(session->local ? NULL : session->code), "precision",
                  precision_text(session->precision), "degraded", summary->degraded > 0, "total_ms",
                  json_number(summary->total_ms), "failed", (json_int_t)summary->failed, "postponed_count",
                  (json_int_t)summary->postponed, "lost", json_numbers(cluster->lost, cluster->lost_count),
                  "distrusted", json_numbers(cluster->distrusted, cluster->distrusted_count), "live",
                  (int)cluster->live, "needed", (int)cluster->needed);
    if (options->answers.expect)
        json_object_set_new(object, "accuracy",
                            json_pack("{s:I, s:I}", "correct", (json_int_t)summary->correct, "total",
                                      (json_int_t)summary->expected));
    return print_end(options, object);
}

bool run_json_fail(const struct run_options *options, const convoy_error *error) {
    return print_end(options, json_pack("{s:o}", "error", json_text(error->message)));
}

bool run_json_interrupt(const struct run_options *options) {
    return print_end(options, json_pack("{s:b}", "interrupted", true));
}
