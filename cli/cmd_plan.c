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

/* A session that only plans: it logs, and shows how far it is, until it is made. */
static convoy_status open_plan(convoy_session **session, const convoy_model *model,
                               const struct cli_options *options, uint32_t workers, uint32_t stragglers,
                               convoy_error *error) {
    convoy_options session_options = options->session;
    struct progress progress;
    char trials[PATH_MAX];
    progress_open(&progress, options->quiet);
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
    convoy_shape *shapes = shapes_close(model, options->image.size);
    convoy_status status = shapes ? convoy_session_create(session, model, shapes, &session_options, error)
                                  : cli_error(error, CONVOY_E_MEMORY, "out of memory");
    free(shapes);
    progress_clear(&progress);
    return status;
}

/* ---- one cluster ---- */

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
    return cli_error(error, CONVOY_E_USAGE, "--explain %s: no layer has that name; convoy inspect lists them",
                     name);
}

static convoy_status print_plan(const convoy_session *session, const struct cli_options *options,
                                convoy_error *error) {
    const char *model = options->arguments.items[0];
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
static convoy_status write_files(const convoy_session *session, const struct cli_options *options,
                                 convoy_error *error) {
    if (options->svg && plan_draw(session, options, error) != CONVOY_OK)
        return error->status;
    return options->plan_out ? convoy_session_plan_save(session, options->plan_out, error) : CONVOY_OK;
}

static int plan_once(const convoy_model *model, const struct cli_options *options) {
    convoy_error error;
    convoy_session *session = NULL;
    int exit_status = EXIT_DONE;
    convoy_status status =
        open_plan(&session, model, options, options->session.workers, options->session.stragglers, &error);
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

static convoy_status plan_size(const convoy_model *model, const struct cli_options *options,
                               struct plan_sizes *sizes, uint32_t workers, uint32_t stragglers,
                               convoy_error *error) {
    convoy_session *session = NULL;
    convoy_status status = open_plan(&session, model, options, workers, stragglers, error);
    if (status == CONVOY_OK)
        plan_sizes_add(sizes, session, workers, stragglers);
    convoy_session_destroy(&session);
    return status;
}

static int plan_range(const convoy_model *model, const struct cli_options *options) {
    convoy_error error;
    struct plan_sizes sizes;
    convoy_status status = CONVOY_OK;
    const bool given = options->stragglers_given;
    plan_sizes_open(&sizes, options);
    for (uint32_t n = options->worker_range[0]; n <= options->worker_range[1]; n++) {
        const uint32_t first = given ? options->session.stragglers : 0;
        const uint32_t last = given ? first : MOST_STRAGGLERS_SHOWN;
        for (uint32_t g = first; g <= last && g < n && status == CONVOY_OK; g++)
            status = plan_size(model, options, &sizes, n, g, &error);
    }
    const bool printed = plan_sizes_close(&sizes, status == CONVOY_OK);
    if (status == CONVOY_OK && !printed)
        status = cli_error(&error, CONVOY_E_MEMORY, "out of memory");
    return status == CONVOY_OK ? EXIT_DONE : report_error(&error);
}

/* ---- calibration ---- */

static int calibrate(const struct cli_options *options) {
    convoy_error error;
    char path[PATH_MAX];
    struct progress progress;
    convoy_options session = options->session;
    struct invitation invitation = {.options = options, .progress = &progress};
    progress_open(&progress, options->quiet);
    session.log = progress_log;
    session.log_context = &progress;
    session.listening = invitation_give;
    session.listening_context = &invitation;
    session.spawn_program = program_path(path);
    session.cancelled = signals_cancel;
    signals_defer(true);
    const convoy_status status = convoy_calibrate(&session, options->plan_out, &error);
    cleanup_forget();
    progress_clear(&progress);
    if (status == CONVOY_E_CANCELLED) {
        signals_tell("no profile was written");
        return EXIT_OTHER;
    }
    if (status != CONVOY_OK)
        return report_error(&error);
    printf("%s: a profile of this machine and its workers; convoy plan MODEL --profile %s plans for them\n",
           options->plan_out, options->plan_out);
    return finish_output();
}

/* ---- what is asked for ---- */

static bool is_range(const struct cli_options *options) {
    return options->worker_range[0] != options->worker_range[1];
}

/* Of the options that only the plan of one cluster takes, one that is given; else NULL. */
static const char *find_single(const struct cli_options *options) {
    return options->svg ? "svg" : options->explain ? "explain" : NULL;
}

static convoy_status check_calibration(const struct cli_options *options, convoy_error *error) {
    const char *other = options->session.profile ? "profile" : options->json ? "json" : find_single(options);
    if (options->arguments.count > 0 || !options->plan_out)
        return cli_error(error, CONVOY_E_USAGE,
                         "usage: convoy plan --calibrate -o PROFILE [--listen URL] (no model)");
    if (other)
        return cli_error(error, CONVOY_E_USAGE, "--%s is for a plan: --calibrate makes none", other);
    if (is_range(options))
        return cli_error(error, CONVOY_E_USAGE, "--calibrate measures one cluster, not %u to %u workers",
                         options->worker_range[0], options->worker_range[1]);
    return CONVOY_OK;
}

static convoy_status check_plan(const struct cli_options *options, convoy_error *error) {
    const char *single = options->plan_out ? "out" : find_single(options);
    if (options->arguments.count != 1)
        return cli_error(error, CONVOY_E_USAGE, "%zu models; usage: convoy plan MODEL",
                         options->arguments.count);
    if (is_range(options) && single)
        return cli_error(error, CONVOY_E_USAGE, "--%s is for a cluster of one size, not %u to %u workers",
                         single, options->worker_range[0], options->worker_range[1]);
    if (options->session.listen)
        return cli_error(error, CONVOY_E_USAGE,
                         "--listen is for --calibrate, whose profile a plan takes with --profile");
    return CONVOY_OK;
}

/* Whether the files that the options name can be written, before anything takes long. */
static convoy_status check_files(const struct cli_options *options, convoy_error *error) {
    convoy_status status = CONVOY_OK;
    if (options->plan_out)
        status = save_check_file(options, "out", options->plan_out, error);
    if (status == CONVOY_OK && options->svg)
        status = save_check_file(options, "svg", options->svg, error);
    return status;
}

int command_plan(const struct cli_options *options) {
    convoy_error error;
    convoy_model *model = NULL;
    const convoy_status status =
        options->calibrate ? check_calibration(options, &error) : check_plan(options, &error);
    if (status != CONVOY_OK)
        return report_error(&error);
    if (check_files(options, &error) != CONVOY_OK)
        return report_unwritable(&error);
    if (options->calibrate)
        return calibrate(options);
    if (convoy_model_load(&model, options->arguments.items[0], &error) != CONVOY_OK)
        return report_error(&error);
    const int exit_status = is_range(options) ? plan_range(model, options) : plan_once(model, options);
    convoy_model_destroy(&model);
    return exit_status == EXIT_DONE ? finish_output() : exit_status;
}
