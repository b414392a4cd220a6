/* Where tensors lie that live for a while each: offsets into one piece of memory. */
#ifndef MODEL_MEMORY_PLAN_H
#define MODEL_MEMORY_PLAN_H

#include <convoy/status.h>

#include <stddef.h>

/* A tensor that is made in step first and read until step last >= first. */
struct plan_block {
    size_t bytes, first, last;
    size_t offset; /* set by memory_plan: a multiple of MEMORY_ALIGNMENT */
};

/* Places blocks[count], ordered by first, so that no two that live at the same time overlap: each in the
 * lowest gap that is wide enough. *total: bytes of all. CONVOY_E_MEMORY. */
convoy_status memory_plan(struct plan_block *blocks, size_t count, size_t *total, convoy_error *error);

#endif
