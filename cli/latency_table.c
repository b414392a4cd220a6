/* convoy bench for people: a table, and what it comes to. */
#include "latency.h"
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LEAST_TURNS 4 /* of which quarters are told */

/* Three digits, without an exponent. */
static void add_number(struct table *table, double value) {
    const int before = value > 0 ? (int)floor(log10(value)) + 1 : 1;
    table_cell(table, "%.*f", before >= 3 ? 0 : before <= -3 ? 6 : 3 - before, value);
}

static bool any_degraded(const struct latency *latency) {
    for (size_t i = 0; i < latency->count; i++)
        if (latency->rows[i].degraded)
            return true;
    return false;
}

static void add_row(struct table *table, const struct latency_row *row, bool degraded) {
    table_cell(table, "%s", row->title);
    for (size_t p = 0; p < LATENCY_PERCENTILES; p++) {
        if (histogram_supports(&row->times, latency_percentiles[p].share))
            add_number(table, histogram_quantile(&row->times, latency_percentiles[p].share) / 1e6);
        else
            table_cell(table, "-");
    }
    if (latency_rate(row) > 0)
        add_number(table, latency_rate(row));
    else
        table_cell(table, "-");
    table_cell(table, "%llu", (unsigned long long)row->times.count);
    if (degraded)
        table_cell(table, "%llu", (unsigned long long)row->degraded);
}

static bool print_rows(const struct latency *latency) {
    const bool degraded = any_degraded(latency);
    struct table table;
    table_open(&table, degraded ? "<>>>>>>>" : "<>>>>>>");
    table_cell(&table, "ms");
    for (size_t p = 0; p < LATENCY_PERCENTILES; p++)
        table_cell(&table, "%s", latency_percentiles[p].name);
    table_cell(&table, "per second");
    table_cell(&table, "runs");
    if (degraded)
        table_cell(&table, "degraded");
    for (size_t i = 0; i < latency->count; i++)
        add_row(&table, &latency->rows[i], degraded);
    const bool printed = table_print(&table, stdout);
    table_close(&table);
    return printed;
}

/* Of the workers, if there are any. */
static void print_cluster(const struct latency *latency, const struct bench_options *options) {
    const convoy_options *session = &options->cluster.session;
    if (latency->count == 1)
        return;
    printf("; %s code, precision %s, n = %u %s, γ = %u", session->code, precision_text(session->precision),
           session->workers,
           session->spawn    ? "processes"
           : session->listen ? "workers"
                             : "threads",
           session->stragglers);
}

static void print_head(const struct latency *latency, const struct bench_options *options) {
    char machine[512];
    const char *path = options->common.arguments.items[0], *slash = strrchr(path, '/');
    printf("%s\n%s", convoy_bench_machine(machine, sizeof machine), slash ? slash + 1 : path);
    print_cluster(latency, options);
    printf("\n%u in flight, %u thread%s each; warm-up %.3g s, then %.3g s", options->in_flight,
           options->cluster.session.threads, options->cluster.session.threads == 1 ? "" : "s",
           (double)latency->warm_up_ns / 1e9, (double)latency->duration_ns / 1e9);
    if (latency->count > 1)
        printf(" each in turns of %.3g s", (double)latency->turn_ns / 1e9);
    printf("\n\n");
}

static void print_ratio(const struct latency *latency, const struct latency_row *row,
                        const struct bench_options *options) {
    const double ratio = latency_ratio(latency, row);
    if (!(ratio > 0))
        return;
    if (row == &latency->rows[LATENCY_MISSING])
        printf("with %u missing %.3g times", options->cluster.session.stragglers, ratio);
    else
        printf("coded takes %.3g times as long as alone", ratio);
    if (row->ratios.count >= LEAST_TURNS)
        printf(" (in half of the turns %.3g to %.3g)", histogram_quantile(&row->ratios, 0.25) / 1e6,
               histogram_quantile(&row->ratios, 0.75) / 1e6);
    printf("\n");
}

static void print_remarks(const struct latency *latency, const struct bench_options *options) {
    if (any_degraded(latency))
        printf("degraded: a layer was computed here, since workers were missing or too late\n");
    if (latency->count == 1 && !options->cluster.session.local)
        printf("No layer of this model is coded on %u workers; convoy inspect says why.\n",
               options->cluster.session.workers);
}

bool latency_print(const struct latency *latency, const struct bench_options *options) {
    print_head(latency, options);
    if (!print_rows(latency))
        return false;
    if (latency->count > 1)
        printf("\n");
    for (size_t i = LATENCY_CODED; i < latency->count; i++)
        print_ratio(latency, &latency->rows[i], options);
    print_remarks(latency, options);
    printf("\n");
    return latency_print_bars(latency);
}
