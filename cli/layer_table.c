/* The table of the layers, as all runs together were. */
#include "summary.h"

#include "table.h"

#include <stdio.h>
#include <stdlib.h>

#define WORKERS_IN_CELL 4

/* "4 (300), 2 (17)": worker 4 in 300 runs, worker 2 in 17; the most frequent first. Of a single run without
 * the counts. */
static void write_missing(char *text, size_t size, const size_t *counts, size_t runs) {
    bool told[CONVOY_MAX_WORKERS] = {false};
    size_t used = 0;
    text[0] = '\0';
    for (int listed = 0; used < size; listed++) {
        size_t next = CONVOY_MAX_WORKERS, left = 0;
        for (size_t w = 0; w < CONVOY_MAX_WORKERS; w++) {
            if (counts[w] == 0 || told[w])
                continue;
            left++;
            if (next == CONVOY_MAX_WORKERS || counts[w] > counts[next])
                next = w;
        }
        if (left == 0)
            break;
        if (listed == WORKERS_IN_CELL && left > 1) {
            snprintf(text + used, size - used, " and %zu more", left);
            break;
        }
        int n = snprintf(text + used, size - used, "%s%zu", listed ? ", " : "", next);
        used += n > 0 ? (size_t)n : size;
        if (runs > 1 && used < size) {
            n = snprintf(text + used, size - used, " (%zu)", counts[next]);
            used += n > 0 ? (size_t)n : size;
        }
        told[next] = true;
    }
}

static void add_blanks(struct table *table, int count) {
    while (count-- > 0)
        table_cell(table, "%s", "");
}

static void add_count(struct table *table, size_t count) {
    if (count)
        table_cell(table, "%zu", count);
    else
        add_blanks(table, 1);
}

/* Cells of a layer that workers compute; blank for one that was never planned for them. */
static void add_coded_cells(struct table *table, const struct summary *summary,
                            const struct summary_layer *layer, double *scratch) {
    char lost[128], late[128];
    if (layer->last.threshold == 0) {
        table_cell(table, "here");
        add_blanks(table, 3);
        add_count(table, layer->fallback); /* too few may have come to plan for */
        add_blanks(table, 5);
        return;
    }
    write_missing(lost, sizeof lost, layer->lost, summary->runs);
    write_missing(late, sizeof late, layer->late, summary->runs);
    table_cell(table, "%ux%u", layer->last.input_parts, layer->last.filter_parts);
    table_cell(table, "%u", layer->last.threshold);
    table_cell(table, "%s", lost);
    table_cell(table, "%s", late);
    add_count(table, layer->fallback);
    add_count(table, layer->here);
    if (layer->coded)
        table_cell(table, "%.3g", layer->condition);
    else
        add_blanks(table, 1);
    table_cell(table, "%.3f", summary_median(summary, layer, TIME_ENCODE, scratch));
    table_cell(table, "%.3f", summary_median(summary, layer, TIME_WAIT, scratch));
    table_cell(table, "%.3f", summary_median(summary, layer, TIME_DECODE, scratch));
}

bool layer_table_print(const struct summary *summary, bool local) {
    static const char *const heads[] = {"layer", "op", "parts",  "δ",    "lost",   "late", "fallback",
                                        "here",  "κ",  "encode", "wait", "decode", "ms"};
    double *scratch = calloc(summary->samples + 1, sizeof *scratch);
    struct table table;
    table_open(&table, "nn>><<>>>>>>>");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_cell(&table, "%s", heads[i]);
    for (size_t i = 0; scratch && i < summary->layer_count; i++) {
        const struct summary_layer *layer = &summary->layers[i];
        table_cell(&table, "%s", layer->last.name);
        table_cell(&table, "%s", layer->last.op);
        if (local)
            add_blanks(&table, 10);
        else
            add_coded_cells(&table, summary, layer, scratch);
        table_cell(&table, "%.3f", summary_median(summary, layer, TIME_WALL, scratch));
    }
    const bool done = scratch && table_print(&table, stdout);
    table_close(&table);
    free(scratch);
    return done;
}
