/* Operators that hold graphs. Loops are not among them: how often they run depends on data. */
#include "model/attributes.h"
#include "model/node_support.h"
#include "model/operators.h"

/* The branch in an attribute; fails the node if it has none that fits. */
static const struct subgraph *branch_of(struct lowering *l, const char *name) {
    const struct attribute *attribute = attribute_find(l, name);
    if (attribute && attribute->kind == ATTRIBUTE_GRAPH && attribute->graph &&
        attribute->graph->output_count == l->node->output_count)
        return attribute->graph;
    node_fail(l, CONVOY_E_INPUT, "attribute '%s' must be a graph with %zu outputs", name,
              l->node->output_count);
    return NULL;
}

/* The nodes of the branch that the condition chooses, in place of the node. The branches' nodes may be of
 * operators that are missing, as long as they are not chosen. */
static convoy_status lower_if(struct lowering *l) {
    const struct subgraph *then = branch_of(l, "then_branch"), *other = branch_of(l, "else_branch");
    double condition = input_number_value(l, 0, "cond", 0);
    if (l->status != CONVOY_OK)
        return l->status;
    const struct subgraph *chosen = condition != 0 ? then : other;
    if (subgraph_lower(l, chosen) != CONVOY_OK)
        return l->status;
    for (size_t i = 0; i < chosen->output_count; i++)
        output_set(l, i, l->value_of[chosen->outputs[i]]);
    return CONVOY_OK;
}

const struct onnx_operator control_operators[] = {
    OPERATOR("If", 1, lower_if, 1, ANY_INPUTS), /* behind the condition: what its branches read */
    LAST_OPERATOR,
};
