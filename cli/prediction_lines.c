/* What of the plan's prediction came true. */
#include "summary.h"

#include <stdio.h>
#include <stdlib.h>

#define WORTH_TELLING 0.02 /* of an inference: less is not what makes it slow */
#define LAYERS_TOLD   4
#define FAR_OFF       1.5 /* times longer or shorter than predicted */

/* Sums of the layers' medians, ms. */
struct sums {
    double took, predicted, alone;
    bool coded; /* a layer was, in some run */
};

static struct sums add_up(const struct summary *summary, double *took) {
    struct sums sums = {0};
    for (size_t i = 0; i < summary->layer_count; i++) {
        sums.took += took[i];
        sums.predicted += summary->layers[i].last.predicted_ms;
        sums.alone += summary->layers[i].last.alone_ms;
        sums.coded = sums.coded || summary->layers[i].coded > 0;
    }
    return sums;
}

static bool is_far_off(double took, double predicted, double whole) {
    const double larger = took > predicted ? took : predicted;
    return larger > WORTH_TELLING * whole && (took > FAR_OFF * predicted || predicted > FAR_OFF * took);
}

static void print_far_off(const struct summary *summary, const double *took, double whole) {
    size_t told = 0, more = 0;
    for (size_t i = 0; i < summary->layer_count; i++) {
        const convoy_layer_report *layer = &summary->layers[i].last;
        if (!is_far_off(took[i], layer->predicted_ms, whole))
            continue;
        if (told == LAYERS_TOLD) {
            more++;
            continue;
        }
        printf("%s%s took %.3g ms, not %.3g", told ? ", " : "; off by more than half: ", layer->name, took[i],
               layer->predicted_ms);
        told++;
    }
    if (more)
        printf(", and %zu more", more);
}

bool summary_print_prediction(const struct summary *summary) {
    double *took = calloc(summary->layer_count + 1, sizeof *took);
    double *scratch = calloc(summary->samples + 1, sizeof *scratch);
    const bool printed = took && scratch;
    for (size_t i = 0; printed && i < summary->layer_count; i++)
        took[i] = summary_median(summary, &summary->layers[i], TIME_WALL, scratch);
    if (printed) {
        const struct sums sums = add_up(summary, took);
        printf("predicted   %.3g ms each, and the layers took %.3g", sums.predicted, sums.took);
        print_far_off(summary, took, sums.took);
        printf("\n");
        if (sums.coded && sums.took > sums.alone)
            printf("slower      than this machine alone (--local), which takes %.3g ms each as predicted\n",
                   sums.alone);
    }
    free(took);
    free(scratch);
    return printed;
}
