/* Which partition each layer gets. Works on layer geometries, never on a model. */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "code/code.h"
#include "partition/partition.h"

/* What a plan is made for. */
struct plan_request {
    const struct code_family *family;
    uint32_t workers, stragglers;       /* n, γ */
    uint32_t asked;                     /* plan_layer.asked wanted everywhere; 0: all workers */
    uint32_t input_parts, filter_parts; /* wanted everywhere that it is admitted; 0,0: chosen */
    uint32_t block;                     /* channels that the kernels like to lie together, or 0 */
    /* The time of one worker's convolution by its fastest kernel, which it names, in ns; 0: not known of this
     * one. NULL: not known of any, kernels are direct. */
    uint64_t (*time)(void *context, const struct conv_geometry *task, enum conv_kernel *kernel);
    void *time_context;
};

/* The decision for one layer. */
struct plan_layer {
    bool coded;
    const char *why_local;              /* not coded: why, a few words, static storage; else NULL */
    uint32_t input_parts, filter_parts; /* k_A, k_B */
    uint32_t threshold;                 /* δ <= n - γ */
    uint32_t asked;          /* how many workers are asked at once; the others are held until an answer is
                                overdue, or these cannot suffice any more. Less than δ counts as δ */
    enum conv_kernel kernel; /* of the workers */
};

/* The default rule: all workers are asked, or as many as are wanted. Among the (k_A,k_B) that family and
 * layer admit with δ <= n - γ, the largest δ; ties by the time of the kernel where it is known (on equal work
 * it differs by a factor of three), else by the bytes that travel and are stored, per worker (up + down
 * first, then stored), then by the multiply-adds. k = 2 (rotation) is left out: never better than 1.
 * (uncoded: δ = n as asked, γ notwithstanding.) With parts wanted: those if admitted and δ <= n - γ, else the
 * default rule's choice. */
struct plan_layer plan_choose(const struct plan_request *request, const struct conv_geometry *layer);

/* The layer in blocks of channels, each end where its channels and these parts allow it; 0: it stays dense.
 */
struct conv_geometry plan_geometry(const struct conv_geometry *layer, const struct code_family *family,
                                   uint32_t input_parts, uint32_t filter_parts, uint32_t in_block,
                                   uint32_t out_block);

#endif
