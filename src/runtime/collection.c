#include "runtime/collection.h"

/* If answers do not decode well, the search for a good choice of them is repeated when δ/SEARCH_STEPS more
 * came.
 */
#define SEARCH_STEPS 16

/* Who has answered, or, with pending_too, may, ascending. */
static uint32_t list_tasks(const enum task_state *states, uint32_t nodes, bool pending_too,
                           uint32_t *workers) {
    uint32_t count = 0;
    for (uint32_t w = 0; w < nodes; w++)
        if (states[w] == TASK_ANSWERED || (pending_too && task_is_pending(states[w])))
            workers[count++] = w;
    return count;
}

struct collection collection_begin(const struct code *code) {
    return (struct collection){.code = code, .wanted = code_least_answers(code)};
}

/* Waits for so many answers next, unless this was the last time. */
static enum collection_step wait_for(struct collection *collection, uint32_t wanted) {
    collection->wanted = wanted < collection->possible ? wanted : collection->possible;
    return collection->last ? COLLECTION_END : COLLECTION_WAIT;
}

enum collection_step collection_look(struct collection *collection, const enum task_state *states,
                                     uint32_t nodes, bool timely, uint32_t *workers) {
    const struct code *code = collection->code;
    collection->possible = list_tasks(states, nodes, true, workers);
    bool hopeful = code_suffices(code, workers, collection->possible);
    collection->answered = list_tasks(states, nodes, false, workers);
    collection->last = !hopeful || !timely || collection->answered == collection->possible;
    if (hopeful && collection->answered > collection->tried &&
        code_suffices(code, workers, collection->answered))
        return COLLECTION_SOLVE;
    return wait_for(collection, collection->answered + 1);
}

enum collection_step collection_note_unsolved(struct collection *collection, bool timely) {
    uint32_t step = collection->code->threshold / SEARCH_STEPS;
    collection->tried = collection->answered;
    collection->last = collection->last || !timely;
    return wait_for(collection, collection->answered + (step ? step : 1));
}
