/* What the paper's abstract claims (FCDCC, arXiv 2411.01579), each beside our figure. */
#include "study/claims.h"

#include "base/error.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

static const char *text_cell(const char *text) {
    return text ? text : "";
}

/* An empty cell for what is no number. */
static const char *number_cell(double value, char cell[32]) {
    cell[0] = '\0';
    if (!isnan(value))
        snprintf(cell, 32, "%.6g", value);
    return cell;
}

void claims_row(struct claims *claims, const struct claim_figure *f) {
    char ratio[32], value[32], low[32], high[32];
    study_row(claims->study, claims->study->csv, "%s,%s,%s,%s,%u,%u,%u,%u,%u,%u,%s,%s,%s,%s,%s,%zu,%s",
              f->of.what, text_cell(f->of.family), text_cell(f->of.network), text_cell(f->of.layer),
              f->of.workers, f->stragglers, f->of.lost, f->of.threshold, f->of.input_parts,
              f->of.filter_parts, number_cell(f->up_to_store > 0 ? f->up_to_store : (double)NAN, ratio),
              f->quantity, number_cell(f->value, value), number_cell(f->low, low), number_cell(f->high, high),
              f->samples, text_cell(f->published));
}

struct statistics claims_row_of_samples(struct claims *claims, struct claim_figure *figure, double *values,
                                        size_t count) {
    for (size_t i = 0; i < count; i++)
        samples_add(claims->study, &figure->of, figure->quantity, i, values[i]);
    const struct statistics s = study_statistics(values, count);
    figure->value = s.median;
    figure->low = s.low;
    figure->high = s.high;
    figure->samples = count;
    claims_row(claims, figure);
    return s;
}

void claims_line(struct claims *claims, const char *claim, const char *verdict, const char *format, ...) {
    if (claims->line_count == CLAIMS_MOST)
        return;
    struct claim_line *line = &claims->lines[claims->line_count++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line->ours, sizeof line->ours, format, arguments);
    va_end(arguments);
    line->claim = claim;
    line->verdict = verdict;
}

static const char introduction[] =
    "The paper is Tan, Liu, Han, Long, Wan, Song, Li: *Flexible Coded Distributed Convolution "
    "Computing for Enhanced Straggler Resilience and Numerical Stability in Distributed CNNs*, "
    "arXiv 2411.01579. Its machines and link are not ours; what is compared is whether its "
    "statements hold here. *Holds* is decided by the figures of this run, as each section "
    "says.\n\n";

static const char columns[] =
    "## How to read the figure\n\n"
    "Top left: a code is stable where it stays below the dashed line; 10^-32 would be the "
    "rounding of a single number. Top right: up to the dotted line, γ, a code should take what "
    "it takes with nobody late; the marks of codes are moved apart sideways. Bottom left: "
    "above 1 the cluster is faster than one machine. Bottom right: points left and right of "
    "the dotted line at the least and the largest k_A are layers for which the closed form "
    "asks for more or fewer parts than they admit.\n\n"
    "## Columns\n\n"
    "`claims.csv` has a row for each figure: the claim, the code (`family`), what it was "
    "computed of, n (`workers`), γ (`stragglers`), how many were lost or late (`lost`), δ "
    "(`threshold`), k_A and k_B, λ_up : λ_store (`up_to_store`), the `quantity` with its unit, "
    "and its `value`; `low` and `high` bound its median with 95 % confidence if chance is in "
    "it (`samples` of it are in `claims-samples.csv`). `published` is the paper's figure. "
    "Times of the scaling are medians; the samples of their stages are there, too.\n";

static void write_page(struct claims *claims, const char *sections) {
    FILE *page = claims->study->page;
    fputs(introduction, page);
    fprintf(page, "| the paper | here | holds |\n|---|---|---|\n");
    for (size_t i = 0; i < claims->line_count; i++)
        fprintf(page, "| %s | %s | %s |\n", claims->lines[i].claim, claims->lines[i].ours,
                claims->lines[i].verdict);
    fprintf(page, "\n%s%s", sections, columns);
}

static convoy_status run_claims(struct claims *claims, convoy_error *error) {
    static convoy_status (*const runs[])(struct claims *, convoy_error *) = {
        claims_sets, claims_stability, claims_resilience, claims_scaling, claims_optimum};
    convoy_status status = CONVOY_OK;
    for (size_t i = 0; i < sizeof runs / sizeof runs[0] && status == CONVOY_OK; i++)
        status = runs[i](claims, error);
    return status;
}

convoy_status study_claims(struct study *study, convoy_error *error) {
    static const char *const names[CLAIMS_NETWORKS] = {"lenet5", "alexnet", "vgg16"};
    struct claims claims = {.study = study};
    char *sections = NULL;
    size_t bytes = 0;
    study->width = 1300;
    study->height = 1000;
    study_columns(study, study->csv,
                  "claim,family,network,layer,workers,stragglers,lost,threshold,input_parts,filter_parts,up_"
                  "to_store,quantity,value,low,high,samples,published");
    samples_begin(study);
    claims.sections = open_memstream(&sections, &bytes);
    convoy_status status = claims.sections
                               ? study_networks_fill(claims.networks, names, CLAIMS_NETWORKS, error)
                               : error_memory(error);
    if (status == CONVOY_OK)
        status = run_claims(&claims, error);
    if (claims.sections && fclose(claims.sections) != 0 && status == CONVOY_OK)
        status = error_memory(error);
    if (status == CONVOY_OK) {
        claims_figure(&claims);
        write_page(&claims, sections);
    }
    free(sections);
    study_networks_clear(claims.networks, CLAIMS_NETWORKS);
    return status;
}
