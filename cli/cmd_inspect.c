/* convoy inspect: a model's graph, and which of its layers can be coded. */
#include "commands.h"
#include "inspect_json.h"
#include "progress.h"
#include "session_settings.h"
#include "shapes.h"
#include "table.h"
#include "trials.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct inspect_options {
    struct common_options common;
    struct session_settings cluster;
    int64_t size; /* side of the image if the model leaves it open */
    bool operators, json;
};

#define AT(field) offsetof(struct inspect_options, field)

/* clang-format off */
static const struct option rows[] = {
    {.name = "json", .letter = 'j', .type = OPTION_FLAG, .offset = AT(json), .help = "one JSON object on standard output"},
    {.name = "operators", .type = OPTION_FLAG, .offset = AT(operators), .help = "no model: each operator that is supported, and the first and last operator set"},
    {.name = "size", .value = "S", .type = OPTION_SIZE, .offset = AT(size), .min = 1, .max = LARGEST_SIDE, .help = "side of the image if the model leaves it open"},
    {.name = NULL},
};
/* clang-format on */

static const struct option_group groups[] = {
    {.title = "What is shown", .rows = rows},
    {.title = "Workers", .rows = worker_count_rows, .offset = AT(cluster)},
    {.rows = cluster_rows, .offset = AT(cluster)},
    {.title = "Code and plan", .rows = code_rows, .offset = AT(cluster)},
};

static void init(void *given) {
    struct inspect_options *options = given;
    session_settings_init(&options->cluster);
    options->size = USUAL_SIDE;
}

static convoy_status finish(void *options, convoy_error *error) {
    return session_settings_finish(&((struct inspect_options *)options)->cluster, error);
}

static void print_values(const char *what, const convoy_value_info *values, size_t count) {
    char shape[128];
    for (size_t i = 0; i < count; i++)
        printf("%-7s %s  %s %s\n", what, values[i].name, convoy_dtype_text(values[i].dtype),
               values[i].shaped ? convoy_shape_text(&values[i].shape, shape, sizeof shape) : "unknown shape");
}

static void add_number(struct table *table, uint64_t number) {
    if (number)
        table_cell(table, "%" PRIu64, number);
    else
        table_cell(table, "%s", "");
}

static void add_row(struct table *table, const convoy_layer_info *layer) {
    char shape[128];
    table_cell(table, "%s", layer->name);
    table_cell(table, "%s", layer->op);
    table_cell(table, "%s", convoy_shape_text(&layer->shape, shape, sizeof shape));
    add_number(table, layer->macs);
    add_number(table, layer->weights_bytes);
    if (layer->codable) {
        table_cell(table, "%ux%u", layer->input_parts, layer->filter_parts);
        table_cell(table, "%u", layer->threshold);
        table_cell(table, "%s", "");
    } else {
        table_cell(table, "%s", "here");
        table_cell(table, "%s", "");
        table_cell(table, "%s", layer->why ? layer->why : "");
    }
}

static void print_model(const char *path, const convoy_model *model) {
    const convoy_value_info *inputs, *outputs;
    const size_t input_count = convoy_model_inputs(model, &inputs);
    const size_t output_count = convoy_model_outputs(model, &outputs);
    printf("%s, opset %lld\n", path, (long long)convoy_model_opset(model));
    print_values("input", inputs, input_count);
    print_values("output", outputs, output_count);
    printf("\n");
}

/* An operator, with its domain if that is not ONNX's own. */
static void add_operator(struct table *table, const char *domain, const char *op) {
    table_cell(table, "%s%s%s", domain, *domain ? ":" : "", op);
}

/* What is computed at the end of a run, if there is anything. */
static bool print_postponed(const convoy_session *session) {
    const convoy_postponed *nodes;
    const size_t count = convoy_session_postponed(session, &nodes);
    if (count == 0)
        return true;
    struct table table;
    table_open(&table, "n<w");
    table_cell(&table, "postponed node");
    table_cell(&table, "op");
    table_cell(&table, "why");
    for (size_t i = 0; i < count; i++) {
        table_cell(&table, "%s", nodes[i].name);
        add_operator(&table, nodes[i].domain, nodes[i].op);
        table_cell(&table, "%s", nodes[i].why);
    }
    printf("\n");
    const bool printed = table_print(&table, stdout);
    table_close(&table);
    printf("\n%zu node%s postponed: computed here at the end of a run, neither coded nor planned\n", count,
           count == 1 ? " is" : "s are");
    return printed;
}

static bool print_layers(const convoy_options *options, const convoy_session *session) {
    static const char *const heads[] = {"layer",   "op",    "output", "multiply-adds",
                                        "weights", "parts", "δ",      "why not coded"};
    struct table table;
    table_open(&table, "nn<>><>w");
    for (size_t i = 0; i < table.columns; i++)
        table_cell(&table, "%s", heads[i]);
    const convoy_layer_info *layers;
    const size_t count = convoy_session_layers(session, &layers);
    uint64_t macs = 0, coded_macs = 0, bytes = 0;
    size_t coded = 0;
    for (size_t i = 0; i < count; i++) {
        add_row(&table, &layers[i]);
        macs += layers[i].macs;
        bytes += layers[i].weights_bytes;
        coded_macs += layers[i].codable ? layers[i].macs : 0;
        coded += layers[i].codable;
    }
    const bool printed = table_print(&table, stdout);
    table_close(&table);
    printf("\n%zu layer%s, %" PRIu64 " multiply-adds, %" PRIu64 " bytes of weights\n", count,
           count == 1 ? "" : "s", macs, bytes);
    printf("%s on %u worker%s: %zu layer%s, %.1f %% of the multiply-adds\n", options->code, options->workers,
           options->workers == 1 ? "" : "s", coded, coded == 1 ? "" : "s",
           macs ? 100.0 * (double)coded_macs / (double)macs : 0.0);
    return printed;
}

static bool print_for_people(const char *path, const convoy_model *model, const convoy_options *options,
                             const convoy_session *session) {
    print_model(path, model);
    return print_layers(options, session) && print_postponed(session);
}

static bool print_nodes_table(const convoy_model *model) {
    const convoy_node_info *nodes;
    const size_t count = convoy_model_nodes(model, &nodes);
    struct table table;
    table_open(&table, "n<<");
    table_cell(&table, "node");
    table_cell(&table, "op");
    table_cell(&table, "supported");
    for (size_t i = 0; i < count; i++) {
        table_cell(&table, "%*s%s", 2 * (int)nodes[i].depth, "", nodes[i].name);
        add_operator(&table, nodes[i].domain, nodes[i].op);
        table_cell(&table, "%s", nodes[i].supported ? "yes" : "no");
    }
    const bool printed = table_print(&table, stdout);
    table_close(&table);
    return printed;
}

static bool print_unsupported_table(const convoy_model *model) {
    const convoy_unsupported *operators;
    const size_t count = convoy_model_unsupported(model, &operators);
    struct table table;
    table_open(&table, "<>n");
    table_cell(&table, "not supported");
    table_cell(&table, "nodes");
    table_cell(&table, "first node");
    for (size_t i = 0; i < count; i++) {
        add_operator(&table, operators[i].domain, operators[i].op);
        table_cell(&table, "%zu", operators[i].count);
        table_cell(&table, "%s", operators[i].first);
    }
    const bool printed = table_print(&table, stdout);
    table_close(&table);
    return printed;
}

/* The graph of a model that cannot be run, since operators are missing. */
static bool print_nodes(const char *path, const convoy_model *model) {
    print_model(path, model);
    const bool printed = print_nodes_table(model);
    printf("\n");
    return printed && print_unsupported_table(model);
}

/* Says why a model cannot be run, after its graph if operators are missing. Returns the exit status. */
static int refuse_model(const struct inspect_options *options, const convoy_model *model,
                        const convoy_error *error) {
    const char *path = options->common.arguments.items[0];
    const convoy_unsupported *operators;
    if (error->status == CONVOY_E_UNSUPPORTED && convoy_model_unsupported(model, &operators) > 0) {
        const bool printed = options->json ? inspect_json_print_nodes(path, model) : print_nodes(path, model);
        const int exit_status = printed ? finish_output() : EXIT_OTHER;
        if (exit_status != EXIT_DONE)
            return exit_status;
    }
    return report_error(error);
}

static int inspect_model(struct inspect_options *options, const convoy_model *model) {
    const char *path = options->common.arguments.items[0];
    convoy_session *session = NULL;
    convoy_error error;
    convoy_options session_options = options->cluster.session;
    char trials[PATH_MAX];
    struct progress progress;
    progress_open(&progress, options->common.quiet);
    session_options.plan_only = true;
    session_options.planning = progress_planning;
    session_options.progress_context = &progress;
    session_options.trial_folder = trials_folder(trials);
    convoy_shape *shapes = shapes_close(model, options->size);
    const convoy_status status =
        shapes ? convoy_session_create(&session, model, shapes, &session_options, &error)
               : cli_error(&error, CONVOY_E_MEMORY, "out of memory");
    free(shapes);
    progress_clear(&progress);
    if (status != CONVOY_OK)
        return refuse_model(options, model, &error);
    session_settings_settle(&options->cluster.session, session);
    const bool printed = options->json ? inspect_json_print(path, model, session)
                                       : print_for_people(path, model, &options->cluster.session, session);
    convoy_session_destroy(&session);
    if (!printed) {
        cli_error(&error, CONVOY_E_MEMORY, "out of memory");
        return report_error(&error);
    }
    return finish_output();
}

/* --operators: what there is for every model. */
static int list_operators(const struct inspect_options *options) {
    convoy_error error;
    const size_t count = convoy_operators(NULL, 0);
    convoy_operator *operators = calloc(count + 1, sizeof *operators);
    if (options->common.arguments.count > 0) {
        cli_error(&error, CONVOY_E_USAGE, "--operators takes no model, and no %s",
                  options->common.arguments.items[0]);
    } else if (!operators) {
        cli_error(&error, CONVOY_E_MEMORY, "out of memory");
    } else {
        convoy_operators(operators, count);
        for (size_t i = 0; i < count; i++)
            printf("%s%s%s %" PRId64 " %" PRId64 "\n", operators[i].domain, *operators[i].domain ? ":" : "",
                   operators[i].name, operators[i].first_opset, operators[i].last_opset);
        free(operators);
        return finish_output();
    }
    free(operators);
    return report_error(&error);
}

static int run(void *given) {
    struct inspect_options *options = given;
    convoy_error error;
    if (options->operators)
        return list_operators(options);
    if (options->common.arguments.count != 1) {
        cli_error(&error, CONVOY_E_USAGE, "%zu models; usage: convoy inspect MODEL",
                  options->common.arguments.count);
        return report_error(&error);
    }
    convoy_model *model = NULL;
    if (convoy_model_load(&model, options->common.arguments.items[0], &error) != CONVOY_OK)
        return report_error(&error);
    const int exit_status = inspect_model(options, model);
    convoy_model_destroy(&model);
    return exit_status;
}

const struct command command_inspect = {
    .name = "inspect",
    .arguments = "MODEL",
    .summary = "the layers: shapes, costs, which can be coded",
    .groups = groups,
    .group_count = sizeof groups / sizeof groups[0],
    .options_size = sizeof(struct inspect_options),
    .init = init,
    .finish = finish,
    .run = run,
};
