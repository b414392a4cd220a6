/* The coded filters of a layer, as they are sent to workers. */
#ifndef RUNTIME_CODED_FILTERS_H
#define RUNTIME_CODED_FILTERS_H

#include "runtime/coded_layer.h"

/* Whether the layer's weights are still those of the model. Says so once in the log if they are not. */
bool coded_filters_unchanged(struct coded_layer *layer);

/* The messages (layer_message.h) of this layer for some workers: messages[count]. CONVOY_E_IO if the model's
 * file was changed; CONVOY_E_MEMORY. One pass over the weights. */
convoy_status coded_filters_make(struct coded_layer *layer, const uint32_t *workers, uint32_t count,
                                 struct buffer **messages);

#endif
