#include "base/clock.h"
#include "base/error.h"
#include "study/overhead.h"
#include "study/parts_choice.h"

#include <stdlib.h>

/* What the panels of a single network and a single layer show. */
#define NETWORK     2 /* VGG-16, of overhead->networks */
#define PARTS_LAYER "conv3_x"
#define EARLY_LAYER "conv1_2"
#define LATE_LAYER  "conv5_x"

static const char *const part_names[COST_PARTS] = {"encode", "up", "compute", "down", "decode"};
static const char *const colours[COST_PARTS] = {"#1b9e77", "#a6cee3", "#7570b3", "#fdbf6f", "#d95f02"};

/* A row: label, the parts of the time in ms, their sum, and the time on one machine. */
static void print_times(FILE *figure, const char *label, const double ns[COST_PARTS], double alone_ns) {
    double total = 0;
    fprintf(figure, "\"%s\"", label);
    for (enum cost_part part = 0; part < COST_PARTS; part++) {
        fprintf(figure, " %.6g", ns[part] / (double)NS_PER_MS);
        total += ns[part];
    }
    fprintf(figure, " %.6g %.6g\n", total / (double)NS_PER_MS, alone_ns / (double)NS_PER_MS);
}

static convoy_status print_network(struct overhead *o, const struct study_network *network, const char *label,
                                   const struct cost_setup *setup, convoy_error *error) {
    struct network_cost cost;
    const convoy_status status =
        cost_of_network(o->table, network->layers, network->count, setup, &cost, error);
    if (status == CONVOY_OK)
        print_times(o->study->figure, label, cost.ns, cost.alone_ns);
    return status;
}

static convoy_status sweep_data(struct overhead *o, convoy_error *error) {
    FILE *figure = o->study->figure;
    const struct cost_setup usual = {
        .family = o->family, .workers = OVERHEAD_WORKERS, .stragglers = OVERHEAD_STRAGGLERS};
    convoy_status status = CONVOY_OK;
    char label[16];
    fprintf(figure, "$networks << EOD\n");
    for (size_t i = 0; i < OVERHEAD_NETWORKS && status == CONVOY_OK; i++)
        status = print_network(o, &o->networks[i], o->networks[i].name, &usual, error);
    fprintf(figure, "EOD\n$workers << EOD\n");
    for (size_t i = 0; i < o->workers_points && status == CONVOY_OK; i++) {
        snprintf(label, sizeof label, "%u", o->by_workers[i].workers);
        status = print_network(o, &o->networks[NETWORK], label, &o->by_workers[i], error);
    }
    fprintf(figure, "EOD\n$threshold << EOD\n");
    for (size_t i = 0; i < o->threshold_points && status == CONVOY_OK; i++) {
        snprintf(label, sizeof label, "%u", OVERHEAD_WORKERS - o->by_threshold[i].stragglers);
        status = print_network(o, &o->networks[NETWORK], label, &o->by_threshold[i], error);
    }
    fprintf(figure, "EOD\n");
    return status;
}

static convoy_status parts_data(struct overhead *o, convoy_error *error) {
    const struct study_layer *layer = study_layer_find(&o->networks[NETWORK], PARTS_LAYER);
    const struct cost_setup usual = {
        .family = o->family, .workers = OVERHEAD_WORKERS, .stragglers = OVERHEAD_STRAGGLERS};
    const struct plan_cluster cluster = cost_cluster(o->table, &usual);
    struct candidate *parts = NULL;
    size_t count = 0;
    convoy_status status = parts_create(&cluster, &layer->geometry, &parts, &count);
    if (status != CONVOY_OK)
        return error_memory(error);
    fprintf(o->study->figure, "$parts << EOD\n");
    for (size_t i = 0; i < count && status == CONVOY_OK; i++) {
        struct layer_cost cost;
        double ns[COST_PARTS];
        char label[24];
        snprintf(label, sizeof label, "%u×%u", parts[i].input_parts, parts[i].filter_parts);
        status = cost_of_parts(o->table, layer, &usual, &parts[i], &cost, error);
        for (enum cost_part part = 0; status == CONVOY_OK && part < COST_PARTS; part++)
            ns[part] = cost_part_ns(&cost, part);
        if (status == CONVOY_OK)
            print_times(o->study->figure, label, ns, cost.alone.median);
    }
    fprintf(o->study->figure, "EOD\n");
    free(parts);
    return status;
}

/* ---- panels ---- */

/* The stages that are measured: what the link takes would hide them. */
static void print_shares(FILE *figure) {
    static const enum cost_part measured[] = {COST_ENCODE, COST_COMPUTE, COST_DECODE};
    fprintf(figure,
            "set title 'Measured stages of an inference, n = %d, δ ≤ %d'\n"
            "set style data histograms\n"
            "set style histogram rowstacked\n"
            "set boxwidth 0.7\n"
            "set style fill solid 0.9 border -1\n"
            "set key below horizontal\n"
            "set ylabel 'share in %%'\n"
            "set yrange [0:122]\n"
            "set ytics 0,20,100\n"
            "set xrange [-0.6:4.6]\n"
            "plot ",
            OVERHEAD_WORKERS, OVERHEAD_WORKERS - OVERHEAD_STRAGGLERS);
    for (size_t i = 0; i < sizeof measured / sizeof measured[0]; i++)
        fprintf(figure, "$networks using (100*$%u/($2+$4+$6))%s lc rgb '%s' title '%s', ", measured[i] + 2,
                i ? "" : ":xtic(1)", colours[measured[i]], part_names[measured[i]]);
    fprintf(figure, "$networks using 0:(111):(sprintf(\"%%.3g ms\\nalone %%.3g\", $2+$4+$6, $8)) with labels "
                    "font ',9' notitle\nset xrange [*:*]\nset ytics autofreq\n");
}

/* most: the largest x. */
static void print_curves(FILE *figure, const char *block, const char *title, uint32_t most) {
    fprintf(figure,
            "set title '%s'\n"
            "set ylabel 'ms an inference'\n"
            "set logscale y\n"
            "set yrange [*:*]\n"
            "set xrange [0:%g]\n"
            "set key below horizontal\n"
            "set style data linespoints\n"
            "plot ",
            title, 1.04 * most);
    for (int part = 0; part < COST_PARTS; part++)
        fprintf(figure, "$%s using (real(strcol(1))):%d lc rgb '%s' lw 2 pt 7 ps 0.7 title '%s', ", block,
                part + 2, colours[part], part_names[part]);
    fprintf(figure,
            "$%s using (real(strcol(1))):7 lc rgb 'black' lw 2 pt 5 ps 0.7 title 'all', $%s using "
            "(real(strcol(1))):8 lc rgb 'black' dt 2 lw 1.5 pt -1 title 'one machine'\nunset "
            "logscale\nset xrange [*:*]\n",
            block, block);
}

static void print_parts(FILE *figure) {
    fprintf(figure,
            "set title 'VGG-16 " PARTS_LAYER ", n = %d, δ = %d' noenhanced\nset style data linespoints\n"
            "set ylabel 'ms for the layer'\n"
            "set logscale y\n"
            "set yrange [*:*]\n"
            "set offsets 0.3, 0.3, 0, 0\n"
            "set xlabel 'k_A × k_B' offset 0,0.4\n"
            "set key below horizontal\n"
            "plot ",
            OVERHEAD_WORKERS, OVERHEAD_WORKERS - OVERHEAD_STRAGGLERS);
    for (int part = 0; part < COST_PARTS; part++)
        fprintf(figure, "$parts using %d%s lc rgb '%s' lw 2 pt 7 ps 0.7 title '%s', ", part + 2,
                part ? "" : ":xtic(1)", colours[part], part_names[part]);
    fprintf(figure,
            "$parts using 7 lc rgb 'black' lw 2 pt 5 ps 0.7 title 'all', $parts using 8 lc rgb 'black' "
            "dt 2 lw 1.5 pt -1 title 'one machine'\nunset logscale\nset offsets 0, 0, 0, 0\n");
}

static void print_tradeoff(FILE *figure, const char *block, const char *layer) {
    static const char *const shades[] = {"#2166ac", "#67a9cf", "#777777", "#ef8a62", "#b2182b"};
    const char *text;
    fprintf(figure,
            "set title 'VGG-16 %s, δ = %d' noenhanced\n"
            "set xlabel 'k_A (k_A·k_B = %d; 1: whole, as 2)'\n"
            "set ylabel 'cost of a share / the least'\n"
            "set logscale xy\n"
            "set xrange [0.8:160]\n"
            "set yrange [0.85:*]\n"
            "set xtics (1,4,8,16,32,64,128)\n"
            "set key below horizontal title 'λ_{up} : λ_{store}'\n"
            "set style data linespoints\n"
            "plot ",
            layer, TRADEOFF_WORKERS - TRADEOFF_STRAGGLERS, 4 * (TRADEOFF_WORKERS - TRADEOFF_STRAGGLERS));
    for (size_t r = 0; overhead_ratio_at(r, &text) > 0; r++)
        fprintf(figure,
                "%s$%s%zu using 1:2 lc rgb '%s' lw 2 pt 7 ps 0.6 title '%s', $%s%zu using 1:3 with points "
                "lc rgb '%s' pt 3 ps 2 lw 2 notitle, $%s%zu using 4:(0.92) with points lc rgb '%s' pt 9 ps "
                "1.2 notitle",
                r ? ", " : "", block, r, shades[r % 5], text, block, r, shades[r % 5], block, r,
                shades[r % 5]);
    fprintf(figure, "\nunset logscale\nset key notitle\nset xtics autofreq\n");
}

convoy_status overhead_figure(struct overhead *o, convoy_error *error) {
    FILE *figure = o->study->figure;
    convoy_status status = sweep_data(o, error);
    if (status == CONVOY_OK)
        status = parts_data(o, error);
    if (status == CONVOY_OK)
        status =
            overhead_tradeoff_data(o, study_layer_find(&o->networks[NETWORK], EARLY_LAYER), "early", error);
    if (status == CONVOY_OK)
        status =
            overhead_tradeoff_data(o, study_layer_find(&o->networks[NETWORK], LATE_LAYER), "late", error);
    fprintf(figure, "set multiplot layout 2,3\nset grid ytics lc rgb '#dddddd'\nset encoding utf8\n");
    print_shares(figure);
    print_curves(figure, "workers", "VGG-16 against n (workers; a fifth may be lost)",
                 o->by_workers[o->workers_points - 1].workers);
    print_curves(figure, "threshold", "VGG-16 against δ (answers that suffice), n = 20", OVERHEAD_WORKERS);
    print_parts(figure);
    print_tradeoff(figure, "early", EARLY_LAYER);
    print_tradeoff(figure, "late", LATE_LAYER);
    fprintf(figure, "unset multiplot\n");
    return status;
}
