/* The table of convoy plan --workers A..B: which cluster is needed. */
#include "plan_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plan_sizes_open(struct plan_sizes *sizes, const struct plan_options *options) {
    *sizes = (struct plan_sizes){.options = options};
}

static size_t count_coded(const convoy_session *session) {
    const convoy_layer_info *layers;
    size_t coded = 0;
    for (size_t i = convoy_session_layers(session, &layers); i > 0; i--)
        coded += layers[i - 1].codable;
    return coded;
}

static bool grow(struct plan_sizes *sizes) {
    const size_t capacity = sizes->capacity ? 2 * sizes->capacity : 16;
    struct plan_size *more = reallocarray(sizes->items, capacity, sizeof *more);
    if (!more)
        return false;
    sizes->items = more;
    sizes->capacity = capacity;
    return true;
}

void plan_sizes_add(struct plan_sizes *sizes, const convoy_session *session, uint32_t workers,
                    uint32_t stragglers) {
    struct plan_size size = {
        .workers = workers, .stragglers = stragglers, .coded_layers = count_coded(session), .times = 1};
    convoy_session_plan(session, &size.totals);
    if (!sizes->profile)
        sizes->profile = strdup(size.totals.profile);
    if (!sizes->profile || (sizes->count == sizes->capacity && !grow(sizes))) {
        sizes->failed = true;
        return;
    }
    const bool throughput = sizes->options->cluster.session.objective == CONVOY_OBJECTIVE_THROUGHPUT;
    if (size.totals.here_ms > 0)
        size.times = (throughput ? size.totals.busiest_ms : size.totals.planned_ms) / size.totals.here_ms;
    size.totals.profile = NULL; /* the session's */
    sizes->items[sizes->count++] = size;
}

static void add_size(struct table *table, const struct plan_size *size) {
    const convoy_plan_totals *totals = &size->totals;
    table_cell(table, "%u", size->workers);
    table_cell(table, "%u", size->stragglers);
    table_cell(table, "%.4g", totals->here_ms);
    table_cell(table, "%.4g", totals->planned_ms);
    table_cell(table, "%.4g", totals->busiest_ms);
    table_cell(table, "%.3f", size->times);
    table_cell(table, "%zu", size->coded_layers);
    plan_add_bytes(table, totals->up_bytes + totals->down_bytes);
    plan_add_bytes(table, totals->stored_bytes);
    table_cell(table, "%s", totals->code);
    table_cell(table, "%s", precision_text(totals->precision));
}

static bool print_table(const struct plan_sizes *sizes) {
    static const char *const heads[] = {"workers",      "stragglers", "alone ms", "planned ms",
                                        "in flight ms", "times",      "layers",   "traffic",
                                        "stored",       "code",       "precision"};
    struct table table;
    printf("%s: %s, ", sizes->options->common.arguments.items[0], sizes->profile ? sizes->profile : "");
    plan_print_aims(sizes->options);
    table_open(&table, ">>>>>>>>><<");
    for (size_t i = 0; i < table.columns; i++)
        table_cell(&table, "%s", heads[i]);
    for (size_t i = 0; i < sizes->count; i++)
        add_size(&table, &sizes->items[i]);
    const bool printed = table_print(&table, stdout);
    table_close(&table);
    return printed;
}

bool plan_sizes_close(struct plan_sizes *sizes, bool print) {
    bool printed = !sizes->failed;
    if (print && printed)
        printed = sizes->options->json ? plan_print_sizes_json(sizes) : print_table(sizes);
    free(sizes->items);
    free(sizes->profile);
    return printed;
}
