/* The plan: for every step of a network whether workers compute it, in which parts, for how many answers, and
 * how many of them are asked at once. Made once, from layer geometries, a cost model and what is asked for;
 * inspect, plan, run, bench and the cluster read it. Works on layer geometries, never on a model. */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "plan/candidates.h"
#include "plan/cost_model.h"
#include "plan/prediction.h"

enum plan_distribute {
    PLAN_PAYING, /* workers compute a layer if that is faster than computing it here, by PLAN_WORTH */
    PLAN_ALL     /* they compute every layer that admits it, with the largest threshold, and all are asked */
};

/* A layer pays if its predicted time on workers is at most this share of that here: predictions are off by a
 * fifth and more, most if a layer is small and there is little to gain (scripts/plan-spawn). */
#define PLAN_WORTH 0.8

/* What a plan makes small. */
enum plan_objective {
    PLAN_LATENCY,    /* the time of one inference */
    PLAN_THROUGHPUT, /* the time of the busiest of master, link and workers, with inferences in flight */
    PLAN_BYTES,      /* what travels */
    PLAN_PAPER       /* candidate_paper_cost, at the largest threshold */
};

/* What is already decided for one step, as a file says. */
struct plan_decision {
    bool coded;
    uint32_t input_parts, filter_parts, threshold, asked;
    enum conv_kernel kernel;
};

struct plan_request {
    struct plan_cluster cluster;
    struct placement placement;         /* of the workers on nodes, for the error bound */
    uint32_t input_parts, filter_parts; /* wanted everywhere that it is admitted; 0,0: chosen */
    convoy_dtype frames;                /* of tasks and answers of float32 layers: F32, BF16 or F16 */
    bool cut_width;                     /* the subjects' geometries have their axes exchanged */
    enum plan_distribute distribute;
    enum plan_objective objective;
    double lambda[LAMBDAS]; /* of PLAN_PAPER; each from 0 to 1e12 */
    struct cost_model costs;
    uint64_t seed;                       /* of the slowness that is drawn */
    const struct plan_decision *decided; /* [count] by step, or NULL: the planner decides */
    /* Called after each step, done of total; may be NULL. */
    void (*progress)(void *context, size_t done, size_t total);
    void *progress_context;
};

/* What is planned: one step of a network. */
struct plan_subject {
    const char *name;                     /* borrowed by the plan, too */
    const struct conv_geometry *geometry; /* NULL: not a convolution */
    double macs_here;      /* the layer's multiply-adds by those of geometry, if it is computed here; 0: 1 */
    const char *why_local; /* static; NULL: it may be coded */
    convoy_dtype dtype;
    bool whole_frames; /* it travels in its own type, whatever the request's frames are */
    double bytes;      /* read and written if it is computed here */
};

/* One way to code a layer, as it was weighed. */
struct plan_option {
    struct candidate candidate;
    uint32_t asked;
    enum conv_kernel kernel; /* of the workers */
    struct prediction predicted;
    double error_bound;  /* 4·κ·ε, κ the largest over likely losses, or the first beyond the budget */
    double noise_gain;   /* ν, the largest over the same losses */
    double stored_bytes; /* of one worker */
    double paper_cost;
    bool weighed;        /* asked, kernel and predicted are by the cost model; else a first estimate */
    const char *refused; /* static: why it may not be chosen; NULL */
};

/* The decision for one step. */
struct plan_layer {
    const char *name; /* the subject's */
    bool coded;
    const char *why_local; /* not coded: why, a few words, static; else NULL */
    bool left_here;        /* not coded by a decision from outside, though it could be */
    uint32_t input_parts, filter_parts;
    uint32_t threshold;      /* δ <= n − γ */
    uint32_t asked;          /* workers that are asked at once; the others if an answer is overdue */
    enum conv_kernel kernel; /* of the workers */
    double here_ns;          /* computed by the master alone */
    double coded_ns;         /* by workers, if coded; the best of the options, if it was weighed and is not */
    struct plan_option *options; /* [option_count]; owned by the plan */
    size_t option_count;
    struct plan_option *chosen; /* of options; NULL: not coded */
};

struct plan {
    struct plan_layer *layers; /* [count], by step */
    size_t count;
    char profile[PROFILE_NAME]; /* what it was made for */
    const char *family;         /* of the code */
    uint64_t code_seed;         /* of its coefficients, if these are random; else 0 */
    uint64_t code_hash;         /* of its coefficients, if its name does not say which they are; else 0 */
    convoy_dtype frames;        /* of float32 layers */
    enum plan_objective objective;
    uint32_t workers, stragglers;
    bool cut_width;                    /* inputs are cut along the width */
    bool pays_only;                    /* only layers that pay are coded: none may be */
    double here_ns, planned_ns;        /* an inference by the master alone, and by this plan */
    double busiest_ns;                 /* what the busiest of master, link and workers does for one */
    double up_bytes, down_bytes;       /* an inference */
    double stored_bytes, memory_bytes; /* what a worker needs, and what the profile allows (0: no bound) */
    uint32_t memory_worker;            /* the first worker that has no more than that */
    double fed_workers; /* as many can compute while the master serves one; 0: nothing is coded, or the
                           workers share the master's processors */
};

/* CONVOY_E_MEMORY; CONVOY_E_USAGE if λ or the number of workers makes no sense, CONVOY_E_INPUT if the profile
 * does not, if a decision is not admitted, or if the workers' memory does not suffice for all of them. */
convoy_status plan_create(struct plan **plan, const struct plan_request *request,
                          const struct plan_subject *subjects, size_t count, convoy_error *error);
void plan_destroy(struct plan **plan);

#endif
