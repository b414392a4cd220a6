/* Claim: efficient and scalable over various networks. The time of an inference from the stages that were
 * measured, against the number of workers. */
#include "base/clock.h"
#include "study/claims.h"
#include "study/layer_cost.h"
#include "study/three_digits.h"

#include <math.h>

/* One network: its fastest number of workers, without the link. */
struct scaling {
    uint32_t best_workers;
    double best_speedup, best_linked; /* alone by coded, without the link and with it, at that */
};

/* A row of the table, and a cell of the page. */
static void write_ms(struct claims *claims, const char *network, const struct cost_setup *setup,
                     const char *quantity, double ns) {
    char text[THREE_DIGITS_SIZE];
    const double ms = ns / (double)NS_PER_MS;
    claims_row(claims, &(struct claim_figure){.of = {.what = "scaling",
                                                     .family = setup->family->name,
                                                     .network = network,
                                                     .workers = setup->workers},
                                              .stragglers = setup->stragglers,
                                              .quantity = quantity,
                                              .value = ms,
                                              .low = NAN,
                                              .high = NAN});
    fprintf(claims->sections, " %s |", three_digits(ms, text));
}

static convoy_status run_point(struct claims *claims, struct cost_table *table,
                               const struct study_network *network, uint32_t workers, struct scaling *scaling,
                               convoy_error *error) {
    const struct cost_setup setup = {
        .family = code_family_at(0), .workers = workers, .stragglers = workers > 5 ? workers / 5 : 1};
    struct network_cost cost;
    const convoy_status status =
        cost_of_network(table, network->layers, network->count, &setup, &cost, error);
    if (status != CONVOY_OK)
        return status;
    const double coded = network_cost_ns(&cost, false), linked = network_cost_ns(&cost, true);
    fprintf(claims->study->figure, "%u %.6g %.6g\n", workers, cost.alone_ns / coded, cost.alone_ns / linked);
    fprintf(claims->sections, "| %s | %u | %zu of %zu |", network->name, workers, cost.coded, cost.layers);
    write_ms(claims, network->name, &setup, "encode_ms", cost.ns[COST_ENCODE]);
    write_ms(claims, network->name, &setup, "compute_ms", cost.ns[COST_COMPUTE]);
    write_ms(claims, network->name, &setup, "decode_ms", cost.ns[COST_DECODE]);
    write_ms(claims, network->name, &setup, "link_ms", cost.ns[COST_UP] + cost.ns[COST_DOWN]);
    write_ms(claims, network->name, &setup, "alone_ms", cost.alone_ns);
    fprintf(claims->sections, " %.2f | %.3f |\n", cost.alone_ns / coded, cost.alone_ns / linked);
    if (cost.alone_ns / coded > scaling->best_speedup)
        *scaling = (struct scaling){workers, cost.alone_ns / coded, cost.alone_ns / linked};
    return CONVOY_OK;
}

static convoy_status run_points(struct claims *claims, struct cost_table *table,
                                struct scaling scaling[CLAIMS_NETWORKS], convoy_error *error) {
    static const uint32_t workers[] = {4, 8, 12, 16, 20, 32, 40, 50, 60}, few[] = {4, 20, 60};
    const bool quick = claims->study->options->quick;
    const uint32_t *points = quick ? few : workers;
    const size_t count = quick ? sizeof few / sizeof few[0] : sizeof workers / sizeof workers[0];
    convoy_status status = CONVOY_OK;
    for (size_t n = 0; n < CLAIMS_NETWORKS; n++) {
        fprintf(claims->study->figure, "$scaling%zu << EOD\n", n);
        for (size_t i = 0; i < count && status == CONVOY_OK; i++)
            status = run_point(claims, table, &claims->networks[n], points[i], &scaling[n], error);
        fprintf(claims->study->figure, "EOD\n");
    }
    return status;
}

static void write_head(struct claims *claims) {
    fprintf(claims->sections,
            "## Efficiency and scaling\n\n"
            "Times of an inference in ms, `%s`, γ = n/5 (1 for n = 4), every layer cut in the parts "
            "with the fewest elements to send. Encoding, one worker's convolution and decoding are "
            "measured on one thread (as the study `overhead` does); the link, %.0f Gbit/s from the "
            "master to all and back, is computed. So this is a cluster whose workers have machines of "
            "their own, as fast as this thread. *Gain*: the time of one machine by theirs, without the "
            "link and with it. A δ with few divisors, as 13 of n = 16, admits few partitions, and what "
            "they send may be much.\n\n"
            "| network | n | layers coded | encode | compute | decode | link | one machine | gain | "
            "with link |\n|---|---|---|---|---|---|---|---|---|---|\n",
            code_family_at(0)->name, COST_LINK_BITS / 1e9);
}

convoy_status claims_scaling(struct claims *claims, convoy_error *error) {
    struct scaling scaling[CLAIMS_NETWORKS] = {{0}};
    struct cost_table *table = NULL;
    uint32_t gain = 0;
    write_head(claims);
    convoy_status status =
        cost_table_create(&table, claims->study, claims->study->options->quick ? 3 : 15, error);
    if (status == CONVOY_OK)
        status = run_points(claims, table, scaling, error);
    cost_table_destroy(&table);
    for (size_t n = 0; n < CLAIMS_NETWORKS; n++)
        gain += scaling[n].best_speedup > 1;
    fprintf(claims->sections,
            "\n*Holds* if every network is faster than on one machine for some n, without the link; "
            "*partly* if some are.\n\n");
    claims_line(claims, "computational efficiency and scalability across CNN architectures",
                gain == CLAIMS_NETWORKS ? "yes"
                : gain                  ? "partly"
                                        : "no",
                "best gain over one machine, without / with a link of %.0f Gbit/s: LeNet-5 %.2f / %.2f (n "
                "= %u), AlexNet %.1f / %.2f (%u), VGG-16 %.1f / %.2f (%u)",
                COST_LINK_BITS / 1e9, scaling[CLAIMS_LENET5].best_speedup, scaling[CLAIMS_LENET5].best_linked,
                scaling[CLAIMS_LENET5].best_workers, scaling[CLAIMS_ALEXNET].best_speedup,
                scaling[CLAIMS_ALEXNET].best_linked, scaling[CLAIMS_ALEXNET].best_workers,
                scaling[CLAIMS_VGG16].best_speedup, scaling[CLAIMS_VGG16].best_linked,
                scaling[CLAIMS_VGG16].best_workers);
    return status;
}
