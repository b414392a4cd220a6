/* convoy bench: how fast a model runs here. */
#include "bench_options.h"
#include "bench_views.h"
#include "commands.h"
#include "save.h"
#include "shapes.h"
#include "signals.h"

#define AT(field)         offsetof(struct bench_options, field)
#define USUAL_DURATION_NS UINT64_C(3000000000)
#define USUAL_RUNS        9

/* clang-format off */
static const struct option rows[] = {
    {.name = "duration", .value = "SECONDS", .type = OPTION_TIME, .offset = AT(duration_ns), .given = AT(duration_given), .help = "how long inferences of each kind are measured, after a second of warm-up"},
    {.name = "in-flight", .value = "J", .type = OPTION_COUNT, .offset = AT(in_flight), .min = 1, .max = CONVOY_MAX_IN_FLIGHT, .given = AT(in_flight_given), .help = "inferences at once"},
    {.name = "layers", .type = OPTION_FLAG, .offset = AT(layers), .help = "figures of kernels, coding and single layers instead, each beside its floor"},
    {.name = "runs", .value = "R", .type = OPTION_COUNT, .offset = AT(runs), .min = 1, .max = 1000, .given = AT(runs_given), .help = "with --layers: of which medians are taken"},
    {.name = "svg", .value = "FILE", .type = OPTION_TEXT, .offset = AT(svg), .help = "draw how many inferences take no longer than so long (gnuplot)"},
    {.name = "trace", .value = "FILE", .type = OPTION_TEXT, .offset = AT(trace), .help = "write every step of the master and its workers, for Perfetto"},
    {.name = "csv", .type = OPTION_FLAG, .offset = AT(csv), .help = "comma separated values on standard output"},
    {.name = "json", .letter = 'j', .type = OPTION_FLAG, .offset = AT(json), .help = "one JSON object on standard output"},
    {.name = "size", .value = "S", .type = OPTION_SIZE, .offset = AT(size), .min = 1, .max = LARGEST_SIDE, .help = "side of the image if the model leaves it open"},
    {.name = NULL},
};
/* clang-format on */

static const struct option_group groups[] = {
    {.title = "Measuring", .rows = rows},
    {.title = "Workers", .rows = worker_count_rows, .offset = AT(cluster)},
    {.rows = cluster_rows, .offset = AT(cluster)},
    {.rows = local_rows, .offset = AT(cluster)},
    {.rows = endpoint_rows, .offset = AT(cluster)},
    {.title = "Code and plan", .rows = code_rows, .offset = AT(cluster)},
    {.rows = verify_rows, .offset = AT(cluster)},
};

static void init(void *given) {
    struct bench_options *options = given;
    session_settings_init(&options->cluster);
    options->size = USUAL_SIDE;
    options->duration_ns = USUAL_DURATION_NS;
    options->in_flight = 1;
    options->runs = USUAL_RUNS;
}

/* The name of an option that --layers does nothing with; NULL: none is given. */
static const char *idle_option(const struct bench_options *options) {
    const convoy_options *session = &options->cluster.session;
    return options->duration_given    ? "duration"
           : options->in_flight_given ? "in-flight"
           : options->svg             ? "svg"
           : options->trace           ? "trace"
           : session->local           ? "local"
           : session->listen          ? "listen"
           : session->spawn           ? "spawn"
                                      : NULL;
}

static convoy_status finish(void *given, convoy_error *error) {
    struct bench_options *options = given;
    const struct text_list *arguments = &options->common.arguments;
    if (arguments->count != 1)
        return cli_error(error, CONVOY_E_USAGE, "%zu models; usage: convoy bench MODEL", arguments->count);
    if (options->layers && idle_option(options))
        return cli_error(error, CONVOY_E_USAGE,
                         "--%s changes nothing with --layers, which takes medians of --runs on threads",
                         idle_option(options));
    if (!options->layers && options->runs_given)
        return cli_error(error, CONVOY_E_USAGE,
                         "--runs goes with --layers; --duration says how long inferences are measured");
    if (options->duration_ns == 0)
        return cli_error(error, CONVOY_E_USAGE, "--duration 0: inferences take some time; 3 is usual");
    if (options->csv && options->json)
        return cli_error(error, CONVOY_E_USAGE, "--csv and --json: it is the one or the other");
    return session_settings_finish(&options->cluster, error);
}

static convoy_status check_file(const struct bench_options *options, const char *option, const char *file,
                                convoy_error *error) {
    struct files_read read = {.others = {options->common.arguments.items[0]}};
    save_note_session(&read, 1, &options->cluster.session);
    return file ? save_check_file(&read, option, file, error) : CONVOY_OK;
}

static int run(void *given) {
    struct bench_options *options = given;
    convoy_error error;
    convoy_model *model = NULL;
    if (options->layers)
        signals_defer(false); /* kernels and coding do not look */
    if (check_file(options, "svg", options->svg, &error) != CONVOY_OK ||
        check_file(options, "trace", options->trace, &error) != CONVOY_OK ||
        save_check_apart("svg", options->svg, "trace", options->trace, &error) != CONVOY_OK)
        return report_unwritable(&error);
    if (convoy_model_load(&model, options->common.arguments.items[0], &error) != CONVOY_OK)
        return report_error(&error);
    const int exit_status =
        options->layers ? bench_show_layers(options, model) : bench_show_latency(options, model);
    convoy_model_destroy(&model);
    return exit_status;
}

const struct command command_bench = {
    .name = "bench",
    .arguments = "MODEL",
    .summary = "how long inferences take, alone and on workers",
    .groups = groups,
    .group_count = sizeof groups / sizeof groups[0],
    .options_size = sizeof(struct bench_options),
    .init = init,
    .finish = finish,
    .run = run,
    .defers = true,
};
