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

/* Drops steps that no output depends on, and constants that no step reads. CONVOY_E_MEMORY. */
convoy_status network_drop_dead(struct network *network, convoy_error *error);

#endif
