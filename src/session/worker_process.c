/* The other side of a cluster: this process as a worker, and the keys of both sides. */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "runtime/worker.h"
#include "session/session.h"
#include "transport/zmq_transport.h"

#include <convoy/worker.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void convoy_worker_options_init(convoy_worker_options *options) {
    *options = (convoy_worker_options){.backend = "onednn", .threads = 1, .seed = 1};
}

/* Passes lines on and keeps the last warning: when the transport has closed for good it says why. */
struct last_words {
    struct log log;
    pthread_mutex_t mutex;
    char line[400];
};

static void keep_words(void *context, convoy_log_level level, const char *line) {
    struct last_words *words = context;
    if (level == CONVOY_LOG_WARNING) {
        pthread_mutex_lock(&words->mutex);
        snprintf(words->line, sizeof words->line, "%s", line);
        pthread_mutex_unlock(&words->mutex);
    }
    log_line(&words->log, level, "%s", line);
}

static convoy_status check_options(const convoy_worker_options *options, convoy_error *error) {
    if (!options->connect || !options->backend)
        return error_set(
            error, CONVOY_E_USAGE,
            "a worker without a master's address or a backend: it needs tcp://HOST:PORT or ipc://PATH");
    if (options->threads < 1 || options->threads > CONVOY_MAX_WORKERS)
        return error_set(error, CONVOY_E_USAGE, "%u threads: must be 1 to %d", options->threads,
                         CONVOY_MAX_WORKERS);
    if (!options->key_file != !options->server_key_file)
        return error_set(error, CONVOY_E_USAGE,
                         "%s: a worker's key file and the master's public key go together",
                         options->key_file ? options->key_file : options->server_key_file);
    if (options->fault_count > 0 && !options->faults)
        return error_set(error, CONVOY_E_USAGE, "%zu faults, but no list of them", options->fault_count);
    return CONVOY_OK;
}

static convoy_status parse_faults(struct fault **out, const convoy_worker_options *options,
                                  convoy_error *error) {
    struct fault *faults = calloc(options->fault_count + 1, sizeof *faults);
    if (!faults)
        return error_memory(error);
    for (size_t i = 0; i < options->fault_count; i++) {
        char text[200];
        const int length = snprintf(text, sizeof text, "0:%s", options->faults[i]);
        if ((size_t)length >= sizeof text || fault_parse(&faults[i], text, 1, NULL) != CONVOY_OK ||
            !fault_fits_worker(faults[i].kind)) {
            free(faults);
            return error_set(error, CONVOY_E_USAGE,
                             "fault '%s': a worker takes kill@LAYER, slow=10x, busy=10x and "
                             "lie=0.01,0.001,1; the others are its master's",
                             options->faults[i]);
        }
    }
    *out = faults;
    return CONVOY_OK;
}

static convoy_status dial(struct transport **endpoint, const convoy_worker_options *options, struct log log,
                          convoy_error *error) {
    struct zmq_key_pair key;
    char server_key[ZMQ_KEY_TEXT];
    convoy_status status = CONVOY_OK;
    if (options->key_file) {
        status = zmq_key_pair_load(&key, options->key_file, error);
        if (status == CONVOY_OK)
            status = zmq_public_key_load(server_key, options->server_key_file, error);
    }
    if (status == CONVOY_OK)
        status = zmq_worker_create(endpoint,
                                   &(struct zmq_worker_options){
                                       .url = options->connect,
                                       .key = options->key_file ? &key : NULL,
                                       .server_key = options->key_file ? server_key : NULL,
                                       .insecure = options->insecure,
                                       .give_up_ns = options->give_up_ns,
                                       .log = log,
                                   },
                                   error);
    explicit_bzero(&key, sizeof key);
    return status;
}

convoy_status convoy_worker_run(const convoy_worker_options *options, convoy_error *error) {
    if (!options)
        return error_null(error, __func__);
    struct last_words words = {.log = {options->log, options->log_context},
                               .mutex = PTHREAD_MUTEX_INITIALIZER,
                               .line = "its master is gone"};
    struct backend *backend = NULL;
    struct transport *endpoint = NULL;
    struct fault *faults = NULL;
    convoy_status status = check_options(options, error);
    if (status == CONVOY_OK)
        status = worker_resources_check(options->threads, error);
    if (status == CONVOY_OK)
        status = parse_faults(&faults, options, error);
    if (status == CONVOY_OK)
        status = backend_create(&backend, options->backend, options->threads, error);
    if (status == CONVOY_OK)
        status = dial(&endpoint, options, (struct log){keep_words, &words}, error);
    if (status == CONVOY_OK)
        status = worker_run(&endpoint, backend,
                            &(struct worker_options){
                                .faults = faults,
                                .fault_count = options->fault_count,
                                .seed = options->seed,
                                .cache_bytes = options->cache_bytes,
                                .cache_folder = options->cache_folder,
                                .log = {options->log, options->log_context},
                            },
                            error);
    if (status == CONVOY_E_CLOSED)
        status = error_set(error, CONVOY_E_IO, "the worker has ended: %s", words.line);
    if (backend)
        backend->ops->destroy(&backend);
    free(faults);
    pthread_mutex_destroy(&words.mutex);
    return status;
}

_Static_assert(CONVOY_KEY_TEXT == ZMQ_PAIR_TEXT, "the text of a key pair fits exactly");

convoy_status convoy_keygen_text(char text[CONVOY_KEY_TEXT], convoy_error *error) {
    struct zmq_key_pair pair;
    convoy_status status = zmq_key_pair_create(&pair, error);
    if (status == CONVOY_OK)
        zmq_key_pair_text(&pair, text);
    explicit_bzero(&pair, sizeof pair);
    return status;
}

convoy_status convoy_keygen(const char *folder, const char *name, convoy_error *error) {
    struct zmq_key_pair pair;
    if (!folder || !name)
        return error_null(error, __func__);
    convoy_status status = zmq_key_pair_create(&pair, error);
    if (status == CONVOY_OK)
        status = zmq_key_pair_save(&pair, folder, name, error);
    explicit_bzero(&pair, sizeof pair);
    return status;
}
