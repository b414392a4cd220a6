/* What makes a lowered network smaller. */
#ifndef MODEL_FUSION_H
#define MODEL_FUSION_H

#include "model/arena.h"
#include "model/network.h"

/* Lets a convolution, product, addition or affine layer apply the activation behind it, where nothing else
 * reads the value between. CONVOY_E_MEMORY. */
convoy_status network_fuse_activations(struct network *network, convoy_error *error);

/* Lets a convolution add the tensor that the addition behind it adds (the residual of a ResNet), where
 * nothing else reads the value between and the other operand is there by then. After
 * network_fuse_activations; what the addition itself applies goes along. CONVOY_E_MEMORY. */
convoy_status network_fuse_additions(struct network *network, struct arena *arena, convoy_error *error);

/* Makes one layer of what exporters write as several: Swish, HardSwish, GELU, layer normalisation
 * (fusion_patterns.c). Before network_fuse_activations. CONVOY_E_MEMORY. */
convoy_status network_fuse_patterns(struct network *network, struct arena *arena, convoy_error *error);

/* Makes constants behind a layer part of it: of a convolution or product its bias, of a layer normalisation
 * its scale and bias (fusion_constants.c). After network_fuse_patterns and before network_fuse_activations,
 * which then finds what is behind them. CONVOY_E_MEMORY. */
convoy_status network_fuse_constants(struct network *network, convoy_error *error);

/* Makes nodes that add zeros around a map the padding of the convolutions and average poolings that read it
 * (fusion_pads.c). CONVOY_E_MEMORY. */
convoy_status network_fuse_pads(struct network *network, struct arena *arena, convoy_error *error);

/* Lets a concatenation that begins as an earlier one does read that one's output (fusion_concat.c).
 * CONVOY_E_MEMORY. */
convoy_status network_fuse_concatenations(struct network *network, struct arena *arena, convoy_error *error);

/* The value whose memory a value has, under whatever shape. */
uint32_t network_root(const struct network *network, uint32_t value);

/* readers[v]: steps and outputs that read v under any shape. maker[v]: the step that makes it, or SIZE_MAX.
 * Both [network->value_count], readers zeroed. */
void network_index(const struct network *network, uint32_t *readers, size_t *maker);

/* Drops steps that no output depends on, and constants that no step reads. CONVOY_E_MEMORY. */
convoy_status network_drop_dead(struct network *network, convoy_error *error);

#endif
