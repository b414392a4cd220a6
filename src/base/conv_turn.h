/* A convolution with its first two spatial axes exchanged: the same sums, so that who cuts along the first
 * axis cuts along the width of a picture. Input and filters are exchanged before, the output after. */
#ifndef BASE_CONV_TURN_H
#define BASE_CONV_TURN_H

#include "base/conv.h"

/* Whether there are two axes to exchange. */
bool conv_may_turn(const struct conv_geometry *geometry);

/* Exchanges the first two spatial axes; complete before and after. */
void conv_turn(struct conv_geometry *geometry);

/* Copies tensors, of elements of so many bytes, of a convolution that has been turned: its input from the
 * layer's, its filters from the layer's, and the layer's output from its output. Input and output lie in the
 * geometry's layout and blocks, turned or not. `from` and `to` do not overlap. */
void conv_turn_input(const struct conv_geometry *turned, size_t element, const void *from, void *to);
void conv_turn_filters(const struct conv_geometry *turned, size_t element, const void *from, void *to);
void conv_turn_output(const struct conv_geometry *turned, size_t element, const void *from, void *to);

#endif
