#include "summary.h"

#include "commands.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

double summary_median(const struct summary *summary, const struct summary_layer *layer, enum layer_time which,
                      double *scratch) {
    for (size_t i = 0; i < summary->samples; i++)
        scratch[i] = layer->times[i * TIME_COUNT + which];
    return median(scratch, summary->samples);
}
