/* convoy plan: which layers go to workers, in which parts, what that takes, and whether it pays. */
#include "cleanup.h"
#include "commands.h"
#include "invitation.h"
#include "plan_view.h"
#include "save.h"
#include "shapes.h"
#include "signals.h"
#include "trials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_STRAGGLERS_SHOWN 3 /* of a range of cluster sizes, if --stragglers is not given */

#define AT(field) offsetof(struct plan_options, field)

/* clang-format off */
static const struct option plan_rows[] = {
    {.name = "out", .letter = 'o', .value = "FILE", .type = OPTION_TEXT, .offset = AT(out), .help = "write the plan, for run --plan; with --calibrate the profile"},
    {.name = "explain", .value = "LAYER", .type = OPTION_TEXT, .offset = AT(explain), .help = "every way to code this layer, and what it takes"},
    {.name = "svg", .value = "FILE", .type = OPTION_TEXT, .offset = AT(svg), .help = "draw what each layer's workers get, send and store over k_A (gnuplot)"},
    {.name = "calibrate", .type = OPTION_FLAG, .offset = AT(calibrate), .help = "no model: measure this machine and the workers, and write a profile to --out"},
    {.name = "json", .letter = 'j', .type = OPTION_FLAG, .offset = AT(json), .help = "one JSON object on standard output"},
    {.name = "size", .value = "S", .type = OPTION_SIZE, .offset = AT(size), .min = 1, .max = LARGEST_SIDE, .help = "side of the image if the model leaves it open"},
    {.name = NULL},
};
/* clang-format on */

static const struct option_group groups[] = {
    {.title = "Plan", .rows = plan_rows},
    {.title = "Workers", .rows = worker_range_rows, .offset = AT(cluster)},
    {.rows = cluster_rows, .offset = AT(cluster)},
    {.rows = endpoint_rows, .offset = AT(cluster)},
    {.title = "Code", .rows = code_rows, .offset = AT(cluster)},
};

static void init(void *given) {
    struct plan_options *options = given;
    session_settings_init(&options->cluster);
    options->size = USUAL_SIDE;
}

/* A session that only plans: it logs, and shows how far it is, until it is made. */
static convoy_status open_plan(convoy_session **session, const convoy_model *model,
                               const struct plan_options *options, uint32_t workers, uint32_t stragglers,
                               convoy_error *error) {
    convoy_options session_options = options->cluster.session;
    struct progress progress;
    char trials[PATH_MAX];
    progress_open(&progress, options->common.quiet);
    session_options.log = progress_log;
    session_options.log_context = &progress;
    session_options.planning = progress_planning;
    session_options.progress_context = &progress;
    session_options.plan_only = true;
    session_options.workers = workers;
    session_options.stragglers = stragglers;
    if (session_options.spawn > workers) /* of a range of sizes */
        session_options.spawn = workers;
    session_options.trial_folder = trials_folder(trials);
    if (session_options.distribute == CONVOY_DISTRIBUTE_AUTO)
        session_options.distribute = CONVOY_DISTRIBUTE_PAYING;
    convoy_shape *shapes = shapes_close(model, options->size);
    convoy_status status = shapes ? convoy_session_create(session, model, shapes, &session_options, error)
                                  : cli_error(error, CONVOY_E_MEMORY, "out of memory");
    free(shapes);
    progress_clear(&progress);
    return status;
}

/* ---- one cluster ---- */

/* The layer whose name is close to this one, or NULL. */
static const char *close_layer(const convoy_layer_info *layers, size_t count, const char *name) {
    const char *closest = NULL, **names = calloc(count + 1, sizeof *names);
    for (size_t i = 0; names && i < count; i++)
        names[i] = layers[i].name;
    if (names)
        closest = convoy_closest(name, names, count);
    free(names);
    return closest;
}

static convoy_status find_layer(const convoy_session *session, const char *name, size_t *layer,
                                convoy_error *error) {
    const convoy_layer_info *layers;
    const size_t count = convoy_session_layers(session, &layers);
    for (*layer = 0; *layer < count; ++*layer)
        if (strcmp(layers[*layer].name, name) == 0)
            return CONVOY_OK;
    const convoy_postponed *nodes;
    for (size_t i = convoy_session_postponed(session, &nodes); i > 0; i--)
        if (strcmp(nodes[i - 1].name, name) == 0)
            return cli_error(error, CONVOY_E_USAGE,
                             "--explain %s: this node is postponed to the end of a run, and never coded: %s",
                             name, nodes[i - 1].why);
    const char *closest = close_layer(layers, count, name);
    if (closest)
        return cli_error(error, CONVOY_E_USAGE, "--explain %s: no layer has that name; did you mean %s?",
                         name, closest);
    return cli_error(error, CONVOY_E_USAGE, "--explain %s: no layer has that name; convoy inspect lists them",
                     name);
}

static convoy_status print_plan(const convoy_session *session, const struct plan_options *options,
                                convoy_error *error) {
    const char *model = options->common.arguments.items[0];
    size_t layer = 0;
    bool printed;
    if (options->explain) {
        convoy_status status = find_layer(session, options->explain, &layer, error);
        if (status != CONVOY_OK)
            return status;
        printed = options->json ? plan_print_choices_json(session, layer)
                                : plan_print_choices(session, layer, options);
    } else {
        printed = options->json ? plan_print_json(session, model) : plan_print(session, options);
    }
    return printed ? CONVOY_OK : cli_error(error, CONVOY_E_MEMORY, "out of memory");
}

/* The files that the options name. */
static convoy_status write_files(const convoy_session *session, const struct plan_options *options,
                                 convoy_error *error) {
    if (options->svg && plan_draw(session, options, error) != CONVOY_OK)
        return error->status;
    return options->out ? convoy_session_plan_save(session, options->out, error) : CONVOY_OK;
}

static int plan_once(const convoy_model *model, const struct plan_options *options) {
    convoy_error error;
    convoy_session *session = NULL;
    int exit_status = EXIT_DONE;
    convoy_status status = open_plan(&session, model, options, options->cluster.session.workers,
                                     options->cluster.session.stragglers, &error);
    if (status == CONVOY_OK)
        status = print_plan(session, options, &error);
    if (status != CONVOY_OK)
        exit_status = report_error(&error);
    else if (write_files(session, options, &error) != CONVOY_OK)
        exit_status = report_unwritable(&error);
    convoy_session_destroy(&session);
    return exit_status;
}

/* ---- clusters of many sizes ---- */

static convoy_status plan_size(const convoy_model *model, const struct plan_options *options,
                               struct plan_sizes *sizes, uint32_t workers, uint32_t stragglers,
                               convoy_error *error) {
    convoy_session *session = NULL;
    convoy_status status = open_plan(&session, model, options, workers, stragglers, error);
    if (status == CONVOY_OK)
        plan_sizes_add(sizes, session, workers, stragglers);
    convoy_session_destroy(&session);
    return status;
}

static int plan_range(const convoy_model *model, struct plan_options *options) {
    convoy_error error;
    struct plan_sizes sizes;
    convoy_status status = CONVOY_OK;
    const bool given = options->cluster.stragglers_given;
    plan_sizes_open(&sizes, options);
    for (uint32_t n = options->cluster.worker_range[0]; n <= options->cluster.worker_range[1]; n++) {
        const uint32_t first = given ? options->cluster.session.stragglers : 0;
        const uint32_t last = given ? first : MOST_STRAGGLERS_SHOWN;
        for (uint32_t g = first; g <= last && g < n && status == CONVOY_OK; g++) {
            status = plan_size(model, options, &sizes, n, g, &error);
            options->cluster.session.retrial = false; /* once is enough */
        }
    }
    const bool printed = plan_sizes_close(&sizes, status == CONVOY_OK);
    if (status == CONVOY_OK && !printed)
        status = cli_error(&error, CONVOY_E_MEMORY, "out of memory");
    return status == CONVOY_OK ? EXIT_DONE : report_error(&error);
}

/* ---- calibration ---- */

static int calibrate(const struct plan_options *options) {
    convoy_error error;
    char path[PATH_MAX];
    struct progress progress;
    convoy_options session = options->cluster.session;
    struct invitation invitation = {.session = &session, .progress = &progress};
    progress_open(&progress, options->common.quiet);
    session.log = progress_log;
    session.log_context = &progress;
    session.listening = invitation_give;
    session.listening_context = &invitation;
    session.spawn_program = program_path(path);
    session.cancelled = signals_cancel;
    signals_defer(true);
    const convoy_status status = convoy_calibrate(&session, options->out, &error);
    cleanup_forget();
    progress_clear(&progress);
    if (status == CONVOY_E_CANCELLED) {
        signals_tell("no profile was written");
        return EXIT_OTHER;
    }
    if (status != CONVOY_OK)
        return report_error(&error);
    printf("%s: a profile of this machine and its workers; convoy plan MODEL --profile %s plans for them\n",
           options->out, options->out);
    return finish_output();
}

/* ---- what is asked for ---- */

static bool is_range(const struct plan_options *options) {
    return options->cluster.worker_range[0] != options->cluster.worker_range[1];
}

/* Of the options that only the plan of one cluster takes, one that is given; else NULL. */
static const char *find_single(const struct plan_options *options) {
    return options->svg ? "svg" : options->explain ? "explain" : NULL;
}

static convoy_status check_calibration(const struct plan_options *options, convoy_error *error) {
    const char *other = options->cluster.session.profile ? "profile"
                        : options->json                  ? "json"
                                                         : find_single(options);
    if (options->common.arguments.count > 0 || !options->out)
        return cli_error(error, CONVOY_E_USAGE,
                         "usage: convoy plan --calibrate -o PROFILE [--listen URL] (no model)");
    if (other)
        return cli_error(error, CONVOY_E_USAGE, "--%s is for a plan: --calibrate makes none", other);
    if (is_range(options))
        return cli_error(error, CONVOY_E_USAGE, "--calibrate measures one cluster, not %u to %u workers",
                         options->cluster.worker_range[0], options->cluster.worker_range[1]);
    return CONVOY_OK;
}

static convoy_status check_plan(const struct plan_options *options, convoy_error *error) {
    const char *single = options->out ? "out" : find_single(options);
    if (options->common.arguments.count != 1)
        return cli_error(error, CONVOY_E_USAGE, "%zu models; usage: convoy plan MODEL",
                         options->common.arguments.count);
    if (is_range(options) && single)
        return cli_error(error, CONVOY_E_USAGE, "--%s is for a cluster of one size, not %u to %u workers",
                         single, options->cluster.worker_range[0], options->cluster.worker_range[1]);
    if (options->cluster.session.listen)
        return cli_error(error, CONVOY_E_USAGE,
                         "--listen is for --calibrate, whose profile a plan takes with --profile");
    return CONVOY_OK;
}

/* Whether the files that the options name can be written, before anything takes long. */
static convoy_status check_files(const struct plan_options *options, convoy_error *error) {
    struct files_read read = {.others = {options->calibrate ? NULL : options->common.arguments.items[0]}};
    save_note_session(&read, 1, &options->cluster.session);
    convoy_status status = CONVOY_OK;
    if (options->out)
        status = save_check_file(&read, "out", options->out, error);
    if (status == CONVOY_OK && options->svg)
        status = save_check_file(&read, "svg", options->svg, error);
    if (status == CONVOY_OK)
        status = save_check_apart("svg", options->svg, "out", options->out, error);
    return status;
}

static convoy_status finish(void *given, convoy_error *error) {
    struct plan_options *options = given;
    options->cluster.lambda_shown = options->explain || options->svg;
    convoy_status status = session_settings_finish(&options->cluster, error);
    if (status != CONVOY_OK)
        return status;
    return options->calibrate ? check_calibration(options, error) : check_plan(options, error);
}

static int run(void *given) {
    struct plan_options *options = given;
    convoy_error error;
    convoy_model *model = NULL;
    if (check_files(options, &error) != CONVOY_OK)
        return report_unwritable(&error);
    if (options->calibrate)
        return calibrate(options);
    if (convoy_model_load(&model, options->common.arguments.items[0], &error) != CONVOY_OK)
        return report_error(&error);
    const int exit_status = is_range(options) ? plan_range(model, options) : plan_once(model, options);
    convoy_model_destroy(&model);
    return exit_status == EXIT_DONE ? finish_output() : exit_status;
}

const struct command command_plan = {
    .name = "plan",
    .arguments = "MODEL",
    .summary = "what workers would compute, and whether it pays",
    .groups = groups,
    .group_count = sizeof groups / sizeof groups[0],
    .options_size = sizeof(struct plan_options),
    .init = init,
    .finish = finish,
    .run = run,
};
