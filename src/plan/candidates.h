/* Everything that a layer may be coded as: the parts that family and layer admit, and what each costs in
 * elements (FCDCC, arXiv 2411.01579, §V). */
#ifndef PLAN_CANDIDATES_H
#define PLAN_CANDIDATES_H

#include "code/code.h"
#include "partition/partition.h"

/* The cluster that layers are coded for. */
struct plan_cluster {
    const struct code_family *family;
    uint32_t workers, stragglers; /* n, γ */
    uint32_t block;               /* channels that the kernels like to lie together, or 0 */
};

/* One way to code a layer. Costs are those of one worker. */
struct candidate {
    uint32_t input_parts, filter_parts;   /* k_A, k_B */
    uint32_t input_pieces, filter_pieces; /* ℓ_A, ℓ_B */
    uint32_t threshold;                   /* δ */
    double decode_macs;                   /* for an element of the output */
    struct partition_cost cost;
    struct conv_geometry task; /* the convolution of one worker */
};

/* Answers that may be waited for: n − γ; of a code without redundancy n. */
uint32_t candidates_most_threshold(const struct plan_cluster *cluster);

/* Fills *candidate with these parts. False if family, layer or cluster do not admit them. */
bool candidate_of(const struct plan_cluster *cluster, const struct conv_geometry *layer, uint32_t input_parts,
                  uint32_t filter_parts, struct candidate *candidate);

/* All that are admitted, by k_A, then k_B, into a new array. Operands are split in no fewer parts than
 * the family finds useful. Cost: some n·ln(n) candidates, whatever the layer's size. CONVOY_E_MEMORY. */
convoy_status candidates_create(const struct plan_cluster *cluster, const struct conv_geometry *layer,
                                struct candidate **candidates, size_t *count);

/* Whether any is admitted. CONVOY_E_MEMORY. */
convoy_status candidates_any(const struct plan_cluster *cluster, const struct conv_geometry *layer,
                             bool *any);

/* The layer in blocks of channels, each end if its channels and these parts allow it; 0: it stays dense. */
struct conv_geometry candidate_geometry(const struct conv_geometry *layer, const struct code_family *family,
                                        uint32_t input_parts, uint32_t filter_parts, uint32_t in_block,
                                        uint32_t out_block);

/* The paper's objective: λ_up·up + λ_down·down + λ_store·stored + λ_comp·multiply-adds, per worker. */
enum { LAMBDA_UP, LAMBDA_DOWN, LAMBDA_STORE, LAMBDA_COMP, LAMBDAS };
double candidate_paper_cost(const struct candidate *candidate, const double lambda[LAMBDAS]);

/* Its minimum over real k_A at k_A·k_B = 4δ if both operands are split and nothing is rounded (FCDCC, §V):
 * sqrt(λ_up·W·H'·s·4δ / (λ_store·N·K_H·K_W)). Of a grouped layer N is that of a group. NaN if λ_store is 0.
 */
double candidates_closed_form(const struct conv_geometry *layer, uint32_t threshold,
                              const double lambda[LAMBDAS]);

#endif
