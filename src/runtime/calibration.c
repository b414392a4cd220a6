#include "runtime/calibration.h"

#include "base/clock.h"
#include "base/copy_rate.h"
#include "base/error.h"
#include "base/median.h"
#include "plan/profile_fit.h"
#include "runtime/cluster_internal.h"
#include "runtime/probe.h"
#include "runtime/probe_rates.h"

#include <math.h>
#include <stdlib.h>

/* What a worker may take for an answer. It measures for some 0.1 s; a machine may be fifty times as slow. */
#define PATIENCE_NS         (5 * NS_PER_S)
#define MEASURE_PATIENCE_NS (20 * NS_PER_S)

enum { ROUND_TRIPS = 5, COPIES = 5 };

/* Empty probes are repeated until they have taken so long: to one worker, to one after the other, to all at
 * once. A few that answer late each time shall not take the time that there is for all. */
#define WORKER_TRIPS_NS (200 * NS_PER_MS)
#define TRIPS_NS        (10 * NS_PER_S)
#define ALL_TRIPS_NS    (500 * NS_PER_MS)

/* Rounds of rates end when they have taken so long together. */
#define RATES_NS (2 * NS_PER_S)

/* Payloads of all workers together grow until they take so long on their way. */
#define TRANSFER_NS   (50 * NS_PER_MS)
#define LEAST_BYTES   ((size_t)256 << 10)
#define MOST_BYTES    ((size_t)64 << 20)
#define GROWTH        4
#define LEAST_PAYLOAD ((size_t)1 << 10)

/* Transfers that are long enough are repeated, unless one takes so long. */
enum { TRANSFERS = 3 };
#define LONG_TRANSFER_NS (250 * NS_PER_MS)

#define ALL UINT32_MAX

/* Of one worker. */
struct measured {
    bool in;              /* answered all that it was asked */
    double round_trip_ns; /* of an empty probe */
    struct probe_answer answer;
    struct worker_measures measures;
};

struct calibration {
    struct cluster *cluster;
    const struct calibration_options *options;
    struct measured *workers; /* [nodes] */
    struct probe *probes;     /* [nodes] */
    uint64_t asked_ns, done_ns;
};

static uint32_t count_in(const struct calibration *c) {
    uint32_t count = 0;
    for (uint32_t w = 0; w < c->cluster->nodes; w++)
        count += c->workers[w].in;
    return count;
}

/* Takes in what came of a worker's probe; one that did not answer as it should is out. */
static void take(struct calibration *c, uint32_t w, const struct probe_request *request) {
    struct probe *probe = &c->probes[w];
    struct measured *worker = &c->workers[w];
    if (probe->state != PROBE_NONE)
        worker->in =
            probe->state == PROBE_ANSWERED && probe_answer_read(&worker->answer, probe->answer, request);
    buffer_release(&probe->answer);
}

/* Sends one probe to a worker, or to ALL that are in, with `bytes` on the way there, and takes in what comes.
 */
static convoy_status ask(struct calibration *c, uint32_t whom, size_t bytes,
                         const struct probe_request *request, convoy_error *error) {
    struct buffer *payload = probe_request_create(request, bytes);
    if (!payload)
        return error_memory(error);
    for (uint32_t w = 0; w < c->cluster->nodes; w++) {
        const bool asked = c->workers[w].in && (whom == ALL || whom == w);
        c->probes[w] = (struct probe){.state = asked ? PROBE_DUE : PROBE_NONE};
    }
    c->asked_ns = clock_now_ns();
    const uint64_t patience_ns = c->asked_ns + (request->measure ? MEASURE_PATIENCE_NS : PATIENCE_NS);
    dispatcher_probe(c->cluster->dispatcher, payload, c->probes,
                     patience_ns < c->options->deadline_ns ? patience_ns : c->options->deadline_ns);
    c->done_ns = clock_now_ns();
    for (uint32_t w = 0; w < c->cluster->nodes; w++)
        take(c, w, request);
    buffer_release(&payload);
    return cancel_check(&c->cluster->options.cancel, error);
}

static const struct probe_request empty_request = {.answer_bytes = sizeof(struct probe_answer)};

static convoy_status ask_nothing(struct calibration *c, uint32_t whom, convoy_error *error) {
    return ask(c, whom, sizeof empty_request, &empty_request, error);
}

/* From since_ns until a worker's answer came, without the time for which it made it. */
static double span_ns(const struct calibration *c, uint32_t w, uint64_t since_ns) {
    const struct probe *probe = &c->probes[w];
    const double span = (double)(probe->came_ns - since_ns) - 1e3 * probe->took_us;
    return span > 1 ? span : 1;
}

/* Whether something is repeated: it is done once, and for as long as there is time, but not more often than
 * that. */
static bool goes_on(uint32_t done, uint32_t most, uint64_t end_ns) {
    return done == 0 || (done < most && clock_now_ns() < end_ns);
}

/* ---- latency, and what a task costs the master ---- */

static convoy_status measure_round_trip(struct calibration *c, uint32_t w, convoy_error *error) {
    double ns[ROUND_TRIPS];
    uint32_t trips = 0;
    for (const uint64_t end_ns = clock_now_ns() + WORKER_TRIPS_NS; goes_on(trips, ROUND_TRIPS, end_ns);) {
        convoy_status status = ask_nothing(c, w, error);
        if (status != CONVOY_OK || !c->workers[w].in)
            return status;
        ns[trips++] = span_ns(c, w, c->probes[w].sent_ns);
    }
    c->workers[w].round_trip_ns = median(ns, trips);
    return CONVOY_OK;
}

/* Leaves out who is silent. What it takes to answer together with all others is a round trip, too, for those
 * to whom no probe of their own is sent. */
static convoy_status measure_first_trips(struct calibration *c, convoy_error *error) {
    const convoy_status status = ask_nothing(c, ALL, error);
    for (uint32_t w = 0; status == CONVOY_OK && w < c->cluster->nodes; w++)
        if (c->workers[w].in)
            c->workers[w].round_trip_ns = span_ns(c, w, c->probes[w].sent_ns);
    return status;
}

/* The median of the workers that are in; 0 if there are none. */
static double usual_round_trip_ns(const struct calibration *c) {
    double ns[CONVOY_MAX_WORKERS];
    uint32_t count = 0;
    for (uint32_t w = 0; w < c->cluster->nodes; w++)
        if (c->workers[w].in)
            ns[count++] = c->workers[w].round_trip_ns;
    return count ? median(ns, count) : 0;
}

static convoy_status measure_latency(struct calibration *c, struct profile *profile, convoy_error *error) {
    double all_ns[ROUND_TRIPS];
    uint32_t trips = 0;
    convoy_status status = measure_first_trips(c, error);
    uint64_t end_ns = clock_now_ns() + TRIPS_NS;
    for (uint32_t w = 0; status == CONVOY_OK && w < c->cluster->nodes && clock_now_ns() < end_ns; w++)
        if (c->workers[w].in)
            status = measure_round_trip(c, w, error);
    end_ns = clock_now_ns() + ALL_TRIPS_NS;
    while (status == CONVOY_OK && goes_on(trips, ROUND_TRIPS, end_ns)) {
        status = ask_nothing(c, ALL, error);
        all_ns[trips++] = (double)(c->done_ns - c->asked_ns);
    }
    if (status != CONVOY_OK)
        return status;
    const uint32_t others = count_in(c) > 1 ? count_in(c) - 1 : 1;
    const double usual_ns = usual_round_trip_ns(c);
    const double task_ns = (median(all_ns, trips) - usual_ns) / others;
    profile->link.latency_ns = usual_ns / 2;
    profile->task_ns = task_ns > 0 ? task_ns : 0;
    return CONVOY_OK;
}

/* ---- the link ---- */

/* Sends `bytes` to or from all at once: *rate, and how long it took. */
static convoy_status transfer(struct calibration *c, bool up, size_t bytes, double *rate, double *took_ns,
                              convoy_error *error) {
    struct probe_request request = empty_request;
    double done_ns[CONVOY_MAX_WORKERS];
    uint32_t count = 0;
    if (!up)
        request.answer_bytes = bytes;
    const convoy_status status = ask(c, ALL, up ? bytes : sizeof request, &request, error);
    if (status != CONVOY_OK)
        return status;
    for (uint32_t w = 0; w < c->cluster->nodes; w++)
        if (c->workers[w].in)
            done_ns[count++] = span_ns(c, w, c->asked_ns) - c->workers[w].round_trip_ns;
    *rate = count ? link_fit((double)bytes, done_ns, count) : 0;
    *took_ns = (double)(c->done_ns - c->asked_ns);
    return CONVOY_OK;
}

static convoy_status measure_link(struct calibration *c, bool up, double *bytes_per_ns, convoy_error *error) {
    double rates[TRANSFERS] = {0};
    double took_ns = 0;
    uint32_t transfers = 0;
    for (size_t all = LEAST_BYTES; transfers < TRANSFERS && count_in(c) > 0;) {
        size_t bytes = all / count_in(c);
        bytes = bytes > PROBE_MOST_BYTES ? PROBE_MOST_BYTES : bytes;
        bytes = bytes < LEAST_PAYLOAD ? LEAST_PAYLOAD : bytes;
        const convoy_status status = transfer(c, up, bytes, &rates[transfers], &took_ns, error);
        if (status != CONVOY_OK)
            return status;
        if (took_ns < TRANSFER_NS && transfers == 0 && all < MOST_BYTES && bytes < PROBE_MOST_BYTES) {
            all *= GROWTH;
            continue;
        }
        transfers++;
        if (took_ns > LONG_TRANSFER_NS)
            break;
    }
    *bytes_per_ns = transfers ? median(rates, transfers) : 0;
    return CONVOY_OK;
}

/* Threads of this process are handed payloads where they lie. */
static convoy_status measure_links(struct calibration *c, struct profile *profile, convoy_error *error) {
    if (c->cluster->threads) {
        profile->link.up_bytes_per_ns = profile->link.down_bytes_per_ns = (double)INFINITY;
        return CONVOY_OK;
    }
    const convoy_status status = measure_link(c, true, &profile->link.up_bytes_per_ns, error);
    return status == CONVOY_OK ? measure_link(c, false, &profile->link.down_bytes_per_ns, error) : status;
}

/* ---- rates ---- */

static void keep_rates(struct calibration *c, uint32_t whom) {
    for (uint32_t w = 0; w < c->cluster->nodes; w++) {
        struct measured *worker = &c->workers[w];
        if (!worker->in || (whom != ALL && whom != w))
            continue;
        worker->measures.rates[worker->measures.rounds++] = worker->answer.rates;
        worker->measures.memory_bytes = worker->answer.memory_bytes;
    }
}

/* A round of rates: of all at once where each has a machine of its own. */
static convoy_status measure_round(struct calibration *c, convoy_error *error) {
    const struct probe_request request = {.measure = 1, .answer_bytes = sizeof(struct probe_answer)};
    convoy_status status = CONVOY_OK;
    if (!c->options->shared_processors) {
        status = ask(c, ALL, sizeof request, &request, error);
        if (status == CONVOY_OK)
            keep_rates(c, ALL);
        return status;
    }
    for (uint32_t w = 0; status == CONVOY_OK && w < c->cluster->nodes; w++) {
        if (!c->workers[w].in)
            continue;
        status = ask(c, w, sizeof request, &request, error);
        if (status == CONVOY_OK)
            keep_rates(c, w);
    }
    return status;
}

/* When rounds of rates that begin now end. */
static uint64_t rates_end_ns(const struct calibration *c) {
    const uint64_t end_ns = clock_now_ns() + RATES_NS;
    return end_ns < c->options->deadline_ns ? end_ns : c->options->deadline_ns;
}

static convoy_status measure_workers(struct calibration *c, convoy_error *error) {
    const uint64_t end_ns = rates_end_ns(c);
    convoy_status status = CONVOY_OK;
    for (uint32_t rounds = 0; status == CONVOY_OK && goes_on(rounds, FIT_MOST_ROUNDS, end_ns); rounds++)
        status = measure_round(c, error);
    return status;
}

static convoy_status measure_master(struct calibration *c, struct profile *profile, convoy_error *error) {
    struct compute_rates rates[FIT_MOST_ROUNDS];
    double shares[FIT_MOST_ROUNDS];
    uint32_t rounds = 0;
    for (const uint64_t end_ns = rates_end_ns(c); goes_on(rounds, FIT_MOST_ROUNDS, end_ns); rounds++) {
        const convoy_status status = cancel_check(&c->cluster->options.cancel, error);
        if (status != CONVOY_OK)
            return status;
        if (!probe_rates_measure(c->options->backend, &rates[rounds], &shares[rounds]))
            return error_memory(error);
    }
    profile->master = rates_fit(rates, rounds);
    profile->bytes_per_ns = copy_rate_measure(COPIES) * median(shares, rounds);
    return profile->bytes_per_ns > 0 ? CONVOY_OK : error_memory(error);
}

/* ---- all of it ---- */

static convoy_status enough_are_in(const struct calibration *c, convoy_error *error) {
    const struct cluster_options *options = &c->cluster->options;
    const uint32_t in = count_in(c), needed = options->workers - options->stragglers;
    return in >= needed ? CONVOY_OK
                        : error_set(error, CONVOY_E_WORKERS,
                                    "only %u of %u workers answered what they were asked to measure; %u are "
                                    "needed",
                                    in, options->workers, needed);
}

static convoy_status fit_workers(const struct calibration *c, struct profile *profile, convoy_error *error) {
    struct worker_measures *measures = calloc(c->cluster->nodes, sizeof *measures);
    uint32_t count = 0;
    if (!measures)
        return error_memory(error);
    for (uint32_t w = 0; w < c->cluster->nodes; w++)
        if (c->workers[w].in)
            measures[count++] = c->workers[w].measures;
    workers_fit(profile, measures, count);
    free(measures);
    return CONVOY_OK;
}

static convoy_status calibrate(struct calibration *c, struct profile *profile, convoy_error *error) {
    for (uint32_t w = 0; w < c->cluster->nodes; w++)
        c->workers[w].in = dispatcher_state(c->cluster->dispatcher, w) == PEER_ALIVE;
    convoy_status status = measure_latency(c, profile, error);
    if (status == CONVOY_OK)
        status = enough_are_in(c, error);
    if (status == CONVOY_OK)
        status = measure_links(c, profile, error);
    if (status == CONVOY_OK)
        status = enough_are_in(c, error);
    if (status == CONVOY_OK)
        status = measure_workers(c, error);
    if (status == CONVOY_OK)
        status = enough_are_in(c, error);
    if (status == CONVOY_OK)
        status = measure_master(c, profile, error);
    if (status == CONVOY_OK)
        status = fit_workers(c, profile, error);
    return status == CONVOY_OK ? profile_check(profile, error) : status;
}

convoy_status cluster_calibrate(struct cluster *cluster, const struct calibration_options *options,
                                struct profile *profile, convoy_error *error) {
    struct profile made = {.shared_processors = options->shared_processors};
    struct calibration c = {.cluster = cluster,
                            .options = options,
                            .workers = calloc(cluster->nodes, sizeof *c.workers),
                            .probes = calloc(cluster->nodes, sizeof *c.probes)};
    convoy_status status = c.workers && c.probes ? calibrate(&c, &made, error) : error_memory(error);
    if (status == CONVOY_OK)
        *profile = made;
    free(c.workers);
    free(c.probes);
    return status;
}
