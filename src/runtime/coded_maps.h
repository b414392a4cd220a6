/* Between the maps of a network and those of a coded convolution: blocks of channels, exchanged axes, phases
 * that are merged, and what is added behind. Memory is the context's, as long as it lives. */
#ifndef RUNTIME_CODED_MAPS_H
#define RUNTIME_CODED_MAPS_H

#include "runtime/coded_layer.h"

/* Inputs that lie otherwise than the layer takes them are copied; taken[] borrows. CONVOY_E_MEMORY. */
convoy_status coded_take_inputs(const struct coded_layer *layer, struct cluster_context *context,
                                const convoy_tensor *in, convoy_tensor *taken);

/* The input as the coded convolution takes it; taken[0] already lies so, but for the order of its axes.
 * CONVOY_E_MEMORY. */
convoy_status coded_turn_input(const struct coded_layer *layer, struct cluster_context *context,
                               const convoy_tensor *taken, convoy_tensor *coded);

/* Where the coded convolution's output goes: to the layer's, or to where phases are merged, or axes
 * exchanged, from. That is large enough for the layer's own output, too: phases have no fewer elements.
 * CONVOY_E_MEMORY. */
convoy_status coded_aim_output(const struct coded_layer *layer, struct cluster_context *context,
                               const convoy_tensor *out, convoy_tensor *decoded);

/* What comes behind the layer, coded or here: the phases are merged or the axes exchanged, or the second
 * input is added. */
void coded_finish_output(const struct coded_layer *layer, bool here, const convoy_tensor *taken,
                         const convoy_tensor *decoded, convoy_tensor *out);

#endif
