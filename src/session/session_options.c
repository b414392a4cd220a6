/* Options of a session: their defaults, and what of them makes no sense. */
#include "session/session.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAMES_IN_SENTENCE 6

void convoy_options_init(convoy_options *options) {
    *options = (convoy_options){
        .workers = 6,
        .stragglers = 2,
        .lambda = {1, 1, 1, 0},
        .code = "rotation",
        .placement = CONVOY_PLACEMENT_SPREAD,
        .precision = CONVOY_PRECISION_F32,
        .backend = "onednn",
        .threads = 1,
        .seed = 1,
        .deadline_ns = 10 * NS_PER_S,
        .join_ns = 60 * NS_PER_S,
    };
}

convoy_dtype session_frames(const convoy_options *options) {
    return options->precision == CONVOY_PRECISION_BF16  ? CONVOY_BF16
           : options->precision == CONVOY_PRECISION_F16 ? CONVOY_F16
                                                        : CONVOY_F32;
}

convoy_precision session_precision(convoy_dtype frames) {
    return frames == CONVOY_BF16  ? CONVOY_PRECISION_BF16
           : frames == CONVOY_F16 ? CONVOY_PRECISION_F16
                                  : CONVOY_PRECISION_F32;
}

/* What is said of workers that are processes. */
static convoy_status check_processes(const convoy_options *options, convoy_error *error) {
    if (!options->listen && !options->spawn) {
        if (options->key_file || options->allowed_folder)
            return error_set(error, CONVOY_E_USAGE,
                             "%s: keys are for workers that dial in; an address to listen on goes with them",
                             options->key_file ? options->key_file : options->allowed_folder);
        return CONVOY_OK;
    }
    if (options->local)
        return error_set(
            error, CONVOY_E_USAGE,
            "a local session has no workers that could dial in or be started: it is the one or the other");
    if (options->listen && options->spawn)
        return error_set(
            error, CONVOY_E_USAGE,
            "%u workers to be started here beside those that dial in at %s: it is the one or the other",
            options->spawn, options->listen);
    if (options->spawn > options->workers + options->reserve)
        return error_set(error, CONVOY_E_USAGE,
                         "%u workers to be started for a cluster of %u and a reserve of %u: start fewer, or "
                         "make it larger",
                         options->spawn, options->workers, options->reserve);
    if (options->spawn && (options->key_file || options->allowed_folder))
        return error_set(error, CONVOY_E_USAGE,
                         "%s: workers that are started here need no keys; leave them out",
                         options->key_file ? options->key_file : options->allowed_folder);
    if (!options->key_file != !options->allowed_folder)
        return error_set(error, CONVOY_E_USAGE,
                         "%s: the master's key file and the folder of allowed keys go together",
                         options->key_file ? options->key_file : options->allowed_folder);
    struct stat folder;
    if (options->allowed_folder && (stat(options->allowed_folder, &folder) != 0 || !S_ISDIR(folder.st_mode)))
        return error_set(error, CONVOY_E_IO, "%s: no folder of allowed keys is there",
                         options->allowed_folder);
    return CONVOY_OK;
}

convoy_status session_options_check(const convoy_options *options, convoy_error *error) {
    const uint32_t n = options->workers;
    if (!options->code || !options->backend)
        return error_set(error, CONVOY_E_USAGE,
                         "options without a code or a backend: start from convoy_options_init");
    if (n < 1 || n > CONVOY_MAX_WORKERS)
        return error_set(error, CONVOY_E_USAGE, "%u workers: must be 1 to %d", n, CONVOY_MAX_WORKERS);
    if (options->stragglers >= n)
        return error_set(error, CONVOY_E_USAGE,
                         "%u stragglers among %u workers: must be fewer than the workers",
                         options->stragglers, n);
    if (options->reserve > CONVOY_MAX_WORKERS - n)
        return error_set(error, CONVOY_E_USAGE, "a reserve of %u beside %u workers: together at most %d",
                         options->reserve, n, CONVOY_MAX_WORKERS);
    if (!options->input_parts != !options->filter_parts)
        return error_set(error, CONVOY_E_USAGE,
                         "parts %u,%u: both at least 1, or both 0 for a choice per layer",
                         options->input_parts, options->filter_parts);
    if (options->plan_file && options->input_parts)
        return error_set(error, CONVOY_E_USAGE,
                         "parts %u,%u beside the plan %s, which decides them: it is the one or the other",
                         options->input_parts, options->filter_parts, options->plan_file);
    if (options->placement != CONVOY_PLACEMENT_SPREAD && options->placement != CONVOY_PLACEMENT_PLAIN)
        return error_set(error, CONVOY_E_USAGE, "placement %d: there are spread (0) and plain (1)",
                         (int)options->placement);
    if ((unsigned)options->cut > CONVOY_CUT_WIDTH)
        return error_set(error, CONVOY_E_USAGE, "cut %d: there are height (0) and width (1)",
                         (int)options->cut);
    if (options->plan_file && session_code_is_open(options))
        return error_set(error, CONVOY_E_USAGE,
                         "the code auto beside the plan %s: give the code that this plan was made for",
                         options->plan_file);
    if ((unsigned)options->precision > CONVOY_PRECISION_AUTO)
        return error_set(error, CONVOY_E_USAGE,
                         "precision %d: there are f32 (0), bf16 (1), f16 (2) and auto (3)",
                         (int)options->precision);
    if ((unsigned)options->distribute > CONVOY_DISTRIBUTE_ALL)
        return error_set(error, CONVOY_E_USAGE, "distribute %d: there are auto (0), paying (1) and all (2)",
                         (int)options->distribute);
    if ((unsigned)options->objective > CONVOY_OBJECTIVE_PAPER)
        return error_set(error, CONVOY_E_USAGE,
                         "objective %d: there are latency (0), throughput (1), bytes (2) and paper (3)",
                         (int)options->objective);
    if ((unsigned)options->verify > CONVOY_VERIFY_ALL)
        return error_set(error, CONVOY_E_USAGE,
                         "verify %d: there are auto (0), off (1), sample (2) and all (3)",
                         (int)options->verify);
    if (options->local && options->verify > CONVOY_VERIFY_OFF)
        return error_set(
            error, CONVOY_E_USAGE,
            "a local session has no workers whose answers could be checked: it is the one or the other");
    if (options->threads < 1 || options->threads > CONVOY_MAX_WORKERS)
        return error_set(error, CONVOY_E_USAGE, "%u threads: must be 1 to %d", options->threads,
                         CONVOY_MAX_WORKERS);
    if (options->deadline_ns == 0)
        return error_set(error, CONVOY_E_USAGE, "a deadline of 0: nothing could ever answer in time");
    if (options->fault_count > 0 && !options->faults)
        return error_set(error, CONVOY_E_USAGE, "%zu faults, but no list of them", options->fault_count);
    if (options->fault_count > 0 && options->local)
        return error_set(
            error, CONVOY_E_USAGE,
            "fault %s: a local session has no workers that could fail; leave out the one or the other",
            options->faults[0]);
    return check_processes(options, error);
}

/* "conv1, conv2, ..." of the layers that are coded, into text. */
static void list_codable(const convoy_session *session, char *text, size_t size) {
    size_t used = 0, listed = 0;
    text[0] = '\0';
    for (size_t i = 0; i < session->network->step_count && used < size; i++) {
        if (!session->layers[i].codable)
            continue;
        const bool more = listed == NAMES_IN_SENTENCE;
        const int n = snprintf(text + used, size - used, "%s%s", listed ? ", " : "",
                               more ? "..." : session->layers[i].name);
        if (more || n < 0)
            return;
        used += (size_t)n;
        listed++;
    }
}

/* The layer of workers whose name is close to this one, or NULL. */
static const char *close_codable(const convoy_session *session, const char *name) {
    const char *closest = NULL, **names = calloc(session->network->step_count + 1, sizeof *names);
    size_t count = 0;
    for (size_t i = 0; names && i < session->network->step_count; i++)
        if (session->layers[i].codable)
            names[count++] = session->layers[i].name;
    if (names)
        closest = convoy_closest(name, names, count);
    free(names);
    return closest;
}

static convoy_status unknown_layer(const convoy_session *session, const struct fault *fault,
                                   convoy_error *error) {
    char names[300];
    const char *closest = close_codable(session, fault->layer);
    if (closest)
        return error_set(error, CONVOY_E_USAGE,
                         "fault %u:kill@%s: no layer of that name is computed by workers; did you mean %s?",
                         fault->worker, fault->layer, closest);
    list_codable(session, names, sizeof names);
    return error_set(error, CONVOY_E_USAGE,
                     "fault %u:kill@%s: no layer of that name is computed by workers; %s%s", fault->worker,
                     fault->layer, names[0] ? "there are " : "none is", names);
}

convoy_status session_faults_check(const convoy_session *session, convoy_error *error) {
    for (size_t f = 0; f < session->fault_count; f++) {
        const struct fault *fault = &session->faults[f];
        if (fault->kind != FAULT_KILL_LAYER)
            continue;
        bool found = false;
        for (size_t i = 0; i < session->network->step_count && !found; i++)
            found = session->layers[i].codable && strcmp(session->layers[i].name, fault->layer) == 0;
        if (!found)
            return unknown_layer(session, fault, error);
    }
    return CONVOY_OK;
}
