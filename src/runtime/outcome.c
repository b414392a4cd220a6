#include "runtime/outcome.h"

/* Of a worker that got no task. */
static convoy_outcome outcome_of_unasked(enum worker_standing standing, bool asked) {
    switch (standing) {
    case WORKER_FREE:
    case WORKER_SLOW:
    case WORKER_UNREADY:
    case WORKER_LEFT_OUT:
        return asked ? CONVOY_OUTCOME_SPARE : CONVOY_OUTCOME_NONE;
    case WORKER_LATE:
    case WORKER_STALLED:
    case WORKER_SILENT:
        return CONVOY_OUTCOME_LATE;
    case WORKER_DEAD:
        return CONVOY_OUTCOME_LOST;
    case WORKER_ABSENT:
        break;
    }
    return CONVOY_OUTCOME_NONE;
}

convoy_outcome outcome_of(enum task_state state, enum worker_standing standing, bool used, bool asked) {
    if (used)
        return CONVOY_OUTCOME_USED;
    switch (state) {
    case TASK_NONE:
        break;
    case TASK_HELD:
    case TASK_WAITING:
    case TASK_SENT:
        return CONVOY_OUTCOME_SPARE;
    case TASK_ANSWERED:
        return CONVOY_OUTCOME_UNUSED;
    case TASK_LOST:
    case TASK_DECLINED:
        return CONVOY_OUTCOME_LOST;
    case TASK_WRONG:
        return CONVOY_OUTCOME_WRONG;
    case TASK_LATE:
        return CONVOY_OUTCOME_LATE;
    }
    return outcome_of_unasked(standing, asked);
}
