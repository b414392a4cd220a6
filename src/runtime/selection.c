#include "runtime/selection.h"

#define HOLD_FACTOR 2 /* times what it usually takes, a job holds tasks back */

#define PACE_STEP  1.5F
#define MOST_STEPS 8

/* Lists the workers whose standing is at most `worst`, ascending. Whether their answers would suffice. */
static bool list_fit(const struct selection *selection, enum worker_standing worst, uint32_t *count) {
    *count = 0;
    for (uint32_t w = 0; w < selection->nodes; w++)
        if (selection->standings[w] <= worst)
            selection->workers[(*count)++] = w;
    return code_suffices(selection->code, selection->workers, *count);
}

static void clear_tasks(const struct selection *selection, struct job_task *tasks) {
    for (uint32_t w = 0; w < selection->nodes; w++)
        tasks[w] = (struct job_task){.state = TASK_NONE};
}

/* The tasks of the workers whose standing is from `best` to `worst` are WAITING. How many there are. */
static uint32_t mark_all(const struct selection *selection, enum worker_standing best,
                         enum worker_standing worst, struct job_task *tasks) {
    uint32_t count = 0;
    for (uint32_t w = 0; w < selection->nodes; w++) {
        if (selection->standings[w] < best || selection->standings[w] > worst)
            continue;
        tasks[w].state = TASK_WAITING;
        count++;
    }
    return count;
}

/* How far behind the others a worker is: 0 if it takes less than 1.5 times as long, and one more for each
 * further factor of 1.5. Smaller differences are the scheduler's. */
static uint32_t steps_behind(float pace) {
    uint32_t steps = 0;
    for (float bound = PACE_STEP; pace >= bound && steps < MOST_STEPS; bound *= PACE_STEP)
        steps++;
    return steps;
}

/* The tasks of the workers of one standing, the fastest first: the next *left are WAITING, the others HELD.
 */
static void mark_fastest(const struct selection *selection, enum worker_standing standing, uint32_t *left,
                         struct job_task *tasks) {
    for (uint32_t steps = 0; steps <= MOST_STEPS; steps++)
        for (uint32_t w = 0; w < selection->nodes; w++) {
            if (selection->standings[w] != standing || steps_behind(selection->paces[w]) != steps)
                continue;
            tasks[w].state = *left ? TASK_WAITING : TASK_HELD;
            *left -= *left > 0;
        }
}

/* The tasks of the workers that are fit. spare: those that are not slow suffice. */
static void mark_fit(const struct selection *selection, bool spare, struct job_task *tasks) {
    uint32_t threshold = selection->code->threshold, none = 0;
    uint32_t left = selection->asked > threshold ? selection->asked : threshold;
    mark_fastest(selection, WORKER_FREE, &left, tasks);
    mark_fastest(selection, WORKER_SLOW, spare ? &none : &left, tasks);
}

struct choice selection_choose(const struct selection *selection, struct job_task *tasks) {
    struct choice choice = {0};
    uint32_t count;
    clear_tasks(selection, tasks);
    bool spare = list_fit(selection, WORKER_FREE, &count);
    choice.enough = list_fit(selection, WORKER_SLOW, &choice.fit);
    if (choice.enough) {
        mark_fit(selection, spare, tasks);
    } else if (selection->patient && list_fit(selection, WORKER_SILENT, &choice.fit)) {
        mark_all(selection, WORKER_FREE, WORKER_SILENT, tasks);
        choice.enough = true;
        return choice;
    }
    uint32_t late = mark_all(selection, WORKER_LATE, WORKER_LATE, tasks);
    choice.background = late > 0 && !choice.enough;
    return choice;
}

bool selection_choose_again(const struct selection *selection, uint32_t answered, struct job_task *tasks) {
    enum worker_standing worst = selection->patient ? WORKER_SILENT : WORKER_SLOW;
    uint32_t count;
    if (answered >= selection->code->threshold || !list_fit(selection, worst, &count))
        return false;
    clear_tasks(selection, tasks);
    mark_all(selection, WORKER_FREE, worst, tasks);
    return true;
}

uint64_t selection_hold_until_ns(uint64_t now_ns, uint64_t usual_ns) {
    uint64_t hold_ns = usual_ns > UINT64_MAX / HOLD_FACTOR ? UINT64_MAX : HOLD_FACTOR * usual_ns;
    return now_ns > UINT64_MAX - hold_ns ? UINT64_MAX : now_ns + hold_ns;
}
