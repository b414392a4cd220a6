#include "model/memory_plan.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* The blocks that live, by offset. */
struct living {
    struct plan_block **blocks;
    size_t count;
};

static void bury_dead(struct living *living, size_t step) {
    size_t kept = 0;
    for (size_t i = 0; i < living->count; i++)
        if (living->blocks[i]->last >= step)
            living->blocks[kept++] = living->blocks[i];
    living->count = kept;
}

static bool place(struct living *living, struct plan_block *block, size_t *end) {
    size_t offset = 0, at = 0, bytes;
    if (!size_add(block->bytes, MEMORY_ALIGNMENT - 1, &bytes))
        return false;
    bytes -= bytes % MEMORY_ALIGNMENT;
    while (at < living->count && living->blocks[at]->offset - offset < bytes) {
        const struct plan_block *before = living->blocks[at++];
        offset = before->offset + before->bytes;
        offset += (MEMORY_ALIGNMENT - offset % MEMORY_ALIGNMENT) % MEMORY_ALIGNMENT;
    }
    if (!size_add(offset, bytes, end))
        return false;
    block->offset = offset;
    memmove(living->blocks + at + 1, living->blocks + at, (living->count - at) * sizeof(struct plan_block *));
    living->blocks[at] = block;
    living->count++;
    return true;
}

convoy_status memory_plan(struct plan_block *blocks, size_t count, size_t *total, convoy_error *error) {
    struct living living = {.blocks = calloc(count + 1, sizeof(struct plan_block *))};
    size_t most = 0, end = 0;
    bool possible = living.blocks;
    for (size_t i = 0; i < count && possible; i++) {
        bury_dead(&living, blocks[i].first);
        possible = place(&living, &blocks[i], &end);
        most = end > most ? end : most;
    }
    free(living.blocks);
    if (!possible)
        return error_memory(error);
    *total = most;
    return CONVOY_OK;
}
