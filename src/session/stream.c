/* Many inferences over one session, some at once: each thread takes the next inputs, runs them and hands the
 * result over. */
#include "session/session.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdlib.h>

struct stream_run {
    convoy_session *session;
    const convoy_stream *stream;
    pthread_mutex_t lock; /* over everything below and the callbacks */
    size_t next_index;
    bool finished;        /* no more inputs, or a failure */
    convoy_status status; /* the first failure */
    convoy_error error;
    uint32_t active; /* inferences under way */
    uint64_t active_since_ns, busy_ns;
};

/* With the lock held. */
static void fail(struct stream_run *run, convoy_status status, const convoy_error *error) {
    run->finished = true;
    if (run->status == CONVOY_OK) {
        run->status = status;
        run->error = *error;
    }
}

static void mark_start(struct stream_run *run) {
    pthread_mutex_lock(&run->lock);
    if (run->active++ == 0)
        run->active_since_ns = clock_now_ns();
    pthread_mutex_unlock(&run->lock);
}

static void mark_end(struct stream_run *run) {
    pthread_mutex_lock(&run->lock);
    if (--run->active == 0)
        run->busy_ns += clock_now_ns() - run->active_since_ns;
    pthread_mutex_unlock(&run->lock);
}

/* False where there is nothing more to do. */
static bool take_inputs(struct stream_run *run, convoy_tensor *inputs, size_t *index) {
    const convoy_stream *stream = run->stream;
    pthread_mutex_lock(&run->lock);
    if (!run->finished) {
        convoy_error error = {0};
        const convoy_status status = stream->next(stream->context, inputs, &run->finished, &error);
        if (status != CONVOY_OK)
            fail(run, status, &error);
        else if (!run->finished)
            *index = run->next_index++;
    }
    const bool taken = !run->finished;
    pthread_mutex_unlock(&run->lock);
    return taken;
}

/* One run of one inference. False: the inference has no more runs. */
static bool run_once(struct stream_run *run, const convoy_tensor *inputs, size_t index, uint32_t repetition) {
    const convoy_stream *stream = run->stream;
    convoy_result *result = NULL;
    convoy_check check = {0};
    convoy_error error = {0};
    mark_start(run);
    convoy_status status = convoy_session_run(run->session, inputs, &result, &error);
    mark_end(run);
    if (status == CONVOY_OK && stream->check)
        status = convoy_session_check(run->session, inputs, result, &check, &error);

    pthread_mutex_lock(&run->lock);
    if (status == CONVOY_OK && run->status == CONVOY_OK)
        status =
            stream->done(stream->context, index, repetition, result, stream->check ? &check : NULL, &error);
    const bool finished = status == CONVOY_OK;
    if (status == CONVOY_E_INPUT && !result && stream->refused && run->status == CONVOY_OK) {
        const convoy_error reason = error;
        status = stream->refused(stream->context, index, &reason, &error);
    }
    if (status != CONVOY_OK)
        fail(run, status, &error);
    pthread_mutex_unlock(&run->lock);
    convoy_result_destroy(&result);
    return finished;
}

static bool stream_failed(struct stream_run *run) {
    pthread_mutex_lock(&run->lock);
    const bool failed = run->status != CONVOY_OK;
    pthread_mutex_unlock(&run->lock);
    return failed;
}

static void *stream_thread(void *context) {
    struct stream_run *run = context;
    const size_t input_count = run->session->network->input_count;
    convoy_tensor *inputs = calloc(input_count + 1, sizeof *inputs);
    if (!inputs) {
        convoy_error error;
        pthread_mutex_lock(&run->lock);
        fail(run, error_memory(&error), &error);
        pthread_mutex_unlock(&run->lock);
        return NULL;
    }
    for (size_t index = 0; take_inputs(run, inputs, &index);) {
        for (uint32_t r = 0; r < run->stream->repeat && !stream_failed(run); r++)
            if (!run_once(run, inputs, index, r))
                break;
        for (size_t i = 0; i < input_count; i++)
            convoy_tensor_release(&inputs[i]);
    }
    for (size_t i = 0; i < input_count; i++) /* of a next that failed half way */
        convoy_tensor_release(&inputs[i]);
    free(inputs);
    return NULL;
}

convoy_status convoy_session_stream(convoy_session *session, const convoy_stream *stream, double *total_ms,
                                    convoy_error *error) {
    if (!session || !stream || !stream->next || !stream->done)
        return error_null(error, __func__);
    if (stream->in_flight < 1 || stream->in_flight > CONVOY_MAX_IN_FLIGHT)
        return error_set(error, CONVOY_E_USAGE, "%u inferences in flight: must be 1 to %d", stream->in_flight,
                         CONVOY_MAX_IN_FLIGHT);
    if (stream->repeat < 1)
        return error_set(error, CONVOY_E_USAGE, "0 runs of each inference: must be at least 1");

    convoy_status status = stream_resources_check(session, stream->in_flight, error);
    if (status != CONVOY_OK)
        return status;
    struct stream_run run = {.session = session, .stream = stream};
    if (pthread_mutex_init(&run.lock, NULL) != 0)
        return error_memory(error);
    pthread_t threads[CONVOY_MAX_IN_FLIGHT];
    uint32_t started = 0;
    while (started + 1 < stream->in_flight) { /* the caller's thread is the last one */
        if (pthread_create(&threads[started], NULL, stream_thread, &run) != 0) {
            pthread_mutex_lock(&run.lock);
            fail(&run, CONVOY_E_MEMORY,
                 &(convoy_error){CONVOY_E_MEMORY,
                                 "too many inferences in flight: no more threads can be started"});
            pthread_mutex_unlock(&run.lock);
            break;
        }
        started++;
    }
    stream_thread(&run);
    for (uint32_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&run.lock);

    if (run.status != CONVOY_OK)
        return error_set(error, run.status, "%s", run.error.message);
    if (total_ms)
        *total_ms = (double)run.busy_ns / NS_PER_MS;
    return CONVOY_OK;
}
