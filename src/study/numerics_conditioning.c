#include "base/error.h"
#include "study/numerics.h"
#include "study/study_threads.h"

#include <math.h>
#include <stdlib.h>

/* Sets that a thread looks at before it takes others. */
enum { BLOCK = 128 };

/* Some sets of one code. */
struct block {
    struct numerics_code *code;
    size_t first, count;
};

struct work {
    struct block *blocks;
    size_t count;
    uint64_t seed;
};

static convoy_status condition_block(void *context, size_t index, const struct study_hand *hand,
                                     convoy_error *error) {
    (void)hand;
    const struct work *work = context;
    const struct block *block = &work->blocks[index];
    struct numerics_code *n = block->code;
    struct code code;
    const convoy_status status =
        code_create(&code, n->family, n->input_parts, n->filter_parts, &n->placement, work->seed, error);
    if (status != CONVOY_OK)
        return status;
    for (size_t i = block->first; i < block->first + block->count; i++)
        n->found[i] = code_conditioning(&code, study_set(n->sets, i), n->threshold);
    code_destroy(&code);
    return CONVOY_OK;
}

static convoy_status list_blocks(struct numerics *numerics, struct work *work) {
    size_t room = 0;
    for (size_t c = 0; c < numerics->count; c++)
        room += numerics->codes[c].sets->count / BLOCK + 1;
    work->blocks = calloc(room, sizeof *work->blocks);
    for (size_t c = 0; work->blocks && c < numerics->count; c++) {
        struct numerics_code *code = &numerics->codes[c];
        const size_t sets = code->compared ? code->sets->count : 0;
        for (size_t at = 0; at < sets; at += BLOCK)
            work->blocks[work->count++] =
                (struct block){.code = code, .first = at, .count = sets - at < BLOCK ? sets - at : BLOCK};
    }
    return work->blocks ? CONVOY_OK : CONVOY_E_MEMORY;
}

/* ---- what is said of all sets ---- */

static double value_of(const struct conditioning *c, bool noise_gain) {
    return noise_gain ? c->noise_gain : c->condition;
}

/* values: scratch [sets]. */
static struct numerics_figures summarise(const struct numerics_code *code, bool noise_gain, double *values) {
    const struct study_sets *sets = code->sets;
    struct numerics_figures figures = {.most = noise_gain ? NUMERICS_MOST_GAIN : NUMERICS_MOST};
    for (size_t i = 0; i < sets->count; i++)
        figures.worst = fmax(figures.worst, value_of(&code->found[i], noise_gain));
    for (size_t i = 0; i < sets->fair_count; i++) {
        const double value = value_of(&code->found[sets->fair + i], noise_gain);
        figures.beyond += value > figures.most;
        values[i] = fmin(value, figures.most);
    }
    figures.fair = study_statistics(values, sets->fair_count);
    return figures;
}

/* The worst of a kind of loss, or of all (STUDY_LOSSES). */
static size_t worst_of(const struct numerics_code *code, enum study_loss loss) {
    const struct study_sets *sets = code->sets;
    size_t worst = SIZE_MAX;
    for (size_t i = 0; i < sets->count; i++)
        if ((loss == STUDY_LOSSES || sets->losses[i] == loss) &&
            (worst == SIZE_MAX || code->found[i].condition > code->found[worst].condition))
            worst = i;
    return worst == SIZE_MAX ? 0 : worst;
}

/* Of the fair sets the one whose κ is next to the median. */
static size_t typical_of(const struct numerics_code *code) {
    const struct study_sets *sets = code->sets;
    const double median = code->condition.fair.median;
    size_t best = sets->fair;
    for (size_t i = sets->fair; i < sets->fair + sets->fair_count; i++)
        if (fabs(log(code->found[i].condition / median)) < fabs(log(code->found[best].condition / median)))
            best = i;
    return best;
}

convoy_status numerics_condition(struct numerics *numerics, convoy_error *error) {
    struct work work = {.seed = numerics->study->options->seed};
    size_t most = 1;
    convoy_status status = list_blocks(numerics, &work);
    for (size_t c = 0; c < numerics->count; c++)
        most = numerics->codes[c].sets->count > most ? numerics->codes[c].sets->count : most;
    double *values = calloc(most, sizeof *values);
    if (status == CONVOY_OK && values)
        status = study_items_run(numerics->study,
                                 &(struct study_items){.what = "condition numbers",
                                                       .total = work.count,
                                                       .count = work.count,
                                                       .run = condition_block,
                                                       .context = &work},
                                 error);
    else
        status = error_memory(error);
    for (size_t c = 0; c < numerics->count && status == CONVOY_OK; c++) {
        struct numerics_code *code = &numerics->codes[c];
        if (!code->compared)
            continue;
        code->condition = summarise(code, false, values);
        code->noise_gain = summarise(code, true, values);
        code->chosen[NUMERICS_TYPICAL] = typical_of(code);
        code->chosen[NUMERICS_NEIGHBOURS] = worst_of(code, STUDY_LOSS_NEIGHBOURS);
        code->chosen[NUMERICS_WORST] = worst_of(code, STUDY_LOSSES);
    }
    free(values);
    free(work.blocks);
    return status;
}
