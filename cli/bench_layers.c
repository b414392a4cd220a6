/* convoy bench --layers: the figures of convoy_bench. */
#include "bench_views.h"
#include "commands.h"
#include "json.h"
#include "progress.h"
#include "shapes.h"
#include "table.h"
#include "trials.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What came so far. */
struct figures {
    convoy_bench_figure *items; /* names are copies */
    size_t count, capacity;
    bool failed; /* no memory for one */
};

static void keep_figure(void *context, const convoy_bench_figure *figure) {
    struct figures *figures = context;
    if (figures->count == figures->capacity) {
        size_t capacity = figures->capacity ? 2 * figures->capacity : 64;
        convoy_bench_figure *grown = reallocarray(figures->items, capacity, sizeof *grown);
        figures->failed = figures->failed || !grown;
        if (!grown)
            return;
        figures->items = grown;
        figures->capacity = capacity;
    }
    char *name = strdup(figure->name);
    figures->failed = figures->failed || !name;
    if (!name)
        return;
    figures->items[figures->count] = *figure;
    figures->items[figures->count++].name = name;
}

static void figures_close(struct figures *figures) {
    for (size_t i = 0; i < figures->count; i++)
        free((char *)figures->items[i].name);
    free(figures->items);
}

/* In quotes, those in it doubled. */
static void print_quoted(const char *text) {
    putchar('"');
    for (; *text; text++)
        printf(*text == '"' ? "\"\"" : "%c", *text);
    putchar('"');
}

static void print_csv(const struct figures *figures) {
    printf("part,name,unit,value,floor\n");
    for (size_t i = 0; i < figures->count; i++) {
        const convoy_bench_figure *f = &figures->items[i];
        printf("%s,", f->part);
        print_quoted(f->name);
        printf(",%s,%.6g,", f->unit, f->value);
        printf(f->floor > 0 ? "%.6g\n" : "\n", f->floor);
    }
}

static bool has_coded_layers(const struct figures *figures) {
    for (size_t i = 0; i < figures->count; i++)
        if (strcmp(figures->items[i].part, "kernel") == 0)
            return true;
    return false;
}

static bool print_table(const struct figures *figures, const char *path,
                        const struct bench_options *options) {
    char machine[512];
    const convoy_options *session = &options->cluster.session;
    printf("%s\n%s: %s code, precision %s, n = %u, γ = %u, threads %u; medians of %u runs\n\n",
           convoy_bench_machine(machine, sizeof machine), path, session->code,
           precision_text(session->precision), session->workers, session->stragglers, session->threads,
           options->runs);
    struct table table;
    table_open(&table, "<n><>>");
    static const char *const heads[] = {"part", "of", "value", "unit", "floor", "value/floor"};
    for (size_t i = 0; i < table.columns; i++)
        table_cell(&table, "%s", heads[i]);
    for (size_t i = 0; i < figures->count; i++) {
        const convoy_bench_figure *f = &figures->items[i];
        table_cell(&table, "%s", f->part);
        table_cell(&table, "%s", f->name);
        table_cell(&table, "%.3g", f->value);
        table_cell(&table, "%s", f->unit);
        char floor[32] = "", ratio[32] = "";
        if (f->floor > 0) {
            snprintf(floor, sizeof floor, "%.3g", f->floor);
            snprintf(ratio, sizeof ratio, "%.2f", f->value / f->floor);
        }
        table_cell(&table, "%s", floor);
        table_cell(&table, "%s", ratio);
    }
    bool printed = table_print(&table, stdout);
    table_close(&table);
    if (!has_coded_layers(figures))
        printf("\nNo layer of this model is coded on %u workers; convoy inspect says why.\n",
               session->workers);
    return printed;
}

static bool print_json(const char *path, const struct bench_options *options, const struct figures *figures) {
    char machine[512];
    const convoy_options *session = &options->cluster.session;
    json_t *array = json_array();
    for (size_t i = 0; i < figures->count; i++) {
        const convoy_bench_figure *f = &figures->items[i];
        json_array_append_new(array, json_pack("{s:s, s:o, s:s, s:f, s:o}", "part", f->part, "name",
                                               json_text(f->name), "unit", f->unit, "value", f->value,
                                               "floor", f->floor > 0 ? json_real(f->floor) : json_null()));
    }
    return json_print(json_pack("{s:i, s:o, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:o}", "version", JSON_VERSION,
                                "model", json_text(path), "machine",
                                convoy_bench_machine(machine, sizeof machine), "code", session->code,
                                "precision", precision_text(session->precision), "workers",
                                (int)session->workers, "stragglers", (int)session->stragglers, "threads",
                                (int)session->threads, "runs", (int)options->runs, "figures", array),
                      JSON_FLOAT_DIGITS);
}

/* What the options leave to the plan is put in them. */
static convoy_status measure(struct bench_options *options, const convoy_model *model,
                             struct figures *figures, convoy_error *error) {
    char trials[PATH_MAX];
    struct progress progress;
    convoy_options session = options->cluster.session;
    progress_open(&progress, options->common.quiet);
    session.trial_folder = trials_folder(trials);
    session.planning = progress_planning;
    session.progress = progress_coding;
    session.progress_context = &progress;
    convoy_shape *shapes = shapes_close(model, options->size);
    convoy_status status = shapes ? convoy_options_settle(&session, model, shapes, error)
                                  : cli_error(error, CONVOY_E_MEMORY, "out of memory");
    if (status == CONVOY_OK)
        status = convoy_bench(model, shapes, &session, options->runs, keep_figure, figures, error);
    progress_clear(&progress);
    free(shapes);
    if (status == CONVOY_OK && figures->failed)
        status = cli_error(error, CONVOY_E_MEMORY, "out of memory");
    options->cluster.session.code = session.code;
    options->cluster.session.precision = session.precision;
    return status;
}

int bench_show_layers(struct bench_options *options, const convoy_model *model) {
    convoy_error error;
    struct figures figures = {0};
    const char *path = options->common.arguments.items[0];
    convoy_status status = measure(options, model, &figures, &error);
    bool printed = true;
    if (status == CONVOY_OK && options->csv)
        print_csv(&figures);
    else if (status == CONVOY_OK && options->json)
        printed = print_json(path, options, &figures);
    else if (status == CONVOY_OK)
        printed = print_table(&figures, path, options);
    if (!printed)
        status = cli_error(&error, CONVOY_E_MEMORY, "out of memory");
    figures_close(&figures);
    return status == CONVOY_OK ? finish_output() : report_error(&error);
}
