/* convoy bench for programs: JSON (Jansson) and CSV. */
#include "json.h"
#include "latency.h"

#include <jansson.h>
#include <stdio.h>

static json_t *json_ms(bool applies, double ns) {
    return json_if(applies, ns / 1e6);
}

/* Buckets that are not empty: where each begins and ends, and how many inferences it has. */
static json_t *json_histogram(const struct histogram *times) {
    json_t *from = json_array(), *to = json_array(), *counts = json_array();
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (!times->buckets[i])
            continue;
        json_array_append_new(from, json_number(histogram_start(i) / 1e6));
        json_array_append_new(to, json_number(histogram_start(i + 1) / 1e6));
        json_array_append_new(counts, json_integer((json_int_t)times->buckets[i]));
    }
    return json_pack("{s:o, s:o, s:o}", "from_ms", from, "to_ms", to, "runs", counts);
}

static json_t *json_percentiles(const struct histogram *times) {
    json_t *object = json_object();
    for (size_t p = 0; p < LATENCY_PERCENTILES; p++)
        json_object_set_new(object, latency_percentiles[p].name,
                            json_ms(histogram_supports(times, latency_percentiles[p].share),
                                    histogram_quantile(times, latency_percentiles[p].share)));
    return object;
}

/* Of the medians of the turns, beside that of the median of all. */
static json_t *json_ratio(const struct latency *latency, const struct latency_row *row) {
    const bool any = row->ratios.count > 0;
    return json_pack("{s:o, s:o, s:o, s:I}", "median",
                     json_if(latency_ratio(latency, row) > 0, latency_ratio(latency, row)), "quarter",
                     json_if(any, histogram_quantile(&row->ratios, 0.25) / 1e6), "three_quarters",
                     json_if(any, histogram_quantile(&row->ratios, 0.75) / 1e6), "turns",
                     (json_int_t)row->ratios.count);
}

static json_t *json_row(const struct latency *latency, const struct latency_row *row) {
    const struct histogram *times = &row->times;
    const bool any = times->count > 0;
    json_t *object =
        json_pack("{s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "name", row->name, "warm_up_runs",
                  (json_int_t)row->warm_up, "runs", (json_int_t)times->count, "degraded",
                  (json_int_t)row->degraded, "seconds", json_number(row->busy_ms / 1e3), "per_second",
                  json_if(latency_rate(row) > 0, latency_rate(row)), "least_ms",
                  json_ms(any, (double)times->least), "mean_ms", json_ms(any, histogram_mean(times)),
                  "most_ms", json_ms(any, (double)times->most), "percentiles_ms", json_percentiles(times));
    if (row != &latency->rows[LATENCY_ALONE])
        json_object_set_new(object, "times_alone", json_ratio(latency, row));
    json_object_set_new(object, "histogram", json_histogram(times));
    return object;
}

bool latency_print_json(const struct latency *latency, const struct bench_options *options) {
    char machine[512];
    const convoy_options *session = &options->cluster.session;
    const bool coded = latency->count > 1;
    json_t *rows = json_array(), *left_out = json_array();
    for (size_t i = 0; i < latency->count; i++)
        json_array_append_new(rows, json_row(latency, &latency->rows[i]));
    for (size_t i = 0; i < latency->left_out_count; i++)
        json_array_append_new(left_out, json_integer(latency->left_out[i]));
    json_t *object =
        json_pack("{s:i, s:o, s:o, s:s, s:o, s:o, s:i, s:i, s:i, s:i, s:I, s:f, s:f, s:f, s:b, s:o, s:o}",
                  "version", JSON_VERSION, "model", json_text(options->common.arguments.items[0]), "machine",
                  json_text(convoy_bench_machine(machine, sizeof machine)), "engine", json_engine(session),
                  "code", json_text(coded ? session->code : NULL), "precision",
                  json_text(coded ? precision_text(session->precision) : NULL), "workers",
                  coded ? (int)session->workers : 0, "stragglers", coded ? (int)session->stragglers : 0,
                  "threads", (int)session->threads, "in_flight", (int)options->in_flight, "seed",
                  (json_int_t)session->seed, "warm_up_s", (double)latency->warm_up_ns / 1e9, "duration_s",
                  (double)latency->duration_ns / 1e9, "turn_s", (double)latency->turn_ns / 1e9, "interrupted",
                  latency->interrupted, "left_out", left_out, "rows", rows);
    return json_print(object, JSON_FLOAT_DIGITS);
}

static void print_cell(bool applies, double value) {
    if (applies)
        printf(",%.6g", value);
    else
        printf(",");
}

void latency_print_csv(const struct latency *latency) {
    printf("row,warm_up_runs,runs,degraded,seconds,per_second,least_ms,mean_ms");
    for (size_t p = 0; p < LATENCY_PERCENTILES; p++)
        printf(",%s_ms", latency_percentiles[p].name);
    printf(",most_ms\n");
    for (size_t i = 0; i < latency->count; i++) {
        const struct latency_row *row = &latency->rows[i];
        const struct histogram *times = &row->times;
        printf("%s,%llu,%llu,%llu", row->name, (unsigned long long)row->warm_up,
               (unsigned long long)times->count, (unsigned long long)row->degraded);
        print_cell(true, row->busy_ms / 1e3);
        print_cell(latency_rate(row) > 0, latency_rate(row));
        print_cell(times->count > 0, (double)times->least / 1e6);
        print_cell(times->count > 0, histogram_mean(times) / 1e6);
        for (size_t p = 0; p < LATENCY_PERCENTILES; p++)
            print_cell(histogram_supports(times, latency_percentiles[p].share),
                       histogram_quantile(times, latency_percentiles[p].share) / 1e6);
        print_cell(times->count > 0, (double)times->most / 1e6);
        printf("\n");
    }
}
