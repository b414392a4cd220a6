#include "plan_view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

convoy_layer_choice *plan_choices(const convoy_session *session, size_t layer, size_t *count) {
    *count = convoy_session_choices(session, layer, NULL, 0);
    convoy_layer_choice *choices = calloc(*count + 1, sizeof *choices);
    if (choices)
        convoy_session_choices(session, layer, choices, *count);
    return choices;
}

convoy_plan_alternative *plan_alternatives(const convoy_session *session, size_t *count) {
    *count = convoy_session_alternatives(session, NULL, 0);
    convoy_plan_alternative *alternatives = calloc(*count + 1, sizeof *alternatives);
    if (alternatives)
        convoy_session_alternatives(session, alternatives, *count);
    return alternatives;
}

static void add_heads(struct table *table, const char *const *heads) {
    for (size_t i = 0; i < table->columns; i++)
        table_cell(table, "%s", heads[i]);
}

void plan_add_bytes(struct table *table, double bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    for (; bytes >= 1000 && unit < 4; unit++)
        bytes /= 1000;
    table_cell(table, "%.3g %s", bytes, units[unit]);
}

static void add_ms(struct table *table, double ms) {
    table_cell(table, ms >= 100 ? "%.0f" : ms >= 10 ? "%.1f" : ms >= 1 ? "%.2f" : "%.3f", ms);
}

static void add_blanks(struct table *table, int count) {
    while (count-- > 0)
        table_cell(table, "%s", "");
}

/* ---- one plan ---- */

static const char *distribute_text(const struct plan_options *options) {
    return options->cluster.session.distribute == CONVOY_DISTRIBUTE_ALL ? "every layer that can be coded"
                                                                        : "layers that pay";
}

static const char *objective_text(const struct plan_options *options) {
    static const char *const texts[] = {"latency", "throughput", "bytes", "paper"};
    return texts[options->cluster.session.objective];
}

static const char *plural(uint32_t count) {
    return count == 1 ? "" : "s";
}

void plan_print_aims(const struct plan_options *options) {
    printf("objective %s; workers get %s\n\n", objective_text(options), distribute_text(options));
}

static void print_head(const convoy_session *session, const struct plan_options *options) {
    convoy_plan_totals totals;
    convoy_session_plan(session, &totals);
    const uint32_t workers = options->cluster.session.workers,
                   stragglers = options->cluster.session.stragglers;
    printf("%s: %u worker%s, %u straggler%s, %s (%s, %s), ", options->common.arguments.items[0], workers,
           plural(workers), stragglers, plural(stragglers), totals.profile, totals.code,
           precision_text(totals.precision));
    plan_print_aims(options);
}

static void add_error(struct table *table, double bound) {
    if (bound > 0)
        table_cell(table, "%.1e", bound);
    else /* nothing is coded, or nobody looked */
        add_blanks(table, 1);
}

static void add_layer(struct table *table, const convoy_layer_info *layer) {
    table_cell(table, "%s", layer->name);
    add_ms(table, layer->here_ms);
    if (layer->coded_ms > 0)
        add_ms(table, layer->coded_ms);
    else
        add_blanks(table, 1);
    if (!layer->codable) {
        table_cell(table, "%s", "here");
        add_blanks(table, 6);
        table_cell(table, "%s", layer->why ? layer->why : "");
        return;
    }
    table_cell(table, "%ux%u", layer->input_parts, layer->filter_parts);
    table_cell(table, "%u", layer->threshold);
    table_cell(table, "%u", layer->asked);
    plan_add_bytes(table, layer->up_bytes);
    plan_add_bytes(table, layer->down_bytes);
    plan_add_bytes(table, layer->stored_bytes);
    add_error(table, layer->error_bound);
    add_blanks(table, 1);
}

static void print_bytes(const char *what, double bytes, const char *end) {
    struct table table;
    table_open(&table, "<");
    plan_add_bytes(&table, bytes);
    printf("%s%s%s", what, table.failed ? "?" : table.cells[0], end);
    table_close(&table);
}

static void print_totals(const convoy_plan_totals *totals, convoy_objective objective, size_t coded,
                         size_t postponed) {
    printf("\n%-10s %.4g ms, as predicted\n", "alone", totals->here_ms);
    if (postponed > 0)
        printf("%-10s %zu node%s computed here at the end of a run, for which no time is predicted (convoy "
               "inspect tells why)\n",
               "postponed", postponed, postponed == 1 ? " is" : "s are");
    if (coded == 0) {
        printf("%-10s the same: every layer stays here, for the reasons above\n", "planned");
        return;
    }
    printf("%-10s %.4g ms: %.2f times the time alone\n", "planned", totals->planned_ms,
           totals->planned_ms / totals->here_ms);
    if (objective == CONVOY_OBJECTIVE_THROUGHPUT)
        printf("%-10s %.4g ms an inference with several in flight: %.2f times the time alone\n", "throughput",
               totals->busiest_ms, totals->busiest_ms / totals->here_ms);
    printf("%-10s ", "traffic");
    print_bytes("", totals->up_bytes, " up and ");
    print_bytes("", totals->down_bytes, " down an inference\n");
    printf("%-10s ", "memory");
    print_bytes("", totals->stored_bytes, " of coded filters at each worker");
    if (totals->memory_bytes > 0) {
        printf("; the least memory, that of worker %u", totals->memory_worker);
        print_bytes(", is ", totals->memory_bytes, "");
    }
    printf("\n");
    const double fed = floor(totals->fed_workers);
    if (totals->fed_workers > 0)
        printf("%-10s this master and its link keep %.0f worker%s busy\n", "feeds", fed, fed == 1 ? "" : "s");
}

static void add_alternative(struct table *table, const convoy_plan_alternative *one) {
    table_cell(table, "%s", one->code);
    table_cell(table, "%s", precision_text(one->precision));
    if (one->planned_ms > 0) {
        add_ms(table, one->planned_ms);
        add_ms(table, one->busiest_ms);
        table_cell(table, "%zu", one->coded_layers);
        plan_add_bytes(table, one->up_bytes + one->down_bytes);
    } else {
        add_blanks(table, 4);
    }
    add_error(table, one->error_bound);
    if (one->planned_ms > 0)
        table_cell(table, "%.3g", one->noise_gain);
    else
        add_blanks(table, 1);
    table_cell(table, "%s", one->chosen ? "chosen" : one->refused ? one->refused : "");
}

/* What the plan chose from, if code or precision were left to it. */
static bool print_alternatives(const convoy_session *session) {
    static const char *const heads[] = {
        "code", "precision", "planned ms", "in flight ms", "layers", "traffic", "error", "noise", ""};
    size_t count;
    struct table table;
    convoy_plan_alternative *alternatives = plan_alternatives(session, &count);
    if (!alternatives)
        return false;
    table_open(&table, "<<>>>>>>w");
    add_heads(&table, heads);
    for (size_t i = 0; i < count; i++)
        add_alternative(&table, &alternatives[i]);
    if (count > 0)
        printf("\n");
    const bool printed = count == 0 || table_print(&table, stdout);
    table_close(&table);
    free(alternatives);
    return printed;
}

bool plan_print(const convoy_session *session, const struct plan_options *options) {
    static const char *const heads[] = {"layer", "here ms", "coded ms", "parts", "δ",       "asked",
                                        "up",    "down",    "stored",   "error", "why here"};
    const convoy_layer_info *layers;
    const size_t count = convoy_session_layers(session, &layers);
    const convoy_postponed *nodes;
    convoy_plan_totals totals;
    struct table table;
    size_t coded = 0;
    print_head(session, options);
    table_open(&table, "n>><>>>>>>w");
    add_heads(&table, heads);
    for (size_t i = 0; i < count; i++) {
        add_layer(&table, &layers[i]);
        coded += layers[i].codable;
    }
    const bool printed = table_print(&table, stdout);
    table_close(&table);
    convoy_session_plan(session, &totals);
    print_totals(&totals, options->cluster.session.objective, coded,
                 convoy_session_postponed(session, &nodes));
    return print_alternatives(session) && printed;
}

/* ---- one layer ---- */

static void add_choice(struct table *table, const convoy_layer_choice *choice) {
    table_cell(table, "%ux%u", choice->input_parts, choice->filter_parts);
    table_cell(table, "%u", choice->threshold);
    table_cell(table, "%u", choice->asked);
    add_ms(table, choice->job_ms);
    add_ms(table, choice->encode_ms);
    add_ms(table, choice->up_ms);
    add_ms(table, choice->task_ms);
    add_ms(table, choice->down_ms);
    add_ms(table, choice->answers_ms);
    add_ms(table, choice->decode_ms);
    add_ms(table, choice->total_ms);
    table_cell(table, "%.0f", choice->up_elements);
    table_cell(table, "%.0f", choice->down_elements);
    table_cell(table, "%.0f", choice->stored_elements);
    table_cell(table, "%.4g", choice->paper_cost);
    add_error(table, choice->error_bound);
    table_cell(table, "%s",
               choice->chosen    ? "chosen"
               : choice->refused ? choice->refused
               : choice->weighed ? ""
                                 : "first estimate");
}

bool plan_print_choices(const convoy_session *session, size_t layer, const struct plan_options *options) {
    static const char *const heads[] = {"parts",    "δ",      "asked",   "job",    "encode",   "up",
                                        "task",     "down",   "answers", "decode", "total ms", "up el.",
                                        "down el.", "stored", "λ·costs", "error",  ""};
    const convoy_layer_info *layers;
    struct table table;
    size_t count;
    convoy_layer_choice *choices = plan_choices(session, layer, &count);
    if (!choices)
        return false;
    convoy_session_layers(session, &layers);
    print_head(session, options);
    printf("%s: %.4g ms here; %s%s\n", layers[layer].name, layers[layer].here_ms,
           layers[layer].codable ? "coded" : "not coded: ", layers[layer].codable ? "" : layers[layer].why);
    table_open(&table, "<>>>>>>>>>>>>>>>w");
    add_heads(&table, heads);
    for (size_t i = 0; i < count; i++)
        add_choice(&table, &choices[i]);
    const bool printed = count == 0 || table_print(&table, stdout);
    table_close(&table);
    free(choices);
    return printed;
}
