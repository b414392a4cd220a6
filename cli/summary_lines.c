/* The lines below the answers: what all inferences together came to. */
#include "summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAR_OFF          1.5  /* times longer or shorter than predicted */
#define WORTH_TELLING    0.02 /* of an inference: less is not what makes it slow */
#define WORTH_TELLING_MS 0.1  /* shorter times are the scheduler's */
#define LAYERS_TOLD      4

static const char *plural(size_t count) {
    return count == 1 ? "" : "s";
}

static void print_inferences(const struct summary *summary) {
    printf("inferences  %zu in %.1f ms", summary->runs, summary->total_ms);
    if (summary->runs > 1)
        printf(", %.3f ms each", summary->total_ms / (double)summary->runs);
    if (summary->failed)
        printf("; %zu input%s failed, as standard error says", summary->failed, plural(summary->failed));
    printf("\n");
    if (summary->split_files == 1)
        printf("rows        %s is %zu inferences, one for each row\n", summary->split_file,
               summary->split_rows);
    else if (summary->split_files)
        printf("rows        %zu files are %zu inferences, one for each row\n", summary->split_files,
               summary->split_rows);
}

static void print_accuracy(const struct summary *summary, const char *expect) {
    const char *that_ran = summary->failed ? " of those that ran" : "";
    if (expect && summary->expected == 0)
        printf("accuracy    unknown: %s names none of the inputs%s\n", expect,
               summary->failed ? " that ran" : "");
    if (summary->expected)
        printf("accuracy    %zu of %zu = %.2f %%%s\n", summary->correct, summary->expected,
               100.0 * (double)summary->correct / (double)summary->expected, that_ran);
}

/* The error of a channel is only shown: if large numbers cancel in it, uncoded kernels differ by percents,
 * too. */
static void print_check(const struct summary *summary, bool all) {
    const convoy_check *worst = &summary->worst;
    const bool same = worst->max_rel_error <= CONVOY_CHECK_CLOSE && worst->not_finite.differ == 0 &&
                      summary->agreeing == summary->checked;
    printf("check       %s: errors at most %.2g, ",
           same ? "every answer is that of the uncoded model" : "answers differ from the uncoded model",
           worst->max_rel_error);
    printf("%zu of %zu first classes agree\n", summary->agreeing, summary->checked);
    if (!all)
        return;
    printf("differing   %.3g %% of the elements, errors at most %.2g of a channel's largest",
           100 * summary->differing / (double)summary->checked, worst->max_channel_error);
    if (worst->not_finite.both || worst->not_finite.differ)
        printf("; not finite: %llu elements in both alike, %llu differ",
               (unsigned long long)worst->not_finite.both, (unsigned long long)worst->not_finite.differ);
    printf("\n");
}

static void print_numbers(const uint32_t *numbers, size_t count, const char *none) {
    fputs(count ? "" : none, stdout);
    for (size_t i = 0; i < count; i++)
        printf("%s%u", i ? ", " : "", numbers[i]);
}

static void print_workers(const struct summary *summary, const convoy_options *session,
                          const struct cluster_state *cluster) {
    if (cluster->needed == 0) {
        printf("workers     none: this machine has computed everything\n");
        return;
    }
    printf("workers     %u, ", session->workers);
    if (strcmp(session->code, "uncoded") == 0 || session->stragglers == 0)
        printf("all of them needed");
    else
        printf("any %u may be missing", session->stragglers);
    printf("; code %s, precision %s, seed %llu\n", session->code, precision_text(session->precision),
           (unsigned long long)session->seed);
    printf("lost        ");
    print_numbers(cluster->lost, cluster->lost_count, "none");
    if (summary->wrong) {
        printf("; %zu wrong answer%s, found and not used; distrusted: ", summary->wrong,
               plural(summary->wrong));
        print_numbers(cluster->distrusted, cluster->distrusted_count, "nobody");
    }
    printf("\n");
}

/* How many inferences are degraded, and of a layer that was never coded why. */
static void print_degraded(const struct summary *summary) {
    if (!summary->degraded) {
        printf("degraded    no\n");
        return;
    }
    printf("degraded    %zu of %zu inferences: a layer was computed here", summary->degraded, summary->runs);
    for (size_t i = 0; i < summary->layer_count; i++) {
        const convoy_layer_report *last = &summary->layers[i].last;
        if (last->fallback && last->why_local) {
            printf(" (%s: %s)", last->name, last->why_local);
            break;
        }
    }
    printf("\n");
}

/* ---- what of the plan's prediction came true ---- */

/* Sums of the layers' medians, ms. */
struct sums {
    double took, predicted;
    double alone; /* with the layers that workers computed as predicted for this machine */
};

static struct sums add_up(const struct summary *summary, double *took) {
    struct sums sums = {0};
    for (size_t i = 0; i < summary->layer_count; i++) {
        sums.took += took[i];
        sums.predicted += summary->layers[i].last.predicted_ms;
        const bool coded = 2 * summary->layers[i].coded > summary->runs; /* so the median is of such a run */
        sums.alone += coded ? summary->layers[i].last.alone_ms : took[i];
    }
    return sums;
}

static bool is_far_off(double took, double predicted, double whole) {
    const double larger = took > predicted ? took : predicted;
    return larger > WORTH_TELLING * whole && larger > WORTH_TELLING_MS &&
           (took > FAR_OFF * predicted || predicted > FAR_OFF * took);
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
        printf("%s%s took %.3g ms, not %.3g", told ? ", " : "; far off: ", layer->name, took[i],
               layer->predicted_ms);
        told++;
    }
    if (more)
        printf(", and %zu more", more);
}

/* With `all` the layers that were far off are named; without it only what a user may act on is told. False
 * without memory. */
static bool print_prediction(const struct summary *summary, bool all) {
    double *took = calloc(summary->layer_count + 1, sizeof *took);
    double *scratch = calloc(summary->samples + 1, sizeof *scratch);
    const bool printed = took && scratch;
    for (size_t i = 0; printed && i < summary->layer_count; i++)
        took[i] = summary_median(summary, &summary->layers[i], TIME_WALL, scratch);
    if (printed) {
        const struct sums sums = add_up(summary, took);
        if (all) {
            printf("predicted   %.3g ms each, and the layers took %.3g", sums.predicted, sums.took);
            print_far_off(summary, took, sums.took);
            printf("\n");
        }
        if (sums.took > FAR_OFF * sums.alone)
            printf("slower      than this machine alone (--local), predicted to take %.3g ms each\n",
                   sums.alone);
    }
    free(took);
    free(scratch);
    return printed;
}

bool summary_print(const struct summary *summary, const struct run_options *options,
                   const struct cluster_state *cluster) {
    const convoy_options *session = &options->cluster.session;
    const bool all = options->answers.layers;
    printf("\n");
    if (all && !layer_table_print(summary, session->local))
        return false;
    if (all)
        printf("\n");
    print_inferences(summary);
    if (all && summary->postponed)
        printf("postponed   %zu node%s computed here at the end of each run (convoy inspect tells why)\n",
               summary->postponed, summary->postponed == 1 ? " is" : "s are");
    print_accuracy(summary, options->answers.expect);
    if (summary->checked)
        print_check(summary, all);
    if (session->local)
        return true;
    print_workers(summary, session, cluster);
    print_degraded(summary);
    return options->in_flight > 1 ||
           print_prediction(summary, all); /* the time of one is not that of several */
}
