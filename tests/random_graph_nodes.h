/* What random graphs are made of. */
#ifndef TESTS_RANDOM_GRAPH_NODES_H
#define TESTS_RANDOM_GRAPH_NODES_H

#include "random_graph.h"

#define NO_ITEM UINT32_MAX

/* A whole number, low to high; and true once in n times. */
int64_t graph_between(struct random_graph *graph, int64_t low, int64_t high);
bool graph_one_in(struct random_graph *graph, int64_t n);

/* Adds a value; its number. */
uint32_t graph_value_new(struct random_graph *graph, convoy_dtype dtype, convoy_shape shape, bool exact);

/* A value of this type; rank 0: any; exact alone, if that is asked for. NO_ITEM: there is none. */
uint32_t graph_pick(struct random_graph *graph, convoy_dtype dtype, uint32_t rank, bool exact);

/* Another value of the type and shape of this one. */
uint32_t graph_pick_like(struct random_graph *graph, uint32_t like, bool exact);

/* A constant of float32, uniform in [low, high), or a list of int64; its name goes to name. */
void graph_constant_new(struct random_graph *graph, const int64_t *dims, uint32_t rank, double low,
                        double high, char name[12]);
void graph_integers_new(struct random_graph *graph, const int64_t *values, size_t count, char name[12]);

/* Adds a node of any kind, and the value that it makes; false if the kind that was drawn finds nothing to
 * read. */
bool graph_node_add(struct random_graph *graph);

#endif
