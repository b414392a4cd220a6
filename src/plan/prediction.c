#include "plan/prediction.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Encoding reads and writes at this share of memcpy's rate, decoding at that; measured: docs/performance.md,
 * "Coding". */
#define ENCODE_SHARE 0.9
#define DECODE_SHARE 0.55

/* A scheduler gives each of the threads that share a processor its turn within some such time: tasks that
 * take longer end together, and those of answers that nobody waits for have been computed by then, too. */
#define TURN_NS 3e6

static double bytes_of(convoy_dtype dtype) {
    return dtype == CONVOY_F64 ? 8 : dtype == CONVOY_F32 ? 4 : 2;
}

/* Of an element of the network whose frames are these: halves are widened. */
static double network_bytes_of(convoy_dtype frames) {
    return frames == CONVOY_F64 ? 8 : 4;
}

/* ---- the master ---- */

static double encode_ns(const struct prediction_job *job, const struct candidate *c) {
    const struct profile *profile = job->profile;
    double slice = c->cost.up / c->input_pieces;
    double bytes = slice * c->input_parts * network_bytes_of(job->frames) +
                   job->asked * c->cost.up * bytes_of(job->frames);
    double macs = job->asked * c->cost.up * c->input_parts;
    return fmax(bytes / (profile->bytes_per_ns * ENCODE_SHARE),
                macs / profile->master.macs_per_ns[RATE_CONVOLUTION]);
}

static double decode_ns(const struct prediction_job *job, const struct candidate *c) {
    const struct profile *profile = job->profile;
    double parts = (double)c->input_parts * c->filter_parts;
    double output =
        c->cost.down / ((double)c->input_pieces * c->filter_pieces) * parts; /* |Y| with surplus */
    double bytes =
        output * network_bytes_of(job->frames) + c->threshold * c->cost.down * bytes_of(job->frames);
    double macs = c->decode_macs * output; /* docs/scheme.md, "Decoding" */
    return fmax(bytes / (profile->bytes_per_ns * DECODE_SHARE),
                macs / profile->master.macs_per_ns[RATE_CONVOLUTION]);
}

/* ---- the answers ---- */

/* One task's way, without anybody else in it. */
struct way {
    double up_ns, down_ns, latency_ns;
    struct pace {
        double task_ns; /* usual; the first member, for compare */
        uint32_t worker;
    } paces[CONVOY_MAX_WORKERS]; /* [workers], the fastest first: they are asked first */
};

/* By the double with which each begins. */
static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* When the last of the first `wanted` answers has come, of those that are ready to be sent at
 * ready_ns[count], which it sorts. */
static double come_ns(double *ready_ns, uint32_t count, uint32_t wanted, const struct way *way) {
    double link_ns = 0;
    qsort(ready_ns, count, sizeof *ready_ns, compare);
    for (uint32_t i = 0; i < wanted; i++)
        link_ns = fmax(link_ns, ready_ns[i]) + way->down_ns;
    return link_ns + way->latency_ns;
}

/* Workers that share processors compute in turns. If tasks are short, δ of them are done first; if they are
 * long, all end together. */
static double turns(const struct prediction_job *job, const struct candidate *c, double task_ns) {
    double processors = job->profile->shared_processors;
    double together = fmin(1, task_ns / TURN_NS);
    return fmax(1, (c->threshold + (job->asked - c->threshold) * together) / processors);
}

static void describe_way(struct way *way, const struct prediction_job *job, const struct candidate *c) {
    const struct profile *profile = job->profile;
    enum rate_kind kind = rate_kind_of(&c->task);
    way->up_ns = c->cost.up * bytes_of(job->frames) / profile->link.up_bytes_per_ns;
    way->down_ns = c->cost.down * bytes_of(job->frames) / profile->link.down_bytes_per_ns;
    way->latency_ns = profile->link.latency_ns;
    for (uint32_t w = 0; w < job->workers; w++) {
        double task_ns = cost_worker_ns(profile, w, kind, job->task_master_ns);
        way->paces[w] = (struct pace){
            .task_ns = profile->shared_processors ? task_ns * turns(job, c, task_ns) : task_ns,
            .worker = w,
        };
    }
    qsort(way->paces, job->workers, sizeof way->paces[0], compare);
}

/* One draw, times[workers]; NULL: nobody is slow. overdue_ns: when the others are asked. */
static double answers_ns(const struct prediction_job *job, const struct candidate *c, const struct way *way,
                         double overdue_ns, const double *times) {
    double ready_ns[CONVOY_MAX_WORKERS], sorted_ns[CONVOY_MAX_WORKERS];
    double later_ns = fmax(overdue_ns, job->asked * way->up_ns); /* the link is free for the others' tasks */
    for (uint32_t w = 0; w < job->workers; w++) {
        const struct pace *pace = &way->paces[w];
        double usual_times = times ? times[pace->worker] : 1;
        double sent_ns = w < job->asked ? (w + 1) * way->up_ns : later_ns + (w - job->asked + 1) * way->up_ns;
        ready_ns[w] = sent_ns + way->latency_ns + usual_times * pace->task_ns;
    }
    memcpy(sorted_ns, ready_ns, sizeof ready_ns[0] * job->workers);
    double ns = come_ns(sorted_ns, job->asked, c->threshold, way);
    if (ns <= overdue_ns)
        return ns;
    return fmin(ns, come_ns(ready_ns, job->workers, c->threshold, way));
}

static bool anybody_is_slow(const struct profile *profile, uint32_t workers) {
    for (uint32_t w = 0; w < workers; w++)
        if (!slowness_is_none(&profile_worker(profile, w)->slowness))
            return true;
    return false;
}

convoy_status prediction_draw(double **out, const struct profile *profile, uint32_t workers, uint32_t draws,
                              uint64_t seed) {
    struct random random;
    double *times = NULL;
    if (draws > 0 && anybody_is_slow(profile, workers)) {
        times = calloc(draws, workers * sizeof *times);
        if (!times)
            return CONVOY_E_MEMORY;
        random_seed(&random, seed);
        for (uint32_t draw = 0; draw < draws; draw++)
            for (uint32_t w = 0; w < workers; w++)
                times[(size_t)draw * workers + w] =
                    slowness_draw(&profile_worker(profile, w)->slowness, &random);
    }
    *out = times;
    return CONVOY_OK;
}

static double mean_answers_ns(const struct prediction_job *job, const struct candidate *c,
                              const struct way *way) {
    double usual_ns = answers_ns(job, c, way, INFINITY, NULL), sum_ns = 0;
    if (!job->draws || !job->times)
        return usual_ns;
    for (uint32_t draw = 0; draw < job->draws; draw++)
        sum_ns +=
            answers_ns(job, c, way, PREDICTION_OVERDUE * usual_ns, job->times + (size_t)draw * job->workers);
    return sum_ns / job->draws;
}

struct prediction predict(const struct prediction_job *job, const struct candidate *c) {
    struct way way;
    describe_way(&way, job, c);
    struct prediction p = {.tasks_ns = job->asked * job->profile->task_ns,
                           .encode_ns = encode_ns(job, c),
                           .decode_ns = decode_ns(job, c),
                           .answers_ns = mean_answers_ns(job, c, &way),
                           .up_ns = way.up_ns,
                           .task_ns = way.paces[0].task_ns,
                           .down_ns = way.down_ns,
                           .up_bytes = job->asked * c->cost.up * bytes_of(job->frames),
                           .down_bytes = job->asked * c->cost.down * bytes_of(job->frames)};
    for (uint32_t w = 0; w < job->asked; w++)
        p.workers_ns += way.paces[w].task_ns;
    p.total_ns = p.tasks_ns + p.encode_ns + p.answers_ns + p.decode_ns;
    return p;
}
