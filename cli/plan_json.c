#include "json.h"
#include "plan_view.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define DIGITS 12 /* elements and bytes are whole */

/* Of a layer that stays here, what belongs to a coded one is null. */
static json_t *layer_json(const convoy_layer_info *layer) {
    const bool coded = layer->codable;
    return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:f, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
                     json_text(layer->name), "op", json_text(layer->op), "coded", coded, "kA",
                     json_count_if(coded, layer->input_parts), "kB",
                     json_count_if(coded, layer->filter_parts), "delta",
                     json_count_if(coded, layer->threshold), "asked", json_count_if(coded, layer->asked),
                     "here_ms", layer->here_ms, "coded_ms", json_if(layer->coded_ms > 0, layer->coded_ms),
                     "up_bytes", json_if(coded, layer->up_bytes), "down_bytes",
                     json_if(coded, layer->down_bytes), "stored_bytes", json_if(coded, layer->stored_bytes),
                     "error_bound", json_if(coded, layer->error_bound), "why_local", json_text(layer->why));
}

/* The list with one more item, which is taken; NULL without memory. */
static json_t *append(json_t *list, json_t *item) {
    if (json_array_append_new(list, item) == 0)
        return list;
    json_decref(list);
    return NULL;
}

/* One that was not planned, since it is refused, has no figures. */
static json_t *alternative_json(const convoy_plan_alternative *one) {
    const bool planned = one->planned_ms > 0;
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "code", one->code,
                     "precision", precision_text(one->precision), "planned_ms",
                     json_if(planned, one->planned_ms), "busiest_ms", json_if(planned, one->busiest_ms),
                     "coded_layers", json_count_if(planned, (uint32_t)one->coded_layers), "up_bytes",
                     json_if(planned, one->up_bytes), "down_bytes", json_if(planned, one->down_bytes),
                     "error_bound", json_if(one->error_bound > 0, one->error_bound), "noise_gain",
                     json_if(planned, one->noise_gain), "chosen", one->chosen, "refused",
                     json_text(one->refused));
}

/* An array, empty if nothing was left to the plan; NULL without memory. */
static json_t *alternatives_json(const convoy_session *session) {
    size_t count;
    convoy_plan_alternative *alternatives = plan_alternatives(session, &count);
    json_t *list = alternatives ? json_array() : NULL;
    for (size_t i = 0; list && i < count; i++)
        list = append(list, alternative_json(&alternatives[i]));
    free(alternatives);
    return list;
}

bool plan_print_json(const convoy_session *session, const char *model) {
    const convoy_layer_info *layers;
    const size_t count = convoy_session_layers(session, &layers);
    const convoy_postponed *nodes;
    const size_t postponed = convoy_session_postponed(session, &nodes);
    convoy_plan_totals totals;
    convoy_session_plan(session, &totals);
    json_t *list = json_array();
    for (size_t i = 0; list && i < count; i++)
        list = append(list, layer_json(&layers[i]));
    const bool bound = totals.memory_bytes > 0;
    return list &&
           json_print(
               json_pack(
                   "{s:i, s:o, s:o, s:s, s:s, s:o, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:o, s:o, s:I}",
                   "version", JSON_VERSION, "model", json_text(model), "profile", json_text(totals.profile),
                   "code", totals.code, "precision", precision_text(totals.precision), "alternatives",
                   alternatives_json(session), "layers", list, "here_ms", totals.here_ms, "planned_ms",
                   totals.planned_ms, "busiest_ms", totals.busiest_ms, "up_bytes", totals.up_bytes,
                   "down_bytes", totals.down_bytes, "stored_bytes", totals.stored_bytes, "memory_bytes",
                   json_if(bound, totals.memory_bytes), "memory_worker",
                   json_count_if(bound, totals.memory_worker), "fed_workers",
                   json_if(totals.fed_workers > 0, totals.fed_workers), "postponed_count",
                   (json_int_t)postponed),
               DIGITS);
}

static json_t *size_json(const struct plan_size *size) {
    const convoy_plan_totals *totals = &size->totals;
    return json_pack("{s:i, s:i, s:s, s:s, s:f, s:f, s:f, s:f, s:i, s:f, s:f}", "workers", (int)size->workers,
                     "stragglers", (int)size->stragglers, "code", totals->code, "precision",
                     precision_text(totals->precision), "here_ms", totals->here_ms, "planned_ms",
                     totals->planned_ms, "busiest_ms", totals->busiest_ms, "times", size->times,
                     "coded_layers", (int)size->coded_layers, "traffic_bytes",
                     totals->up_bytes + totals->down_bytes, "stored_bytes", totals->stored_bytes);
}

bool plan_print_sizes_json(const struct plan_sizes *sizes) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < sizes->count; i++)
        list = append(list, size_json(&sizes->items[i]));
    return list && json_print(json_pack("{s:i, s:o, s:o, s:o}", "version", JSON_VERSION, "model",
                                        json_text(sizes->options->common.arguments.items[0]), "profile",
                                        json_text(sizes->profile), "sizes", list),
                              DIGITS);
}

static json_t *choice_json(const convoy_layer_choice *choice) {
    return json_pack(
        "{s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:b, "
        "s:b, s:o}",
        "kA", (int)choice->input_parts, "kB", (int)choice->filter_parts, "delta", (int)choice->threshold,
        "asked", (int)choice->asked, "up", choice->up_elements, "down", choice->down_elements, "stored",
        choice->stored_elements, "macs", choice->macs, "paper_cost", choice->paper_cost, "error_bound",
        json_if(choice->error_bound > 0, choice->error_bound), "job_ms", choice->job_ms, "encode_ms",
        choice->encode_ms, "up_ms", choice->up_ms, "task_ms", choice->task_ms, "down_ms", choice->down_ms,
        "answers_ms", choice->answers_ms, "decode_ms", choice->decode_ms, "total_ms", choice->total_ms,
        "weighed", choice->weighed, "chosen", choice->chosen, "refused", json_text(choice->refused));
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
    return list && json_print(json_pack("{s:i, s:o, s:f, s:o}", "version", JSON_VERSION, "name",
                                        json_text(layers[layer].name), "here_ms", layers[layer].here_ms,
                                        "choices", list),
                              DIGITS);
}
