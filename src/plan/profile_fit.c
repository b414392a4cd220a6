#include "plan/profile_fit.h"

#include "base/median.h"

#include <math.h>

#define ALIKE          0.1
#define MOST_DEVIATION 1.0
#define LEAST_NS       1e3 /* that a transfer takes: clocks do not tell less */

struct compute_rates rates_fit(const struct compute_rates *rates, uint32_t rounds) {
    struct compute_rates fit;
    for (int kind = 0; kind < RATE_KINDS; kind++) {
        double values[FIT_MOST_ROUNDS];
        for (uint32_t round = 0; round < rounds; round++)
            values[round] = rates[round].macs_per_ns[kind];
        fit.macs_per_ns[kind] = median(values, rounds);
    }
    return fit;
}

double deviation_fit(const struct compute_rates *rates, uint32_t rounds) {
    double squares = 0;
    if (rounds < 3)
        return 0;
    for (int kind = 0; kind < RATE_KINDS; kind++) {
        double mean = 0;
        for (uint32_t round = 0; round < rounds; round++)
            mean += log(rates[round].macs_per_ns[kind]) / rounds;
        for (uint32_t round = 0; round < rounds; round++)
            squares += pow(log(rates[round].macs_per_ns[kind]) - mean, 2);
    }
    const double deviation = sqrt(squares / (RATE_KINDS * (rounds - 1)));
    return deviation < MOST_DEVIATION ? deviation : MOST_DEVIATION;
}

static bool are_alike(const struct compute_rates *a, const struct compute_rates *b) {
    bool alike = true;
    for (int kind = 0; kind < RATE_KINDS; kind++)
        alike = alike && fabs(a->macs_per_ns[kind] - b->macs_per_ns[kind]) <= ALIKE * b->macs_per_ns[kind];
    return alike;
}

/* One more worker of a kind: its averages and its least memory. */
static void join(struct worker_profile *kind, const struct worker_profile *worker) {
    const double share = 1.0 / ++kind->count;
    for (int i = 0; i < RATE_KINDS; i++)
        kind->rates.macs_per_ns[i] += (worker->rates.macs_per_ns[i] - kind->rates.macs_per_ns[i]) * share;
    kind->slowness.deviation += (worker->slowness.deviation - kind->slowness.deviation) * share;
    if (worker->memory_bytes && (!kind->memory_bytes || worker->memory_bytes < kind->memory_bytes))
        kind->memory_bytes = worker->memory_bytes;
}

void workers_fit(struct profile *profile, const struct worker_measures *measures, uint32_t count) {
    struct compute_rates first[CONVOY_MAX_WORKERS]; /* of the kinds' first workers */
    profile->worker_kinds = 0;
    for (uint32_t w = 0; w < count; w++) {
        const struct worker_profile worker = {
            .count = 1,
            .rates = rates_fit(measures[w].rates, measures[w].rounds),
            .memory_bytes = measures[w].memory_bytes <= PROFILE_MOST_BYTES ? measures[w].memory_bytes : 0,
            .slowness.deviation = deviation_fit(measures[w].rates, measures[w].rounds)};
        uint32_t k = 0;
        while (k < profile->worker_kinds && !are_alike(&worker.rates, &first[k]))
            k++;
        if (k < profile->worker_kinds) {
            join(&profile->workers[k], &worker);
            continue;
        }
        first[k] = worker.rates;
        profile->workers[profile->worker_kinds++] = worker;
    }
}

double link_fit(double bytes, double *done_ns, uint32_t count) {
    double best = 0;
    median(done_ns, count); /* which sorts them */
    for (uint32_t i = (count - 1) / 2; i < count; i++) {
        const double rate = bytes * (i + 1) / (done_ns[i] > LEAST_NS ? done_ns[i] : LEAST_NS);
        best = rate > best ? rate : best;
    }
    return best;
}
