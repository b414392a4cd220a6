/* Claim: numerical stability. The paper has a mean squared error of at most 1e-27 on AlexNet's convolutions
 * with 20 workers, in float64. */
#include "base/error.h"
#include "study/claims.h"
#include "study/coded_error.h"
#include "study/parts_choice.h"
#include "study/straggler_runs.h"

#include <math.h>
#include <stdlib.h>

enum { WORKERS = 20, STRAGGLERS = 4, CONVOLUTIONS = 5, MOST_VARIANTS = 32 };

#define PUBLISHED      1e-27
#define PUBLISHED_TEXT "1e-27"

/* A code with one placement of its workers. */
struct variant {
    const struct code_family *family;
    struct placement placement;
    char name[48];               /* with the circle: q nodes, of which worker j takes g·j */
    double worst[CONVOLUTIONS];  /* largest mean squared error of a layer over windows of neighbours lost */
    double random[CONVOLUTIONS]; /* the median over random losses */
    double largest_condition;
};

static void add_variant(struct variant *variants, size_t *count, const struct code_family *family,
                        struct placement placement) {
    struct variant *v = &variants[(*count)++];
    *v = (struct variant){.family = family, .placement = placement};
    if (family->on_circle)
        snprintf(v->name, sizeof v->name, "%s q=%u g=%u", family->name, placement.order, placement.step);
    else
        snprintf(v->name, sizeof v->name, "%s", family->name);
}

/* Of a family on the circle: the paper's placement, whose q is odd, then the plain one, then the spread one.
 */
enum { PAPERS_PLACEMENT, PLAIN_PLACEMENT, SPREAD_PLACEMENT, PLACEMENTS };

static convoy_status list_variants(struct variant *variants, size_t *count, convoy_error *error) {
    const struct placement plain = placement_plain(WORKERS);
    struct placement spread, papers = plain;
    const struct code_family *family;
    papers.order = WORKERS | 1;
    if (placement_spread(WORKERS, STRAGGLERS, &spread) != CONVOY_OK)
        return error_memory(error);
    *count = 0;
    for (size_t i = 0; (family = code_family_at(i)) && *count + PLACEMENTS <= MOST_VARIANTS; i++) {
        if (family->needs_all)
            continue; /* nobody may be lost */
        if (!family->on_circle) {
            add_variant(variants, count, family, plain);
            continue;
        }
        add_variant(variants, count, family, papers);
        add_variant(variants, count, family, plain);
        add_variant(variants, count, family, spread);
    }
    return CONVOY_OK;
}

/* ---- losses ---- */

/* Decodes from everybody but those that are marked. */
static convoy_status decode_without(const struct coded_sample *sample, const bool lost[WORKERS],
                                    struct decoded_error *found, convoy_error *error) {
    uint32_t survivors[WORKERS], count = 0;
    for (uint32_t w = 0; w < WORKERS; w++)
        if (!lost[w])
            survivors[count++] = w;
    convoy_status status = study_hand_goes_on(sample->setup.hand, error);
    if (status == CONVOY_OK)
        status = coded_sample_decode(sample, survivors, NULL, found, error);
    if (!found->decoded)
        found->mean_squared = INFINITY;
    return status;
}

/* γ neighbours on the ring of workers, from any worker on. */
static convoy_status lose_windows(const struct coded_sample *sample, double *errors, double *condition,
                                  convoy_error *error) {
    convoy_status status = CONVOY_OK;
    for (uint32_t first = 0; first < WORKERS && status == CONVOY_OK; first++) {
        struct decoded_error found = {.mean_squared = INFINITY};
        bool lost[WORKERS] = {false};
        for (uint32_t i = 0; i < STRAGGLERS; i++)
            lost[(first + i) % WORKERS] = true;
        status = decode_without(sample, lost, &found, error);
        errors[first] = found.mean_squared;
        *condition = fmax(*condition, found.condition);
    }
    return status;
}

/* γ random workers, the same ones for every code. */
static convoy_status lose_random(const struct coded_sample *sample, uint64_t seed, double *errors,
                                 size_t count, convoy_error *error) {
    convoy_status status = CONVOY_OK;
    for (size_t i = 0; i < count && status == CONVOY_OK; i++) {
        struct decoded_error found = {.mean_squared = INFINITY};
        bool lost[WORKERS];
        straggler_draw(seed * 1000 + i, WORKERS, STRAGGLERS, lost);
        status = decode_without(sample, lost, &found, error);
        errors[i] = found.mean_squared;
    }
    return status;
}

/* ---- layers ---- */

/* What one code makes of one layer. */
struct attempt {
    struct claims *claims;
    const struct study_operands *operands;
    size_t layer; /* of AlexNet's */
    struct variant *variant;
    struct candidate parts;
    double *errors; /* scratch */
    size_t draws;
};

static convoy_status choose_parts(struct attempt *a, convoy_error *error) {
    const struct plan_cluster cluster = {
        .family = a->variant->family, .workers = WORKERS, .stragglers = STRAGGLERS};
    struct candidate *parts = NULL;
    size_t count = 0;
    if (parts_create(&cluster, &a->operands->layer, &parts, &count) != CONVOY_OK)
        return error_memory(error);
    if (count)
        a->parts = parts[parts_cheapest(parts, count, parts_travel)];
    free(parts);
    return count ? CONVOY_OK
                 : error_set(error, CONVOY_E_INTERNAL, "%s admits no parts of AlexNet's convolutions",
                             a->variant->name);
}

static convoy_status lose_workers(const struct attempt *a, const struct coded_sample *sample,
                                  convoy_error *error) {
    struct variant *v = a->variant;
    struct claim_figure figure = {.of = {.what = "stability",
                                         .family = v->name,
                                         .network = "alexnet",
                                         .layer = a->claims->networks[CLAIMS_ALEXNET].layers[a->layer].name,
                                         .workers = WORKERS,
                                         .lost = STRAGGLERS,
                                         .threshold = a->parts.threshold,
                                         .input_parts = a->parts.input_parts,
                                         .filter_parts = a->parts.filter_parts},
                                  .stragglers = STRAGGLERS,
                                  .published = PUBLISHED_TEXT};
    convoy_status status = lose_windows(sample, a->errors, &v->largest_condition, error);
    if (status != CONVOY_OK)
        return status;
    figure.quantity = "mse_worst_neighbours";
    figure.value = v->worst[a->layer] = study_statistics(a->errors, WORKERS).largest;
    figure.low = figure.high = NAN;
    figure.samples = WORKERS;
    claims_row(a->claims, &figure);
    status = lose_random(sample, a->claims->study->options->seed, a->errors, a->draws, error);
    if (status != CONVOY_OK)
        return status;
    figure.quantity = "mse_random_losses";
    v->random[a->layer] = claims_row_of_samples(a->claims, &figure, a->errors, a->draws).median;
    return CONVOY_OK;
}

/* A study_items.run. */
static convoy_status try_variant(void *context, size_t index, const struct study_hand *hand,
                                 convoy_error *error) {
    (void)index;
    struct attempt *a = context;
    struct code code;
    struct coded_sample sample;
    convoy_status status = choose_parts(a, error);
    if (status == CONVOY_OK)
        status = code_create(&code, a->variant->family, a->parts.input_parts, a->parts.filter_parts,
                             &a->variant->placement, a->claims->study->options->seed, error);
    if (status != CONVOY_OK)
        return status;
    const struct coded_setup setup = {
        .code = &code, .operands = a->operands, .frames = CONVOY_F64, .scaled = true, .hand = hand};
    status = coded_sample_create(&sample, &setup, error);
    if (status == CONVOY_OK) {
        status = lose_workers(a, &sample, error);
        coded_sample_destroy(&sample);
    }
    code_destroy(&code);
    return status;
}

static convoy_status try_variants(struct claims *claims, struct variant *variants, size_t count, size_t layer,
                                  double *errors, size_t draws, convoy_error *error) {
    const struct study_layer *of = &claims->networks[CLAIMS_ALEXNET].layers[layer];
    struct study_operands operands = {0};
    convoy_status status =
        study_operands_create(&operands, &of->geometry, false, claims->study->options->seed + layer, error);
    for (size_t v = 0; v < count && status == CONVOY_OK; v++) {
        struct attempt attempt = {.claims = claims,
                                  .operands = &operands,
                                  .layer = layer,
                                  .variant = &variants[v],
                                  .errors = errors,
                                  .draws = draws};
        char what[96];
        snprintf(what, sizeof what, "errors of AlexNet's %s, %s", of->name, variants[v].name);
        const struct study_items one = {.what = what,
                                        .done = layer * count + v,
                                        .total = CONVOLUTIONS * count,
                                        .count = 1,
                                        .run = try_variant,
                                        .context = &attempt};
        status = study_items_run(claims->study, &one, error);
    }
    study_operands_destroy(&operands);
    return status;
}

/* ---- results ---- */

static double largest(const double values[CONVOLUTIONS]) {
    double most = 0;
    for (size_t i = 0; i < CONVOLUTIONS; i++)
        most = fmax(most, values[i]);
    return most;
}

static void write_section(struct claims *claims, const struct variant *variants, size_t count, size_t draws) {
    fprintf(claims->sections,
            "## Stability\n\n"
            "AlexNet's five convolutions, float64 throughout, random normal inputs and filters "
            "scaled to outputs of unit variance, n = %d and %d of them lost: wherever they are "
            "neighbours on the ring of workers (the worst is given), and %zu times at random (the "
            "median). The mean squared error is relative to the output's variance and is of the "
            "whole output, against the same convolution computed directly in float64. 0: the parts "
            "come as they are. q is the number of nodes on the circle, and worker j takes the node "
            "g·j: the paper has an odd q and g = 1, Convoy chooses both so that neighbours are no "
            "worse to lose than others.\n\n"
            "| code | worst neighbours lost | random losses | largest κ, neighbours "
            "|\n|---|---|---|---|\n",
            WORKERS, STRAGGLERS, draws);
    for (size_t v = 0; v < count; v++)
        fprintf(claims->sections, "| `%s` | %.2g | %.2g | %.2g |\n", variants[v].name,
                largest(variants[v].worst), largest(variants[v].random), variants[v].largest_condition);
    fprintf(claims->sections,
            "\nThe largest of the five layers. *Holds* if the paper's code as Convoy places it stays "
            "under %s whichever neighbours are lost.\n\n",
            PUBLISHED_TEXT);
}

/* A column for each code that is off at all, and their names. */
static void write_data(const struct claims *claims, const struct variant *variants, size_t count) {
    FILE *figure = claims->study->figure;
    size_t drawn = 0;
    fprintf(figure, "$stability << EOD\n");
    for (size_t i = 0; i < CONVOLUTIONS; i++) {
        fprintf(figure, "%s", claims->networks[CLAIMS_ALEXNET].layers[i].name);
        for (size_t v = 0; v < count; v++)
            if (largest(variants[v].worst) > 0)
                fprintf(figure, " %.6g", variants[v].worst[i]);
        fprintf(figure, "\n");
    }
    for (size_t v = 0; v < count; v++)
        drawn += largest(variants[v].worst) > 0;
    fprintf(figure, "EOD\narray stability[%zu]\n", drawn);
    drawn = 0;
    for (size_t v = 0; v < count; v++)
        if (largest(variants[v].worst) > 0)
            fprintf(figure, "stability[%zu] = \"%s\"\n", ++drawn, variants[v].name);
}

/* The default family, which is on the circle, comes first. */
static void conclude(struct claims *claims, const struct variant *variants) {
    const struct variant *papers = &variants[PAPERS_PLACEMENT], *spread = &variants[SPREAD_PLACEMENT];
    claims_line(claims,
                "numerical stability: mean squared error of at most 1e-27 on AlexNet's convolutions, n = 20",
                largest(spread->worst) <= PUBLISHED ? "yes" : "no",
                "%.1e with the worst %d neighbours lost, %.1e at random losses; with the paper's placement "
                "%.1e and %.1e",
                largest(spread->worst), STRAGGLERS, largest(spread->random), largest(papers->worst),
                largest(papers->random));
}

convoy_status claims_stability(struct claims *claims, convoy_error *error) {
    const size_t draws = claims->study->options->quick ? 20 : 100;
    struct variant variants[MOST_VARIANTS];
    double *errors = calloc(draws > WORKERS ? draws : WORKERS, sizeof *errors);
    size_t count = 0;
    convoy_status status = errors ? list_variants(variants, &count, error) : error_memory(error);
    for (size_t i = 0; i < CONVOLUTIONS && status == CONVOY_OK; i++)
        status = try_variants(claims, variants, count, i, errors, draws, error);
    if (status == CONVOY_OK) {
        write_section(claims, variants, count, draws);
        write_data(claims, variants, count);
        conclude(claims, variants);
    }
    free(errors);
    return status;
}
