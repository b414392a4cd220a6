#include "json.h"
#include "plan_view.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define DIGITS JSON_REAL_PRECISION(12) /* elements and bytes are whole */

static json_t *layer_json(const convoy_layer_info *layer) {
    return json_pack("{s:o, s:o, s:b, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:o, s:o}", "name",
                     json_text(layer->name), "op", json_text(layer->op), "coded", layer->codable, "kA",
                     (int)layer->input_parts, "kB", (int)layer->filter_parts, "delta", (int)layer->threshold,
                     "asked", (int)layer->asked, "here_ms", layer->here_ms, "coded_ms", layer->coded_ms,
                     "up_bytes", layer->up_bytes, "down_bytes", layer->down_bytes, "stored_bytes",
                     layer->stored_bytes, "error_bound", json_number(layer->error_bound), "why_local",
                     json_text(layer->why));
}

static bool print(json_t *object) {
    const bool printed = object && json_dumpf(object, stdout, JSON_INDENT(1) | DIGITS) == 0;
    if (printed)
        printf("\n");
    json_decref(object);
    return printed;
}

/* The list with one more item, which is taken; NULL without memory. */
static json_t *append(json_t *list, json_t *item) {
    if (json_array_append_new(list, item) == 0)
        return list;
    json_decref(list);
    return NULL;
}

bool plan_print_json(const convoy_session *session, const char *model) {
    const convoy_layer_info *layers;
    const size_t count = convoy_session_layers(session, &layers);
    convoy_plan_totals totals;
    convoy_session_plan(session, &totals);
    json_t *list = json_array();
    for (size_t i = 0; list && i < count; i++)
        list = append(list, layer_json(&layers[i]));
    return list && print(json_pack("{s:i, s:o, s:o, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "version",
                                   1, "model", json_text(model), "profile", json_text(totals.profile),
                                   "layers", list, "here_ms", totals.here_ms, "planned_ms", totals.planned_ms,
                                   "busiest_ms", totals.busiest_ms, "up_bytes", totals.up_bytes, "down_bytes",
                                   totals.down_bytes, "stored_bytes", totals.stored_bytes, "memory_bytes",
                                   totals.memory_bytes, "fed_workers", totals.fed_workers));
}

static json_t *choice_json(const convoy_layer_choice *choice) {
    return json_pack(
        "{s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:b, "
        "s:b, s:o}",
        "kA", (int)choice->input_parts, "kB", (int)choice->filter_parts, "delta", (int)choice->threshold,
        "asked", (int)choice->asked, "up", choice->up_elements, "down", choice->down_elements, "stored",
        choice->stored_elements, "macs", choice->macs, "paper_cost", choice->paper_cost, "error_bound",
        json_number(choice->error_bound), "job_ms", choice->job_ms, "encode_ms", choice->encode_ms, "up_ms",
        choice->up_ms, "task_ms", choice->task_ms, "down_ms", choice->down_ms, "answers_ms",
        choice->answers_ms, "decode_ms", choice->decode_ms, "total_ms", choice->total_ms, "weighed",
        choice->weighed, "chosen", choice->chosen, "refused", json_text(choice->refused));
}

bool plan_print_choices_json(const convoy_session *session, size_t layer) {
    const convoy_layer_info *layers;
    size_t count;
    convoy_layer_choice *choices = plan_choices(session, layer, &count);
    json_t *list = choices ? json_array() : NULL;
    convoy_session_layers(session, &layers);
    for (size_t i = 0; list && i < count; i++)
        list = append(list, choice_json(&choices[i]));
    free(choices);
    return list &&
           print(json_pack("{s:i, s:o, s:f, s:o}", "version", 1, "name", json_text(layers[layer].name),
                           "here_ms", layers[layer].here_ms, "choices", list));
}
