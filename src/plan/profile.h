/* What a planner knows of machines: how fast the master and each worker compute, the master's link, and how
 * the workers' times vary. Made by measuring, by hand, or one of the presets. Passive: no function here
 * measures anything. The file: profile_file.h. */
#ifndef PLAN_PROFILE_H
#define PLAN_PROFILE_H

#include "base/conv.h"
#include "plan/slowness.h"

#include <convoy/report.h>
#include <convoy/status.h>

/* Kinds of convolution whose kernels reach different rates. */
enum rate_kind {
    RATE_CONVOLUTION, /* kernels of more than one element, channels in few groups */
    RATE_POINTWISE,   /* kernel 1 */
    RATE_DEPTHWISE,   /* each channel by itself, or few channels a group */
    RATE_PRODUCT,     /* of few rows by a constant matrix: as fast as the matrix is read */
    RATE_KINDS
};

/* Of one worker's threads, or of the master's. */
struct compute_rates {
    double macs_per_ns[RATE_KINDS];
};

/* Workers that are alike. */
struct worker_profile {
    uint32_t count;
    struct compute_rates rates;
    uint64_t memory_bytes; /* for coded filters and the working set; 0: no bound */
    struct slowness slowness;
};

#define PROFILE_NAME       64
#define PROFILE_MBIT_S     8000.0 /* of a byte per ns */
#define PROFILE_MOST_BYTES UINT64_C(1000000000000000000)

struct profile {
    char name[PROFILE_NAME];
    struct compute_rates master;
    double bytes_per_ns; /* memcpy of the master: read plus written, by one thread */
    double task_ns;      /* what each task costs the master beside coding: frames, and threads that wake */
    char processor[PROFILE_NAME]; /* the master's, if kernels that are timed there tell how fast it is; or ""
                                   */

    /* The master's link, which all workers share; up: to the workers. */
    struct {
        double up_bytes_per_ns, down_bytes_per_ns; /* infinite: memory that both see */
        double latency_ns;                         /* one way */
    } link;

    /* Workers that run on the master's machine share so many processors with each other; 0: each has its own.
     */
    uint32_t shared_processors;

    struct worker_profile workers[CONVOY_MAX_WORKERS]; /* [worker_kinds] */
    uint32_t worker_kinds;
};

/* Names for files and messages, by enum rate_kind. */
extern const char *const rate_kind_names[RATE_KINDS];

enum rate_kind rate_kind_of(const struct conv_geometry *geometry);

/* Whether all of them may stand in a profile. */
bool compute_rates_are_valid(const struct compute_rates *rates);

/* ns that such a machine takes for a convolution: its multiply-adds at the rate of its kind. */
double rates_convolution_ns(const struct compute_rates *rates, const struct conv_geometry *geometry);

/* Worker w of the profile; beyond the last one they begin again. */
const struct worker_profile *profile_worker(const struct profile *profile, uint32_t worker);

/* How many workers it describes. */
uint32_t profile_workers(const struct profile *profile);

/* The workers of this machine: so many threads of one process, or processes (`copied`: frames are copied
 * between them), on so many processors, at fixed rates that stand for no particular machine. Only their
 * ratios matter where kernels are timed. */
void profile_of_this_machine(struct profile *profile, uint32_t workers, uint32_t processors, bool copied);

/* A preset by name. CONVOY_E_USAGE with the names that exist. */
convoy_status profile_preset(struct profile *profile, const char *name, convoy_error *error);

/* CONVOY_E_INPUT with the first member that is out of its range, as profile files name it. */
convoy_status profile_check(const struct profile *profile, convoy_error *error);

#endif
