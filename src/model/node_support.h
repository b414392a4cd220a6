/* Which nodes of a model have operators that Convoy knows. */
#ifndef MODEL_NODE_SUPPORT_H
#define MODEL_NODE_SUPPORT_H

#include "model/graph.h"

/* Fills what convoy_model_nodes and convoy_model_unsupported tell of a model that was read. CONVOY_E_MEMORY.
 */
convoy_status node_support_find(convoy_model *model, convoy_error *error);

/* The operators of some nodes that are not supported. The list lives in the arena. CONVOY_E_MEMORY. */
convoy_status unsupported_find(struct unsupported_list *list, const convoy_model *model,
                               const struct node *nodes, size_t count, struct arena *arena,
                               convoy_error *error);

/* CONVOY_E_UNSUPPORTED, with the first ten of a list in the sentence, unless it is empty. */
convoy_status unsupported_refuse(const struct unsupported_list *list, const convoy_model *model,
                                 convoy_error *error);

#endif
