/* Parts with which codes of all families give a worker the same work. */
#ifndef STUDY_EQUAL_WORK_H
#define STUDY_EQUAL_WORK_H

#include "base/conv.h"
#include "code/code.h"

/* The (k_A,k_B) with which the family needs δ of n answers, so that a worker does 1/δ of the layer: of those
 * that it admits the largest k_A·k_B, so both operands are split if they may be; of these the ones that
 * differ least, and k_A <= k_B if both ways are possible. layer, which may be NULL: it can be cut so. If
 * every such cut has more slices than it takes for slices so small, one of these; workers do more than 1/δ
 * then. False if there are none. */
bool equal_work_parts(const struct code_family *family, const struct conv_geometry *layer, uint32_t workers,
                      uint32_t threshold, uint32_t *input_parts, uint32_t *filter_parts);

/* Whether any δ answers suffice, and fewer than n: what the studies compare codes by. */
bool equal_work_any_threshold(const struct code_family *family);

#endif
