/* Workers without a model, measured for a profile. */
#include "session/session.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/processor.h"
#include "plan/profile_file.h"
#include "runtime/calibration.h"

#include <convoy/plan.h>

#include <stdio.h>

#define LONGEST_NS (60 * NS_PER_S)

static convoy_status make_workers(convoy_session *session, const convoy_options *options,
                                  convoy_error *error) {
    convoy_status status = session_workers_create(session, options, session->family, error);
    if (status != CONVOY_OK || (!options->listen && !options->spawn))
        return status;
    uint32_t came = 0;
    status = session_workers_wait(session, options, options->spawn ? options->spawn : options->workers, &came,
                                  error);
    if (status == CONVOY_OK && came < session->needed)
        status = error_set(error, CONVOY_E_WORKERS, "only %u of %u workers have come; %u are needed", came,
                           options->workers, session->needed);
    return status;
}

static void name_profile(struct profile *profile, const convoy_options *options) {
    snprintf(profile->name, sizeof profile->name, "%u %s, measured", profile_workers(profile),
             options->listen  ? "workers that dialled in"
             : options->spawn ? "processes of this machine"
                              : "threads of this machine");
}

convoy_status convoy_calibrate(const convoy_options *options, const char *path, convoy_error *error) {
    convoy_session *session = NULL;
    struct profile profile;
    if (!options || !path)
        return error_null(error, __func__);
    if (options->local)
        return error_set(error, CONVOY_E_USAGE, "a local session has no workers that could be measured");
    convoy_options running = *options; /* with workers, and with the system asked for what they need */
    running.plan_only = false;
    options = &running;
    convoy_status status = session_begin(&session, options, error);
    if (status == CONVOY_OK)
        status = make_workers(session, options, error);
    if (status == CONVOY_OK) {
        const struct calibration_options calibration = {.backend = session->backend,
                                                        .shared_processors =
                                                            options->listen ? 0 : processors_usable(),
                                                        .deadline_ns = clock_now_ns() + LONGEST_NS};
        status = cluster_calibrate(session->cluster, &calibration, &profile, error);
    }
    convoy_session_destroy(&session);
    if (status != CONVOY_OK)
        return status;
    name_profile(&profile, options);
    return profile_write(&profile, path, error);
}
