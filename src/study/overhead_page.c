#include "base/clock.h"
#include "study/overhead.h"
#include "study/three_digits.h"

static void print_ms(FILE *page, double ns) {
    char text[THREE_DIGITS_SIZE];
    fprintf(page, " %s |", three_digits(ns / (double)NS_PER_MS, text));
}

static convoy_status network_table(struct overhead *o, convoy_error *error) {
    FILE *page = o->study->page;
    const struct cost_setup usual = {
        .family = o->family, .workers = OVERHEAD_WORKERS, .stragglers = OVERHEAD_STRAGGLERS};
    fprintf(page,
            "## An inference, stage by stage\n\n"
            "`%s`, n = %d, at most %d lost, in ms. *Coded* is the sum of the five before it; *without "
            "link* leaves up and down out.\n\n"
            "| network | layers coded | encode | up | compute | down | decode | coded | without link | "
            "one machine |\n|---|---|---|---|---|---|---|---|---|---|\n",
            o->family->name, OVERHEAD_WORKERS, OVERHEAD_STRAGGLERS);
    for (size_t i = 0; i < OVERHEAD_NETWORKS; i++) {
        struct network_cost cost;
        const convoy_status status =
            cost_of_network(o->table, o->networks[i].layers, o->networks[i].count, &usual, &cost, error);
        if (status != CONVOY_OK)
            return status;
        fprintf(page, "| %s | %zu of %zu |", o->networks[i].name, cost.coded, cost.layers);
        for (enum cost_part part = 0; part < COST_PARTS; part++)
            print_ms(page, cost.ns[part]);
        print_ms(page, network_cost_ns(&cost, true));
        print_ms(page, network_cost_ns(&cost, false));
        print_ms(page, cost.alone_ns);
        fprintf(page, "\n");
    }
    fprintf(page, "\n");
    return CONVOY_OK;
}

static convoy_status family_table(struct overhead *o, convoy_error *error) {
    FILE *page = o->study->page;
    const struct code_family *family;
    fprintf(page, "## Codes beside each other\n\n"
                  "The same cluster; ms an inference without the link / with it.\n\n"
                  "| code |");
    for (size_t n = 0; n < OVERHEAD_NETWORKS; n++)
        fprintf(page, " %s |", o->networks[n].name);
    fprintf(page, "\n|---|");
    for (size_t n = 0; n < OVERHEAD_NETWORKS; n++)
        fprintf(page, "---|");
    for (size_t i = 0; (family = code_family_at(i)); i++) {
        const struct cost_setup setup = {
            .family = family, .workers = OVERHEAD_WORKERS, .stragglers = OVERHEAD_STRAGGLERS};
        fprintf(page, "\n| `%s`%s |", family->name, family->needs_all ? " (none may be lost)" : "");
        for (size_t n = 0; n < OVERHEAD_NETWORKS; n++) {
            struct network_cost cost;
            const convoy_status status =
                cost_of_network(o->table, o->networks[n].layers, o->networks[n].count, &setup, &cost, error);
            if (status != CONVOY_OK)
                return status;
            char without[THREE_DIGITS_SIZE], with[THREE_DIGITS_SIZE];
            fprintf(page, " %s / %s |",
                    three_digits(network_cost_ns(&cost, false) / (double)NS_PER_MS, without),
                    three_digits(network_cost_ns(&cost, true) / (double)NS_PER_MS, with));
        }
    }
    fprintf(page, "\n\n");
    return CONVOY_OK;
}

static const char how[] =
    "## What was run\n\n"
    "Layers have the published shapes of the networks, with weights and inputs that are no "
    "real ones: times do not depend on them. Of each layer, *encode* is coding its input for "
    "all n workers, *compute* the convolution of one worker, *decode* the output from the "
    "answers of the last δ workers, with bias and ReLU. Each is measured, in float32, by the "
    "calling thread's processor time on one thread; the table has the median with its 95 % "
    "confidence interval, the samples are in `overhead-samples.csv`. A stage finds its input "
    "in the caches as far as it fits, as the layer before and the network have left it, and a "
    "convolution its weights in memory, as in a network whose other layers were computed "
    "since. Convolutions are oneDNN's direct kernels. A shape is measured once, whoever has "
    "it.\n\n"
    "*Up* and *down* are **computed, not measured**: the bytes of the tasks of all n workers, "
    "and of δ answers, at 1 Gbit/s each way (column `link_bit_s`); latency is left out. A code "
    "of which fewer answers may do, as `replicate`, is charged for δ, with which it always "
    "does. The sum is that of a cluster whose workers have machines of their own, all as fast "
    "as this one's thread, and of which nobody is late; stages do not overlap.\n\n"
    "*One machine* is the whole layer on one thread, uncoded, by the same kernels. A layer for "
    "which the code admits no parts counts as computed there (`coded` is 0).\n\n"
    "## Columns\n\n"
    "`sweep`: `parts` has all (k_A,k_B) of the largest δ that the layer admits with n = 20 and "
    "γ = 4; the others have, for each layer, the one with the fewest elements to send: "
    "`workers` for n with γ = n/5, `threshold` for δ with n = 20, `family` for every code. "
    "`repeats`: so often has the network the layer; a row is of one. `stored_bytes`: coded "
    "filters of one worker. A small layer's δ may be less than n − γ: it has too few rows and "
    "channels.\n\n"
    "`tradeoff`: the paper's objective, λ_up·(up + down) + λ_store·stored in elements of one "
    "worker, for n = 40 and the largest δ ≤ 32, relative to the least (`relative_cost`; `best` "
    "marks it), for λ_up : λ_store (`up_to_store`). `closed_form_input_parts` is the paper's "
    "k_A, which may lie between the admissible ones, or beyond them. Nothing is measured "
    "there.\n\n"
    "## How to read the figure\n\n"
    "Top left: where the time of an inference goes if sending is left out; above, the time in "
    "ms, and that of one machine. Top middle and right: computing falls with n and with δ, "
    "encoding and sending grow with n, decoding with δ. Coding pays where the black line is "
    "below the dashed one, which depends on the link; with a faster link the two lines of "
    "sending move down by its factor. Bottom left: a layer cut in different ways. Bottom "
    "middle and right, computed: an early layer, whose maps are large, wants many input parts, "
    "a late one, whose filters are many, many filter parts, unless its side costs little. A "
    "star is the least cost of a ratio, a triangle the paper's closed form; where it lies "
    "beyond the last point the layer has no rows or channels for it.\n";

convoy_status overhead_page(struct overhead *o, convoy_error *error) {
    convoy_status status = network_table(o, error);
    if (status == CONVOY_OK)
        status = family_table(o, error);
    fputs(how, o->study->page);
    return status;
}
