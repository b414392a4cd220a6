#include "random_graph_nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t graph_between(struct random_graph *g, int64_t low, int64_t high) {
    return low + (int64_t)random_below(g->random, (uint64_t)(high - low + 1));
}

bool graph_one_in(struct random_graph *g, int64_t n) {
    return graph_between(g, 1, n) == 1;
}

/* --- Values --------------------------------------------------------------------------------------------- */

uint32_t graph_value_new(struct random_graph *g, convoy_dtype dtype, convoy_shape shape, bool exact) {
    struct graph_item *item = &g->values[g->count];
    *item = (struct graph_item){.dtype = dtype, .shape = shape, .exact = exact};
    snprintf(item->name, sizeof item->name, "v%u", g->count);
    return g->count++;
}

/* A value of this type; rank 0: any; exact alone, if that is asked for. NO_ITEM: there is none. */
uint32_t graph_pick(struct random_graph *g, convoy_dtype dtype, uint32_t rank, bool exact) {
    uint32_t start = (uint32_t)graph_between(g, 0, g->count - 1);
    for (uint32_t i = 0; i < g->count; i++) {
        uint32_t v = (start + i) % g->count;
        const struct graph_item *item = &g->values[v];
        if (item->dtype == dtype && (!rank || item->shape.rank == rank) && (item->exact || !exact))
            return v;
    }
    return NO_ITEM;
}

/* Another value of the type and shape of this one. */
uint32_t graph_pick_like(struct random_graph *g, uint32_t like, bool exact) {
    uint32_t start = (uint32_t)graph_between(g, 0, g->count - 1);
    for (uint32_t i = 0; i < g->count; i++) {
        uint32_t v = (start + i) % g->count;
        const struct graph_item *a = &g->values[v], *b = &g->values[like];
        bool same = a->dtype == b->dtype && a->shape.rank == b->shape.rank && (a->exact || !exact);
        for (uint32_t d = 0; same && d < a->shape.rank; d++)
            same = a->shape.dims[d] == b->shape.dims[d];
        if (same && v != like)
            return v;
    }
    return NO_ITEM;
}

/* A constant of float32, uniform in [low, high); its name goes to name. */
void graph_constant_new(struct random_graph *g, const int64_t *dims, uint32_t rank, double low, double high,
                        char name[12]) {
    struct message tensor = {0};
    size_t count = 1;
    for (uint32_t i = 0; i < rank; i++) {
        message_varint(&tensor, 1, (uint64_t)dims[i]);
        count *= (size_t)dims[i];
    }
    float *values = calloc(count, sizeof *values);
    if (!values)
        abort();
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(low + (high - low) * random_unit(g->random));
    snprintf(name, 12, "c%u", g->constants++);
    message_varint(&tensor, 2, CONVOY_F32);
    message_text(&tensor, 8, name);
    message_bytes(&tensor, 9, values, count * sizeof *values);
    message_take(&g->graph, GRAPH_INITIALIZER, &tensor);
    free(values);
}

void graph_integers_new(struct random_graph *g, const int64_t *values, size_t count, char name[12]) {
    snprintf(name, 12, "c%u", g->constants++);
    struct message tensor = int_tensor_message(name, values, count);
    message_take(&g->graph, GRAPH_INITIALIZER, &tensor);
}

/* --- Graphs --------------------------------------------------------------------------------------------- */

void random_graph_make(struct random_graph *g, struct random *random) {
    *g = (struct random_graph){.random = random};
    convoy_shape map = {
        4, {graph_between(g, 1, 2), graph_between(g, 1, 18), graph_between(g, 1, 9), graph_between(g, 1, 9)}};
    uint32_t inputs = (uint32_t)graph_between(g, 1, 2);
    for (uint32_t i = 0; i < inputs; i++) {
        const struct graph_item *item = &g->values[graph_value_new(g, CONVOY_F32, map, true)];
        struct message value = value_message(item->name, map.dims, map.rank);
        message_take(&g->graph, GRAPH_INPUT, &value);
    }
    g->inputs = inputs;
    int64_t nodes = graph_between(g, 1, 12);
    for (int64_t i = 0; i < nodes && g->count < RANDOM_GRAPH_VALUES; i++)
        for (int tries = 0; tries < 50 && !graph_node_add(g); tries++)
            ;
    for (uint32_t i = inputs; i < g->count; i++) {
        struct message value =
            value_message(g->values[i].name, g->values[i].shape.dims, g->values[i].shape.rank);
        if (graph_one_in(g, 3) || i + 1 == g->count) /* what is no output may be fused away */
            message_take(&g->graph, GRAPH_OUTPUT, &value);
        else
            message_free(&value);
    }
    if (g->count == inputs) { /* nothing could be made */
        const struct graph_item *made = &g->values[graph_value_new(g, CONVOY_F32, map, true)];
        struct message node = node_message("Identity", "", g->values[0].name, made->name);
        message_take(&g->graph, GRAPH_NODE, &node);
        struct message value = value_message(g->values[inputs].name, map.dims, map.rank);
        message_take(&g->graph, GRAPH_OUTPUT, &value);
    }
}
