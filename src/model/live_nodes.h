/* Which nodes of a model matter. */
#ifndef MODEL_LIVE_NODES_H
#define MODEL_LIVE_NODES_H

#include "model/graph.h"

#include <stdbool.h>

/* live[i]: an output of the graph depends on model->nodes[i], of which there are count. Needs the inputs and
 * outputs of nodes and graph, and no attributes. To be freed; NULL if there is no memory. */
bool *live_nodes_find(const convoy_model *model, size_t count);

#endif
