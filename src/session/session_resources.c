/* What a session or a worker will need of the system. Each thread that computes has helpers of its own, which
 * OpenMP starts at the first layer and without which it ends the process. */
#include "base/resources.h"
#include "session/session.h"
#include "transport/zmq_transport.h"

#include <stdio.h>

/* Of a session beside its workers: the dispatcher and the supplier; inputs, outputs and files of times. */
enum { CLUSTER_THREADS = 2, FILES = 4 };

static struct resources worker_needs(uint32_t threads) {
    struct resources need = zmq_worker_needs();
    need.threads += threads - 1;
    return need;
}

convoy_status worker_resources_check(uint32_t threads, convoy_error *error) {
    const struct resources need = worker_needs(threads);
    return resources_check(&need, "a worker", error);
}

convoy_status session_resources_check(const convoy_options *options, convoy_error *error) {
    struct resources need = {.descriptors = FILES};
    char what[64] = "a local session";
    if (options->plan_only)
        return CONVOY_OK;
    if (!options->local) {
        snprintf(what, sizeof what, "%u workers", options->workers);
        if (options->listen || options->spawn)
            need = zmq_master_needs(options->workers + options->reserve);
        else
            need.threads = options->workers * options->threads;
        need.threads += CLUSTER_THREADS;
    }
    need.threads += options->threads - 1;
    /* Workers that are started here have the same limits. One sentence, rather than one of each. */
    if (options->spawn) {
        const struct resources worker = worker_needs(options->threads);
        need.threads = worker.threads > need.threads ? worker.threads : need.threads;
    }
    return resources_check(&need, what, error);
}

convoy_status stream_resources_check(const convoy_session *session, uint32_t in_flight, convoy_error *error) {
    char what[64];
    snprintf(what, sizeof what, "%u inferences in flight", in_flight);
    return resources_check(
        &(struct resources){.threads = (in_flight - 1) * session->threads, .descriptors = FILES}, what,
        error);
}
