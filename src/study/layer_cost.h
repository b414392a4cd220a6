/* What a layer of a network takes, computed by one machine and coded: times of the stages as measured on one
 * thread, bytes as counted, and the time of these bytes on a link of a stated rate, which is computed. Each
 * shape is measured once. */
#ifndef STUDY_LAYER_COST_H
#define STUDY_LAYER_COST_H

#include "study/layer_stages.h"
#include "study/network_shapes.h"
#include "study/samples.h"

/* The master's link, in bits a second each way. */
#define COST_LINK_BITS 1e9

struct cost_table;

/* A cluster whose layers are coded. */
struct cost_setup {
    const struct code_family *family;
    uint32_t workers, stragglers; /* n, γ */
};

struct layer_cost {
    bool coded;             /* false: the family admits no parts of the layer, which one machine computes */
    struct candidate parts; /* coded, as all that follows but alone */
    struct statistics stages[LAYER_STAGES]; /* ns */
    double task_bytes, answer_bytes;        /* of all n tasks; of δ answers */
    double stored_bytes;                    /* of one worker's filters */
    struct statistics alone;                /* ns: the whole layer */
};

/* The parts of a layer's time, in their order. */
enum cost_part { COST_ENCODE, COST_UP, COST_COMPUTE, COST_DOWN, COST_DECODE, COST_PARTS };

/* rounds: in which each stage is timed. Samples go to the study's table. CONVOY_E_MEMORY. */
convoy_status cost_table_create(struct cost_table **table, const struct study *study, uint32_t rounds,
                                convoy_error *error);
void cost_table_destroy(struct cost_table **table);

/* The cluster as parts_create takes it. */
struct plan_cluster cost_cluster(const struct cost_table *table, const struct cost_setup *setup);

/* Fills *cost for these parts. CONVOY_E_MEMORY, CONVOY_E_UNSUPPORTED, CONVOY_E_INTERNAL, CONVOY_E_CANCELLED.
 * Blocks while it measures. */
convoy_status cost_of_parts(struct cost_table *table, const struct study_layer *layer,
                            const struct cost_setup *setup, const struct candidate *parts,
                            struct layer_cost *cost, convoy_error *error);

/* The same for the parts with the fewest elements to send, of those with the largest threshold. */
convoy_status cost_of_layer(struct cost_table *table, const struct study_layer *layer,
                            const struct cost_setup *setup, struct layer_cost *cost, convoy_error *error);

/* The time of one part of the layer's, in ns; of a layer that is not coded COST_COMPUTE is alone. Link: at
 * COST_LINK_BITS. */
double cost_part_ns(const struct layer_cost *cost, enum cost_part part);

/* Sums over layers that are computed one after the other. */
struct network_cost {
    double ns[COST_PARTS], alone_ns;
    size_t coded, layers; /* how many are coded, of how many */
};
convoy_status cost_of_network(struct cost_table *table, const struct study_layer *layers, size_t count,
                              const struct cost_setup *setup, struct network_cost *cost, convoy_error *error);

/* The sum of all parts, with the link's or without. */
double network_cost_ns(const struct network_cost *cost, bool with_link);

#endif
