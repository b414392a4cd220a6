/* The drafts that are live, in the order of the file as far as every value is made before it is read; and the
 * nodes of the model that they become. */
#include "base/error.h"
#include "model/onnx_attribute.h"
#include "model/onnx_reading.h"

#include <stdlib.h>

/* --- Order ---------------------------------------------------------------------------------------------- */

/* A draft whose makers are being placed, or a call whose nodes are. */
struct visit {
    uint32_t draft;
    size_t next; /* of what it reads, or of its nodes */
};

/* The drafts of one graph in order. */
struct order {
    struct reader *r;
    const struct reading_graph *graph;
    struct visit *visits; /* [visit_count] each waits for the next */
    uint32_t *drafts;     /* [count] placed */
    size_t visit_count, count;
};

static convoy_status enter(struct order *order, uint32_t number) {
    struct draft *draft = &order->r->drafts[number];
    if (draft->open)
        return draft_fail(order->r, draft, CONVOY_E_INPUT, "reads what depends on its own output");
    if (draft->placed || !(draft->live || draft->expanded))
        return CONVOY_OK;
    draft->open = true;
    order->visits[order->visit_count++] = (struct visit){number, 0};
    return CONVOY_OK;
}

/* What an If reads includes what its branches do. */
static size_t read_count(const struct draft *draft) {
    return draft->node.input_count + draft->captured_count;
}

static uint32_t read_value(const struct draft *draft, size_t i) {
    size_t inputs = draft->node.input_count;
    return i < inputs ? draft->node.inputs[i] : draft->captured[i - inputs];
}

/* The last visit: goes on to the next draft that it waits for, or ends. */
static convoy_status step(struct order *order) {
    struct reader *r = order->r;
    struct visit *visit = &order->visits[order->visit_count - 1];
    struct draft *draft = &r->drafts[visit->draft];
    if (draft->function && visit->next < draft->body_count)
        return enter(order, draft->body_first + (uint32_t)visit->next++);
    while (!draft->function && visit->next < read_count(draft)) {
        uint32_t value = read_value(draft, visit->next++);
        if (value == NO_VALUE || r->origins[value].maker == NO_DRAFT ||
            r->origins[value].graph != order->graph)
            continue; /* what is around a branch is there before */
        return enter(order, r->origins[value].maker);
    }
    draft->open = false;
    draft->placed = true;
    if (!draft->function)
        order->drafts[order->count++] = visit->draft;
    order->visit_count--;
    return CONVOY_OK;
}

static convoy_status order_find(struct order *order) {
    convoy_status status = CONVOY_OK;
    for (uint32_t i = 0; i < order->graph->count && status == CONVOY_OK; i++) {
        status = enter(order, order->graph->first + i);
        while (status == CONVOY_OK && order->visit_count > 0)
            status = step(order);
    }
    return status;
}

/* --- Nodes ---------------------------------------------------------------------------------------------- */

/* Where the attributes of a node stand, behind references, and the branches among them. */
static convoy_status find_sources(struct reader *r, const struct draft *draft,
                                  struct attribute_source *sources, size_t *count) {
    struct proto_cursor cursor = proto_open(r->model->map, draft->range);
    struct proto_range range, graph;
    convoy_status status = CONVOY_OK;
    *count = 0;
    for (size_t branch = 0;
         status == CONVOY_OK && proto_next_of(&cursor, PROTO_KEY(5, PROTO_BYTES), &range);) {
        struct attribute_source source = {.named = range, .value = range};
        status = attribute_follow(r, draft->scope, &source.value);
        if (branch < draft->branch_count && attribute_graph(r->model->map, range, &graph))
            source.graph = draft->branches[branch++]->branch;
        if (source.value.length > 0)
            sources[(*count)++] = source;
    }
    return status;
}

static convoy_status read_attributes(struct reader *r, const struct draft *draft, struct node *node) {
    struct attribute_source sources[MAX_ATTRIBUTES];
    size_t count;
    convoy_error inner;
    if (draft->node.attribute_count > MAX_ATTRIBUTES)
        return draft_fail(r, draft, CONVOY_E_UNSUPPORTED, "%zu attributes; at most %d are supported",
                          draft->node.attribute_count, MAX_ATTRIBUTES);
    convoy_status status = find_sources(r, draft, sources, &count);
    if (status != CONVOY_OK)
        return status;
    status = onnx_read_attributes(node, sources, count, &r->model->arena, r->model->map, r->folders, &inner);
    return status == CONVOY_OK ? CONVOY_OK : draft_fail(r, draft, status, "%s", inner.message);
}

/* The node of a draft. What of it is made is sound, also after a failure. */
static convoy_status make_node(struct reader *r, const struct draft *draft, struct node *node) {
    size_t count = read_count(draft);
    *node = draft->node;
    node->attribute_count = 0;
    if (draft->captured_count) {
        node->inputs = arena_alloc(&r->model->arena, count, sizeof *node->inputs);
        node->input_count = node->inputs ? count : 0;
        for (size_t i = 0; i < node->input_count; i++)
            node->inputs[i] = read_value(draft, i);
    }
    return node->inputs ? read_attributes(r, draft, node) : error_memory(r->error);
}

/* The nodes of one graph. */
static convoy_status make_graph(struct order *order, struct node **nodes, size_t *count) {
    struct reader *r = order->r;
    order->count = order->visit_count = 0;
    convoy_status status = order_find(order);
    if (status != CONVOY_OK)
        return status;
    *nodes = arena_alloc(&r->model->arena, order->count, sizeof **nodes);
    if (!*nodes)
        return error_memory(r->error);
    for (size_t i = 0; i < order->count && status == CONVOY_OK; i++)
        status = make_node(r, &r->drafts[order->drafts[i]], &(*nodes)[(*count)++]);
    return status;
}

convoy_status nodes_make(struct reader *r) {
    convoy_model *model = r->model;
    struct order order = {.r = r,
                          .graph = &r->graph,
                          .visits = calloc((size_t)r->draft_count + 1, sizeof *order.visits),
                          .drafts = calloc((size_t)r->draft_count + 1, sizeof *order.drafts)};
    convoy_status status = order.visits && order.drafts ? CONVOY_OK : error_memory(r->error);
    if (status == CONVOY_OK)
        status = make_graph(&order, &model->nodes, &model->node_count);
    for (struct reading_graph *graph = r->branches; graph && status == CONVOY_OK; graph = graph->next) {
        graph->branch->next = model->subgraphs;
        model->subgraphs = graph->branch;
        order.graph = graph;
        status = make_graph(&order, &graph->branch->nodes, &graph->branch->node_count);
    }
    free(order.visits);
    free(order.drafts);
    return status;
}
