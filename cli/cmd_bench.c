/* convoy bench: speed, beside the limits of the machine. */
#include "commands.h"
#include "json.h"
#include "progress.h"
#include "shapes.h"
#include "table.h"
#include "trials.h"

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

static bool print_table(const struct figures *figures, const char *path, const struct cli_options *options) {
    char machine[512];
    const convoy_options *session = &options->session;
    printf("%s\n%s: %s code, precision %s, n = %u, γ = %u, threads %u; medians of %u runs\n\n",
           convoy_bench_machine(machine, sizeof machine), path, session->code,
           precision_text(session->precision), session->workers, session->stragglers, session->threads,
           options->runs);
    struct table table;
    table_open(&table, "<<><>>");
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

/* What the options leave to the plan is put in them. */
static convoy_status measure(struct cli_options *options, const convoy_model *model, struct figures *figures,
                             convoy_error *error) {
    char trials[PATH_MAX];
    struct progress progress;
    convoy_options session = options->session;
    progress_open(&progress, options->quiet);
    session.trial_folder = trials_folder(trials);
    session.planning = progress_planning;
    session.progress = progress_coding;
    session.progress_context = &progress;
    convoy_shape *shapes = shapes_close(model, options->image.size);
    convoy_status status = shapes ? convoy_options_settle(&session, model, shapes, error)
                                  : cli_error(error, CONVOY_E_MEMORY, "out of memory");
    if (status == CONVOY_OK)
        status = convoy_bench(model, shapes, &session, options->runs, keep_figure, figures, error);
    progress_clear(&progress);
    free(shapes);
    if (status == CONVOY_OK && figures->failed)
        status = cli_error(error, CONVOY_E_MEMORY, "out of memory");
    options->session.code = session.code;
    options->session.precision = session.precision;
    return status;
}

int command_bench(const struct cli_options *given) {
    convoy_error error;
    struct cli_options own = *given, *options = &own;
    convoy_model *model = NULL;
    struct figures figures = {0};
    const char *path = options->arguments.count == 1 ? options->arguments.items[0] : NULL;
    convoy_status status = path ? convoy_model_load(&model, path, &error)
                                : cli_error(&error, CONVOY_E_USAGE, "%zu models; usage: convoy bench MODEL",
                                            options->arguments.count);
    if (status == CONVOY_OK)
        status = measure(options, model, &figures, &error);
    bool printed = true;
    if (status == CONVOY_OK && options->csv)
        print_csv(&figures);
    else if (status == CONVOY_OK && options->json)
        printed = json_bench_print(path, options, figures.items, figures.count);
    else if (status == CONVOY_OK)
        printed = print_table(&figures, path, options);
    if (!printed)
        status = cli_error(&error, CONVOY_E_MEMORY, "out of memory");
    figures_close(&figures);
    convoy_model_destroy(&model);
    return status == CONVOY_OK ? finish_output() : report_error(&error);
}
