#include "summary.h"

#include "table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS_IN_CELL 4
void summary_close(struct summary *summary) {
    for (size_t i = 0; i < summary->layer_count; i++)
        free(summary->layers[i].times);
    free(summary->layers);
}

static bool open_layers(struct summary *summary, size_t count) {
    summary->layers = calloc(count + 1, sizeof *summary->layers);
    summary->stride = 1;
    for (; summary->layers && summary->layer_count < count; summary->layer_count++) {
        float *times = calloc(SUMMARY_SAMPLES, TIME_COUNT * sizeof *times);
        if (!times)
            return false;
        summary->layers[summary->layer_count].times = times;
    }
    return summary->layers;
}

/* Drops every second sample. */
static void thin(struct summary *summary) {
    summary->stride *= 2;
    summary->samples /= 2;
    for (size_t i = 0; i < summary->layer_count; i++) {
        float *times = summary->layers[i].times;
        for (size_t k = 1; k < summary->samples; k++)
            memcpy(&times[k * TIME_COUNT], &times[2 * k * TIME_COUNT], TIME_COUNT * sizeof *times);
    }
}

static void add_layer(struct summary_layer *layer, const convoy_layer_report *report) {
    if (report->coded || layer->coded == 0)
        layer->last = *report;
    layer->coded += report->coded;
    layer->fallback += report->fallback;
    layer->here += report->threshold > 0 && !report->coded && !report->fallback;
    if (report->coded && !(report->condition <= layer->condition))
        layer->condition = report->condition;
    for (size_t w = 0; w < CONVOY_MAX_WORKERS; w++) {
        layer->late[w] += report->outcome[w] == CONVOY_OUTCOME_LATE;
        layer->lost[w] += report->outcome[w] == CONVOY_OUTCOME_LOST;
    }
}

static void keep_times(float *times, const convoy_layer_report *report) {
    times[TIME_ENCODE] = (float)report->encode_ms;
    times[TIME_WAIT] = (float)report->wait_ms;
    times[TIME_DECODE] = (float)report->decode_ms;
    times[TIME_WALL] = (float)report->wall_ms;
}

void check_worsen(convoy_check *worst, const convoy_check *check) {
    worst->max_rel_error = fmax(worst->max_rel_error, check->max_rel_error);
    worst->max_channel_error = fmax(worst->max_channel_error, check->max_channel_error);
    if (check->not_finite.both > worst->not_finite.both)
        worst->not_finite.both = check->not_finite.both;
    if (check->not_finite.differ > worst->not_finite.differ)
        worst->not_finite.differ = check->not_finite.differ;
    worst->differing = fmax(worst->differing, check->differing);
    worst->top1_agrees &= check->top1_agrees;
}

convoy_status summary_add(struct summary *summary, const convoy_result *result, const convoy_check *check,
                          convoy_error *error) {
    if (!summary->layers && !open_layers(summary, result->layer_count))
        return cli_error(error, CONVOY_E_MEMORY, "out of memory");
    if (summary->samples == SUMMARY_SAMPLES)
        thin(summary);
    const bool sampled = summary->runs % summary->stride == 0;
    for (size_t i = 0; i < summary->layer_count; i++) {
        add_layer(&summary->layers[i], &result->layers[i]);
        for (size_t w = 0; w < CONVOY_MAX_WORKERS; w++)
            summary->wrong += result->layers[i].outcome[w] == CONVOY_OUTCOME_WRONG;
        if (sampled)
            keep_times(&summary->layers[i].times[summary->samples * TIME_COUNT], &result->layers[i]);
    }
    summary->samples += sampled;
    summary->runs++;
    summary->degraded += result->degraded;
    if (check) {
        check_worsen(&summary->worst, check);
        summary->checked++;
        summary->differing += check->differing;
        summary->agreeing += check->top1_agrees;
    }
    return CONVOY_OK;
}

static int compare_doubles(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median(double *values, size_t count) {
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, compare_doubles);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* "4 (300), 2 (17)": worker 4 in 300 runs, worker 2 in 17; the most frequent first. Of a single run without
 * the counts. */
static void write_missing(char *text, size_t size, const size_t *counts, size_t runs) {
    bool told[CONVOY_MAX_WORKERS] = {false};
    size_t used = 0;
    text[0] = '\0';
    for (int listed = 0; used < size; listed++) {
        size_t next = CONVOY_MAX_WORKERS, left = 0;
        for (size_t w = 0; w < CONVOY_MAX_WORKERS; w++) {
            if (counts[w] == 0 || told[w])
                continue;
            left++;
            if (next == CONVOY_MAX_WORKERS || counts[w] > counts[next])
                next = w;
        }
        if (left == 0)
            break;
        if (listed == WORKERS_IN_CELL && left > 1) {
            snprintf(text + used, size - used, " and %zu more", left);
            break;
        }
        int n = snprintf(text + used, size - used, "%s%zu", listed ? ", " : "", next);
        used += n > 0 ? (size_t)n : size;
        if (runs > 1 && used < size) {
            n = snprintf(text + used, size - used, " (%zu)", counts[next]);
            used += n > 0 ? (size_t)n : size;
        }
        told[next] = true;
    }
}

double summary_median(const struct summary *summary, const struct summary_layer *layer, enum layer_time which,
                      double *scratch) {
    for (size_t i = 0; i < summary->samples; i++)
        scratch[i] = layer->times[i * TIME_COUNT + which];
    return median(scratch, summary->samples);
}

static void add_blanks(struct table *table, int count) {
    while (count-- > 0)
        table_cell(table, "%s", "");
}

static void add_count(struct table *table, size_t count) {
    if (count)
        table_cell(table, "%zu", count);
    else
        add_blanks(table, 1);
}

/* Of a layer that was never planned for workers: too few may have come to plan for. */
static void add_local_cells(struct table *table, const struct summary_layer *layer, bool adapt) {
    table_cell(table, "here");
    add_blanks(table, 3);
    add_count(table, layer->fallback);
    add_blanks(table, adapt ? 5 : 4);
}

static void add_coded_cells(struct table *table, const struct summary *summary,
                            const struct summary_layer *layer, bool adapt, double *scratch) {
    char lost[128], late[128];
    if (layer->last.threshold == 0) {
        add_local_cells(table, layer, adapt);
        return;
    }
    write_missing(lost, sizeof lost, layer->lost, summary->runs);
    write_missing(late, sizeof late, layer->late, summary->runs);
    table_cell(table, "%ux%u", layer->last.input_parts, layer->last.filter_parts);
    table_cell(table, "%u", layer->last.threshold);
    table_cell(table, "%s", lost);
    table_cell(table, "%s", late);
    add_count(table, layer->fallback);
    if (adapt)
        add_count(table, layer->here);
    if (layer->coded)
        table_cell(table, "%.3g", layer->condition);
    else
        add_blanks(table, 1);
    table_cell(table, "%.3f", summary_median(summary, layer, TIME_ENCODE, scratch));
    table_cell(table, "%.3f", summary_median(summary, layer, TIME_WAIT, scratch));
    table_cell(table, "%.3f", summary_median(summary, layer, TIME_DECODE, scratch));
}

/* adapt: a column says in how many runs a layer of the workers was computed here. */
static bool print_layers(const struct summary *summary, bool local, bool adapt) {
    double *scratch = calloc(summary->samples + 1, sizeof *scratch);
    struct table table;
    static const char *const heads[] = {"layer",   "op",        "kA x kB", "δ",       "lost",
                                        "late",    "fallback",  "here",    "worst κ", "encode ms",
                                        "wait ms", "decode ms", "ms"};
    table_open(&table, local ? "<<>" : adapt ? "<<>><<>>>>>>>" : "<<>><<>>>>>>");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        const bool of_workers = i > 1 && i + 1 < sizeof heads / sizeof heads[0];
        if (!(local && of_workers) && (adapt || strcmp(heads[i], "here") != 0))
            table_cell(&table, "%s", heads[i]);
    }
    for (size_t i = 0; scratch && i < summary->layer_count; i++) {
        const struct summary_layer *layer = &summary->layers[i];
        table_cell(&table, "%s", layer->last.name);
        table_cell(&table, "%s", layer->last.op);
        if (!local)
            add_coded_cells(&table, summary, layer, adapt, scratch);
        table_cell(&table, "%.3f", summary_median(summary, layer, TIME_WALL, scratch));
    }
    const bool done = scratch && table_print(&table, stdout);
    table_close(&table);
    free(scratch);
    return done;
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

/* The error of a channel is only shown: if large numbers cancel in it, uncoded kernels differ by percents,
 * too.
 */
static void print_check(const struct summary *summary) {
    const convoy_check *worst = &summary->worst;
    const bool same = worst->max_rel_error <= CONVOY_CHECK_CLOSE && worst->not_finite.differ == 0 &&
                      summary->agreeing == summary->checked;
    printf("check       %s: errors at most %.2g of an output's largest element and %.2g of a channel's, %zu "
           "of %zu "
           "first classes agree\n",
           same ? "every answer is that of the uncoded model" : "answers differ from the uncoded model",
           worst->max_rel_error, worst->max_channel_error, summary->agreeing, summary->checked);
    printf("differing   %.3g %% of the elements", 100 * summary->differing / (double)summary->checked);
    if (summary->checked > 1)
        printf(", at most %.3g %% of an inference's", 100 * worst->differing);
    printf("\n");
    if (worst->not_finite.both || worst->not_finite.differ)
        printf("not finite  %llu elements of an answer in both alike, %llu differ\n",
               (unsigned long long)worst->not_finite.both, (unsigned long long)worst->not_finite.differ);
}

static void print_wrong(const struct summary *summary, const struct cluster_state *cluster) {
    printf("\nwrong       %zu answer%s, found and not used; distrusted: %s", summary->wrong,
           summary->wrong > 1 ? "s" : "", cluster->distrusted_count ? "" : "nobody");
    for (size_t i = 0; i < cluster->distrusted_count; i++)
        printf("%s%u", i ? ", " : "", cluster->distrusted[i]);
}

bool summary_print(const struct summary *summary, const struct cli_options *options,
                   const struct cluster_state *cluster) {
    const convoy_options *session = &options->session;
    printf("\n");
    if (!print_layers(summary, session->local, session->adapt && !session->local))
        return false;
    printf("\ninferences  %zu in %.1f ms, %.3f ms each\n", summary->runs, summary->total_ms,
           summary->total_ms / (double)summary->runs);
    if (summary->postponed)
        printf("postponed   %zu node%s computed here at the end of each run (convoy inspect tells why)\n",
               summary->postponed, summary->postponed == 1 ? " is" : "s are");
    if (summary->split_files == 1)
        printf("rows        %s is %zu inferences, one for each row\n", summary->split_file,
               summary->split_rows);
    else if (summary->split_files)
        printf("rows        %zu files are %zu inferences, one for each row\n", summary->split_files,
               summary->split_rows);
    if (summary->failed)
        printf("failed      %zu of the inputs, as standard error says\n", summary->failed);
    if (options->expect && summary->expected == 0)
        printf("accuracy    unknown: %s names none of the inputs%s\n", options->expect,
               summary->failed ? " that ran" : "");
    if (summary->expected)
        printf("accuracy    %zu of %zu = %.2f %%%s\n", summary->correct, summary->expected,
               100.0 * (double)summary->correct / (double)summary->expected,
               summary->failed ? " of those that ran" : "");
    if (summary->checked)
        print_check(summary);
    if (session->local)
        return true;
    if (strcmp(session->code, "uncoded") == 0 || session->stragglers == 0)
        printf("workers     %u, all of them needed", session->workers);
    else
        printf("workers     %u, any %u may be missing", session->workers, session->stragglers);
    printf("; code %s, precision %s, seed %llu\n", session->code, precision_text(session->precision),
           (unsigned long long)session->seed);
    printf("lost        %s", cluster->lost_count ? "" : "none");
    for (size_t i = 0; i < cluster->lost_count; i++)
        printf("%s%u", i ? ", " : "", cluster->lost[i]);
    if (summary->wrong)
        print_wrong(summary, cluster);
    printf("\n");
    print_degraded(summary);
    return options->in_flight > 1 ||
           summary_print_prediction(summary); /* the time of one is not that of several */
}
