#include "runtime/coded_filters.h"

#include "base/tensor.h"
#include "code/filter_encoder.h"
#include "runtime/layer_message.h"

#include <stdlib.h>
#include <string.h>

bool coded_filters_unchanged(struct coded_layer *layer) {
    const struct buffer *owner = layer->params.weights.owner;
    const char *name = owner ? buffer_changed(owner) : NULL;
    if (name && !atomic_exchange(&layer->changed_logged, true))
        log_line(&layer->cluster->options.log, CONVOY_LOG_WARNING,
                 "layer %s: %.200s: " FILE_CHANGED ": workers that lack the layer's filters do not get them",
                 layer->desc.name, name);
    return !name;
}

convoy_status coded_filters_make(struct coded_layer *layer, const uint32_t *workers, uint32_t count,
                                 struct buffer **messages) {
    size_t per_worker = (size_t)layer->code.filter_pieces * layer->code.filter_parts;
    if (!coded_filters_unchanged(layer))
        return CONVOY_E_IO;
    void **filters = calloc(count, sizeof(void *));
    double *rows = calloc(count * per_worker, sizeof *rows);
    bool complete = filters && rows;
    for (uint32_t i = 0; complete && i < count; i++) {
        messages[i] = layer_message_create(&layer->task, layer->desc.kernel, layer->desc.name,
                                           layer->input.dtype, &filters[i]);
        memcpy(rows + i * per_worker, code_filter_rows(&layer->code, workers[i]), per_worker * sizeof *rows);
        complete = messages[i];
    }
    const struct filter_job job = {.dtype = layer->input.dtype,
                                   .cut = &layer->partition.filter,
                                   .workers = count,
                                   .pieces = layer->code.filter_pieces,
                                   .rows = rows,
                                   .filters = layer->params.weights.data,
                                   .factors = layer->factors,
                                   .out = filters};
    complete = complete && encode_filters(&job) == CONVOY_OK && coded_filters_unchanged(layer);
    tensor_discard(&layer->params.weights); /* read again for a worker that comes later, or a fallback */
    for (uint32_t i = 0; !complete && i < count; i++)
        buffer_release(&messages[i]);
    free(filters);
    free(rows);
    return complete ? CONVOY_OK : CONVOY_E_MEMORY;
}
