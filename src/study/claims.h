/* The study `claims`, in its parts: each claim writes rows, samples, data of the figure, a section of the
 * page and one line of the page's first table. */
#ifndef STUDY_CLAIMS_H
#define STUDY_CLAIMS_H

#include "study/samples.h"
#include "study/study_networks.h"

enum { CLAIMS_NETWORKS = 3, CLAIMS_MOST = 8 };

/* A line of the first table. */
struct claim_line {
    const char *claim; /* what the paper says */
    char ours[256];    /* what was found, in a few words */
    const char *verdict;
};

struct claims {
    struct study *study;
    FILE *sections;                                 /* of the page, behind the first table */
    struct study_network networks[CLAIMS_NETWORKS]; /* LeNet-5, AlexNet, VGG-16 */
    size_t optimum_cases[CLAIMS_NETWORKS];          /* points of the figure */
    struct claim_line lines[CLAIMS_MOST];
    size_t line_count;
};

enum { CLAIMS_LENET5, CLAIMS_ALEXNET, CLAIMS_VGG16 };

/* A figure: a row of the table. Texts may be NULL, numbers 0, where they mean nothing. */
struct claim_figure {
    struct sample_of of; /* of.what: the claim */
    uint32_t stragglers; /* γ */
    double up_to_store;  /* λ_up : λ_store */
    const char *quantity;
    double value, low, high; /* low, high: 95 % confidence; NaN if no chance is in it */
    size_t samples;
    const char *published; /* what the paper has */
};

void claims_row(struct claims *claims, const struct claim_figure *figure);

/* The same of samples, which go to the other table: their median. Sorts them. */
struct statistics claims_row_of_samples(struct claims *claims, struct claim_figure *figure, double *values,
                                        size_t count);

/* Adds a line to the first table; ours by a printf format. */
void claims_line(struct claims *claims, const char *claim, const char *verdict, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The claims. */
convoy_status claims_sets(struct claims *claims, convoy_error *error);       /* claims_sets.c */
convoy_status claims_stability(struct claims *claims, convoy_error *error);  /* claims_stability.c */
convoy_status claims_resilience(struct claims *claims, convoy_error *error); /* claims_resilience.c */
convoy_status claims_scaling(struct claims *claims, convoy_error *error);    /* claims_scaling.c */
convoy_status claims_optimum(struct claims *claims, convoy_error *error);    /* claims_optimum.c */

/* The panels of the figure, each of its claim's data. (claims_figure.c) */
void claims_figure(struct claims *claims);

#endif
