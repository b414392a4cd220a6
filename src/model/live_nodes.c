#include "model/live_nodes.h"

#include <stdlib.h>

static bool makes_needed(const struct node *node, const bool *needed) {
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i] != NO_VALUE && needed[node->outputs[i]])
            return true;
    return false;
}

bool *live_nodes_find(const convoy_model *model, size_t count) {
    bool *live = calloc(count + 1, sizeof *live);
    bool *needed = calloc(model->value_count + 1, sizeof *needed); /* by an output or a live node */
    if (!live || !needed) {
        free(live);
        free(needed);
        return NULL;
    }
    for (size_t i = 0; i < model->output_count; i++)
        needed[model->output_values[i]] = true;
    for (size_t n = count; n-- > 0;) { /* readers stand behind makers */
        const struct node *node = &model->nodes[n];
        live[n] = makes_needed(node, needed);
        for (size_t i = 0; live[n] && i < node->input_count; i++)
            if (node->inputs[i] != NO_VALUE)
                needed[node->inputs[i]] = true;
    }
    free(needed);
    return live;
}
