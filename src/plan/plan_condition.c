/* How badly conditioned the answers to a candidate may be, after likely losses. */
#include "plan/plan_internal.h"

#include "code/error_budget.h"
#include "code/survivor_sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SURVIVOR_SETS 50 /* looked at for each threshold, of clusters of up to MANY_WORKERS */
#define MANY_WORKERS  64
#define LEAST_SETS    10 /* of larger ones: each set takes time by the third power of the workers */

struct condition_search {
    const struct code *code;
    convoy_dtype frames;
    struct conditioning largest;
    bool memory;
};

static uint32_t sets_for(uint32_t workers) {
    uint32_t sets = SURVIVOR_SETS * MANY_WORKERS / workers * MANY_WORKERS / workers;
    return workers <= MANY_WORKERS ? SURVIVOR_SETS : sets > LEAST_SETS ? sets : LEAST_SETS;
}

/* Of a good choice of answers among these survivors. */
static bool note_condition(void *context, const uint32_t *survivors, uint32_t count) {
    struct condition_search *search = context;
    uint32_t chosen[CONVOY_MAX_WORKERS], used = 0;
    memcpy(chosen, survivors, count * sizeof *chosen);
    const convoy_status status = code_choose(search->code, chosen, count, &used);
    search->memory = status != CONVOY_E_MEMORY;
    if (status == CONVOY_E_INTERNAL)
        search->largest = (struct conditioning){INFINITY, INFINITY};
    if (status != CONVOY_OK)
        return false;
    const struct conditioning found = code_conditioning(search->code, chosen, used);
    search->largest.condition = fmax(search->largest.condition, found.condition);
    search->largest.noise_gain = fmax(search->largest.noise_gain, found.noise_gain);
    return error_is_within_budget(search->frames, search->largest.condition);
}

/* All n losses of γ neighbours, since machines fail so: of many sets survivor_sets.h lists a few of these
 * only. */
static void visit_windows(struct condition_search *search, uint32_t workers, uint32_t stragglers) {
    uint32_t survivors[CONVOY_MAX_WORKERS];
    bool going_on = true;
    for (uint32_t first = 0; first < workers && going_on; first++) {
        uint32_t count = 0;
        for (uint32_t w = 0; w < workers; w++)
            if ((w + workers - first) % workers >= stragglers)
                survivors[count++] = w;
        going_on = note_condition(search, survivors, count);
    }
}

/* Two candidates with the same key decode alike. */
static struct known_condition key_of(const struct planner *planner, const struct candidate *c,
                                     convoy_dtype frames) {
    const bool split_matters = !planner->request->cluster.family->by_threshold;
    return (struct known_condition){.frames = frames,
                                    .threshold = c->threshold,
                                    .input_parts = split_matters ? c->input_parts : 0,
                                    .filter_parts = split_matters ? c->filter_parts : 0};
}

static struct known_condition *find_condition(const struct planner *planner,
                                              const struct known_condition *key) {
    for (size_t i = 0; i < planner->condition_count; i++) {
        struct known_condition *known = &planner->conditions[i];
        if (known->frames == key->frames && known->threshold == key->threshold &&
            known->input_parts == key->input_parts && known->filter_parts == key->filter_parts)
            return known;
    }
    return NULL;
}

static convoy_status note_known(struct planner *planner, const struct known_condition *known) {
    if (planner->condition_count == planner->condition_capacity) {
        const size_t capacity = planner->condition_capacity ? 2 * planner->condition_capacity : 64;
        struct known_condition *more = realloc(planner->conditions, capacity * sizeof *more);
        if (!more)
            return CONVOY_E_MEMORY;
        planner->conditions = more;
        planner->condition_capacity = capacity;
    }
    planner->conditions[planner->condition_count++] = *known;
    return CONVOY_OK;
}

/* The largest κ and ν after likely losses of γ workers, or the first that is beyond the budget of these
 * frames. */
convoy_status plan_condition(struct planner *planner, const struct candidate *c, convoy_dtype frames,
                             struct conditioning *conditioning) {
    const struct plan_request *request = planner->request;
    struct known_condition key = key_of(planner, c, frames);
    const struct known_condition *known = find_condition(planner, &key);
    struct code code;
    if (known) {
        *conditioning = known->largest;
        return CONVOY_OK;
    }
    convoy_status status = code_create(&code, request->cluster.family, c->input_parts, c->filter_parts,
                                       &request->placement, request->seed, NULL);
    if (status != CONVOY_OK)
        return status;
    struct condition_search search = {.code = &code, .frames = frames, .largest = {1, 1}, .memory = true};
    if (code.family->conditioning)
        status = survivor_sets_visit(request->cluster.workers, request->cluster.stragglers,
                                     sets_for(request->cluster.workers), note_condition, &search);
    const uint32_t workers = request->cluster.workers, stragglers = request->cluster.stragglers;
    const bool some = survivor_sets_count(workers, stragglers) > sets_for(workers);
    const bool good = error_is_within_budget(frames, search.largest.condition);
    if (status == CONVOY_OK && search.memory && good && some && code.family->conditioning &&
        workers <= MANY_WORKERS)
        visit_windows(&search, workers, stragglers);
    code_destroy(&code);
    if (status == CONVOY_OK && !search.memory)
        status = CONVOY_E_MEMORY;
    if (status != CONVOY_OK)
        return status;
    *conditioning = key.largest = search.largest;
    return note_known(planner, &key);
}
