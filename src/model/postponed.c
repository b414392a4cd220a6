#include "model/postponed.h"

#include "base/error.h"
#include "base/tensor.h"

#include <stdlib.h>
#include <string.h>

/* --- At the beginning ----------------------------------------------------------------------------------- */

/* Notes a value of the model that is known by then, once. listed: a flag for each of the model's values. */
static void note_known(struct lowering *l, uint32_t value, bool *listed) {
    struct network *network = l->network;
    if (value == NO_VALUE || l->value_of[value] == VALUE_LATER || listed[value])
        return;
    listed[value] = true;
    network->postponed.known[network->output_count] = value;
    network->outputs[network->output_count++] = l->value_of[value];
}

convoy_status postponed_finish(struct lowering *l) {
    const convoy_model *model = l->model;
    struct postponed *postponed = &l->network->postponed;
    bool *listed = calloc(model->value_count + 1, sizeof *listed);
    postponed->known = arena_alloc(l->arena, model->value_count, sizeof *postponed->known);
    l->network->outputs = arena_alloc(l->arena, model->value_count, sizeof *l->network->outputs);
    if (!listed || !postponed->known || !l->network->outputs) {
        free(listed);
        return l->status = error_memory(l->error);
    }
    for (size_t n = 0; n < postponed->node_count; n++)
        for (size_t i = 0; i < postponed->nodes[n].node->input_count; i++)
            note_known(l, postponed->nodes[n].node->inputs[i], listed);
    for (size_t i = 0; i < model->output_count; i++)
        note_known(l, model->output_values[i], listed);
    free(listed);
    return CONVOY_OK;
}

/* --- At the end of a run -------------------------------------------------------------------------------- */

/* All of the postponed nodes, as if their inputs were constants. */
static convoy_status lower_all(struct lowering *l, const struct network *network, const struct cancel *cancel,
                               const convoy_tensor *known) {
    const struct postponed *postponed = &network->postponed;
    convoy_status status = CONVOY_OK;
    for (size_t i = 0; i < network->output_count && status == CONVOY_OK; i++) {
        convoy_tensor view;
        tensor_view(&view, &known[i], &known[i].shape);
        status = constant_add(l, &view, &l->value_of[postponed->known[i]]);
    }
    for (size_t n = 0; n < postponed->node_count && status == CONVOY_OK; n++) {
        status = cancel_check(cancel, l->error);
        if (status == CONVOY_OK)
            status = node_lower(l, postponed->nodes[n].node);
    }
    return status;
}

static convoy_status take_outputs(struct lowering *l, convoy_tensor *out) {
    const convoy_model *model = l->model;
    convoy_status status = outputs_check(l); /* of postponed nodes the outputs are known only now */
    for (size_t i = 0; i < model->output_count && status == CONVOY_OK; i++) {
        const convoy_tensor *made = value_elements(l, l->value_of[model->output_values[i]]);
        status = made ? tensor_keep(&out[i], made, l->error) : l->status;
    }
    for (size_t i = 0; i < model->output_count && status != CONVOY_OK; i++)
        convoy_tensor_release(&out[i]);
    return status;
}

convoy_status postponed_run(const struct network *network, struct backend *layers, struct context *context,
                            const struct cancel *cancel, const convoy_tensor *known, convoy_tensor *out,
                            convoy_not_finite *first, convoy_error *error) {
    const convoy_model *model = network->model;
    struct network made = {.model = model, .unfused = network->unfused};
    struct arena arena = {0};
    convoy_error inner = {0};
    struct lowering l = {.model = model,
                         .network = &made,
                         .arena = &arena,
                         .value_of = malloc((model->value_count + 1) * sizeof *l.value_of),
                         .backend = layers,
                         .context = context,
                         .error = &inner};
    if (!l.value_of)
        return error_memory(error);
    memset(l.value_of, 0xff, (model->value_count + 1) * sizeof *l.value_of); /* NO_VALUE */
    memset(out, 0, network->result_count * sizeof *out);
    convoy_status status = lower_all(&l, network, cancel, known);
    if (status == CONVOY_OK)
        status = take_outputs(&l, out);
    if (status != CONVOY_OK)
        error_set(error, status, "%s", inner.message);
    if (status == CONVOY_OK && first && !first->layer)
        *first = made.folded_not_finite;
    network_clear(&made);
    arena_release(&arena);
    free(l.value_of);
    return status;
}
