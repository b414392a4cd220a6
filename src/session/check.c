/* A result against the uncoded model: the same network over the kernels here. */
#include "session/session.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>

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
                                 NULL, NULL, error);
    *executor = session->check_executor;
    pthread_mutex_unlock(&session->check_lock);
    return status;
}

/* max|a-b| / max|b|; 0 where both are all zeros, infinite where only b is; NaN where an element is not
 * finite. */
static double relative_error(const convoy_tensor *a, const convoy_tensor *b) {
    const size_t count = convoy_tensor_elements(a);
    double difference = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        const double x = convoy_tensor_element(a, i), y = convoy_tensor_element(b, i);
        if (!isfinite(x) || !isfinite(y))
            return NAN;
        difference = fmax(difference, fabs(x - y));
        largest = fmax(largest, fabs(y));
    }
    return difference == 0 ? 0 : difference / largest;
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

convoy_status convoy_session_check(convoy_session *session, const convoy_tensor *inputs,
                                   const convoy_result *result, convoy_check *check, convoy_error *error) {
    struct executor *executor = NULL;
    convoy_status status = find_executor(session, &executor, error);
    if (status != CONVOY_OK)
        return status;
    const size_t count = session->network->output_count;
    if (result->output_count != count)
        return error_set(error, CONVOY_E_USAGE,
                         "a result of %zu outputs is not one of this session, which has %zu",
                         result->output_count, count);
    convoy_tensor *outputs = calloc(count + 1, sizeof *outputs);
    if (!outputs)
        return error_memory(error);
    status = executor_run(executor, inputs, outputs, NULL, error);
    if (status != CONVOY_OK)
        goto out;

    convoy_check made = {.top1_agrees = true};
    for (size_t i = 0; i < count; i++) {
        const double relative = relative_error(&result->outputs[i], &outputs[i]);
        if (isnan(relative) || relative > made.max_rel_error)
            made.max_rel_error = relative;
        if (isnan(relative))
            break;
    }
    if (count > 0)
        made.top1_agrees = classes_agree(&result->outputs[0], &outputs[0]);
    *check = made;
out:
    for (size_t i = 0; i < count; i++)
        convoy_tensor_release(&outputs[i]);
    free(outputs);
    return status;
}
