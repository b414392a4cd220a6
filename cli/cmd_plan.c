/* convoy plan: which layers go to workers, in which parts, what that takes, and whether it pays. */
#include "cleanup.h"
#include "commands.h"
#include "invitation.h"
#include "plan_view.h"
#include "save.h"
#include "shapes.h"
#include "trials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_STRAGGLERS_SHOWN 3 /* of a range of cluster sizes, if --stragglers is not given */

/* A session that only plans. */
static convoy_status open_plan(convoy_session **session, const convoy_model *model,
                               const struct cli_options *options, uint32_t workers, uint32_t stragglers,
                               convoy_error *error) {
    convoy_options session_options = options->session;
    char trials[PATH_MAX];
    session_options.plan_only = true;
    session_options.workers = workers;
    session_options.stragglers = stragglers;
    session_options.trial_folder = trials_folder(trials);
    if (session_options.distribute == CONVOY_DISTRIBUTE_AUTO)
        session_options.distribute = CONVOY_DISTRIBUTE_PAYING;
    convoy_shape *shapes = shapes_close(model, options->image.size);
    convoy_status status = shapes ? convoy_session_create(session, model, shapes, &session_options, error)
                                  : cli_error(error, CONVOY_E_MEMORY, "out of memory");
    free(shapes);
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
    if (!printed)
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    if (options->svg && plan_draw(session, options, error) != CONVOY_OK)
        return error->status;
    return options->plan_out ? convoy_session_plan_save(session, options->plan_out, error) : CONVOY_OK;
}

static convoy_status plan_once(const convoy_model *model, const struct cli_options *options,
                               convoy_error *error) {
    convoy_session *session = NULL;
    convoy_status status =
        open_plan(&session, model, options, options->session.workers, options->session.stragglers, error);
    if (status == CONVOY_OK)
        status = print_plan(session, options, error);
    convoy_session_destroy(&session);
    return status;
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

static convoy_status plan_range(const convoy_model *model, const struct cli_options *options,
                                convoy_error *error) {
    struct plan_sizes sizes;
    convoy_status status = CONVOY_OK;
    const bool given = options->stragglers_given;
    plan_sizes_open(&sizes, options->json);
    for (uint32_t n = options->worker_range[0]; n <= options->worker_range[1]; n++) {
        const uint32_t first = given ? options->session.stragglers : 0;
        const uint32_t last = given ? first : MOST_STRAGGLERS_SHOWN;
        for (uint32_t g = first; g <= last && g < n && status == CONVOY_OK; g++)
            status = plan_size(model, options, &sizes, n, g, error);
    }
    const bool printed = plan_sizes_close(&sizes, status == CONVOY_OK);
    if (status == CONVOY_OK && !printed)
        status = cli_error(error, CONVOY_E_MEMORY, "out of memory");
    return status;
}

/* ---- calibration ---- */

/* An option that a calibration would not follow; NULL: none. */
static const char *unfit_to_calibrate(const struct cli_options *options) {
    if (options->worker_range[0] != options->worker_range[1])
        return "workers A..B";
    return options->explain           ? "explain"
           : options->svg             ? "svg"
           : options->json            ? "json"
           : options->session.profile ? "profile"
                                      : NULL;
}

static int calibrate(const struct cli_options *options) {
    convoy_error error;
    char path[PATH_MAX];
    struct progress progress;
    convoy_options session = options->session;
    struct invitation invitation = {.options = options, .progress = &progress};
    if (options->arguments.count > 0 || !options->plan_out) {
        cli_error(&error, CONVOY_E_USAGE,
                  "usage: convoy plan --calibrate -o PROFILE [--listen URL] (no model)");
        return report_error(&error);
    }
    const char *unfit = unfit_to_calibrate(options);
    if (unfit) {
        cli_error(&error, CONVOY_E_USAGE, "--%s beside --calibrate: it is for plans of a model", unfit);
        return report_error(&error);
    }
    if (save_check_file(options, "out", options->plan_out, &error) != CONVOY_OK)
        return report_error(&error);
    progress_open(&progress, options->quiet);
    session.log = progress_log;
    session.log_context = &progress;
    session.listening = invitation_give;
    session.listening_context = &invitation;
    session.spawn_program = program_path(path);
    const convoy_status status = convoy_calibrate(&session, options->plan_out, &error);
    cleanup_forget();
    progress_clear(&progress);
    if (status != CONVOY_OK)
        return report_error(&error);
    printf("%s: a profile of this machine and its workers; convoy plan MODEL --profile %s plans for them\n",
           options->plan_out, options->plan_out);
    return finish_output();
}

int command_plan(const struct cli_options *options) {
    convoy_error error;
    convoy_model *model = NULL;
    const bool range = options->worker_range[0] != options->worker_range[1];
    convoy_status status = CONVOY_OK;
    if (options->calibrate)
        return calibrate(options);
    if (options->arguments.count != 1)
        status = cli_error(&error, CONVOY_E_USAGE, "%zu models; usage: convoy plan MODEL",
                           options->arguments.count);
    else if (range && (options->plan_out || options->explain || options->svg))
        status = cli_error(&error, CONVOY_E_USAGE, "--%s is for a cluster of one size, not %u to %u workers",
                           options->plan_out ? "out"
                           : options->svg    ? "svg"
                                             : "explain",
                           options->worker_range[0], options->worker_range[1]);
    if (status == CONVOY_OK && options->plan_out)
        status = save_check_file(options, "out", options->plan_out, &error);
    if (status == CONVOY_OK)
        status = convoy_model_load(&model, options->arguments.items[0], &error);
    if (status == CONVOY_OK)
        status = range ? plan_range(model, options, &error) : plan_once(model, options, &error);
    convoy_model_destroy(&model);
    return status == CONVOY_OK ? finish_output() : report_error(&error);
}
