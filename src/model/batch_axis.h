/* Which inputs of a model begin with a batch axis. */
#ifndef MODEL_BATCH_AXIS_H
#define MODEL_BATCH_AXIS_H

#include "model/graph.h"

/* Fills model->batched, as convoy_model_batched tells it. CONVOY_E_MEMORY. */
convoy_status batch_axes_find(convoy_model *model, convoy_error *error);

/* As convoy_model_group. */
size_t batch_axis_group(const convoy_model *model, size_t input);

#endif
