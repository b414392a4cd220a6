/* A result against the uncoded model: the same network over the kernels here. */
#include "session/session.h"

#include "base/dtype.h"
#include "base/error.h"
#include "base/tensor.h"
#include "model/model_files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Makes the executor of the comparison on first use. A local session's own executor is that already. */
static convoy_status find_executor(convoy_session *session, struct executor **executor, convoy_error *error) {
    if (!session->cluster) {
        *executor = session->executor;
        return CONVOY_OK;
    }
    convoy_status status = CONVOY_OK;
    pthread_mutex_lock(&session->check_lock);
    if (!session->check_backend)
        status = backend_create(&session->check_backend, session->backend_name, session->threads, error);
    if (status == CONVOY_OK && !session->check_executor)
        status = executor_create(&session->check_executor, session->network, session->check_backend, NULL,
                                 &session->cancel, NULL, NULL, error);
    *executor = session->check_executor;
    pthread_mutex_unlock(&session->check_lock);
    return status;
}

/* Elements of which max|a-b| and max|b| are looked for. */
struct deviation {
    double difference, largest;
};

static double relative(struct deviation deviation, double largest) {
    return deviation.difference == 0 ? 0 : deviation.difference / largest;
}

/* Adds count elements from the given one on to the deviation, or to those that are not finite. */
static void compare_elements(const convoy_tensor *a, const convoy_tensor *b, size_t from, size_t count,
                             struct deviation *deviation, convoy_check *check) {
    for (size_t i = from; i < from + count; i++) {
        const double x = convoy_tensor_element(a, i), y = convoy_tensor_element(b, i);
        if (isfinite(x) && isfinite(y)) {
            deviation->difference = fmax(deviation->difference, fabs(x - y));
            deviation->largest = fmax(deviation->largest, fabs(y));
        } else if (x == y || (isnan(x) && isnan(y))) {
            check->not_finite.both++;
        } else {
            check->not_finite.differ++;
        }
    }
}

/* How many elements of two tensors of one shape differ: floating-point numbers by more than the limit, all
 * others at all. */
static size_t count_differing(const convoy_tensor *a, const convoy_tensor *b, double limit) {
    const size_t elements = convoy_tensor_elements(a), bytes = convoy_dtype_bytes(a->dtype);
    const bool real = dtype_is(a->dtype, DTYPE_REALS);
    size_t differing = 0;
    for (size_t i = 0; i < elements; i++) {
        const size_t at = i * bytes; /* integers of 64 bits are no doubles */
        if (memcmp((const char *)a->data + at, (const char *)b->data + at, bytes) == 0)
            continue;
        const double x = real ? convoy_tensor_element(a, i) : 0, y = real ? convoy_tensor_element(b, i) : 0;
        differing += !real || !(fabs(x - y) <= limit || (isnan(x) && isnan(y)));
    }
    return differing;
}

/* Index of the largest of count elements from the given one on, NaN being less than anything; the first of
 * equals. */
static size_t largest_index(const convoy_tensor *tensor, size_t from, size_t count) {
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        const double value = convoy_tensor_element(tensor, from + i),
                     known = convoy_tensor_element(tensor, from + best);
        if (value > known || (isnan(known) && !isnan(value)))
            best = i;
    }
    return best;
}

static bool classes_agree(const convoy_tensor *a, const convoy_tensor *b) {
    if (!shape_equal(&a->shape, &b->shape))
        return false;
    const size_t elements = convoy_tensor_elements(a);
    const size_t rows = a->shape.rank > 1 ? (size_t)a->shape.dims[0] : 1;
    if (elements == 0)
        return true;
    const size_t columns = elements / rows;
    for (size_t row = 0; row < rows; row++) {
        if (largest_index(a, row * columns, columns) != largest_index(b, row * columns, columns))
            return false;
    }
    return true;
}

/* Of axis 1. */
static size_t channel_count(const convoy_tensor *tensor) {
    return tensor->shape.rank > 1 ? (size_t)tensor->shape.dims[1] : 1;
}

/* Compares one output; channels: [channels], scratch. Returns how many elements differ. Shapes may depend on
 * data; if they differ, so do all elements. */
static size_t compare_output(const convoy_tensor *a, const convoy_tensor *b, struct deviation *channels,
                             convoy_check *check) {
    const size_t elements = convoy_tensor_elements(a);
    const size_t batch = a->shape.rank > 1 ? (size_t)a->shape.dims[0] : 1, count = channel_count(a);
    struct deviation all = {0};
    if (!shape_equal(&a->shape, &b->shape)) {
        check->max_rel_error = check->max_channel_error = INFINITY;
        return convoy_tensor_elements(b);
    }
    memset(channels, 0, count * sizeof *channels);
    for (size_t line = 0; elements > 0 && line < batch * count; line++)
        compare_elements(a, b, line * (elements / batch / count), elements / batch / count,
                         &channels[line % count], check);
    for (size_t c = 0; c < count; c++) {
        all.difference = fmax(all.difference, channels[c].difference);
        all.largest = fmax(all.largest, channels[c].largest);
    }
    check->max_rel_error = fmax(check->max_rel_error, relative(all, all.largest));
    for (size_t c = 0; c < count; c++) {
        const double largest = channels[c].largest > 0 ? channels[c].largest : all.largest;
        check->max_channel_error = fmax(check->max_channel_error, relative(channels[c], largest));
    }
    return count_differing(a, b, CONVOY_CHECK_CLOSE * all.largest);
}

static convoy_status compare_outputs(const convoy_tensor *a, const convoy_tensor *b, size_t count,
                                     convoy_check *check, convoy_error *error) {
    size_t most = 1, elements = 0, differing = 0;
    for (size_t i = 0; i < count; i++)
        most = channel_count(&a[i]) > most ? channel_count(&a[i]) : most;
    struct deviation *channels = calloc(most, sizeof *channels);
    if (!channels)
        return error_memory(error);
    convoy_check made = {.top1_agrees = count == 0 || classes_agree(&a[0], &b[0])};
    for (size_t i = 0; i < count; i++) {
        differing += compare_output(&a[i], &b[i], channels, &made);
        elements += convoy_tensor_elements(&b[i]);
    }
    made.differing = elements ? (double)differing / (double)elements : 0;
    free(channels);
    *check = made;
    return CONVOY_OK;
}

convoy_status convoy_session_check(convoy_session *session, const convoy_tensor *inputs,
                                   const convoy_result *result, convoy_check *check, convoy_error *error) {
    struct executor *executor = NULL;
    if (!session || (!inputs && session->network->input_count > 0) || !result || !check)
        return error_null(error, __func__);
    convoy_status status = model_files_check(session->model, error);
    if (status == CONVOY_OK)
        status = find_executor(session, &executor, error);
    if (status != CONVOY_OK)
        return status;
    const size_t count = session->network->result_count;
    if (result->output_count != count)
        return error_set(error, CONVOY_E_USAGE,
                         "a result of %zu outputs is not one of this session, which has %zu",
                         result->output_count, count);
    convoy_tensor *outputs = calloc(count + 1, sizeof *outputs);
    if (!outputs)
        return error_memory(error);
    status = executor_run(executor, inputs, outputs, NULL, error);
    if (status == CONVOY_OK)
        status = model_files_check(session->model, error);
    if (status != CONVOY_OK)
        goto out;

    status = compare_outputs(result->outputs, outputs, count, check, error);
out:
    for (size_t i = 0; i < count; i++)
        convoy_tensor_release(&outputs[i]);
    free(outputs);
    return status;
}
