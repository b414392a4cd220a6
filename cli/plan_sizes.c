/* The table of convoy plan --workers A..B: which cluster is needed. */
#include "plan_view.h"

#include <stdio.h>

static const char *const heads[] = {"workers", "stragglers", "alone ms",      "planned ms",  "in flight ms",
                                    "times",   "layers",     "traffic bytes", "stored bytes"};

void plan_sizes_open(struct plan_sizes *sizes, const struct cli_options *options) {
    *sizes = (struct plan_sizes){.json = options->json,
                                 .throughput = options->session.objective == CONVOY_OBJECTIVE_THROUGHPUT};
    table_open(&sizes->table, ">>>>>>>>>");
    for (size_t i = 0; i < sizes->table.columns; i++)
        table_cell(&sizes->table, "%s", heads[i]);
}

static size_t count_coded(const convoy_session *session) {
    const convoy_layer_info *layers;
    size_t coded = 0;
    for (size_t i = convoy_session_layers(session, &layers); i > 0; i--)
        coded += layers[i - 1].codable;
    return coded;
}

void plan_sizes_add(struct plan_sizes *sizes, const convoy_session *session, uint32_t workers,
                    uint32_t stragglers) {
    struct table *table = &sizes->table;
    convoy_plan_totals totals;
    convoy_session_plan(session, &totals);
    const double planned_ms = sizes->throughput ? totals.busiest_ms : totals.planned_ms;
    table_cell(table, "%u", workers);
    table_cell(table, "%u", stragglers);
    table_cell(table, "%.4g", totals.here_ms);
    table_cell(table, "%.4g", totals.planned_ms);
    table_cell(table, "%.4g", totals.busiest_ms);
    table_cell(table, "%.3f", totals.here_ms > 0 ? planned_ms / totals.here_ms : 1);
    table_cell(table, "%zu", count_coded(session));
    table_cell(table, "%.0f", totals.up_bytes + totals.down_bytes);
    table_cell(table, "%.0f", totals.stored_bytes);
    sizes->count++;
}

/* Every cell is a number. */
static void print_json(const struct plan_sizes *sizes) {
    static const char *const members[] = {"workers",      "stragglers",    "here_ms",
                                          "planned_ms",   "busiest_ms",    "times",
                                          "coded_layers", "traffic_bytes", "stored_bytes"};
    const struct table *table = &sizes->table;
    printf("{\"version\": 1, \"sizes\": [");
    for (size_t i = table->columns; i < table->count; i++) {
        const size_t column = i % table->columns;
        printf("%s\"%s\": %s%s",
               column                ? ""
               : i == table->columns ? "\n{"
                                     : ",\n{",
               members[column], table->cells[i], column + 1 < table->columns ? ", " : "}");
    }
    printf("\n]}\n");
}

bool plan_sizes_close(struct plan_sizes *sizes, bool print) {
    bool printed = !sizes->table.failed;
    if (print && printed && sizes->json)
        print_json(sizes);
    else if (print && printed)
        printed = table_print(&sizes->table, stdout);
    table_close(&sizes->table);
    return printed;
}
