/* The study `overhead`, in its parts. */
#ifndef STUDY_OVERHEAD_H
#define STUDY_OVERHEAD_H

#include "study/layer_cost.h"
#include "study/study_networks.h"

enum { OVERHEAD_NETWORKS = 5, OVERHEAD_MOST_POINTS = 8 };

/* The cluster at which the other quantities are varied. */
#define OVERHEAD_WORKERS    20
#define OVERHEAD_STRAGGLERS 4

/* The cluster of the paper's trade-off: nothing is measured there. */
#define TRADEOFF_WORKERS    40
#define TRADEOFF_STRAGGLERS 8

struct overhead {
    struct study *study;
    struct cost_table *table;
    const struct code_family *family; /* the default one */
    struct study_network networks[OVERHEAD_NETWORKS];
    struct cost_setup by_workers[OVERHEAD_MOST_POINTS], by_threshold[OVERHEAD_MOST_POINTS];
    size_t workers_points, threshold_points;
};

/* The table of all sweeps. (overhead_rows.c) */
convoy_status overhead_rows(struct overhead *overhead, convoy_error *error);

/* Rows of the paper's trade-off. (overhead_tradeoff.c) */
convoy_status overhead_tradeoff_rows(struct overhead *overhead, convoy_error *error);

/* λ_up : λ_store of the trade-off, from index 0 on, and how the ratio is written; 0 beyond the last. */
double overhead_ratio_at(size_t index, const char **text);

/* The objective at such a ratio. What travels costs alike in both directions. */
void overhead_lambda(double ratio, double lambda[LAMBDAS]);

/* The figure's blocks of data for a layer: cost over k_A for each ratio, relative to the least. (overhead_
 * tradeoff.c) */
convoy_status overhead_tradeoff_data(struct overhead *overhead, const struct study_layer *layer,
                                     const char *block, convoy_error *error);

/* Commands of the figure. (overhead_figure.c) */
convoy_status overhead_figure(struct overhead *overhead, convoy_error *error);

/* Behind the page's head. (overhead_page.c) */
convoy_status overhead_page(struct overhead *overhead, convoy_error *error);

#endif
