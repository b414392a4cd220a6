/* Nodes that wait for the data. */
#ifndef MODEL_POSTPONED_H
#define MODEL_POSTPONED_H

#include "base/cancel.h"
#include "model/lowering.h"

/* Makes the network's outputs what the postponed nodes and the model's outputs need, when all nodes are
 * lowered. */
convoy_status postponed_finish(struct lowering *lowering);

/* The end of a run: the model's outputs from known[network->output_count]. layers: who computes; its layers
 * are prepared, and run in context, which is one of its. out[network->result_count] is filled, the caller's.
 * cancel, which may be NULL, is asked before each node.
 * *first, which may be NULL, is set to the first tensor that is not finite, unless it is set already.
 * Thread-safe. CONVOY_E_INPUT, CONVOY_E_UNSUPPORTED, CONVOY_E_MEMORY, with the node; CONVOY_E_CANCELLED. */
convoy_status postponed_run(const struct network *network, struct backend *layers, struct context *context,
                            const struct cancel *cancel, const convoy_tensor *known, convoy_tensor *out,
                            convoy_not_finite *first, convoy_error *error);

#endif
