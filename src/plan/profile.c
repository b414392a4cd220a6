/* Profiles that come with the program, and what may stand in one. */
#include "plan/profile.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const rate_kind_names[RATE_KINDS] = {[RATE_CONVOLUTION] = "convolution",
                                                 [RATE_POINTWISE] = "pointwise",
                                                 [RATE_DEPTHWISE] = "depthwise",
                                                 [RATE_PRODUCT] = "product"};

#define FEW_CHANNELS 4 /* of a group: the kernels for dense channels do not apply */
#define FEW_ROWS     4 /* of a product: less work than reading the matrix */

enum rate_kind rate_kind_of(const struct conv_geometry *g) {
    int64_t kernel = 1, positions = g->batch;
    for (uint32_t axis = 0; axis < g->spatial; axis++) {
        kernel *= g->kernel[axis];
        positions *= g->out[axis];
    }
    if (g->groups > 1 && g->in_channels / g->groups <= FEW_CHANNELS)
        return RATE_DEPTHWISE;
    if (kernel == 1)
        return positions <= FEW_ROWS ? RATE_PRODUCT : RATE_POINTWISE;
    return RATE_CONVOLUTION;
}

double rates_convolution_ns(const struct compute_rates *rates, const struct conv_geometry *geometry) {
    return (double)conv_macs(geometry) / rates->macs_per_ns[rate_kind_of(geometry)];
}

uint32_t profile_workers(const struct profile *profile) {
    uint32_t count = 0;
    for (uint32_t k = 0; k < profile->worker_kinds; k++)
        count += profile->workers[k].count;
    return count;
}

const struct worker_profile *profile_worker(const struct profile *profile, uint32_t worker) {
    uint32_t k = 0, left = worker % profile_workers(profile);
    for (; left >= profile->workers[k].count; k++)
        left -= profile->workers[k].count;
    return &profile->workers[k];
}

/* ---- presets ---- */

/* Multiply-adds per ns of all threads of a machine, by kind; where they come from: docs/planning.md. */
#define RATES_SERVER_CORE                                                                                    \
    {                                                                                                        \
        .macs_per_ns = { 60, 45, 10, 6 }                                                                     \
    }
#define RATES_PI4                                                                                            \
    {                                                                                                        \
        .macs_per_ns = { 6, 5, 1.2, 1 }                                                                      \
    }
#define RATES_PI5                                                                                            \
    {                                                                                                        \
        .macs_per_ns = { 18, 15, 4, 3 }                                                                      \
    }

#define WIFI_BYTES_PER_NS     0.006 /* 50 Mbit/s */
#define MBIT_100_BYTES_PER_NS 0.0118
#define GBIT_1_BYTES_PER_NS   0.118
#define GBIT_10_BYTES_PER_NS  1.1

static const struct preset {
    const char *name;
    struct compute_rates rates; /* of master and workers */
    double memory_bytes_per_ns, job_ns, link_bytes_per_ns, latency_ns;
    uint64_t memory_bytes;
    struct slowness slowness;
} presets[] = {
    {"pi4-wifi", RATES_PI4, 3, 400e3, WIFI_BYTES_PER_NS, 2e6, UINT64_C(2) << 30, {.exponential = 0.25}},
    {"pi4-100mbit",
     RATES_PI4,
     3,
     400e3,
     MBIT_100_BYTES_PER_NS,
     300e3,
     UINT64_C(2) << 30,
     {.deviation = 0.03}},
    {"pi4-1gbit", RATES_PI4, 3, 400e3, GBIT_1_BYTES_PER_NS, 200e3, UINT64_C(2) << 30, {.deviation = 0.03}},
    {"pi5-wifi", RATES_PI5, 8, 200e3, WIFI_BYTES_PER_NS, 2e6, UINT64_C(4) << 30, {.exponential = 0.25}},
    {"pi5-1gbit", RATES_PI5, 8, 200e3, GBIT_1_BYTES_PER_NS, 150e3, UINT64_C(4) << 30, {.deviation = 0.03}},
    {"cloud-10gbit", RATES_SERVER_CORE, 20, 100e3, GBIT_10_BYTES_PER_NS, 50e3, 0, {.exponential = 0.25}},
};

#define PRESETS (sizeof presets / sizeof presets[0])

static convoy_status no_preset(const char *name, convoy_error *error) {
    char names[256] = "";
    for (size_t i = 0, at = 0; i < PRESETS && at < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "", presets[i].name);
    return error_set(error, CONVOY_E_USAGE, "profile %.200s: neither a file nor one of %s", name, names);
}

convoy_status profile_preset(struct profile *profile, const char *name, convoy_error *error) {
    size_t i = 0;
    while (i < PRESETS && strcmp(presets[i].name, name) != 0)
        i++;
    if (i == PRESETS)
        return no_preset(name, error);
    const struct preset *preset = &presets[i];
    *profile =
        (struct profile){.master = preset->rates,
                         .bytes_per_ns = preset->memory_bytes_per_ns,
                         .job_ns = preset->job_ns,
                         .link = {preset->link_bytes_per_ns, preset->link_bytes_per_ns, preset->latency_ns},
                         .worker_kinds = 1};
    snprintf(profile->name, sizeof profile->name, "%s", preset->name);
    profile->workers[0] = (struct worker_profile){.count = 1, /* for every worker: they begin again */
                                                  .rates = preset->rates,
                                                  .memory_bytes = preset->memory_bytes,
                                                  .slowness = preset->slowness};
    return CONVOY_OK;
}

#define LOCAL_JOB_NS              70e3
#define LOCAL_COPY_BYTES_PER_NS   1.5 /* through the kernel, in libzmq's threads */
#define LOCAL_LATENCY_NS          30e3
#define LOCAL_MEMORY_BYTES_PER_NS 20

void profile_of_this_machine(struct profile *profile, uint32_t workers, uint32_t processors, bool copied) {
    double link = copied ? LOCAL_COPY_BYTES_PER_NS : (double)INFINITY;
    *profile = (struct profile){.master = RATES_SERVER_CORE,
                                .bytes_per_ns = LOCAL_MEMORY_BYTES_PER_NS,
                                .job_ns = LOCAL_JOB_NS,
                                .link = {link, link, copied ? LOCAL_LATENCY_NS : 0},
                                .shared_processors = processors,
                                .worker_kinds = 1};
    snprintf(profile->name, sizeof profile->name, "%s of this machine", copied ? "processes" : "threads");
    profile->workers[0] = (struct worker_profile){.count = workers, .rates = RATES_SERVER_CORE};
}

/* ---- ranges ---- */

static convoy_status out_of_range(const char *member, double value, const char *range, convoy_error *error) {
    return error_set(error, CONVOY_E_INPUT, "profile: %s is %g: must be %s", member, value, range);
}

static bool is_rate(double value) {
    return value >= 1e-9 && value <= 1e9;
}

static bool is_link_rate(double value) {
    return is_rate(value) || (isinf(value) && value > 0);
}

static bool is_time(double value) {
    return value >= 0 && value <= 1e12;
}

static convoy_status check_rates(const struct compute_rates *rates, const char *whose, convoy_error *error) {
    char member[64];
    for (int kind = 0; kind < RATE_KINDS; kind++)
        if (!is_rate(rates->macs_per_ns[kind])) {
            snprintf(member, sizeof member, "%s rate for %s", whose, rate_kind_names[kind]);
            return out_of_range(member, rates->macs_per_ns[kind], "from 1e-9 to 1e9 GMAC/s", error);
        }
    return CONVOY_OK;
}

static convoy_status check_workers(const struct profile *profile, convoy_error *error) {
    uint32_t count = 0;
    if (profile->worker_kinds < 1 || profile->worker_kinds > CONVOY_MAX_WORKERS)
        return error_set(error, CONVOY_E_INPUT, "profile: %u kinds of workers: must be 1 to %d",
                         profile->worker_kinds, CONVOY_MAX_WORKERS);
    for (uint32_t k = 0; k < profile->worker_kinds; k++) {
        const struct worker_profile *worker = &profile->workers[k];
        convoy_status status = check_rates(&worker->rates, "the workers'", error);
        if (status != CONVOY_OK)
            return status;
        if (worker->count < 1 || worker->count > CONVOY_MAX_WORKERS - count)
            return error_set(error, CONVOY_E_INPUT, "profile: %u workers of kind %u: must be 1 to %d in all",
                             worker->count, k, CONVOY_MAX_WORKERS);
        count += worker->count;
        if (!slowness_is_valid(&worker->slowness))
            return error_set(error, CONVOY_E_INPUT,
                             "profile: slowness of the workers of kind %u: must be a deviation of 0 to 2, an "
                             "exponential part of 0 to 100, and a share of 0 to 1 that stalls for 1 to 1e4 "
                             "usual times",
                             k);
    }
    return CONVOY_OK;
}

convoy_status profile_check(const struct profile *profile, convoy_error *error) {
    convoy_status status = check_rates(&profile->master, "the master's", error);
    if (status == CONVOY_OK && !is_rate(profile->bytes_per_ns))
        return out_of_range("the memory rate", profile->bytes_per_ns, "from 1e-9 to 1e9 GB/s", error);
    if (status == CONVOY_OK && !is_time(profile->job_ns))
        return out_of_range("the time of a job", profile->job_ns, "from 0 to 1e12 ns", error);
    if (status == CONVOY_OK && !is_link_rate(profile->link.up_bytes_per_ns))
        return out_of_range("the link's rate up", profile->link.up_bytes_per_ns, "from 1e-9 to 1e9 GB/s",
                            error);
    if (status == CONVOY_OK && !is_link_rate(profile->link.down_bytes_per_ns))
        return out_of_range("the link's rate down", profile->link.down_bytes_per_ns, "from 1e-9 to 1e9 GB/s",
                            error);
    if (status == CONVOY_OK && !is_time(profile->link.latency_ns))
        return out_of_range("the link's latency", profile->link.latency_ns, "from 0 to 1e12 ns", error);
    if (status == CONVOY_OK && profile->shared_processors > 4096)
        return out_of_range("the number of shared processors", profile->shared_processors, "0 to 4096",
                            error);
    return status == CONVOY_OK ? check_workers(profile, error) : status;
}
