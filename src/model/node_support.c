#include "model/node_support.h"

#include "base/error.h"
#include "model/onnx_names.h"
#include "model/operators.h"
#include "model/opset.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MOST_NAMED 10 /* operators in a sentence */

static bool is_supported(const convoy_model *model, const struct node *node) {
    const struct onnx_operator *op = operator_find(node->domain, node->op);
    int64_t version = opset_version(model, node->domain);
    return op && version >= op->first_opset && version <= op->last_opset;
}

/* --- Lists ---------------------------------------------------------------------------------------------- */

/* The list's entry for a node, a new one if there is none yet; NULL if there is no memory. */
static convoy_unsupported *entry_of(struct unsupported_list *list, struct name_table *table,
                                    struct arena *arena, const struct node *node) {
    const char *domain = domain_plain(node->domain);
    const char *key = arena_format(arena, "%s\n%s", domain, node->op); /* no name holds a line break */
    uint32_t number;
    bool added;
    if (!key || !name_add(table, arena, key, (uint32_t)list->count, &added))
        return NULL;
    if (!added)
        return name_find(table, key, &number) ? &list->operators[number] : NULL;
    convoy_unsupported *entry = &list->operators[list->count++];
    *entry = (convoy_unsupported){.op = node->op, .domain = domain, .first = node->name};
    return entry;
}

convoy_status unsupported_find(struct unsupported_list *list, const convoy_model *model,
                               const struct node *nodes, size_t count, struct arena *arena,
                               convoy_error *error) {
    struct name_table table = {0};
    convoy_status status = CONVOY_OK;
    *list = (struct unsupported_list){0};
    for (size_t i = 0; i < count; i++)
        list->nodes += !is_supported(model, &nodes[i]);
    if (list->nodes == 0)
        return CONVOY_OK;
    list->operators = arena_alloc(arena, list->nodes, sizeof *list->operators);
    if (!list->operators)
        return error_memory(error);
    for (size_t i = 0; i < count && status == CONVOY_OK; i++) {
        if (is_supported(model, &nodes[i]))
            continue;
        convoy_unsupported *entry = entry_of(list, &table, arena, &nodes[i]);
        if (entry)
            entry->count++;
        else
            status = error_memory(error);
    }
    name_table_release(&table);
    return status;
}

/* Branches are nested to a bounded depth. */
static void describe_nodes(convoy_model *model, const struct node *nodes, size_t count, uint32_t depth) {
    for (size_t i = 0; i < count; i++) {
        const struct node *node = &nodes[i];
        model->node_infos[model->info_count++] = (convoy_node_info){.name = node->name,
                                                                    .op = node->op,
                                                                    .domain = domain_plain(node->domain),
                                                                    .depth = depth,
                                                                    .supported = is_supported(model, node)};
        for (size_t a = 0; a < node->attribute_count; a++) {
            const struct attribute *attribute = &node->attributes[a];
            if (attribute->kind == ATTRIBUTE_GRAPH && attribute->graph)
                describe_nodes(model, attribute->graph->nodes, attribute->graph->node_count, depth + 1);
        }
    }
}

convoy_status node_support_find(convoy_model *model, convoy_error *error) {
    size_t count = model->node_count;
    for (const struct subgraph *graph = model->subgraphs; graph; graph = graph->next)
        count += graph->node_count;
    model->node_infos = arena_alloc(&model->arena, count, sizeof *model->node_infos);
    if (!model->node_infos)
        return error_memory(error);
    describe_nodes(model, model->nodes, model->node_count, 0);
    return unsupported_find(&model->unsupported, model, model->nodes, model->node_count, &model->arena,
                            error);
}

/* --- The sentence --------------------------------------------------------------------------------------- */

static void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void append(char *text, size_t size, const char *format, ...) {
    size_t length = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + length, size - length, format, arguments);
    va_end(arguments);
}

convoy_status unsupported_refuse(const struct unsupported_list *list, const convoy_model *model,
                                 convoy_error *error) {
    char names[sizeof error->message] = "";
    if (list->count == 0)
        return CONVOY_OK;
    if (model->opset > LAST_OPSET)
        return error_set(error, CONVOY_E_UNSUPPORTED,
                         "%.200s: operator set %lld is not supported; 1 to %d are", model->path,
                         (long long)model->opset, LAST_OPSET);
    for (size_t i = 0; i < list->count && i < MOST_NAMED; i++) {
        const convoy_unsupported *entry = &list->operators[i];
        append(names, sizeof names, "%s%.40s%s%.40s (%zu", i ? ", " : "", entry->domain,
               *entry->domain ? ":" : "", entry->op, entry->count);
        if (i == 0)
            append(names, sizeof names, ", first at node '%.60s'", entry->first);
        append(names, sizeof names, ")");
    }
    if (list->count > MOST_NAMED)
        append(names, sizeof names, ", and %zu more kinds", list->count - MOST_NAMED);
    return error_set(error, CONVOY_E_UNSUPPORTED,
                     "%.200s: %zu operator%s of %zu kind%s %s not supported at operator set %lld: %s",
                     model->path, list->nodes, list->nodes == 1 ? "" : "s", list->count,
                     list->count == 1 ? "" : "s", list->nodes == 1 ? "is" : "are", (long long)model->opset,
                     names);
}
