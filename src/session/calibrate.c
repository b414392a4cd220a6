/* Workers without a model, measured for a profile. */
#include "session/session.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/processor.h"
#include "plan/profile_file.h"
#include "runtime/calibration.h"

#include <convoy/plan.h>

#include <stdio.h>

#define LONGEST_NS (60 * NS_PER_S)

/* Workers that leave while they are measured may make the others too few, though more have come meanwhile. */
enum { MOST_TRIES = 3 };

static void name_profile(struct profile *profile, const convoy_options *options) {
    snprintf(profile->name, sizeof profile->name, "%u %s, measured", profile_workers(profile),
             options->listen  ? "workers that dialled in"
             : options->spawn ? "processes of this machine"
                              : "threads of this machine");
    processor_name(profile->processor, sizeof profile->processor);
}

convoy_status session_calibrate(convoy_session *session, const convoy_options *options, uint32_t wanted,
                                convoy_error *error) {
    uint32_t came = wanted;
    convoy_status status = CONVOY_OK;
    if (options->listen || options->spawn)
        status = session_workers_wait(session, options, wanted, &came, error);
    if (status == CONVOY_OK && came < session->needed)
        status = error_set(error, CONVOY_E_WORKERS, "only %u of %u workers have come; %u are needed", came,
                           options->workers, session->needed);
    if (status != CONVOY_OK)
        return status;
    log_line(&(struct log){options->log, options->log_context}, CONVOY_LOG_INFO,
             "measuring %u workers and the link, which takes some seconds", cluster_living(session->cluster));
    const struct calibration_options calibration = {.backend = session->backend,
                                                    .shared_processors =
                                                        options->listen ? 0 : processors_usable(),
                                                    .deadline_ns = clock_now_ns() + LONGEST_NS};
    for (int tries = 1;; tries++) {
        status = cluster_calibrate(session->cluster, &calibration, &session->profile, error);
        if (status != CONVOY_E_WORKERS || tries == MOST_TRIES ||
            cluster_living(session->cluster) < session->needed)
            break;
        log_line(&(struct log){options->log, options->log_context}, CONVOY_LOG_INFO,
                 "too few workers answered what they were asked to measure: those that are there now are "
                 "measured once more");
    }
    if (status == CONVOY_OK)
        name_profile(&session->profile, options);
    return status;
}

convoy_status convoy_calibrate(const convoy_options *options, const char *path, convoy_error *error) {
    convoy_session *session = NULL;
    if (!options || !path)
        return error_null(error, __func__);
    if (options->local)
        return error_set(error, CONVOY_E_USAGE, "a local session has no workers that could be measured");
    convoy_options running = *options; /* with workers, and with the system asked for what they need */
    running.plan_only = false;
    convoy_status status = session_begin(&session, &running, error);
    if (status == CONVOY_OK)
        status = session_workers_create(session, &running, error);
    if (status == CONVOY_OK)
        status = session_calibrate(session, &running, running.spawn ? running.spawn : running.workers, error);
    if (status == CONVOY_OK)
        status = profile_write(&session->profile, path, error);
    if (status != CONVOY_OK && session && cancel_asked(&session->cancel)) /* cut short */
        status = cancel_check(&session->cancel, error);
    convoy_session_destroy(&session);
    return status;
}
