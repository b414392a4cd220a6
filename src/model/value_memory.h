/* Where the values of a run lie: how long each lives, and its place in one piece of memory. */
#ifndef MODEL_VALUE_MEMORY_H
#define MODEL_VALUE_MEMORY_H

#include "model/network.h"

#define READ_TO_THE_END SIZE_MAX /* an output of the network */
#define NO_STEP         SIZE_MAX
#define NO_OFFSET       SIZE_MAX

/* How a value lives between the step that makes it and the last one that reads it, under any shape. */
struct lifetime {
    size_t maker, last_reader; /* steps; maker NO_STEP: an input or a constant */
    bool must_be_dense;        /* an output, not float32, or read under another shape, or looked at */
    /* What the maker's layer tells; set by the caller between the two functions below. */
    size_t bytes;
    uint32_t channel_block; /* as value_desc.block */
    bool joins;             /* the maker's inputs may lie in it */
    bool over_input;        /* may lie where the second input of its maker lay */
    size_t offset;          /* in a run's memory; NO_OFFSET: memory of its own */
};

/* Fills values[network->value_count], by the number that aliases point to. */
void lifetimes_find(const struct network *network, struct lifetime *values);

/* Sets the offsets. *total: bytes of the memory. Outputs of the network have memory of their own, which the
 * caller gets. CONVOY_E_MEMORY. */
convoy_status lifetimes_place(const struct network *network, struct lifetime *values, size_t *total,
                              convoy_error *error);

#endif
