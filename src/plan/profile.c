/* Profiles that come with the program. What may stand in one: profile_members.c. */
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

/* Estimates from what is known of the machines, none of them measured. GMAC/s of all threads, by kind.
 *
 * Raspberry Pi: without SVE oneDNN 2.6 has no kernels of its own for these cores; compiled C++ takes some 2.8
 * instructions a multiply-add, and some 20 where each channel is by itself. 4 cores of 1.5 GHz (Pi 4,
 * Cortex-A72, three instructions a cycle at most, half of that on average) execute 9 instructions a ns, 4 of
 * 2.4 GHz (Pi 5, Cortex-A76, four at most, 2.5 on average) 24. A product reads 4 bytes of its matrix a
 * multiply-add, through 32 bits of LPDDR4-3200 (12.8 GB/s at most) or of LPDDR4X-4267 (17 GB/s), of which a
 * third or a half is reached.
 *
 * Server: one core with AVX-512 at 2.5 GHz, 80 GMAC/s at most, which reads 16 GB/s. */
#define RATES_PI4                                                                                            \
    {                                                                                                        \
        .macs_per_ns = { 3.2, 3.2, 0.45, 1 }                                                                 \
    }
#define RATES_PI5                                                                                            \
    {                                                                                                        \
        .macs_per_ns = { 8.5, 8.5, 1.2, 2 }                                                                  \
    }
#define RATES_SERVER_CORE                                                                                    \
    {                                                                                                        \
        .macs_per_ns = { 60, 45, 10, 4 }                                                                     \
    }

#define GIB (UINT64_C(1) << 30)

/* What reaches a program of the names' rates. Wi-Fi: 50 to 90 Mbit/s where others use the air, too. */
#define WIFI_MBIT_S      70
#define ETHERNET_MBIT_S  94
#define GIGABIT_MBIT_S   940
#define GIGABIT10_MBIT_S 9000

#define JITTER                                                                                               \
    { .deviation = 0.03 }
#define SHARED                                                                                               \
    { .exponential = 0.25 } /* the air, or a machine with other tenants */

static const struct preset {
    const char *name;
    struct compute_rates rates; /* of master and workers */
    double memory_gb_s, task_us, link_mbit_s, latency_ms;
    uint64_t memory_bytes;
    struct slowness slowness;
} presets[] = {
    {"pi4-wifi", RATES_PI4, 4, 60, WIFI_MBIT_S, 2, 2 * GIB, SHARED},
    {"pi4-100mbit", RATES_PI4, 4, 60, ETHERNET_MBIT_S, 0.3, 2 * GIB, JITTER},
    {"pi4-1gbit", RATES_PI4, 4, 60, GIGABIT_MBIT_S, 0.2, 2 * GIB, JITTER},
    {"pi5-wifi", RATES_PI5, 8, 30, WIFI_MBIT_S, 2, 4 * GIB, SHARED},
    {"pi5-1gbit", RATES_PI5, 8, 30, GIGABIT_MBIT_S, 0.15, 4 * GIB, JITTER},
    {"cloud-10gbit", RATES_SERVER_CORE, 20, 15, GIGABIT10_MBIT_S, 0.05, 0, SHARED},
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
    const double link = preset->link_mbit_s / PROFILE_MBIT_S;
    *profile = (struct profile){.master = preset->rates,
                                .bytes_per_ns = preset->memory_gb_s,
                                .task_ns = preset->task_us * 1e3,
                                .link = {link, link, preset->latency_ms * 1e6},
                                .worker_kinds = 1};
    snprintf(profile->name, sizeof profile->name, "%s", preset->name);
    profile->workers[0] = (struct worker_profile){.count = 1, /* for every worker: they begin again */
                                                  .rates = preset->rates,
                                                  .memory_bytes = preset->memory_bytes,
                                                  .slowness = preset->slowness};
    return CONVOY_OK;
}

/* Measured on two processors, which workers and master share: threads by bench/job (n = 2 to 16: 9 to 67 µs a
 * job), processes by convoy plan --calibrate --spawn 10. */
static const struct local {
    double task_ns, latency_ns, up_bytes_per_ns, down_bytes_per_ns;
} threads = {4e3, 0, INFINITY, INFINITY}, processes = {45e3, 45e3, 1.7, 1.1};

#define LOCAL_MEMORY_BYTES_PER_NS 10

void profile_of_this_machine(struct profile *profile, uint32_t workers, uint32_t processors, bool copied) {
    const struct local *local = copied ? &processes : &threads;
    *profile = (struct profile){.master = RATES_SERVER_CORE,
                                .bytes_per_ns = LOCAL_MEMORY_BYTES_PER_NS,
                                .task_ns = local->task_ns,
                                .link = {local->up_bytes_per_ns, local->down_bytes_per_ns, local->latency_ns},
                                .shared_processors = processors,
                                .worker_kinds = 1};
    snprintf(profile->name, sizeof profile->name, "%s of this machine", copied ? "processes" : "threads");
    profile->workers[0] = (struct worker_profile){.count = workers, .rates = RATES_SERVER_CORE};
}
