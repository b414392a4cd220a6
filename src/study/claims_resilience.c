/* Claim: straggler resilience. A layer over n worker threads, of which more and more are late, by the code,
 * by other codes, replicated and uncoded, on as many workers. */
#include "base/clock.h"
#include "base/error.h"
#include "study/claims.h"
#include "study/parts_choice.h"
#include "study/straggler_runs.h"

#include <math.h>
#include <stdlib.h>

enum { WORKERS = 10, STRAGGLERS = 2, MOST_LATE = STRAGGLERS + 2, MOST_DRAWS = 16, MOST_RUNS = 32 };

/* Large beside the layer's own time, and less than what makes Convoy take a worker for late for good
 * (lateness.h: a quarter of a second), so that every run asks all workers anew. */
#define DELAY_NS (UINT64_C(100) * NS_PER_MS)

/* More than that: the master learns who is late, and computes what does not come. */
#define LONG_DELAY_NS (UINT64_C(600) * NS_PER_MS)

#define LAYER "conv3"

struct scene {
    struct claims *claims;
    const struct study_layer *layer;
    const struct code_family *family;
    struct candidate parts;
    uint64_t delay_ns;
    bool fallback;
    uint32_t draws, runs;
};

/* Of one code with so many late: over the draws of who is late. */
struct outcome {
    struct statistics first, later; /* ms of a draw's first run; the median of its other runs */
    uint32_t here, runs, failed;    /* runs that the master computed; draws in which a run failed */
    bool coded;
};

static struct claim_figure figure_of(const struct scene *s, uint32_t late, const char *quantity) {
    return (struct claim_figure){.of = {.what = s->fallback ? "resilience with fallback" : "resilience",
                                        .family = s->family->name,
                                        .network = s->layer->network,
                                        .layer = s->layer->name,
                                        .workers = WORKERS,
                                        .lost = late,
                                        .threshold = s->parts.threshold,
                                        .input_parts = s->parts.input_parts,
                                        .filter_parts = s->parts.filter_parts},
                                 .stragglers = STRAGGLERS,
                                 .quantity = quantity,
                                 .low = NAN,
                                 .high = NAN};
}

static convoy_status run_draw(const struct scene *s, uint32_t late, uint32_t draw, double *first,
                              double *later, struct outcome *outcome, convoy_error *error) {
    bool who[WORKERS];
    double ms[MOST_RUNS];
    struct straggler_runs runs;
    straggler_draw(s->claims->study->options->seed * 1000 + draw, WORKERS, late, who);
    const struct straggler_setup setup = {.study = s->claims->study,
                                          .layer = &s->layer->geometry,
                                          .family = s->family,
                                          .workers = WORKERS,
                                          .stragglers = STRAGGLERS,
                                          .input_parts = s->parts.input_parts,
                                          .filter_parts = s->parts.filter_parts,
                                          .late = who,
                                          .delay_ns = s->delay_ns,
                                          .fallback = s->fallback,
                                          .runs = s->runs};
    const convoy_status status = straggler_runs_measure(&setup, ms, &runs, error);
    if (status != CONVOY_OK)
        return status;
    outcome->coded = outcome->coded && runs.coded;
    outcome->failed += runs.failed;
    outcome->here += runs.here;
    outcome->runs += s->runs;
    const struct claim_figure figure = figure_of(s, late, "run_ms");
    for (uint32_t i = 0; i < s->runs && !runs.failed; i++)
        samples_add(s->claims->study, &figure.of, figure.quantity, (size_t)draw * s->runs + i, ms[i]);
    if (runs.failed)
        return CONVOY_OK;
    *first = ms[0];
    *later = study_statistics(ms + 1, s->runs - 1).median;
    return CONVOY_OK;
}

/* All draws with so many late; draws whose runs failed have no times. */
static convoy_status run_late(const struct scene *s, uint32_t late, struct outcome *outcome,
                              convoy_error *error) {
    double first[MOST_DRAWS], later[MOST_DRAWS];
    size_t good = 0;
    *outcome = (struct outcome){.coded = true};
    for (uint32_t draw = 0; draw < s->draws; draw++) {
        const uint32_t failed = outcome->failed;
        const convoy_status status = run_draw(s, late, draw, &first[good], &later[good], outcome, error);
        if (status != CONVOY_OK)
            return status;
        good += outcome->failed == failed;
    }
    struct claim_figure figure = figure_of(s, late, "runs_computed_by_master");
    figure.value = outcome->here;
    figure.samples = outcome->runs;
    claims_row(s->claims, &figure);
    if (!good)
        return CONVOY_OK;
    figure = figure_of(s, late, "first_run_ms");
    outcome->first = claims_row_of_samples(s->claims, &figure, first, good);
    figure = figure_of(s, late, "later_runs_ms");
    outcome->later = claims_row_of_samples(s->claims, &figure, later, good);
    return CONVOY_OK;
}

/* False: the family admits no parts. */
static bool choose_parts(struct scene *s, convoy_status *status) {
    const struct plan_cluster cluster = {.family = s->family, .workers = WORKERS, .stragglers = STRAGGLERS};
    struct candidate *parts = NULL;
    size_t count = 0;
    *status = parts_create(&cluster, &s->layer->geometry, &parts, &count);
    if (*status == CONVOY_OK && count)
        s->parts = parts[parts_cheapest(parts, count, parts_travel)];
    free(parts);
    return count > 0;
}

static void print_times(FILE *section, const struct outcome *outcome, const struct statistics *s) {
    if (!outcome->coded)
        fprintf(section, " not coded |");
    else if (!s->count)
        fprintf(section, " failed |");
    else
        fprintf(section, " %.1f (%.1f–%.1f)%s |", s->median, s->low, s->high,
                outcome->failed ? ", some failed" : "");
}

/* One code: a row of the page, and a block of the figure. */
static convoy_status run_family(const struct scene *s, struct outcome outcomes[MOST_LATE + 1], size_t index,
                                size_t count, convoy_error *error) {
    FILE *section = s->claims->sections, *figure = s->claims->study->figure;
    fprintf(section, "| `%s` | %u |", s->family->name, s->parts.threshold);
    fprintf(figure, "$late%zu << EOD\n", index);
    for (uint32_t late = 0; late <= MOST_LATE; late++) {
        char what[96];
        snprintf(what, sizeof what, "time of a layer by %s, %u workers late", s->family->name, late);
        convoy_status status = study_step(s->claims->study, what, index * (MOST_LATE + 1) + late,
                                          count * (MOST_LATE + 1), error);
        if (status == CONVOY_OK)
            status = run_late(s, late, &outcomes[late], error);
        if (status != CONVOY_OK)
            return status;
        const struct statistics *t = &outcomes[late].later;
        print_times(section, &outcomes[late], t);
        if (outcomes[late].coded && t->count)
            fprintf(figure, "%u %.6g %.6g %.6g\n", late, t->median, t->low, t->high);
    }
    fprintf(section, "\n");
    fprintf(figure, "EOD\n");
    return CONVOY_OK;
}

/* ---- the master computes what does not come ---- */

static convoy_status run_fallback(const struct scene *waiting, convoy_error *error) {
    struct scene s = *waiting;
    FILE *section = s.claims->sections;
    s.fallback = true;
    s.delay_ns = LONG_DELAY_NS;
    s.draws = s.claims->study->options->quick ? 1 : 3;
    s.runs = 6;
    fprintf(section,
            "The same with `%s`, late by %.0f ms, if the master computes what does not come (Convoy's "
            "default). The first run finds out who is late; the median of the five that follow "
            "knows.\n\n"
            "| late | first run, ms | later runs, ms | computed by the master |\n|---|---|---|---|\n",
            s.family->name, (double)s.delay_ns / (double)NS_PER_MS);
    for (uint32_t late = 0; late <= MOST_LATE; late++) {
        struct outcome outcome;
        convoy_status status =
            study_step(s.claims->study, "time of a layer, known stragglers", late, MOST_LATE + 1, error);
        if (status == CONVOY_OK)
            status = run_late(&s, late, &outcome, error);
        if (status != CONVOY_OK)
            return status;
        fprintf(section, "| %u | %.1f | %.1f | %u of %u runs |\n", late, outcome.first.median,
                outcome.later.median, outcome.here, outcome.runs);
    }
    fprintf(section, "\n");
    return CONVOY_OK;
}

/* ---- results ---- */

static void write_head(const struct scene *s) {
    fprintf(s->claims->sections,
            "## Resilience\n\n"
            "AlexNet's %s (float32) over %d worker threads of this machine, γ = %d. Some workers' "
            "messages come %.0f ms late, %u times drawn at random who; each time a new cluster runs "
            "the layer %u times. Medians over the draws, in ms, with 95 %% confidence, of a draw's "
            "median without its first run (both are in the table). The master waits for as many "
            "answers as the code needs (`--no-fallback`): beyond γ it waits for late ones. All workers "
            "share this machine's processors, so what a layer takes if nobody is late tells nothing of "
            "a cluster's speed: what is compared is who waits for the late.\n\n"
            "| code | δ |",
            LAYER, WORKERS, STRAGGLERS, (double)s->delay_ns / (double)NS_PER_MS, s->draws, s->runs);
    for (uint32_t late = 0; late <= MOST_LATE; late++)
        fprintf(s->claims->sections, " %u late |", late);
    fprintf(s->claims->sections, "\n|---|---|---|---|---|---|---|\n");
}

/* A code does not wait if it takes less than half of the delay more than with nobody late. */
static bool waits(const struct outcome *none, const struct outcome *some) {
    return !some->later.count ||
           some->later.median > none->later.median + (double)DELAY_NS / (double)NS_PER_MS / 2;
}

static void conclude(struct claims *claims, const struct outcome coded[MOST_LATE + 1],
                     const struct outcome uncoded[MOST_LATE + 1]) {
    bool kept = true;
    for (uint32_t late = 1; late <= STRAGGLERS; late++)
        kept = kept && !waits(&coded[0], &coded[late]);
    fprintf(claims->sections,
            "*Holds* if the paper's code takes with every number of late workers up to γ less than "
            "half of the delay longer than with none.\n\n");
    claims_line(claims, "straggler resilience: up to γ late workers cost no time", kept ? "yes" : "no",
                "n = %d, γ = %d, %.0f ms late: %.1f ms with none, %.1f with γ, %.1f with γ + 1; uncoded "
                "%.1f, %.1f, %.1f",
                WORKERS, STRAGGLERS, (double)DELAY_NS / (double)NS_PER_MS, coded[0].later.median,
                coded[STRAGGLERS].later.median, coded[STRAGGLERS + 1].later.median, uncoded[0].later.median,
                uncoded[STRAGGLERS].later.median, uncoded[STRAGGLERS + 1].later.median);
}

convoy_status claims_resilience(struct claims *claims, convoy_error *error) {
    const bool quick = claims->study->options->quick;
    struct outcome outcomes[MOST_LATE + 1], coded[MOST_LATE + 1] = {0}, uncoded[MOST_LATE + 1] = {0};
    struct scene s = {.claims = claims,
                      .layer = study_layer_find(&claims->networks[CLAIMS_ALEXNET], LAYER),
                      .delay_ns = DELAY_NS,
                      .draws = quick ? 3 : 12,
                      .runs = quick ? 4 : 11};
    struct scene first = s;
    convoy_status status = CONVOY_OK;
    size_t families = 0;
    while (code_family_at(families))
        families++;
    write_head(&s);
    for (size_t i = 0; i < families && status == CONVOY_OK; i++) {
        s.family = code_family_at(i);
        if (!choose_parts(&s, &status))
            continue;
        status = run_family(&s, outcomes, i, families, error);
        struct outcome *kept = i == 0 ? coded : s.family->needs_all ? uncoded : NULL;
        for (uint32_t late = 0; kept && late <= MOST_LATE; late++)
            kept[late] = outcomes[late];
        first = i == 0 ? s : first;
    }
    fprintf(claims->sections, "\n");
    if (status == CONVOY_OK)
        status = run_fallback(&first, error);
    if (status == CONVOY_OK)
        conclude(claims, coded, uncoded);
    return status;
}
