/* The table of sweeps: a row for each layer at each point. Layers that a network repeats make one row. */
#include "base/clock.h"
#include "base/error.h"
#include "study/overhead.h"
#include "study/parts_choice.h"

#include <stdlib.h>

static double ms(double ns) {
    return ns / (double)NS_PER_MS;
}

/* One network under one sweep at one point. */
struct sweep {
    struct overhead *overhead;
    const char *name;
    const struct cost_setup *setup;
    const struct study_network *network;
    bool all_parts; /* a row for all ways to cut a layer, else for the one with the fewest elements to send */
};

static void write_row(const struct sweep *s, size_t layer, const struct layer_cost *cost) {
    const struct statistics *stage = cost->stages;
    double total = 0;
    for (enum cost_part part = 0; part < COST_PARTS; part++)
        total += cost_part_ns(cost, part);
    study_row(s->overhead->study, s->overhead->study->csv,
              "%s,%s,%s,%s,%zu,%u,%u,%u,%u,%u,%d,%.6g,%.6g,%.6g,%.0f,%.6g,%.6g,%.6g,%.6g,%.0f,%.6g,%.6g,%.6g,"
              "%.6g,%.6g,%.0f,%.6g,%.6g,%.6g,%.0f,,,,",
              s->name, s->setup->family->name, s->network->name, s->network->layers[layer].name,
              study_layer_repeats(s->network, layer), s->setup->workers, s->setup->stragglers,
              cost->parts.threshold, cost->parts.input_parts, cost->parts.filter_parts, cost->coded,
              ms(stage[STAGE_ENCODE].median), ms(stage[STAGE_ENCODE].low), ms(stage[STAGE_ENCODE].high),
              cost->task_bytes, ms(cost_part_ns(cost, COST_UP)), ms(stage[STAGE_COMPUTE].median),
              ms(stage[STAGE_COMPUTE].low), ms(stage[STAGE_COMPUTE].high), cost->answer_bytes,
              ms(cost_part_ns(cost, COST_DOWN)), ms(stage[STAGE_DECODE].median), ms(stage[STAGE_DECODE].low),
              ms(stage[STAGE_DECODE].high), ms(total), cost->stored_bytes, ms(cost->alone.median),
              ms(cost->alone.low), ms(cost->alone.high), COST_LINK_BITS);
}

static convoy_status layer_rows(const struct sweep *s, size_t layer, convoy_error *error) {
    struct overhead *o = s->overhead;
    const struct study_layer *of = &s->network->layers[layer];
    struct layer_cost cost;
    if (!s->all_parts) {
        const convoy_status status = cost_of_layer(o->table, of, s->setup, &cost, error);
        if (status == CONVOY_OK)
            write_row(s, layer, &cost);
        return status;
    }
    const struct plan_cluster cluster = cost_cluster(o->table, s->setup);
    struct candidate *parts = NULL;
    size_t count = 0;
    convoy_status status = parts_create(&cluster, &of->geometry, &parts, &count);
    if (status != CONVOY_OK)
        return error_memory(error);
    for (size_t i = 0; i < count && status == CONVOY_OK; i++) {
        status = cost_of_parts(o->table, of, s->setup, &parts[i], &cost, error);
        if (status == CONVOY_OK)
            write_row(s, layer, &cost);
    }
    free(parts);
    return status;
}

static convoy_status network_rows(const struct sweep *s, convoy_error *error) {
    convoy_status status = CONVOY_OK;
    for (size_t i = 0; i < s->network->count && status == CONVOY_OK;
         i += study_layer_repeats(s->network, i)) {
        char what[96];
        snprintf(what, sizeof what, "%s of %s, %s, %u of %u workers", s->name, s->network->name,
                 s->setup->family->name, s->setup->workers - s->setup->stragglers, s->setup->workers);
        status = study_step(s->overhead->study, what, i, s->network->count, error);
        if (status == CONVOY_OK)
            status = layer_rows(s, i, error);
    }
    return status;
}

static convoy_status sweep_rows(struct overhead *o, const char *name, const struct cost_setup *setup,
                                bool all_parts, convoy_error *error) {
    convoy_status status = CONVOY_OK;
    for (size_t i = 0; i < OVERHEAD_NETWORKS && status == CONVOY_OK; i++)
        status = network_rows(&(struct sweep){.overhead = o,
                                              .name = name,
                                              .setup = setup,
                                              .network = &o->networks[i],
                                              .all_parts = all_parts},
                              error);
    return status;
}

convoy_status overhead_rows(struct overhead *o, convoy_error *error) {
    const struct cost_setup usual = {
        .family = o->family, .workers = OVERHEAD_WORKERS, .stragglers = OVERHEAD_STRAGGLERS};
    const struct code_family *family;
    study_columns(
        o->study, o->study->csv,
        "sweep,family,network,layer,repeats,workers,stragglers,threshold,input_parts,filter_parts,coded,"
        "encode_ms,encode_low_ms,encode_high_ms,up_bytes,up_ms,compute_ms,compute_low_ms,compute_high_ms,"
        "down_bytes,down_ms,decode_ms,decode_low_ms,decode_high_ms,total_ms,stored_bytes,alone_ms,alone_low_"
        "ms,alone_high_ms,link_bit_s,up_to_store,relative_cost,closed_form_input_parts,best");
    convoy_status status = sweep_rows(o, "parts", &usual, true, error);
    for (size_t i = 0; i < o->workers_points && status == CONVOY_OK; i++)
        status = sweep_rows(o, "workers", &o->by_workers[i], false, error);
    for (size_t i = 0; i < o->threshold_points && status == CONVOY_OK; i++)
        status = sweep_rows(o, "threshold", &o->by_threshold[i], false, error);
    for (size_t i = 0; status == CONVOY_OK && (family = code_family_at(i)); i++)
        status =
            sweep_rows(o, "family",
                       &(struct cost_setup){
                           .family = family, .workers = OVERHEAD_WORKERS, .stragglers = OVERHEAD_STRAGGLERS},
                       false, error);
    return status;
}
