/* The cluster of a session: worker threads of this process, processes that it starts, or processes that dial
 * in. */
#include "session/session.h"

#include "base/clock.h"
#include "base/error.h"
#include "session/run_folder.h"
#include "session/spawn.h"
#include "transport/zmq_transport.h"

#include <stdio.h>
#include <string.h>

#define LOG_EVERY_NS  NS_PER_S        /* lines about waiting, when somebody has come */
#define LOG_ANYWAY_NS (10 * NS_PER_S) /* and when nobody has */
#define STRAGGLING_NS (2 * NS_PER_S)  /* for the last of the workers that were started here */

/* Workers that dial in are other people's machines. */
static enum verify verify_of(const convoy_options *options) {
    static const enum verify modes[] = {[CONVOY_VERIFY_AUTO] = VERIFY_OFF,
                                        [CONVOY_VERIFY_OFF] = VERIFY_OFF,
                                        [CONVOY_VERIFY_SAMPLE] = VERIFY_SAMPLE,
                                        [CONVOY_VERIFY_ALL] = VERIFY_ALL};
    return options->verify == CONVOY_VERIFY_AUTO && options->listen ? VERIFY_SAMPLE : modes[options->verify];
}

struct cluster_options session_cluster_options(const convoy_session *session, const convoy_options *options) {
    return (struct cluster_options){
        .family = session->family,
        .workers = options->workers,
        .stragglers = options->stragglers,
        .reserve = options->reserve,
        .spread = options->placement == CONVOY_PLACEMENT_SPREAD,
        .cut_width = options->cut == CONVOY_CUT_WIDTH,
        .deadline_ns = options->deadline_ns,
        .block = options->no_trials ? 0 : session->backend->block,
        .frames = session->frames,
        .fallback = !options->no_fallback,
        .adapt = options->adapt,
        .verify = verify_of(options),
        .wrong_answer = options->wrong_answer,
        .wrong_answer_context = options->wrong_answer_context,
        .seed = options->seed,
        .faults = session->faults,
        .fault_count = session->fault_count,
        .log = {options->log, options->log_context},
        .trace = session->trace,
        .cancel = session->cancel,
    };
}

/* FNV-1a, 64 bit, over what decides which coefficients each node has: the same for masters that would send
 * the same coded filters of a model. Workers that are measured come before the plan chooses a code: until
 * then it is called as the options call it. Never 0. */
static uint64_t hash_plan(const convoy_session *session, const convoy_options *options) {
    char text[256];
    const bool known = session->plan || !session_code_is_open(options);
    const struct code_family *family = known ? session->family : NULL;
    snprintf(text, sizeof text, "%.64s %u %u %u %d", family ? family->name : options->code, options->workers,
             options->stragglers, options->reserve, (int)options->placement);
    if (family && (family->random || family->hash)) {
        const size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, " %llu %llu",
                 (unsigned long long)(family->random ? options->seed : 0), (unsigned long long)family->hash);
    }
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *c = text; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    return hash ? hash : 1;
}

static convoy_status check_dialled_faults(const convoy_session *session, const convoy_options *options,
                                          convoy_error *error) {
    for (size_t i = 0; i < session->fault_count; i++)
        if (fault_is_workers_own(session->faults[i].kind))
            return error_set(
                error, CONVOY_E_USAGE,
                "fault %s: a worker that dials in injects this one itself, so start it with --fault %s",
                options->faults[i], strchr(options->faults[i], ':') + 1);
    return CONVOY_OK;
}

/* The master's endpoint, bound and with the transport's faults. */
static convoy_status open_master(struct transport **master, convoy_session *session,
                                 const convoy_options *options, convoy_error *error) {
    struct zmq_key_pair key;
    convoy_status status = options->key_file ? zmq_key_pair_load(&key, options->key_file, error) : CONVOY_OK;
    if (status != CONVOY_OK)
        return status;
    const uint32_t nodes = options->workers + options->reserve;
    const struct zmq_master_options endpoint = {
        .url = session->spawn ? spawn_url(session->spawn) : options->listen,
        .nodes = nodes,
        .plan_hash = hash_plan(session, options),
        .key = options->key_file ? &key : NULL,
        .allowed_folder = options->allowed_folder,
        .insecure = options->insecure,
        .log = {options->log, options->log_context},
    };
    status = zmq_master_create(master, &endpoint, error);
    explicit_bzero(&key, sizeof key);
    if (status != CONVOY_OK)
        return status;
    const char *url = zmq_master_url(*master);
    if (!session->spawn)
        log_line(&endpoint.log, CONVOY_LOG_INFO, "listening on %s for %u workers", url, nodes);
    snprintf(session->url, sizeof session->url, "%s", url);
    if (session->fault_count)
        status = faulty_transport_create(master, master, nodes, session->faults, session->fault_count,
                                         options->seed, error);
    return status;
}

/* Starts worker `number`, with the faults that it injects itself. */
static convoy_status start_worker(convoy_session *session, const convoy_options *options, uint32_t number,
                                  convoy_error *error) {
    const char *own[CONVOY_MAX_WORKERS];
    size_t count = 0;
    for (size_t i = 0; i < session->fault_count; i++) {
        const struct fault *fault = &session->faults[i];
        if (fault->worker != number || !fault_is_workers_own(fault->kind))
            continue;
        if (count == CONVOY_MAX_WORKERS)
            return error_set(error, CONVOY_E_USAGE, "worker %u: more than %d faults", number,
                             CONVOY_MAX_WORKERS);
        own[count++] = strchr(options->faults[i], ':') + 1;
    }
    return spawn_start(session->spawn, options->backend, options->threads, own, count, error);
}

/* Starts the worker processes. A master numbers its workers as they come: where some inject faults of their
 * own, each must have come before the next is started. */
static convoy_status start_workers(convoy_session *session, const convoy_options *options,
                                   convoy_error *error) {
    bool in_order = false;
    for (size_t i = 0; i < session->fault_count; i++)
        in_order = in_order || fault_is_workers_own(session->faults[i].kind);
    convoy_status status = CONVOY_OK;
    for (uint32_t w = 0; w < options->spawn && status == CONVOY_OK; w++) {
        status = start_worker(session, options, w, error);
        if (status == CONVOY_OK && in_order &&
            cluster_wait_came(session->cluster, w + 1, clock_now_ns() + options->join_ns) <= w)
            status = error_set(error, CONVOY_E_WORKERS, "worker %u was started but has not come", w);
    }
    return status;
}

/* Returns how many have come: fewer than `wanted` where nobody has for join_ns, or the caller cancels. */
static uint32_t wait_for_workers(convoy_session *session, const convoy_options *options, uint32_t wanted) {
    const struct log log = {options->log, options->log_context};
    const uint32_t needed = session->needed;
    uint64_t changed_ns = clock_now_ns(), logged_ns = changed_ns;
    uint32_t came = 0, logged = UINT32_MAX;
    for (;;) {
        const uint64_t patience_ns = session->spawn && came >= needed ? STRAGGLING_NS : options->join_ns;
        const uint64_t look_ns = clock_now_ns() + LOG_EVERY_NS;
        const uint64_t until_ns = changed_ns + patience_ns < look_ns ? changed_ns + patience_ns : look_ns;
        const uint32_t now_came = cluster_wait_came(session->cluster, came + 1, until_ns);
        const uint64_t now_ns = clock_now_ns();
        if (now_came > came)
            changed_ns = now_ns;
        came = now_came;
        if (came >= wanted || now_ns >= changed_ns + patience_ns || cancel_asked(&session->cancel) ||
            (session->spawn && spawn_running(session->spawn) == 0))
            return came;
        if (now_ns >= logged_ns + (came == logged ? LOG_ANYWAY_NS : LOG_EVERY_NS)) {
            log_line(&log, CONVOY_LOG_INFO, "waiting for workers on %s: %u of %u have come", session->url,
                     came, options->workers);
            logged_ns = now_ns;
            logged = came;
        }
    }
}

convoy_status session_workers_create(convoy_session *session, const convoy_options *options,
                                     convoy_error *error) {
    const struct cluster_options cluster = session_cluster_options(session, options);
    if (!options->listen && !options->spawn)
        return cluster_create_local(&session->cluster, &cluster, options->backend, options->threads, error);

    struct transport *master = NULL;
    run_folders_sweep();
    convoy_status status = options->spawn ? spawn_create(&session->spawn, options->spawn_program, error)
                                          : check_dialled_faults(session, options, error);
    if (status == CONVOY_OK)
        status = open_master(&master, session, options, error);
    if (status == CONVOY_OK)
        status =
            cluster_create(&session->cluster, &cluster, options->workers + options->reserve, &master, error);
    if (status != CONVOY_OK) {
        if (master)
            master->ops->destroy(&master);
        return status;
    }
    if (options->listening)
        options->listening(options->listening_context, session->url);
    return options->spawn ? start_workers(session, options, error) : CONVOY_OK;
}

convoy_status session_workers_wait(convoy_session *session, const convoy_options *options, uint32_t wanted,
                                   uint32_t *came, convoy_error *error) {
    *came = wait_for_workers(session, options, wanted);
    const convoy_status status = cancel_check(&session->cancel, error);
    if (status != CONVOY_OK)
        return status;
    if (session->spawn && spawn_running(session->spawn) == 0 && *came == 0)
        return error_set(error, CONVOY_E_WORKERS, "the %u workers that were started have all ended at once",
                         options->spawn);
    return CONVOY_OK;
}

convoy_status session_workers_ready(convoy_session *session, const convoy_options *options,
                                    convoy_error *error) {
    uint64_t patience_ns = options->deadline_ns;
    if (options->listen || options->spawn) {
        /* All that were started here, else as many as every layer needs. */
        const uint32_t wanted = session->spawn ? options->spawn : session->needed;
        uint32_t came = 0;
        const convoy_status status = session_workers_wait(session, options, wanted, &came, error);
        if (status != CONVOY_OK)
            return status;
        patience_ns = came >= wanted ? options->join_ns : 0;
    }
    return cluster_ready(session->cluster, patience_ns, options->progress, options->progress_context, error);
}
