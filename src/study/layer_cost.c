#include "study/layer_cost.h"

#include "base/error.h"
#include "base/memory.h"
#include "study/parts_choice.h"

#include <stdlib.h>
#include <string.h>

#define BACKEND "onednn"

/* What was measured of a shape; of a layer that one machine computes stages[0] alone, and family is NULL. */
struct entry {
    struct conv_geometry layer;
    const struct code_family *family;
    uint32_t workers, input_parts, filter_parts;
    struct statistics stages[LAYER_STAGES];
};

struct cost_table {
    const struct study *study;
    struct stage_timing timing;
    void *other; /* of timing */
    double *ns;  /* [LAYER_STAGES][rounds] */
    struct entry *entries;
    size_t count, capacity;
};

convoy_status cost_table_create(struct cost_table **out, const struct study *study, uint32_t rounds,
                                convoy_error *error) {
    struct cost_table *table = calloc(1, sizeof *table);
    if (!table)
        return error_memory(error);
    *table = (struct cost_table){.study = study,
                                 .other = memory_aligned(STAGE_OTHER_BYTES),
                                 .ns = calloc((size_t)LAYER_STAGES * rounds, sizeof *table->ns)};
    table->timing = (struct stage_timing){.study = study, .other = table->other, .rounds = rounds};
    convoy_status status = table->other && table->ns ? CONVOY_OK : error_memory(error);
    if (status == CONVOY_OK)
        status = backend_create(&table->timing.backend, BACKEND, 1, error);
    if (status != CONVOY_OK) {
        cost_table_destroy(&table);
        return status;
    }
    memset(table->other, 1, STAGE_OTHER_BYTES);
    *out = table;
    return CONVOY_OK;
}

void cost_table_destroy(struct cost_table **slot) {
    struct cost_table *table = slot ? *slot : NULL;
    if (!table)
        return;
    *slot = NULL;
    if (table->timing.backend)
        table->timing.backend->ops->destroy(&table->timing.backend);
    free(table->other);
    free(table->ns);
    free(table->entries);
    free(table);
}

struct plan_cluster cost_cluster(const struct cost_table *table, const struct cost_setup *setup) {
    return (struct plan_cluster){.family = setup->family,
                                 .workers = setup->workers,
                                 .stragglers = setup->stragglers,
                                 .block = table->timing.backend->block};
}

/* ---- measuring ---- */

static const struct entry *find_entry(const struct cost_table *table, const struct entry *wanted) {
    for (size_t i = 0; i < table->count; i++) {
        const struct entry *e = &table->entries[i];
        if (e->family == wanted->family && e->workers == wanted->workers &&
            e->input_parts == wanted->input_parts && e->filter_parts == wanted->filter_parts &&
            memcmp(&e->layer, &wanted->layer, sizeof e->layer) == 0)
            return e;
    }
    return NULL;
}

static convoy_status add_entry(struct cost_table *table, const struct entry *entry, convoy_error *error) {
    if (table->count == table->capacity) {
        const size_t capacity = table->capacity ? 2 * table->capacity : 64;
        struct entry *grown = realloc(table->entries, capacity * sizeof *grown);
        if (!grown)
            return error_memory(error);
        table->entries = grown;
        table->capacity = capacity;
    }
    table->entries[table->count++] = *entry;
    return CONVOY_OK;
}

/* Writes the samples of a stage, and sums them up. */
static struct statistics take_samples(const struct cost_table *table, const struct sample_of *of,
                                      const char *quantity, double *ns) {
    for (uint32_t i = 0; i < table->timing.rounds; i++)
        samples_add(table->study, of, quantity, i, ns[i]);
    return study_statistics(ns, table->timing.rounds);
}

static convoy_status measure_parts(struct cost_table *table, const struct study_layer *layer,
                                   const struct cost_setup *setup, const struct candidate *parts,
                                   struct entry *entry, convoy_error *error) {
    static const char *const quantities[LAYER_STAGES] = {"encode_ns", "compute_ns", "decode_ns"};
    const struct placement placement = placement_plain(setup->workers); /* which nodes costs no time */
    const struct stage_case stage_case = {.layer = &layer->geometry,
                                          .family = setup->family,
                                          .placement = &placement,
                                          .parts = parts,
                                          .block = table->timing.backend->block,
                                          .seed = table->study->options->seed};
    double *ns[LAYER_STAGES];
    for (int stage = 0; stage < LAYER_STAGES; stage++)
        ns[stage] = table->ns + (size_t)stage * table->timing.rounds;
    const convoy_status status = layer_stages_measure(&stage_case, &table->timing, ns, error);
    const struct sample_of of = {.what = "stages",
                                 .family = setup->family->name,
                                 .network = layer->network,
                                 .layer = layer->name,
                                 .workers = setup->workers,
                                 .threshold = parts->threshold,
                                 .input_parts = parts->input_parts,
                                 .filter_parts = parts->filter_parts};
    for (int stage = 0; status == CONVOY_OK && stage < LAYER_STAGES; stage++)
        entry->stages[stage] = take_samples(table, &of, quantities[stage], ns[stage]);
    return status;
}

static convoy_status measure_alone(struct cost_table *table, const struct study_layer *layer,
                                   struct entry *entry, convoy_error *error) {
    const struct sample_of of = {.what = "alone", .network = layer->network, .layer = layer->name};
    const convoy_status status = layer_alone_measure(&layer->geometry, &table->timing, table->ns, error);
    if (status == CONVOY_OK)
        entry->stages[0] = take_samples(table, &of, "compute_ns", table->ns);
    return status;
}

/* What is known of the layer in these parts, or alone if these are NULL; measured if it is not. */
static convoy_status look_up(struct cost_table *table, const struct study_layer *layer,
                             const struct cost_setup *setup, const struct candidate *parts,
                             struct entry *entry, convoy_error *error) {
    *entry = (struct entry){.layer = layer->geometry};
    if (parts) {
        entry->family = setup->family;
        entry->workers = setup->workers;
        entry->input_parts = parts->input_parts;
        entry->filter_parts = parts->filter_parts;
    }
    const struct entry *known = find_entry(table, entry);
    if (known) {
        *entry = *known;
        return CONVOY_OK;
    }
    const convoy_status status = parts ? measure_parts(table, layer, setup, parts, entry, error)
                                       : measure_alone(table, layer, entry, error);
    return status == CONVOY_OK ? add_entry(table, entry, error) : status;
}

/* ---- costs ---- */

convoy_status cost_of_parts(struct cost_table *table, const struct study_layer *layer,
                            const struct cost_setup *setup, const struct candidate *parts,
                            struct layer_cost *cost, convoy_error *error) {
    struct entry entry, alone;
    convoy_status status = look_up(table, layer, setup, NULL, &alone, error);
    if (status == CONVOY_OK)
        status = look_up(table, layer, setup, parts, &entry, error);
    if (status != CONVOY_OK)
        return status;
    *cost = (struct layer_cost){.coded = true,
                                .parts = *parts,
                                .task_bytes = sizeof(float) * parts->cost.up * setup->workers,
                                .answer_bytes = sizeof(float) * parts->cost.down * parts->threshold,
                                .stored_bytes = sizeof(float) * parts->cost.stored,
                                .alone = alone.stages[0]};
    memcpy(cost->stages, entry.stages, sizeof cost->stages);
    return CONVOY_OK;
}

convoy_status cost_of_layer(struct cost_table *table, const struct study_layer *layer,
                            const struct cost_setup *setup, struct layer_cost *cost, convoy_error *error) {
    const struct plan_cluster cluster = cost_cluster(table, setup);
    struct candidate *parts = NULL;
    struct entry alone;
    size_t count = 0;
    convoy_status status = parts_create(&cluster, &layer->geometry, &parts, &count);
    if (status != CONVOY_OK)
        return error_memory(error);
    if (count) {
        const size_t best = parts_cheapest(parts, count, parts_travel);
        status = cost_of_parts(table, layer, setup, &parts[best], cost, error);
    } else {
        status = look_up(table, layer, setup, NULL, &alone, error);
        if (status == CONVOY_OK)
            *cost = (struct layer_cost){.alone = alone.stages[0]};
    }
    free(parts);
    return status;
}

static double link_ns(double bytes) {
    return 8 * bytes / COST_LINK_BITS * 1e9;
}

double cost_part_ns(const struct layer_cost *cost, enum cost_part part) {
    if (!cost->coded)
        return part == COST_COMPUTE ? cost->alone.median : 0;
    switch (part) {
    case COST_ENCODE:
        return cost->stages[STAGE_ENCODE].median;
    case COST_UP:
        return link_ns(cost->task_bytes);
    case COST_COMPUTE:
        return cost->stages[STAGE_COMPUTE].median;
    case COST_DOWN:
        return link_ns(cost->answer_bytes);
    default:
        return cost->stages[STAGE_DECODE].median;
    }
}

convoy_status cost_of_network(struct cost_table *table, const struct study_layer *layers, size_t count,
                              const struct cost_setup *setup, struct network_cost *sum, convoy_error *error) {
    *sum = (struct network_cost){.layers = count};
    for (size_t i = 0; i < count; i++) {
        struct layer_cost cost;
        convoy_status status = study_step(table->study, layers[i].name, i, count, error);
        if (status == CONVOY_OK)
            status = cost_of_layer(table, &layers[i], setup, &cost, error);
        if (status != CONVOY_OK)
            return status;
        for (enum cost_part part = 0; part < COST_PARTS; part++)
            sum->ns[part] += cost_part_ns(&cost, part);
        sum->alone_ns += cost.alone.median;
        sum->coded += cost.coded;
    }
    return CONVOY_OK;
}

double network_cost_ns(const struct network_cost *cost, bool with_link) {
    double ns = 0;
    for (enum cost_part part = 0; part < COST_PARTS; part++)
        ns += with_link || (part != COST_UP && part != COST_DOWN) ? cost->ns[part] : 0;
    return ns;
}
